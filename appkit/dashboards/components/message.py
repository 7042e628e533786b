"""The place on a page where it says what went wrong."""

from __future__ import annotations

import html
from typing import Any, Literal

import panel as pn
import panel_material_ui as pmui
import param


def _style(kind: str) -> str:
    """The box around the sentence. Sanitizing takes classes away, so it is the host's."""
    tone = {"error": "error", "info": "primary"}[kind]
    return f"""
    :host {{ border: 1px solid var(--mui-palette-{tone}-main); border-radius: 8px;
             background: color-mix(in srgb, var(--mui-palette-{tone}-main) 9%, transparent);
             color: var(--mui-palette-text-primary); padding: 10px 14px; font-size: 0.92rem;
             line-height: 1.45; overflow-wrap: anywhere; box-sizing: border-box; }}
    """


class Message(pn.viewable.Viewer):
    """A sentence in a box, or nothing.

    Sentences may quote what a person typed, so they are escaped and the pane is sanitized.
    """

    text = param.String(default="", doc="The sentence shown; empty hides the box.")
    kind: Any = param.Selector(default="error", objects=["error", "info"])

    def __init__(self) -> None:
        super().__init__()
        self._pane = pn.pane.HTML(
            "",
            sanitize_html=True,
            sizing_mode="stretch_width",
            margin=0,
        )
        # Panel's HTML view throws when it becomes visible before it was drawn; a column does not.
        self._box = pmui.Column(self._pane, sizing_mode="stretch_width", margin=0, visible=False)

    def say(self, text: str, kind: Literal["error", "info"] = "error") -> None:
        """Show ``text`` until something else is said or `clear`."""
        self.param.update(text=text, kind=kind)
        self._pane.param.update(object=html.escape(text), stylesheets=[_style(kind)])
        self._box.visible = True

    def clear(self) -> None:
        """Hide the box."""
        if self.text:
            self.text = ""
            self._box.visible = False

    def __panel__(self) -> pn.viewable.Viewable:
        return self._box
