"""Solid harmonic scattering of Gaussian atoms in three dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from appkit.scattering.box import Box, to_frequencies, to_points
from appkit.scattering.closed_form import amplitude, width
from appkit.scattering.harmonics import coefficients, monomials
from appkit.scattering.powers import root
from appkit.scattering.solid_harmonic_cascade import SolidHarmonicCascade, kept_wavelets
from appkit.scattering.work import Work


class SolidHarmonic(SolidHarmonicCascade):
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
    L : largest degree l, at most 8.
    powers : exponents q > 0, at most 16; those so small that in free space they feel rounding are
        refused.
    order : 1 or 2.
    pairs : degrees of the second order: "same" (l' = l) or "all".
    tolerance : aimed at relative error of the invariants; sets every sampling and box. The
        smallest of the second order may err three times as much and, at tolerances above 1e-3,
        those of q < 1 ten times.
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

    def forward(
        self, positions: Tensor, charges: Tensor, extent: tuple[float, float, float] | None = None
    ) -> Tensor:
        """Invariants ``(channels, P)``, float64, of atoms at (K, 3) with charges (channels, K).

        No atoms have the invariants of an empty space, zero. The grids cover the atoms' bounding
        box and move with it, which a gradient does not see; with ``extent``, they cover a cuboid of
        that size about the origin, and the gradient is that of the very sums that are computed.

        Raises
        ------
        ValueError
            for a power too small in free space.
        """
        self.check_power()
        if not len(positions):
            return positions.new_zeros((len(charges), len(self.paths)), dtype=torch.float64)
        centred = positions.to(torch.float64)
        if extent is None:
            low, high = centred.detach().min(0).values, centred.detach().max(0).values
            centred, extent = centred - (low + high) / 2, tuple((high - low).tolist())
        first = [self._zeroth_order(centred, charges, extent)]
        second: list[Tensor] = []
        for a, j in enumerate(self.scales):
            coarser = self.scales[a + 1 :] if self.order == 2 else ()
            box = self._box(extent, self._width(j), self._samples(bool(coarser)))
            axes = axis_tables(box, centred, self._width(j), self.L, self._dtype)
            for l in range(self.L + 1):
                power = first_order_power(axes, box, charges, l) * self._gain(j, l) ** 2
                first.append(self._moments(power, box))
                if coarser:
                    field = root(power).to(self._fourier_dtype)
                    for j2 in coarser:
                        grid = self._coarse(extent, j, j2)
                        second.append(self._second_order(field, box, grid, l, j2, kept_wavelets))
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
        tables = axis_tables(box, positions - middle, self._width(j), l, self._dtype)
        field = root(first_order_power(tables, box, charges, l) * self._gain(j, l) ** 2)
        points = [axis - m for axis, m in zip(axes, middle, strict=True)]
        reach = tuple(2 * float(axis.abs().max()) for axis in points)  # no copies of it are seen
        scale = self.sigma * 2**j2
        margin = self._margin(width(self._width(j), scale))
        seen = tuple(map(max, extent, (r - 2 * margin for r in reach)))
        coarse = Box.covering(seen, margin, scale / self._samples(False))
        spectrum = to_frequencies(field, box, coarse) * (1 if l % 2 == 0 else -1j)
        filters = kept_wavelets(l, scale, coarse, field.dtype, field.device)
        power = sum(to_points(spectrum * row, coarse, points).square() for row in filters)
        assert isinstance(power, Tensor)
        return root(power)

    def _zeroth_order(
        self, positions: Tensor, charges: Tensor, extent: tuple[float, ...]
    ) -> Tensor:
        box = self._box(extent, self.sigma, self._samples(False))
        axes = axis_tables(box, positions, self.sigma, 0, self._dtype)
        gain = 4 * math.pi / ((2 * math.pi) ** 3 * self.sigma**6)  # R_00 is 1 / √4π
        return self._moments(first_order_power(axes, box, charges, 0) * gain, box)

    @property
    def _rounding(self) -> float:
        # The first order is transformed nowhere; the squares of double precision end at 1e-300.
        return super()._rounding if self.order == 2 and len(self.scales) > 1 else 1e-150

    def _width(self, j: float) -> float:
        """Σ_j of a first-order field."""
        return width(self.sigma, self.sigma * 2**j)

    def memory(self, extent: tuple[float, float, float], n_points: int, channels: int) -> int:
        """Bytes that `forward` needs for so many atoms in a cuboid of this size, from above."""
        real, wave = self._dtype.itemsize, 2 * self._fourier_dtype.itemsize
        terms = max(np.count_nonzero(row) for l in range(self.L + 1) for row in coefficients(l))
        first, second, kept = 0.0, 0.0, 0.0
        for a, j in enumerate(self.scales):
            coarser = self.scales[a + 1 :] if self.order == 2 else ()
            x, y, z = self._box(extent, self._width(j), self._samples(bool(coarser))).shape
            tables = (8 + real) * (self.L + 1) * n_points * (x + y + z)
            products = 2 * real * terms * n_points * (channels * x + y * z)
            first = max(first, float(tables + products + 4 * real * channels * x * y * z))
            for j2 in coarser:
                u, v, w = self._coarse(extent, j, j2).shape
                half = w // 2 + 1
                # The matrices to the coarse frequencies, their phases, and the wavelets there.
                kept += wave * (x * u + y * v + z * half) + 16 * max(x * u, y * v, z * half)
                kept += (self.L + 1) ** 2 * wave / 2 * u * v * half + 64 * u * v * half
                moved = channels * half * (2 * x * y + 2 * x * v + u * v)
                back = channels * (2 * u * v * half + 2 * u * v * w)
                fields = tables + (real + wave / 2) * channels * x * y * z
                second = max(second, float(fields + wave * max(moved, back)))
        return int(kept + max(first, second))

    def work(self, extent: tuple[float, float, float], n_points: int, channels: int) -> Work:
        """What `forward` does for so many atoms in a cuboid of this size."""
        fields, q = (self.L + 1) ** 2, len(self.powers)
        n_terms = int(sum(np.count_nonzero(coefficients(l)) for l in range(self.L + 1)))
        total = Work()
        for a, j in enumerate(self.scales):
            coarser = self.scales[a + 1 :] if self.order == 2 else ()
            x, y, z = self._box(extent, self._width(j), self._samples(bool(coarser))).shape
            total += Work(
                2 * channels * n_points * n_terms * x * y * z,
                (fields + (self.L + 1) * (2 + q)) * channels * x * y * z,
                fields + (self.L + 1) * (4 + 2 * q),
            )
            pairs = [degree for l in range(self.L + 1) for degree in self._degrees(l)]
            convolved = sum(2 * degree + 1 for degree in pairs)
            for j2 in coarser:
                u, v, w = self._coarse(extent, j, j2).shape
                moved = (4 * x * y * z + 8 * x * y * v + 8 * x * u * v) * (w // 2 + 1)
                total += Work(
                    channels * (self.L + 1) * moved,
                    (2 * convolved + len(pairs) * (2 + q)) * channels * u * v * w,
                    convolved + len(pairs) * (4 + 2 * q),
                )
        return total

    def _gain(self, j: float, l: int) -> float:
        total = self._width(j)
        ratio = (self.sigma * 2**j / total) ** l
        return amplitude(l) * ratio / ((2 * math.pi) ** 1.5 * total**3)

    def _box(self, extent: tuple[float, ...], reach: float, samples: float) -> Box:
        """For first-order fields of width ``reach``."""
        return Box.covering(extent, self._margin(reach), reach / samples)

    def _coarse(self, extent: tuple[float, ...], j: float, j2: float) -> Box:
        """For fields of the second order."""
        margin = self._margin(width(self._width(j), self._scale(j2)))
        return Box.covering(extent, margin, self._scale(j2) / self._samples(False))


def axis_tables(
    box: Box, positions: Tensor, reach: float, L: int, dtype: torch.dtype
) -> list[Tensor]:
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


def first_order_power(axes: list[Tensor], box: Box, charges: Tensor, l: int) -> Tensor:
    """Σ_m (Σ_k c_k R_lm(t) e^{−t²/2})² on the box, ``(channels, n_x, n_y, n_z)``.

    R_lm is a polynomial, so that each field is one matrix product: x on one side, y and z on the
    other, summed over atoms and monomials.
    """
    x, y, z = axes
    weights = charges.to(x)
    power = x.new_zeros(())
    for row in coefficients(l):
        terms = [(float(v), e) for v, e in zip(row, monomials(l), strict=True) if v]
        left = torch.cat([v * weights[:, :, None] * x[a] for v, (a, _, _) in terms], dim=1)
        right = torch.cat([y[b][:, :, None] * z[c][:, None, :] for _, (_, b, c) in terms])
        field = left.transpose(1, 2).flatten(0, 1) @ right.flatten(1)
        power = torch.addcmul(power, field, field)
    return power.view(len(charges), *box.shape)
