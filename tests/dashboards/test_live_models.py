"""Models computed on the regression page, against least squares by hand."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from solid_records import Watched

from appkit.dashboards import explorer, library, live_models
from appkit.data.download import DataError
from appkit.data.molecules import load_molecules
from appkit.energy import PlanarFourier
from appkit.regression import Cancelled, OrthogonalLeastSquares

CHANNELS = ("dirac",)


@pytest.fixture(scope="module")
def few():
    """Thirty molecules of the embedded set in three folds."""
    chosen = load_molecules("embedded").subset(range(30))
    return replace(chosen, folds=np.arange(30) % 3)


@pytest.fixture
def page(few, monkeypatch, tmp_path):
    """Few molecules, nothing kept from other tests, a folder of features of its own."""
    monkeypatch.setenv("APPKIT_FEATURES", str(tmp_path / "features"))
    monkeypatch.setattr(library, "molecules", lambda name="embedded": few)
    monkeypatch.setattr(live_models, "_live", {})
    explorer._embedded_formulas.cache_clear()
    yield live_models
    explorer._embedded_formulas.cache_clear()


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
        ("qm7", "linear", CHANNELS, "QM7 take minutes to hours: `appkit run qm7-energy` computes"),
    ],
)
def test_bad_choices_are_refused(page, monkeypatch, tmp_path, dataset, name, channels, message):
    monkeypatch.setenv("APPKIT_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=message):
        page.explore(dataset, name, channels, Watched())


def test_a_set_that_is_not_here_is_not_downloaded(page, monkeypatch, tmp_path):
    monkeypatch.setenv("APPKIT_DATA", str(tmp_path))
    assert explorer.molecules_or_none("qm7_2d") is None
    with pytest.raises(DataError):
        page.explore("qm7_2d", "fourier", CHANNELS, Watched())
