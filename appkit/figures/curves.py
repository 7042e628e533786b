"""Errors against the size of the training set, and against the largest scale that is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import holoviews as hv
import numpy as np
from bokeh.models import HoverTool

from appkit.figures import theme
from appkit.figures.axes import quiet


@dataclass(frozen=True)
class Errors:
    """Mean absolute errors (kcal/mol) of one model at the places ``at`` of an axis.

    ``name`` gives the colour, ``label`` is what the legend says; a ``level`` is a published figure,
    drawn as a dashed line.
    """

    name: str
    label: str
    at: Sequence[float]
    mae: Sequence[float]
    level: bool = False


#: Chemical accuracy, kcal/mol.
CHEMICAL_ACCURACY = 1.0


def learning_curves(curves: Sequence[Errors], dark: bool = False) -> hv.Overlay:
    """MAE against the number of molecules trained on, both axes logarithmic."""
    return _overlay(curves, "molecules trained on", "{0,0}", dark)


def locality(curves: Sequence[Errors], dark: bool = False) -> hv.Overlay:
    """MAE against the width (Å) of the largest wavelets that are kept, both axes logarithmic."""
    return _overlay(curves, "width of the largest wavelets 2ʲσ (Å)", "{0.00} Å", dark)


def _overlay(curves: Sequence[Errors], across: str, form: str, dark: bool) -> hv.Overlay:
    surfaces = theme.DARK if dark else theme.LIGHT
    line = hv.HLine(CHEMICAL_ACCURACY).opts(
        color=surfaces["muted"], line_width=1, line_dash="dotted"
    )
    layers = [layer for curve in curves for layer in _layers(curve, form)]
    errors = np.concatenate([np.asarray(curve.mae, float) for curve in curves])
    ends = np.concatenate([np.asarray(curve.at, float) for curve in curves])
    low, high = min(errors.min(), CHEMICAL_ACCURACY), max(errors.max(), CHEMICAL_ACCURACY)
    return hv.Overlay([line, *layers]).opts(
        hv.opts.Overlay(
            responsive=True,
            height=380,
            logx=True,
            logy=True,
            xlim=(0.9 * ends.min(), 1.1 * ends.max()),
            ylim=(0.8 * low, 1.25 * high),
            xlabel=across,
            ylabel="MAE on unseen molecules (kcal/mol)",
            legend_position="top_right",
            show_grid=True,
            default_tools=["save"],
            toolbar="above",
            hooks=[quiet],
        )
    )


def _layers(curve: Errors, form: str) -> list[hv.Element]:
    table = {"at": np.asarray(curve.at, float), "MAE": np.asarray(curve.mae, float)}
    hover = HoverTool(
        tooltips=[("", curve.label), ("", f"@at{form}"), ("MAE", "@MAE{0.00} kcal/mol")]
    )
    colour = theme.MODEL_COLOURS.get(curve.name, theme.DICTIONARY_COLOURS["beyond"])
    line = hv.Curve(table, "at", "MAE", label=curve.label).opts(
        color=colour,
        line_width=1.4 if curve.level else 2.2,
        line_dash="dashed" if curve.level else "solid",
        tools=[hover] if curve.level else [],
    )
    if curve.level:
        return [line]
    return [line, hv.Points(table, ["at", "MAE"]).opts(color=colour, size=7, tools=[hover])]
