"""Gaussian cube files: a header of atoms and a grid, then one value after the other.

``ase.io.cube`` reads the files that it writes. It takes every length for bohr, one data set at a
time, and its errors name no line; so files that people bring are read here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from ase.units import Bohr
from numpy.typing import NDArray

from appkit.memory import gigabytes

#: A grid of more values than this, over all data sets, is refused: 2 GB of them.
MAX_VALUES = 250_000_000
_CHUNK = 1 << 22  # characters


class CubeError(ValueError):
    """A cube file that cannot be used; the message is for the person who brought it."""


@dataclass(frozen=True)
class Cube:
    """What a cube file holds.

    Attributes
    ----------
    atoms : with positions in Å.
    origin : of the first sample, (3,), Å.
    voxels : from a sample to the next along each axis, in rows (3, 3), Å.
    values : as they are in the file, (data sets, n1, n2, n3).
    orbitals : whether the file says that its data sets are orbitals, by a negative atom count.
    """

    atoms: Atoms
    origin: NDArray[np.float64]
    voxels: NDArray[np.float64]
    values: NDArray[np.float64]
    orbitals: bool


def read_cube(source: str | PathLike[str] | TextIO | BinaryIO) -> Cube:
    """A cube file by its path, or an open stream.

    Positive counts of voxels mean that lengths are in bohr, negative ones Å.

    Raises
    ------
    CubeError
        for a bad header, too many values, too few, or one that is not a finite number; the message
        names the line or the value.
    OSError
        for a file that cannot be opened.

    Reference: the cubegen page of the Gaussian manual, https://gaussian.com/cubegen/.
    """
    if isinstance(source, str | PathLike):
        with Path(source).open(encoding="utf-8", errors="replace") as stream:
            return _read(stream)
    if not hasattr(source, "read"):
        raise CubeError(f"A cube file is a path or an open file, not {source!r}.")
    given: Any = source
    if isinstance(source.read(0), str):
        return _read(given)
    text = TextIOWrapper(given, encoding="utf-8", errors="replace")
    try:
        return _read(text)
    finally:
        text.detach()  # the file stays open for its owner


def _read(stream: TextIO) -> Cube:
    lines = _Lines(stream)
    lines.next("a comment")
    lines.next("a comment")
    head = lines.numbers("the number of atoms and the origin", 4)
    n_atoms, sets = int(head[0]), head[4] if len(head) > 4 else 1
    if sets % 1 or sets < 1:
        raise CubeError(
            f"Line 3 of the cube file counts {sets:g} data sets: it must be a whole number from 1 "
            "up, or nothing."
        )
    rows = [lines.numbers(f"the number of voxels along axis {axis}", 4) for axis in (1, 2, 3)]
    counts, unit = [int(row[0]) for row in rows], Bohr if rows[0][0] > 0 else 1.0
    if not all(counts) or len({count > 0 for count in counts}) > 1:
        raise CubeError(
            f"Lines 4 to 6 of the cube file count {counts} voxels: they must be whole numbers, all "
            "positive (lengths in bohr) or all negative (Å)."
        )
    voxels = unit * np.array([row[1:4] for row in rows])
    if abs(np.linalg.det(voxels)) < 1e-12:
        raise CubeError(
            "Lines 4 to 6 of the cube file: the voxel has no volume, its edges lie in one plane."
        )
    atoms = _atoms(lines, abs(n_atoms), unit)
    if n_atoms < 0:
        sets = lines.labels()
    shape = (abs(counts[0]), abs(counts[1]), abs(counts[2]))
    values = _values(stream, (*shape, int(sets)), lines.number)
    return Cube(atoms, unit * np.array(head[1:4]), voxels, np.moveaxis(values, 3, 0), n_atoms < 0)


class _Lines:
    """Lines of a header, counted."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self.number = stream, 0

    def next(self, what: str) -> str:
        line = self._stream.readline(10_000)
        self.number += 1
        if not line:
            raise CubeError(f"The cube file ends at line {self.number}, where {what} should be.")
        return line

    def numbers(self, what: str, least: int) -> list[float]:
        line = self.next(what)
        try:
            values = [float(word) for word in line.split()]
        except ValueError:
            values = []
        if len(values) < least or not np.isfinite(values).all() or values[0] % 1:
            raise CubeError(
                f"Line {self.number} of the cube file should be {what} ({least} numbers, a whole "
                f"one first), not {line.strip()[:60]!r}."
            )
        return values

    def labels(self) -> int:
        """Number of data sets, after a line (or more) that counts and numbers them."""
        words = self.numbers("the number of data sets and their labels", 1)
        sets, seen = int(words[0]), len(words) - 1
        while seen < sets:
            seen += len(self.numbers("labels of data sets", 1))
        return sets


def _atoms(lines: _Lines, count: int, unit: float) -> Atoms:
    rows = []
    for k in range(count):
        row = lines.numbers(f"atom {k + 1} (its number, its charge and x, y, z)", 5)
        if not 0 < row[0] < len(chemical_symbols):
            raise CubeError(
                f"Line {lines.number} of the cube file: there is no element {row[0]:g}."
            )
        rows.append(row)
    numbers = [int(row[0]) for row in rows]
    return Atoms(numbers, positions=unit * np.array([row[2:5] for row in rows]).reshape(-1, 3))


def _values(stream: TextIO, shape: tuple[int, ...], line: int) -> NDArray[np.float64]:
    total, grid = math.prod(shape), " × ".join(map(_short, shape[:3]))
    told = f"{grid} voxels" + (f" of {_short(shape[3])} data sets" if shape[3] != 1 else "")
    if shape[3] < 1:
        raise CubeError(f"Line {line} of the cube file counts {shape[3]} data sets.")
    if total > MAX_VALUES:
        raise CubeError(
            f"The cube file has {told}, {gigabytes(8 * total)} of values, over "
            f"{gigabytes(8 * MAX_VALUES)}: write it with fewer."
        )
    values, filled = np.empty(total), 0
    for words in _words(stream):
        try:
            block = np.array(words, dtype=float)
        except ValueError as error:
            k = next(k for k, word in enumerate(words) if not _is_number(word))
            raise CubeError(
                f"Value {filled + k + 1:,} of the cube file is no number: {words[k][:60]!r}."
            ) from error
        if filled + len(block) > total:
            raise CubeError(f"The cube file has more values than its header's {total:,} ({told}).")
        values[filled : filled + len(block)] = block
        filled += len(block)
    if filled < total:
        raise CubeError(
            f"The cube file has {filled:,} values, its header says {total:,} ({told}): it was cut "
            "off, or the header is wrong."
        )
    return values.reshape(shape)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _short(count: int) -> str:
    return str(count) if count < 1_000_000_000 else f"{float(count):.3g}"


def _words(stream: TextIO) -> Iterator[list[str]]:
    """The rest of a stream in blocks of whole words; Fortran's exponents D become E."""
    rest = ""
    while text := stream.read(_CHUNK):
        text = rest + text
        end = max(text.rfind(" "), text.rfind("\n"), text.rfind("\t")) + 1
        rest = text[end:]
        if len(rest) > 100:
            raise CubeError(f"A value of the cube file is no number: {rest[:60]!r}.")
        yield text[:end].replace("D", "E").replace("d", "e").split()
    yield rest.replace("D", "E").replace("d", "e").split()
