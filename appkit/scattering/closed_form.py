"""Solid harmonic wavelets and Gaussian densities: what needs no grid.

A Gaussian convolved with a solid harmonic Gaussian is a solid harmonic Gaussian of larger width,
so that first-order fields of Gaussian atoms are known at any point, and their energies (q = 2) are
sums over pairs of atoms. Both can be differentiated with respect to positions and charges.

References
----------
Eickenberg, Exarchakis, Hirn, Mallat, Thiry, J. Chem. Phys. 148, 241732 (2018), arXiv:1805.00571;
normalisation as in kymatio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from appkit.scattering.harmonics import coefficients, monomials


@cache
def amplitude(l: int) -> float:
    """A_l of ψ̂_{l,m}(ω) = A_l (−i)^l (σ|ω|)^l e^{−σ²|ω|²/2} Y_lm(ω / |ω|).

    kymatio's: ψ̂_{0,0} is e^{−σ²|ω|²/2} itself; for l > 0 see its ``solid_harmonic_filter_bank``.
    """
    if l == 0:
        return math.sqrt(4 * math.pi)
    if l % 2 == 0:
        odd = math.prod(range(1, l + 2, 2))
        return math.sqrt(2 * math.pi) / (math.sqrt(l + 0.5) * odd)
    half = 2 ** ((l + 3) / 2) * math.factorial((l + 1) // 2)
    return (2 * math.pi) ** 1.5 / (half * math.sqrt(math.pi * (2 * l + 1)))


def width(sigma: float, scale: float) -> float:
    """Σ = √(σ² + scale²), of a field of atoms of width σ seen by a wavelet of width ``scale``."""
    return math.hypot(sigma, scale)


def gaussian_fields(
    points: Tensor, positions: Tensor, charges: Tensor, sigma: float, scale: float, l: int
) -> Tensor:
    """(ρ∗ψ_{l,m})(u), m = −l … l, at points (n, 3): ``(channels, 2l + 1, n)``.

    ρ = Σ_k c_k g_σ(u − r_k), with positions r (K, 3) and charges c (channels, K); the wavelets have
    width ``scale``. Lengths in one unit, densities in charge per cubed unit.
    """
    total = width(sigma, scale)
    u = (points[None] - positions[:, None]) / total  # (K, n, 3)
    bell = torch.exp(-u.square().sum(-1) / 2)
    x, y, z = u.unbind(-1)
    powers = torch.stack([x**a * y**b * z**c for a, b, c in monomials(l)])
    rows = torch.as_tensor(coefficients(l), dtype=u.dtype, device=u.device)
    gain = amplitude(l) * (scale / total) ** l / ((2 * math.pi) ** 1.5 * total**3)
    return gain * torch.einsum("mp,pkn,kn,ck->cmn", rows, powers, bell, charges)


def lattice_fields(
    axes: Sequence[Tensor], positions: Tensor, charges: Tensor, sigma: float, scale: float, l: int
) -> Tensor:
    """`gaussian_fields` at all points of a lattice: ``(channels, 2l + 1, n_x, n_y, n_z)``.

    ``axes`` are the coordinates x, y and z of its points. Each field is a polynomial times a
    Gaussian, so that it is one product of matrices: the longest axis on one side, the other two on
    the other, summed over atoms and monomials.
    """
    total = width(sigma, scale)
    tables = []
    for axis, samples in enumerate(axes):
        t = (samples[None] - positions[:, axis, None]) / total
        tables.append(torch.exp(-t.square() / 2) * torch.stack([t**a for a in range(l + 1)]))
    long = max(range(3), key=lambda axis: len(axes[axis]))
    one, other = (axis for axis in range(3) if axis != long)
    fields = []
    for row in coefficients(l):
        terms = [(float(v), e) for v, e in zip(row, monomials(l), strict=True) if v]
        left = torch.cat([v * charges[:, :, None] * tables[long][e[long]] for v, e in terms], dim=1)
        right = torch.cat(
            [tables[one][e[one]][:, :, None] * tables[other][e[other]][:, None] for _, e in terms]
        )
        fields.append((left.transpose(1, 2) @ right.flatten(1)).unflatten(2, right.shape[1:]))
    gain = amplitude(l) * (scale / total) ** l / ((2 * math.pi) ** 1.5 * total**3)
    return gain * torch.stack(fields, dim=1).movedim(2, 2 + long)


def gaussian_energies(
    positions: Tensor, charges: Tensor, sigma: float, scale: float, l: int
) -> Tensor:
    """∫ Σ_m |ρ∗ψ_{l,m}|² du, exactly invariant to motions: ``(channels,)``.

    The pair sum Σ_{ab} c_a c_b K(r_ab), K(r) = const · e^{−t} ₁F₁(−l; 3/2; t), t = r² / 4Σ².
    """
    total = width(sigma, scale)
    t = (positions[:, None] - positions[None]).square().sum(-1) / (4 * total**2)
    kernel = torch.exp(-t) * _kummer(l, t)
    const = amplitude(l) ** 2 * scale ** (2 * l) * (2 * l + 1) / (2 * math.pi) ** 3
    const *= 0.5 * math.gamma(l + 1.5) * total ** -(2 * l + 3)
    return const * torch.einsum("ca,ab,cb->c", charges, kernel, charges)


def _kummer(l: int, t: Tensor) -> Tensor:
    """₁F₁(−l; 3/2; t), a polynomial of degree l."""
    term = total = torch.ones_like(t)
    for k in range(l):
        term = term * t * ((k - l) / ((k + 1.5) * (k + 1)))
        total = total + term
    return total
