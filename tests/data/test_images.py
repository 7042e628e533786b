"""Pictures: known counts and statistics of the real sets, and files that are cut short."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from appkit.data import DataError, UnreadableFileError, images
from appkit.data.images import (
    PICTURE_SETS,
    load_caltech101,
    load_cifar10,
    load_mnist,
    load_pictures,
    load_squeezenet,
    read_picture,
)


def test_mnist(real_data):
    pictures, labels = load_mnist("train")
    assert pictures.shape == (60_000, 28, 28)
    assert_array_equal(labels[:5], [5, 0, 4, 1, 9])
    assert_allclose([pictures.mean() / 255, pictures.std() / 255], [0.1307, 0.3081], atol=1e-4)
    assert load_mnist("test")[0].shape == (10_000, 28, 28)


def test_cifar10(real_data):
    """The published channel means, of the test part; ten classes of 1,000."""
    pictures, labels = load_cifar10("test")
    assert pictures.shape == (10_000, 32, 32, 3)
    assert_array_equal(np.bincount(labels), [1000] * 10)
    means = pictures.mean((0, 1, 2)) / 255
    assert_allclose(means, [0.4942, 0.4851, 0.4504], atol=1e-3)


def test_cifar10_as_published(monkeypatch, tmp_path):
    """Channels come before rows in the published rows of 3,072 bytes."""
    rows = np.arange(2 * 3072).astype(np.uint8).reshape(2, 3072)
    path = tmp_path / "cifar.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
            content = pickle.dumps({"data": rows, "labels": [3, 7]})
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    found = {"cifar10/cifar-10-python.tar.gz": path}
    monkeypatch.setattr(images.catalogue, "get", lambda *_: found)
    pictures, labels = load_cifar10("train")
    assert_array_equal(labels, [3, 7] * 5)
    assert_array_equal(pictures[0, 0, 1], rows[0, [1, 1025, 2049]])
    assert load_cifar10("test")[0].shape == (2, 32, 32, 3)


@pytest.mark.parametrize("name", PICTURE_SETS)
def test_pictures(real_data, name):
    for picture in load_pictures(name).values():
        assert picture.dtype == np.uint8
        assert picture.ndim == 2 or picture.shape[2] == 3
        assert picture.std() > 1


def test_caltech101(real_data):
    pictures, labels, classes = load_caltech101()
    assert len(classes) == 20
    assert_array_equal(np.bincount(labels), [40] * 20)
    assert len(pictures) == 800


def test_squeezenet(real_data):
    weights, classes = load_squeezenet()
    assert sum(layer.size for layer in weights.values()) == 1_248_424
    assert len(classes) == 1000
    assert classes[285] == "Egyptian cat"


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(DataError, match="no set of pictures 'image'; known: images, textures"):
        load_pictures("image")
    with pytest.raises(DataError, match="no part 'valid'; there are train and test"):
        load_mnist("valid")
    with pytest.raises(DataError, match="no part 'all'"):
        load_cifar10("all")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not gzip",
        gzip.compress(bytes([0, 0, 8, 3]) + bytes(12))[:20],
        gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 9]) + bytes(9)),
        gzip.compress(bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2]) + bytes(7)),
    ],
    ids=["empty", "foreign", "cut", "labels for pictures", "too few pixels"],
)
def test_unreadable_digits_are_named(tmp_path, content):
    path = tmp_path / "digits.gz"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"digits\.gz cannot be read"):
        images._read_idx(path, n_axes=3)


def test_a_truncated_picture_is_named(tmp_path):
    path = tmp_path / "picture.png"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    assert_array_equal(read_picture(path), noise)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(UnreadableFileError, match=r"picture\.png cannot be read"):
        read_picture(path)


def test_a_sheet_of_another_shape_is_named(tmp_path):
    path = tmp_path / "train_00.webp"
    Image.new("RGB", (32, 32)).save(path, lossless=True)
    with pytest.raises(UnreadableFileError, match=r"a sheet has 3200 x 320, not \(32, 32, 3\)"):
        images._cifar_sheet(path)
