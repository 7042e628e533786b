"""Planar densities ρ̃_x of molecules: sums of isolated atoms, given by their Fourier transforms.

Atoms stay where they are, not on the nearest pixel: ρ̂(ω) = Σ_k ρ̂_{z_k}(|ω|) e^{−iω·r_k} is a
formula that any grid, lattice or circle of frequencies can ask for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
from ase import Atoms
from ase.data import chemical_symbols
from ase.units import Bohr
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import j0
from torch import Tensor

from appkit.energy.atomic import atomic_density
from appkit.energy.geometry import planar_positions
from appkit.scattering.grid import Grid

#: What a channel puts on each atom of charge z.
CHANNELS = {
    "dirac": "a point charge z",
    "core": "the isolated atom's core electrons",
    "valence": "the isolated atom's valence electrons",
    "atomic": "all electrons of the isolated atom, core + valence",
    "gaussian": "a Gaussian of charge z and width σ",
}
#: Distance in Å at which an atom's condensed density has become negligible.
ATOM_REACH = 2.0
_MAX_FREQUENCY = 600.0  # rad/Å
_CACHE_BYTES = 128_000_000


@lru_cache(maxsize=64)
def _radial_spline(symbol: str, part: str) -> CubicSpline:
    """ρ̂_z as a spline in asinh |ω|, so that it is sampled finely near zero."""
    atom = atomic_density(symbol)
    radii = np.linspace(0, 1, 6001)[1:] ** 2 * 8.0  # Å; fine near the nucleus
    electrons = 4 * np.pi * radii**2 * atom.at(radii / Bohr, part) / Bohr**3  # e/Å
    nodes = np.linspace(0, np.arcsinh(_MAX_FREQUENCY), 500)
    weights = np.gradient(radii) * electrons
    charge = atom.electrons(part)
    values = np.array([weights @ j0(alpha * radii) for alpha in np.sinh(nodes)])
    if values[0] > 0:
        values *= charge / values[0]
    return CubicSpline(nodes, values)


def radial_transform(symbol: str, part: str, omega: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Fourier transform of an isolated atom's condensed planar density, at |ω| in rad/Å.

    The density on the sphere of radius α is condensed on the circle of radius α, so
    ρ_2D(r) = 2 r ρ_3D(r) and ρ̂(ω) = ∫ 4π r² ρ_3D(r) J_0(|ω| r) dr, in electrons.
    ``part`` is core, valence or atomic.

    Reference: Hirn, Mallat, Poilvert (2017), §7; the talk's densities.
    """
    if part == "atomic":
        return radial_transform(symbol, "core", omega) + radial_transform(symbol, "valence", omega)
    if symbol == "H" and part == "core":
        return np.zeros_like(omega)
    if omega.max(initial=0.0) > _MAX_FREQUENCY:
        raise ValueError(
            f"Atomic densities are known up to {_MAX_FREQUENCY:g} rad/Å, not "
            f"{omega.max():.4g}: take a larger grid step."
        )
    return _radial_spline(symbol, part)(np.arcsinh(omega))


