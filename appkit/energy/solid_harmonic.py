"""Solid harmonic scattering of molecules: a scikit-learn transformer of lists of ``ase.Atoms``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from ase import Atoms
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from appkit.energy.bonds import bonds
from appkit.energy.dictionary import Dictionary, check_apart, check_bytes, check_device
from appkit.energy.frame import Frame, principal_axes
from appkit.energy.geometry import check_list
from appkit.scattering.solid_harmonic import SolidHarmonic

COLUMNS = ["order", "channel", "j", "l", "j2", "l2", "q"]
#: What a channel puts on each atom, or half-way between two.
CHANNELS = {
    "nuclear": "the nuclear charge z",
    "valence": "the number of valence electrons",
    "core": "the number of core electrons",
    "bond": "two electrons times Pauling's bond order, at the middle of each bond",
}
#: Electrons of the closed shells below the valence shell, from the heaviest noble gas down.
_NOBLE = (86, 54, 36, 18, 10, 2)


class SolidHarmonicScattering(Dictionary):
    r"""Solid harmonic scattering invariants of molecules, orders 0, 1 and 2, in three dimensions.

    Each channel is a density Σ_k c_k g_σ(u − r_k) of Gaussians; see
    :class:`appkit.scattering.SolidHarmonic` for the invariants. Molecules are turned to their
    principal axes first, which makes their boxes small and changes no invariant.

    Parameters
    ----------
    channels : of `CHANNELS`.
    sigma : width of the atoms and of the finest wavelets, Å; see :class:`appkit.energy.Sampling`.
    J : the coarsest scale; the wavelets have the widths 2^j σ, j = 0, 1/Q, …, J.
    Q : scales in an octave.
    L, powers, order, pairs, tolerance : as in :class:`appkit.scattering.SolidHarmonic`.
    device : torch device, such as ``cpu`` or ``cuda``.

    Attributes
    ----------
    features_ : frame with a row for each φ_k: order, channel, j, l, j2, l2, q.

    Raises
    ------
    ValueError
        for bad parameters or molecules (empty, periodic, not finite, with coincident atoms, too
        large for the memory).

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

    def fit(self, X: Sequence[Atoms], y: object = None) -> SolidHarmonicScattering:
        """Check the parameters and molecules, and lay out the features. Nothing is learned."""
        check_channels(self.channels)
        check_device(self.device)
        transform = self._transform()
        check_volumes(X)
        rows = [{**path, "channel": name} for name in self.channels for path in transform.paths]
        self.features_ = pd.DataFrame(rows).reindex(columns=COLUMNS)
        return self

    def transform(self, X: Sequence[Atoms]) -> NDArray[np.float64]:
        """Features ``(n, P)`` of n molecules, float64."""
        check_is_fitted(self, "features_")
        check_volumes(X)
        transform = self._transform()
        check_bytes(
            self.memory(X),
            f"at σ = {self.sigma:g} Å",
            "take a larger σ or atoms that belong to one molecule",
        )
        out = np.empty((len(X), len(self.features_)))
        for i, molecule in enumerate(X):
            with torch.no_grad():
                values = self._values(transform, torch.as_tensor(molecule.positions), molecule)
            out[i] = values.cpu().numpy()
        return out

    def invariants(
        self, positions: torch.Tensor, molecule: Atoms, frame: Frame | None = None
    ) -> torch.Tensor:
        """Features ``(P,)`` with the atoms of a molecule at positions (K, 3), Å; differentiable.

        In double precision. The grids follow the positions, up to the tolerance, unless a ``frame``
        holds them; then the gradient is exactly that of the values.
        """
        check_is_fitted(self, "features_")
        return self._values(self._transform(torch.float64), positions, molecule, frame)

    def memory(self, X: Sequence[Atoms]) -> int:
        """Bytes that the largest molecule needs, estimated before any work."""
        transform = self._transform()
        sizes = (np.ptp(m.positions @ principal_axes(m.positions), axis=0) for m in X)
        return max(
            transform.memory((float(x), float(y), float(z)), len(self.channels))
            for x, y, z in sizes
        )

    def _transform(self, dtype: torch.dtype = torch.float32) -> SolidHarmonic:
        for name, value, least in (("J", self.J, 0), ("Q", self.Q, 1)):
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if not whole or value < least:
                raise ValueError(f"{name} must be a whole number from {least} up, not {value!r}.")
        return SolidHarmonic(
            self.sigma,
            tuple(step / self.Q for step in range(self.J * self.Q + 1)),
            self.L,
            tuple(self.powers),
            order=self.order,
            pairs=self.pairs,
            tolerance=self.tolerance,
            dtype=dtype,
        )

    def _values(
        self,
        transform: SolidHarmonic,
        positions: torch.Tensor,
        molecule: Atoms,
        frame: Frame | None = None,
    ) -> torch.Tensor:
        extent = None if frame is None else frame.extent
        if frame is None:
            # The axes change nothing but the box, so that they have no derivative.
            axes = torch.as_tensor(principal_axes(positions.detach().cpu().numpy()))
            turned = positions.to(torch.float64) @ axes.to(positions.device)
        else:
            turned = frame.lay(positions)
        turned = turned.to(self.device)
        on_atoms = [name for name in self.channels if name != "bond"]
        parts = {}
        if on_atoms:
            charges = torch.as_tensor(_charges(molecule.numbers, on_atoms), device=self.device)
            parts = dict(zip(on_atoms, transform(turned, charges, extent), strict=True))
        if "bond" in self.channels:
            middles, electrons = bonds(turned, molecule.numbers)
            parts["bond"] = transform(middles, electrons[None], extent)[0]
        return torch.cat([parts[name] for name in self.channels])


def check_channels(channels: Sequence[str]) -> None:
    """Raise ``ValueError`` where there is none, or one that is not of `CHANNELS`."""
    unknown = [name for name in channels if name not in CHANNELS]
    if unknown or not channels:
        raise ValueError(
            f"Unknown channel {', '.join(unknown) or '(none)'}: choose among {', '.join(CHANNELS)}."
        )


def gaussians(molecule: Atoms, channel: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Where a channel of `CHANNELS` puts Gaussians, (K, 3) in Å, and their charges (1, K), e."""
    check_channels([channel])
    positions = torch.as_tensor(molecule.positions, dtype=torch.float64)
    if channel == "bond":
        middles, electrons = bonds(positions, molecule.numbers)
        return middles, electrons[None]
    return positions, torch.as_tensor(_charges(molecule.numbers, [channel]))


def _charges(numbers: NDArray[np.int64], channels: Sequence[str]) -> NDArray[np.float64]:
    """``(channels, atoms)``."""
    core = np.array([next((n for n in _NOBLE if n < z), 0) for z in numbers], dtype=float)
    table = {"nuclear": numbers.astype(float), "valence": numbers - core, "core": core}
    return np.stack([table[name] for name in channels])


def check_volumes(X: Sequence[Atoms]) -> None:
    """Raise ``ValueError``, naming the molecule, where one has no density in a box."""
    check_list(X)
    for i, molecule in enumerate(X):
        name = f"Molecule {i} ({molecule.get_chemical_formula()})"
        if molecule.pbc.any():
            raise ValueError(f"{name} is periodic: this dictionary is of molecules in free space.")
        check_apart(molecule, i, molecule.positions)
