"""Pictures, what a model sees in them, and how often it errs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import holoviews as hv
import numpy as np
from numpy.typing import ArrayLike, NDArray

from appkit.figures import theme
from appkit.figures.axes import quiet

_BARE = {"xaxis": None, "yaxis": None, "toolbar": None, "fontsize": {"title": 9}}
#: Colours of curves whose rows have none of their own.
_CYCLE = ("#1391a5", "#d1477a", "#c4741a", "#8a6fd1", "#3f9142", "#7d8894", "#3b7fd0", "#cf5148")
_ROUND = [k * 10.0**n for n in range(-2, 3) for k in (1, 2, 5)]


def picture(pixels: ArrayLike, title: str = "", width: int = 140) -> hv.RGB:
    """A picture (height, width), or (height, width, 3) in RGB, without axes.

    Bytes, or numbers from 0 to 1; what lies outside is cut off.
    """
    values = np.asarray(pixels)
    scaled = values / 255 if values.dtype == np.uint8 else np.clip(values, 0, 1)
    if scaled.ndim == 2 or scaled.shape[2] == 1:
        scaled = np.repeat(scaled.reshape(*scaled.shape[:2], 1), 3, axis=2)
    height, breadth = scaled.shape[:2]
    return hv.RGB(scaled, bounds=(0, 0, breadth, height)).opts(
        title=title, frame_width=width, frame_height=round(width * height / breadth), **_BARE
    )


def heat(values: ArrayLike, title: str = "", width: int = 140, top: float | None = None) -> hv.RGB:
    """Numbers (rows, columns) in the diverging map, zero in its middle.

    Colours end at ``top``, by default the 99th percentile of what is not zero.
    """
    field = np.asarray(values, float)
    return picture(_coloured(field, _top(field, top)), title, width)


def evidence(
    pixels: ArrayLike,
    values: ArrayLike,
    title: str = "",
    width: int = 140,
    top: float | None = None,
    margin: int = 0,
) -> hv.RGB:
    """A picture in grey under what each position says: cool speaks for the class, warm against it.

    Parameters
    ----------
    pixels : as in :func:`picture`.
    values : evidence (rows, columns); stretched over the picture less its margin.
    title, width : of the figure.
    top : where colours end, by default the 99th percentile of what is not zero.
    margin : pixels at each side that no position has its middle in.
    """
    given = np.asarray(pixels)
    grey = given / 255 if given.dtype == np.uint8 else np.clip(given, 0, 1)
    grey = grey.mean(2) if grey.ndim == 3 else grey
    field = np.asarray(values, float)
    height, breadth = (n - 2 * margin for n in grey.shape)
    rows = np.arange(height) * field.shape[0] // height
    columns = np.arange(breadth) * field.shape[1] // breadth
    whole = np.zeros(grey.shape)
    inside = (slice(margin, margin + height), slice(margin, margin + breadth))
    whole[inside] = field[np.ix_(rows, columns)]
    end = _top(field, top)
    weight = 0.85 * np.clip(np.abs(whole) / end, 0, 1)[..., None] ** 0.6
    faint = 0.25 + 0.6 * grey[..., None]
    return picture((1 - weight) * faint + weight * _coloured(whole, end), title, width)


def _top(field: NDArray[np.float64], top: float | None) -> float:
    if top is not None:
        return max(top, 1e-30)
    there = np.abs(field[field != 0])
    return float(np.percentile(there, 99)) if there.size else 1.0


def _coloured(field: NDArray[np.float64], top: float) -> NDArray[np.float64]:
    hexes = theme.diverging()
    colours = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in hexes]) / 255
    place = np.clip((field / top + 1) / 2, 0, 1) * (len(colours) - 1)
    return colours[np.round(place).astype(int)]


def gallery(pictures: Sequence[hv.Element], columns: int = 6) -> hv.Layout:
    """Pictures side by side."""
    return hv.Layout(list(pictures)).cols(columns).opts(shared_axes=False, toolbar=None)


def bars(
    errors: Mapping[str, float],
    title: str = "",
    label: str = "errors (%)",
    spread: Mapping[str, float] | None = None,
) -> hv.Overlay:
    """A bar for each name, the first on top, with its number at its end.

    ``spread``, such as standard errors, is drawn to both sides of the end.
    """
    names = list(errors)[::-1]
    values = [errors[name] for name in names]
    drawn = hv.Bars((names, values), "row", label).opts(
        invert_axes=True, color=theme.LIGHT["accent"], line_color=None, tools=["hover"]
    )
    beside = [0.0 if spread is None else spread[name] for name in names]
    ends = [v + s for v, s in zip(values, beside, strict=True)]
    end = max(ends) * 1.18
    numbers = hv.Labels((names, [e + 0.02 * end for e in ends], [f"{v:.3g}" for v in values]))
    layers = [drawn, numbers.opts(text_align="left", text_font_size="9pt", text_color="#55636f")]
    if spread is not None:
        whiskers = hv.ErrorBars((names, values, beside), "row", [label, "spread"])
        layers.append(
            whiskers.opts(invert_axes=True, line_color="#55636f", line_width=1.5, hooks=[_above])
        )
    return hv.Overlay(layers).opts(
        title=title,
        width=620,
        height=70 + 30 * len(names),
        xlabel="",
        ylabel=label,
        ylim=(0, end),
        show_grid=False,
        toolbar=None,
        hooks=[quiet],
    )


def _above(plot: Any, element: Any) -> None:
    """Over the bars, under which whiskers are drawn otherwise."""
    plot.handles["glyph"].level = "overlay"


def clouds(points: ArrayLike, labels: ArrayLike, title: str = "", width: int = 250) -> hv.Overlay:
    """Points (n, 2) in a colour for each label, which stands in their middle, without axes."""
    places, of = np.asarray(points, float), np.asarray(labels)
    names = np.unique(of)
    layers: list[hv.Element] = [
        hv.Points(places[of == name], label=str(name)).opts(color=colour, size=4, alpha=0.5)
        for name, colour in zip(names, _cycled(len(names)), strict=True)
    ]
    middles = np.array([np.median(places[of == name], axis=0) for name in names])
    words = hv.Labels((*middles.T, [str(name) for name in names])).opts(
        text_font_size="13pt", text_font_style="bold", text_color=theme.LIGHT["ink"]
    )
    return hv.Overlay([*layers, words]).opts(
        title=title,
        frame_width=width,
        frame_height=width,
        show_legend=False,
        data_aspect=1,
        **_BARE,
    )


def error_curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    across: str,
    levels: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
    label: str = "errors (%)",
) -> hv.Overlay:
    """Errors against a size, both axes logarithmic; ``levels`` (published) are dashed.

    What is 0 has no place on such an axis, and is left out.
    """
    layers: list[hv.Element] = []
    both = [(curves, False), (levels or {}, True)]
    given = [(name, _positive(*xy), dashed) for of, dashed in both for name, xy in of.items()]
    for colour, (name, (x, y), dashed) in zip(_cycled(len(given)), given, strict=True):
        line = hv.Curve((x, y), across, label, label=name).opts(
            color=colour, line_width=2, line_dash="dashed" if dashed else "solid"
        )
        layers.append(line)
        layers.append(
            hv.Points((x, y), [across, label], label=name).opts(
                color=colour, size=4 if dashed else 6, tools=["hover"]
            )
        )
    xs = np.unique(np.concatenate([x for _, (x, _), _ in given]))
    ys = np.concatenate([y for _, (_, y), _ in given])
    low, high = ys.min(), ys.max()
    return hv.Overlay(layers).opts(
        width=620,
        height=400,
        logx=True,
        logy=True,
        xlim=(0.9 * xs[0], 1.1 * xs[-1]),
        ylim=(0.8 * low, 1.25 * high),
        xticks=[(x, f"{x / 1000:.3g}k" if x >= 1000 else f"{x:.3g}") for x in _apart(xs)],
        yticks=[(e, f"{e:g}") for e in _ROUND if 0.8 * low <= e <= 1.25 * high],
        legend_position="right",
        show_grid=True,
        toolbar=None,
        hooks=[quiet],
    )


def _apart(sizes: NDArray[np.float64]) -> list[float]:
    """Those whose numbers have room on a logarithmic axis, the last one among them."""
    least = 0.05 * np.log(sizes[-1] / sizes[0])
    kept = [float(sizes[-1])]
    for size in sizes[-2::-1]:
        if np.log(kept[-1] / size) >= least:
            kept.append(float(size))
    return kept[::-1]


def _positive(x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    sizes, errors = np.asarray(x, float), np.asarray(y, float)
    return sizes[errors > 0], errors[errors > 0]


def _cycled(n: int) -> list[str]:
    return [_CYCLE[k % len(_CYCLE)] for k in range(n)]