class PlanarDensity:
    """Densities ρ̃ of planar molecules, in e/Å², one for each channel.

    Parameters
    ----------
    channels : names of :data:`CHANNELS`.
    sigma : width in Å of the Gaussians of the channel ``gaussian``.

    Raises
    ------
    ValueError
        for an unknown channel, no channel, or a σ that is not a positive length.
    """

    def __init__(self, channels: Sequence[str] = ("valence",), sigma: float = 0.25) -> None:
        unknown = [name for name in channels if name not in CHANNELS]
        if unknown or not channels:
            raise ValueError(
                f"Unknown channel {', '.join(unknown) or '(none)'}: choose among "
                f"{', '.join(CHANNELS)}."
            )
        if not (np.isfinite(sigma) and sigma > 0):
            raise ValueError(f"σ must be a positive length in Å, not {sigma}.")
        self.channels, self.sigma = tuple(channels), float(sigma)
        self._radial_cache: dict[tuple, Tensor] = {}

    @property
    def reach(self) -> float:
        """Distance in Å from an atom at which every channel has become negligible."""
        reaches = {"dirac": 0.0, "gaussian": 4 * self.sigma}
        return max(reaches.get(channel, ATOM_REACH) for channel in self.channels)

    def transform_of(self, symbol: str, channel: str, omega: NDArray) -> NDArray[np.float64]:
        """ρ̂_z(|ω|) of one atom at the origin, ``omega`` in rad/Å."""
        z = chemical_symbols.index(symbol)
        if channel == "dirac":
            return np.full_like(omega, z)
        if channel == "gaussian":
            return z * np.exp(-((self.sigma * omega) ** 2) / 2)
        return radial_transform(symbol, channel, omega)

    def spectrum(
        self, molecules: Sequence[Atoms], dtype: torch.dtype = torch.complex64
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """ρ̂ of ``molecules`` as a function of frequencies in rad/Å.

        The function takes ω_y ``(m_y,)`` and ω_x ``(m_x,)`` and returns
        ``(len(molecules) · len(channels), m_y, m_x)``, channels fastest.
        """
        placed = [(np.array(m.get_chemical_symbols()), planar_positions(m)) for m in molecules]

        def rho_hat(omega_y: Tensor, omega_x: Tensor) -> Tensor:
            out = [self._one(symbols, xy, omega_y, omega_x, dtype) for symbols, xy in placed]
            return torch.cat(out)

        return rho_hat

    def fourier(self, molecules: Sequence[Atoms], grid: Grid) -> Tensor:
        """ρ̂ on the grid's frequencies in FFT order: ``(molecules, channels, n_y, n_x)``."""
        values = self.spectrum(molecules, torch.complex128)(*grid.frequencies())
        return values.unflatten(0, (len(molecules), len(self.channels)))

    def real(self, molecules: Sequence[Atoms], grid: Grid) -> Tensor:
        """ρ̃ on the grid in e/Å²: ``(molecules, channels, n_y, n_x)``, float64.

        Frequencies above the grid's Nyquist frequency are left out, so sharp densities (Dirac
        above all) ring where the step is too coarse for them.
        """
        return grid.to_space(self.fourier(molecules, grid)).real

    def moments(
        self, molecules: Sequence[Atoms], powers: Sequence[float], grid: Grid
    ) -> NDArray[np.float64]:
        """∫ ρ̃^q du: ``(molecules, channels, powers)``.

        q = 1 counts electrons and q = 2 is Parseval's sum, neither of which feels where the
        samples lie; other powers are sums over the samples. A point charge z counts as z/h² on
        one pixel of step h, as in the paper, so Dirac's moments are Σ z^q h^{2−2q}.
        """
        out = np.empty((len(molecules), len(self.channels), len(powers)))
        for m, molecule in enumerate(molecules):
            spectrum = self.fourier([molecule], grid)[0]
            for p, q in enumerate(powers):
                if q == 2:
                    total = spectrum.abs().square().sum((-2, -1)) / math.prod(grid.box)
                elif q != 1:
                    field = grid.to_space(spectrum).real.abs()
                    total = field.pow(q).sum((-2, -1)) * grid.step**2
                for c, channel in enumerate(self.channels):
                    if channel == "dirac":
                        points = (molecule.numbers.astype(float) ** q).sum()
                        out[m, c, p] = points * grid.step ** (2 - 2 * q)
                    else:
                        out[m, c, p] = float(spectrum[c, 0, 0].real if q == 1 else total[c])
        return out

    def _one(
        self, symbols: NDArray, xy: NDArray, omega_y: Tensor, omega_x: Tensor, dtype: torch.dtype
    ) -> Tensor:
        total = torch.zeros(
            (len(self.channels), len(omega_y), len(omega_x)), dtype=dtype, device=omega_y.device
        )
        for symbol in np.unique(symbols):
            x, y = torch.as_tensor(xy[symbols == symbol].T, device=omega_y.device)
            waves_y = torch.exp(-1j * torch.outer(omega_y, y)).to(dtype)
            waves_x = torch.exp(-1j * torch.outer(x, omega_x)).to(dtype)
            structure = waves_y @ waves_x
            total += self._radial(str(symbol), omega_y, omega_x, total.real.dtype) * structure
        return total

    def _radial(self, symbol: str, omega_y: Tensor, omega_x: Tensor, dtype: torch.dtype) -> Tensor:
        """ρ̂_z on a lattice for each channel, kept because every molecule asks for it again."""
        ends = [(len(w), float(w[0]), float(w[-1])) for w in (omega_y, omega_x)]
        key = (symbol, *ends, dtype, omega_y.device)
        kept = self._radial_cache.get(key)  # threads of a page share this: look once
        if kept is None:
            omega = torch.hypot(omega_y[:, None], omega_x[None, :]).cpu().numpy()
            values = [self.transform_of(symbol, channel, omega) for channel in self.channels]
            kept = torch.as_tensor(np.stack(values), dtype=dtype, device=omega_y.device)
            if sum(v.nbytes for v in list(self._radial_cache.values())) > _CACHE_BYTES:
                self._radial_cache.clear()
            self._radial_cache[key] = kept
        return kept
