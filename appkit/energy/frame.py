"""A frame that goes with a molecule, so that a grid in it does not move under the atoms."""

from __future__ import annotations

import numpy as np
import torch
from ase import Atoms
from numpy.typing import NDArray
from torch import Tensor

#: Å²; how much the axes of the reference weigh beside the atoms. It decides only what the atoms
#: leave open, such as the turn of a linear molecule about its axis.
_HOLD = 1e-8


class Frame:
    """A cuboid about a reference geometry, and the motion that lays other geometries into it.

    Atoms are shifted by their centroid and turned by the rotation that brings them nearest to the
    reference (Kabsch). So geometries that differ by a rigid motion have the same positions in the
    frame, and what is computed there from a fixed grid is a smooth function of the positions, with
    no net force and no torque.

    Parameters
    ----------
    molecule : the reference.
    slack : Å that the cuboid stands off the reference on every side.

    Attributes
    ----------
    extent : lengths of the cuboid along the reference's principal axes, Å.

    Raises
    ------
    ValueError
        for a slack that is no positive length.

    References
    ----------
    W. Kabsch, Acta Cryst. A 32, 922 (1976).
    """

    def __init__(self, molecule: Atoms, slack: float = 0.5) -> None:
        if not (np.isfinite(slack) and slack > 0):
            raise ValueError(f"The slack must be a positive length in Å, not {slack}.")
        self._numbers = molecule.numbers.copy()
        self._axes = principal_axes(molecule.positions)
        self._reference = (molecule.positions - molecule.positions.mean(0)) @ self._axes
        low, high = self._reference.min(0), self._reference.max(0)
        self._middle = (low + high) / 2
        x, y, z = (high - low + 2 * slack).tolist()
        self.extent = (x, y, z)

    def holds(self, molecule: Atoms) -> bool:
        """Whether a molecule has the reference's elements and its atoms lie in the cuboid."""
        if not np.array_equal(molecule.numbers, self._numbers):
            return False
        laid = self.lay(torch.as_tensor(molecule.positions)).numpy()
        return bool((np.abs(laid) <= np.array(self.extent) / 2).all())

    def lay(self, positions: Tensor) -> Tensor:
        """Positions (K, 3) in the frame, float64, about the middle of the cuboid; with a gradient.

        The rotation Q is found without one. To first order a change of the positions turns it by
        M⁻¹ t, with t = Σ_k y_k × x_k from the positions y in the frame and the reference x, and
        M = tr(S) 1 − S, S = Σ_k x_k y_kᵀ.
        """
        centred = positions.to(torch.float64)
        centred = centred - centred.mean(0)
        overlap = centred.detach().cpu().numpy().T @ self._reference + _HOLD * self._axes
        left, _, right = np.linalg.svd(overlap)
        proper = np.array([1, 1, np.linalg.det(left @ right)])
        rotation = (left * proper) @ right
        stretch = overlap.T @ rotation
        inverse = np.linalg.pinv(np.trace(stretch) * np.eye(3) - stretch)

        device = centred.device
        laid = centred @ torch.as_tensor(rotation, device=device)
        reference = torch.as_tensor(self._reference, device=device)
        torque = torch.linalg.cross(laid, reference).sum(0)
        turn = torch.as_tensor(inverse, device=device) @ (torque - torque.detach())
        laid = laid + torch.linalg.cross(turn.expand_as(laid), laid)
        return laid - torch.as_tensor(self._middle, device=device)


def principal_axes(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns (3, 3): the directions in which positions (n, 3) reach farthest, the first most.

    They are a right-handed set, so that they turn a molecule and do not mirror it.
    """
    axes = np.linalg.svd(positions - positions.mean(0))[2].T
    axes[:, 2] *= np.linalg.det(axes)
    return axes
