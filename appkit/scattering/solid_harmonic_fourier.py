"""Solid harmonic scattering of any density in three dimensions, by Fourier transforms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from appkit.scattering.box import AXES, Box, to_frequencies, to_points
from appkit.scattering.closed_form import width
from appkit.scattering.powers import root
from appkit.scattering.solid_harmonic_cascade import (
    Filters,
    SolidHarmonicCascade,
    all_wavelets,
    convolved_power,
    resolving,
    wavelets,
)
from appkit.scattering.spectra import FourierDensity, SampledDensity, bell


class FourierSolidHarmonic(SolidHarmonicCascade):
    r"""The invariants of :class:`appkit.scattering.SolidHarmonic` for any density.

    A density is what its Fourier transform is: samples on a grid, in any parallelepiped, or a sum
    of atoms, in free space or periodic (see :mod:`appkit.scattering.spectra`). Integrals are over
    space, or over one cell. Each scale has a grid of its own, as coarse as its width allows: a
    free density's is as large as it reaches, without a periodic wrap; a periodic one's divides
    the cell. Parameters, paths and errors are those of ``SolidHarmonic``.

    Order zero is of the density itself for Gaussians and, as they are, for samples. No grid
    resolves the cusps of other sums of atoms: there it is of ρ∗g_σ, with σ that of the wavelets.
    """

    def forward(self, density: FourierDensity) -> Tensor:
        """Invariants ``(channels, P)``, float64; the work is done where the density is.

        Raises
        ------
        ValueError
            for samples too far apart for the finest wavelets, or a power too small in free space.
        """
        self.check(density)
        grids = _Grids(self, density, self._longest(density))
        filters: Filters = lru_cache(maxsize=None)(all_wavelets)  # for this lattice alone
        first, second = [self._zeroth_order(density, grids)], []
        for a, j in enumerate(self.scales):
            coarser = self.scales[a + 1 :] if self.order == 2 else ()
            box = grids.first_order(j, bool(coarser))
            spectrum = _from_corner(density.at(box), box).to(self._fourier_dtype.to_complex())
            for l in range(self.L + 1):
                rows = wavelets(l, self._scale(j), box, self._fourier_dtype, spectrum.device)
                power = convolved_power(spectrum, rows, l, box)
                first.append(self._moments(power, box))
                if coarser:
                    field = root(power)
                    for j2 in coarser:
                        grid = grids.second_order(j, j2)
                        second.append(self._second_order(field, box, grid, l, j2, filters))
        return torch.cat(first + second, dim=1)

    def field(
        self, density: FourierDensity, l: int, j: float, j2: float | None, axes: Sequence[Tensor]
    ) -> Tensor:
        """U_{l,j}, or with j' what S²_{l,j,l,j'} pools: ``(channels, n_x, n_y, n_z)``.

        ``axes`` are the coordinates x, y and z of a lattice's points, from the middle of the
        density; they lie in its box, whose edges lie along these axes.

        Raises
        ------
        ValueError
            for a density in another box, and as `forward`.
        """
        self.check(density)
        if not np.allclose(density.directions, AXES):
            raise ValueError("Fields are shown for boxes and cells whose edges lie along x, y, z.")
        grids = _Grids(self, density, self._longest(density))
        box, scale = grids.first_order(j, j2 is not None), self._scale(j)
        spectrum = density.at(box)
        if j2 is not None:
            rows = wavelets(l, scale, box, torch.float64, spectrum.device)
            first = root(convolved_power(_from_corner(spectrum, box), rows, l, box))
            fine, box, scale = box, grids.second_order(j, j2), self._scale(j2)
            spectrum = to_frequencies(first, fine, box)
        turned = spectrum * (1 if l % 2 == 0 else -1j)
        rows = wavelets(l, scale, box, torch.float64, spectrum.device)
        power = torch.stack([to_points(turned * row, box, axes).square() for row in rows])
        return root(power.sum(0))

    def check(self, density: FourierDensity) -> None:
        """Raise ``ValueError`` for samples too far apart, or a power too small in free space."""
        if not density.periodic:
            self.check_power()
        if not isinstance(density, SampledDensity):
            return
        finest, least = self._scale(self.scales[0]), self.narrowest(density.step)
        if finest < least:
            raise ValueError(
                f"Wavelets of width {finest:.3g} are too narrow for samples {density.step:.3g} "
                f"apart: at L = {self.L} and a tolerance of {self.tolerance:g} take a width of at "
                f"least {least:.3g}, or samples at most {density.step * finest / least:.3g} apart."
            )

    def narrowest(self, step: float) -> float:
        """Width of the narrowest wavelets that samples ``step`` apart resolve."""
        return resolving(self.L, math.log(self.tolerance)) * step

    def memory(self, density: FourierDensity) -> int:
        """Bytes that `forward` needs, roughly, from above; nothing is computed."""
        # The grid of a lattice is not made finer than this by its waves.
        longest = self._scale(self.scales[0]) if density.periodic else math.inf
        grids, feeds = _Grids(self, density, longest), self.order == 2 and len(self.scales) > 1
        fine = math.prod(grids.first_order(self.scales[0], feeds).shape)
        seconds = [grids.second_order(self.scales[0], j2) for j2 in self.scales[1:] if feeds]
        coarse = sum(math.prod(grid.shape) for grid in seconds)
        size = self._fourier_dtype.itemsize
        given = math.prod(density.grid.shape) if isinstance(density, SampledDensity) else 0
        fields = 16 + 10 * size  # the transform in double precision, ten arrays of a field
        return (
            density.channels * (fine * fields + 24 * given)
            + 32 * fine  # a wavelet
            + coarse * size * (self.L + 1) ** 2 // 2  # all wavelets of the second order
        )

    def _zeroth_order(self, density: FourierDensity, grids: _Grids) -> Tensor:
        if isinstance(density, SampledDensity):
            return self._moments(density.values.square(), density.grid)
        box = grids.of(density.width or self.sigma)
        spectrum = density.at(box)
        if not density.width:
            spectrum = spectrum * bell(self.sigma, box, spectrum.device)
        one = torch.ones(1, 1, 1, 1, dtype=torch.float64, device=spectrum.device)
        return self._moments(convolved_power(spectrum, one, 0, box), box)

    def _longest(self, density: FourierDensity) -> float:
        """Length over which the fields of a lattice vary at least, however coarse the scale.

        Far from its centre a wavelet of a molecule sees nothing; that of a crystal sees the next
        atoms, so that the waves which are left at the coarsest scale remain, with their zeros. They
        have the mean square frequency k² there: 0.8 / k is measured.
        """
        if not density.periodic:
            return math.inf
        coarsest = self._scale(self.scales[-1])
        box = density.box(0, coarsest / super()._samples(False))
        x, y, z = box.wavevectors()
        squares = x.square() + y.square() + z.square()
        weights = density.at(box).detach().cpu().abs().square().sum(0)
        weights = weights * torch.exp(-squares * coarsest**2)
        weights[0, 0, 0] = 0
        total = weights.sum()
        return 0.8 / math.sqrt((squares * weights).sum() / total) if total else math.inf

    def _samples(self, feeds: bool) -> float:
        """Whatever the power: these fields are transformed from frequencies to the grid."""
        return max(super()._samples(feeds), self._quiet())


class _Grids:
    """The grid of each scale for one density."""

    def __init__(
        self, cascade: FourierSolidHarmonic, density: FourierDensity, longest: float
    ) -> None:
        self.cascade, self.density, self.longest = cascade, density, longest

    def first_order(self, j: float, feeds: bool) -> Box:
        return self.of(self._width(j), feeds)

    def second_order(self, j: float, j2: float) -> Box:
        scale = self.cascade._scale(j2)
        return self.of(scale, reach=width(self._width(j), scale))

    def of(self, size: float, feeds: bool = False, reach: float | None = None) -> Box:
        """For fields that vary over the length ``size`` and end with a width ``reach``."""
        margin = self.cascade._margin(reach or size)
        step = min(size, self.longest) / self.cascade._samples(feeds)
        return self.density.box(margin, step)

    def _width(self, j: float) -> float:
        """Of a first-order field."""
        return width(self.density.width, self.cascade._scale(j))


def _from_corner(spectrum: Tensor, box: Box) -> Tensor:
    """ρ̂ with the first sample of a box as its origin, where Fourier transforms begin."""
    for axis in range(3):
        phase = box.frequencies(axis) * box.coordinates(axis)[0]
        shape = [-1 if a == axis else 1 for a in range(3)]
        spectrum = spectrum * torch.exp(1j * phase).to(spectrum.device).view(shape)
    return spectrum
