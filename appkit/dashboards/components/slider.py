"""Sliders that pictures follow."""

from __future__ import annotations

from typing import Any, TypeVar

import panel as pn
import param

Widget = TypeVar("Widget", bound=pn.widgets.Widget)

#: How a slider lies in a card.
LAYOUT: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": (4, 8), "size": "small"}


def slider(kind: type[Widget], parameter: param.Parameter, **options: Any) -> Widget:
    """A slider bound to a page's parameter."""
    return prompt(kind.from_param(parameter, **LAYOUT, **options))


def prompt(widget: Widget) -> Widget:
    """Hand a change to Python at once.

    Panel gathers changes for 50 ms first, nearly half of what a picture may take. `Jobs` drops
    what a person has overtaken, so that nothing needs to be gathered.
    """
    widget._debounce = 10  # type: ignore[misc]  # for this one, not for its class
    return widget
