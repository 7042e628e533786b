"""Dimensions of patches: the record, the table, and any folder of photographs."""

import numpy as np
import pytest
from PIL import Image

from appkit import cli
from appkit.experiments import patch_dimension as experiment
from appkit.experiments.result import RecordError
from appkit.images.dimension import PatchDimensions

SMALL = {"most": 200, "patches": 100}


def test_digits_are_measured_and_recorded(tmp_path):
    record = experiment.run("digits", sizes=[2, 4], folder=tmp_path, **SMALL)
    assert [row["extrinsic"] for row in record.sizes] == [4, 16]
    for row in record.sizes:
        assert 0 < row["covariance"] <= row["whitened_covariance"] <= row["extrinsic"]
        assert len(row["spectrum"]) == row["extrinsic"]
        assert row["neighbours"] > 1
    pictures = experiment._read("digits", 200, 0, 0)[1]
    expected = PatchDimensions.of(
        pictures, 4, regularisation=1e-4, n_patches=100, k=20, unit=True, among="all"
    )
    assert record.sizes[1]["neighbours"] == pytest.approx(expected.neighbours, abs=0.01)
    assert experiment.newest(tmp_path) == [record]
    told = experiment.report(record)
    assert "nearest neighbours, whitened" in told
    assert "Levina and Bickel from the 20 nearest among all patches, averaged over 100" in told
    assert experiment.markdown(record).startswith("**Digits of scikit-learn, ")


def test_any_folder_of_photographs(tmp_path):
    noise = np.random.default_rng(0)
    root = tmp_path / "holiday"
    (root / "beach").mkdir(parents=True)
    for number in range(4):
        pixels = noise.integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).save(root / "beach" / f"{number}.png")
    (root / "notes.txt").write_text("no picture")
    record = experiment.run(
        str(root), sizes=[2, 3], side=24, patches=60, folder=tmp_path / "records"
    )
    assert record.dataset == "holiday"
    assert record.note == "1 files were skipped, such as notes.txt."
    assert record.parameters["pictures"] == 4
    assert "authors" not in experiment.report(record).lower()


@pytest.mark.parametrize(
    ("dataset", "given", "message"),
    [
        ("nowhere", {}, "There is no data set 'nowhere': it is cifar10, digits, or a folder"),
        ("digits", {"sizes": [9]}, "9 × 9 pixels do not fit into pictures of 8 × 8"),
    ],
)
def test_bad_input_is_said(tmp_path, dataset, given, message):
    with pytest.raises(ValueError, match=message):
        experiment.run(dataset, folder=tmp_path, **SMALL | given)


def test_an_empty_folder_and_a_damaged_record(tmp_path):
    with pytest.raises(ValueError, match="has no pictures that can be read, of 0 files"):
        experiment.run(str(tmp_path), folder=tmp_path)
    (tmp_path / "dimensions").mkdir()
    (tmp_path / "dimensions" / "patch-dimension.0.json").write_text("{}")
    with pytest.raises(RecordError, match="cannot be read"):
        experiment.newest(tmp_path)


def test_published_figures_stand_beside_those_of_cifar10():
    row = {"size": 6, "extrinsic": 108, "covariance": 5, "whitened_covariance": 90}
    row |= {"neighbours": 15.0, "whitened_neighbours": 45.0, "spectrum": []}
    record = experiment.Dimensions("cifar10", "", "", {}, [row, {**row, "size": 4}])
    lines = experiment.table(record)
    assert lines[-2] == ("nearest neighbours [authors' code]", "15.8", "–")
    assert lines[-1] == ("nearest neighbours, whitened [authors' code]", "44.8", "–")


def test_the_command_says_what_is_wrong(capsys):
    assert cli.main(["run", "patch-dimension", "--dataset", "nowhere", "--sizes", "2,4"]) == 2
    assert "There is no data set 'nowhere'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["run", "patch-dimension", "--sizes", "2,x"])
    assert "'x' is no whole number above zero" in capsys.readouterr().err
