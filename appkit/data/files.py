"""Reading a file so that whatever is wrong with it is said with its name."""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scipy.io.matlab import MatReadError

from appkit.data.download import DataError

#: What numpy, scipy, gzip, xz, tar, Pillow and ase raise on files that are cut short or foreign.
_UNREADABLE = (
    ValueError,
    TypeError,
    IndexError,
    AssertionError,
    EOFError,
    OSError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
    MatReadError,
)


class UnreadableFileError(DataError):
    """A file that is there but cannot be read: cut short, foreign, or without a needed field."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong while ``path`` is read into one sentence that names the file."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise UnreadableFileError(f"{path} is not there") from error
    except KeyError as error:
        raise UnreadableFileError(f"{path} has no field {error}") from error
    except _UNREADABLE as error:
        why = str(error) or type(error).__name__
        raise UnreadableFileError(f"{path} cannot be read: {why}") from error


def require(condition: bool, path: Path, problem: str) -> None:
    """Raise UnreadableFileError for ``path`` unless ``condition`` holds."""
    if not condition:
        raise UnreadableFileError(f"{path} cannot be read: {problem}")
