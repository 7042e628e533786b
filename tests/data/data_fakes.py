"""A made-up data set for the catalogue's tests."""

from __future__ import annotations

import hashlib

from appkit.data.catalogue import DataFile, Dataset

CONTENT = bytes(range(256)) * 400


def dataset(*files: DataFile, note: str = "") -> Dataset:
    return Dataset("made_up", "what", "CC0", "citation", "source", "module:reader", files, note)


def data_file(url: str = "", path: str = "set/file.bin", variant: str = "") -> DataFile:
    checksum = hashlib.sha256(CONTENT).hexdigest()
    return DataFile(path, checksum, len(CONTENT), url, variant)
