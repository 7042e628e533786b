"""Energies as they come, one point after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import mul
from typing import Any

import holoviews as hv
import numpy as np

from appkit.figures import theme
from appkit.figures.axes import quiet
from appkit.figures.live import Box, LivePipe

#: Colour of each curve by its name; the teacher's is the one of its arrows.
_COLOURS = {"predicted": "accent", "potential": "accent", "teacher": "warm", "total": "ink"}
_KINETIC = theme.DICTIONARY_COLOURS["wavelet"]
#: kcal/mol that the energy axis spans at least, and abscissae.
_LEAST = 0.5
#: A quiet legend, which fits a narrow card.
_LEGEND = {
    "border_line_alpha": 0,
    "background_fill_alpha": 0,
    "label_text_font_size": "12px",
    "padding": 2,
    "spacing": 2,
}


@dataclass(frozen=True, eq=False)
class Trace:
    """Curves over a common abscissa: ``values[i]`` (kcal/mol) of ``names[i]`` at ``x``; NaN: none.

    ``along`` is the abscissa's name with its unit.
    """

    along: str
    names: tuple[str, ...]
    x: Sequence[float]
    values: Sequence[Sequence[float]]

    @property
    def box(self) -> Box:
        """Ends of the axes, with room."""
        known = np.array([v for row in self.values for v in row if np.isfinite(v)] or [0.0])
        low, high = float(known.min()), float(known.max())
        room = 0.08 * (high - low) + max(0.0, _LEAST - (high - low)) / 2
        crest = 0.16 * (high - low)  # the legend reaches a little into the frame
        left = float(self.x[0]) if len(self.x) else 0.0
        right = max(float(self.x[-1]) if len(self.x) else 0.0, left + 10)
        return left, low - room, right, high + room + crest


class TraceFigure:
    """Curves that grow."""

    def __init__(self) -> None:
        self.data = LivePipe(Trace("", (), (), ()))

    def send(self, trace: Trace) -> None:
        """Draw curves of the names that the element was made for."""
        self.data.send(trace)

    def element(self, trace: Trace, dark: bool = False) -> hv.Overlay:
        """The figure of curves with these names, for a light or a dark page."""
        self.data = LivePipe(trace)
        corners = self.data.layer(_frame, _corners, box=lambda data: data.box)
        frame = corners.element().opts(
            hv.opts.Points(alpha=0, padding=0, framewise=True, hooks=[corners.hook])
        )
        curves = [self._element(i, name, dark) for i, name in enumerate(trace.names)]
        return reduce(mul, curves, frame).opts(
            hv.opts.Overlay(
                responsive=True,
                height=280,
                xlabel=trace.along,
                ylabel="energy (kcal/mol)",
                legend_position="top",
                legend_cols=2,
                legend_opts=_LEGEND,
                show_legend=len(trace.names) > 1,
                show_grid=True,
                toolbar=None,
                default_tools=[],
                hooks=[quiet],
            )
        )

    def _element(self, i: int, name: str, dark: bool) -> hv.DynamicMap:
        curve = self.data.layer(partial(_curve, i), partial(_columns, i))
        dash = "dashed" if name == "teacher" else "solid"
        return curve.element().opts(
            hv.opts.Curve(
                color=_colour(name, dark), line_width=2, line_dash=dash, hooks=[curve.hook]
            )
        )


def _colour(name: str, dark: bool) -> str:
    surfaces: dict[str, Any] = theme.DARK if dark else theme.LIGHT
    return surfaces[_COLOURS[name]] if name in _COLOURS else _KINETIC


def _curve(i: int, data: Trace) -> hv.Curve:
    return hv.Curve(_columns(i, data), "x", "y", label=data.names[i])


def _columns(i: int, data: Trace) -> dict[str, Any]:
    return {"x": np.asarray(data.x, float), "y": np.asarray(data.values[i], float)}


def _frame(data: Trace) -> hv.Points:
    return hv.Points(_corners(data), kdims=["x", "y"])


def _corners(data: Trace) -> dict[str, list[float]]:
    left, bottom, right, top = data.box
    return {"x": [left, right], "y": [bottom, top]}
