"""Figures of the theory: terms of the Coulomb energy, stability curves, planar fields, filters.

Static HoloViews elements for the notebooks (what a slider moves is in `appkit.figures.density`).
Frames that come in have the columns that `appkit.experiments` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import mul
from typing import Any, Protocol

import holoviews as hv
import numpy as np
import pandas as pd
from ase import Atoms
from numpy.typing import ArrayLike, NDArray

from appkit.figures import theme
from appkit.figures.density import X, Y
from appkit.figures.live import LivePipe
from appkit.figures.molecule import Planar, skeleton

__all__ = [
    "bars",
    "coulomb_errors",
    "coulomb_octaves",
    "coulomb_scales",
    "field",
    "forces",
    "loglog",
    "molecule",
    "path",
]

#: One colour for each representation or dictionary; the theme's where it has one.
COLOURS = {
    **theme.DICTIONARY_COLOURS,
    "circles": "#e0a458",
    "autocorrelation": "#a8452f",
}
_SIZE: dict[str, Any] = {"frame_width": 400, "frame_height": 300}
_MARKERS = ("circle", "square", "triangle", "diamond", "inverted_triangle", "hex")


class CoulombTerms(Protocol):
    """What `appkit.experiments.coulomb_terms.run` returns."""

    names: dict[str, str]
    errors: pd.DataFrame
    scales: pd.DataFrame
    slopes: pd.DataFrame


def coulomb_errors(result: CoulombTerms, density: str) -> hv.Overlay:
    """Relative error of U against the number of terms, both axes logarithmic, fitted slope."""
    curves = []
    for name in ("fourier", "wavelet"):
        data = _errors(result, density, name)
        fit = _slope(result, density, name)
        words = (
            f"Fourier radii: M^({fit:.2f})"
            if name == "fourier"
            else f"wavelet scales: 2^({fit:.2f} M)"
        )
        curves.append(_dots(data, "n_terms", "error", words, COLOURS[name]))
    fourier = _errors(result, density, "fourier").query("epsilon <= 0.2")
    x = fourier["n_terms"].to_numpy(float)
    slope = _slope(result, density, "fourier")
    level = np.exp(np.mean(np.log(fourier["error"]) - slope * np.log(x)))
    line = hv.Curve((x, level * x**slope), "n_terms", "error").opts(
        color=COLOURS["fourier"], line_dash="dashed", line_width=1
    )
    return hv.Overlay([line, *curves]).opts(
        hv.opts.Overlay(
            title=result.names[density],
            logx=True,
            logy=True,
            xlabel="number of terms M",
            ylabel="relative error of U",
            legend_position="top_right",
            show_grid=True,
            padding=0.06,
            **_SIZE,
        )
    )


def coulomb_octaves(result: CoulombTerms) -> hv.Overlay:
    """The same for wavelets alone, against the number of scales: straight lines, slope −1/3."""
    curves = []
    for density, colour in zip(
        result.slopes["density"].unique(), theme.DICTIONARY_COLOURS.values(), strict=False
    ):
        words = f"{result.names[density]}: slope {_slope(result, density, 'wavelet'):.3f}"
        data = _errors(result, density, "wavelet")
        curves.append(_dots(data, "n_terms", "error", words, colour, line=True))
    return hv.Overlay(curves).opts(
        hv.opts.Overlay(
            title="each further octave, three scales: half the error",
            logy=True,
            xlabel="number of scales M = 3|log₂ ε| + 1",
            ylabel="relative error of U",
            legend_position="bottom",
            show_grid=True,
            padding=0.06,
            **_SIZE,
        )
    )


def coulomb_scales(result: CoulombTerms, density: str) -> hv.Bars:
    """The terms v_j‖ρ∗ψ_j‖² of U, scale by scale."""
    data = result.scales[(result.scales["density"] == density) & (result.scales["length"] <= 64)]
    data = data[data["length"] >= 1 / 64]
    labels = [f"{x:.3g}" for x in data["length"]]
    return hv.Bars((labels, data["energy"]), "scale 2^j (Å)", "v_j‖ρ∗ψ_j‖² (e²/Å)").opts(
        title=f"U scale by scale: {result.names[density]}",
        color=COLOURS["wavelet"],
        line_color=None,
        xrotation=60,
        show_grid=True,
        tools=["hover"],
        **_SIZE,
    )


def loglog(
    data: pd.DataFrame,
    x: str,
    by: str,
    names: Mapping[str, str] | None = None,
    *,
    xlabel: str = "‖∇τ‖∞",
    ylabel: str = "relative distance ‖Φ(ρ_τ) − Φ(ρ)‖ / ‖Φ(ρ)‖",
    title: str = "",
    slopes: bool = True,
    y: str = "distance",
) -> hv.Overlay:
    """One curve for each value of ``by``: the mean of ``y`` at each ``x``, log-log.

    ``names`` gives the words of the legend (and the order); ``slopes`` adds the least-squares
    slope of each curve to its words.
    """
    means = data.groupby([by, x], sort=False)[y].mean().reset_index()
    names = dict(names or {k: k for k in means[by].unique()})
    curves = []
    for k, (name, words) in enumerate(names.items()):
        curve = means[(means[by] == name) & (means[y] > 0)]
        if len(curve) == 0:
            continue
        if slopes:
            across, up = np.log(curve[[x, y]].to_numpy(float)).T
            words += f" (slope {np.polyfit(across, up, 1)[0]:.2f})"
        marker = _MARKERS[k % len(_MARKERS)]
        colour = COLOURS.get(name, list(COLOURS.values())[k % len(COLOURS)])
        curves.append(_dots(curve, x, y, words, colour, line=True, marker=marker))
    return hv.Overlay(curves).opts(
        hv.opts.Overlay(
            title=title,
            logx=True,
            logy=True,
            xlabel=xlabel,
            ylabel=ylabel,
            legend_position="right",
            show_grid=True,
            padding=0.06,
            **_SIZE,
        )
    )


def path(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    logx: bool = False,
    logy: bool = False,
    colours: Mapping[str, str] | None = None,
    dashed: Sequence[str] = (),
) -> hv.Overlay:
    """Named curves on common axes; those named in ``dashed`` are dashed."""
    palette = list(theme.DICTIONARY_COLOURS.values())
    drawn = [
        hv.Curve((np.asarray(x), np.asarray(y)), xlabel, ylabel, label=name).opts(
            color=(colours or {}).get(name, COLOURS.get(name, palette[k % len(palette)])),
            line_width=2,
            line_dash="dashed" if name in dashed else "solid",
            tools=["hover"],
        )
        for k, (name, (x, y)) in enumerate(curves.items())
    ]
    return hv.Overlay(drawn).opts(
        hv.opts.Overlay(
            title=title,
            logx=logx,
            logy=logy,
            legend_position="right",
            show_legend=len(drawn) > 1,
            show_grid=True,
            padding=0.06,
            **_SIZE,
        )
    )


def bars(
    values: Mapping[str, float], *, xlabel: str, ylabel: str, title: str = "", logy: bool = False
) -> hv.Bars:
    """One bar for each name."""
    data = (list(values), np.array(list(values.values()), dtype=float))
    options: dict[str, Any] = {"logy": True} if logy else {}
    return hv.Bars(data, xlabel, ylabel).opts(
        title=title,
        color=theme.LIGHT["accent"],
        line_color=None,
        xrotation=45 if max(map(len, values)) > 6 else 0,
        show_grid=True,
        tools=["hover"],
        **_SIZE,
        **options,
    )


def field(
    values: ArrayLike,
    extent: tuple[float, float],
    *,
    title: str = "",
    label: str = "ρ̃",
    unit: str = "e/Å²",
    atoms: Atoms | None = None,
    signed: bool = False,
    clip: float | None = None,
    gamma: float = 0.55,
    axes: tuple[str | hv.Dimension, str | hv.Dimension] = (X, Y),
    width: int = 300,
) -> hv.Image | hv.Overlay:
    """A planar field ``(n_y, n_x)`` centred on the origin in a box ``(height, width)``.

    ``atoms`` (in z = 0) are drawn over it; ``signed`` uses the diverging map with zero in its
    middle; ``clip`` ends the colours there.
    """
    values = np.asarray(values, dtype=float)
    height, breadth = extent
    top = float(np.abs(values).max()) if clip is None else clip
    image = hv.Image(
        values[::-1],
        kdims=list(axes),
        vdims=[hv.Dimension("value", label=label, unit=unit)],
        bounds=(-breadth / 2, -height / 2, breadth / 2, height / 2),
        rtol=1,
    ).opts(
        title=title,
        cmap=theme.diverging() if signed else theme.sequential(gamma=gamma),
        clim=(-top, top) if signed else (0, top),
        colorbar=True,
        frame_width=width,
        frame_height=round(width * height / breadth),
        tools=["hover"],
    )
    return image if atoms is None else image * _drawn(atoms)


def molecule(atoms: Atoms, title: str = "", width: int = 180) -> hv.Overlay:
    """A planar molecule (in z = 0) without axes, one scale for all molecules: 9 Å across."""
    x, y = atoms.positions[:, :2].mean(0)
    corners = hv.Points([(x - 4.5, y - 4.5), (x + 4.5, y + 4.5)], kdims=[X, Y]).opts(
        alpha=0,
        title=title,
        xaxis=None,
        yaxis=None,
        toolbar=None,
        frame_width=width,
        frame_height=width,
        fontsize={"title": 9},
    )
    return corners * _drawn(atoms)


def forces(
    atoms: Atoms,
    arrows: Mapping[str, ArrayLike],
    title: str = "",
    *,
    length: float = 0.2,
    width: int = 400,
) -> hv.Overlay:
    """A molecule seen along z, and forces (K, 3) in eV/Å as arrows; of two by name, one is narrow.

    An arrow is ``length`` Å for each eV/Å; a bar below the molecule says how long 5 eV/Å are.
    """
    xy = atoms.positions[:, :2]
    styles = [
        {"color": theme.LIGHT["warm"], "line_width": 7, "alpha": 0.45},
        {"color": theme.LIGHT["accent"], "line_width": 2.5},
    ]
    layers = [
        _arrows(xy, length * np.asarray(values, float)[:, :2], name).opts(**style)
        for (name, values), style in zip(arrows.items(), styles[-len(arrows) :], strict=True)
    ]
    low, high = xy.min(0) - 1.6, xy.max(0) + 1.6
    middle, half = (low + high) / 2, float((high - low).max()) / 2
    bar = _bar(low + 0.4, 5 * length, "5 eV/Å")
    return reduce(mul, [*layers, bar, _drawn(atoms)]).opts(
        hv.opts.Overlay(
            title=title,
            xlabel="x (Å)",
            ylabel="y (Å)",
            xlim=(middle[0] - half, middle[0] + half),
            ylim=(middle[1] - half, middle[1] + half),
            frame_width=width,
            frame_height=width,
            legend_position="right",
        )
    )


def _arrows(starts: NDArray[np.float64], vectors: NDArray[np.float64], name: str) -> hv.VectorField:
    """Arrows (K, 2) from their starts (K, 2), Å."""
    u, v = vectors.T
    columns = (*starts.T, np.arctan2(v, u), np.hypot(u, v))
    field = hv.VectorField(columns, [X, Y], ["angle", "size"], label=name)
    return field.opts(magnitude="size", rescale_lengths=False, pivot="tail")


def _bar(start: NDArray[np.float64], length: float, words: str) -> hv.Overlay:
    """A scale bar with words over it."""
    x, y = start
    line = hv.Segments([(x, y, x + length, y)], kdims=[X, Y, "x1", "y1"])
    label = hv.Labels([(x + length / 2, y + 0.18, words)], kdims=[X, Y], vdims="text")
    ink = theme.LIGHT["ink"]
    return line.opts(color=ink, line_width=2) * label.opts(text_color=ink, text_font_size="10px")


def _drawn(atoms: Atoms) -> hv.Overlay:
    flat = Planar(tuple(atoms.get_chemical_symbols()), atoms.positions[:, :2])
    return skeleton(LivePipe(flat), letter="11px")


def _errors(result: CoulombTerms, density: str, name: str) -> pd.DataFrame:
    table = result.errors
    return table[(table["density"] == density) & (table["sum"] == name) & (table["error"] > 0)]


def _slope(result: CoulombTerms, density: str, name: str) -> float:
    table = result.slopes
    return float(table.loc[(table["density"] == density) & (table["sum"] == name), "slope"].iloc[0])


def _dots(
    data: pd.DataFrame,
    x: str,
    y: str,
    label: str,
    colour: str,
    *,
    line: bool = False,
    marker: str = "circle",
) -> hv.Element | hv.Overlay:
    points = hv.Scatter(data, x, y, label=label).opts(
        color=colour, size=6, marker=marker, tools=["hover"]
    )
    if not line:
        return points
    return hv.Curve(data, x, y, label=label).opts(color=colour, line_width=1.5) * points
