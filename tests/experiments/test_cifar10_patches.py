"""The experiment on patches, on a few pictures of two textures."""

import threading

import numpy as np
import pytest

from appkit import cli
from appkit.experiments import cifar10_patches as experiment
from appkit.experiments import scores
from appkit.experiments.picture_sets import PictureSet
from appkit.images.simple_patch import SimplePatch
from appkit.images.votes import PatchVotes
from appkit.regression import Cancelled


def stripes(n, seed):
    """Noise with stripes across or along, bytes (n, 16, 16, 3), and which."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=(n, 16, 16, 3))
    labels = np.arange(n) % 2
    noise[labels == 0] += np.repeat(random.normal(size=(n, 16, 1, 3)), 16, 2)[labels == 0]
    noise[labels == 1] += np.repeat(random.normal(size=(n, 1, 16, 3)), 16, 1)[labels == 1]
    return np.clip(128 + 30 * noise, 0, 255).astype(np.uint8), labels


@pytest.fixture(scope="module")
def whole():
    return PictureSet("stripes", stripes(120, 0), stripes(60, 1))


def test_points_are_those_of_simple_patch(whole, tmp_path):
    rows = experiment.run(300, rows=["mahalanobis"], pictures=whole, folder=tmp_path)
    (found,) = rows
    assert [point.size for point in found.points] == [256, 300]
    model = SimplePatch(256, random_state=0).fit(*whole.train)
    expected = 100 * (1 - model.score(*whole.test))
    assert found.at(256).error == pytest.approx(expected, abs=1e-3)
    assert found.at(256).chosen == {"alpha": model.alpha_}
    assert found.at(256).error < 25
    assert scores.load(tmp_path / "scores" / found.filename).points == found.points
    told = experiment.report(rows)
    assert "errors in %, patches N" in told
    assert "Nearest patches, Mahalanobis [defence]" in told


def test_votes_are_those_of_patch_votes(whole, tmp_path):
    (found,) = experiment.run(256, rows=["votes-l2"], pictures=whole, folder=tmp_path)
    model = PatchVotes(256, metric="l2", k=10).fit(*whole.train)
    assert found.at(256).error == pytest.approx(100 * (1 - model.score(*whole.test)), abs=1e-3)
    assert found.at(256).chosen == {}
    assert found.parameters["k"] == 10
    assert "its 10 nearest" in found.protocol


def test_a_run_that_was_stopped_goes_on(whole, tmp_path):
    stop = threading.Event()

    def progress(stage, done, total):
        if "N = 300" in stage:
            stop.set()

    given = {"rows": ["l2"], "pictures": whole, "folder": tmp_path}
    with pytest.raises(Cancelled):
        experiment.run(300, **given, progress=progress, cancel=stop)
    (path,) = (tmp_path / "scores").glob("*.json")
    before = scores.load(path)
    assert [point.size for point in before.points] == [256]
    (after,) = experiment.run(300, **given)
    assert after.points[0] == before.points[0]


def test_a_head_by_gradient_descent_is_a_row_and_goes_on(whole, tmp_path, monkeypatch):
    monkeypatch.setenv("APPKIT_CACHE", str(tmp_path / "cache"))
    stop = threading.Event()

    def progress(stage, done, total):
        assert stage == "low-rank, N = 64: steps"
        if done == total // 3:
            stop.set()

    given = {"rows": ["low-rank"], "pictures": whole, "epochs": 30}
    with pytest.raises(Cancelled, match="Stopped after 10 of 30 epochs"):
        experiment.run(64, **given, folder=tmp_path, progress=progress, cancel=stop)
    (found,) = experiment.run(64, **given, folder=tmp_path, workers=2)
    (anew,) = experiment.run(64, **given, folder=tmp_path / "other")
    assert found.points[0].error == anew.points[0].error < 40
    assert found.points[0].chosen == {"field": 16}
    assert "30 epochs" in found.protocol
    (more,) = experiment.run(32, **given, folder=tmp_path)
    assert [point.size for point in more.points] == [32, 64]
    assert not list(tmp_path.rglob("*.pt"))


@pytest.mark.parametrize(
    ("patches", "rows", "message"),
    [
        (256, ["l3"], "There is no row l3; the rows are l2, mahalanobis, released, mirrored, vot"),
        (8, ["votes"], "K = 10 nearest of N = 8 patches"),
        (1, ["l2"], "A dictionary has two patches or more, not 1"),
        (60_000, ["l2"], r"A ridge on 480,000 codes needs 2,764.8 GB"),
    ],
)
def test_bad_input_is_said(whole, tmp_path, patches, rows, message):
    with pytest.raises(ValueError, match=message):
        experiment.run(patches, rows=rows, pictures=whole, folder=tmp_path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"device": "gpu"}, "There is no device 'gpu' here; use cpu"),
        ({"seed": 0.5}, "seed must be a whole number from 0 up, not 0.5"),
    ],
)
def test_what_the_machine_has_not_is_said(whole, tmp_path, given, message):
    with pytest.raises(ValueError, match=message):
        experiment.run(64, rows=["l2"], pictures=whole, folder=tmp_path, **given)
    assert not list(tmp_path.rglob("*.json"))


def test_the_command_says_what_is_wrong(capsys):
    assert cli.main(["run", "cifar10-patches", "--rows", "l3"]) == 2
    assert "There is no row l3" in capsys.readouterr().err
