"""Drawings: the counts of the published splits, and both forms of the file."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from appkit.data import DataError, UnreadableFileError, strokes
from appkit.data.strokes import load_sketches


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("sheep", {"train": 7400, "valid": 300, "test": 300}),
        ("omniglot", {"train": 30_000, "valid": 1000, "test": 1000}),
    ],
)
def test_the_published_splits(real_data, name, counts):
    for split, count in counts.items():
        drawings = load_sketches(name, split)
        assert len(drawings) == count
        assert all(d.ndim == 2 and d.shape[1] == 3 for d in drawings)
        assert set(np.unique(np.concatenate(drawings)[:, 2])) <= {0, 1}


@pytest.fixture
def drawings():
    rng = np.random.default_rng(0)
    return [rng.integers(-50, 50, (n, 3)).astype(np.int16) for n in (4, 7, 2)]


def offer(monkeypatch, wanted, path):
    monkeypatch.setattr(strokes.catalogue, "get", lambda *_: {wanted: path})


def test_plain_and_published_forms_say_the_same(monkeypatch, tmp_path, drawings):
    lengths = np.array([len(d) for d in drawings], np.int16)
    np.savez(tmp_path / "plain.npz", test_points=np.concatenate(drawings), test_len=lengths)
    as_objects = np.empty(3, dtype=object)
    as_objects[:] = drawings
    np.savez(tmp_path / "published.npz", test=as_objects)
    for wanted, file in [("sheep.plain.npz", "plain.npz"), ("sheep.npz", "published.npz")]:
        offer(monkeypatch, wanted, tmp_path / file)
        for read, meant in zip(load_sketches("sheep", "test"), drawings, strict=True):
            assert_array_equal(read, meant)


def test_lengths_that_do_not_add_up_are_named(monkeypatch, tmp_path, drawings):
    path = tmp_path / "plain.npz"
    np.savez(path, test_points=np.concatenate(drawings), test_len=[4, 7])
    offer(monkeypatch, "sheep.plain.npz", path)
    with pytest.raises(UnreadableFileError, match=r"plain\.npz cannot be read: the lengths"):
        load_sketches("sheep", "test")
    with pytest.raises(UnreadableFileError, match=r"plain\.npz has no field .*valid_points"):
        load_sketches("sheep", "valid")


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(DataError, match="no set of drawings 'goat'; known: sheep, omniglot"):
        load_sketches("goat")
    with pytest.raises(DataError, match="no part 'all'; there are train, valid, test"):
        load_sketches("sheep", "all")
