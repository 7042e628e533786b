"""Dictionaries Φ(x) of planar molecules: scikit-learn transformers of lists of ``ase.Atoms``."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from numbers import Integral

import numpy as np
import pandas as pd
import torch
from ase import Atoms
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from appkit.device import check_device
from appkit.energy.density import PlanarDensity
from appkit.energy.dictionary import Dictionary, check_apart, check_bytes
from appkit.energy.geometry import check_list, planar_positions
from appkit.scattering.grid import Grid
from appkit.scattering.morlet import MorletBank
from appkit.scattering.planar import PlanarCascade

COLUMNS = ["order", "channel", "j", "theta", "j2", "ell", "radius", "q"]
DEFAULT_CHANNELS = ("dirac", "core", "valence")
#: Å; coarser wavelets see a molecule as a point.
LONGEST_WAVE = 100.0
#: Molecules are taken together up to ``batch_size`` and up to this many bytes.
BATCH_BYTES = 1_000_000_000


class PlanarDictionary(Dictionary):
    """What the planar dictionaries share: checks and the frame of the features.

    A subclass sets ``_paths()``, the features of one channel, and ``transform``.
    """

    channels: Sequence[str]
    sigma: float
    coincident: str

    def fit(self, X: Sequence[Atoms], y: object = None) -> PlanarDictionary:
        """Check the parameters and molecules, and lay out the features. Nothing is learned."""
        check_molecules(X, self.coincident)
        density = PlanarDensity(self.channels, self.sigma)
        rows = [{**path, "channel": c} for c in density.channels for path in self._paths()]
        self.features_ = pd.DataFrame(rows).reindex(columns=COLUMNS)
        return self

    def _paths(self) -> list[dict]:
        raise TypeError(f"{type(self).__name__} has no features of its own.")


class PlanarScattering(PlanarDictionary):
    r"""Scattering invariants of planar densities: orders 0, 1 and 2.

    ∫ρ^q, ∫|ρ∗ψ_{j,θ}|^q and ∫||ρ∗ψ_{j,θ}|∗ψ_{j',θ+θ'}|^q, averaged over θ and reflections, for
    each channel; with ``angular=True`` the roto-translation second order.

    Parameters
    ----------
    channels : of :data:`appkit.energy.density.CHANNELS`.
    J, L : numbers of scales and angles.
    step : finest scale in Å; ψ_j has wavelength 8/3 · 2^j · step.
    powers : exponents q > 0.
    order : 0, 1 or 2.
    angular : roto-translation second order instead of the translation one.
    sigma : width in Å of the channel ``gaussian``.
    tolerance : amplitude below which wavelets are neglected; sets every sampling and box.
    batch_size : molecules computed together, fewer where their fields would pass 1 GB.
    device : torch device, such as ``cpu`` or ``cuda``.
    coincident : what two atoms at one point of the plane get: "error", or "add" (their densities
        add up, as in three molecules of QM7-2D that its projection damaged).

    Attributes
    ----------
    features_ : frame with a row for each φ_k: order, channel, j, theta (θ' in radians), j2, ell, q.

    Raises
    ------
    ValueError
        for bad parameters or molecules (empty, not planar, unknown element, not finite, with
        coincident atoms).

    References
    ----------
    Hirn, Mallat, Poilvert, MMS 15(2) 827–863 (2017), §6–7. Their features are means over a grid;
    these are integrals over the plane, which differ by a constant factor and need no common box.
    """

    def __init__(
        self,
        channels: Sequence[str] = DEFAULT_CHANNELS,
        J: int = 7,
        L: int = 16,
        step: float = 0.1,
        powers: Sequence[float] = (1, 2),
        order: int = 2,
        angular: bool = False,
        sigma: float = 0.25,
        tolerance: float = 1e-3,
        batch_size: int = 8,
        device: str = "cpu",
        coincident: str = "error",
    ) -> None:
        self.channels = channels
        self.J = J
        self.L = L
        self.step = step
        self.powers = powers
        self.order = order
        self.angular = angular
        self.sigma = sigma
        self.tolerance = tolerance
        self.batch_size = batch_size
        self.device = device
        self.coincident = coincident

    def transform(self, X: Sequence[Atoms]) -> NDArray[np.float64]:
        """Features ``(n, P)`` of n molecules, float64."""
        check_is_fitted(self, "features_")
        check_molecules(X, self.coincident)
        density = PlanarDensity(self.channels, self.sigma)
        out = np.empty((len(X), len(self.features_)))
        each = self._bytes_each(X, density)
        check_bytes(
            each,
            f"at step {self.step:g} Å with L = {self.L} angles",
            "take a larger step, fewer angles or channels, or atoms that belong to one molecule",
        )
        size = max(1, min(self.batch_size, BATCH_BYTES // each))
        for extent, members in batches(X, density.reach, size):
            molecules = [X[i] for i in members]
            shape = (len(molecules), len(density.channels), -1)
            height, width = extent
            grid = Grid.covering(width, height, self.step)
            parts = [density.moments(molecules, self.powers, grid)]
            if self.order > 0:
                with torch.no_grad():
                    values = self._cascade(extent)(density.spectrum(molecules))
                parts.append(values.reshape(shape).cpu().numpy())
            out[members] = np.concatenate(parts, axis=2).reshape(len(molecules), -1)
        return out

    def memory(self, X: Sequence[Atoms]) -> int:
        """Bytes that ``transform(X)`` needs at its largest batch, estimated before any work."""
        each = self._bytes_each(X, PlanarDensity(self.channels, self.sigma))
        return max(each, min(self.batch_size * each, BATCH_BYTES))

    def _bytes_each(self, X: Sequence[Atoms], density: PlanarDensity) -> int:
        """Bytes of the finest scale's fields of one molecule, the largest of ``X``."""
        width, height = np.max([np.ptp(planar_positions(m), axis=0) for m in X], axis=0)
        bank = self._bank()
        half = bank.half_band(0, self.tolerance) / math.pi
        margin = 2 * (density.reach + bank.reach(min(1, self.J - 1), self.tolerance))
        pixels = half**2 * (width + margin) * (height + margin)
        fields = len(density.channels) * self.L
        return int(pixels * (fields * 24 + self.L * 24))  # four arrays of a field; the filters

    def _bank(self) -> MorletBank:
        return MorletBank(self.J, self.L, self.step)

    def _cascade(self, extent: tuple[float, float]) -> PlanarCascade:
        if getattr(self, "_kept", (None,))[0] != extent:
            cascade = PlanarCascade(
                self._bank(),
                extent,
                powers=tuple(self.powers),
                order=self.order,
                angular=self.angular,
                tolerance=self.tolerance,
                chunk_bytes=4_000_000 if self.device == "cpu" else 2_000_000_000,
            )
            self._kept = (extent, cascade.to(self.device))
        return self._kept[1]

    def _paths(self) -> list[dict]:
        for name, value in (("J", self.J), ("L", self.L), ("batch_size", self.batch_size)):
            if not isinstance(value, Integral) or value < 1:
                raise ValueError(f"{name} must be a whole number above zero, not {value!r}.")
        if not 0 < self.tolerance < 0.5:
            raise ValueError(f"The tolerance must lie between 0 and 0.5, not {self.tolerance}.")
        check_device(self.device)
        if not (np.isfinite(self.step) and self.step > 0):
            raise ValueError(f"The finest scale must be a positive length, not {self.step}.")
        largest = int(math.log2(LONGEST_WAVE * 3 / 8 / self.step)) + 1
        if largest < self.J:
            raise ValueError(
                f"J = {self.J} is too large: at step {self.step:g} Å its coarsest wavelets would "
                f"be longer than {LONGEST_WAVE:g} Å, far beyond a molecule. Take J ≤ {largest}."
            )
        rows: list[dict] = [{"order": 0, "q": q} for q in self.powers]
        if self.order == 0:
            return rows
        # what the features are does not depend on the step, so it is read off a coarse cascade
        bank = MorletBank(self.J, self.L, finest=1.0)
        cascade = PlanarCascade(
            bank, (8, 8), powers=tuple(self.powers), order=self.order, angular=self.angular
        )
        return rows + list(cascade.paths)

    def __getstate__(self) -> dict:
        return {k: v for k, v in super().__getstate__().items() if k != "_kept"}


class PlanarWavelets(PlanarScattering):
    """The wavelet dictionary: orders 0 and 1 of :class:`PlanarScattering`, 2 + 2J a channel."""

    def __init__(
        self,
        channels: Sequence[str] = DEFAULT_CHANNELS,
        J: int = 7,
        L: int = 16,
        step: float = 0.1,
        powers: Sequence[float] = (1, 2),
        sigma: float = 0.25,
        tolerance: float = 1e-3,
        batch_size: int = 8,
        device: str = "cpu",
        coincident: str = "error",
    ) -> None:
        super().__init__(
            channels=channels,
            J=J,
            L=L,
            step=step,
            powers=powers,
            order=1,
            sigma=sigma,
            tolerance=tolerance,
            batch_size=batch_size,
            device=device,
            coincident=coincident,
        )


def check_molecules(X: Sequence[Atoms], coincident: str = "error") -> None:
    """Raise ``ValueError``, naming the molecule, where one cannot become a planar density."""
    if coincident not in ("error", "add"):
        raise ValueError(f'coincident must be "error" or "add", not {coincident!r}.')
    check_list(X)
    for i, molecule in enumerate(X):
        try:
            positions = planar_positions(molecule)
        except ValueError as error:
            error.add_note(f"Molecule {i} of {len(X)}.")
            raise
        if coincident == "error":
            advice = ', or set coincident="add" to let their densities add up'
            check_apart(molecule, i, positions, " in the plane", advice)


def batches(
    X: Sequence[Atoms], reach: float, size: int
) -> Iterator[tuple[tuple[float, float], list[int]]]:
    """Molecules of like size together: ``(height, width)`` in Å and the indices of a batch.

    The sizes are rounded up to whole Å, so that few sets of filters serve all molecules.
    """
    groups: dict[tuple[float, float], list[int]] = defaultdict(list)
    for i, molecule in enumerate(X):
        width, height = np.ceil(np.ptp(planar_positions(molecule), axis=0) + 2 * reach)
        groups[max(float(height), 2.0), max(float(width), 2.0)].append(i)
    for extent in sorted(groups):
        members = groups[extent]
        for start in range(0, len(members), size):
            yield extent, members[start : start + size]
