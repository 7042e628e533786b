"""The forces page without a browser: what it asks for, draws and says."""

import time

import numpy as np
import pytest

from appkit.dashboards import forces_scene
from appkit.dashboards.pages.forces import ForcesPage
from appkit.dashboards.pages.forces_views import in_words, lesson, warned
from appkit.energy import SolidHarmonicScattering
from appkit.energy.teach import teach

SMALL = SolidHarmonicScattering(
    ("nuclear", "valence"), sigma=0.3, J=1, L=2, powers=(1, 2), tolerance=3e-2
)
SLOTS = ("molecule", "learn", "answer", "run")


def until(condition):
    """Wait for what a worker brings."""
    end = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def settled(page):
    until(lambda: not any(page.jobs.busy(slot) for slot in SLOTS))
    time.sleep(0.05)  # what the last job brings may still be on its way


@pytest.fixture(scope="module")
def made():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forces_scene, "teach", lambda *args, **more: teach(*args, SMALL, **more))
        for name, value in {"FEWEST": 80, "PER_ATOM": 20, "N_TEST": 8, "STEPS": 30}.items():
            patch.setattr(forces_scene, name, value)
        patch.setattr(forces_scene, "_learned", forces_scene._learned.__class__())
        page = ForcesPage()
        page.__panel__()
        page.shown()
        until(lambda: page.trace._answers != [])
        yield page
        page.close()


@pytest.fixture
def page(made):
    """The page of water at rest."""
    made.param.update(way="library", molecule="Water", compare=False)
    settled(made)
    until(lambda: made.pupil is not None and len(made.pupil.rest) == 3)
    settled(made)
    made.reset()
    settled(made)
    made.message.clear()
    return made


def said(page):
    return " ".join(page.message._said.values())


def drag(page, by):
    positions = page.pupil.rest.positions.copy()
    positions[1, 0] += by
    page.stage.on_moved(positions, 1)
    settled(page)


def test_what_is_in_the_address_is_a_parameter():
    assert set(ForcesPage.url) <= set(ForcesPage.param)


def test_water_is_learned_and_lies_at_rest(page):
    assert page.pupil.rest.get_chemical_formula() == "H2O"
    assert [part.visible for part in page._playing] == [True] * 3
    assert not page._learning.visible
    assert page.stage._answer["forces"] is not None
    assert page.trace.trace().values[0] == pytest.approx([0], abs=0.5)


def test_only_small_molecules_are_offered(page):
    sizes = [len(atoms) for atoms in page.chooser._shelf.atoms.values()]
    assert (min(sizes), max(sizes)) >= (2, 3)
    assert max(sizes) <= forces_scene.MAX_ATOMS
    assert set(page.chooser._shelf.names.values()) == set(page.chooser._shelf.atoms)


def test_the_page_says_who_taught_it_and_how_well(page):
    words = page._lesson.object
    assert words == lesson(page.pupil)
    assert "80 geometries" in words
    assert "MMFF94 force field" in words
    assert f"{page.pupil.energy_error:.2g} kcal/mol" in words
    assert f"{page.pupil.force_error:.0f} meV/Å" in words


def test_energy_and_forces_follow_a_dragged_atom(page):
    drag(page, 0.2)
    energy = page.trace.trace().values[0]
    assert energy[-1] > energy[0] + 5
    assert np.abs(page.stage._answer["forces"]).max() > 1
    assert f"{energy[-1]:.2f} kcal/mol" in page._says.object
    assert "Teacher" not in page._says.object


def test_the_teacher_stands_beside_where_asked_for(page):
    page.compare = True
    settled(page)
    drag(page, 0.2)
    assert page.trace.trace().names == ("predicted", "teacher")
    predicted, teacher = np.array(page.trace.trace().values)[:, -1]
    assert predicted == pytest.approx(teacher, rel=0.2)
    assert page.stage._answer["teacher"] is not None
    assert "forces differ by" in page._says.object


