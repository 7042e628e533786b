"""Flat stacks of molecules against ASE's neighbour list and the molecules themselves."""

import numpy as np
import pytest
import torch
from ase.build import molecule
from ase.neighborlist import neighbor_list

from appkit.energy.neighbours import MoleculeStack, count_pairs, neighbour_pairs

MOLECULES = [molecule(name) for name in ("CH3CH2OH", "H2O", "C6H6", "O2")]


@pytest.mark.parametrize("cutoff", [0.5, 1.7, 3.0])
def test_pairs_are_those_of_ase(cutoff):
    for atoms, count in zip(MOLECULES, count_pairs(MOLECULES, cutoff), strict=True):
        pairs = neighbour_pairs(atoms.positions, cutoff)
        expected = np.array(neighbor_list("ij", atoms, cutoff))
        both = [*map(tuple, pairs.T), *map(tuple, pairs[::-1].T)]
        assert set(both) == set(map(tuple, expected.T))
        assert 2 * pairs.shape[1] == expected.shape[1] == 2 * count


def test_a_batch_holds_the_molecules_in_the_order_asked_for():
    stack = MoleculeStack(MOLECULES, ["H", "C", "O"], 2.0, torch.float64)
    batch = stack.batch([2, 0, 3])
    assert (len(stack), batch.n_molecules) == (4, 3)
    offset = 0
    for i, k in enumerate([2, 0, 3]):
        atoms, own = MOLECULES[k], (batch.molecule == i).numpy()
        np.testing.assert_array_equal(batch.positions[own], atoms.positions)
        np.testing.assert_array_equal(np.array([1, 6, 8])[batch.elements[own]], atoms.numbers)
        inside = own[batch.pairs[0].numpy()]
        expected = neighbour_pairs(atoms.positions, 2.0) + offset
        np.testing.assert_array_equal(batch.pairs[:, inside], expected)
        offset += len(atoms)


def test_parts_hold_all_molecules_and_few_pairs():
    stack = MoleculeStack(MOLECULES * 5, ["H", "C", "O"], 2.0)
    chosen = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    parts = stack.split(chosen, 60)
    assert torch.equal(torch.cat(list(parts)), chosen)
    largest = count_pairs(MOLECULES, 2.0).max()
    assert len(parts) > 2
    assert all(stack.batch(part).pairs.shape[1] <= 60 + largest for part in parts)


def test_checksum_tells_molecules_and_targets_apart():
    def checksum(molecules, targets):
        return MoleculeStack(molecules, ["H", "C", "O"], 2.0).checksum(torch.tensor(targets))

    one = checksum(MOLECULES[:2], [1.0, 2.0])
    assert one == checksum(MOLECULES[:2], [1.0, 2.0])
    assert len({one, checksum(MOLECULES[1::-1], [1.0, 2.0]), checksum(MOLECULES[:2], [1, 3])}) == 3
