"""One scale of a cascade: a box, a sampling and the wavelets of all its angles.

A wavelet ψ_j sees frequencies near its centre only, so ρ∗ψ_j is known from a small *window* of ρ̂.
An inverse transform of that window alone gives ρ∗ψ_j, up to a phase that its modulus does not
see, on a grid as coarse as the window is narrow. Each scale therefore has a sampling of its own,
and, since coarse wavelets reach far beyond a molecule, a box of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from appkit.scattering.grid import fast_even_size
from appkit.scattering.morlet import MorletBank

Spectrum = Callable[[Tensor, Tensor], Tensor]
"""ρ̂ as a function: frequencies ω_y (m_y,) and ω_x (m_x,) to values (batch, m_y, m_x)."""


@dataclass(frozen=True)
class Level:
    """Scale ``j`` on its own lattice of frequencies 2π k / box.

    ``rows`` and ``columns`` are the ranges of integer k that the windows of all angles cover;
    ``starts[l]`` is where the window of angle l, of ``shape`` samples, begins in them.
    """

    j: int
    box: tuple[float, float]
    shape: tuple[int, int]
    rows: tuple[int, int]
    columns: tuple[int, int]
    starts: tuple[tuple[int, int], ...]

    @property
    def steps(self) -> tuple[float, float]:
        """Sampling steps (y, x) of the fields of this level."""
        return self.box[0] / self.shape[0], self.box[1] / self.shape[1]

    def frequencies(self) -> tuple[Tensor, Tensor]:
        """ω_y and ω_x of the lattice, float64."""
        y = torch.arange(*self.rows, dtype=torch.float64) * (2 * math.pi / self.box[0])
        x = torch.arange(*self.columns, dtype=torch.float64) * (2 * math.pi / self.box[1])
        return y, x

    def window(self, spectrum: Tensor, angle: int) -> Tensor:
        """The part ``(…, n_y, n_x)`` of a spectrum on the lattice that ψ_{j,θ} sees."""
        y, x = self.starts[angle]
        return spectrum[..., y : y + self.shape[0], x : x + self.shape[1]]

    def filters(self, bank: MorletBank) -> Tensor:
        """ψ̂_{j,θ} on each window, ``(L, n_y, n_x)``, scaled so that ``ifft2`` gives ρ∗ψ."""
        wy, wx = self.frequencies()
        scale = self.shape[0] * self.shape[1] / (self.box[0] * self.box[1])
        windows = []
        for (y, x), theta in zip(self.starts, bank.angles, strict=True):
            oy, ox = wy[y : y + self.shape[0], None], wx[None, x : x + self.shape[1]]
            windows.append(bank.fourier(self.j, theta, oy, ox) * scale)
        return torch.stack(windows)

    def carriers(self, bank: MorletBank) -> Tensor:
        """Phases e^{iω·u} ``(L, n_y, n_x)`` that undo the shift of each window's origin."""
        ky, kx = (torch.fft.fftfreq(n, dtype=torch.float64) for n in self.shape)  # u / box
        waves = []
        for y, x in self.starts:
            turns = (self.rows[0] + y) * ky[:, None] + (self.columns[0] + x) * kx[None, :]
            waves.append(torch.polar(torch.ones_like(turns), 2 * math.pi * turns))
        return torch.stack(waves)


def level_boxes(
    bank: MorletBank, extent: tuple[float, float], tolerance: float
) -> list[tuple[float, float]]:
    """A box for each scale, wide enough that ρ∗ψ_j does not meet itself around the period.

    The two finest scales, where nearly all the work is, share a box and so their frequencies:
    a real FFT then takes the fields of the one to the other.
    """
    needed = [2 * bank.reach(max(j, 1), tolerance) for j in range(bank.J)]
    return [(extent[0] + margin, extent[1] + margin) for margin in needed]


def make_level(bank: MorletBank, j: int, box: tuple[float, float], tolerance: float) -> Level:
    """The level of scale ``j`` in ``box`` whose windows end where |ψ̂| falls to ``tolerance``.

    Raises ``ValueError`` where not one oscillation of ψ_j fits into the box.
    """
    if bank.wavelength(j) > max(box):
        largest = int(math.log2(max(box) / bank.wavelength(0))) + 1
        raise ValueError(
            f"J = {bank.J} is too large for a box of {box[1]:.3g} × {box[0]:.3g}: the wavelets of "
            f"scale j = {j} oscillate once in {bank.wavelength(j):.3g}. Take J ≤ {largest}, a "
            f"smaller step or a larger box."
        )
    half = bank.half_band(j, tolerance)
    shape = (fast_even_size(half * box[0] / math.pi), fast_even_size(half * box[1] / math.pi))
    ky = [round(bank.centre(j) * math.sin(t) * box[0] / (2 * math.pi)) for t in bank.angles]
    kx = [round(bank.centre(j) * math.cos(t) * box[1] / (2 * math.pi)) for t in bank.angles]
    first = min(ky) - shape[0] // 2, min(kx) - shape[1] // 2
    last = max(ky) - shape[0] // 2 + shape[0], max(kx) - shape[1] // 2 + shape[1]
    starts = tuple(
        (y - shape[0] // 2 - first[0], x - shape[1] // 2 - first[1])
        for y, x in zip(ky, kx, strict=True)
    )
    return Level(j, box, shape, (first[0], last[0]), (first[1], last[1]), starts)


class Resampling:
    """Fourier transform of real fields of one level on the lattice of another.

    Where both levels have the same box, the lattices coincide and a real FFT, shared by all the
    coarser levels, is cropped; else the sums ∫U(u) e^{−iω·u} du are taken as two matrix products.
    """

    def __init__(self, source: Level, target: Level) -> None:
        self.target = target
        self.area = source.steps[0] * source.steps[1]
        self.same_box = source.box == target.box
        if self.same_box:
            ky = torch.arange(*target.rows)[:, None]
            kx = torch.arange(*target.columns)[None]
            half_row = source.shape[1] // 2 + 1
            rows = torch.where(kx < 0, -ky, ky) % source.shape[0]
            self.index = (rows * half_row + kx.abs()).ravel()
            self.mirrored = max(0, -target.columns[0])
        else:
            waves = [
                torch.exp(-1j * torch.outer(omega, torch.fft.fftfreq(n, d=1 / n).double() * step))
                for omega, n, step in zip(
                    target.frequencies(), source.shape, source.steps, strict=True
                )
            ]
            self.exp_y = waves[0]
            self.exp_x = torch.view_as_real(waves[1].T.contiguous()).flatten(1)  # (n_x, 2 m_x)

    def __call__(self, fields: Tensor, half: Tensor | None) -> Tensor:
        """Û / ``area`` on the target's lattice; ``half`` is their ``rfft2`` where boxes agree."""
        if self.same_box:
            assert half is not None
            lattice = half.flatten(-2).index_select(-1, self.index.to(half.device))
            lattice = lattice.unflatten(-1, (-1, self.target.columns[1] - self.target.columns[0]))
            lattice[..., : self.mirrored].imag.neg_()  # Û(−ω) is the conjugate of Û(ω)
            return lattice
        rows = fields @ self.exp_x.to(fields.device, fields.dtype)  # real: half the work
        rows = torch.view_as_complex(rows.unflatten(-1, (-1, 2)))
        return self.exp_y.to(rows.device, rows.dtype) @ rows
