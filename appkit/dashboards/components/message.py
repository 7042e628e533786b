"""The place on a page where it says what went wrong."""

from __future__ import annotations

import html
from typing import Literal

import panel as pn
import param

_STYLE = """
div.box { display: flex; gap: 10px; padding: 10px 14px; border-radius: 8px; font-size: 0.92rem;
          line-height: 1.45; color: var(--mui-palette-text-primary); border: 1px solid;
          overflow-wrap: anywhere; }
div.error { border-color: var(--mui-palette-error-main);
            background: color-mix(in srgb, var(--mui-palette-error-main) 9%, transparent); }
div.info  { border-color: var(--mui-palette-primary-main);
            background: color-mix(in srgb, var(--mui-palette-primary-main) 8%, transparent); }
strong { font-weight: 600; white-space: nowrap; }
"""


class Message(pn.viewable.Viewer):
    """A sentence in a box, or nothing.

    Sentences may quote what a person typed, so they are escaped and the pane is sanitized.
    """

    text = param.String(default="", doc="The sentence shown; empty hides the box.")
    kind = param.Selector(default="error", objects=["error", "info"])

    def __init__(self) -> None:
        super().__init__()
        self._pane = pn.pane.HTML(
            "",
            sanitize_html=True,
            stylesheets=[_STYLE],
            sizing_mode="stretch_width",
            margin=0,
            visible=False,
        )

    def say(self, text: str, kind: Literal["error", "info"] = "error") -> None:
        """Show ``text`` until something else is said or `clear`."""
        self.param.update(text=text, kind=kind)
        lead = "<strong>Not done.</strong> " if kind == "error" else ""
        self._pane.object = f'<div class="box {kind}"><div>{lead}{html.escape(text)}</div></div>'
        self._pane.visible = True

    def clear(self) -> None:
        """Hide the box."""
        if self.text:
            self.text = ""
            self._pane.visible = False

    def __panel__(self) -> pn.viewable.Viewable:
        return self._pane
