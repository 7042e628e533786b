"""What solid harmonic cascades share, whatever their density: paths, sampling, second order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from appkit.scattering.box import Box, to_frequencies
from appkit.scattering.closed_form import amplitude
from appkit.scattering.harmonics import coefficients, monomials
from appkit.scattering.kept import kept
from appkit.scattering.powers import NUMBER, check_powers, raised

Path = dict[str, float | int]
PAIRS = ("same", "all")
LARGEST_TOLERANCE = 0.1
Filters = Callable[[int, float, Box, torch.dtype, torch.device], Tensor]


class SolidHarmonicCascade(nn.Module):
    """Parameters, paths and the second order; a subclass makes the first-order fields.

    Parameters and errors are those of :class:`appkit.scattering.SolidHarmonic`.
    """

    def __init__(
        self,
        sigma: float,
        scales: Sequence[float] = (0, 1, 2),
        L: int = 3,
        powers: Sequence[float] = (0.5, 1, 2, 3),
        *,
        order: int = 2,
        pairs: str = "same",
        tolerance: float = 1e-3,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if not (isinstance(sigma, NUMBER) and math.isfinite(sigma) and sigma > 0):
            raise ValueError(f"σ must be a positive length, not {sigma!r}.")
        if not scales or list(scales) != sorted(set(scales)):
            raise ValueError(f"Scales j must be one or more, ascending, not {list(scales)}.")
        if not (isinstance(L, int | np.integer) and 0 <= L <= 8):
            raise ValueError(f"The largest degree L must lie between 0 and 8, not {L!r}.")
        check_powers(powers)
        if order not in (1, 2):
            raise ValueError(f"The order is 1 or 2, not {order}.")
        if pairs not in PAIRS:
            raise ValueError(f'pairs must be "same" or "all", not {pairs!r}.')
        if not (isinstance(tolerance, NUMBER) and 1e-6 <= tolerance <= LARGEST_TOLERANCE):
            raise ValueError(
                f"The tolerance must lie between 1e-6 and {LARGEST_TOLERANCE}, not {tolerance!r}."
            )
        self.sigma, self.scales, self.L = float(sigma), tuple(scales), L
        self.powers, self.order, self.pairs = tuple(powers), order, pairs
        self.tolerance = tolerance
        # In single precision the noise of a transform, 1e-7 of the largest value all over the box,
        # adds up in U^½ to 3e-3 of its integral.
        least = min(powers)
        noisy = least < 0.5 or (least < 1 and tolerance < 2e-3)
        self._fourier_dtype = torch.float64 if noisy else dtype
        self._dtype = torch.float64 if least < self._least_power(1e-18) else dtype

    @property
    def paths(self) -> list[Path]:
        """What each invariant is: ``order, j, l, j2, l2, q``, in the order of `forward`."""
        rows: list[Path] = [{"order": 0, "q": q} for q in self.powers]
        rows += [
            {"order": 1, "j": j, "l": l, "q": q}
            for j in self.scales
            for l in range(self.L + 1)
            for q in self.powers
        ]
        if self.order == 1:
            return rows
        return rows + [
            {"order": 2, "j": j, "l": l, "j2": j2, "l2": l2, "q": q}
            for a, j in enumerate(self.scales)
            for l in range(self.L + 1)
            for j2 in self.scales[a + 1 :]
            for l2 in self._degrees(l)
            for q in self.powers
        ]

    def _degrees(self, l: int) -> range:
        return range(l, l + 1) if self.pairs == "same" else range(self.L + 1)

    def _scale(self, j: float) -> float:
        """Width of ψ_{l,m,j}."""
        return self.sigma * 2**j

    def _samples(self, feeds: bool) -> float:
        """Samples in a width: measured, see tests/scattering/test_solid_harmonic.py.

        Sums of U^q err by the kinks of U at its zeros, as the fourth power of the step; what folds
        over into the second order (``feeds``) by the sixth, but more. Small powers see it ring.
        """
        quiet = self._quiet() if self.order == 2 and min(self.powers) < 0.5 else 0.0
        if feeds:
            return max(quiet, float((0.16 / self.tolerance) ** (1 / 6)))
        return max(quiet, float((0.01 / self.tolerance) ** (1 / 4)))

    def _quiet(self) -> float:
        """Samples in a width so that no field rings in the empty space where U^q would add up."""
        return resolving(self.L, 2 / min(1.0, *self.powers) * math.log(self.tolerance / 10))

    def check_power(self) -> None:
        """Raise ``ValueError`` for a power that feels what rounding leaves of U in free space."""
        q, least = min(self.powers), self._least_power(self._rounding)
        if q > (1 - 1e-9) * least:
            return
        enough = 1.05 * 10 * self._rounding**q
        raise ValueError(
            f"The power q = {q:g} is too small in free space: where U^q ends, U is below "
            f"{self._rounding:g} of its largest value, which is lost to rounding. Take "
            f"q ≥ {math.ceil(1000 * least) / 1000:g}"
            + (f", or a tolerance of {enough:.2g}." if enough <= LARGEST_TOLERANCE else ".")
        )

    @property
    def _rounding(self) -> float:
        """Least value of U, relative to its largest, that is computed."""
        return 1e-14  # by transforms in double precision

    def _least_power(self, rounding: float) -> float:
        """The q for which U is ``rounding`` at the margin, where U^q is tolerance / 10."""
        return math.log(self.tolerance / 10) / math.log(rounding)

    def _margin(self, reach: float) -> float:
        """Where U^q, of the smallest q and of fields of width ``reach``, has vanished."""
        return reach * math.sqrt(2 * math.log(10 / self.tolerance) / min(1.0, *self.powers))

    def _second_order(
        self, field: Tensor, box: Box, coarse: Box, l: int, j2: float, filters: Filters
    ) -> Tensor:
        """Moments of U_{l,j}∗ψ_{l',·,j'}, ``(channels, degrees · powers)``, from U on ``box``."""
        spectrum = to_frequencies(field, box, coarse)
        parts = []
        for degree in self._degrees(l):
            rows = filters(degree, self._scale(j2), coarse, field.dtype, field.device)
            parts.append(self._moments(convolved_power(spectrum, rows, degree, coarse), coarse))
        return torch.cat(parts, dim=1)

    def _moments(self, power: Tensor, box: Box) -> Tensor:
        """∫ U^q for each q, from U²: ``(channels, powers)``, float64."""
        sums = [integral(field) for field in raised(power, self.powers)]
        return torch.stack(sums, dim=1) * box.volume


def resolving(L: int, log_energy: float) -> float:
    """Width in samples of a wavelet of degree L of which a grid misses e^log_energy of its energy.

    ψ̂_L beyond the highest frequency π / h, relative to its top: (x² / L)^L e^{L − x²}, x = πσ / h.
    """
    square = bound = L - log_energy
    for _ in range(50):
        square = bound + (L * math.log(square / L) if L else 0.0)
    return math.sqrt(square) / math.pi


def integral(field: Tensor) -> Tensor:
    """Sums over the samples of each channel, float64.

    Along one edge in the field's own precision: to convert every sample takes longer than all else.
    """
    return field.sum(-1).flatten(1).sum(1, dtype=torch.float64)


def convolved_power(spectrum: Tensor, rows: Iterator[Tensor] | Tensor, l: int, box: Box) -> Tensor:
    """Σ_m |ρ∗ψ_{l,m}|² on a box from ρ̂ at its frequencies and the `wavelets` of degree l."""
    turned = spectrum if l % 2 == 0 else spectrum * -1j  # (−i)^l up to a sign
    power = torch.zeros((), dtype=spectrum.dtype.to_real(), device=spectrum.device)
    for row in rows:
        field = torch.fft.irfftn(turned * row, s=box.shape, dim=(-3, -2, -1))
        power = torch.addcmul(power, field, field)
    return power / box.volume**2


def wavelets(
    l: int, scale: float, box: Box, dtype: torch.dtype, device: torch.device
) -> Iterator[Tensor]:
    """ψ̂_{l,m}, m = −l … l, at the frequencies of a box without its phase (−i)^l: real."""
    x, y, z = (w * scale for w in box.wavevectors(device))
    bell = amplitude(l) * torch.exp(-(x.square() + y.square() + z.square()) / 2)
    for row in coefficients(l):
        harmonic = torch.zeros(1, 1, 1, dtype=torch.float64, device=device)
        for value, (a, b, c) in zip(row, monomials(l), strict=True):
            if value:
                harmonic = harmonic + float(value) * x**a * y**b * z**c
        yield (harmonic * bell).to(dtype)


def all_wavelets(
    l: int, scale: float, box: Box, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """`wavelets` as one tensor ``(2l + 1, …)``."""
    return torch.stack(list(wavelets(l, scale, box, dtype, device)))


#: `all_wavelets` of the boxes of many molecules, of which many are the same.
kept_wavelets: Filters = kept(2**29)(all_wavelets)
