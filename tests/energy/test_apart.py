"""The nearest atoms of molecules and crystals, and what is said where they are too near."""

import warnings

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, make_supercell, molecule
from ase.geometry import get_distances

from appkit.energy import JointSolidHarmonic, SolidHarmonicScattering
from appkit.energy.apart import nearest_pair, warn_near

WATER = molecule("H2O")


def test_the_nearest_atoms_are_those_of_the_table_of_distances():
    rng = np.random.default_rng(0)
    for n in (2, 5, 40):
        atoms = Atoms(f"C{n}", rng.uniform(0, 6, (n, 3)))
        table = atoms.get_all_distances() + np.diag(np.full(n, np.inf))
        distance, k, l = nearest_pair(atoms)
        assert distance == pytest.approx(table.min())
        assert table[k, l] == table.min()
    assert nearest_pair(Atoms("C"))[0] == np.inf


def test_the_nearest_atoms_of_a_crystal_may_be_images():
    rng = np.random.default_rng(1)
    cell = np.diag([4.0, 5, 6]) + rng.uniform(-1, 1, (3, 3))
    atoms = Atoms("C6", rng.uniform(-9, 9, (6, 3)), cell=cell, pbc=True)
    _, table = get_distances(atoms.positions, cell=cell, pbc=True)
    distance, k, l = nearest_pair(atoms)
    assert distance == pytest.approx((table + np.diag(np.full(6, np.inf))).min())
    assert table[k, l] == pytest.approx(distance)


def test_an_atom_s_own_image_and_any_choice_of_the_vectors():
    copper = bulk("Cu", "fcc", a=3.6)
    oblique = make_supercell(copper, [[1, 0, 0], [9, 1, 0], [0, -5, 1]])
    for crystal in (copper, oblique):
        assert nearest_pair(crystal) == (pytest.approx(3.6 / np.sqrt(2)), 0, 0)


def test_three_atoms_on_one_point_are_told_apart():
    distance, k, l = nearest_pair(Atoms("HHHO", [[0, 0, 0]] * 3 + [[0, 0, 1]]))
    assert distance == 0
    assert k != l
    assert max(k, l) < 3


@pytest.mark.parametrize("dictionary", [SolidHarmonicScattering, JointSolidHarmonic])
def test_atoms_nearer_than_any_bond_are_warned_of_once(dictionary):
    near = Atoms("OH2", [[0, 0, 0], [0, 0, 0.05], [0, 0.9, 0]])
    message = r"Molecule 1 \(H2O\): atoms 0 \(O\) and 1 \(H\) are only 0.05 Å .* 2 such molecules"
    with pytest.warns(UserWarning, match=message) as told:
        dictionary(("nuclear",), J=0, L=0).fit_transform(
            [WATER, near, Atoms("H2", 0.2 * np.eye(2, 3))]
        )
    assert len(told) == 1


def test_molecules_and_crystals_as_they_are_give_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_near([WATER, Atoms("H"), molecule("H2"), bulk("NaCl", "rocksalt", a=5.6)])
