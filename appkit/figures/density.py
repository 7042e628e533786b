"""Planar fields as pictures: a density or a modulus with its atoms, the scales × angles sheet,
and the invariance meter.

Every figure is a HoloViews element. What a slider moves is a layer of a `LivePipe`: sending new
data swaps the pixels and leaves tools and ticks as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import holoviews as hv
import numpy as np
import pandas as pd

from appkit.figures import theme
from appkit.figures.axes import quiet, square
from appkit.figures.live import LivePipe
from appkit.figures.molecule import Planar, skeleton

X, Y = hv.Dimension("x", unit="Å"), hv.Dimension("y", unit="Å")


@dataclass(frozen=True)
class Field:
    """A field on a grid, rows along y upwards, and the box it fills, in Å."""

    values: np.ndarray
    bounds: tuple[float, float, float, float]  # left, bottom, right, top

    @classmethod
    def empty(cls) -> Field:
        """What is shown before the first result."""
        return cls(np.zeros((2, 2), np.float32), (-1.0, -1.0, 1.0, 1.0))


class FieldFigure:
    """A field with colour bar and equal axes, its atoms over it.

    Parameters
    ----------
    label, unit : name and unit of the values, on the colour bar.
    signed : use the diverging map, zero in its middle.
    gamma : see `theme.sequential`.
    top : where the colours end though the values may go on, as a density does at a nucleus.
    """

    def __init__(
        self,
        label: str = "ρ̃",
        unit: str = "e/Å²",
        *,
        signed: bool = False,
        gamma: float = 0.55,
        top: float = np.inf,
    ) -> None:
        self.signed, self.gamma, self.top = signed, gamma, top
        self.value = hv.Dimension("value", label=label, unit=unit)
        self.pixels = LivePipe(Field.empty())
        self.atoms = LivePipe(Planar())
        self.tap = hv.streams.Tap(x=None, y=None)

    def send(self, picture: Field, atoms: Planar | None = None) -> None:
        """Show ``picture``, and ``atoms`` where they moved."""
        if atoms is not None and atoms != self.atoms.data:
            self.atoms.send(atoms)
        self.pixels.send(picture)

    def element(self, dark: bool = False, **opts: Any) -> hv.Overlay:
        """The figure for a light or a dark page."""
        cmap = theme.diverging(dark) if self.signed else theme.sequential(dark, self.gamma)
        layer = self.pixels.layer(self._image, _columns, lambda data: data.bounds, self._limits)
        options = square() | opts
        options["hooks"] = [*options["hooks"], layer.hook]
        image = layer.element().opts(
            hv.opts.Image(
                cmap=cmap,
                colorbar=True,
                colorbar_position="bottom",
                colorbar_opts={"height": 10, "padding": 4, "title_standoff": 6},
                framewise=True,
                tools=["hover"],
                **options,
            )
        )
        self.tap.source = image
        return image * skeleton(self.atoms, dark)

    def _image(self, data: Field) -> hv.Image:
        rows = data.values[::-1]
        return hv.Image(rows, kdims=[X, Y], vdims=[self.value], bounds=data.bounds, rtol=1)

    def _limits(self, data: Field) -> tuple[float, float]:
        """Zero has the ground's colour, also where there is nothing else."""
        low, high = float(np.nanmin(data.values)), float(np.nanmax(data.values))
        high = min(max(high, 1e-6), self.top)
        return (-max(-low, high), max(-low, high)) if self.signed else (min(low, 0.0), high)


def _columns(data: Field) -> dict[str, list]:
    """The pixels and their box as the columns of a source."""
    left, bottom, right, top = data.bounds
    box = {"x": [left], "y": [bottom], "dw": [right - left], "dh": [top - bottom]}
    return {"image": [data.values]} | box


@dataclass(frozen=True)
class Sheet:
    """Tiles ``(rows, columns, n, n)``: a row a scale (named by ``scales``), a column an angle.

    Each row is divided by its largest value, so that every scale shows.
    """

    tiles: np.ndarray
    scales: tuple[str, ...]
    angles: tuple[str, ...]
    selected: tuple[int, int] | None = None


