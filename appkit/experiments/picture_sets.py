"""The data sets of pictures that experiments read: what is trained on and what is tested on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from appkit.data.images import load_cifar10, load_mnist

Pictures = NDArray[np.uint8] | NDArray[np.float64]


@dataclass(frozen=True)
class PictureSet:
    """Pictures and labels, to train and to test on."""

    name: str
    train: tuple[Pictures, NDArray]
    test: tuple[Pictures, NDArray]

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


def cifar10() -> PictureSet:
    """32 × 32 in three colours."""
    return PictureSet("cifar10", load_cifar10("train"), load_cifar10("test"))
