"""Bond orders from distances."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from appkit.energy.bonds import bonds

ONE = torch.eye(3, dtype=torch.float64)[0]


def electrons(atoms):
    return bonds(torch.as_tensor(atoms.positions), atoms.numbers)[1]


@pytest.mark.parametrize(("name", "order"), [("C2H6", 1), ("C2H4", 2), ("C2H2", 3)])
def test_orders_of_hydrocarbons_are_pauling_s(name, order):
    """Single, double and triple bonds of G2's geometries, to within 15%."""
    atoms = molecule(name)
    assert electrons(atoms)[0] / 2 == pytest.approx(order, rel=0.15)
    assert len(electrons(atoms)) == 1 + (atoms.numbers == 1).sum()


def test_bonds_lie_half_way_and_only_between_neighbours():
    water = molecule("H2O")
    middles, _ = bonds(torch.as_tensor(water.positions), water.numbers)
    expected = (water.positions[0] + water.positions[1:]) / 2
    assert np.allclose(np.sort(middles.numpy(), axis=0), np.sort(expected, axis=0))


def test_a_bond_that_opens_ends_smoothly():
    def order(apart):
        positions = torch.stack([torch.zeros(3, dtype=torch.float64), apart * ONE])
        return bonds(positions, np.array([6, 6]))[1].sum()

    ends = torch.linspace(1.4, 2.4, 201, dtype=torch.float64)
    values = torch.stack([order(r) for r in ends])
    assert values[-1] == 0
    assert (values.diff() <= 0).all()
    assert values.diff().abs().max() < 0.05  # no step
    assert torch.autograd.gradcheck(
        order, torch.tensor(1.85, dtype=torch.float64, requires_grad=True)
    )


def test_an_atom_alone_has_none():
    assert len(electrons(Atoms("He"))) == 0
