"""The place on a page where it says what went wrong."""

from __future__ import annotations

import html

import panel as pn
import panel_material_ui as pmui

from appkit.dashboards.components.card import hideable

_TONE = "var(--mui-palette-error-main)"
_BOX = {
    "border": f"1px solid {_TONE}",
    "borderRadius": "8px",
    "background": f"color-mix(in srgb, {_TONE} 9%, transparent)",
    "padding": "4px 4px 4px 14px",
    "alignItems": "center",
}
# Sanitizing takes classes away, so the style is the host's.
_WORDS = """
:host { color: var(--mui-palette-text-primary); font-size: 0.92rem; line-height: 1.45;
        overflow-wrap: anywhere; box-sizing: border-box; }
"""


class Message(pn.viewable.Viewer):
    """Sentences in a box, or nothing.

    Each sentence is about one subject (a slot of `Jobs`, a link), and stays until that subject is
    well again or a person closes the box. Sentences may quote what a person typed, so they are
    escaped and the pane is sanitized.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, str] = {}
        self._pane = pn.pane.HTML(
            "", sanitize_html=True, stylesheets=[_WORDS], sizing_mode="stretch_width", margin=0
        )
        close = pmui.IconButton(icon="close", label="Close message", size="small", margin=0)
        close.on_click(lambda event: self.clear())
        row = pmui.Row(self._pane, close, sizing_mode="stretch_width", margin=0, sx=_BOX)
        self._box = hideable(row, visible=False)

    def say(self, about: str, sentence: str) -> None:
        """Show ``sentence`` until its subject is cleared; an empty one clears it."""
        if self._said.get(about, "") == sentence:
            return
        self._said.pop(about, None)
        if sentence:
            self._said[about] = sentence
        self._show()

    def says(self, about: str) -> bool:
        """Whether a sentence about a subject is shown."""
        return about in self._said

    def clear(self, about: str | None = None) -> None:
        """Forget what was said about a subject, or everything."""
        if about is not None:
            self.say(about, "")
        elif self._said:
            self._said.clear()
            self._show()

    def _show(self) -> None:
        sentences = list(dict.fromkeys(self._said.values()))  # two slots may say the same
        if sentences:
            said = "<br>".join(html.escape(sentence) for sentence in sentences)
            self._pane.object = f'<div role="alert">{said}</div>'
        self._box.visible = bool(sentences)

    def __panel__(self) -> pn.viewable.Viewable:
        return self._box
