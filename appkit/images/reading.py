"""Pictures that people bring: of any mode and depth, as the camera was held, never too large."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from appkit import memory

Pixels = NDArray[np.uint8]

#: Pixels of the largest picture that is decoded.
MOST_PIXELS = 50_000_000
#: Bytes that the pictures of a folder may take; less where the machine has less.
MOST_BYTES = 8_000_000_000
#: Formats that Pillow hands to another program, which would run what a file says.
_NOT_READ = {"EPS", "WMF"}
_DEEP = ("I", "I;16", "I;16B", "I;16L", "F")


def read_picture(source: Path | bytes, name: str = "") -> Pixels:
    """A picture as RGB bytes ``(height, width, 3)``.

    Grey becomes three equal channels; what is transparent lies on white; sixteen bits become eight;
    CMYK is converted; EXIF's orientation is followed; of an animation it is the first frame.

    Parameters
    ----------
    source : a file, or its content.
    name : what messages call it; by default the file's name, or "The picture".

    Raises
    ------
    ValueError
        for a file that is missing, is no picture or ends early, and for more than `MOST_PIXELS`
        pixels, which are not decoded. The message says which and why.
    """
    called = name or (source.name if isinstance(source, Path) else "The picture")
    file = source if isinstance(source, Path) else io.BytesIO(source)
    try:
        with warnings.catch_warnings():
            # Sizes are told below, before anything is decoded; damage where it matters.
            warnings.simplefilter("ignore")
            with Image.open(file, formats=_formats()) as picture:
                width, height = picture.size
                if width * height > MOST_PIXELS:
                    raise _too_large(called, f"{width:,} × {height:,} pixels")
                turned = ImageOps.exif_transpose(picture)
                return _eight_bits(turned)
    except Image.DecompressionBombError:
        raise _too_large(called, "too many pixels") from None
    except UnidentifiedImageError:
        raise ValueError(f"{called} is no picture that can be read: bring a PNG or JPEG.") from None
    except TooLarge:
        raise
    except Exception as error:  # Pillow's decoders raise what they meet in a damaged file
        missing = isinstance(error, FileNotFoundError | IsADirectoryError | PermissionError)
        why = error.strerror if missing and isinstance(error, OSError) else f"damaged? {error}"
        raise ValueError(f"{called} cannot be read ({why}).") from error


class TooLarge(ValueError):  # noqa: N818 (says what is the case)
    """A picture with more pixels than are decoded."""


@cache
def _formats() -> list[str]:
    Image.init()
    return [name for name in Image.OPEN if name not in _NOT_READ]


def _too_large(called: str, size: str) -> TooLarge:
    return TooLarge(
        f"{called} has {size}, over {MOST_PIXELS / 1e6:g} million: make it smaller first."
    )


def _eight_bits(picture: Image.Image) -> Pixels:
    if picture.mode in _DEEP:
        deep = np.asarray(picture, np.float64)
        # Numbers from 0 to 1 or to 255, in 32 bits, are of other programs.
        largest = np.nanmax(deep, initial=0, where=np.isfinite(deep))
        sixteen = picture.mode.startswith("I;16") or largest > 255
        top = 65535 if sixteen else 255 if largest > 1 else 1
        grey = np.clip(np.nan_to_num(deep) / top, 0, 1) * 255
        return np.repeat(np.round(grey).astype(np.uint8)[..., None], 3, axis=2)
    if picture.has_transparency_data:
        over = picture.convert("RGBA")
        paper = Image.new("RGBA", over.size, "white")
        return np.asarray(Image.alpha_composite(paper, over).convert("RGB"))
    return np.asarray(picture.convert("RGB"))


def square(picture: Pixels, side: int) -> Pixels:
    """The middle of a picture, ``(side, side, 3)``: its shorter side becomes ``side`` pixels."""
    fitted = ImageOps.fit(Image.fromarray(picture), (side, side), Image.Resampling.LANCZOS)
    return np.asarray(fitted)


@dataclass(frozen=True, eq=False)
class Folder:
    """The pictures of a tree of folders, one folder a class.

    Attributes
    ----------
    pictures, labels : bytes (n, side, side, 3), and numbers of classes (n,).
    classes : names of the folders, sorted.
    files : where each picture came from.
    skipped : files that could not be read, and why.
    empty : names of folders without a picture that can be read.
    """

    pictures: Pixels
    labels: NDArray[np.intp]
    classes: list[str]
    files: list[Path]
    skipped: dict[Path, str] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)

    def report(self) -> str:
        """What was read and what was not, in words."""
        told = f"{len(self.files):,} pictures of {len(self.classes)} classes"
        if self.skipped:
            files = [f"{path.name} ({why})" for path, why in self.skipped.items()]
            were = "1 file was" if len(files) == 1 else f"{len(files):,} files were"
            told += f"; {were} skipped: {_some(files)}"
        if self.empty:
            told += f"; no picture in {_some(self.empty)}"
        # A name that is no text in this system's encoding would stop whatever writes the report.
        return f"{told}.".encode(errors="backslashreplace").decode()


def read_folder(
    root: Path,
    side: int,
    *,
    most: int | None = None,
    bytes_each: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Folder:
    """Read a tree as torchvision's ``ImageFolder`` does: ``root/class/picture``.

    Parameters
    ----------
    root : the folder of folders; hidden files are passed over.
    side : pixels along a side that every picture is cut and scaled to.
    most : pictures of each class, in the order of their names; None is all.
    bytes_each : memory that the caller will need for each number, such as 5 where floats follow.
    progress : called with (done, total) files; what it raises ends the reading.

    Raises
    ------
    ValueError
        for no folder, one without folders of pictures, fewer than two classes with a picture that
        can be read, or pictures over the memory. Unreadable files are skipped and named.
    """
    if not root.is_dir():
        raise ValueError(f"{root} is no folder: a class is a folder of pictures in it.")
    listed = {
        folder.name: sorted(f for f in folder.rglob("*") if _counts(f))[:most]
        for folder in sorted(root.iterdir())
        if folder.is_dir() and folder.name[0] != "."
    }
    total = sum(map(len, listed.values()))
    need, limit = total * side * side * 3 * bytes_each, memory.limit(MOST_BYTES * bytes_each)
    if need > limit:
        raise ValueError(
            f"{total:,} pictures of {side} × {side} pixels need {memory.gigabytes(need)}, over "
            f"{memory.gigabytes(limit)}: take smaller ones, or fewer of each class."
        )
    pictures = np.empty((total, side, side, 3), np.uint8)
    names: list[str] = []
    read: list[Path] = []
    skipped: dict[Path, str] = {}
    for name, files in listed.items():
        for file in files:
            progress(len(read) + len(skipped), total)
            try:
                pictures[len(read)] = square(read_picture(file), side)
            except ValueError as error:
                skipped[file] = str(error).removeprefix(file.name).strip(" .")
            else:
                names.append(name)
                read.append(file)
    progress(total, total)
    classes, labels = np.unique(names, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"{root} has {len(classes)} folder(s) with pictures that can be read, of "
            f"{len(listed)}: two classes or more are needed, each a folder of pictures."
        )
    empty = [name for name in listed if name not in classes]
    return Folder(pictures[: len(read)], labels, classes.tolist(), read, skipped, empty)


def _counts(file: Path) -> bool:
    """Files, and links to files that are gone, which are told; no folder, no pipe, none hidden."""
    gone = file.is_symlink() and not file.exists()
    return file.name[0] != "." and (file.is_file() or gone)


def _some(names: list[str], most: int = 5) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
