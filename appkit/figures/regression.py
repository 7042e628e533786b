"""Energies by sparse regression: error against M, predicted against true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import holoviews as hv
import numpy as np
from bokeh.models import HoverTool
from holoviews.streams import Pipe

from appkit.figures import theme
from appkit.figures.axes import quiet

NAMES = {
    "fourier": "Fourier",
    "wavelet": "Wavelet",
    "coulomb": "Coulomb matrix",
    "scattering": "Scattering",
    "beyond": "Beyond the paper",
}


def colour_of(dictionary: str) -> str:
    """The colour of a dictionary in every figure; rows that extend one share its colour."""
    if dictionary.removeprefix(theme.JOINT) in theme.MODEL_COLOURS:
        return theme.model_colour(dictionary)
    for name, colour in theme.DICTIONARY_COLOURS.items():
        if dictionary.startswith(name):
            return colour
    return theme.DICTIONARY_COLOURS["beyond"]


@dataclass(frozen=True)
class ErrorPath:
    """Test RMSE (kcal/mol) of the models with ``terms`` terms: mean and spread over folds.

    A ``level`` is a model without terms, such as a kernel's: one error at every M. ``title`` is
    what the legend says of a dictionary that has no name in `NAMES`.
    """

    name: str
    terms: np.ndarray
    rmse: np.ndarray
    sd: np.ndarray
    level: bool = False
    title: str = ""

    @property
    def label(self) -> str:
        """What the legend says."""
        return self.title or NAMES.get(self.name, self.name)

    @property
    def drawable(self) -> ErrorPath:
        """The points that have a logarithm: neither exact nor not a number."""
        kept = np.isfinite(self.rmse) & (self.rmse > 0)
        return replace(self, terms=self.terms[kept], rmse=self.rmse[kept], sd=self.sd[kept])


class ErrorFigure:
    """log₂ RMSE against log₂ M for every dictionary, and the M in front."""

    def __init__(self) -> None:
        self.marker: Pipe = Pipe(data=None)

    def send(self, name: str, terms: int, rmse: float | None) -> None:
        """Mark the model of ``terms`` terms that the other figures show."""
        self.marker.send((name, terms, rmse))

    def element(self, paths: Sequence[ErrorPath], dark: bool = False) -> hv.Overlay:
        """The figure; ``paths`` fixes its axes."""
        surfaces = theme.DARK if dark else theme.LIGHT
        paths = [path.drawable for path in paths]
        curves = [layer for path in paths for layer in _curve(path)]
        mark = hv.DynamicMap(self._mark, streams=[self.marker]).opts(
            hv.opts.Points(
                color="colour", size=11, line_color=surfaces["card"], line_width=2, tools=[]
            )
        )
        x, y = _ticks([p.terms for p in paths]), _ticks([p.rmse for p in paths])
        return (hv.Overlay(curves) * mark).opts(
            hv.opts.Overlay(
                responsive=True,
                height=380,
                xlabel="terms M, log₂ scale",
                ylabel="RMSE on unseen molecules (kcal/mol), log₂ scale",
                xticks=x[::2],  # every power of two would run together on a phone
                yticks=y,
                xlim=(x[0][0] - 0.1, x[-1][0] + 0.1),
                ylim=(y[0][0], y[-1][0]),
                legend_position="top_right",
                show_grid=True,
                default_tools=["save"],
                toolbar="above",
                hooks=[quiet],
            )
        )

    def _mark(self, data: tuple[str, int, float | None] | None) -> hv.Points:
        rows = []
        if data is not None and data[2] is not None and data[2] > 0:
            rows = [(np.log2(data[1]), np.log2(data[2]), colour_of(data[0]))]
        return hv.Points(rows, vdims=["colour"])


def _curve(path: ErrorPath) -> list[hv.Element]:
    colour = colour_of(path.name)
    table = {
        "m": np.log2(path.terms),
        "e": np.log2(path.rmse),
        "M": path.terms,
        "RMSE": path.rmse,
        "sd": path.sd,
    }
    tips = [("", path.label), ("RMSE", "@RMSE{0.00} ± @sd{0.00} kcal/mol")]
    hover = HoverTool(tooltips=tips if path.level else [tips[0], ("M", "@M"), tips[1]])
    line = hv.Curve(table, "m", ["e", "M", "RMSE", "sd"], label=path.label).opts(
        color=colour,
        line_width=2.2,
        line_dash="dashed" if path.level else "solid",
        tools=[hover],
    )
    if path.level:
        return [line]
    low = np.log2(np.maximum(path.rmse - path.sd, 0.5 * path.rmse))
    band = hv.Area((table["m"], low, np.log2(path.rmse + path.sd)), "m", ["low", "high"]).opts(
        color=colour, alpha=0.13, line_alpha=0, tools=[]
    )
    return [band, line]


def _ticks(values: Sequence[np.ndarray]) -> list[tuple[float, str]]:
    """Powers of two that enclose all values, written as numbers."""
    flat = np.log2(np.concatenate([np.asarray(v, float) for v in values]))
    if len(flat) == 0:
        flat = np.zeros(1)  # nothing to enclose: 1 to 2
    low, high = int(np.floor(flat.min())), int(np.ceil(flat.max()))
    return [(float(k), f"{2.0**k:g}") for k in range(low, max(high, low + 1) + 1)]


@dataclass(frozen=True)
class Parity:
    """True and predicted energies (kcal/mol) of the molecules ``index`` of a data set."""

    index: np.ndarray
    true: np.ndarray
    predicted: np.ndarray
    formulas: Sequence[str]

    @property
    def residual(self) -> np.ndarray:
        """Predicted − true."""
        return self.predicted - self.true


class ParityFigure:
    """Predicted against true, one point a molecule; a click selects one."""

    def __init__(self) -> None:
        self.points: Pipe = Pipe(data=None)
        self.chosen: Pipe = Pipe(data=None)
        self.selection = hv.streams.Selection1D()

    def send(self, parity: Parity) -> None:
        """Show another model's predictions."""
        self.points.send(parity)

    def choose(self, place: int | None) -> None:
        """Ring the point at ``place`` of the shown `Parity`; None rings none."""
        parity = self.points.data
        ringed = parity is not None and place is not None
        self.chosen.send([(parity.true[place], parity.predicted[place])] if ringed else [])

    def element(self, limits: tuple[float, float], dark: bool = False) -> hv.Overlay:
        """The figure; ``limits`` in kcal/mol are those of both axes."""
        surfaces = theme.DARK if dark else theme.LIGHT
        hover = HoverTool(
            tooltips=[
                ("", "@formula"),
                ("true", "@true{0.0} kcal/mol"),
                ("predicted", "@predicted{0.0} kcal/mol"),
                ("residual", "@residual{+0.0} kcal/mol"),
            ]
        )
        points = hv.DynamicMap(self._points, streams=[self.points]).opts(
            hv.opts.Points(
                color="size",
                cmap=theme.sequential(dark)[110:],
                size=6,
                line_color=None,
                alpha=0.75,
                nonselection_alpha=0.75,
                tools=[hover, "tap"],
                clim=(0, None),
            )
        )
        self.selection.source = points
        ring = hv.DynamicMap(self._ring, streams=[self.chosen]).opts(
            hv.opts.Points(fill_alpha=0, size=15, line_color=surfaces["warm"], line_width=2.5)
        )
        diagonal = hv.Curve([(limits[0], limits[0]), (limits[1], limits[1])]).opts(
            color=surfaces["muted"], line_width=1, line_dash="dashed"
        )
        return (diagonal * points * ring).opts(
            hv.opts.Overlay(
                responsive=True,
                height=380,
                xlim=limits,
                ylim=limits,
                xticks=4,  # five digits each would run together on a phone
                xlabel="true energy (kcal/mol)",
                ylabel="predicted energy (kcal/mol)",
                show_grid=True,
                default_tools=["pan", "wheel_zoom", "box_zoom", "reset", "save"],
                active_tools=[],
                show_legend=False,
                hooks=[quiet],
            )
        )

    def _points(self, data: Parity | None) -> hv.Points:
        if data is None:
            columns: Mapping[str, Any] = {
                k: [] for k in ("true", "predicted", "residual", "size", "formula")
            }
        else:
            columns = {
                "true": data.true,
                "predicted": data.predicted,
                "residual": data.residual,
                "size": np.abs(data.residual),
                "formula": list(data.formulas),
            }
        return hv.Points(columns, ["true", "predicted"], ["residual", "size", "formula"])

    def _ring(self, data: list[tuple[float, float]] | None) -> hv.Points:
        return hv.Points(data or [])
