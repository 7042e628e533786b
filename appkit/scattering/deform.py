"""Deformations u → u + τ(u) of the plane, of points in it and of fields on it.

A representation Φ is stable to deformations where ‖Φ(ρ_τ) − Φ(ρ)‖ ≤ C sup_u |∇τ(u)| ‖ρ‖ for every
ρ, with a C that does not grow with ρ's frequencies (Mallat, Group Invariant Scattering, CPAM 65,
2012). Here τ(u) = A u + Σ_m a_m sin(k_m·u + φ_m), whose gradient is known in closed form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scipy.ndimage import map_coordinates
from torch import Tensor

from appkit.scattering.grid import Grid

__all__ = ["Deformation", "dilation", "grid_points", "random_deformation"]

_SPLINE_ORDER = 5
_MAX_ITERATIONS = 200


@dataclass(frozen=True)
class Deformation:
    """u → u + τ(u), τ(u) = A u + Σ_m a_m sin(k_m·u + φ_m).

    linear: A (2, 2); amplitudes a (m, 2) in the unit of length; wavevectors k (m, 2) in radians
    per unit; phases φ (m,). Points and vectors are (x, y), float64.
    """

    linear: Tensor
    amplitudes: Tensor
    wavevectors: Tensor
    phases: Tensor

    def displacement(self, points: Tensor) -> Tensor:
        """τ at points ``(…, 2)``; the same shape."""
        waves = torch.sin(points @ self.wavevectors.T + self.phases)
        return points @ self.linear.T + waves @ self.amplitudes

    def gradient(self, points: Tensor) -> Tensor:
        """∇τ at points ``(…, 2)``: ``(…, 2, 2)``, row i the derivatives of τ_i."""
        waves = torch.cos(points @ self.wavevectors.T + self.phases)
        oscillating = torch.einsum("...m,mi,mj->...ij", waves, self.amplitudes, self.wavevectors)
        return self.linear + oscillating

    def strength(self, points: Tensor) -> float:
        """‖∇τ‖_∞: the largest spectral norm of ∇τ at points ``(…, 2)``."""
        return float(torch.linalg.matrix_norm(self.gradient(points), ord=2).max())

    def times(self, factor: float) -> Deformation:
        """The deformation with ``factor`` τ."""
        return Deformation(
            factor * self.linear, factor * self.amplitudes, self.wavevectors, self.phases
        )

    def move(self, points: Tensor) -> Tensor:
        """u + τ(u) of points ``(…, 2)``: where atoms at these positions go."""
        return points + self.displacement(points)

    def origin(self, points: Tensor, tolerance: float = 1e-12) -> Tensor:
        """The points v with v + τ(v) = u, for u ``(…, 2)``: where `move` brings them from.

        By v ← u − τ(v), which converges like ‖∇τ‖^n. Raises ValueError where it does not: ‖∇τ‖
        reaches 1, and the deformation may fold the plane.
        """
        source = points
        for _ in range(_MAX_ITERATIONS):
            previous, source = source, points - self.displacement(source)
            if float((source - previous).abs().max()) < tolerance:
                return source
        raise ValueError(
            f"The deformation folds the plane: ‖∇τ‖ reaches {self.strength(source):.2g}, and it "
            "must stay below 1. Take a weaker one."
        )

    def warp(self, field: Tensor, grid: Grid, *, conserve: bool = False) -> Tensor:
        """The field ``(…, n_y, n_x)`` carried along by u → u + τ(u), on the same periodic grid.

        ρ_τ(u + τ(u)) = ρ(u), or with ``conserve`` ρ_τ(u + τ(u)) det(1 + ∇τ(u)) = ρ(u), which
        keeps every charge. Interpolated by periodic splines of order 5: the field must be smooth
        on the scale of the step. Raises ValueError where the field's shape is not the grid's.
        """
        if tuple(field.shape[-2:]) != tuple(grid.shape):
            raise ValueError(
                f"The field has {tuple(field.shape[-2:])} samples, the grid {grid.shape}."
            )
        source = self.origin(grid_points(grid))
        index = [source[..., 1 - axis] / grid.step + grid.shape[axis] // 2 for axis in (0, 1)]
        where = torch.stack(index).numpy()
        planes = field.detach().cpu().double().reshape(-1, *grid.shape)
        warped = torch.stack(
            [
                torch.from_numpy(
                    map_coordinates(p.numpy(), where, order=_SPLINE_ORDER, mode="grid-wrap")
                )
                for p in planes
            ]
        )
        if conserve:
            identity = torch.eye(2, dtype=torch.float64)
            warped = warped / torch.linalg.det(identity + self.gradient(source))
        return warped.reshape(field.shape).to(field.device, field.dtype)


def grid_points(grid: Grid) -> Tensor:
    """The samples of a grid as points (x, y): ``(n_y, n_x, 2)``, float64."""
    y, x = grid.coordinates()
    return torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1)


def dilation(factor: float) -> Deformation:
    """τ(u) = ``factor`` u, so ‖∇τ‖ = |factor|; above 0 everything grows.

    Raises ValueError unless |factor| < 1.
    """
    if not abs(factor) < 1:
        raise ValueError(f"A dilation needs |τ(u)| < |u|; the factor {factor:g} is not below 1.")
    none = torch.zeros((0, 2), dtype=torch.float64)
    linear = factor * torch.eye(2, dtype=torch.float64)
    return Deformation(linear, none, none, none[:, 0])


def random_deformation(
    strength: float, shortest: float, extent: float, seed: int = 0, n_waves: int = 24
) -> Deformation:
    """A smooth random deformation with ‖∇τ‖_∞ = ``strength`` on a square of side ``extent``.

    ``n_waves`` random plane waves, wavelengths from ``extent`` down to ``shortest``, amplitudes
    proportional to the wavelength so that all scales strain alike.
    Raises ValueError unless 0 ≤ strength < 1 and 0 < shortest ≤ extent.
    """
    if not 0 <= strength < 1:
        raise ValueError(f"‖∇τ‖ must lie in [0, 1), not {strength:g}: beyond, the plane may fold.")
    if not 0 < shortest <= extent:
        raise ValueError(
            f"The shortest wavelength, {shortest:g}, must be positive and at most the extent, "
            f"{extent:g}."
        )
    draw = torch.Generator().manual_seed(seed)

    def uniform() -> Tensor:
        return torch.rand(n_waves, generator=draw, dtype=torch.float64)

    wavelength = shortest * (extent / shortest) ** uniform()
    direction, angle, phase = (2 * math.pi * uniform() for _ in range(3))
    waves = torch.stack([torch.cos(direction), torch.sin(direction)], dim=1)
    amplitudes = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1) * wavelength[:, None]
    raw = Deformation(
        torch.zeros((2, 2), dtype=torch.float64),
        amplitudes,
        waves * (2 * math.pi / wavelength[:, None]),
        phase,
    )
    n = min(512, max(64, math.ceil(8 * extent / shortest)))
    return raw.times(strength / raw.strength(grid_points(Grid((n, n), extent / n))))
