"""How near the atoms of a molecule or a crystal lie to each other."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import product

import numpy as np
from ase import Atoms
from ase.geometry.minkowski_reduction import minkowski_reduce
from scipy.spatial import cKDTree

#: Å; no two nuclei of a molecule are nearer: the H–H bond is 0.74 Å.
NEAR = 0.3


def nearest_pair(molecule: Atoms) -> tuple[float, int, int]:
    """Smallest distance of two atoms, Å, and which they are; ∞ for an atom alone.

    Of a crystal, whose cell has a volume, also of an atom and an image, be it its own.
    """
    points, own = molecule.positions, np.arange(len(molecule))
    images = points
    if molecule.pbc.all():
        # In the shortest vectors of a lattice the nearest image lies in this cell or beside it.
        vectors = np.asarray(minkowski_reduce(molecule.cell.array)[0])
        points = (points @ np.linalg.inv(vectors)) % 1 @ vectors
        shifts = np.array(list(product((0, -1, 1), repeat=3))) @ vectors
        images = (shifts[:, None] + points).reshape(-1, 3)
    distances, found = cKDTree(images).query(points, k=2)
    k = int(distances[:, 1].argmin())
    other = found[k, 1] if found[k, 0] == own[k] else found[k, 0]  # on one point, either is first
    return float(distances[k, 1]), k, int(other) % len(points)


def warn_near(X: Sequence[object]) -> None:
    """Warn, once for all molecules, of atoms nearer than `NEAR`; densities are not looked at."""
    found = [(*nearest_pair(item), i) for i, item in enumerate(X) if isinstance(item, Atoms)]
    near = sorted(pair for pair in found if pair[0] < NEAR)
    if not near:
        return
    distance, k, l, i = near[0]
    molecule = X[i]
    assert isinstance(molecule, Atoms)
    symbols = molecule.get_chemical_symbols()
    more = f" There are {len(near)} such molecules." if len(near) > 1 else ""
    warnings.warn(
        f"Molecule {i} ({molecule.get_chemical_formula()}): atoms {k} ({symbols[k]}) and {l} "
        f"({symbols[l]}) are only {distance:.3g} Å apart. Are the coordinates in Å?{more}",
        stacklevel=3,
    )
