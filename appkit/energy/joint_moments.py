"""Joint moments of solid harmonic fields of molecules: a scikit-learn transformer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from ase import Atoms
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from appkit.device import check_device
from appkit.energy.apart import warn_near
from appkit.energy.bonds import bonds
from appkit.energy.channels import CHANNELS, charges, check_channels
from appkit.energy.dictionary import (
    Dictionary,
    check_bytes,
    check_jobs,
    in_parallel,
)
from appkit.energy.frame import principal_axes
from appkit.energy.solid_harmonic import check_volumes, scales_of
from appkit.scattering.joint_moments import JointMoments
from appkit.scattering.threads import one_thread
from appkit.scattering.work import Work

COLUMNS = ["order", "channel", "j", "l", "q", "channel2", "l2", "q2"]


class JointSolidHarmonic(Dictionary):
    """First-order invariants of a molecule's channels together: ∫ U_a, ∫ U_a U_b, ∫ U_a² U_b.

    See :class:`appkit.scattering.JointMoments`. Channels of one molecule are different densities of
    the same atoms; how they meet tells elements and bonds apart, which
    :class:`SolidHarmonicScattering`, channel by channel, does not see. There are no powers below 1
    and no second order, so that a molecule takes a fraction of its time.

    Parameters
    ----------
    channels : of :data:`appkit.energy.channels.CHANNELS`.
    sigma : width of the atoms and of the finest wavelets, Å; see :class:`appkit.energy.Sampling`.
    J, Q, L, tolerance, device, n_jobs : as in :class:`SolidHarmonicScattering`.

    Attributes
    ----------
    features_ : frame with a row for each φ_k: order, channel, j, l, q, channel2, l2, q2.

    Raises
    ------
    ValueError
        for bad parameters or molecules (empty, periodic, not finite, with coincident atoms, too
        large for the memory).
    """

    def __init__(
        self,
        channels: Sequence[str] = ("nuclear", "valence", "core", "bond"),
        sigma: float = 0.25,
        J: int = 2,
        Q: int = 2,
        L: int = 6,
        tolerance: float = 5e-3,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> None:
        self.channels = channels
        self.sigma = sigma
        self.J = J
        self.Q = Q
        self.L = L
        self.tolerance = tolerance
        self.device = device
        self.n_jobs = n_jobs

    def fit(self, X: Sequence[Atoms], y: object = None) -> JointSolidHarmonic:
        """Check the parameters and molecules, and lay out the features. Nothing is learned."""
        check_channels(self.channels, CHANNELS)
        check_device(self.device)
        check_volumes(X)
        names = self._names()
        rows = []
        for path in self._moments().joint_paths(len(names)):
            row: dict[str, object] = {"order": 1, **path}
            for key in ("channel", "channel2"):
                if key in path:
                    row[key] = names[int(path[key])]
            rows.append(row)
        self.features_ = pd.DataFrame(rows).reindex(columns=COLUMNS)
        return self

    def transform(self, X: Sequence[Atoms]) -> NDArray[np.float64]:
        """Features ``(n, P)`` of n molecules, float64."""
        check_is_fitted(self, "features_")
        check_volumes(X)
        warn_near(X)
        sizes, where = [self.memory([molecule]) for molecule in X], f"at σ = {self.sigma:g} Å"
        check_bytes(max(sizes), where, "take a larger σ or atoms that belong to one molecule")
        check_jobs(sizes, self.n_jobs, where)
        return in_parallel(
            lambda molecule: self.invariants(torch.as_tensor(molecule.positions), molecule),
            X,
            self.n_jobs,
        )

    @one_thread()
    def invariants(self, positions: torch.Tensor, molecule: Atoms) -> torch.Tensor:
        """Features ``(P,)`` with the atoms of a molecule at positions (K, 3), Å; differentiable."""
        check_is_fitted(self, "features_")
        # The axes change nothing but the box, so that they have no derivative.
        axes = torch.as_tensor(principal_axes(positions.detach().cpu().numpy()))
        laid = (positions.to(torch.float64) @ axes.to(positions.device)).to(self.device)
        groups = []
        if on_atoms := [name for name in self.channels if name != "bond"]:
            groups.append((laid, torch.as_tensor(charges(molecule.numbers, on_atoms)).to(laid)))
        if "bond" in self.channels:
            middles, electrons = bonds(laid, molecule.numbers)
            groups.append((middles, electrons[None]))
        return self._moments().joint(groups)

    @one_thread()
    def memory(self, X: Sequence[Atoms]) -> int:
        """Bytes that the largest molecule needs, estimated before any work."""
        moments, many = self._moments(), len(self.channels)
        sizes = ((self._extent(m), len(m)) for m in X)
        # No more bonds than twice the atoms.
        return max((moments.memory(size, 2 * n, many) for size, n in sizes), default=0)

    @one_thread()
    def work(self, X: Sequence[Atoms]) -> Work:
        """What molecules need; bonds counted as atoms."""
        moments, many = self._moments(), len(self.channels)
        return sum((moments.work(self._extent(m), len(m), many) for m in X), Work())

    @staticmethod
    def _extent(molecule: Atoms) -> tuple[float, float, float]:
        """Of the cuboid about its atoms along its principal axes, Å."""
        positions = molecule.positions
        x, y, z = np.ptp(positions @ principal_axes(positions), axis=0).tolist()
        return x, y, z

    def _names(self) -> list[str]:
        """The channels in the order in which they are computed: bonds are points of their own."""
        on_atoms = [name for name in self.channels if name != "bond"]
        return on_atoms + (["bond"] if "bond" in self.channels else [])

    def _moments(self) -> JointMoments:
        scales = scales_of(self.J, self.Q)
        return JointMoments(self.sigma, scales, self.L, tolerance=self.tolerance)
