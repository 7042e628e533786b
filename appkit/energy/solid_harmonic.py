"""Solid harmonic scattering of molecules, crystals and densities: a scikit-learn transformer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from ase import Atoms
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from appkit.device import check_device
from appkit.energy.apart import warn_near
from appkit.energy.channels import ATOMIC_CHANNELS
from appkit.energy.dictionary import (
    Dictionary,
    check_apart,
    check_bytes,
    check_jobs,
    in_parallel,
)
from appkit.energy.frame import Frame
from appkit.energy.geometry import check_list
from appkit.energy.spaces import Space, check_spaces, densities
from appkit.energy.volume import VolumetricDensity
from appkit.scattering.solid_harmonic import SolidHarmonic
from appkit.scattering.solid_harmonic_cascade import SolidHarmonicCascade
from appkit.scattering.solid_harmonic_fourier import FourierSolidHarmonic
from appkit.scattering.spectra import FourierDensity, GaussianDensity
from appkit.scattering.threads import one_thread
from appkit.scattering.work import Work

Cascade = TypeVar("Cascade", bound=SolidHarmonicCascade)
COLUMNS = ["order", "channel", "j", "l", "j2", "l2", "q"]


class SolidHarmonicScattering(Dictionary):
    r"""Solid harmonic scattering invariants, orders 0, 1 and 2, of densities in three dimensions.

    Of a list of ``ase.Atoms``, molecules in free space or crystals in any cell, and of
    :class:`appkit.energy.VolumetricDensity`. See :class:`appkit.scattering.SolidHarmonic` for the
    invariants; those of a periodic density are integrals over its cell. A channel is a sum of
    Gaussians Σ_k c_k g_σ(u − r_k); or of isolated atoms' densities, whose order zero is of ρ∗g_σ;
    or a density on a grid, by its name, whose order zero is of its samples as they are.

    Parameters
    ----------
    channels : of :data:`appkit.energy.channels.CHANNELS` or ``ATOMIC_CHANNELS``; names of the
        densities where the list holds densities on grids.
    sigma : width of the atoms and of the finest wavelets, Å; see :class:`appkit.energy.Sampling`.
    J : the coarsest scale; the wavelets have the widths 2^j σ, j = 0, 1/Q, …, J.
    Q : scales in an octave.
    L, powers, order, pairs, tolerance : as in :class:`appkit.scattering.SolidHarmonic`.
    device : torch device, such as ``cpu`` or ``cuda``.
    n_jobs : molecules at once, one thread each; None is 1, -1 one for each core.

    Attributes
    ----------
    features_ : frame with a row for each φ_k: order, channel, j, l, j2, l2, q.

    Raises
    ------
    ValueError
        for bad parameters; molecules that are empty, not finite, with coincident atoms, periodic in
        some directions only, or too large for the memory; unknown elements (isolated atoms); a
        cell lower than the coarsest wavelets are wide; a grid coarser than the finest; powers so
        small that they feel rounding far from the atoms, in free space.

    References
    ----------
    Eickenberg, Exarchakis, Hirn, Mallat, Thiry, J. Chem. Phys. 148, 241732 (2018).
    """

    def __init__(
        self,
        channels: Sequence[str] = ("nuclear", "valence", "core"),
        sigma: float = 0.25,
        J: int = 2,
        Q: int = 1,
        L: int = 3,
        powers: Sequence[float] = (0.5, 1, 2, 3),
        order: int = 2,
        pairs: str = "same",
        tolerance: float = 1e-3,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> None:
        self.channels = channels
        self.sigma = sigma
        self.J = J
        self.Q = Q
        self.L = L
        self.powers = powers
        self.order = order
        self.pairs = pairs
        self.tolerance = tolerance
        self.device = device
        self.n_jobs = n_jobs

    def fit(self, X: Sequence[Space], y: object = None) -> SolidHarmonicScattering:
        """Check the parameters and molecules, and lay out the features. Nothing is learned."""
        check_device(self.device)
        self._check(X)
        paths = self._transform(SolidHarmonic).paths
        rows = [{**path, "channel": name} for name in self.channels for path in paths]
        self.features_ = pd.DataFrame(rows).reindex(columns=COLUMNS)
        return self

    def transform(self, X: Sequence[Space]) -> NDArray[np.float64]:
        """Features ``(n, P)`` of n molecules, float64."""
        check_is_fitted(self, "features_")
        self._check(X)
        warn_near(X)
        self._check_memory(X)

        def values(item: Space) -> torch.Tensor:
            return self._values(self._densities(item), torch.float32)

        return in_parallel(values, X, self.n_jobs)

    @one_thread()
    def invariants(
        self, positions: torch.Tensor, molecule: Atoms, frame: Frame | None = None
    ) -> torch.Tensor:
        """Features ``(P,)`` with the atoms of a molecule at positions (K, 3), Å; differentiable.

        In double precision. The grids follow the positions, up to the tolerance, unless a ``frame``
        holds them; then the gradient is exactly that of the values.
        """
        check_is_fitted(self, "features_")
        return self._values(self._densities(molecule, positions, frame), torch.float64)

    @one_thread()
    def memory(self, X: Sequence[Space]) -> int:
        """Bytes that the largest molecule needs, estimated before any work."""
        return max(map(self._size, X), default=0)

    @one_thread()
    def work(self, X: Sequence[Atoms]) -> Work | None:
        """What molecules in free space need; None where it cannot tell.

        That is where some densities are not Gaussian atoms.
        """
        transform, total = self._transform(SolidHarmonic), Work()
        for _, density in (part for molecule in X for part in self._densities(molecule)):
            if not isinstance(density, GaussianDensity) or density.periodic:
                return None
            n = len(density.positions)
            total += transform.work(density.edges, n, density.channels)
        return total

    def _transform(self, kind: type[Cascade], dtype: torch.dtype = torch.float32) -> Cascade:
        return kind(
            self.sigma,
            scales_of(self.J, self.Q),
            self.L,
            self.powers,
            order=self.order,
            pairs=self.pairs,
            tolerance=self.tolerance,
            dtype=dtype,
        )

    def _check(self, X: Sequence[Space]) -> None:
        transform = self._transform(FourierSolidHarmonic)
        check_spaces(X, self.channels, transform)
        if any(isinstance(item, Atoms) and not item.pbc.any() for item in X):
            atomic = set(self.channels) & set(ATOMIC_CHANNELS)
            (transform if atomic else self._transform(SolidHarmonic)).check_power()
        for i, item in enumerate(X):
            if isinstance(item, VolumetricDensity):
                try:
                    transform.check(item.sampled(self.channels))
                except ValueError as error:
                    raise ValueError(f"Density {i}, lengths in Å: {error}") from error

    def _densities(
        self, item: Space, positions: torch.Tensor | None = None, frame: Frame | None = None
    ) -> list[tuple[list[str], FourierDensity]]:
        if isinstance(item, VolumetricDensity):
            return [(list(self.channels), item.sampled(self.channels, self.device))]
        if positions is None:
            positions = torch.as_tensor(item.positions)
        cascade = self._transform(SolidHarmonic)
        return densities(item, positions.to(self.device), self.channels, cascade, frame)

    def _check_memory(self, X: Sequence[Space]) -> None:
        sizes, where = list(map(self._size, X)), f"at σ = {self.sigma:g} Å"
        largest = X[max(range(len(sizes)), key=sizes.__getitem__)]
        kind, advice = "molecule", "take a larger σ or atoms that belong to one molecule"
        if isinstance(largest, VolumetricDensity):
            kind, advice = "density", "take a larger σ, a larger tolerance or fewer samples"
        elif largest.pbc.all():
            kind, advice = "crystal", "take a larger σ or a smaller cell"
        if (q := min(self.powers)) < 0.5:
            advice += f", or powers from 0.5 up: q = {q:g} asks for finer grids and wider boxes"
        check_bytes(max(sizes), where, advice, kind)
        check_jobs(sizes, self.n_jobs, where)

    @one_thread()
    def _size(self, item: Space) -> int:
        """Bytes that one molecule needs."""
        return max(self._bytes(density) for _, density in self._densities(item))

    def _bytes(self, density: FourierDensity) -> int:
        if isinstance(density, GaussianDensity) and not density.periodic:
            n_points = len(density.positions)
            return self._transform(SolidHarmonic).memory(density.edges, n_points, density.channels)
        return self._transform(FourierSolidHarmonic).memory(density)

    def _values(
        self, parts: list[tuple[list[str], FourierDensity]], dtype: torch.dtype
    ) -> torch.Tensor:
        """Features ``(P,)``, the channels in their order."""
        rows: dict[str, torch.Tensor] = {}
        for names, density in parts:
            if isinstance(density, GaussianDensity) and not density.periodic:
                given = (density.positions, density.charges, density.edges)
                values = self._transform(SolidHarmonic, dtype)(*given)
            else:
                values = self._transform(FourierSolidHarmonic, dtype)(density)
            rows.update(zip(names, values, strict=True))
        return torch.cat([rows[name] for name in self.channels])


def scales_of(J: int, Q: int) -> tuple[float, ...]:
    """j = 0, 1/Q, …, J; ``ValueError`` unless both are whole numbers, J ≥ 0 and Q ≥ 1."""
    for name, value, least in (("J", J, 0), ("Q", Q, 1)):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or value < least:
            raise ValueError(f"{name} must be a whole number from {least} up, not {value!r}.")
    return tuple(step / Q for step in range(J * Q + 1))


def check_volumes(X: Sequence[Atoms]) -> None:
    """Raise ``ValueError``, naming the molecule, where one has no density in a box."""
    check_list(X)
    for i, molecule in enumerate(X):
        name = f"Molecule {i} ({molecule.get_chemical_formula()})"
        if molecule.pbc.any():
            raise ValueError(f"{name} is periodic: this dictionary is of molecules in free space.")
        check_apart(molecule, i, molecule.positions)
