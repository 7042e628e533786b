"""Bonds as densities: a smooth bond order from distances, electrons half-way between two atoms."""

from __future__ import annotations

import math

import numpy as np
import torch
from ase.data import covalent_radii
from ase.neighborlist import primitive_neighbor_list
from numpy.typing import NDArray
from torch import Tensor

#: Å; Pauling's 0.71 / ln 10, by which a bond of order n is shorter than a single one for each ln n.
SHORTENING = 0.71 / math.log(10)
#: Å beyond a single bond at which a bond begins to end, and at which it has ended.
_ENDS = (0.2, 0.6)


def bonds(
    positions: Tensor, numbers: NDArray[np.int64], cell: NDArray[np.float64] | None = None
) -> tuple[Tensor, Tensor]:
    """Middles (B, 3), Å, and electrons (B,) of the bonds of atoms at positions (K, 3), Å.

    With a cell, vectors in rows, they are those of one cell of a lattice.

    A bond has two electrons times its order n = exp((R − r) / 0.308 Å), R the sum of the covalent
    radii of Cordero et al., r the distance; n is led smoothly to zero from r = R + 0.2 Å to
    R + 0.6 Å, so that a bond which opens leaves no step. Differentiable in the positions.

    Reference: L. Pauling, J. Am. Chem. Soc. 69, 542 (1947), equation 1.
    """
    first, second, shifts = _pairs(positions.detach().cpu().numpy(), numbers, cell)
    single = covalent_radii[numbers[first]] + covalent_radii[numbers[second]]
    images = positions[second] + torch.as_tensor(shifts).to(positions)
    apart = (positions[first] - images).norm(dim=1)
    beyond = apart - torch.as_tensor(single, dtype=apart.dtype, device=apart.device)
    near = beyond.detach() < _ENDS[1]
    first, images, beyond = first[near.cpu().numpy()], images[near], beyond[near]
    start, end = _ENDS
    fade = (1 + torch.cos(math.pi * ((beyond - start) / (end - start)).clamp(0, 1))) / 2
    electrons = 2 * torch.exp(-beyond / SHORTENING) * fade
    return (positions[first] + images) / 2, electrons


def _pairs(
    positions: NDArray[np.float64], numbers: NDArray[np.int64], cell: NDArray[np.float64] | None
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Every pair of atoms once, those of a lattice near enough for a bond; shifts of the second."""
    if cell is None:
        first, second = np.triu_indices(len(numbers), 1)
        return first, second, np.zeros((len(first), 3))
    farthest = 2 * covalent_radii[numbers].max() + _ENDS[1]
    first, second, cells = primitive_neighbor_list("ijS", [True] * 3, cell, positions, farthest)
    a, b, c = cells.T  # an atom's own images come in pairs, of which one is ahead of it
    ahead = (a > 0) | ((a == 0) & ((b > 0) | ((b == 0) & (c > 0))))
    once = (first < second) | ((first == second) & ahead)
    return first[once], second[once], cells[once] @ cell
