"""Electron densities ρ_z of isolated neutral atoms, core and valence apart.

Computed with PBE0/cc-pV5Z by ``scripts/make_atomic_densities.py`` and shipped with the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

Array = NDArray[np.float64]

#: Elements with a computed density.
SYMBOLS = ("H", "C", "N", "O", "F", "S", "Cl")
#: Parts of an atom's density; atomic = core + valence.
PARTS = ("core", "valence", "atomic")
#: How an open shell's density was averaged over directions, and the table's suffix for it.
_AVERAGES = {"sphere": "", "paper": "_paper"}


@dataclass(frozen=True, eq=False)
class AtomicDensity:
    """Electron density of one isolated atom as a function of the distance to its nucleus.

    Attributes
    ----------
    symbol : the element.
    r : radii (n,) in bohr, from 0 to 10 Å, densest at the nucleus.
    core, valence : densities (n,) in e/bohr³ at those radii.
    """

    symbol: str
    r: Array
    core: Array
    valence: Array

    @property
    def atomic(self) -> Array:
        """All electrons: core + valence, (n,) in e/bohr³."""
        return self.core + self.valence

    @cached_property
    def charge(self) -> float:
        """Number of electrons ∫ 4πr² ρ dr within 10 Å."""
        return self.electrons("atomic")

    def electrons(self, part: str = "atomic") -> float:
        """Number of electrons of a part (core, valence or atomic)."""
        shells = CubicSpline(self.r, 4 * np.pi * self.r**2 * self._part(part))
        return float(shells.integrate(0, self.r[-1]))

    def at(self, radius: ArrayLike, part: str = "atomic") -> Array:
        """ρ(r) in e/bohr³ at radii in bohr (any shape), zero beyond 10 Å."""
        radius = np.asarray(radius, dtype=float)
        inside = CubicSpline(self.r, self._part(part))(np.minimum(radius, self.r[-1]))
        return np.where(radius <= self.r[-1], inside, 0.0)

    def condensed(self, radius: ArrayLike, part: str = "atomic") -> Array:
        """The talk's planar density ρ_2D(r) = 2 r ρ(r) in e/bohr², radii in bohr.

        The charge of the sphere of radius r lies on the circle of radius r, so 2πr ρ_2D = 4πr² ρ.

        Reference: Hirn, Mallat, Poilvert (2017), arXiv 1605.04654, and its data's README.
        """
        return 2 * np.asarray(radius, dtype=float) * self.at(radius, part)

    def _part(self, part: str) -> Array:
        if part not in PARTS:
            raise ValueError(f"Unknown part {part!r} of an atom: choose among {', '.join(PARTS)}.")
        return getattr(self, part)


@lru_cache(maxsize=32)
def atomic_density(symbol: str, average: str = "sphere") -> AtomicDensity:
    """Density of the isolated atom ``symbol``.

    Parameters
    ----------
    symbol : H, C, N, O, F, S or Cl.
    average : how the open shells of C, O, F, S and Cl are made round. ``"sphere"`` is the average
        over all directions; core and valence are sums of |orbital|². ``"paper"`` follows the files
        of Hirn, Mallat & Poilvert: x, y and z profiles rescaled to the number of electrons and
        averaged, core = total − valence (slightly negative in its tail).

    Raises
    ------
    ValueError
        for an element without a density, or an unknown average.

    Reference: Hirn, Mallat, Poilvert (2017), arXiv 1605.04654, §7, and its data's README.
    """
    if symbol not in SYMBOLS:
        raise ValueError(
            f"No isolated-atom density for {symbol!r}: the elements are {', '.join(SYMBOLS)}."
        )
    if average not in _AVERAGES:
        raise ValueError(f"Unknown average {average!r}: choose sphere or paper.")
    with (
        (files("appkit.data") / "embedded" / "atomic_densities.npz").open("rb") as stream,
        np.load(stream) as table,
    ):
        suffix = _AVERAGES[average] if f"{symbol}_core_paper" in table else ""
        core, valence = (
            table[f"{symbol}_{part}{suffix}"].astype(float) for part in ("core", "valence")
        )
        return AtomicDensity(symbol, table["r"], core, valence)
