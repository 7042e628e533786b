"""MMFF94 through ASE, against RDKit's own optimiser and finite differences."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.fd import calculate_numerical_forces
from ase.units import kcal, mol
from rdkit import Chem
from rdkit.Chem.rdDistGeom import EmbedMolecule
from rdkit.Chem.rdForceFieldHelpers import MMFFOptimizeMoleculeConfs

from appkit.energy.force_field import MMFF94
from appkit.energy.molecules import from_smiles


@pytest.mark.parametrize(
    "smiles", ["CCO", "CC(=O)[O-]", "C[N+](=O)[O-]", "c1cc[nH]c1", "CS(C)=O", "CS(C)(=O)=O"]
)
def test_the_energy_is_that_of_rdkit_with_bonds_from_smiles(smiles):
    known = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert EmbedMolecule(known, randomSeed=1) == 0
    [(converged, energy)] = MMFFOptimizeMoleculeConfs(known, maxIters=2000)
    assert converged == 0
    numbers = [atom.GetAtomicNum() for atom in known.GetAtoms()]
    atoms = Atoms(numbers, known.GetConformer().GetPositions())
    atoms.calc = MMFF94(atoms, Chem.GetFormalCharge(known))
    assert atoms.get_potential_energy() / (kcal / mol) == pytest.approx(energy, abs=1e-6)


def test_forces_are_minus_the_gradient_of_the_energy():
    atoms = from_smiles("CCO")
    atoms.calc = MMFF94(atoms)
    atoms.rattle(0.1, seed=0)
    expected = calculate_numerical_forces(atoms, eps=1e-4)
    assert np.abs(atoms.get_forces() - expected).max() < 1e-4 * np.abs(expected).max()
    assert np.abs(atoms.get_forces().sum(0)).max() < 1e-9


def test_bonds_stay_when_atoms_are_pulled_apart():
    atoms = from_smiles("O")
    atoms.calc = MMFF94(atoms)
    atoms.set_distance(0, 1, 2.0, fix=0)
    force = atoms.get_forces()[1]
    assert force @ (atoms.positions[0] - atoms.positions[1]) > 1


@pytest.mark.parametrize(
    ("atoms", "charge", "message"),
    [
        (Atoms(), 0, "is empty"),
        (bulk("Fe"), 0, "is periodic"),
        (Atoms("OH", [[0, 0, 0], [0, 0, np.nan]]), 0, "finite"),
        (molecule("CH3"), 0, "No bonds were found with which CH3 has the charge \\+0"),
        (molecule("H2O"), -1, "No bonds were found with which H2O has the charge -1"),
        (molecule("BCl3"), 0, "MMFF94 has no types for the atoms of BCl3"),
        (molecule("H2"), 0, "MMFF94 has no types for the atoms of H2"),
    ],
)
def test_molecules_that_it_does_not_know(atoms, charge, message):
    with pytest.raises(ValueError, match=message):
        MMFF94(atoms, charge)


def test_it_is_asked_for_its_own_molecule():
    calculator = MMFF94(molecule("H2O"))
    with pytest.raises(ValueError, match="made for H2O with its atoms in their order, not for CH4"):
        calculator.get_potential_energy(molecule("CH4"))
    with pytest.raises(ValueError, match="not for no molecule"):
        MMFF94(molecule("H2O")).calculate()


def test_atoms_in_one_place_have_no_energy():
    atoms = molecule("H2O")
    atoms.calc = MMFF94(atoms)
    atoms.positions[1] = atoms.positions[0]
    with pytest.raises(ValueError, match="no energy where atoms coincide"):
        atoms.get_potential_energy()