class SheetFigure:
    """All fields of a cascade's layer on one sheet; a click selects a tile."""

    def __init__(self, gamma: float = 0.75) -> None:
        self.gamma = gamma
        self.pixels = LivePipe(None, still=_same_tiles)
        self.framed = LivePipe(None)
        self.tap = hv.streams.Tap(x=None, y=None)

    def send(self, sheet: Sheet | None) -> None:
        """Show ``sheet``; None shows an empty frame."""
        self.pixels.send(sheet)
        self.choose(None if sheet is None else sheet.selected)

    def choose(self, tile: tuple[int, int] | None) -> None:
        """Frame another tile ``(row, column)``, the pixels stay; None frames none."""
        self.framed.send(tile)

    def at(self, x: float | None, y: float | None) -> tuple[int, int] | None:
        """``(row, column)`` of the tile at a point of the figure, None outside."""
        sheet = self.pixels.data
        if sheet is None or x is None or y is None:
            return None
        row, column = int(np.floor(y)), int(np.floor(x))
        rows, columns = sheet.tiles.shape[:2]
        return (row, column) if 0 <= row < rows and 0 <= column < columns else None

    def element(self, sheet: Sheet, dark: bool = False, **opts: Any) -> hv.Overlay:
        """The figure; ``sheet`` fixes the ticks, later sheets of its shape come through `send`."""
        self.send(sheet)
        rows, columns = sheet.tiles.shape[:2]
        surfaces = theme.DARK if dark else theme.LIGHT
        tiles = self.pixels.layer(self._image, lambda data: {"image": [_mosaic(data)]})
        image = tiles.element().opts(
            hv.opts.Image(
                cmap=theme.sequential(dark, self.gamma),
                clim=(0, 1),
                xlabel="angle θ",
                ylabel="scale",
                # Every second name: on a phone all of them would run into one another.
                xticks=[(c + 0.5, name) for c, name in enumerate(sheet.angles) if c % 2 == 0],
                yticks=[(r + 0.5, name) for r, name in enumerate(sheet.scales)],
                xlim=(0, columns),
                ylim=(0, rows),
                invert_yaxis=True,
                responsive=True,
                aspect=columns / rows * 0.92,
                toolbar=None,
                default_tools=["tap"],
                hooks=[quiet, tiles.hook],
                **opts,
            )
        )
        self.tap.source = image
        rim = self.framed.layer(self._frame, _corners)
        frame = rim.element().opts(
            hv.opts.Rectangles(
                fill_alpha=0,
                line_color=surfaces["warm"],
                line_width=2.5,
                hooks=[rim.hook],
            )
        )
        edges = np.array(
            [(c, 0, c, rows) for c in range(columns + 1)]
            + [(0, r, columns, r) for r in range(rows + 1)],
            float,
        )
        lines = hv.Segments(edges, kdims=["x", "y", "x1", "y1"])
        return image * lines.opts(color=surfaces["line"], line_width=1) * frame

    def _image(self, data: Sheet | None) -> hv.Image:
        if data is None:
            return hv.Image(np.zeros((2, 2), np.float32), bounds=(0, 0, 1, 1), vdims=["value"])
        rows, columns = data.tiles.shape[:2]
        return hv.Image(
            _mosaic(data)[::-1],
            kdims=["angle", "scale"],
            vdims=["value"],
            bounds=(0, 0, columns, rows),
            rtol=1,
        )

    def _frame(self, data: tuple[int, int] | None) -> hv.Rectangles:
        return hv.Rectangles([] if data is None else [tuple(v[0] for v in _corners(data).values())])


def _mosaic(sheet: Sheet) -> np.ndarray:
    """The tiles side by side, each row of them with the same peak; rows of pixels upwards."""
    rows, columns, n, _ = sheet.tiles.shape
    peak = sheet.tiles.max(axis=(1, 2, 3), keepdims=True)
    tiles = sheet.tiles / np.where(peak > 0, peak, 1)
    # Row 0 lies at the bottom of the y axis, which is drawn inverted: flip within tiles only.
    mosaic = tiles[:, :, ::-1].transpose(0, 2, 1, 3).reshape(rows * n, columns * n)
    return mosaic.astype(np.float32)


def _corners(tile: tuple[int, int] | None) -> dict[str, list[int]]:
    """The frame around ``(row, column)`` as the columns of a source."""
    row, column = tile if tile else (0, 0)
    ends = {"left": column, "bottom": row, "right": column + 1, "top": row + 1}
    return {name: [end] if tile else [] for name, end in ends.items()}


def _same_tiles(old: Sheet | None, new: Sheet | None) -> bool:
    return old is not None and new is not None and old.tiles.shape == new.tiles.shape


class MeterFigure:
    """How much each invariant moved: one bar for each order and scale, on a log axis."""

    FLOOR = 1e-9

    def __init__(self) -> None:
        self.rows = LivePipe(None, still=_same_bars)

    def send(self, changes: pd.DataFrame) -> None:
        """``changes`` has the columns ``label``, ``order`` and ``change`` (relative)."""
        self.rows.send(changes)

    def element(self, labels: Sequence[str], dark: bool = False) -> hv.DynamicMap:
        """The figure; ``labels`` fixes the axis, one bar each."""
        bars = self.rows.layer(self._bars, self._columns)
        return bars.element().opts(
            hv.opts.Rectangles(
                color="colour",
                line_color=None,
                logy=True,
                xlim=(-0.6, len(labels) - 0.4),
                ylim=(self.FLOOR, 4),
                xticks=list(enumerate(labels)),
                xlabel="",
                ylabel="relative change |ΔΦ| / |Φ|",
                responsive=True,
                height=280,
                toolbar=None,
                default_tools=[],
                tools=["hover"],
                hooks=[quiet, bars.hook],
            )
        )

    def _bars(self, data: pd.DataFrame | None) -> hv.Rectangles:
        names = {0: "fourier", 1: "scattering", 2: "wavelet"}
        rows = [] if data is None else data.to_dict("records")
        bars = [
            (
                place - 0.36,
                self.FLOOR,
                place + 0.36,
                self._height(row["change"]),
                theme.DICTIONARY_COLOURS[names[row["order"]]],
                row["label"],
                row["change"],
            )
            for place, row in enumerate(rows)
        ]
        return hv.Rectangles(bars, vdims=["colour", "invariant", "change"])

    def _columns(self, data: pd.DataFrame) -> dict[str, list[float]]:
        """What of the bars' source changes when they are the same bars."""
        heights = [self._height(change) for change in data["change"]]
        return {"top": heights, "y1": heights, "change": list(data["change"])}

    def _height(self, change: float) -> float:
        return max(change, 1.5 * self.FLOOR)


def _same_bars(old: pd.DataFrame | None, new: pd.DataFrame | None) -> bool:
    return old is not None and new is not None and old["label"].equals(new["label"])
