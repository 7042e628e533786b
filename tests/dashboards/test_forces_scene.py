"""What the forces page computes: learning, answers, relaxation, dynamics."""

import threading

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from appkit.dashboards import forces_scene
from appkit.dashboards.forces_scene import (
    KCAL,
    STEPS,
    TEACHERS,
    answer,
    check_small,
    learn,
    relax,
    run,
)
from appkit.dashboards.jobs import Task
from appkit.energy import SolidHarmonicScattering
from appkit.energy.force_field import MMFF94
from appkit.energy.molecules import from_smiles
from appkit.energy.teach import teach
from appkit.regression import Cancelled

SMALL = SolidHarmonicScattering(
    ("nuclear", "valence"), sigma=0.3, J=1, L=2, powers=(1, 2), tolerance=3e-2
)


class Watched(Task):
    def __init__(self):
        self.reports = []
        super().__init__(report=lambda fraction, text: self.reports.append((fraction, text)))


@pytest.fixture(scope="module")
def quick():
    """A dictionary, geometries and steps that take a test's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forces_scene, "teach", lambda *args, **more: teach(*args, SMALL, **more))
        patch.setattr(forces_scene, "FEWEST", 80)
        patch.setattr(forces_scene, "PER_ATOM", 20)
        patch.setattr(forces_scene, "N_TEST", 8)
        patch.setattr(forces_scene, "STEPS", 40)
        yield


@pytest.fixture(scope="module")
def task():
    return Watched()


@pytest.fixture(scope="module")
def pupil(quick, task):
    return learn(from_smiles("O"), "mmff", task)


def dragged(pupil, by):
    """The second atom along its bond, by Å."""
    positions = pupil.rest.positions.copy()
    bond = positions[1] - positions[0]
    positions[1] += by * bond / np.linalg.norm(bond)
    return positions


def test_it_tells_how_far_it_is(pupil, task):
    fractions, texts = zip(*task.reports, strict=True)
    assert list(fractions) == sorted(fractions)
    assert texts[0] == "Relaxing the molecule"
    assert "Learning from geometry 80 of 80" in texts
    assert "Testing on geometry 6 of 8" in texts


def test_it_knows_how_well_it_learned(pupil):
    assert pupil.n_geometries == 80
    assert 0 < pupil.energy_error < 0.1 * pupil.energy_spread
    assert 0 < pupil.force_error < 0.2 * pupil.force_size


def test_a_molecule_is_learned_once(pupil):
    task = Watched()
    assert learn(from_smiles("O"), "mmff", task) is pupil
    assert task.reports == []


def test_the_relaxed_molecule_lies_in_the_plane_of_the_screen(pupil):
    assert np.abs(pupil.rest.positions[:, 2]).max() < 1e-6
    assert np.abs(pupil.rest.positions.mean(0)).max() < 1e-9
    assert np.abs(MMFF94(pupil.rest).get_forces(pupil.rest)).max() < forces_scene.RELAXED


def test_an_answer_has_the_energy_and_forces_of_its_teacher(pupil):
    positions = dragged(pupil, 0.2)
    said = answer(pupil, positions, compare=True)
    atoms = Atoms(pupil.rest.numbers, positions, calculator=MMFF94(pupil.rest))
    assert said.true_energy == pytest.approx((atoms.get_potential_energy() - pupil.zero) / KCAL)
    assert said.true_forces == pytest.approx(atoms.get_forces())
    assert said.energy == pytest.approx(said.true_energy, rel=0.1)
    assert np.abs(said.forces - said.true_forces).max() < 0.1 * np.abs(said.true_forces).max()
    assert said.warning == ""


def test_without_comparison_there_is_no_teacher(pupil):
    said = answer(pupil, pupil.rest.positions)
    assert (said.true_energy, said.true_forces) == (None, None)
    assert abs(said.energy) < 1


def test_far_from_what_it_learned_it_says_so_with_numbers(pupil):
    said = answer(pupil, dragged(pupil, 0.9))
    assert "Extrapolated: O1 and H2 are 1.87 Å apart, in what it learned from" in said.warning
    assert f"{pupil.nearest[0, 1]:.2f} to {pupil.farthest[0, 1]:.2f} Å" in said.warning
    assert "frame" not in said.warning
    assert "frame of the grid, which was renewed" in answer(pupil, dragged(pupil, 4.0)).warning


def test_atoms_on_one_another_are_refused_in_words(pupil):
    positions = pupil.rest.positions.copy()
    for near in (0.1, 0.0):
        positions[1] = positions[0] + [near, 0, 0]
        said = answer(pupil, positions, compare=True)
        assert (said.energy, said.forces) == (None, None)
        assert f"O1 and H2 are {near:.2f} Å apart, nearer than 0.4 Å" in said.warning


def test_a_motion_that_ends_at_atoms_on_one_another_counts_them_from_one(pupil):
    positions = pupil.rest.positions.copy()
    positions[2] = positions[1] + [0.2, 0, 0]
    for motion in (relax, run):
        with pytest.raises(ValueError, match=r"H2 and H3 are 0\.20 Å apart, nearer than 0\.4 Å"):
            list(motion(pupil, positions, lambda: False))


def test_relaxing_lowers_the_energy_to_the_minimum(pupil):
    steps = list(relax(pupil, dragged(pupil, 0.3), lambda: False))
    assert steps[0].energy > 10
    assert abs(steps[-1].energy) < 1
    assert np.linalg.norm(steps[-1].forces, axis=1).max() < forces_scene.RELAXED


def test_dynamics_keep_the_total_energy(pupil):
    steps = list(run(pupil, dragged(pupil, 0.1), lambda: True, seed=0))
    assert len(steps) == 1 + 40 < 1 + STEPS
    potential, kinetic = (np.array([getattr(s, k) for s in steps]) for k in ("energy", "kinetic"))
    assert np.ptp(potential + kinetic) < 0.05 * np.ptp(kinetic)
    assert all(step.true_energy is not None for step in steps)


def test_learning_can_be_stopped(quick):
    task = Watched()
    task.stop = threading.Event()
    task.stop.set()
    with pytest.raises(Cancelled):
        learn(from_smiles("N"), "mmff", task)


def test_what_the_teacher_does_not_know_is_said(quick):
    with pytest.raises(ValueError, match="MMFF94 has no types for the atoms of H2"):
        learn(from_smiles("[H][H]"), "mmff", Watched())


def test_a_charge_is_that_of_the_smiles(quick, monkeypatch):
    asked = []

    def refuse(atoms, charge):
        asked.append(charge)
        raise ValueError("no")

    monkeypatch.setattr(forces_scene, "MMFF94", refuse)
    for smiles in ("[NH4+]", "[OH-]", "O=C=O"):
        with pytest.raises(ValueError, match="no"):
            learn(from_smiles(smiles), "mmff", Watched())
    with pytest.raises(ValueError, match="no"):
        learn(molecule("CO"), "mmff", Watched())
    assert asked == [1, -1, 0, 0]


def test_quantum_mechanics_teach_where_they_are_installed(quick):
    pytest.importorskip("tblite.ase", reason="tblite (extra test) is not installed")
    assert "xtb" in TEACHERS.values()
    taught = learn(from_smiles("O"), "xtb", Watched())
    assert taught.energy_error < 0.1 * taught.energy_spread
    assert answer(taught, taught.rest.positions, compare=True).true_energy == pytest.approx(0)


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (molecule("C6H6") + Atoms("HHH"), "has 15 atoms, hydrogens included: this page learns"),
        (Atoms("Cl"), "Cl is an atom alone, without forces"),
    ],
)
def test_only_small_molecules_are_learned(atoms, message):
    with pytest.raises(ValueError, match=message):
        check_small(atoms)
