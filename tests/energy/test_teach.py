"""Models of one molecule, learned from a teacher."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.calculator import Calculator
from ase.calculators.morse import MorsePotential

from appkit.energy import SolidHarmonicScattering
from appkit.energy.teach import distorted, teach
from appkit.regression import Cancelled

SMALL = SolidHarmonicScattering(
    ("nuclear", "valence"), sigma=0.3, J=1, L=2, powers=(1, 2), tolerance=3e-2
)
TRIANGLE = Atoms("OH2", [[0, 0, 0], [1.2, 0, 0], [0.6, 1.04, 0]])


def morse():
    """Its minimum is the triangle."""
    return MorsePotential(epsilon=4, r0=1.2, rho0=2, rcut1=8, rcut2=10)


def test_energies_and_forces_follow_a_dragged_atom():
    calculator = teach(TRIANGLE, morse(), 120, SMALL)
    for atoms in distorted(TRIANGLE, 8, seed=1, noise=0.05, drag=0.3):
        energy, forces = morse().get_potential_energy(atoms), morse().get_forces(atoms)
        rest = morse().get_potential_energy(TRIANGLE)
        atoms.calc = calculator
        assert atoms.get_potential_energy() == pytest.approx(
            energy, abs=0.02 + 0.05 * (energy - rest)
        )
        assert np.abs(atoms.get_forces() - forces).max() < 0.3 + 0.1 * np.abs(forces).max()


def test_geometries_are_seeded_apart_and_bounded():
    ethanol = molecule("CH3CH2OH")
    one, same, other = (distorted(ethanol, 20, seed) for seed in (0, 0, 1))
    assert all((a.positions == b.positions).all() for a, b in zip(one, same, strict=True))
    assert not (one[0].positions == other[0].positions).any()
    shifts = np.array([np.linalg.norm(a.positions - ethanol.positions, axis=1) for a in one])
    assert 0.2 < shifts.max() < 1.0
    assert np.median(shifts) < 0.2
    nearest = [a.get_all_distances()[np.triu_indices(9, 1)].min() for a in one]
    assert min(nearest) > 0.43  # 0.7 of two hydrogens' radii


def test_progress_is_told_and_work_can_be_stopped():
    told = []
    with pytest.raises(Cancelled, match="Stopped after 3 of 20 geometries"):
        teach(
            TRIANGLE,
            morse(),
            20,
            SMALL,
            progress=lambda *done: told.append(done),
            cancelled=lambda: len(told) == 3,
        )
    assert told == [(1, 20), (2, 20), (3, 20)]


@pytest.mark.parametrize(
    ("atoms", "n", "message"),
    [
        (TRIANGLE, 5, "5 geometries are too few to learn from: take 10 or more"),
        (Atoms("H"), 10, "H is an atom alone, without forces"),
        (Atoms(), 10, "is empty"),
        (bulk("Fe"), 10, "is periodic"),
        (Atoms("OH", [[0, 0, 0], [0, 0, 0.5]]), 10, "0 and 1 of HO are 0.50 Å apart, nearer than"),
    ],
)
def test_bad_molecules(atoms, n, message):
    with pytest.raises(ValueError, match=message):
        teach(atoms, morse(), n)


def test_a_teacher_is_a_calculator():
    with pytest.raises(ValueError, match="The teacher must be a calculator of ASE's, not None"):
        teach(TRIANGLE, None)


def test_an_energy_that_is_not_finite_is_refused():
    class Lost(Calculator):
        def get_potential_energy(self, atoms=None, force_consistent=False):
            return np.nan

    with pytest.raises(ValueError, match="energy of geometry 0 is nan"):
        teach(TRIANGLE, Lost(), 10, SMALL)


def test_it_knows_its_molecule_alone():
    atoms = molecule("H2O2")
    atoms.calc = teach(TRIANGLE, morse(), 10, SMALL)
    with pytest.raises(ValueError, match="trained on H2O alone: it knows nothing of H2O2"):
        atoms.get_potential_energy()


def test_a_channel_with_nothing_in_it_is_named():
    hydrogen = Atoms("H2", [[0, 0, 0], [1.2, 0, 0]])
    dictionary = SolidHarmonicScattering(("nuclear", "core"), J=1, L=1, powers=(1, 2))
    with pytest.raises(ValueError, match="H2 has nothing in the channel core"):
        teach(hydrogen, morse(), 12, dictionary)
