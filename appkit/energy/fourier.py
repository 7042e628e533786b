"""The Fourier dictionary of planar molecules."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from sklearn.utils.validation import check_is_fitted

from appkit.energy.density import PlanarDensity
from appkit.energy.dictionaries import DEFAULT_CHANNELS, PlanarDictionary, check_molecules
from appkit.energy.dictionary import check_bytes
from appkit.energy.geometry import planar_positions
from appkit.scattering.grid import Grid

#: Angles beyond those that the band limit asks for.
SPARE_ANGLES = 16


class PlanarFourier(PlanarDictionary):
    r"""The Fourier dictionary: circular means of |ρ̂(ω)|^q on ``n_radii`` circles.

    Radii are |ω| = 2π k / box, k = 0 … n_radii − 1; at k = 0 the mean of ρ^q stands instead, as
    in the paper. ρ̂ is exact at every angle: no grid enters but for k = 0.

    Parameters
    ----------
    channels, powers, sigma, coincident : as in :class:`PlanarScattering`.
    n_radii : number of circles.
    box : length in Å whose inverse spaces the radii.
    n_angles : angles in [0, π) of each mean. None: as many as a circle needs. On it |ρ̂|² of a
        molecule of diameter D is band-limited to |ω| D / 2 waves in [0, π), so that more angles
        than that give q = 2 exactly. |ρ̂| has kinks where it is zero: twice as many angles give
        q = 1 to a few thousandths on every circle.

    References
    ----------
    Hirn, Mallat, Poilvert, MMS 15(2) 827–863 (2017), §5 (eq. of the Fourier dictionary).
    """

    def __init__(
        self,
        channels: Sequence[str] = DEFAULT_CHANNELS,
        n_radii: int = 256,
        powers: Sequence[float] = (1, 2),
        box: float = 22.0,
        n_angles: int | None = None,
        sigma: float = 0.25,
        coincident: str = "error",
    ) -> None:
        self.channels = channels
        self.n_radii = n_radii
        self.powers = powers
        self.box = box
        self.n_angles = n_angles
        self.sigma = sigma
        self.coincident = coincident

    def transform(self, X: Sequence[Atoms]) -> NDArray[np.float64]:
        """Features ``(n, P)`` of n molecules, float64."""
        check_is_fitted(self, "features_")
        check_molecules(X, self.coincident)
        density = PlanarDensity(self.channels, self.sigma)
        radii = 2 * math.pi / self.box * np.arange(1, self.n_radii, dtype=np.float64)
        atoms = {
            symbol: np.stack([density.transform_of(symbol, c, radii) for c in density.channels])
            for symbol in {s for m in X for s in m.symbols}
        }
        out = np.empty((len(X), len(density.channels), self.n_radii, len(self.powers)))
        for i, molecule in enumerate(X):
            positions = planar_positions(molecule)
            grid = self._grid(positions, density, radii[-1])
            out[i, :, 0] = density.moments([molecule], self.powers, grid)[0]
            symbols = np.array(molecule.get_chemical_symbols())
            for circles, waves in self._waves(positions, radii):
                rho = np.zeros((len(density.channels), *waves.shape[1:]), dtype=complex)
                for symbol, values in atoms.items():
                    rho += values[:, circles, None] * waves[symbols == symbol].sum(0)
                modulus = np.abs(rho)
                for p, q in enumerate(self.powers):
                    out[i, :, 1:, p][:, circles] = (modulus**q).mean(2)
        return out.reshape(len(X), -1)

    def _grid(self, positions: NDArray[np.float64], density: PlanarDensity, last: float) -> Grid:
        """Where the moments at k = 0 are taken."""
        width, height = np.ptp(positions, axis=0) + 2 * density.reach + 1.0
        fields = 4 * 16 * len(density.channels) * width * height * (last / math.pi) ** 2
        check_bytes(fields, f"for {self.n_radii} circles", "take fewer, or one molecule at a time")
        return Grid.covering(width, height, math.pi / last)

    def _waves(
        self, positions: NDArray[np.float64], radii: NDArray[np.float64]
    ) -> Iterator[tuple[slice, NDArray[np.complex128]]]:
        """e^{−iω·r_k}, ``(atoms, circles, angles)``, an octave of circles at a time."""
        diameter = float(pdist(positions).max(initial=0.0))
        start = 0
        while start < len(radii):
            end = min(max(2 * start, 16), len(radii))
            needed = math.ceil(radii[end - 1] * diameter) + SPARE_ANGLES
            n = needed if self.n_angles is None else self.n_angles
            angles = (np.arange(n) + 0.5) * math.pi / n
            projections = positions @ np.stack([np.cos(angles), np.sin(angles)])
            waves = np.empty((len(positions), end - start, n), dtype=complex)
            waves[:, 0] = np.exp(-1j * radii[start] * projections)
            waves[:, 1:] = np.exp(-1j * radii[0] * projections)[:, None]
            yield slice(start, end), np.cumprod(waves, axis=1, out=waves)
            start = end

    def _paths(self) -> list[dict]:
        angles = 1 if self.n_angles is None else self.n_angles
        if self.n_radii < 2 or angles < 1 or not self.box > 0:
            raise ValueError(
                "A Fourier dictionary needs n_radii ≥ 2, n_angles ≥ 1 and a positive box, not "
                f"{self.n_radii}, {self.n_angles} and {self.box}."
            )
        spacing = 2 * math.pi / self.box
        return [
            {"order": 0 if k == 0 else 1, "radius": k * spacing, "q": q}
            for k in range(self.n_radii)
            for q in self.powers
        ]
