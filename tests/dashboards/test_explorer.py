"""What the regression page shows from records: its models, curves and tables."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from solid_records import Watched, own_records, qm7, qm7_locality, qm9

from appkit.dashboards import comparison, explorer
from appkit.dashboards.studies import STUDIES
from appkit.experiments import Details, Result, Row, Spread, published, save
from appkit.figures.curves import learning_errors, locality_errors
from appkit.figures.regression import NAMES
from appkit.regression import Cancelled


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    own_records(monkeypatch, tmp_path)


# ---- planar ----------------------------------------------------------------------------------


def row(name, m=None):
    return Row(
        name=name,
        label=NAMES[name],
        mae=Spread(3.21, 0.1),
        rmse=Spread(4.56, 0.2),
        terms=m,
        folds=[],
        n_molecules=3,
        n_features=60,
        seconds={},
        note="1 of 4 molecules left out" if name == "coulomb" else "",
    )


@pytest.fixture
def saved():
    result = Result(
        experiment="planar-energy",
        dataset="qm7_2d",
        checksum="0" * 64,
        protocol="five folds",
        parameters={},
        rows=[row("scattering", Spread(107.4, 41.0)), row("coulomb")],
        published=published.planar_energies("qm7_2d"),
        machine={},
        versions={},
        commit=None,
        seconds=1.0,
        date="2999-01-02T03:04:05+00:00",
    )
    details = Details(
        energies=[-1.0, -2.0, -3.0, -4.0],
        folds=[0, 0, 1, 1],
        predictions={"scattering": [-1.5, -2.0, -3.0, -4.5], "coulomb": [-1.0, None, -3.5, -4.0]},
        terms={"scattering": [{"name": "valence|j=1", "weight": 2.0}]},
        paths={"scattering": {"terms": [1, 2], "rmse_mean": [9.0, 4.0], "rmse_sd": [1.0, 0.5]}},
    )
    save(result, details)
    return result, details


def test_a_record_is_found_with_its_details(saved):
    assert STUDIES["qm7_2d"].record() == saved


def test_a_record_without_details_or_no_record_is_none(saved):
    save(replace(saved[0], dataset="embedded"))
    assert STUDIES["embedded"].record() is None
    assert STUDIES["qm_2d"].record() is None


def test_without_a_record_the_published_figures_stand_alone():
    assert comparison.table(STUDIES["embedded"], None).empty
    alone = comparison.table(STUDIES["qm_2d"], None).set_index("Dictionary")
    assert list(alone) == ["Talk's RMSE", "Paper's RMSE", "Paper's MAE"]
    assert alone.loc["Scattering"].tolist() == ["2.7", "2.5 ± 0.4", "1.6 ± 0.0"]
    of_qm9 = comparison.table(STUDIES["qm9"], None).set_index("Dictionary")
    assert of_qm9.loc["SchNet"].tolist() == ["0.34"]


def test_a_recorded_model_shows_what_was_recorded(saved):
    model = explorer.recorded(*saved, "scattering", ["CO", "N2", "O2", "H2"])
    assert model.parity.predicted.tolist() == [-1.5, -2.0, -3.0, -4.5]
    assert model.rmse == pytest.approx(np.sqrt(0.125))
    assert model.mae == pytest.approx(0.25)
    assert model.path.rmse.tolist() == [9.0, 4.0]
    assert model.terms["name"].tolist() == ["valence|j=1"]
    assert "2999-01-02" in model.source


def test_molecules_that_were_left_out_are_not_shown(saved):
    model = explorer.recorded(*saved, "coulomb", ["CO", "N2", "O2", "H2"])
    assert model.parity.index.tolist() == [0, 2, 3]
    assert model.parity.formulas == ["CO", "O2", "H2"]
    assert model.parity.residual == pytest.approx([0, -0.5, 0])
    assert model.path is None
    assert model.terms.empty
    assert explorer.recorded(*saved, "coulomb", None).parity.formulas == ["0", "2", "3"]


def test_the_table_stands_beside_the_published_figures(saved):
    table = comparison.table(STUDIES["qm7_2d"], saved[0]).set_index("Dictionary")
    ours = table.loc["Scattering"]
    assert ours["RMSE"] == "4.6 ± 0.2"
    assert ours["MAE"] == "3.2 ± 0.1"
    assert ours["M"] == "107 ± 41"
    assert ours["Talk's RMSE"] == "9.0"
    assert ours["Paper's RMSE"] == "5.0 ± 0.6"
    assert ours["Paper's MAE"] == "3.5 ± 0.2"
    coulomb = table.loc["Coulomb matrix"]
    assert coulomb["M"] == ""
    assert coulomb["Talk's RMSE"] == "20.5"


def test_a_row_without_terms_is_a_level_beside_the_paths(saved):
    path, level = explorer.paths(*saved)
    assert (path.name, path.level) == ("scattering", False)
    assert (level.name, level.level) == ("coulomb", True)
    assert level.terms.tolist() == [1, 2]
    assert level.rmse.tolist() == [4.56, 4.56]


def test_a_download_tells_its_progress_and_can_be_left(monkeypatch):
    def get(name, progress):
        progress(1_000_000, 4_000_000)
        progress(2_000_000, 0)  # a server that does not say how much there is

    monkeypatch.setattr(explorer.catalogue, "get", get)
    monkeypatch.setattr(explorer, "molecules_or_none", lambda dataset: dataset)
    task = Watched()
    assert explorer.download("qm7_2d", task) == "qm7_2d"
    assert task.reports == [(0.25, "1.0 MB"), (0.0, "2.0 MB")]
    task.stop = threading.Event()
    task.stop.set()
    with pytest.raises(Cancelled):
        explorer.download("qm7_2d", task)


def test_an_offer_names_size_and_licence():
    assert explorer.offer("qm_2d").endswith("3.1 MB, Apache-2.0.")
    assert explorer.offer("qm9").endswith("86.1 MB, CC0-1.0.")


# ---- in space --------------------------------------------------------------------------------


def test_sparse_rows_have_a_path_and_others_a_level_when_asked():
    record = qm7()
    assert [p.name for p in explorer.paths(*record, ["linear"])] == ["bagged", "linear"]
    [path] = explorer.paths(*record, ["bagged"])
    assert (path.label, path.level) == ("Scattering, sparse", False)


def test_a_model_in_space_says_what_it_took():
    source = explorer.recorded(*qm7(), "linear", None).source
    assert "features (one core) 31 min, regression 62 s" in source
    assert "Compute this model" not in source


def test_learning_curves_stand_beside_the_published_levels():
    result, details = qm9()
    found = learning_errors(result, details, STUDIES["qm9"].rows)
    ours = {curve.name: curve for curve in found if not curve.level}
    assert ours["kernel"].at == details.curves["kernel"]["n_train"]
    assert ours["kernel"].mae == details.curves["kernel"]["mae"]
    levels = {curve.name: curve for curve in found if curve.level}
    assert levels["schnet"].mae == [0.34, 0.34]  # also where ours was not computed
    assert list(levels["schnet"].at) == [min(ours["kernel"].at), max(ours["kernel"].at)]
    assert learning_errors(*qm7(), STUDIES["qm7"].rows) == []


def test_locality_is_followed_against_the_width_of_wavelets():
    found = locality_errors(qm7_locality(), STUDIES["qm7"].rows)
    assert [curve.label for curve in found] == ["Scattering, linear", "Scattering, kernel"]
    assert list(found[0].at) == [0.25, 0.5, 1.0]
    assert found[0].mae == [27.0, 9.0, 3.0]


def test_tables_in_space_stand_beside_the_published_figures():
    table = comparison.table(STUDIES["qm7"], qm7()[0]).set_index("Dictionary")
    assert table.loc["Scattering, linear"].tolist() == ["3.00 ± 0.10", "4.80 ± 0.20", "2.75"]
    curve = comparison.table(STUDIES["qm9"], qm9()[0]).set_index("Dictionary")
    assert list(curve) == ["20", "40", "talk: thesis defence: MAE"]
    assert curve.loc["SchNet"].tolist() == ["–", "–", "0.34"]
    assert "thesis defence: L. Thiry" in comparison.sources(qm9()[0].published)
