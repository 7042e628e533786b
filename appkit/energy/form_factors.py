"""Isolated atoms' densities in three dimensions, summed over molecules and crystals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from ase.units import Bohr
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from torch import Tensor

from appkit.energy.atomic import AtomicDensity, atomic_density
from appkit.scattering.box import Box, Vector
from appkit.scattering.spectra import PointDensity

_PARTS = {"atomic": "atomic", "atomic_core": "core", "atomic_valence": "valence"}
_LONGEST = 10.0  # Å, where the tables of atoms end
_MAX_FREQUENCY = 600.0  # rad/Å


def form_factor(symbol: str, part: str, omega: NDArray[np.float64]) -> NDArray[np.float64]:
    """f(ω) = ∫ 4πr² ρ(r) sin(ωr) / (ωr) dr of an isolated atom, in electrons, at ω in rad/Å.

    ``part`` is core, valence or atomic.

    Raises
    ------
    ValueError
        for an element without a density, an unknown part, or frequencies beyond 600 rad/Å.
    """
    if (highest := omega.max(initial=0.0)) > _MAX_FREQUENCY:
        raise ValueError(
            f"Atomic densities are known up to {_MAX_FREQUENCY:g} rad/Å, not {highest:.4g}: take a "
            "larger σ."
        )
    return _spline(symbol, part)(np.arcsinh(omega))


@lru_cache(maxsize=256)
def atomic_reach(symbol: str, part: str, power: float, tolerance: float) -> float:
    """Radius in Å beyond which that part of ∫ρ^power of an isolated atom lies."""
    atom = atomic_density(symbol)
    radii, shells = _shells(atom, part, power)
    inside = np.cumsum(shells * np.gradient(radii))
    return float(radii[np.searchsorted(inside, (1 - tolerance) * inside[-1])])


class AtomicDensities(PointDensity):
    """Sums of isolated atoms at positions (K, 3), Å, one for each of ``channels``.

    Channels are of :data:`appkit.energy.channels.ATOMIC_CHANNELS`; in free space, an atom is taken
    as far as all but ``tolerance`` of ∫ρ^power. Other parameters are those of `PointDensity`.
    """

    def __init__(
        self,
        positions: Tensor,
        symbols: Sequence[str],
        channels: Sequence[str],
        power: float = 1.0,
        tolerance: float = 1e-3,
        cell: Tensor | None = None,
        extent: Vector | None = None,
    ) -> None:
        self._symbols, self._parts = np.array(symbols), [_PARTS[name] for name in channels]
        self.channels = len(channels)
        reach = max(
            atomic_reach(str(symbol), part, power, tolerance)
            for symbol in np.unique(self._symbols)
            for part in self._parts
        )
        super().__init__(positions, cell, reach, extent)

    def at(self, box: Box) -> Tensor:
        x, y, z = box.wavevectors()
        omega = torch.sqrt(x.square() + y.square() + z.square()).numpy()
        total: Tensor | float = 0.0
        for symbol in np.unique(self._symbols):
            weights = torch.as_tensor(self._symbols == symbol)[None].to(self.positions)
            factors = np.stack([form_factor(str(symbol), part, omega) for part in self._parts])
            factor = torch.as_tensor(factors, device=self.positions.device)
            total = total + factor * self.structure(weights, box)
        assert isinstance(total, Tensor)
        return total


def _shells(
    atom: AtomicDensity, part: str, power: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Radii in Å, fine near the nucleus, and 4πr² ρ^power there."""
    radii = np.linspace(0, 1, 8001)[1:] ** 2 * _LONGEST
    density = np.maximum(atom.at(radii / Bohr, part), 0) / Bohr**3
    return radii, 4 * np.pi * radii**2 * density**power


@lru_cache(maxsize=64)
def _spline(symbol: str, part: str) -> CubicSpline:
    """f as a spline in asinh ω, so that it is sampled finely near zero."""
    atom = atomic_density(symbol)
    radii, electrons = _shells(atom, part)
    weights = np.gradient(radii) * electrons
    nodes = np.linspace(0, np.arcsinh(_MAX_FREQUENCY), 500)
    values = np.array([weights @ np.sinc(omega * radii / np.pi) for omega in np.sinh(nodes)])
    if values[0] > 0:
        values *= atom.electrons(part) / values[0]
    return CubicSpline(nodes, values)
