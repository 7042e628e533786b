"""A molecule whose atoms a person drags, with arrows for forces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from numpy.typing import NDArray
from panel.custom import JSComponent

from appkit.figures.molecule import near_pairs
from appkit.figures.theme import DARK, ELEMENT_COLOURS, LIGHT, contrast

#: Å from the origin to which an atom can be dragged; the browser keeps it nearer, in sight.
_FARTHEST = 100.0


class MoleculeStage(JSComponent):
    """Atoms to drag with mouse, finger or arrow keys; it turns where no atom is.

    The browser draws by itself and sends where the atoms are, one message at a time: the next goes
    when the last was answered. An answer tells the forces; one of another molecule is not drawn.

    Attributes
    ----------
    on_moved : called with positions (K, 3), Å, and the number of the move, for `answer`.
    """

    _esm = Path(__file__).with_name("stage.js")

    on_moved: Callable[[NDArray[np.float64], int], None]

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.on_moved = lambda positions, serial: None
        self._number = 0  # of the molecule, so that late messages are known as such
        self._molecule: dict[str, Any] | None = None
        self._answer: dict[str, Any] | None = None

    def lay(self, atoms: Atoms) -> None:
        """Another molecule, seen along z."""
        self._number += 1
        symbols = atoms.get_chemical_symbols()
        colours = [ELEMENT_COLOURS.get(symbol, "#7d8894") for symbol in symbols]
        self._molecule = {
            "kind": "molecule",
            "number": self._number,
            "symbols": symbols,
            "radii": covalent_radii[atoms.numbers].clip(0.5).tolist(),
            "colours": colours,
            "inks": [_ink(colour) for colour in colours],
            "bonds": near_pairs(symbols, atoms.positions).tolist(),
            "rest": atoms.positions.tolist(),
            "positions": atoms.positions.tolist(),
        }
        self._answer = None
        self._send_msg(self._molecule)

    def answer(
        self,
        positions: NDArray[np.float64],
        forces: NDArray[np.float64] | None,
        teacher: NDArray[np.float64] | None = None,
        serial: int | None = None,
    ) -> None:
        """Draw forces; without the number of a move, lay the atoms at ``positions`` too."""
        answer = {
            "kind": "answer",
            "number": self._number,
            "serial": serial,
            "forces": None if forces is None else forces.round(4).tolist(),
            "teacher": None if teacher is None else teacher.round(4).tolist(),
        }
        self._answer = answer | {"positions": positions.round(5).tolist()}
        self._send_msg(answer if serial is not None else self._answer)

    def _handle_msg(self, data: Any) -> None:
        if not isinstance(data, dict) or self._molecule is None:
            return
        if data.get("kind") == "hello":
            self._send_all()
        elif data.get("number") == self._number:
            positions = _positions(data.get("positions"), len(self._molecule["symbols"]))
            serial = data.get("serial")
            if positions is None or not isinstance(serial, int):
                self._send_all()
            else:
                self.on_moved(positions, serial)

    def _send_all(self) -> None:
        """For a browser that has just come, or that is somewhere else."""
        for message in (self._molecule, self._answer):
            if message is not None:
                self._send_msg(message)


def _positions(given: Any, n_atoms: int) -> NDArray[np.float64] | None:
    """What a browser sent, if it is a place for each atom."""
    try:
        positions = np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    fits = positions.shape == (n_atoms, 3) and bool((np.abs(positions) <= _FARTHEST).all())
    return positions if fits else None


def _ink(colour: str) -> str:
    """Letters that can be read on a colour, in either theme."""
    return max((LIGHT["ink"], DARK["ink"]), key=lambda ink: contrast(colour, ink))
