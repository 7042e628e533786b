"""How many dimensions patches fill: their spectra, and counts against the numbers of a patch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import holoviews as hv
import numpy as np
from bokeh.models import HoverTool
from numpy.typing import NDArray

from appkit.figures import theme
from appkit.figures.axes import LEGEND, quiet

Values = NDArray[np.float64]


def spectra(spectrum: Values, whitened: Values, dark: bool = False) -> hv.Overlay:
    """Variances (d,), descending, of both as shares of the first, on logarithmic axes.

    Directions that never vary are left out.
    """
    surfaces = theme.DARK if dark else theme.LIGHT
    layers = []
    lowest = 1.0
    for name, values, colour in (
        ("as they are", spectrum, surfaces["warm"]),
        ("whitened", whitened, surfaces["accent"]),
    ):
        shares = values / max(float(values[0]), 1e-30)
        there = shares > 1e-12
        lowest = min(lowest, float(shares[there].min(initial=1.0)))
        table = {"direction": 1 + np.flatnonzero(there), "variance": shares[there]}
        hover = HoverTool(
            tooltips=[("", name), ("direction", "@direction"), ("of the first", "@variance{0.0e}")]
        )
        layers.append(
            hv.Curve(table, "direction", "variance", label=name).opts(
                color=colour, line_width=2.2, tools=[hover], default_tools=["save"]
            )
        )
    powers = range(int(np.floor(np.log10(lowest))), 1)
    return hv.Overlay(layers).opts(
        responsive=True,
        height=260,
        logx=True,
        logy=True,
        xlim=(0.9, 1.1 * len(spectrum)),
        ylim=(0.7 * lowest, 1.5),
        yticks=[(10.0**k, "1" if k == 0 else f"1e{k}") for k in powers],
        xticks=[k for k in (1, 3, 10, 30, 100, 300) if k <= len(spectrum)],
        xlabel="direction of the patches",
        ylabel="variance, of the first",
        legend_position="bottom_left",
        legend_opts=LEGEND,
        show_grid=True,
        default_tools=["save"],
        toolbar="above",
        hooks=[quiet],
    )


def dimensions(found: Sequence[Any], dark: bool = False) -> hv.Overlay:
    """Dimensions against the numbers of a patch, C · P², on logarithmic axes.

    Parameters
    ----------
    found : `appkit.images.dimension.PatchDimensions` of several sizes, the smallest first.
    dark : on a dark card.
    """
    surfaces = theme.DARK if dark else theme.LIGHT
    numbers = [each.extrinsic for each in found]
    layers = [
        hv.Curve((numbers, numbers), "numbers", "dimensions", label="numbers of a patch").opts(
            color=surfaces["muted"], line_dash="dotted", line_width=1.4, default_tools=["save"]
        )
    ]
    for name, values, colour, dash in (
        ("covariance", [d.covariance for d in found], surfaces["warm"], "dashed"),
        ("neighbours", [d.neighbours for d in found], surfaces["warm"], "solid"),
        (
            "covariance, whitened",
            [d.whitened_covariance for d in found],
            surfaces["accent"],
            "dashed",
        ),
        (
            "neighbours, whitened",
            [d.whitened_neighbours for d in found],
            surfaces["accent"],
            "solid",
        ),
    ):
        table = {"numbers": numbers, "dimensions": values}
        hover = HoverTool(
            tooltips=[("", name), ("numbers", "@numbers"), ("fill", "@dimensions{0.0}")]
        )
        layers += [
            hv.Curve(table, "numbers", "dimensions", label=name).opts(
                color=colour, line_width=2, line_dash=dash, default_tools=["save"]
            ),
            hv.Points(table, ["numbers", "dimensions"]).opts(
                color=colour, size=6, tools=[hover], default_tools=["save"]
            ),
        ]
    top = max(numbers)
    return hv.Overlay(layers).opts(
        responsive=True,
        height=320,
        logx=True,
        logy=True,
        xlim=(0.9 * numbers[0], 1.12 * top),
        ylim=(0.8, 1.3 * top),
        xticks=numbers,
        yticks=[n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500) if n <= 1.3 * top],
        xlabel="numbers of a patch",
        ylabel="dimensions that patches fill",
        legend_position="bottom",
        legend_cols=2,
        legend_offset=(-50, 0),
        legend_opts=LEGEND,
        show_grid=True,
        default_tools=["save"],
        toolbar="above",
        hooks=[quiet],
    )
