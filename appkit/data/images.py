"""Pictures of the catalogue: digits, small colour pictures, photographs, textures, and a network.

Pictures are uint8 arrays, (height, width) where grey and (height, width, 3) in RGB.
"""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from appkit.data import catalogue
from appkit.data.download import DataError
from appkit.data.files import reading, require

Pictures = NDArray[np.uint8]
SPLITS = ("train", "test")
#: The folders of ``load_pictures``.
PICTURE_SETS = ("images", "textures", "paintings")
#: What the labels 0 to 9 of CIFAR-10 are called.
CIFAR10_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


def load_mnist(split: str = "train", progress: bool = False) -> tuple[Pictures, Pictures]:
    """Digits (n, 28, 28) and their labels (n,); ``split`` is "train" (60,000) or "test"."""
    _check_split(split)
    paths = catalogue.get("mnist", progress)
    part = "train" if split == "train" else "t10k"
    images = _read_idx(paths[f"mnist/{part}-images-idx3-ubyte.gz"], n_axes=3)
    path = paths[f"mnist/{part}-labels-idx1-ubyte.gz"]
    labels = _read_idx(path, n_axes=1)
    require(len(images) == len(labels), path, "as many labels as pictures are needed")
    return images, labels


def _read_idx(path: Path, n_axes: int) -> Pictures:
    """The format of MNIST: two zeros, type 8, number of axes, lengths (big-endian), bytes."""
    with reading(path), gzip.open(path) as stream:
        require(stream.read(4) == bytes([0, 0, 8, n_axes]), path, "not an idx file of bytes")
        shape = np.frombuffer(stream.read(4 * n_axes), ">u4").astype(int)
        return np.frombuffer(stream.read(), np.uint8).reshape(shape)


def load_cifar10(split: str = "train", progress: bool = False) -> tuple[Pictures, Pictures]:
    """Colour pictures (n, 32, 32, 3) and labels (n,); ``split`` is "train" (50,000) or "test"."""
    _check_split(split)
    paths = catalogue.get("cifar10", progress)
    archive = paths.get("cifar10/cifar-10-python.tar.gz")
    if archive is not None:
        return _cifar_archive(archive, split)
    sheets = [path for name, path in sorted(paths.items()) if f"/{split}_" in name]
    labels = paths["cifar10/labels.npz"]
    with reading(labels), np.load(labels, allow_pickle=False) as table:
        return np.concatenate([_cifar_sheet(sheet) for sheet in sheets]), table[f"y_{split}"]


def _cifar_archive(path: Path, split: str) -> tuple[Pictures, Pictures]:
    """The published archive of pickles; harmless, as its checksum was checked before."""
    batches = [f"data_batch_{i}" for i in range(1, 6)] if split == "train" else ["test_batch"]
    images, labels = [], []
    with reading(path), tarfile.open(path) as archive:
        for batch in batches:
            stream = archive.extractfile(f"cifar-10-batches-py/{batch}")
            require(stream is not None, path, f"{batch} is no file")
            table = pickle.load(stream, encoding="latin1")  # type: ignore[arg-type]
            images.append(np.asarray(table["data"], np.uint8).reshape(-1, 3, 32, 32))
            labels.extend(table["labels"])
    return np.concatenate(images).transpose(0, 2, 3, 1), np.array(labels, np.uint8)


def _cifar_sheet(path: Path) -> Pictures:
    """A sheet of 100 rows of 10 pictures."""
    sheet = read_picture(path)
    require(sheet.shape == (3200, 320, 3), path, f"a sheet has 3200 x 320, not {sheet.shape}")
    return sheet.reshape(100, 32, 10, 32, 3).swapaxes(1, 2).reshape(-1, 32, 32, 3)


def load_pictures(name: str = "images", progress: bool = False) -> dict[str, Pictures]:
    """The pictures of "images", "textures" or "paintings" by file name without its ending."""
    if name not in PICTURE_SETS:
        raise DataError(f"there is no set of pictures {name!r}; known: {', '.join(PICTURE_SETS)}")
    return {path.stem: read_picture(path) for path in catalogue.get(name, progress).values()}


def read_picture(path: Path) -> Pictures:
    """Read a picture file: grey (height, width) or RGB (height, width, 3)."""
    with reading(path), Image.open(path) as picture:
        return np.asarray(picture if picture.mode == "L" else picture.convert("RGB"))


def load_caltech101(progress: bool = False) -> tuple[list[Pictures], NDArray[np.int64], list[str]]:
    """Pictures of many sizes, labels (n,) and the names of the classes."""
    (path,) = catalogue.get("caltech101", progress).values()
    images, names = [], []
    with reading(path), tarfile.open(path) as archive:
        for member in archive:
            stream = archive.extractfile(member)
            if stream is not None:
                with Image.open(io.BytesIO(stream.read())) as picture:
                    images.append(np.asarray(picture.convert("RGB")))
                names.append(PurePosixPath(member.name).parent.name)
    classes, labels = np.unique(names, return_inverse=True)
    return images, labels, classes.tolist()


def load_squeezenet(progress: bool = False) -> tuple[dict[str, NDArray[np.float32]], list[str]]:
    """Weights by layer ("conv1__w", "conv1__b"…) and the names of ImageNet's 1,000 classes."""
    paths = catalogue.get("squeezenet", progress)
    weights = paths["squeezenet/squeezenet_v1.0_dc_weights.npz"]
    with reading(weights), np.load(weights, allow_pickle=False) as table:
        layers = {name: table[name] for name in table.files}
    words = paths["squeezenet/synset_words.txt"]
    with reading(words):
        classes = [line.split(" ", 1)[1] for line in words.read_text("utf-8").splitlines()]
    return layers, classes


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise DataError(f"there is no part {split!r}; there are {' and '.join(SPLITS)}")
