"""The regression page's models against least squares by hand; its tables against records."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from appkit.dashboards import explorer, library
from appkit.dashboards.jobs import Task
from appkit.data.download import DataError
from appkit.data.molecules import load_molecules
from appkit.energy import PlanarFourier
from appkit.experiments import Details, Result, published
from appkit.experiments.result import Row, Spread, save
from appkit.regression import Cancelled, OrthogonalLeastSquares

CHANNELS = ("dirac",)


class Watched(Task):
    """A task whose reports are kept."""

    def __init__(self):
        self.reports = []
        super().__init__(report=lambda fraction, text: self.reports.append((fraction, text)))


@pytest.fixture(scope="module")
def few():
    """Thirty molecules of the embedded set in three folds."""
    chosen = load_molecules("embedded").subset(range(30))
    return replace(chosen, folds=np.arange(30) % 3)


@pytest.fixture
def page(few, monkeypatch, tmp_path):
    """An explorer of its own: few molecules, nothing kept from other tests, its own folders."""
    monkeypatch.setenv("APPKIT_FEATURES", str(tmp_path / "features"))
    monkeypatch.setenv("APPKIT_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr("appkit.experiments.result.PACKAGED_RESULTS", tmp_path / "shipped")
    monkeypatch.setattr(library, "molecules", lambda name="embedded": few)
    monkeypatch.setattr(explorer, "_live", {})
    explorer._formulas.cache_clear()
    yield explorer
    explorer._formulas.cache_clear()


# ---- computed live ---------------------------------------------------------------------------


@pytest.fixture
def live(page):
    return page.explore("embedded", "fourier", CHANNELS, Watched())


@pytest.mark.parametrize("m", [1, 3, 8])
def test_each_molecule_is_predicted_by_folds_that_did_not_see_it(live, few, m):
    features = PlanarFourier(channels=CHANNELS).fit_transform(few.atoms)
    expected = np.empty(len(few))
    for k in range(3):
        train, test = few.folds != k, few.folds == k
        fit = OrthogonalLeastSquares(m).fit(features[train], few.energies[train])
        expected[test] = fit.predict(features[test])
    model = live.model(m)
    assert model.parity.predicted == pytest.approx(expected, rel=1e-5)
    assert model.parity.true == pytest.approx(few.energies)
    assert model.rmse == pytest.approx(np.sqrt(np.mean((expected - few.energies) ** 2)), rel=1e-4)
    assert model.mae == pytest.approx(np.mean(np.abs(expected - few.energies)), rel=1e-4)
    assert len(model.terms) == m
    assert list(model.parity.formulas) == [a.get_chemical_formula("hill") for a in few.atoms]
    assert f"M = {m}" in model.source


def test_the_error_path_is_the_mean_over_folds(live, few):
    wrong = live.model(5).parity.residual
    errors = [np.sqrt(np.mean(wrong[few.folds == k] ** 2)) for k in range(3)]
    assert live.path.terms[4] == 5
    assert live.path.rmse[4] == pytest.approx(np.mean(errors))
    assert live.path.sd[4] == pytest.approx(np.std(errors))
    assert len(live.path.terms) == live.predictions.shape[1]


def test_the_terms_are_those_of_all_molecules_in_order(live, few):
    dictionary = PlanarFourier(channels=CHANNELS)
    fit = OrthogonalLeastSquares(4).fit(dictionary.fit_transform(few.atoms), few.energies)
    expected = dictionary.features_.iloc[fit.selected_]
    assert live.model(4).terms["radius"].to_numpy() == pytest.approx(expected["radius"])
    assert live.model(4).terms["weight"].to_numpy() == pytest.approx(fit.weights_, rel=1e-6)


def test_no_more_terms_than_training_molecules(live):
    longest = live.predictions.shape[1]
    assert longest <= 20
    with pytest.raises(ValueError, match=rf"M = 21 is larger than the {longest} terms.*embedded"):
        live.model(21)
    with pytest.raises(ValueError, match="at least one term, not M = 0"):
        live.model(0)


def test_progress_is_told_and_the_second_time_is_free(page):
    first, second = Watched(), Watched()
    live = page.explore("embedded", "fourier", CHANNELS, first)
    fractions = [fraction for fraction, _ in first.reports]
    assert fractions == sorted(fractions)
    assert any("batch" in text for _, text in first.reports)
    assert any(text == "fold 3 of 3" for _, text in first.reports)
    assert page.explore("embedded", "fourier", CHANNELS, second) is live
    assert second.reports == []


def test_only_the_newest_models_are_kept(page, monkeypatch):
    monkeypatch.setattr(page, "_explore", lambda molecules, name, channels, task: object())
    kinds = [(channel,) for channel in "abcdefgh"]
    for channels in kinds:
        page.explore("embedded", "wavelet", channels, Watched())
    assert [key[2] for key in page._live] == kinds[-6:]


def test_it_can_be_cancelled_and_called_again(page):
    task = Watched()
    task.stop = threading.Event()
    task.stop.set()
    with pytest.raises(Cancelled):
        page.explore("embedded", "fourier", CHANNELS, task)
    assert page._live == {}
    assert page.explore("embedded", "fourier", CHANNELS, Watched()).model(1)


@pytest.mark.parametrize(
    ("dataset", "name", "channels", "message"),
    [
        ("embedded", "coulomb", CHANNELS, "Coulomb matrix is a kernel regression: it selects no"),
        ("embedded", "fourier", (), "Choose at least one channel"),
        ("embedded", "fourier", ("spin",), "Unknown channel spin"),
        ("qm_2d", "fourier", CHANNELS, "qm_2d is not on this machine: `appkit data get qm_2d`"),
        ("nothing", "fourier", CHANNELS, "nothing"),
    ],
)
def test_bad_choices_are_refused(page, monkeypatch, tmp_path, dataset, name, channels, message):
    monkeypatch.setenv("APPKIT_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=message):
        page.explore(dataset, name, channels, Watched())


def test_a_set_that_is_not_here_is_not_downloaded(page, monkeypatch, tmp_path):
    monkeypatch.setenv("APPKIT_DATA", str(tmp_path))
    assert page.molecules_or_none("qm7_2d") is None
    with pytest.raises(DataError):
        page.explore("qm7_2d", "fourier", CHANNELS, Watched())


# ---- from records ----------------------------------------------------------------------------


def row(name, m=None):
    return Row(
        name=name,
        label=explorer.NAMES[name],
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
def saved(page):
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
    assert explorer.record("qm7_2d") == saved


def test_a_record_without_details_or_no_record_is_none(page, saved):
    save(replace(saved[0], dataset="lonely"))
    assert page.record("lonely") is None
    assert page.record("nothing") is None
    assert page.table("nothing", None).empty
    published_alone = page.table("qm_2d", None).set_index("Dictionary")
    assert list(published_alone) == ["Talk's RMSE", "Paper's RMSE", "Paper's MAE"]
    assert published_alone.loc["Scattering"].tolist() == ["2.7", "2.5 ± 0.4", "1.6 ± 0.0"]


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
    table = explorer.table("qm7_2d", saved[0]).set_index("Dictionary")
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


def test_a_download_tells_its_progress_and_can_be_left(page, monkeypatch):
    def get(name, progress):
        progress(1_000_000, 4_000_000)
        progress(2_000_000, 0)  # a server that does not say how much there is

    monkeypatch.setattr(page.catalogue, "get", get)
    monkeypatch.setattr(page, "molecules_or_none", lambda dataset: dataset)
    task = Watched()
    assert page.download("qm7_2d", task) == "qm7_2d"
    assert task.reports == [(0.25, "1.0 MB"), (0.0, "2.0 MB")]
    task.stop = threading.Event()
    task.stop.set()
    with pytest.raises(Cancelled):
        page.download("qm7_2d", task)


def test_an_offer_names_size_and_licence(page):
    assert page.offer("qm_2d").endswith("3.1 MB, Apache-2.0.")
