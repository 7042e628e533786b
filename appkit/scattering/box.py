"""Periodic boxes of samples in three dimensions, with edges in any directions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from appkit.scattering.grid import fast_even_size
from appkit.scattering.kept import kept

Vector = tuple[float, float, float]
Vectors = tuple[Vector, Vector, Vector]

AXES: Vectors = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True)
class Box:
    """A parallelepiped of ``shape`` samples, centred on the origin.

    Samples lie ``steps`` apart along ``directions``, unit vectors in rows.
    """

    shape: tuple[int, int, int]
    steps: Vector
    directions: Vectors = AXES

    @classmethod
    def covering(
        cls,
        extent: Sequence[float],
        margin: float,
        step: float,
        directions: Vectors = AXES,
    ) -> Box:
        """The smallest with fast transforms, its faces ``margin`` from a body of edges ``extent``.

        For densities in free space, that have vanished at the faces.
        """
        # The distance of two faces is the edge between them times its height.
        heights = 1 / np.linalg.norm(np.linalg.inv(directions), axis=0)
        edges = (size + 2 * margin / float(h) for size, h in zip(extent, heights, strict=True))
        x, y, z = (fast_even_size(edge / step) for edge in edges)
        return cls((x, y, z), (step, step, step), directions)

    @classmethod
    def dividing(cls, edges: Sequence[float], step: float, directions: Vectors) -> Box:
        """A cell of a lattice, its edges divided evenly into steps no longer than ``step``."""
        x, y, z = (fast_even_size(edge / step) for edge in edges)
        dx, dy, dz = (edge / n for edge, n in zip(edges, (x, y, z), strict=True))
        return cls((x, y, z), (dx, dy, dz), directions)

    @property
    def volume(self) -> float:
        """Of one sample."""
        return math.prod(self.steps) * abs(float(np.linalg.det(self.directions)))

    def coordinates(self, axis: int) -> Tensor:
        """Positions of the samples along an edge, float64."""
        n = self.shape[axis]
        return (torch.arange(n, dtype=torch.float64) - (n - 1) / 2) * self.steps[axis]

    def frequencies(self, axis: int) -> Tensor:
        """ω·e of the direction e of an edge, in FFT order; of the last edge, not negative ones."""
        transform = torch.fft.rfftfreq if axis == 2 else torch.fft.fftfreq
        return 2 * math.pi * transform(self.shape[axis], d=self.steps[axis], dtype=torch.float64)

    def wavevectors(self, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor, Tensor]:
        """ω_x, ω_y, ω_z of the half spectrum, float64; shapes that broadcast to it."""
        along = [
            self.frequencies(axis).to(device).view([-1 if a == axis else 1 for a in range(3)])
            for axis in range(3)
        ]
        inverse = np.linalg.inv(self.directions)
        zero = torch.zeros(1, 1, 1, dtype=torch.float64, device=device)
        x, y, z = (
            sum((float(v) * w for v, w in zip(row, along, strict=True) if v), zero)
            for row in inverse
        )
        return x, y, z


def to_frequencies(field: Tensor, box: Box, other: Box) -> Tensor:
    """∫ field e^{−iω·u} du at the frequencies of a parallel box, by one matrix for each edge.

    ``field`` is real, ``(n, *box.shape)``. Few frequencies of many samples, and frequencies of a
    longer box, cost less so than by Fourier transforms of padded fields.
    """
    x, y, z = (_waves(box, other, axis, field.dtype, field.device) for axis in range(3))
    product = field @ torch.view_as_real(z).flatten(1)  # a real matrix by a complex one
    along_z = torch.view_as_complex(product.unflatten(-1, (-1, 2)))
    return torch.einsum("xa,nxbc->nabc", x, torch.einsum("yb,nxyc->nxbc", y, along_z))


def to_points(spectrum: Tensor, box: Box, axes: Sequence[Tensor]) -> Tensor:
    """The real field whose transform is known at a box's frequencies, on a lattice of points.

    The edges of the box, and the ``axes`` of the lattice, lie along x, y and z. Beyond the box the
    field is repeated.
    """
    field = spectrum
    for axis in sorted(range(3), key=lambda axis: len(axes[axis])):  # soon there are fewer numbers
        phase = torch.outer(axes[axis], box.frequencies(axis).to(axes[axis]))
        waves = torch.exp(1j * phase).to(spectrum.dtype)
        if axis == 2:
            waves[:, 1:] *= 2  # for the negative frequencies, which are not kept
        field = torch.tensordot(field, waves, dims=([axis + 1], [1])).movedim(-1, axis + 1)
    return field.real / (box.volume * math.prod(box.shape))


@kept(2**28)
def _waves(box: Box, other: Box, axis: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """e^{−iωu}: samples of ``box`` by frequencies of ``other``; the first has the volume too."""
    phase = torch.outer(box.coordinates(axis), other.frequencies(axis)).to(device)
    return (torch.exp(-1j * phase) * (1 if axis else box.volume)).to(dtype.to_complex())
