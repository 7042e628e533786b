"""Molecules in the plane: bonds as thin lines, atoms as their elements' letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import holoviews as hv
import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list

from appkit.figures import theme
from appkit.figures.axes import square
from appkit.figures.live import Box, LivePipe


@dataclass(frozen=True, eq=False)
class Planar:
    """Atoms in the plane, for drawing; ``heights`` over it, where they are not all zero."""

    symbols: tuple[str, ...] = ()
    positions: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    heights: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Planar)
            and self.symbols == other.symbols
            and np.array_equal(self.positions, other.positions)
            and np.array_equal(self.heights, other.heights)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def bonds(self) -> np.ndarray:
        """Index pairs of neighbours, see `near_pairs`."""
        heights = self.heights if len(self.heights) else np.zeros(len(self.symbols))
        return near_pairs(self.symbols, np.column_stack([self.positions, heights]))


def near_pairs(symbols: Sequence[str], positions: np.ndarray) -> np.ndarray:
    """Index pairs closer than 1.25 × the sum of their covalent radii, shape ``(n, 2)``."""
    if len(symbols) < 2:
        return np.zeros((0, 2), int)
    atoms = Atoms(list(symbols), positions)
    i, j = neighbor_list("ij", atoms, list(1.25 * covalent_radii[atoms.numbers]))
    return np.column_stack([i, j])[i < j]


def skeleton(
    atoms: LivePipe, dark: bool = False, letter: str = "12px", line: float = 1.0
) -> hv.Overlay:
    """Bonds as thin lines, each atom as its element's letter."""
    surfaces = theme.DARK if dark else theme.LIGHT
    lines = atoms.layer(_bonds, _bond_columns)
    bonds = lines.element().opts(
        hv.opts.Segments(
            color=surfaces["muted"], line_width=line, line_alpha=0.6, hooks=[lines.hook]
        )
    )
    style = {"text_font_size": letter, "text_font_style": "bold"}
    # A disc in the card's colour under each letter keeps it readable on dark and light pixels.
    under = atoms.layer(_letters, _letter_columns)
    discs = under.element().opts(
        hv.opts.Labels(
            text_color=surfaces["card"],
            hooks=[partial(_disc, colour=surfaces["card"]), under.hook],
            **style,
        )
    )
    over = atoms.layer(_letters, _letter_columns)
    letters = over.element().opts(
        hv.opts.Labels(text_color=surfaces["ink"], hooks=[over.hook], **style)
    )
    return bonds * discs * letters


def _bonds(data: Planar) -> hv.Segments:
    return hv.Segments(_bond_columns(data), kdims=["x", "y", "x1", "y1"])


def _bond_columns(data: Planar) -> dict[str, np.ndarray]:
    ends = data.positions[data.bonds].reshape(-1, 4)
    return dict(zip(("x", "y", "x1", "y1"), ends.T, strict=True))


def _letters(data: Planar) -> hv.Labels:
    return hv.Labels(_letter_columns(data), kdims=["x", "y"], vdims=["text"])


def _letter_columns(data: Planar) -> dict[str, np.ndarray]:
    x, y = data.positions.T
    return {"x": x, "y": y, "text": np.array(data.symbols, "U2")}


def _disc(plot: Any, element: Any, colour: str) -> None:
    """A disc, since an outline has spikes where a letter has sharp corners."""
    plot.handles["glyph"].update(
        background_fill_color=colour, background_fill_alpha=0.85, outline_shape="circle"
    )


class MoleculeFigure:
    """One molecule, drawn large and without axes."""

    def __init__(self) -> None:
        self.atoms = LivePipe(Planar())

    def send(self, atoms: Planar) -> None:
        """Draw another molecule."""
        self.atoms.send(atoms)

    def element(self, dark: bool = False) -> hv.Overlay:
        """The figure for a light or a dark page."""
        corners = self.atoms.layer(_frame, _corners, box=_box)
        options = square() | {"aspect": 1.25, "toolbar": None, "default_tools": []}
        options["hooks"] = [*options["hooks"], corners.hook]
        frame = corners.element().opts(
            hv.opts.Points(
                alpha=0,
                padding=0,
                framewise=True,
                xaxis=None,
                yaxis=None,
                **options,
            )
        )
        return frame * skeleton(self.atoms, dark, letter="15px", line=1.8)


def _frame(data: Planar) -> hv.Points:
    return hv.Points(_corners(data), kdims=["x", "y"])


def _corners(data: Planar) -> dict[str, list[float]]:
    """Two invisible corners, so that the letters at the rim have room."""
    left, bottom, right, top = _box(data)
    return {"x": [left, right], "y": [bottom, top]}


def _box(data: Planar) -> Box:
    if len(data.symbols) == 0:
        return -1.0, -1.0, 1.0, 1.0
    low, high = data.positions.min(0) - 0.9, data.positions.max(0) + 0.9
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
