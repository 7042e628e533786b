"""From three dimensions to the plane."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

#: Å; a larger coordinate is a slip of units.
FARTHEST = 1e6
#: Å; two nuclei that are nearer are a mistake: the H–H bond is 0.74 Å.
MIN_DISTANCE = 0.4


def check_list(molecules: Any, others: tuple[type, ...] = ()) -> None:
    """Raise ``ValueError``, naming the molecule, unless this is a list of molecules.

    Each is an ``ase.Atoms`` with at least one atom, of chemical elements, at finite coordinates;
    or one of ``others``, which are not looked at.
    """
    if isinstance(molecules, (Atoms, *others)):
        raise ValueError("Expected a list of molecules, got one: write [atoms].")
    if not (hasattr(molecules, "__len__") and hasattr(molecules, "__getitem__")):
        raise ValueError(
            f"Expected a list of molecules, not a {type(molecules).__name__}: molecules are looked "
            "at more than once."
        )
    if len(molecules) == 0:
        raise ValueError("There are no molecules: the list is empty.")
    for i, molecule in enumerate(molecules):
        if isinstance(molecule, others):
            continue
        if not isinstance(molecule, Atoms):
            raise ValueError(f"Molecule {i} is a {type(molecule).__name__}, not an ase.Atoms.")
        name = f"Molecule {i} ({molecule.get_chemical_formula()})"
        if len(molecule) == 0:
            raise ValueError(f"Molecule {i} is empty: it has no atoms.")
        if not np.isfinite(molecule.positions).all():
            raise ValueError(f"{name} has a coordinate that is not a finite number.")
        if (farthest := np.abs(molecule.positions).max()) > FARTHEST:
            raise ValueError(
                f"{name} has a coordinate of {farthest:.3g} Å, beyond {FARTHEST:.0e} Å: are the "
                "coordinates in Å?"
            )
        if (molecule.numbers <= 0).any():
            raise ValueError(f"{name} has an atom without a nuclear charge (symbol X).")


class NotPlanarError(ValueError):
    """A molecule that does not lie in a plane; ``distance`` is its largest distance in Å."""

    def __init__(self, formula: str, distance: float, tolerance: float) -> None:
        super().__init__(
            f"{formula} is not planar: an atom lies {distance:.3g} Å from the best plane (at most "
            f"{tolerance:g} Å is allowed). Project it onto that plane, or take a planar molecule."
        )
        self.distance = distance


def plane_distance(atoms: Atoms) -> float:
    """Largest distance in Å of an atom from the plane that fits all atoms best."""
    if len(atoms) < 4:
        return 0.0
    centred = atoms.positions - atoms.positions.mean(0)
    return float(np.abs(centred @ np.linalg.svd(centred)[2][2]).max())


def planar_positions(
    atoms: Atoms, tolerance: float = 0.05, project: bool = False
) -> NDArray[np.float64]:
    """Positions ``(n, 2)`` in Å in the molecule's plane, centred on their bounding box.

    A molecule in a plane z = constant keeps its x and y; any other plane gets its principal
    axes as x and y. ``project=True`` drops what stands out of the best plane.

    Raises
    ------
    ValueError
        for a molecule without atoms or a coordinate that is not finite.
    NotPlanarError
        for a molecule that stands further than ``tolerance`` out of its plane, in Å.
    """
    if len(atoms) == 0:
        raise ValueError("The molecule is empty: it has no atoms.")
    positions = atoms.positions
    if not np.isfinite(positions).all():
        bad = int(np.flatnonzero(~np.isfinite(positions).all(1))[0])
        raise ValueError(f"Atom {bad + 1} has a coordinate that is not a finite number.")
    if np.ptp(positions[:, 2]) <= 1e-9:
        plane = positions[:, :2]
    else:
        distance = plane_distance(atoms)
        if distance > tolerance and not project:
            raise NotPlanarError(atoms.get_chemical_formula(), distance, tolerance)
        centred = positions - positions.mean(0)
        plane = centred @ np.linalg.svd(centred)[2][:2].T
    return plane - (plane.max(0) + plane.min(0)) / 2
