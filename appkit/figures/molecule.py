"""Molecules in the plane: bonds as thin lines, atoms as their elements' letters."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import holoviews as hv
import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list
from holoviews.streams import Pipe

from appkit.figures import theme
from appkit.figures.axes import square


@dataclass(frozen=True, eq=False)
class Planar:
    """Atoms in the plane, for drawing."""

    symbols: tuple[str, ...] = ()
    positions: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Planar)
            and self.symbols == other.symbols
            and np.array_equal(self.positions, other.positions)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def bonds(self) -> np.ndarray:
        """Index pairs closer than 1.25 × the sum of their covalent radii, shape ``(n, 2)``."""
        if len(self.symbols) < 2:
            return np.zeros((0, 2), int)
        flat = np.column_stack([self.positions, np.zeros(len(self.symbols))])
        atoms = Atoms(list(self.symbols), flat)
        i, j = neighbor_list("ij", atoms, list(1.25 * covalent_radii[atoms.numbers]))
        return np.column_stack([i, j])[i < j]


def skeleton(
    atoms: Pipe, dark: bool = False, letter: str = "12px", line: float = 1.0
) -> hv.Overlay:
    """Bonds as thin lines, each atom as its element's letter."""
    surfaces = theme.DARK if dark else theme.LIGHT
    bonds = hv.DynamicMap(_bonds, streams=[atoms]).opts(
        hv.opts.Segments(color=surfaces["muted"], line_width=line, line_alpha=0.6)
    )
    style = {"text_font_size": letter, "text_font_style": "bold"}
    # A wide rim in the card's colour under each letter keeps it readable on dark and light pixels.
    rims = hv.DynamicMap(_letters, streams=[atoms]).opts(
        hv.opts.Labels(
            text_color=surfaces["card"], hooks=[partial(_rim, colour=surfaces["card"])], **style
        )
    )
    letters = hv.DynamicMap(_letters, streams=[atoms]).opts(
        hv.opts.Labels(text_color=surfaces["ink"], **style)
    )
    return bonds * rims * letters


def _bonds(data: Planar) -> hv.Segments:
    ends = data.positions[data.bonds].reshape(-1, 4)
    return hv.Segments(ends, kdims=["x", "y", "x1", "y1"])


def _letters(data: Planar) -> hv.Labels:
    rows = {
        "x": data.positions[:, 0],
        "y": data.positions[:, 1],
        "text": np.array(data.symbols, "U2"),
    }
    return hv.Labels(rows, kdims=["x", "y"], vdims=["text"])


def _rim(plot: Any, element: Any, colour: str) -> None:
    plot.handles["glyph"].update(text_outline_color=colour, text_outline_width=5)


class MoleculeFigure:
    """One molecule, drawn large and without axes."""

    def __init__(self) -> None:
        self.atoms: Pipe = Pipe(data=Planar())

    def send(self, atoms: Planar) -> None:
        """Draw another molecule."""
        self.atoms.send(atoms)

    def element(self, dark: bool = False) -> hv.Overlay:
        """The figure for a light or a dark page."""
        frame = hv.DynamicMap(_frame, streams=[self.atoms]).opts(
            hv.opts.Points(
                alpha=0,
                framewise=True,
                xaxis=None,
                yaxis=None,
                **(square() | {"aspect": 1.25, "toolbar": None, "default_tools": []}),
            )
        )
        return frame * skeleton(self.atoms, dark, letter="15px", line=1.8)


def _frame(data: Planar) -> hv.Points:
    """Two invisible corners, so that the letters at the rim have room."""
    if len(data.symbols) == 0:
        return hv.Points([(-1, -1), (1, 1)])
    low, high = data.positions.min(0) - 0.7, data.positions.max(0) + 0.7
    return hv.Points([tuple(low), tuple(high)])
