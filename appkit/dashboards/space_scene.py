"""A density in space as the solid harmonics page looks at it: slices, surfaces, atoms.

What is looked at is a field at the points of a lattice, which a subclass of `SpaceScene` knows.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.measure import marching_cubes
from torch import Tensor

from appkit.figures.density import Field
from appkit.figures.molecule import Planar
from appkit.figures.space import Mesh, Spatial

#: The page's scales are j = 0 … J, its degrees l = 0 … L, its exponents POWERS.
J, L = 3, 3
POWERS = (0.5, 1, 2, 3)
#: Samples along the longer side of a slice, and along the longest side of a surface's lattice.
PIXELS, VOXELS = 256, 56
#: Aimed at relative error of the table's invariants: two digits are printed.
TOLERANCE = 3e-3
#: Most bytes of the transform.
MAX_BYTES = 2**29
#: Å from a slice at which its atoms are still drawn.
NEAR = 0.7
#: Each plane's own axes, then the one it is moved along.
PLANES = {"xy": (0, 1, 2), "xz": (0, 2, 1), "yz": (1, 2, 0)}


class Shown(NamedTuple):
    """Which field: ρ (order 0), |ρ∗ψ_{l,j}|, or what S² pools, |U_{l,j}∗ψ_{l,j2}|."""

    order: int = 1
    l: int = 0
    j: int = 0
    j2: int = 0


class SpaceScene(ABC):
    """What the page draws of a density; immutable and hashable.

    Attributes
    ----------
    sigma : width σ of the finest wavelets, Å.
    """

    sigma: float

    @property
    @abstractmethod
    def step(self) -> float:
        """Of the density's grid, Å."""

    @property
    @abstractmethod
    def atoms(self) -> Spatial:
        """Where the atoms lie now."""

    @abstractmethod
    def field(self, shown: Shown, axes: list[Tensor]) -> Tensor:
        """The field in e/Å³ at the points of a lattice: ``(n_x, n_y, n_z)``."""

    @abstractmethod
    def bounds(self, shown: Shown) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The corners of the box that is looked at, (3,) each, Å."""

    @abstractmethod
    def table(self) -> Any:
        """All invariants: a frame of the transform's paths with ``value``."""

    @property
    def at_rest(self) -> SpaceScene:
        """The same, not moved."""
        return self

    @property
    def distance(self) -> float | None:
        """Of the two nearest atoms, Å; None for fewer."""
        return _distance(self.at_rest.atoms.positions.tobytes())

    def scale(self, j: int) -> float:
        """Width 2^j σ of the wavelets of scale j, Å."""
        return self.sigma * 2**j

    def balls(self) -> Mesh:
        """The atoms and their bonds, for drawing."""
        return _balls(self.atoms.symbols, self.atoms.positions.tobytes())

    def slice(
        self, shown: Shown, plane: str = "xy", offset: float = 0.0, sampled: bool = False
    ) -> tuple[Field, Planar]:
        """The field on a plane ``offset`` Å from the middle, and the atoms near that plane.

        With ``sampled``, at the samples of the grid only, a step δ apart.
        """
        across, up, along = PLANES[plane]
        low, high = self.bounds(shown)
        size = max(high[across] - low[across], high[up] - low[up])
        h = self.step if sampled else size / PIXELS
        axes = [torch.zeros(1)] * 3
        bounds = []
        for axis in (across, up):
            first, last = math.floor(low[axis] / h), math.ceil(high[axis] / h)
            axes[axis] = torch.arange(first, last + 1, dtype=torch.float32) * h
            bounds.append(((first - 0.5) * h, (last + 0.5) * h))
        axes[along] = torch.tensor([offset], dtype=torch.float32)
        values = self.field(shown, axes).squeeze(along).T.to(torch.float32).contiguous()
        (left, right), (bottom, top) = bounds
        return Field(values.numpy(), (left, bottom, right, top)), self._near(plane, offset)

    def surface(self, shown: Shown, level: float) -> tuple[Mesh, float]:
        """The surface where the field is ``level`` × its peak, and the peak in e/Å³."""
        if not 0 < level < 1:
            raise ValueError(f"The level is a share of the peak, between 0 and 1, not {level}.")
        values, origin, h = _volume(self, shown)
        peak = float(values.max())
        vertices, faces, _, _ = marching_cubes(values, level * peak, spacing=(h, h, h))
        return Mesh((vertices + origin).astype(np.float32), faces.astype(np.int32)), peak

    def corners(self, shown: Shown, plane: str, offset: float) -> np.ndarray:
        """Of the part of a plane that is seen, (4, 3), Å."""
        across, up, _ = PLANES[plane]
        low, high = self.bounds(shown)
        points = np.full((4, 3), offset)
        points[:, across] = [low[across], high[across], high[across], low[across]]
        points[:, up] = [low[up], low[up], high[up], high[up]]
        return points

    def _near(self, plane: str, offset: float) -> Planar:
        across, up, along = PLANES[plane]
        symbols, positions = self.atoms.symbols, self.atoms.positions
        heights = positions[:, along] - offset
        near = np.abs(heights) <= NEAR
        shown = tuple(np.array(symbols)[near].tolist())
        return Planar(shown, positions[near][:, [across, up]], heights[near])


@lru_cache(maxsize=8)
def _balls(symbols: tuple[str, ...], positions: bytes) -> Mesh:
    return Spatial(symbols, np.frombuffer(positions).reshape(-1, 3)).mesh()


@lru_cache(maxsize=16)
def _distance(positions: bytes) -> float | None:
    points = np.frombuffer(positions).reshape(-1, 3)
    if len(points) < 2:
        return None
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    return float(apart[np.triu_indices(len(points), 1)].min())


@lru_cache(maxsize=8)
def _volume(scene: SpaceScene, shown: Shown) -> tuple[np.ndarray, np.ndarray, float]:
    """A field on a lattice with a rim of zeros, its first point (3,) and its step, Å.

    Kept while the level of the surface changes.
    """
    low, high = scene.bounds(shown)
    h = float((high - low).max()) / (VOXELS - 1)
    axes = [
        torch.arange(l, u + h / 2, h, dtype=torch.float32) for l, u in zip(low, high, strict=True)
    ]
    values = scene.field(shown, axes).to(torch.float32).numpy()
    return np.pad(values, 1), low - h, h
