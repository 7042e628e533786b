"""Solid harmonic scattering of Gaussian atoms in three dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from appkit.scattering.closed_form import amplitude, width
from appkit.scattering.grid import fast_even_size
from appkit.scattering.harmonics import coefficients, monomials
from appkit.scattering.powers import check_powers, raised, root

Path = dict[str, float | int]
PAIRS = ("same", "all")


class SolidHarmonic(nn.Module):
    r"""Rotation and translation invariants of ρ(u) = Σ_k c_k g_σ(u − r_k).

    .. math::
        S^0_q &= \int |ρ|^q \\
        U_{l,j} &= \Big(\sum_{m=-l}^{l} |ρ∗ψ_{l,m,j}|^2\Big)^{1/2}, \quad
        S^1_{l,j,q} = \int U_{l,j}^q \\
        S^2_{l,j,l',j',q} &= \int \Big(\sum_m |U_{l,j}∗ψ_{l',m,j'}|^2\Big)^{q/2}, \quad j < j'

    First-order fields are sums of solid harmonic Gaussians, known at any point. Each scale samples
    them on a grid of its own, as coarse as its width allows and as large as it reaches, without a
    periodic wrap; the second order is convolved in Fourier space, to whose coarse frequencies a
    field goes by one small matrix for each axis. The work is done where the positions are.

    Parameters
    ----------
    sigma : width of the atoms and of the finest wavelets, in the unit of the positions.
    scales : exponents j, ascending, also fractional; ψ_{l,m,j} has the width 2^j σ.
    L : largest degree l.
    powers : exponents q > 0.
    order : 1 or 2.
    pairs : degrees of the second order: "same" (l' = l) or "all".
    tolerance : aimed at relative error of the invariants; sets every sampling and box.
    dtype : of the fields; sums over them are in double precision.

    Raises
    ------
    ValueError
        for a parameter out of its bounds; the message names it.

    References
    ----------
    Eickenberg, Exarchakis, Hirn, Mallat, Thiry, J. Chem. Phys. 148, 241732 (2018),
    arXiv:1805.00571; normalisation of the wavelets as in kymatio. Sums over samples are multiplied
    by the volume of a sample, so that they are integrals.
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
        if not (math.isfinite(sigma) and sigma > 0):
            raise ValueError(f"σ must be a positive length, not {sigma}.")
        if not scales or list(scales) != sorted(set(scales)):
            raise ValueError(f"Scales j must be one or more, ascending, not {list(scales)}.")
        if not 0 <= L <= 8:
            raise ValueError(f"The largest degree L must lie between 0 and 8, not {L}.")
        check_powers(powers)
        if order not in (1, 2):
            raise ValueError(f"The order is 1 or 2, not {order}.")
        if pairs not in PAIRS:
            raise ValueError(f'pairs must be "same" or "all", not {pairs!r}.')
        if not 1e-6 <= tolerance <= 0.1:
            raise ValueError(f"The tolerance must lie between 1e-6 and 0.1, not {tolerance}.")
        self.sigma, self.scales, self.L = float(sigma), tuple(scales), L
        self.powers, self.order, self.pairs = tuple(powers), order, pairs
        self.tolerance = tolerance
        # In single precision the noise of a transform, 1e-7 of the largest value all over the box,
        # would add up in U^½.
        self._fourier_dtype = torch.float64 if min(powers) < 1 else dtype
        self._dtype = dtype

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

    def forward(
        self, positions: Tensor, charges: Tensor, extent: tuple[float, float, float] | None = None
    ) -> Tensor:
        """Invariants ``(channels, P)``, float64, of atoms at (K, 3) with charges (channels, K).

        No atoms have the invariants of an empty space, zero. The grids cover the atoms' bounding
        box and move with it, which a gradient does not see; with ``extent``, they cover a cuboid of
        that size about the origin, and the gradient is that of the very sums that are computed.
        """
        if not len(positions):
            return torch.zeros(len(charges), len(self.paths), dtype=torch.float64)
        centred = positions.to(torch.float64)
        if extent is None:
            low, high = centred.detach().min(0).values, centred.detach().max(0).values
            centred, extent = centred - (low + high) / 2, tuple((high - low).tolist())
        first = [self._zeroth_order(centred, charges, extent)]
        second: list[Tensor] = []
        for a, j in enumerate(self.scales):
            coarser = self.scales[a + 1 :] if self.order == 2 else ()
            box = self._box(extent, self._width(j), self._samples(bool(coarser)))
            axes = _axes(box, centred, self._width(j), self.L, self._dtype)
            for l in range(self.L + 1):
                power = _first_order(axes, box, charges, l) * self._gain(j, l) ** 2
                first.append(self._moments(power, box))
                if coarser:
                    field = root(power).to(self._fourier_dtype)
                    second += [self._second_order(field, box, extent, l, j, k) for k in coarser]
        return torch.cat(first + second, dim=1)

    def second_order_field(
        self,
        positions: Tensor,
        charges: Tensor,
        l: int,
        j: float,
        j2: float,
        axes: Sequence[Tensor],
    ) -> Tensor:
        """(Σ_m |U_{l,j}∗ψ_{l,m,j'}|²)^{1/2}, what S²_{l,j,l,j'} pools, on a lattice.

        Atoms at (K, 3) with charges (channels, K); ``axes`` are the coordinates x, y and z of the
        lattice's points. Returns ``(channels, n_x, n_y, n_z)``. What it pools for the first order
        is known at any point, see `appkit.scattering.closed_form.lattice_fields`.
        """
        low, high = positions.min(0).values, positions.max(0).values
        middle, extent = (low + high) / 2, tuple((high - low).tolist())
        box = self._box(extent, self._width(j), self._samples(True))
        tables = _axes(box, positions - middle, self._width(j), l, self._dtype)
        field = root(_first_order(tables, box, charges, l) * self._gain(j, l) ** 2)
        points = [axis - m for axis, m in zip(axes, middle, strict=True)]
        reach = tuple(2 * float(axis.abs().max()) for axis in points)  # no copies of it are seen
        scale = self.sigma * 2**j2
        margin = self._margin(width(self._width(j), scale))
        seen = tuple(map(max, extent, (r - 2 * margin for r in reach)))
        coarse = Box.covering(seen, margin, scale / self._samples(False))
        spectrum = _to_frequencies(field, box, coarse) * (1 if l % 2 == 0 else -1j)
        filters = _filters(l, scale, coarse, field.dtype, field.device)
        power = sum(_to_points(spectrum * row, coarse, points).square() for row in filters)
        assert isinstance(power, Tensor)
        return root(power)

    def _zeroth_order(
        self, positions: Tensor, charges: Tensor, extent: tuple[float, ...]
    ) -> Tensor:
        box = self._box(extent, self.sigma, self._samples(False))
        axes = _axes(box, positions, self.sigma, 0, self._dtype)
        gain = 4 * math.pi / ((2 * math.pi) ** 3 * self.sigma**6)  # R_00 is 1 / √4π
        return self._moments(_first_order(axes, box, charges, 0) * gain, box)

    def _width(self, j: float) -> float:
        """Σ_j of a first-order field."""
        return width(self.sigma, self.sigma * 2**j)

    def memory(self, extent: tuple[float, float, float], channels: int) -> int:
        """Bytes that `forward` needs for atoms in a cuboid of this size, roughly, from above."""
        feeds = self.order == 2 and len(self.scales) > 1
        box = self._box(extent, self._width(self.scales[0]), self._samples(feeds))
        return 48 * channels * math.prod(box.shape)  # six arrays of a field in double precision

    def _gain(self, j: float, l: int) -> float:
        total = self._width(j)
        ratio = (self.sigma * 2**j / total) ** l
        return amplitude(l) * ratio / ((2 * math.pi) ** 1.5 * total**3)

    def _degrees(self, l: int) -> range:
        return range(l, l + 1) if self.pairs == "same" else range(self.L + 1)

    def _samples(self, feeds: bool) -> float:
        """Samples in a width: measured, see tests/scattering/test_solid_harmonic.py.

        Sums of U^q err by the kinks of U at its zeros, as the fourth power of the step; what folds
        over into the second order (``feeds``) by the sixth, but more.
        """
        if feeds:
            return float((0.16 / self.tolerance) ** (1 / 6))
        return float((0.01 / self.tolerance) ** (1 / 4))

    def _box(self, extent: tuple[float, ...], reach: float, samples: float) -> Box:
        """For first-order fields of width ``reach``."""
        return Box.covering(extent, self._margin(reach), reach / samples)

    def _margin(self, reach: float) -> float:
        """Where U^q, of the smallest q and of fields of width ``reach``, has vanished."""
        return reach * math.sqrt(2 * math.log(10 / self.tolerance) / min(1.0, *self.powers))

    def _second_order(
        self, field: Tensor, box: Box, extent: tuple[float, ...], l: int, j: float, j2: float
    ) -> Tensor:
        """Moments of U_{l,j}∗ψ_{l',·,j'}, ``(channels, degrees · powers)``."""
        scale = self.sigma * 2**j2
        margin = self._margin(width(self._width(j), scale))
        coarse = Box.covering(extent, margin, scale / self._samples(False))
        spectrum = _to_frequencies(field, box, coarse)
        parts = []
        for degree in self._degrees(l):
            filters = _filters(degree, scale, coarse, field.dtype, field.device)
            turned = spectrum if degree % 2 == 0 else spectrum * -1j
            power: Tensor | float = 0.0
            for row in filters:
                waves = torch.fft.irfftn(turned * row, s=coarse.shape, dim=(-3, -2, -1))
                power = power + waves.square()
            assert isinstance(power, Tensor)
            parts.append(self._moments(power / coarse.volume**2, coarse))
        return torch.cat(parts, dim=1)

    def _moments(self, power: Tensor, box: Box) -> Tensor:
        """∫ U^q for each q, from U²: ``(channels, powers)``, float64."""
        fields = raised(power.flatten(1), self.powers)
        sums = [field.sum(1, dtype=torch.float64) for field in fields]
        return torch.stack(sums, dim=1) * box.volume


@dataclass(frozen=True)
class Box:
    """A grid of ``shape`` samples, ``step`` apart, centred on the origin.

    It is periodic for transforms only: fields have vanished at its faces.
    """

    shape: tuple[int, int, int]
    step: float

    @classmethod
    def covering(cls, extent: tuple[float, ...], margin: float, step: float) -> Box:
        """The smallest with fast transforms, ``margin`` around a cuboid of size ``extent``."""
        x, y, z = (fast_even_size((size + 2 * margin) / step) for size in extent)
        return cls((x, y, z), step)

    @property
    def volume(self) -> float:
        """Of one sample."""
        return self.step**3

    def coordinates(self, axis: int) -> Tensor:
        """Positions of the samples on an axis, float64."""
        n = self.shape[axis]
        return (torch.arange(n, dtype=torch.float64) - (n - 1) / 2) * self.step

    def frequencies(self, axis: int) -> Tensor:
        """Angular frequencies on an axis in FFT order; of the last axis, not negative ones."""
        transform = torch.fft.rfftfreq if axis == 2 else torch.fft.fftfreq
        return 2 * math.pi * transform(self.shape[axis], d=self.step, dtype=torch.float64)


def _axes(box: Box, positions: Tensor, reach: float, L: int, dtype: torch.dtype) -> list[Tensor]:
    """For each axis t^a e^{−t²/2} of every atom, t = (u − r) / Σ: ``(L + 1, K, n)``."""
    tables = []
    for axis in range(3):
        samples = box.coordinates(axis).to(positions.device)
        t = (samples[None] - positions[:, axis, None]) / reach
        rows = [torch.exp(-t.square() / 2)]
        for _ in range(L):
            rows.append(rows[-1] * t)
        tables.append(torch.stack(rows).to(dtype))
    return tables


def _first_order(axes: list[Tensor], box: Box, charges: Tensor, l: int) -> Tensor:
    """Σ_m (Σ_k c_k R_lm(t) e^{−t²/2})² on the box, ``(channels, n_x, n_y, n_z)``.

    R_lm is a polynomial, so that each field is one matrix product: x on one side, y and z on the
    other, summed over atoms and monomials.
    """
    x, y, z = axes
    weights = charges.to(x)
    power: Tensor | float = 0.0
    for row in coefficients(l):
        terms = [(float(v), e) for v, e in zip(row, monomials(l), strict=True) if v]
        left = torch.cat([v * weights[:, :, None] * x[a] for v, (a, _, _) in terms], dim=1)
        right = torch.cat([y[b][:, :, None] * z[c][:, None, :] for _, (_, b, c) in terms])
        field = left.transpose(1, 2).flatten(0, 1) @ right.flatten(1)
        power = power + field.square()
    assert isinstance(power, Tensor)
    return power.view(len(charges), *box.shape)


def _to_frequencies(field: Tensor, box: Box, coarse: Box) -> Tensor:
    """∫ field e^{−iω·u} du at the frequencies of another box, by one matrix for each axis."""
    x, y, z = (_waves(box, coarse, axis, field.dtype, field.device) for axis in range(3))
    product = field @ torch.view_as_real(z).flatten(1)  # a real matrix by a complex one
    along_z = torch.view_as_complex(product.unflatten(-1, (-1, 2)))
    return torch.einsum("xa,nxbc->nabc", x, torch.einsum("yb,nxyc->nxbc", y, along_z))


def _to_points(spectrum: Tensor, box: Box, axes: Sequence[Tensor]) -> Tensor:
    """The real field whose transform is known at a box's frequencies, on a lattice of points."""
    x, y, z = (
        torch.exp(1j * torch.outer(points, box.frequencies(axis))).to(spectrum.dtype)
        for axis, points in enumerate(axes)
    )
    z = z * torch.where(
        torch.arange(z.shape[1]) == 0, 1.0, 2.0
    )  # negative frequencies are not kept
    field = torch.einsum("za,nxya->nxyz", z, spectrum)
    field = torch.einsum("xa,nabz->nxbz", x, field)
    return torch.einsum("yb,nxbz->nxyz", y, field).real / (box.volume * math.prod(box.shape))


@lru_cache(maxsize=1024)
def _waves(box: Box, coarse: Box, axis: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """h e^{−iωu}: samples of ``box`` by frequencies of ``coarse``, complex."""
    phase = torch.outer(box.coordinates(axis), coarse.frequencies(axis)).to(device)
    return (torch.exp(-1j * phase) * box.step).to(dtype.to_complex())


@lru_cache(maxsize=256)
def _filters(l: int, scale: float, box: Box, dtype: torch.dtype, device: torch.device) -> Tensor:
    """ψ̂_{l,m} on the frequencies of a box without its phase (−i)^l: ``(2l + 1, …)``, real."""
    wx, wy, wz = (box.frequencies(axis).to(device) * scale for axis in range(3))
    bells = [torch.exp(-w.square() / 2) for w in (wx, wy, wz)]
    rows = torch.as_tensor(np.array(coefficients(l)) * amplitude(l), device=device)
    powers = torch.stack([
        torch.einsum("a,b,c->abc", bells[0] * wx**a, bells[1] * wy**b, bells[2] * wz**c)
        for a, b, c in monomials(l)
    ])  # fmt: skip
    return torch.einsum("mp,pabc->mabc", rows, powers).to(dtype)
