"""Invariants as a table of colours with their values in it; a click chooses one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import holoviews as hv
import numpy as np
from numpy.typing import NDArray

from appkit.figures import theme
from appkit.figures.axes import quiet
from appkit.figures.live import LivePipe

Cell = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Table:
    """Positive values (rows, columns), NaN where there is none; the names of rows and columns."""

    values: NDArray[np.float64]
    rows: tuple[str, ...]
    columns: tuple[str, ...]


class TableFigure:
    """A table with logarithmic colours; `at` tells which cell was clicked."""

    def __init__(self) -> None:
        self.cells = LivePipe(None, still=_same_names)
        self.framed = LivePipe(None)
        self.tap = hv.streams.Tap(x=None, y=None)

    def send(self, table: Table) -> None:
        """Show other values."""
        self.cells.send(table)

    def choose(self, cell: Cell | None) -> None:
        """Frame a cell (row, column); None frames none."""
        self.framed.send(cell)

    def at(self, x: float | None, y: float | None) -> Cell | None:
        """(row, column) of the value at a point of the figure; None where there is none."""
        table = self.cells.data
        if table is None or x is None or y is None:
            return None
        row, column = int(np.floor(y)), int(np.floor(x))
        inside = 0 <= row < len(table.rows) and 0 <= column < len(table.columns)
        return (row, column) if inside and np.isfinite(table.values[row, column]) else None

    def element(
        self, table: Table, dark: bool = False, xlabel: str = "", rules: Sequence[int] = ()
    ) -> hv.Overlay:
        """The figure; ``table`` fixes its names, ``rules`` are rows with a line above them."""
        self.send(table)
        surfaces = theme.DARK if dark else theme.LIGHT
        rows, columns = table.values.shape
        layer = self.cells.layer(_image, _pixels, limits=_limits)
        image = layer.element().opts(
            hv.opts.Image(
                cmap=_colours(dark),
                clipping_colors={"NaN": "rgba(0, 0, 0, 0)"},
                xlabel=xlabel,
                ylabel="",
                xticks=[(c + 0.5, name) for c, name in enumerate(table.columns)],
                yticks=[(r + 0.5, name) for r, name in enumerate(table.rows)],
                xlim=(0, columns),
                ylim=(0, rows),
                invert_yaxis=True,
                responsive=True,
                height=28 * rows + 50,
                toolbar=None,
                default_tools=["tap"],
                hooks=[quiet, layer.hook],
            )
        )
        self.tap.source = image
        words = self.cells.layer(lambda data: _labels(data, dark), lambda data: _words(data, dark))
        labels = words.element().opts(
            hv.opts.Labels(text_color="text_color", text_font_size="11px", hooks=[words.hook])
        )
        rim = self.framed.layer(_frame, _corners)
        frame = rim.element().opts(
            hv.opts.Rectangles(
                fill_alpha=0, line_color=surfaces["warm"], line_width=2.5, hooks=[rim.hook]
            )
        )
        lines = [(0, row, columns, row) for row in rules]
        ruled = hv.Segments(lines, kdims=["x", "y", "x1", "y1"])
        return image * ruled.opts(color=surfaces["muted"], line_width=1.5) * labels * frame


def _same_names(old: Table | None, new: Table | None) -> bool:
    return (
        old is not None
        and new is not None
        and (old.rows, old.columns)
        == (
            new.rows,
            new.columns,
        )
    )


def _logarithms(table: Table) -> NDArray[np.float32]:
    """log₁₀ of the values; no less than eight decades below the largest."""
    top = np.nanmax(table.values, initial=1e-30)
    return np.log10(np.maximum(table.values, 1e-8 * top)).astype(np.float32)


def _pixels(table: Table) -> dict[str, list]:
    return {"image": [_logarithms(table)]}


def _image(table: Table) -> hv.Image:
    rows, columns = table.values.shape
    # Row 0 is drawn at the top of the inverted axis, so at its start.
    return hv.Image(
        _logarithms(table)[::-1],
        kdims=["column", "row"],
        vdims=["log"],
        bounds=(0, 0, columns, rows),
    )


def _limits(table: Table) -> tuple[float, float]:
    logs = _logarithms(table)
    low, high = float(np.nanmin(logs)), float(np.nanmax(logs))
    return low, max(high, low + 1e-3)


def _colours(dark: bool) -> list[str]:
    """Without the ends, in which neither a cell's rim nor its value would be seen."""
    return theme.sequential(dark)[20:235]


@cache
def _inks(dark: bool) -> NDArray[np.str_]:
    """For each colour, that of the card or of its ink, whichever has more contrast."""
    surfaces = theme.DARK if dark else theme.LIGHT
    inks = surfaces["card"], surfaces["ink"]
    best = [max(inks, key=lambda ink: theme.contrast(ink, ground)) for ground in _colours(dark)]
    return np.array(best)


def _words(table: Table, dark: bool) -> dict[str, NDArray]:
    """Each value, in the ink that is read on its colour; columns have Bokeh's names."""
    rows, columns = np.nonzero(np.isfinite(table.values))
    low, high = _limits(table)
    share = (_logarithms(table)[rows, columns] - low) / (high - low)
    inks = _inks(dark)
    return {
        "x": columns + 0.5,
        "y": rows + 0.5,
        "text": np.array([written(v) for v in table.values[rows, columns]], dtype="U12"),
        "text_color": inks[np.rint(share * (len(inks) - 1)).astype(int)],
    }


def _labels(table: Table, dark: bool) -> hv.Labels:
    return hv.Labels(_words(table, dark), kdims=["x", "y"], vdims=["text", "text_color"])


def _corners(cell: Cell | None) -> dict[str, list[int]]:
    row, column = cell if cell else (0, 0)
    ends = {"left": column, "bottom": row, "right": column + 1, "top": row + 1}
    return {name: [end] if cell else [] for name, end in ends.items()}


def _frame(cell: Cell | None) -> hv.Rectangles:
    return hv.Rectangles([] if cell is None else [tuple(v[0] for v in _corners(cell).values())])


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def written(value: float) -> str:
    """Two or three digits: 0.034, 1.2, 26, 4.1·10⁵."""
    if value == 0 or 0.01 <= value < 9999.5:
        return f"{value:.0f}" if value >= 99.5 else f"{value:.2g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}·10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
