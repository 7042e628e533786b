"""A Plotly figure whose script, 4.7 MB, is loaded when the first one is shown."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from panel.custom import JSComponent
from panel.models.plotly import PlotlyPlot


class PlotlyScript(JSComponent):
    """Loads the script at ``url``, unless the browser has it."""

    url = param.String()
    state: Any = param.Selector(default="loading", objects=["loading", "ready"])

    _esm = Path(__file__).with_name("space_pane.js")


class SpacePane(pn.viewable.Viewer):
    """A Plotly figure in space; a line of text until the browser can draw it.

    Attributes
    ----------
    object : the figure, a dictionary of ``data`` and ``layout``, or None.
    """

    object: Any = param.Dict(default=None, allow_None=True)

    def __init__(self, height: int) -> None:
        super().__init__()
        self._pane = pn.pane.Plotly(
            config={"displayModeBar": False, "scrollZoom": False, "responsive": True},
            height=height,
            sizing_mode="stretch_width",
            margin=0,
        )
        self._script = PlotlyScript(url=defer_plotly(), height=height, sizing_mode="stretch_width")
        self._place = pmui.Column(
            self._script, height=height, sizing_mode="stretch_width", margin=0
        )
        self._script.param.watch(self._ready, "state")

    @param.depends("object", watch=True)
    def _changed(self) -> None:
        self._pane.object = self.object

    def _ready(self, event: param.parameterized.Event) -> None:
        # Panel drops what changes before the browser has answered that the page is there.
        pn.state.onload(lambda: setattr(self._place, "objects", [self._pane]))

    def __panel__(self) -> pn.viewable.Viewable:
        return self._place


@lru_cache(maxsize=1)
def defer_plotly() -> str:
    """Leave Plotly's script and styles out of pages from now on; where the script lies."""
    (url,) = PlotlyPlot.__javascript__
    PlotlyPlot.__javascript_raw__, PlotlyPlot.__css_raw__ = [], []
    return str(url)
