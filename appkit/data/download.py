"""Downloads that leave either the right file or none, and the errors that say what to do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pooch
import requests

TIMEOUT = 30  # seconds without an answer

#: A bar in the terminal, or what is called with the bytes that came and all of them (0: unknown).
#: It ends the download by raising.
Progress = bool | Callable[[int, int], None]

pooch.get_logger().setLevel("WARNING")  # the progress bar says the rest


class DataError(ValueError):
    """A data set that cannot be read; the message is for the person who asked for it."""


class ChecksumError(DataError):
    """A file whose bytes are not those of the catalogue."""

    def __init__(self, path: Path, expected: str, found: str) -> None:
        super().__init__(
            f"{path} has the wrong checksum: expected sha256 {expected}, found {found}; "
            "replace the file or remove it"
        )


class MissingFileError(DataError):
    """A file that is neither on this machine nor to be had from its address."""


def sha256(path: Path) -> str:
    """The file's sha256, hexadecimal; computed once as long as size and time stay the same."""
    status = path.stat()
    return _sha256(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=512)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def download(url: str, target: Path, checksum: str, progress: Progress, own_folder: Path) -> Path:
    """Bring ``url`` to ``target`` and return it; the file appears whole and checked, or not at all.

    pooch writes beside the target and moves only what has the right sha256. Raises
    MissingFileError where the address does not answer or answers with other bytes; the message
    names the address, the checksum and ``own_folder``, where the file may be put by hand.
    """
    bar = progress if isinstance(progress, bool) else _Bar(progress)
    by_hand = f"Bring the file with sha256 {checksum} by other means and put it at {own_folder}"
    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{checksum}",
            fname=target.name,
            path=target.parent,
            downloader=pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT),
        )
    except requests.exceptions.RequestException as error:
        raise MissingFileError(
            f"{url} could not be downloaded ({type(error).__name__}). {by_hand}"
        ) from error
    except ValueError as error:  # pooch's word for a wrong hash
        raise MissingFileError(
            f"{url} answered with a file that is cut short or corrupt; it was thrown away. "
            f"{by_hand}"
        ) from error
    except OSError as error:
        raise MissingFileError(f"{target.parent} cannot be written ({error}). {by_hand}") from error
    return target


class _Bar:
    """What pooch calls as it would a bar of tqdm."""

    def __init__(self, report: Callable[[int, int], None]) -> None:
        self.total, self._done, self._report = 0, 0, report

    def update(self, n: int) -> None:
        self._done += n  # a whole chunk is counted for the last one too
        self._report(min(self._done, self.total) if self.total else self._done, self.total)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        pass
