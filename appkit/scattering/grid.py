"""Periodic planar grids and the sizes on which Fourier transforms are fast."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


def fast_even_size(minimum: float) -> int:
    """Smallest even integer ≥ ``minimum`` whose only prime factors are 2, 3 and 5."""
    half = max(1, math.ceil(minimum / 2))
    best = 1 << (half - 1).bit_length()
    fives = 1
    while fives < best:
        odd = fives
        while odd < best:
            twos = 1 << (-(-half // odd) - 1).bit_length()  # the least that reaches half
            best = min(best, odd * twos)
            odd *= 3
        fives *= 5
    return 2 * best


@dataclass(frozen=True)
class Grid:
    """A periodic grid of ``shape = (n_y, n_x)`` samples, ``step`` apart, centred on the origin.

    ``step`` is in the caller's unit of length (Å for molecules, pixels for images). Sample ``i``
    of an axis lies at ``(i − n // 2) · step``, so that a picture of a field on the grid has the
    origin in its middle.
    """

    shape: tuple[int, int]
    step: float

    def __post_init__(self) -> None:
        if min(self.shape) < 2:
            raise ValueError(f"A grid needs at least 2 × 2 samples, not {self.shape}.")
        if not (math.isfinite(self.step) and self.step > 0):
            raise ValueError(f"The grid step must be a positive length, not {self.step}.")

    @classmethod
    def covering(cls, width: float, height: float, step: float) -> Grid:
        """The smallest grid with fast transforms that covers ``width × height`` at ``step``."""
        return cls((fast_even_size(height / step), fast_even_size(width / step)), step)

    @property
    def box(self) -> tuple[float, float]:
        """Lengths ``(height, width)`` of the periodic box."""
        return self.shape[0] * self.step, self.shape[1] * self.step

    def coordinates(self) -> tuple[Tensor, Tensor]:
        """Positions ``(y, x)`` of the samples, shapes ``(n_y,)`` and ``(n_x,)``, float64."""
        y, x = ((torch.arange(n, dtype=torch.float64) - n // 2) * self.step for n in self.shape)
        return y, x

    def frequencies(self) -> tuple[Tensor, Tensor]:
        """Angular frequencies ``(ω_y, ω_x)`` in FFT order, radians per unit of length, float64."""
        y, x = (
            2 * math.pi * torch.fft.fftfreq(n, d=self.step, dtype=torch.float64) for n in self.shape
        )
        return y, x

    def to_fourier(self, field: Tensor) -> Tensor:
        """ρ̂(ω) = ∫ ρ(u) e^{−iω·u} du of a field ``(…, n_y, n_x)``, in FFT order."""
        return torch.fft.fft2(torch.fft.ifftshift(field, dim=(-2, -1))) * self.step**2

    def to_space(self, spectrum: Tensor) -> Tensor:
        """The field ``(…, n_y, n_x)``, complex, whose transform is ``spectrum`` (FFT order)."""
        return torch.fft.fftshift(torch.fft.ifft2(spectrum), dim=(-2, -1)) / self.step**2
