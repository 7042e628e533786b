"""Densities in three dimensions known by their Fourier transforms, in free space or periodic.

ρ̂(ω) = ∫ ρ(u) e^{−iω·u} du; of a periodic density, over one cell, at the frequencies of its lattice.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor

from appkit.scattering.box import AXES, Box, Vector, Vectors, to_frequencies


class FourierDensity(ABC):
    """A density within a parallelepiped: a body in free space, or the cell of a lattice.

    Attributes
    ----------
    channels : densities at once.
    width : of the Gaussians that it is a sum of; 0 for any other density.
    """

    channels: int
    width: float = 0.0

    def __init__(self, cell: Tensor | None, extent: Vector = (0.0, 0.0, 0.0)) -> None:
        """A periodic ``cell``, vectors in rows; without, a cuboid of size ``extent``."""
        self.periodic = cell is not None
        self.edges, self.directions = extent, AXES
        if cell is not None:
            self.edges, self.directions = edges_of(cell)

    def box(self, margin: float, step: float) -> Box:
        """Samples ``step`` apart at most: the cell, or the body with ``margin`` around it."""
        if self.periodic:
            return Box.dividing(self.edges, step, self.directions)
        return Box.covering(self.edges, margin, step, self.directions)

    @abstractmethod
    def at(self, box: Box) -> Tensor:
        """ρ̂ at the frequencies of a box: ``(channels, …)``, complex128."""


class SampledDensity(FourierDensity):
    """Samples on a grid, joined by the trigonometric polynomial through them.

    Parameters
    ----------
    values : ρ, ``(channels, n_1, n_2, n_3)``.
    voxels : from a sample to the next along each axis, in rows (3, 3).
    periodic : whether the grid is the cell of a lattice; otherwise it lies in empty space.
    """

    def __init__(self, values: Tensor, voxels: Tensor, periodic: bool) -> None:
        shape = torch.tensor(values.shape[1:], dtype=torch.float64)
        super().__init__(voxels.to(torch.float64) * shape[:, None])
        self.periodic = periodic
        self.values, self.channels = values, len(values)
        dx, dy, dz = (edge / n for edge, n in zip(self.edges, values.shape[1:], strict=True))
        n_x, n_y, n_z = values.shape[1:]
        self.grid = Box((n_x, n_y, n_z), (dx, dy, dz), self.directions)

    @property
    def step(self) -> float:
        """The longest edge of a voxel."""
        return max(self.grid.steps)

    def at(self, box: Box) -> Tensor:
        spectrum = to_frequencies(self.values.to(torch.float64), self.grid, box)
        for axis, step in enumerate(self.grid.steps):
            # What lies beyond the grid's own frequencies are copies of what lies within.
            known = box.frequencies(axis).abs() < (1 - 1e-9) * math.pi / step
            shape = [-1 if a == axis else 1 for a in range(3)]
            spectrum = spectrum * known.to(spectrum.device).view(shape)
        return spectrum


class PointDensity(FourierDensity):
    """Radial densities about points; what is known of them is their structure factor.

    Parameters
    ----------
    positions : of the points, (K, 3); differentiable.
    cell : of a lattice, vectors in rows (3, 3); None in free space.
    reach : distance from a point at which its density has vanished, its ``width`` aside.
    extent : of a cuboid about the origin that holds free points; without, their bounding box moves
        with them, which a gradient does not see.

    No points are empty space.
    """

    def __init__(
        self,
        positions: Tensor,
        cell: Tensor | None = None,
        reach: float = 0.0,
        extent: Vector | None = None,
    ) -> None:
        positions = positions.to(torch.float64)
        if cell is None and extent is None and len(positions):
            low, high = positions.detach().min(0).values, positions.detach().max(0).values
            positions, (x, y, z) = positions - (low + high) / 2, (high - low).tolist()
            extent = (x, y, z)
        x, y, z = extent or (0.0, 0.0, 0.0)
        super().__init__(cell, (x + 2 * reach, y + 2 * reach, z + 2 * reach))
        self.positions = positions

    def structure(self, weights: Tensor, box: Box) -> Tensor:
        """Σ_k w_k e^{−iω·r_k} at the frequencies of a box, for weights (n, K): ``(n, …)``."""
        device = self.positions.device
        inverse = torch.as_tensor(np.linalg.inv(self.directions), device=device)
        along = self.positions @ inverse  # edges are at angles: r = Σ_a t_a e_a
        x, y, z = (
            torch.exp(-1j * torch.outer(along[:, axis], box.frequencies(axis).to(device)))
            for axis in range(3)
        )
        left = (weights[:, :, None] * x).transpose(1, 2).flatten(0, 1)
        right = (y[:, :, None] * z[:, None, :]).flatten(1)
        return (left @ right).view(len(weights), x.shape[1], y.shape[1], z.shape[1])


class GaussianDensity(PointDensity):
    """ρ(u) = Σ_k c_k g_σ(u − r_k) and its copies: charges ``(channels, K)`` at points (K, 3)."""

    def __init__(
        self,
        positions: Tensor,
        charges: Tensor,
        sigma: float,
        cell: Tensor | None = None,
        extent: Vector | None = None,
    ) -> None:
        super().__init__(positions, cell, extent=extent)
        self.charges, self.channels, self.width = charges, len(charges), sigma

    def at(self, box: Box) -> Tensor:
        weights = self.charges.to(self.positions)
        return self.structure(weights, box) * bell(self.width, box, self.positions.device)


def bell(width: float, box: Box, device: torch.device) -> Tensor:
    """e^{−width² |ω|² / 2} at the frequencies of a box."""
    x, y, z = (w * width for w in box.wavevectors(device))
    return torch.exp(-(x.square() + y.square() + z.square()) / 2)


def edges_of(cell: Tensor) -> tuple[Vector, Vectors]:
    """Lengths and directions of the vectors in the rows of a cell."""
    rows = cell.to(torch.float64).cpu()
    lengths = rows.norm(dim=1)
    a, b, c = ((x, y, z) for x, y, z in (rows / lengths[:, None]).tolist())
    x, y, z = lengths.tolist()
    return (x, y, z), (a, b, c)
