"""Isolated atoms' electron densities by the authors of the planar data sets, to check ours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from appkit.data import catalogue
from appkit.data.download import DataError
from appkit.data.files import reading, require

NAMES = {
    "H": "Hydrogen",
    "C": "Carbon",
    "N": "Nitrogen",
    "O": "Oxygen",
    "S": "Sulfur",
    "Cl": "Chlorine",
}
PARTS = ("atomic", "core", "valence")


def load_radial_density(
    symbol: str, progress: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Radii (bohr) and electron density (e/bohr³) of an atom, PBE0/cc-pV5Z by Gaussian09."""
    name = f"qm2d/atomic_densities/{_element(symbol)}_atomic_radial_density.mat"
    path = catalogue.get("atomic_densities", progress)[name]
    with reading(path):
        table = loadmat(path)
        radii, density = np.ravel(table["radial_grid"]), np.ravel(table["radial_density"])
        require(radii.shape == density.shape, path, "radii and densities differ in number")
        return radii, density


def load_condensed_profile(
    symbol: str, part: str = "atomic", progress: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Radii (Å) and the planar density 2 r rho(r) of an atom; ``part``: atomic, core, valence."""
    if part not in PARTS:
        raise DataError(f"there is no part {part!r} of a density; there are {', '.join(PARTS)}")
    (path,) = catalogue.get("condensed_profiles", progress).values()
    with reading(path), np.load(path, allow_pickle=False) as table:
        return table["radius_A"], table[f"{_element(symbol).lower()}_{part}"]


def _element(symbol: str) -> str:
    if symbol not in NAMES:
        raise DataError(f"there is no density of {symbol!r}; there are {', '.join(NAMES)}")
    return NAMES[symbol]
