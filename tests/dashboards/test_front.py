"""A study's record, its molecules and the model in front of a person."""

from dataclasses import replace

import numpy as np
import pytest
from solid_records import (
    N_DRAWN,
    SEED,
    own_records,
    qm7,
    qm9,
    solid_molecules,
    write_solid_records,
)

from appkit.dashboards import explorer
from appkit.dashboards.front import Front
from appkit.dashboards.studies import ALL_ROWS, STUDIES
from appkit.experiments import save
from appkit.experiments.solid_rows import ROWS

QM7, QM9 = STUDIES["qm7"], STUDIES["qm9"]


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    own_records(monkeypatch, tmp_path)


@pytest.fixture
def here(monkeypatch):
    """Molecules that are on this machine, by the names of their sets; a test may change them."""
    sets = {name: solid_molecules(name) for name in ("qm7", "qm9")}
    monkeypatch.setattr(explorer, "molecules_or_none", sets.get)
    return sets


# ---- studies ---------------------------------------------------------------------------------


def test_every_row_of_the_experiments_can_be_chosen():
    assert list(QM7.rows) == list(ROWS)
    assert {*ROWS, "scattering", "fourier"} <= set(ALL_ROWS)
    for study in STUDIES.values():
        assert study.first in study.rows


@pytest.mark.parametrize(
    ("dataset", "command"),
    [
        ("qm_2d", "appkit run planar-energy --dataset qm_2d"),
        ("qm7", "appkit run qm7-energy"),
        ("qm9", "appkit run qm9-energy --molecules 10000"),
    ],
)
def test_a_study_names_the_command_that_computes_it(dataset, command):
    assert STUDIES[dataset].command == command


def test_one_row_more_is_a_run_of_that_row_at_the_same_size():
    assert QM7.command_with("schnet", qm7()[0]) == "appkit run qm7-energy --rows schnet"
    asked = QM9.command_with("schnet", qm9()[0])
    assert asked == f"appkit run qm9-energy --molecules {N_DRAWN} --rows schnet"


def test_rows_of_two_runs_are_one_record():
    result, details = qm9()
    save(result, details)
    row = replace(result.rows[0], name="schnet", label="SchNet")
    more = replace(result, rows=[row], parameters=result.parameters | {"rows": ["schnet"]})
    predicted = {"schnet": details.predictions[result.rows[0].name]}
    save(more, replace(details, predictions=predicted, residuals={}, paths={}, terms={}, curves={}))
    whole, beside = QM9.record()
    assert [row.name for row in whole.rows] == [*(row.name for row in result.rows), "schnet"]
    assert beside.predictions == details.predictions | predicted
    assert beside.curves == details.curves


def test_the_record_of_the_most_molecules_is_shown():
    result, details = qm9()
    save(result, details)
    later = "2100-01-01T00:00:00+00:00"
    fewer = replace(result, parameters=result.parameters | {"molecules": 20}, date=later)
    save(fewer, details)
    assert QM9.record() == (result, details)
    assert QM7.record() is None
    assert QM9.locality() is None


# ---- the molecules of a record ---------------------------------------------------------------


def test_a_learning_curve_predicts_the_molecules_that_it_drew():
    whole = solid_molecules("qm9")
    order = np.random.default_rng(SEED).permutation(len(whole))[: N_DRAWN // 5]
    predicted = QM9.predicted(*qm9(), whole)
    assert predicted.labels == [whole.labels[i] for i in order]
    assert predicted.energies == pytest.approx(qm9()[1].energies)


@pytest.mark.parametrize("cut", [slice(40), slice(None, None, -1)])
@pytest.mark.parametrize(("study", "record"), [(QM7, qm7), (QM9, qm9)])
def test_another_file_s_molecules_are_not_taken_for_the_record_s(study, record, cut):
    whole = solid_molecules(study.dataset)
    assert study.predicted(*record(), whole.subset(np.arange(len(whole))[cut])) is None


def test_a_front_knows_whether_its_molecules_are_those_of_the_record(here):
    write_solid_records()
    front = Front.recorded(QM7).with_molecules()
    assert front.predicted.labels == here["qm7"].labels
    assert not front.mistaken
    here["qm7"] = here["qm7"].subset(range(9))
    assert Front.recorded(QM7).with_molecules().mistaken
    del here["qm7"]
    without = Front.recorded(QM7).with_molecules()
    assert without.molecules is None
    assert not without.mistaken


# ---- the model in front ----------------------------------------------------------------------


def test_a_row_of_the_record_is_the_model_in_front(here):
    write_solid_records()
    front = Front.recorded(QM9).with_molecules()
    model = front.model("kernel", (), 64)
    assert model.parity.predicted == pytest.approx(qm9()[1].predictions["kernel"])
    assert list(model.parity.formulas) == front.predicted.labels
    assert front.energies(None) == pytest.approx(qm9()[1].energies)
    assert front.model("schnet", (), 64) is None
    assert front.paths("kernel", ()) == []  # learning curves take the place of M


def test_beside_the_sparse_path_stands_the_level_of_the_row_in_front():
    write_solid_records()
    front = Front.recorded(QM7)
    paths = front.paths("kernel", ())
    assert [(p.name, p.label, p.level) for p in paths] == [
        ("bagged", "Scattering, sparse", False),
        ("kernel", "The model in front", True),
    ]
    assert [p.name for p in front.paths("bagged", ())] == ["bagged"]
    assert len(front.locality_curves()) == 2


def test_without_a_record_there_is_nothing_in_front(here):
    front = Front.recorded(QM7).with_molecules()
    assert front.model("linear", (), 64) is None
    assert (front.paths("linear", ()), front.learning_curves()) == ([], [])
    assert front.energies(None).size == 0