def test_far_away_and_onto_another_atom_it_warns_and_goes_on(page):
    drag(page, 1.5)
    assert "Extrapolated" in page._warning.object
    positions = page.pupil.rest.positions.copy()
    positions[1] = positions[0]
    page.stage.on_moved(positions, 2)
    settled(page)
    assert "0.00 Å apart" in page._warning.object
    assert page._says.object == "<p>No energy and no forces here.</p>"
    assert page.stage._answer["forces"] is None
    assert page._buttons["run"].disabled
    assert page._buttons["relax"].disabled
    page.run()
    assert not page.jobs.busy("run")
    assert page.trace.kind == "drag"
    drag(page, 0.1)
    assert page._warning.object == ""
    assert not page._buttons["run"].disabled
    assert not page._buttons["relax"].disabled


def test_relaxing_brings_it_down(page):
    drag(page, 0.2)
    page.relax()
    settled(page)
    trace = page.trace.trace()
    assert trace.along == "steps of BFGS"
    assert trace.values[0][-1] < trace.values[0][0] - 5
    assert page.positions == pytest.approx(np.array(page.stage._answer["positions"]), abs=1e-4)
    assert [button.disabled for button in page._buttons.values()] == [False, False, True, False]


def test_dynamics_trace_three_energies(page):
    page.run()
    settled(page)
    trace = page.trace.trace()
    assert trace.names == ("potential", "kinetic", "total")
    potential, kinetic, total = np.array(trace.values)
    assert total == pytest.approx(potential + kinetic)
    assert len(trace.x) == 31
    assert trace.x[-1] == pytest.approx(15)
    assert f"{np.ptp(total):.2g} kcal/mol" in page.trace._drift.object


def test_an_atom_that_is_grasped_ends_the_run(page):
    page.run()
    until(lambda: len(page.trace._answers) > 2)
    drag(page, 0.1)
    assert page.trace.trace().along == "moves"
    assert page.positions[1, 0] == pytest.approx(page.pupil.rest.positions[1, 0] + 0.1)


def test_stop_leaves_the_atoms_where_they_are(page):
    page.run()
    until(lambda: len(page.trace._answers) > 2)
    page.jobs.cancel("run")
    settled(page)
    assert len(page.trace._answers) < 31
    assert page.positions == pytest.approx(page.trace._answers[-1].positions)


def test_old_moves_leave_the_trace(page, monkeypatch):
    monkeypatch.setattr("appkit.dashboards.pages.forces_views.KEPT", 3)
    for by in (0.01, 0.02, 0.03, 0.04):
        drag(page, by)
    assert page.trace.trace().x == [2, 3, 4]


@pytest.mark.parametrize(
    ("smiles", "sentence"),
    [
        ("C1CC", "is not a SMILES that RDKit can read"),
        ("CCCCC", "C5H12 has 17 atoms, hydrogens included: this page learns molecules of up to 14"),
        ("[Cl-]", "is an atom alone, without forces"),
    ],
)
def test_a_molecule_that_is_refused_leaves_the_last_one(page, smiles, sentence):
    page.param.update(smiles=smiles, way="smiles")
    until(lambda: sentence in said(page))
    assert page.pupil is not None
    assert page._playing[0].visible


def test_what_the_teacher_does_not_know_can_be_learned_from_none(page):
    page.param.update(smiles="[H][H]", way="smiles")
    until(lambda: "MMFF94 has no types for the atoms of H2" in said(page))
    assert page.pupil is None
    assert page._learning.visible
    assert not page._playing[0].visible


def test_in_dark_the_trace_is_drawn_anew(page):
    before = page.trace._pane.object
    page.dark = True
    assert page.trace._pane.object is not before
    page.dark = False


def test_words_quote_no_markup():
    assert "&lt;b&gt;" in warned("<b>")
    assert warned("") == ""


def test_a_small_negative_energy_is_zero(page):
    still = forces_scene.Answer(page.positions, energy=-0.001, forces=np.zeros((3, 3)))
    assert "<b>0.00 kcal/mol</b>" in in_words(page.pupil, still)
