"""Cards, headings and hints: the text that the house itself writes."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import partial
from typing import Any

import panel as pn
import panel_material_ui as pmui

_QUOTE = """:host { color: var(--mui-palette-text-primary); font-size: 0.92rem;
         font-weight: 500; overflow-wrap: anywhere; }"""
_TEXT = """
:host, .bk-clearfix { font-family: var(--mui-font-family, Roboto, sans-serif); }
h1, h2, p { margin: 0; text-wrap: pretty; }
h1 { font-size: 1.6rem; font-weight: 600; letter-spacing: -0.015em; line-height: 1.25;
     color: var(--mui-palette-text-primary); }
h2 { font-size: 1.02rem; font-weight: 600; line-height: 1.35; letter-spacing: -0.005em;
     color: var(--mui-palette-text-primary); }
sub { font-size: 0.75em; line-height: 0; }
p + p { margin-top: 6px; }
p  { font-size: 0.92rem; line-height: 1.5; color: var(--mui-palette-text-secondary); }
h1 + p { margin-top: 6px; max-width: 78ch; }
h2 + p { margin-top: 2px; max-width: 78ch; }
code { font-size: 0.9em; padding: 1px 5px; border-radius: 4px; overflow-wrap: anywhere;
       background: var(--mui-palette-action-hover); }
"""


def text(markup: str, **params: Any) -> pn.pane.HTML:
    """Text of the house's own; never a string that a person gave."""
    params.setdefault("sizing_mode", "stretch_width")
    params.setdefault("margin", 0)
    return pn.pane.HTML(markup, stylesheets=[_TEXT], **params)


def heading(title: str, sentence: str) -> pn.pane.HTML:
    """A page's title and the one sentence that says what it is for."""
    return text(f"<h1>{title}</h1><p>{sentence}</p>", margin=(4, 0, 8, 0))


def hint(sentence: str, **params: Any) -> pn.pane.HTML:
    """A quiet sentence beside a widget or a figure."""
    return text(f"<p>{sentence}</p>", **params)


def signed(number: str) -> str:
    """A written number with a minus sign in place of the hyphen."""
    return number.replace("-", "\N{MINUS SIGN}")


def card(title: str, *content: Any, sentence: str = "", **params: Any) -> pmui.Paper:
    """A titled surface; ``sentence`` says how to read what is on it."""
    head = text(f"<h2>{title}</h2>" + (f"<p>{sentence}</p>" if sentence else ""))
    return pmui.Paper(
        head,
        *content,
        elevation=0,
        sizing_mode="stretch_width",
        margin=0,
        sx={
            "border": "1px solid",
            "borderColor": "divider",
            "borderRadius": "10px",
            "padding": "14px 16px",
            "backgroundColor": "background.paper",
            "backgroundImage": "none",
            "gap": "8px",
        },
        **params,
    )


def stack(*cards: Any) -> pmui.Column:
    """Cards one under the other."""
    return pmui.Column(*cards, sizing_mode="stretch_width", margin=0, sx={"gap": "12px"})


def figure(element: Any = None, **params: Any) -> pn.pane.HoloViews:
    """A pane for a figure; axes of different figures are never linked by their names."""
    return pn.pane.HoloViews(
        element, linked_axes=False, sizing_mode="stretch_width", margin=0, **params
    )


def on_tap(stream: Any, callback: Callable[..., None]) -> None:
    """Call back with the values of a stream, by their names, for a click on a figure.

    HoloViews calls without the document's lock, which whoever changes a figure's models needs.
    """
    stream.add_subscriber(
        lambda **values: pn.state.execute(partial(callback, **values), schedule=True)
    )


def hideable(*content: Any, visible: bool = True) -> pmui.Column:
    """A column to hide panes with.

    Panel 1.9 throws where the ``visible`` of a drawn HoloViews or HTML pane changes: in Python,
    since it hands the pane's design on to the Bokeh figure, or in the browser.
    """
    return pmui.Column(*content, visible=visible, sizing_mode="stretch_width", margin=0)


def quote(words: str) -> pn.pane.HTML:
    """A pane for words that are not the house's own: escaped, and sanitized besides."""
    return pn.pane.HTML(
        html.escape(words),
        sanitize_html=True,
        stylesheets=[_QUOTE],
        sizing_mode="stretch_width",
        margin=0,
    )
