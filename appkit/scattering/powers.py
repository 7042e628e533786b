"""Powers of moduli: |z|^q from |z|², for sums over samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from torch import Tensor

#: |z|^q of a larger power leaves the range of single precision; the reciprocal of a smaller one,
#: that of double precision.
LARGEST_POWER, SMALLEST_POWER = 16, 1e-300
#: What counts as a number, a Boolean too.
NUMBER = int | float | np.number


def check_powers(powers: Sequence[float]) -> None:
    """Raise ``ValueError`` unless these are one or more exponents 1e-300 ≤ q ≤ 16."""
    if isinstance(powers, str) or not isinstance(powers, Iterable):
        raise ValueError(f"Powers q are a list of numbers, not {powers!r}: write ({powers},).")
    given = tuple(powers)
    low, high = SMALLEST_POWER, LARGEST_POWER
    if not given or any(not (isinstance(q, NUMBER) and low <= q <= high) for q in given):
        raise ValueError(f"Powers q must be positive numbers up to {high}, not {given}.")
    if len(set(given)) < len(given):
        raise ValueError(f"The powers q {given} name one more than once.")


def root(power: Tensor) -> Tensor:
    """|z| from |z|², with gradient 0 where z = 0."""
    return power.clamp(min=1e-30).sqrt() if power.requires_grad else power.sqrt()


def raised(power: Tensor, powers: Sequence[float]) -> list[Tensor]:
    """|z|^q for each q from |z|²; roots and products are several times faster than powers."""
    modulus = power if set(powers) == {2} else root(power)
    quick = {0.5: lambda: modulus.sqrt(), 1: lambda: modulus, 2: lambda: power}
    quick |= {3: lambda: power * modulus, 4: power.square}
    return [quick[q]() if q in quick else modulus.pow(q) for q in powers]
