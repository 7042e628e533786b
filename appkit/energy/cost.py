"""What a computation will take, told before it starts."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
import torch
from ase import Atoms

from appkit.energy.sampling import Sampling
from appkit.scattering.threads import one_thread
from appkit.scattering.work import Work


class Priced(Protocol):
    """A dictionary that knows what it will do."""

    def work(self, X: Sequence[Atoms]) -> Work | None: ...

    def memory(self, X: Sequence[Atoms]) -> int: ...


def estimated_seconds(dictionary: Priced, X: Sequence[Atoms]) -> float:
    """Seconds on one core of this machine for the features of molecules X, within a factor of 2.

    NaN where the dictionary cannot tell.
    """
    work = dictionary.work(X)
    return math.nan if work is None else work.seconds(operations_per_second())


@cache
@one_thread()
def operations_per_second() -> float:
    """Of a matrix product in single precision on one thread, as the transforms make them."""
    left, right = torch.ones(64, 96), torch.ones(96, 4096)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - started)
    return 2 * 64 * 96 * 4096 / min(times)


@dataclass(frozen=True)
class GridCost:
    """The talk's plain grid for a molecule: one box for all scales, every field at full size.

    Attributes
    ----------
    sides : of the box, Å: the molecule and the reach of the coarsest wavelets around it.
    shape : samples along each side, N = side / δ.
    fields : (L + 1)² fields a scale.
    bytes : of these fields in single precision.
    """

    sides: tuple[float, float, float]
    shape: tuple[int, int, int]
    fields: int
    bytes: int

    @classmethod
    def of(cls, molecule: Atoms, sampling: Sampling, J: int, L: int) -> GridCost:
        """For scales 0 … J and degrees 0 … L."""
        margin = 4 * sampling.sigma * 2**J
        x, y, z = np.ptp(molecule.positions, axis=0) + 2 * margin
        sides = (float(x), float(y), float(z))
        fields = (L + 1) ** 2 * (J + 1)
        a, b, c = (sampling.samples(side) for side in sides)
        return cls(sides, (a, b, c), fields, sampling.memory(sides, fields))


def nearest(molecule: Atoms) -> float:
    """Smallest distance of two atoms, Å; ``ValueError`` for fewer than two."""
    if len(molecule) < 2:
        raise ValueError("One atom has no neighbour: σ follows from the distance of two.")
    distances = molecule.get_all_distances()
    return float(distances[np.triu_indices(len(molecule), 1)].min())
