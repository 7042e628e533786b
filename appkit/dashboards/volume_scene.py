"""A density on a grid, as a cube file brings it, and its solid harmonic scattering."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter
from torch import Tensor

from appkit.dashboards.space_scene import MAX_BYTES, POWERS, TOLERANCE, J, L, Shown, SpaceScene
from appkit.energy import VolumetricDensity
from appkit.figures.space import Spatial
from appkit.scattering import FourierSolidHarmonic

#: Samples along the longest side of the lattice on which a field is computed.
SAMPLES = 80


@dataclass(frozen=True)
class VolumeScene(SpaceScene):
    """A density of one channel in a box along x, y and z, and the width of the finest wavelets.

    Positions are told from the middle of its samples. Its fields are computed once on a lattice
    and seen through cubic splines from there, so that a slice follows its slider.
    """

    density: VolumetricDensity
    sigma: float

    @classmethod
    def of(cls, density: VolumetricDensity) -> VolumeScene:
        """With the narrowest wavelets; refuses a box that is not along x, y and z."""
        cell = np.asarray(density.cell)
        if not np.allclose(cell, np.diag(np.diag(cell))) or (np.diag(cell) < 0).any():
            raise ValueError(
                "The voxels of this file do not lie along x, y and z. Pictures are drawn of those "
                "that do; its invariants are computed by appkit.energy.SolidHarmonicScattering."
            )
        scene = cls(density, 1.0)
        return replace(scene, sigma=scene.least_sigma)

    @property
    def step(self) -> float:
        """The longest edge of a voxel, Å."""
        return float(np.linalg.norm(self._voxels, axis=1).max())

    @property
    def least_sigma(self) -> float:
        """The narrowest wavelets that the samples resolve, Å."""
        return self._transform().narrowest(self.step)

    @property
    def atoms(self) -> Spatial:
        """Those of the file."""
        atoms = self.density.atoms
        if atoms is None:
            return Spatial()
        middle = np.asarray(self.density.origin) + (self.density.cell - self._voxels).sum(0) / 2
        return Spatial(tuple(atoms.get_chemical_symbols()), atoms.positions - middle)

    @property
    def _voxels(self) -> NDArray[np.float64]:
        return self.density.cell / np.array(self.density.shape)[:, None]

    def bounds(self, shown: Shown) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """From the first sample to the last."""
        half = np.diag(self.density.cell - self._voxels) / 2
        return -half, half

    def field(self, shown: Shown, axes: list[Tensor]) -> Tensor:
        """By splines between the samples of a lattice, in e/Å³; zero beyond the box."""
        order = 3 if shown.order else 1  # at a nucleus a cubic spline would swing below zero
        values = _splines(self, shown) if shown.order else self.density.values[0]
        low, high = self.bounds(shown)
        places = [
            (axis.numpy() - a) / (b - a) * (n - 1)
            for axis, a, b, n in zip(axes, low, high, values.shape, strict=True)
        ]
        points = np.meshgrid(*places, indexing="ij")
        seen = map_coordinates(values, points, order=order, prefilter=False)
        return torch.as_tensor(seen.clip(min=0.0) if shown.order else np.abs(seen))

    def table(self) -> pd.DataFrame:
        """All invariants: a frame of the transform's paths with ``value``."""
        transform, density = self._transform(), self.density.sampled([self.density.channels[0]])
        transform.check(density)
        if (need := transform.memory(density)) > MAX_BYTES:
            raise ValueError(
                f"S¹ and S² of this density at σ = {self.sigma:.2f} Å need {need / 1e6:,.0f} MB; "
                f"this page's budget is {MAX_BYTES / 1e6:,.0f} MB. Take a larger σ."
            )
        with torch.inference_mode():
            values = transform(density)[0].numpy()
        return pd.DataFrame(transform.paths).assign(value=values)

    def _transform(self) -> FourierSolidHarmonic:
        return FourierSolidHarmonic(self.sigma, tuple(range(J + 1)), L, POWERS, tolerance=TOLERANCE)


@lru_cache(maxsize=4)
def _splines(scene: VolumeScene, shown: Shown) -> NDArray[np.float64]:
    """Coefficients of cubic splines through a field on a lattice that fills the box."""
    low, high = scene.bounds(shown)
    h = float((high - low).max()) / (SAMPLES - 1)
    counts = [max(4, round(float(side) / h) + 1) for side in high - low]
    axes = [
        torch.linspace(a, b, n, dtype=torch.float64)
        for a, b, n in zip(low, high, counts, strict=True)
    ]
    j2 = shown.j2 if shown.order == 2 else None
    density = scene.density.sampled([scene.density.channels[0]])
    field = scene._transform().field(density, shown.l, shown.j, j2, axes)[0]
    return spline_filter(field.numpy(), order=3)
