"""Pictures that people bring: of any mode and depth, as the camera was held, never too large."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

Pixels = NDArray[np.uint8]

#: Pixels of the largest picture that is decoded.
MOST_PIXELS = 50_000_000
#: Bytes that the pictures of a folder may take.
MOST_BYTES = 8_000_000_000
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
            # Told below, from the size in the file's head and before anything is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file) as picture:
                width, height = picture.size
                if width * height > MOST_PIXELS:
                    raise _too_large(called, f"{width:,} × {height:,} pixels")
                turned = ImageOps.exif_transpose(picture)
                return _eight_bits(turned)
    except Image.DecompressionBombError:
        raise _too_large(called, "too many pixels") from None
    except UnidentifiedImageError:
        raise ValueError(f"{called} is no picture that can be read: bring a PNG or JPEG.") from None
    except (OSError, SyntaxError, EOFError) as error:
        missing = isinstance(error, FileNotFoundError | IsADirectoryError | PermissionError)
        why = error.strerror if missing and isinstance(error, OSError) else f"damaged? {error}"
        raise ValueError(f"{called} cannot be read ({why}).") from error


def _too_large(called: str, size: str) -> ValueError:
    return ValueError(
        f"{called} has {size}, over {MOST_PIXELS / 1e6:g} million: make it smaller first."
    )


def _eight_bits(picture: Image.Image) -> Pixels:
    if picture.mode in _DEEP:
        deep = np.asarray(picture, np.float64)
        # PNG and TIFF of sixteen bits; numbers from 0 to 1 or to 255 are of other programs.
        top = 65535 if deep.max(initial=0) > 255 else 255 if deep.max(initial=0) > 1 else 1
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
    """

    pictures: Pixels
    labels: NDArray[np.intp]
    classes: list[str]
    files: list[Path]
    skipped: dict[Path, str] = field(default_factory=dict)

    def report(self) -> str:
        """What was read and what was not, in words."""
        told = f"{len(self.files):,} pictures of {len(self.classes)} classes"
        if not self.skipped:
            return f"{told}."
        names = [f"{path.name} ({why})" for path, why in list(self.skipped.items())[:5]]
        more = f" and {len(self.skipped) - 5:,} more" if len(self.skipped) > 5 else ""
        return f"{told}; {len(self.skipped):,} files were skipped: {', '.join(names)}{more}."


def read_folder(
    root: Path,
    side: int,
    *,
    most: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Folder:
    """Read a tree as torchvision's ``ImageFolder`` does: ``root/class/picture``.

    Parameters
    ----------
    root : the folder of folders; hidden files are passed over.
    side : pixels along a side that every picture is cut and scaled to.
    most : pictures of each class, in the order of their names; None is all.
    progress : called with (done, total) files; what it raises ends the reading.

    Raises
    ------
    ValueError
        for no folder, one without folders of pictures, fewer than two classes with a picture that
        can be read, or pictures over `MOST_BYTES`. Unreadable files are skipped and named.
    """
    if not root.is_dir():
        raise ValueError(f"{root} is no folder: a class is a folder of pictures in it.")
    listed = {
        folder.name: sorted(f for f in folder.rglob("*") if f.is_file() and f.name[0] != ".")[:most]
        for folder in sorted(root.iterdir())
        if folder.is_dir() and folder.name[0] != "."
    }
    total = sum(map(len, listed.values()))
    if (need := total * side * side * 3) > MOST_BYTES:
        raise ValueError(
            f"{total:,} pictures of {side} × {side} pixels need {need / 1e9:,.1f} GB, over "
            f"{MOST_BYTES / 1e9:g} GB: take smaller ones, or fewer of each class."
        )
    found: list[tuple[Pixels, str, Path]] = []
    skipped: dict[Path, str] = {}
    for name, files in listed.items():
        for file in files:
            progress(len(found) + len(skipped), total)
            try:
                found.append((square(read_picture(file), side), name, file))
            except ValueError as error:
                skipped[file] = str(error).removeprefix(file.name).strip(" .")
    progress(total, total)
    names = [name for _, name, _ in found]
    classes, labels = np.unique(names, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"{root} has {len(classes)} folder(s) with pictures that can be read, of "
            f"{len(listed)}: two classes or more are needed, each a folder of pictures."
        )
    pictures = np.stack([picture for picture, _, _ in found])
    return Folder(pictures, labels, classes.tolist(), [file for *_, file in found], skipped)
