"""Many molecules in flat tensors, with their pairs of neighbours, and batches cut out of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor


def neighbour_pairs(positions: NDArray[np.float64], cutoff: float) -> NDArray[np.intp]:
    """Pairs (2, E) of atoms at positions (K, 3) nearer than the cutoff, each once."""
    pairs: NDArray[np.intp] = cKDTree(positions).query_pairs(cutoff, output_type="ndarray").T
    return pairs


def count_pairs(molecules: Sequence[Atoms], cutoff: float) -> NDArray[np.intp]:
    """Number (n,) of each molecule's `neighbour_pairs`, without their memory."""
    trees = (cKDTree(atoms.positions) for atoms in molecules)
    return np.array([(tree.count_neighbors(tree, cutoff) - tree.n) // 2 for tree in trees])


@dataclass
class MoleculeBatch:
    """Some molecules: ``elements`` (A,) and ``molecule`` (A,) of each atom, as indices,
    ``positions`` (A, 3) in Å, ``pairs`` (2, E) of atoms, and the number of molecules.
    """

    elements: Tensor
    molecule: Tensor
    positions: Tensor
    pairs: Tensor
    n_molecules: int


class MoleculeStack:
    """Molecules one after the other in flat tensors on a device.

    Parameters
    ----------
    molecules : list of ``ase.Atoms``
    elements : symbols; an atom carries the index of its own
    cutoff : Å, of the pairs
    dtype, device : of the positions
    """

    def __init__(
        self,
        molecules: Sequence[Atoms],
        elements: Sequence[str],
        cutoff: float,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> None:
        index = np.zeros(max(atomic_numbers.values()) + 1, dtype=np.int64)
        index[[atomic_numbers[symbol] for symbol in elements]] = np.arange(len(elements))
        numbers = np.concatenate([atoms.numbers for atoms in molecules])
        positions = np.concatenate([atoms.positions for atoms in molecules])
        pairs = [neighbour_pairs(atoms.positions, cutoff) for atoms in molecules]
        self._elements = torch.as_tensor(index[numbers], device=device)
        self._positions = torch.as_tensor(positions, dtype=dtype, device=device)
        self._pairs = torch.as_tensor(np.concatenate(pairs, axis=1), device=device)
        self._n_atoms = torch.tensor([len(atoms) for atoms in molecules], device=device)
        self._n_pairs = torch.tensor([pair.shape[1] for pair in pairs], device=device)
        self._first_atom = self._n_atoms.cumsum(0) - self._n_atoms
        self._first_pair = self._n_pairs.cumsum(0) - self._n_pairs

    def __len__(self) -> int:
        return len(self._n_atoms)

    def batch(self, chosen: Tensor | Sequence[int]) -> MoleculeBatch:
        """The molecules of these numbers, in that order."""
        chosen = torch.as_tensor(chosen, device=self._n_atoms.device)
        n_atoms, n_pairs = self._n_atoms[chosen], self._n_pairs[chosen]
        atoms = _ranges(self._first_atom[chosen], n_atoms)
        offsets = (n_atoms.cumsum(0) - n_atoms).repeat_interleave(n_pairs)
        return MoleculeBatch(
            elements=self._elements[atoms],
            molecule=torch.arange(len(chosen), device=chosen.device).repeat_interleave(n_atoms),
            positions=self._positions[atoms],
            pairs=self._pairs[:, _ranges(self._first_pair[chosen], n_pairs)] + offsets,
            n_molecules=len(chosen),
        )

    def split(self, chosen: Tensor, most_pairs: int) -> Sequence[Tensor]:
        """The numbers of molecules in parts of about that many pairs, at least one molecule."""
        before = self._n_pairs.cpu()[chosen].cumsum(0) // most_pairs
        return chosen.split(before.unique_consecutive(return_counts=True)[1].tolist())

    def checksum(self, targets: Tensor) -> str:
        """Of the molecules and of one number for each."""
        digest = hashlib.sha256()
        for tensor in (self._n_atoms, self._elements, self._positions, targets):
            digest.update(np.ascontiguousarray(tensor.cpu().numpy()).tobytes())
        return digest.hexdigest()


def _ranges(starts: Tensor, lengths: Tensor) -> Tensor:
    """start, start + 1, … for each start, as many as its length says, one after the other."""
    shifts = starts - (lengths.cumsum(0) - lengths)
    return shifts.repeat_interleave(lengths) + torch.arange(
        int(lengths.sum()), device=starts.device
    )
