"""The experiment on BagNets: on digits, and on a small tree of pictures made here."""

import threading

import numpy as np
import pytest
from PIL import Image

from appkit import cli
from appkit.experiments import bagnet, scores
from appkit.experiments.picture_sets import digits
from appkit.images.trained import PositionClassifier
from appkit.regression import Cancelled


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    monkeypatch.setenv("APPKIT_FEATURES", str(tmp_path / "features"))
    monkeypatch.setenv("APPKIT_RESULTS", str(tmp_path / "results"))


@pytest.fixture
def tree(tmp_path):
    """Stripes across and along, ten each; a class of one picture; a file that is none."""
    random = np.random.default_rng(0)
    for axis, name in enumerate(("across", "along")):
        (tmp_path / "tree" / name).mkdir(parents=True)
        for k in range(10):
            line = random.integers(0, 255, 40)
            picture = np.repeat(line[:, None] if axis == 0 else line[None], 40, 1 - axis)
            Image.fromarray(picture.astype(np.uint8)).save(tmp_path / "tree" / name / f"{k}.png")
    (tmp_path / "tree" / "along" / "broken.png").write_bytes(b"")
    (tmp_path / "tree" / "lonely").mkdir()
    Image.new("L", (40, 40), 128).save(tmp_path / "tree" / "lonely" / "flat.png")
    return tmp_path / "tree"


def test_an_error_is_that_of_the_classifier():
    (found,) = bagnet.run(rows=["bagnet"], epochs=2)
    whole = digits()
    model = PositionClassifier("bagnet", {"field": 5}, epochs=2).fit(*whole.train)
    expected = 100 * (1 - model.score(*whole.test))
    assert found.points[0].error == pytest.approx(expected, abs=1e-3)
    assert found.points[0].chosen["field"] == 5
    assert found.n_features == sum(p.numel() for p in model.net_.parameters())


def test_ablations_differ_in_what_they_say():
    rows = bagnet.run(rows=["narrow", "linear", "no-neighbours", "shallow"], epochs=1)
    options = {row.row: row.parameters["options"] for row in rows}
    assert options["narrow"]["width"] == 32
    assert options["linear"]["layers"] == 0
    assert options["no-neighbours"]["neighbours"] == 1
    assert options["shallow"]["layers"] == 2
    assert "half as wide" in bagnet.report(rows)


def test_a_tree_of_pictures_is_learned(tree, monkeypatch):
    small = bagnet.Preset({"J": 2, "width": 16, "layers": 2}, 9, {"epochs": 15, "batch_size": 8})
    monkeypatch.setattr(bagnet, "FOLDER", small)
    (found,) = bagnet.run(str(tree), rows=["bagnet-scattering"], side=32)
    assert found.dataset == "tree"
    assert found.n_test == 4
    assert found.points[0].error == 0
    assert "1 file was skipped: broken.png" in found.protocol
    assert "Trained on only, with fewer than three pictures: lonely." in found.protocol
    assert found.protocol.startswith("Trained on 17 pictures")


def test_a_training_that_was_stopped_goes_on(tmp_path):
    stop = threading.Event()

    def progress(stage, done, total):
        if done == 2 * total // 4 + 1:
            stop.set()

    with pytest.raises(Cancelled, match="Stopped after 2 of 4 epochs"):
        bagnet.run(rows=["bagnet"], epochs=4, progress=progress, cancel=stop)
    (state,) = (tmp_path / "features" / "trainings").glob("*.pt")
    told: list[tuple[int, int]] = []
    (found,) = bagnet.run(rows=["bagnet"], epochs=4, progress=lambda *given: told.append(given[1:]))
    assert told[0][0] == told[0][1] / 2 + 1  # the third epoch of four
    assert told[-1][0] == told[-1][1]
    assert not state.exists()
    (whole,) = bagnet.run(rows=["bagnet"], epochs=4, folder=tmp_path / "other")
    assert whole.points[0].error == found.points[0].error
    (again,) = bagnet.run(rows=["bagnet"], epochs=4)
    assert again == found
    assert list(scores.table_of("bagnet", [tmp_path / "results"])) == ["bagnet"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "resnet"], "There is no row resnet; the rows are bagnet-scattering"),
        (["--dataset", "nowhere"], "There is no data set 'nowhere': it is digits, cifar10, or a"),
        (
            ["--dataset", ".", "--side", "40", "--rows", "bagnet"],
            "folder(s) with pictures that can be read",
        ),
        (["--dataset", ".", "--side", "32", "--rows", "bagnet"], "bagnet, side 32: The field is"),
        (
            ["--dataset", ".", "--side", "8", "--rows", "linear"],
            "linear, side 8: J = 4 is too large for images of 8 × 8 pixels: take J ≤ 3",
        ),
        (["--device", "gpu"], "There is no device 'gpu' here; use cpu"),
        (["--rows", "linear,linear"], "The row linear is asked for twice"),
    ],
)
def test_bad_input_is_said(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", "bagnet", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_network_over_the_memory_is_refused_before_the_folder_is_read(tree, monkeypatch):
    monkeypatch.setenv("APPKIT_MEMORY_GB", "0.5")
    monkeypatch.setattr(bagnet, "of_folder", None)
    with pytest.raises(ValueError, match=r"narrow, side 64: A step on 256 pictures .* over 0\.5 G"):
        bagnet.run(str(tree), rows=["narrow"], side=64)
    with pytest.raises(TypeError, match="not callable"):  # a small step fits: it goes on to read
        bagnet.run(str(tree), rows=["narrow"], side=64, batch=4)


def test_a_side_is_a_whole_number(tree):
    with pytest.raises(ValueError, match="side must be a whole number from 1 up, not 0"):
        bagnet.run(str(tree), rows=["bagnet"], side=0)


def test_figures_of_other_pictures_stand_in_a_line_of_their_own():
    point = scores.Point(30, 4.0, 1.0)
    ours = scores.Scores("bagnet", "digits", "", "bagnet", "Ours", "P.", {}, 497, points=(point,))
    told = bagnet.report([ours])
    assert "ImageNet, top-5 errors in % [scattering_patch_cnn]: BagNet-Scattering 15.5" in told
    assert " 100" not in told.splitlines()[1]


def test_ctrl_c_keeps_the_last_epoch(monkeypatch, capsys):
    """And the same command goes on from it."""
    told = []

    def progress(self, stage, done, total):
        told.append(done)
        if len(told) == 50:  # of 21 steps an epoch
            raise KeyboardInterrupt

    monkeypatch.setattr("appkit.experiments.bars.Bars.__call__", progress)
    command = ["run", "bagnet", "--rows", "bagnet", "--epochs", "4"]
    assert cli.main(command) == 130
    assert "the same command goes on from there" in capsys.readouterr().err
    told[:] = [0] * 60
    assert cli.main(command) == 0
    assert told[60] == 43
