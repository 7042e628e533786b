"""Drawings as pen strokes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from appkit.data import catalogue
from appkit.data.download import DataError
from appkit.data.files import reading, require

SKETCHES = ("sheep", "omniglot")
SPLITS = ("train", "valid", "test")

Drawing = NDArray[np.int16]


def load_sketches(
    name: str = "sheep", split: str = "train", progress: bool = False
) -> list[Drawing]:
    """Drawings of "sheep" or "omniglot"; ``split`` is "train", "valid" or "test".

    Each is (points, 3): the step dx, dy from the point before, and 1 where the pen is lifted after
    the point (stroke-3 of Ha and Eck, arXiv:1704.03477).
    """
    if name not in SKETCHES:
        raise DataError(f"there is no set of drawings {name!r}; known: {', '.join(SKETCHES)}")
    if split not in SPLITS:
        raise DataError(f"there is no part {split!r}; there are {', '.join(SPLITS)}")
    ((wanted, path),) = catalogue.get(name, progress).items()
    return _read_plain(path, split) if ".plain." in wanted else _read_pickled(path, split)


def _read_plain(path: Path, split: str) -> list[Drawing]:
    with reading(path), np.load(path, allow_pickle=False) as table:
        points, lengths = table[f"{split}_points"], table[f"{split}_len"].astype(np.int64)
        require(lengths.sum() == len(points), path, "the lengths do not add up")
        return np.split(points, np.cumsum(lengths)[:-1])


def _read_pickled(path: Path, split: str) -> list[Drawing]:
    """The published file of pickles; harmless, as its checksum was checked before."""
    with reading(path), np.load(path, allow_pickle=True, encoding="latin1") as table:
        return list(table[split])
