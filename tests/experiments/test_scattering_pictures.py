"""The experiments on pictures: on scikit-learn's digits, and on sets made here."""

import threading

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import zero_one_loss
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from appkit import cli
from appkit.experiments import picture_rows, published, score_tables, scores
from appkit.experiments import scattering_pictures as experiment
from appkit.experiments.result import RecordError
from appkit.regression import Cancelled


def test_an_error_is_that_of_the_classifier_by_hand(tmp_path):
    """Of scikit-learn's own parts, on the same draw."""
    (found,) = experiment.run("digits", rows=["pixels-affine"], train=200, folder=tmp_path)
    data, drawn = load_digits(), np.random.default_rng(0).permutation(1797)
    X, y = data.data[drawn].astype(np.float32) / 16, data.target[drawn]
    used = 497 + np.random.default_rng(0).permutation(1300)[:200]
    model = picture_rows.AffineClassifier().fit(X[used], y[used])
    expected = 100 * zero_one_loss(y[:497], model.predict(X[:497]))
    assert found.at(200).error == pytest.approx(expected, abs=1e-3)
    assert found.at(200).chosen == {"d": model.dimension_}
    assert [point.size for point in found.points] == [100, 200]


def test_scattering_needs_fewer_examples_than_pixels(tmp_path):
    rows = experiment.run("digits", rows=["pixels-svm", "linear"], train=300, folder=tmp_path)
    pixels, ours = (row.at(300) for row in rows)
    assert ours.error < pixels.error - 1
    assert set(ours.chosen) == {"ridge__alpha"}
    assert "Scattering, linear" in experiment.report(rows)


def test_the_kernel_is_scikit_learn_s_of_relative_width():
    data = load_digits()
    X, y = data.data[:400], data.target[:400]
    ours = picture_rows.GaussianSVM(width=0.5, C=3.0).fit(X, y)
    theirs = SVC(C=3.0, gamma=0.25 / X.var(0).sum()).fit(X, y)
    assert np.array_equal(ours.predict(data.data[400:]), theirs.predict(data.data[400:]))
    # Searches clone it: the width stays a parameter, and the kernel follows the data.
    held = StratifiedShuffleSplit(1, test_size=0.2, random_state=0)
    pipeline = make_pipeline(StandardScaler(), picture_rows.GaussianSVM())
    search = GridSearchCV(pipeline, {"gaussiansvm__width": [0.01, 0.5]}, cv=held).fit(X, y)
    assert search.best_params_ == {"gaussiansvm__width": 0.5}


def test_a_run_that_was_stopped_goes_on(tmp_path):
    stop, told = threading.Event(), []

    def progress(stage, done, total):
        told.append((stage, done))
        if done == 2:
            stop.set()

    given = {"rows": ["pixels-affine"], "train": 300, "folder": tmp_path}
    with pytest.raises(Cancelled):
        experiment.run("digits", **given, progress=progress, cancel=stop)
    (path,) = (tmp_path / "scores").glob("*.json")
    before = scores.load(path)
    assert [point.size for point in before.points] == [100, 200]
    (after,) = experiment.run("digits", **given)
    assert after.points[:2] == before.points
    (whole,) = experiment.run("digits", rows=["pixels-affine"], train=300, folder=tmp_path / "new")
    assert [p.error for p in whole.points] == [p.error for p in after.points]


def test_what_the_same_pictures_chose_is_chosen_once(tmp_path, monkeypatch):
    searched = []
    fit = GridSearchCV.fit
    monkeypatch.setattr(
        GridSearchCV, "fit", lambda self, X, y: searched.append(len(X)) or fit(self, X, y)
    )
    monkeypatch.setattr(experiment, "CHOOSING", 150)
    (found,) = experiment.run("digits", rows=["linear"], train=300, folder=tmp_path)
    assert searched == [100, 150]
    assert found.at(200).chosen == found.at(300).chosen
    (affine,) = experiment.run("digits", rows=["affine"], train=300, folder=tmp_path)
    assert [set(point.chosen) for point in affine.points] == [{"d"}] * 3


def test_a_table_has_the_newest_and_fullest_of_each_row(tmp_path):
    experiment.run("digits", rows=["pixels-affine"], train=100, folder=tmp_path)
    experiment.run("digits", rows=["pixels-affine"], train=200, seed=1, folder=tmp_path)
    found = scores.table_of("digits", [tmp_path])
    assert list(found) == ["pixels-affine"]
    assert len(found["pixels-affine"].points) == 2
    assert scores.table_of("mnist", [tmp_path]) == {}


def test_published_figures_stand_beside_ours():
    point = scores.Point(300, 5.25, 1.0)
    ours = scores.Scores(
        "mnist", "mnist", "", "svm", "Ours", "Protocol.", {}, 10_000, points=(point,)
    )
    lines = score_tables.table([ours], published.errors("mnist"))
    assert lines[0][1:3] == ("300", "1,000")
    assert lines[1][:3] == ("Ours", "5.25", "–")
    assert lines[2][:2] == ("Scattering, affine spaces [Bruna & Mallat 2013]", "4.7")
    assert ours.standard_error(point) == pytest.approx(0.223, abs=1e-3)
    assert "| Ours | 5.25 |" in score_tables.markdown([ours], published.errors("mnist"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rows": ["svn"]}, "There is no row svn; the rows are pixels-knn, pixels-affine"),
        ({"train": 1301}, "digits has 1,300 training pictures, not 1,301"),
        ({"rows": ["svm", "linear", "svm"]}, "The row svm is asked for twice"),
        ({"seed": -1}, "seed must be a whole number from 0 up, not -1"),
        ({"device": "gpu", "rows": ["pixels-svm"]}, "There is no device 'gpu' here; use cpu"),
        ({"train": 20}, "digits is learned from 100 pictures or more, not 20"),
    ],
)
def test_bad_input_is_said(given, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        experiment.run("digits", folder=tmp_path, **given)


def test_a_broken_record_is_named(tmp_path):
    (tmp_path / "scores").mkdir()
    path = tmp_path / "scores" / "digits.svm.0.json"
    path.write_text('{"format": 7}')
    with pytest.raises(RecordError, match=r"digits\.svm\.0\.json cannot be read"):
        scores.table_of("digits", [tmp_path])


def test_the_command_prints_the_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("APPKIT_RESULTS", str(tmp_path))
    assert cli.main(["run", "digits", "--rows", "pixels-affine", "--train", "100"]) == 0
    assert "Pixels, affine spaces" in capsys.readouterr().out
    assert cli.main(["run", "digits", "--rows", "nothing"]) == 2
    assert "There is no row nothing" in capsys.readouterr().err


def test_components_by_random_projections_are_the_same(monkeypatch):
    random = np.random.default_rng(0)
    X = random.standard_normal((200, 120)) * np.logspace(0, -6, 120)
    exact = picture_rows.FewComponents(8)
    one = exact.fit_transform(X)
    monkeypatch.setattr(picture_rows, "_WIDE", 100)
    other = picture_rows.FewComponents(8).fit_transform(X)
    signs = np.sign((one * other).sum(0))
    assert np.allclose(one, other * signs, atol=1e-3 * np.abs(one).max())


def test_features_over_the_memory_are_refused_with_the_numbers(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("APPKIT_MEMORY_GB", "0.0001")
    monkeypatch.setenv("APPKIT_RESULTS", str(tmp_path))
    assert cli.main(["run", "digits", "--rows", "svm", "--train", "200"]) == 2
    said = capsys.readouterr().err
    assert "Training on 144 features of 200 pictures needs" in said
    assert "the budget is 0.0001 GB; take fewer (--train)" in said
