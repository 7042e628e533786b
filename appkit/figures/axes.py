"""Options and hooks that figures share: quiet tools, equal axes."""

from __future__ import annotations

from typing import Any

from bokeh.models import CustomJS

#: A legend under a figure, in small type.
LEGEND: dict[str, Any] = {
    "label_text_font_size": "11px",
    "label_standoff": 4,
    "label_height": 12,
    "glyph_width": 16,
    "glyph_height": 16,
    "spacing": 1,
    "padding": 2,
    "margin": 0,
    "border_line_alpha": 0,
    "background_fill_alpha": 0,
}


def square() -> dict[str, Any]:
    """Options of a picture that fills its card, one ångström the same length on both axes."""
    return {
        "responsive": True,
        "aspect": 0.87,
        "xlabel": "x (Å)",
        "ylabel": "y (Å)",
        "default_tools": ["pan", "wheel_zoom", "reset", "save"],
        "active_tools": [],
        "hooks": [quiet, equal_axes],
        "show_grid": False,
    }


def quiet(plot: Any, element: Any) -> None:
    """A toolbar that shows when it is needed, thin margins."""
    figure = plot.handles["plot"]
    figure.toolbar.autohide = True
    figure.min_border_right = 12
    figure.outline_line_color = None


# Deferred: the frame's size changes in the midst of a layout, which must end first.
_EQUAL_AXES = """
setTimeout(() => {
  if (figure.properties.inner_width.is_unset) return  // laid out later, and called again then
  const [w, h] = [figure.inner_width, figure.inner_height]
  if (!(w > 0 && h > 0)) return
  const [x0, x1, y0, y1] = [x.reset_start, x.reset_end, y.reset_start, y.reset_end]
  const unit = Math.max((x1 - x0) / w, (y1 - y0) / h)
  x.setv({start: (x0 + x1 - unit * w) / 2, end: (x0 + x1 + unit * w) / 2})
  y.setv({start: (y0 + y1 - unit * h) / 2, end: (y0 + y1 + unit * h) / 2})
}, 0)
"""


def equal_axes(plot: Any, element: Any) -> None:
    """Widen one axis so that a unit of length is as many pixels on both.

    Bokeh's ``match_aspect`` does not work with a responsive figure that has a colour bar: its
    frame is known only in the browser, so the browser does it.
    """
    figure = plot.handles["plot"]
    if "equal-axes" in figure.tags:
        return
    figure.tags = [*figure.tags, "equal-axes"]
    x, y = plot.handles["x_range"], plot.handles["y_range"]
    fit = CustomJS(args={"figure": figure, "x": x, "y": y}, code=_EQUAL_AXES)
    figure.js_on_change("inner_width", fit)
    figure.js_on_change("inner_height", fit)
    y.js_on_change("reset_end", fit)
    x.js_on_change("reset_end", fit)
