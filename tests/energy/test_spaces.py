"""Crystals and isolated atoms' densities as channels: laws, limits, gradients, bad input."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, fcc111, make_supercell, molecule

from appkit.energy import SolidHarmonicScattering
from appkit.energy.bonds import bonds
from appkit.energy.channels import ATOMIC_CHANNELS, CHANNELS
from appkit.scattering.closed_form import gaussian_fields

DIAMOND, SALT = bulk("C", "diamond", a=3.57), bulk("NaCl", "rocksalt", a=5.64)
WATER = molecule("H2O")
EVERY = (*CHANNELS, *ATOMIC_CHANNELS)


def features(atoms, channels=("nuclear", "valence"), **given):
    settings = {"sigma": 0.3, "J": 1, "powers": (1, 2)} | given
    return SolidHarmonicScattering(channels, **settings).fit_transform([atoms])[0]


def distance(first, second):
    return np.abs(first / second - 1).max()


@pytest.mark.parametrize("crystal", [DIAMOND, bulk("C", "diamond", a=3.57, cubic=True)])
def test_invariants_are_extensive(crystal):
    per_atom = features(DIAMOND, EVERY, order=1) / 2
    twice = crystal.repeat((2, 1, 1))
    assert distance(features(twice, EVERY, order=1) / len(twice), per_atom) < 2e-3
    assert distance(features(twice) / len(twice), features(DIAMOND) / 2) < 3e-3


def test_two_elements_in_either_cell():
    conventional = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    assert distance(features(conventional) / 4, features(SALT)) < 2e-3


def test_the_choice_of_vectors_turns_and_shifts_change_nothing():
    rest = features(SALT)
    oblique = make_supercell(SALT, [[1, 0, 0], [7, 1, 0], [0, -3, 1]])
    moved = SALT.copy()
    moved.rotate(40, (1, 2, 3), rotate_cell=True)
    moved.positions += (0.3, -0.2, 0.11)
    assert distance(features(oblique), rest) < 1e-3
    assert distance(features(moved), rest) < 1e-3


def test_a_huge_cell_is_free_space():
    alone = WATER.copy()
    alone.set_cell([[11, 0, 0], [1, 12, 0], [0, -2, 11]])
    alone.pbc = True
    channels = ("nuclear", "bond", "atomic", "atomic_valence")
    free, periodic = (features(atoms, channels) for atoms in (WATER, alone))
    assert distance(periodic, free) < 3e-3


def test_isolated_atoms_count_their_electrons():
    dictionary = SolidHarmonicScattering(tuple(ATOMIC_CHANNELS), order=1, J=0, powers=(1,))
    for atoms, total, core in ((WATER, 10, 2), (DIAMOND, 12, 4)):
        values = dictionary.fit_transform([atoms])[0]
        table = dictionary.features_.assign(value=values)
        counts = table[table["order"] == 0].set_index("channel")["value"]
        assert counts["atomic"] == pytest.approx(total, rel=1e-3)
        assert counts["atomic_core"] == pytest.approx(core, rel=1e-3)
        assert counts["atomic_valence"] == pytest.approx(total - core, rel=1e-3)


def test_isolated_atoms_do_not_feel_how_the_molecule_lies():
    """To the tolerance, though no grid resolves their cusps."""
    turned = WATER.copy()
    turned.rotate(40, (1, 2, 3))
    turned.positions += 0.17
    linear = Atoms("CO", [[0, 0, 0], [0.6, 0.6, 0.7]])
    aligned = Atoms("CO", [[0, 0, 0], [0, 0, 1.1]])
    given = {"channels": ("atomic", "atomic_core"), "L": 2}
    assert distance(features(turned, **given), features(WATER, **given)) < 1e-3
    assert distance(features(linear, **given), features(aligned, **given)) < 5e-3
    coarse, fine = (features(WATER, **given, tolerance=tolerance) for tolerance in (1e-3, 2e-4))
    assert distance(coarse, fine) < 5e-3


def test_bonds_of_a_lattice():
    """Four to an atom of diamond, each shared by two; two to an atom of a chain."""
    positions = torch.tensor(DIAMOND.positions)
    middles, electrons = bonds(positions, DIAMOND.numbers, DIAMOND.cell.array)
    assert len(middles) == 4
    assert electrons.tolist() == pytest.approx([float(electrons[0])] * 4)
    carbon = np.array([6])
    chain = np.diag([1.3, 20.0, 20.0])
    middles, electrons = bonds(torch.zeros(1, 3, dtype=torch.float64), carbon, chain)
    assert middles.abs().tolist() == [[0.65, 0, 0]]


def test_a_gradient_in_a_crystal_is_a_finite_difference():
    atoms = SALT.copy()
    atoms.positions[1] += (0.2, 0.1, -0.3)
    settings = {"sigma": 0.5, "J": 1, "L": 1, "powers": (1, 2)}
    dictionary = SolidHarmonicScattering(("nuclear", "bond"), **settings).fit([atoms])
    direction = torch.tensor([[0.3, 0.5, -0.2], [0.1, -0.4, 0.6]], dtype=torch.float64)

    def total(step):
        positions = torch.tensor(atoms.positions) + step * direction
        return dictionary.invariants(positions, atoms).log().sum()

    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(total(step), step)
    numerical = (total(torch.tensor(1e-5)) - total(torch.tensor(-1e-5))) / 2e-5
    assert float(slope) == pytest.approx(float(numerical), rel=1e-5)


def test_a_gradient_of_isolated_atoms_is_a_finite_difference():
    """Up to the tolerance: the box moves with the atoms."""
    dictionary = SolidHarmonicScattering(("atomic",), sigma=0.4, J=0, L=1, powers=(1, 2))
    dictionary.fit([WATER])
    direction = torch.tensor([[0.1, 0.2, -0.1], [0.3, 0.4, 0.2], [-0.2, 0.1, 0.3]]).double()

    def total(step):
        positions = torch.tensor(WATER.positions) + step * direction
        return dictionary.invariants(positions, WATER).log().sum()

    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(total(step), step)
    numerical = (total(torch.tensor(1e-2)) - total(torch.tensor(-1e-2))) / 2e-2
    assert float(slope) == pytest.approx(float(numerical), rel=2e-2)


@pytest.mark.parametrize(("q", "size"), [(1e-9, r"\d\.\d+e\+10"), (1e-300, r"\S+")])
def test_the_smallest_powers_of_a_crystal_take_the_memory(q, size):
    dictionary = SolidHarmonicScattering(("nuclear",), powers=(q,)).fit([SALT])
    with pytest.raises(ValueError, match=rf"needs {size} GB .* q = {q:g} asks for finer grids"):
        dictionary.transform([SALT])


@pytest.mark.parametrize("q", [0.05, 0.2])
def test_a_small_power_in_a_crystal_is_the_mean_over_its_fields(q):
    """Which are sums over the atoms of many cells, known in closed form."""
    given = {"sigma": 0.6, "J": 0, "L": 1, "powers": (q,), "tolerance": 1e-2}
    dictionary = SolidHarmonicScattering(("nuclear",), **given).fit([SALT])
    values = dictionary.transform([SALT])[0, 1:] / SALT.get_volume()
    block = SALT.repeat(7)
    fractions = (np.indices((16, 16, 16)).reshape(3, -1).T + 0.5) / 16
    points = torch.tensor((fractions + 3) @ SALT.cell.array)
    positions = torch.tensor(block.positions)
    charges = torch.tensor(block.numbers.astype(float))[None]
    for l, value in enumerate(values):
        fields = gaussian_fields(points, positions, charges, 0.6, 0.6, l)[0]
        moduli = fields.square().sum(0).sqrt()
        assert value == pytest.approx(float((moduli**q).mean()), rel=2e-3)


def test_a_crystal_over_the_memory_is_refused():
    huge = Atoms("C", cell=np.diag([600.0, 600, 600]), pbc=True)
    message = r"largest crystal needs .* GB at σ = 0.25 Å, over 16 GB: .* or a smaller cell\."
    with pytest.raises(ValueError, match=message):
        SolidHarmonicScattering().fit([huge]).transform([huge])


FLAT = Atoms("H", cell=[[3, 0, 0], [0, 3, 0], [2.999999, 0, 1e-3]], pbc=True)
COINCIDENT = Atoms("C2", [[0, 0, 0], [3, 0, 1e-5]], cell=np.diag([3.0, 3, 3]), pbc=True)


@pytest.mark.parametrize(
    ("atoms", "given", "message"),
    [
        (fcc111("Al", (1, 1, 3), vacuum=5), {}, r"\(Al3\) is periodic along a and b only"),
        (Atoms("C", pbc=True), {}, r"Molecule 0 \(C\) is periodic, but its cell has no volume"),
        (COINCIDENT, {}, r"atoms 0 \(C\) and 1 \(C\) coincide or their images do"),
        (FLAT, {"J": 0}, r"0.25 Å wide .* the cell is only 0.001 Å high"),
        (
            Atoms("C", cell=np.diag([3, 3, np.nan]), pbc=True),
            {},
            r"Molecule 0 \(C\) is periodic, but its cell has numbers that are not finite",
        ),
        (DIAMOND, {"J": 4}, r"are 4 Å wide \(σ = 0.25 Å, J = 4\), .* 2.06 Å high.* take J ≤ 3"),
        (DIAMOND, {"sigma": 3, "J": 0}, r"Repeat the cell, or take σ ≤ 2.06 Å"),
        (SALT, {"channels": ("atomic",), "J": 0}, "No isolated-atom density for 'Na'"),
        (DIAMOND, {"channels": ("spin",)}, "Unknown channel spin: .*bond, atomic, atomic_core"),
    ],
)
def test_what_cannot_be_computed_is_explained(atoms, given, message):
    with pytest.raises(ValueError, match=message):
        SolidHarmonicScattering(**given).fit([atoms])
