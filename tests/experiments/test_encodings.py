"""The experiment on encoders, on few digits."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from appkit import cli
from appkit.experiments import encodings, scores, tables
from appkit.experiments.encodings import PRESETS, Preset
from appkit.images.features import ScatteringFeatures
from appkit.images.nonlinear_classifier import EncodedClassifier
from appkit.regression import Cancelled


@pytest.fixture(autouse=True)
def quick(tmp_path, monkeypatch):
    monkeypatch.setenv("APPKIT_RESULTS", str(tmp_path / "results"))
    few = {"atoms": 32, "epochs": 3}
    monkeypatch.setitem(PRESETS, "digits", Preset(PRESETS["digits"].load, 1, (100, 200), 16, few))


def test_an_error_is_that_of_the_classifier():
    (found,) = encodings.run(rows=["soft-threshold"], train=100)
    (point,) = found.points
    whole = PRESETS["digits"].load()
    order = np.random.default_rng(0).permutation(1300)[:100]
    scattering = ScatteringFeatures(1).fit(whole.train[0][:1])
    prepared = PRESETS["digits"].features()
    train = prepared.fit_transform(scattering.transform(whole.train[0][order]))
    test = prepared.transform(scattering.transform(whole.test[0]))
    assert np.allclose(np.linalg.norm(train, axis=1), 1, atol=1e-5)
    errors = [
        100
        - 100
        * EncodedClassifier(
            "soft-threshold",
            32,
            {"threshold": point.chosen["threshold"]},
            epochs=3,
            learning_rate=point.chosen["learning_rate"],
            seed=seed,
        )
        .fit(train, whole.train[1][order])
        .score(test, whole.test[1])
        for seed in range(3)
    ]
    assert point.chosen["errors"] == pytest.approx(errors, abs=1e-3)
    assert point.error == pytest.approx(np.mean(errors), abs=1e-3)
    assert found.n_features == 16


def test_the_linear_row_is_a_logistic_regression():
    (found,) = encodings.run(rows=["converged"], train=100)
    (point,) = found.points
    assert len(point.chosen["errors"]) == 1
    assert point.chosen["C"] in encodings.ROWS["converged"][1]["C"]
    assert point.error < 20


def test_what_is_chosen_never_depends_on_the_test_pictures(monkeypatch):
    (before,) = encodings.run(rows=["none"], train=100)
    whole = PRESETS["digits"].load()
    shuffled = np.random.default_rng(1).permutation(whole.test[1])
    other = replace(whole, test=(whole.test[0], shuffled))
    monkeypatch.setitem(PRESETS, "digits", replace(PRESETS["digits"], load=lambda: other))
    (after,) = encodings.run(rows=["none"], train=100)
    rate = "learning_rate"
    assert after.points[0].chosen[rate] == before.points[0].chosen[rate]
    assert after.points[0].error > 80


def test_a_run_that_was_stopped_goes_on(tmp_path):
    stop = threading.Event()

    def progress(stage, done, total):
        if stage == "phase-collapse, 100 pictures: choosing":
            stop.set()

    rows = ["none", "phase-collapse"]
    with pytest.raises(Cancelled):
        encodings.run(rows=rows, train=100, progress=progress, cancel=stop)
    told = []
    found = encodings.run(rows=rows, train=100, progress=lambda *given: told.append(given[0]))
    assert not any(stage.startswith("none") for stage in told)
    assert any(stage.startswith("phase-collapse") for stage in told)
    again = encodings.run(rows=rows, train=100)
    assert again == found
    table = scores.table_of("encodings-digits", [tmp_path / "results"])
    assert set(table) == {"none", "phase-collapse"}
    text = encodings.report(found)
    assert "Phase collapse" in text
    assert "the mean of 3 trainings by gradient descent" in text
    anchors = "<!-- table:encodings-digits -->\n<!-- /table:encodings-digits -->"
    filled = tables.fill(anchors, tmp_path / "results")
    assert filled.index("| Linear |") < filled.index("| Phase collapse |")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "relu"], "There is no row relu; the rows are none, converged, sparse"),
        (["--train", "7"], "digits is learned from 100 pictures or more, not 7"),
    ],
)
def test_bad_input_is_said(arguments, message, capsys):
    assert cli.main(["run", "encodings", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_an_unknown_data_set_is_said():
    with pytest.raises(ValueError, match="There is no data set 'cifar10'; there are digits, mnist"):
        encodings.run("cifar10")
