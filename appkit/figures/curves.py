"""Errors against the size of the training set, and against the largest scale that is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import holoviews as hv
import numpy as np
from bokeh.models import HoverTool

from appkit.figures import theme
from appkit.figures.axes import LEGEND, quiet


@dataclass(frozen=True)
class Errors:
    """Mean absolute errors (kcal/mol) of one model at the places ``at`` of an axis.

    ``name`` gives the colour (a model on joint moments has hollow points), ``label`` is what the
    legend says; a ``level`` is a published figure, a dashed line that says its label when touched.
    """

    name: str
    label: str
    at: Sequence[float]
    mae: Sequence[float]
    level: bool = False


def learning_errors(result: Any, details: Any, labels: Mapping[str, str]) -> list[Errors]:
    """Of a record and its companion: each row's, and the published figures as levels.

    ``result`` and ``details`` are an experiment's `Result` and `Details`; ``labels`` say what a row
    is called that was published and is not in the record.
    """
    curves = [
        Errors(row.name, row.label, curve["n_train"], curve["mae"])
        for row in result.rows
        if (curve := details.curves.get(row.name))
    ]
    sizes = [size for curve in curves for size in curve.at]
    return curves + [
        Errors(
            figure["row"],
            f"{labels[figure['row']]}, {figure['source']}",
            [min(sizes), max(sizes)],
            2 * [figure["mae"]["mean"]],
            level=True,
        )
        for figure in result.published
        if sizes
    ]


def locality_errors(result: Any, labels: Mapping[str, str]) -> list[Errors]:
    """Of a record whose rows are called ``linear|j=0``, ``linear|j=1``, …: against 2ʲσ, Å."""
    sigma = result.parameters["sigma"]
    found: dict[str, dict[float, float]] = {}
    for row in result.rows:
        name, scale = row.name.split("|j=")
        found.setdefault(name, {})[sigma * 2 ** float(scale)] = row.mae.mean
    return [
        Errors(name, labels[name], sorted(points), [points[at] for at in sorted(points)])
        for name, points in found.items()
    ]


#: Chemical accuracy, kcal/mol.
CHEMICAL_ACCURACY = 1.0
#: Ticks of an axis of errors, kcal/mol.
_ROUND = [k * 10.0**n for n in range(-3, 5) for k in (1, 2, 5)]


def learning_curves(
    curves: Sequence[Errors], dark: bool = False, front: str | None = None, legend: bool = True
) -> hv.Overlay:
    """MAE against the number of molecules trained on, both axes logarithmic.

    The model called ``front`` is drawn strong and the others fainter; None: all alike.
    """
    return _overlay(curves, ("molecules trained on", "{0,0}"), dark, front, legend)


def locality(
    curves: Sequence[Errors], dark: bool = False, front: str | None = None, legend: bool = True
) -> hv.Overlay:
    """MAE against the width (Å) of the largest wavelets that are kept, as `learning_curves`."""
    return _overlay(
        curves, ("width of the largest wavelets 2ʲσ (Å)", "{0.00} Å"), dark, front, legend
    )


def _overlay(
    curves: Sequence[Errors], axis: tuple[str, str], dark: bool, front: str | None, legend: bool
) -> hv.Overlay:
    across, form = axis
    surfaces = theme.DARK if dark else theme.LIGHT
    line = hv.HLine(CHEMICAL_ACCURACY).opts(
        color=surfaces["muted"], line_width=1, line_dash="dotted"
    )
    strong = {curve.name for curve in curves if front in (None, curve.name)}
    inks = [1.0 if not strong or curve.name in strong else 0.5 for curve in curves]
    layers = [
        layer
        for curve, ink in zip(curves, inks, strict=True)
        for layer in _layers(curve, form, ink, surfaces["card"])
    ]
    named = sum(not curve.level for curve in curves)
    rows = (named + 1) // 2
    errors = np.concatenate([np.asarray(curve.mae, float) for curve in curves])
    ends = np.concatenate([np.asarray(curve.at, float) for curve in curves])
    low, high = min(errors.min(), CHEMICAL_ACCURACY), max(errors.max(), CHEMICAL_ACCURACY)
    return hv.Overlay([line, *layers]).opts(
        hv.opts.Overlay(
            responsive=True,
            height=380 + (18 * rows if legend else 0),
            show_legend=legend,
            logx=True,
            logy=True,
            xlim=(0.9 * ends.min(), 1.1 * ends.max()),
            ylim=(0.8 * low, 1.25 * high),
            xticks=[(at, _short(at)) for at in sorted(set(ends))],
            yticks=[(e, f"{e:g}") for e in _ROUND if 0.8 * low <= e <= 1.25 * high],
            xlabel=across,
            ylabel="MAE on unseen molecules (kcal/mol)",
            legend_position="bottom",
            legend_cols=2,
            legend_offset=(-50, 0),  # from the figure's rim: two columns are as wide as a phone
            legend_opts=LEGEND,
            legend_limit=2 * len(layers),  # HoloViews leaves the legend of many layers out
            show_grid=True,
            default_tools=["save"],
            toolbar="above",
            hooks=[quiet],
        )
    )


def _short(at: float) -> str:
    """5000 as 5k: long numbers run together on a phone."""
    return f"{at / 1000:.3g}k" if at >= 1000 else f"{at:.3g}"


def _layers(curve: Errors, form: str, ink: float, ground: str) -> list[hv.Element]:
    table = {"at": np.asarray(curve.at, float), "MAE": np.asarray(curve.mae, float)}
    hover = HoverTool(
        tooltips=[("", curve.label), ("", f"@at{form}"), ("MAE", "@MAE{0.00} kcal/mol")]
    )
    colour = theme.model_colour(curve.name)
    if curve.level:
        told = HoverTool(tooltips=[("", curve.label), ("MAE", "@MAE{0.00} kcal/mol")])
        return [
            hv.Curve(table, "at", "MAE").opts(
                color=colour, line_width=1.4, line_dash="dashed", alpha=ink, tools=[told]
            )
        ]
    hollow = curve.name.startswith(theme.JOINT)
    line = hv.Curve(table, "at", "MAE", label=curve.label).opts(
        color=colour, line_width=2.2, alpha=ink, tools=[]
    )
    points = hv.Points(table, ["at", "MAE"], label=curve.label).opts(
        fill_color=ground if hollow else colour,
        line_color=colour,
        line_width=1.6,
        size=7,
        alpha=ink,
        tools=[hover],
    )
    return [line, points]
