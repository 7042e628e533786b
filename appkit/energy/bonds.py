"""Bonds as densities: a smooth bond order from distances, electrons half-way between two atoms."""

from __future__ import annotations

import math

import numpy as np
import torch
from ase.data import covalent_radii
from numpy.typing import NDArray
from torch import Tensor

#: Å; Pauling's 0.71 / ln 10, by which a bond of order n is shorter than a single one for each ln n.
SHORTENING = 0.71 / math.log(10)
#: Å beyond a single bond at which a bond begins to end, and at which it has ended.
_ENDS = (0.2, 0.6)


def bonds(positions: Tensor, numbers: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Middles (B, 3), Å, and electrons (B,) of the bonds of atoms at positions (K, 3), Å.

    A bond has two electrons times its order n = exp((R − r) / 0.308 Å), R the sum of the covalent
    radii of Cordero et al., r the distance; n is led smoothly to zero from r = R + 0.2 Å to
    R + 0.6 Å, so that a bond which opens leaves no step. Differentiable in the positions.

    Reference: L. Pauling, J. Am. Chem. Soc. 69, 542 (1947), equation 1.
    """
    first, second = np.triu_indices(len(numbers), 1)
    single = covalent_radii[numbers[first]] + covalent_radii[numbers[second]]
    apart = (positions[first] - positions[second]).norm(dim=1)
    beyond = apart - torch.as_tensor(single, dtype=apart.dtype, device=apart.device)
    near = beyond.detach() < _ENDS[1]
    first, second = first[near.cpu().numpy()], second[near.cpu().numpy()]
    beyond = beyond[near]
    start, end = _ENDS
    fade = (1 + torch.cos(math.pi * ((beyond - start) / (end - start)).clamp(0, 1))) / 2
    electrons = 2 * torch.exp(-beyond / SHORTENING) * fade
    return (positions[first] + positions[second]) / 2, electrons
