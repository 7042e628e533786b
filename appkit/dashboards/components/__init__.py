"""Browser parts that pages share."""

from appkit.dashboards.components.card import card, heading, hint
from appkit.dashboards.components.chooser import MoleculeChooser
from appkit.dashboards.components.message import Message
from appkit.dashboards.components.progress import LongWork

__all__ = ["LongWork", "Message", "MoleculeChooser", "card", "heading", "hint"]
