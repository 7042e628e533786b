"""Browser parts that pages share."""

from appkit.dashboards.components.beside import beside
from appkit.dashboards.components.card import (
    card,
    figure,
    heading,
    hideable,
    hint,
    on_tap,
    quote,
    signed,
    stack,
    text,
)
from appkit.dashboards.components.chooser import Files, MoleculeChooser
from appkit.dashboards.components.message import Message
from appkit.dashboards.components.meter import Meter, percent
from appkit.dashboards.components.progress import LongWork
from appkit.dashboards.components.slider import LAYOUT, prompt, slider
from appkit.dashboards.components.space_pane import SpacePane, defer_plotly

__all__ = [
    "LAYOUT",
    "Files",
    "LongWork",
    "Message",
    "Meter",
    "MoleculeChooser",
    "SpacePane",
    "beside",
    "card",
    "defer_plotly",
    "figure",
    "heading",
    "hideable",
    "hint",
    "on_tap",
    "percent",
    "prompt",
    "quote",
    "signed",
    "slider",
    "stack",
    "text",
]
