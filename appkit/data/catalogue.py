"""The catalogue of public data sets: what there is, where it lies, and how it gets here.

A file is looked for in the folder that ``APPKIT_DATA`` names, then in the cache (``APPKIT_CACHE``,
else the user's cache folder), then downloaded into the cache. Every file is checked against the
sha256 in ``datasets.toml`` before anyone reads it: a wrong one in ``APPKIT_DATA`` is an error (it
is the user's file), a wrong one in the cache is thrown away and fetched again.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import platformdirs

from appkit.data.download import (
    ChecksumError,
    DataError,
    MissingFileError,
    Progress,
    download,
    sha256,
)

__all__ = ["ChecksumError", "DataError", "DataFile", "Dataset", "MissingFileError"]
__all__ += ["cache_folder", "data_folder", "entries", "entry", "get", "where"]


@dataclass(frozen=True)
class DataFile:
    """One file of a data set: its ``path`` below a data folder, address, checksum and bytes."""

    path: str
    sha256: str
    size: int
    url: str = ""
    variant: str = ""


@dataclass(frozen=True)
class Dataset:
    """What the catalogue knows about a data set.

    ``reader`` is the public function (``module:name``) that turns the files into arrays;
    ``files`` may come in variants, each of which is enough for the reader.
    """

    name: str
    what: str
    licence: str
    citation: str
    source: str
    reader: str
    files: tuple[DataFile, ...]
    note: str = ""

    @property
    def variants(self) -> dict[str, tuple[DataFile, ...]]:
        """The files by variant, in the catalogue's order."""
        names = dict.fromkeys(file.variant for file in self.files)
        return {name: tuple(f for f in self.files if f.variant == name) for name in names}

    @property
    def size(self) -> int:
        """Bytes of the first variant."""
        return sum(file.size for file in next(iter(self.variants.values())))


@lru_cache(maxsize=1)
def _catalogue() -> dict[str, Dataset]:
    table = tomllib.loads(files("appkit.data").joinpath("datasets.toml").read_text("utf-8"))
    return {
        name: Dataset(name=name, **row | {"files": tuple(DataFile(**f) for f in row["files"])})
        for name, row in table.items()
    }


def entries() -> list[Dataset]:
    """Every data set of the catalogue, in its order."""
    return list(_catalogue().values())


def entry(name: str) -> Dataset:
    """The data set called ``name``; DataError (with the nearest names) where there is none."""
    if name not in _catalogue():
        near = difflib.get_close_matches(name, _catalogue(), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "known: " + ", ".join(_catalogue())
        raise DataError(f"there is no data set called {name!r}; {hint}")
    return _catalogue()[name]


def data_folder() -> Path | None:
    """The folder that ``APPKIT_DATA`` names; None where it is not set, DataError if it is none."""
    named = os.environ.get("APPKIT_DATA", "")
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise DataError(f"APPKIT_DATA names {folder}, which is not a folder; mend or unset it")
    return folder


def cache_folder() -> Path:
    """Where downloads are kept: ``APPKIT_CACHE``, else the user's cache folder."""
    named = os.environ.get("APPKIT_CACHE", "")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("appkit"))


def _locate(file: DataFile) -> Path | None:
    """The checked path of ``file`` on this machine, or None."""
    folder = data_folder()
    if folder is not None and (own := folder / file.path).is_file():
        if (found := sha256(own)) != file.sha256:
            raise ChecksumError(own, file.sha256, found)
        return own
    cached = cache_folder() / file.path
    if cached.is_file():
        if sha256(cached) == file.sha256:
            return cached
        cached.unlink()
    return None


def where(name: str) -> dict[str, Path | None]:
    """Where the files of a data set lie: path in the catalogue -> path on this machine, or None.

    The variant that lies complete here, else the first one. A file with a wrong checksum in
    ``APPKIT_DATA`` raises ChecksumError.
    """
    variants = list(entry(name).variants.values())
    for variant in variants:
        located = {file.path: _locate(file) for file in variant}
        if all(located.values()):
            return located
    return {file.path: _locate(file) for file in variants[0]}


def get(name: str, progress: Progress = False) -> dict[str, Path]:
    """Paths of the files of a data set, after downloading what is missing.

    ``progress`` shows a bar in the terminal, or is called with the bytes of a file that came and
    all of them; what it raises ends the download, and nothing of the file stays.

    Returns ``{path in the catalogue: path on this machine}`` of one complete variant. Raises
    MissingFileError (address, checksum and folder in the message) where a file is neither here
    nor to be had, ChecksumError where a file of ``APPKIT_DATA`` is not the catalogue's.
    """
    located = where(name)
    if any(path is None for path in located.values()):
        located = _download_first(entry(name), progress)
    return {path: here for path, here in located.items() if here is not None}


def _download_first(dataset: Dataset, progress: Progress) -> dict[str, Path | None]:
    """Complete the first variant whose every missing file has an address."""
    for variant in dataset.variants.values():
        located = {file.path: _locate(file) for file in variant}
        missing = [file for file in variant if located[file.path] is None]
        if all(file.url for file in missing):
            for file in missing:
                target = cache_folder() / file.path
                located[file.path] = download(
                    file.url, target, file.sha256, progress, own_folder=_folder_hint(file)
                )
            return located
    missing = [f for f in next(iter(dataset.variants.values())) if _locate(f) is None]
    raise MissingFileError(
        f"{dataset.name}: {missing[0].path} (sha256 {missing[0].sha256}) has no public address; "
        f"{dataset.note or 'see ' + dataset.source} Put it at {_folder_hint(missing[0])}"
    )


def _folder_hint(file: DataFile) -> Path:
    """Where a person puts a file that cannot be downloaded."""
    return (data_folder() or cache_folder()) / file.path
