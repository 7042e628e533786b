"""From atoms to a width, a grid step and a grid: the talk's rules for Gaussian densities."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Sampling:
    """How wide atoms are made, and how finely their density is sampled.

    Two rules: the nearest atoms, ``distance`` apart, overlap by α half-way, and what a grid of step
    δ folds over is below ε.

    Attributes
    ----------
    distance : smallest distance d of two atoms, Å.
    overlap : α, the value of either Gaussian half-way between them, relative to its top.
    aliasing : ε, the largest value of ρ̂ beyond the grid's highest frequency, relative to ρ̂(0).

    Raises
    ------
    ValueError
        for a distance that is no positive length, an α or ε that is not between 0 and 1.

    References
    ----------
    L. Thiry's talk (both rules); Eickenberg et al., J. Chem. Phys. 148, 241732 (2018) (overlap).
    """

    distance: float
    overlap: float = 0.1
    aliasing: float = 1e-3

    def __post_init__(self) -> None:
        if not (math.isfinite(self.distance) and self.distance > 0):
            raise ValueError(f"The smallest distance must be a length in Å, not {self.distance}.")
        for name, value in (("overlap α", self.overlap), ("aliasing ε", self.aliasing)):
            if not 0 < value < 1:
                raise ValueError(f"The {name} must lie between 0 and 1, not {value}.")

    @property
    def sigma(self) -> float:
        """σ = d / √(−8 ln α), Å: e^{−(d/2)² / 2σ²} = α."""
        return self.distance / math.sqrt(-8 * math.log(self.overlap))

    @property
    def step(self) -> float:
        """δ = πσ / √(−2 ln ε), Å: ρ̂ ∝ e^{−σ²ω²/2} is ε at the highest frequency π / δ."""
        return math.pi * self.sigma / math.sqrt(-2 * math.log(self.aliasing))

    @property
    def talk_step(self) -> float:
        """δ = −σ² / (π² ln ε), as the talk prints it, with σ in Å.

        It is no length: in another unit it is another step. It is shown beside `step`, which is
        used.
        """
        return -(self.sigma**2) / (math.pi**2 * math.log(self.aliasing))

    def samples(self, side: float) -> int:
        """N = side / δ, rounded up: samples along a box of ``side`` Å."""
        return max(1, math.ceil(side / self.step))

    def memory(self, sides: tuple[float, float, float], fields: int = 1) -> int:
        """Bytes of that many single-precision fields in a box of ``sides`` Å."""
        return 4 * fields * math.prod(self.samples(side) for side in sides)
