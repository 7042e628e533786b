"""The regression page without a browser: what it shows of each data set, and what it says."""

import json

import numpy as np
import pytest
from solid_records import own_records, qm7, solid_molecules, write_solid_records

from appkit.dashboards import explorer, jobs
from appkit.dashboards.pages.regression import RegressionPage
from appkit.dashboards.pages.regression_views import projected
from appkit.energy.molecules import from_smiles
from appkit.experiments import save


class Inline:
    """A pool that works at once, in the thread that asks."""

    def submit(self, work, *args):
        work(*args)


@pytest.fixture
def here(monkeypatch, tmp_path):
    """Names of the sets that are on this machine; records of their own."""
    own_records(monkeypatch, tmp_path)
    monkeypatch.setattr(jobs, "_PICTURES", Inline())
    monkeypatch.setattr(jobs, "_LONG", Inline())
    names = {"qm7", "qm9"}
    found = lambda name: solid_molecules(name) if name in names else None  # noqa: E731
    monkeypatch.setattr(explorer, "molecules_or_none", found)
    return names


@pytest.fixture
def opened(here):
    """``opened(dataset=…, …)`` is the page that a link opens."""
    pages = []

    def open_page(**link):
        page = RegressionPage(**link)
        page.__panel__()
        page.shown()
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()


def said(page):
    return " ".join(page.message._said.values())


def test_qm7_shows_its_path_its_residuals_its_table_and_locality(opened):
    write_solid_records()
    page = opened(dataset="qm7", dictionary="kernel")
    assert said(page) == ""
    assert page._figures.visible
    assert page._errors.visible
    assert not page._learning.card.visible
    assert page._reach._picture.visible
    assert not page._own.visible  # minutes to hours: a command computes them
    assert not page._chosen_terms.visible
    assert len(page.parity.figure.points.data.true) == 60
    assert len(page.residuals.value) == 50
    assert "Scattering, kernel" in page.comparison.value["Dictionary"].tolist()
    page.dictionary = "bagged"
    assert page.terms.value["l"].tolist() == ["2"]
    assert page._chosen_terms.visible


def test_qm9_shows_its_learning_curves(opened):
    write_solid_records()
    page = opened(dataset="qm9", dictionary="joint-kernel", molecule=4)
    assert page._learning.card.visible
    assert not page._errors.visible
    assert not page._reach.card.visible
    assert "<b>Joint moments, kernel</b>" in page._learning._words.object
    assert page._learning._words.object.count("○") == 1
    drawn = page.chosen._figure.atoms.data
    assert drawn.symbols == tuple(page.front.predicted.atoms[4].get_chemical_symbols())


def test_rows_follow_the_data_set(opened):
    write_solid_records()
    page = opened(dataset="qm7", dictionary="coulomb", molecule=3)
    page.dataset = "embedded"
    assert (page.dictionary, page.molecule) == ("coulomb", -1)
    page.dictionary = "fourier"
    page.dataset = "qm9"
    assert page.dictionary == "linear"
    assert said(page) == ""


def test_a_row_that_a_data_set_has_not_is_said(opened):
    write_solid_records()
    page = opened(dataset="qm7", dictionary="fourier")
    assert "QM7 has no row called 'fourier'. Rows: linear, bilinear" in said(page)
    assert page.dictionary == "linear"
    with pytest.raises(ValueError, match="nonsense"):
        page.dictionary = "nonsense"


def test_a_row_that_was_not_computed_says_its_command(opened):
    write_solid_records()
    page = opened(dataset="qm7", dictionary="schnet")
    assert "<code>appkit run qm7-energy --rows schnet</code> adds it" in page._source.object
    assert not any(card.visible for card in (page.parity.card, page._residuals, page._chosen_terms))
    page.dictionary = "linear"
    assert page.parity.card.visible
    assert page._residuals.visible


@pytest.mark.parametrize(
    ("dataset", "command", "size"),
    [
        ("qm7", "appkit run qm7-energy</code>", "17.9 MB"),
        ("qm9", "appkit run qm9-energy --molecules 10000</code>", "86.1 MB"),
    ],
)
def test_without_a_record_the_page_says_how_to_get_one(opened, here, dataset, command, size):
    page = opened(dataset=dataset)
    assert page._empty.visible
    assert command in page._empty_text.object
    assert size not in page._empty_text.object
    assert not page._offer.visible
    here.clear()
    page = opened(dataset=dataset)
    assert f"downloads the molecules first ({size})" in page._empty_text.object
    assert size in page._offer_text.object
    assert page._comparison.visible  # the published figures stand alone


def test_without_molecules_the_record_is_shown_and_they_are_offered(opened, here):
    write_solid_records()
    here.clear()
    page = opened(dataset="qm9", dictionary="kernel", molecule=2)
    assert page._figures.visible
    assert page._offer.visible
    assert page.chosen._card.visible
    assert not page.chosen._picture.visible


def test_a_record_of_other_molecules_is_said(opened, monkeypatch):
    write_solid_records()
    few = solid_molecules("qm7").subset(range(8))
    monkeypatch.setattr(explorer, "molecules_or_none", lambda name: few)
    page = opened(dataset="qm7", molecule=2)
    assert "of other molecules than the file on this machine" in said(page)
    assert not page.chosen._picture.visible
    page.dataset = "embedded"
    assert "of other molecules" not in said(page)


def test_a_record_that_cannot_be_read_leaves_no_other_s_figures(opened, tmp_path):
    save(*qm7())
    page = opened(dataset="qm7")
    (tmp_path / "qm9-energy.qm9.json").write_text(json.dumps({"format": 0}))
    page.dataset = "qm9"
    assert "cannot be read" in said(page)
    assert page._empty.visible
    assert not page._figures.visible


def test_a_link_to_a_model_computed_live_is_refused_in_space(opened):
    write_solid_records()
    page = opened(dataset="qm7", dictionary="linear", live=True)
    assert "Models of QM7 take minutes to hours: `appkit run qm7-energy`" in said(page)
    assert not page.live


def test_a_molecule_in_space_is_projected_and_its_bonds_stay():
    methane = projected(from_smiles("C"))
    assert len(methane.bonds) == 4
    assert np.abs(methane.heights).max() > 0.5
    assert methane.positions.shape == (5, 2)


def test_figures_are_drawn_again_only_where_they_change(opened):
    write_solid_records()
    page = opened(dataset="qm7", dictionary="coulomb")
    panes = page.parity._pane, page._reach._pane
    before = [pane.object for pane in panes]
    page.dictionary = "joint-kernel"  # neither is followed against the scale
    assert [pane.object for pane in panes] == before
    page.dictionary = "kernel"
    assert page._reach._pane.object is not before[1]
    page.dark = True
    assert page.parity._pane.object is not before[0]
