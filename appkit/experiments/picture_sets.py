"""The data sets of pictures that experiments read: what is trained on and what is tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from appkit.data.images import load_cifar10, load_mnist
from appkit.images.reading import read_folder

Pictures = NDArray[np.uint8] | NDArray[np.float64]


@dataclass(frozen=True)
class PictureSet:
    """Pictures and labels, to train and to test on; a note says what a reader must know."""

    name: str
    train: tuple[Pictures, NDArray]
    test: tuple[Pictures, NDArray]
    note: str = ""

    @property
    def checksum(self) -> str:
        """sha256 of all pictures and labels."""
        digest = hashlib.sha256()
        for part in (*self.train, *self.test):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


def digits() -> PictureSet:
    """Those of scikit-learn, 8 × 8; 497 drawn by seed 0 are tested on."""
    data = load_digits()
    drawn = np.random.default_rng(0).permutation(len(data.images))
    pictures, labels = data.images[drawn] / 16, data.target[drawn]
    return PictureSet("digits", (pictures[497:], labels[497:]), (pictures[:497], labels[:497]))


def mnist() -> PictureSet:
    """28 × 28, with a margin of two pixels: 32 are a multiple of 2^J."""

    def read(split: str) -> tuple[Pictures, NDArray]:
        pictures, labels = load_mnist(split)
        return np.pad(pictures, ((0, 0), (2, 2), (2, 2))), labels

    return PictureSet("mnist", read("train"), read("test"))


def of_folder(
    root: Path, side: int, most: int | None, seed: int, progress: Callable[[int, int], None]
) -> PictureSet:
    """A tree of pictures, see `appkit.images.reading.read_folder`.

    A fifth of each class is tested; a class of one or two is trained on only.
    """
    # Networks see pictures as floats beside their bytes.
    read = read_folder(root, side, most=most, bytes_each=5, progress=progress)
    order = np.random.default_rng(seed).permutation(len(read.labels))
    rank, untested = np.zeros(len(order), int), []
    for label in range(len(read.classes)):
        of = order[read.labels[order] == label]
        rank[of] = np.arange(len(of)) - round(0.2 * len(of))
        untested += [] if (rank[of] < 0).any() else [read.classes[label]]
    tested = rank < 0
    if not tested.any():
        raise ValueError(f"{root} has too few pictures to test on: a class needs three or more.")
    labels = np.array(read.classes)[read.labels]
    parts = ((read.pictures[~tested], labels[~tested]), (read.pictures[tested], labels[tested]))
    note = read.report()
    if untested:
        note += f" Trained on only, with fewer than three pictures: {', '.join(untested)}."
    return PictureSet(root.resolve().name, *parts, note=note)


def cifar10() -> PictureSet:
    """32 × 32 in three colours."""
    return PictureSet("cifar10", load_cifar10("train"), load_cifar10("test"))
