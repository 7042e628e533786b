"""Wavelets along the angle θ, for the roto-translation scattering."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class AngularBank(nn.Module):
    r"""Convolutions along θ of a field V(u, θ) with V(u, θ + π) = conj V(u, θ).

    The circle has 2L samples; V is given on the first L. Filters ψ̄_ℓ are one-sided Gaussians on
    the integer harmonics k, band-pass ones centred at 2^{−ℓ} · 3L/4 for ℓ = 0 … n − 2 (as long as
    the centre is ≥ 1) and, last, the average over θ. One-sided suffices: V's symmetry gives
    harmonic −k from harmonic k. The filters sum their squares to one over k ≥ 0.

    Parameters
    ----------
    L : number of angles in [0, π).

    References
    ----------
    Mallat, Group Invariant Scattering, CPAM 65 (2012), §5; Hirn, Poilvert, Mallat,
    arXiv:1502.02077. The number of ℓ in that paper could not be confirmed; L = 16 gives the
    five that its 10⁴ vectors suggest.
    """

    filters: Tensor

    def __init__(self, L: int) -> None:
        super().__init__()
        harmonics = torch.arange(2 * L, dtype=torch.float64)
        harmonics = torch.where(harmonics < L, harmonics, harmonics - 2 * L)
        centres = [0.75 * L / 2**ell for ell in range(max(1, int(math.log2(0.75 * L)) + 1))]
        bands = [torch.exp(-0.5 * ((harmonics - c) / (0.4 * c)) ** 2) for c in centres]
        average = torch.exp(-0.5 * (harmonics / (0.4 * centres[-1])) ** 2)
        filters = torch.stack([*bands, average])
        filters = torch.where(harmonics >= 0, filters, torch.zeros(()))
        filters = filters / filters.square().sum(0).clamp(min=1e-300).sqrt()
        self.n_filters = len(filters)
        self.register_buffer("filters", filters.to(torch.float32), persistent=False)

    def forward(self, field: Tensor) -> list[Tensor]:
        """|V ∗_θ ψ̄_ℓ|² for each ℓ: from ``(batch, L, n_y, n_x)`` to ``(batch, 2L, n_y, n_x)``."""
        circle = torch.fft.fft(torch.cat([field, field.conj()], dim=1), dim=1)
        shape = (1, -1, 1, 1)
        fields = (torch.fft.ifft(circle * f.reshape(shape), dim=1) for f in self.filters)
        return [z.real.square() + z.imag.square() for z in fields]
