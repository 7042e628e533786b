"""Real solid harmonics r^l Y_lm as polynomials in x, y, z."""

from __future__ import annotations

from functools import cache
from math import comb, factorial, pi, sqrt

import numpy as np
from numpy.typing import NDArray

Exponents = tuple[int, int, int]


@cache
def monomials(l: int) -> tuple[Exponents, ...]:
    """The exponents (a, b, c) of all x^a y^b z^c of degree ``l``: (l + 1)(l + 2) / 2 of them."""
    return tuple((a, b, l - a - b) for a in range(l, -1, -1) for b in range(l - a, -1, -1))


@cache
def coefficients(l: int) -> NDArray[np.float64]:
    """r^l Y_lm, m = −l … l, in the basis `monomials`: ``(2l + 1, (l + 1)(l + 2) / 2)``.

    Y_lm are the real spherical harmonics, orthonormal on the unit sphere, without the
    Condon–Shortley sign: Y_lm ∝ cos mφ for m ≥ 0 and ∝ sin |m|φ for m < 0.

    Reference: Helgaker, Jørgensen, Olsen, Molecular Electronic-Structure Theory (2000), §6.4.
    """
    place = {exponents: column for column, exponents in enumerate(monomials(l))}
    rows = np.zeros((2 * l + 1, len(place)))
    for m in range(l + 1):
        norm = sqrt((2 * l + 1) / (4 * pi) * factorial(l - m) / factorial(l + m))
        norm *= sqrt(2) if m else 1
        for (a, b, c), zonal in _zonal(l, m).items():
            for p in range(m + 1):  # (x + iy)^m = Σ_p binomial x^(m − p) (iy)^p
                value = norm * zonal * comb(m, p) * (-1) ** (p // 2)
                row = l + m if p % 2 == 0 else l - m
                rows[row, place[a + m - p, b + p, c]] += value
    return rows


def _zonal(l: int, m: int) -> dict[Exponents, float]:
    """r^(l − m) d^m P_l(z / r) / dz^m as a polynomial: exponents to coefficient."""
    terms: dict[Exponents, float] = {}
    for k in range((l - m) // 2 + 1):
        power = l - m - 2 * k
        legendre = (-1) ** k * comb(l, k) * comb(2 * l - 2 * k, l) / 2**l
        legendre *= factorial(l - 2 * k) / factorial(power)
        for i in range(k + 1):  # r^(2k) = (x² + y² + z²)^k
            for j in range(k + 1 - i):
                many = factorial(k) // (factorial(i) * factorial(j) * factorial(k - i - j))
                exponents = (2 * i, 2 * j, power + 2 * (k - i - j))
                terms[exponents] = terms.get(exponents, 0.0) + legendre * many
    return terms
