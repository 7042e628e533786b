"""Windows over which codes are averaged, on the map of a picture's patches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pooling:
    """Windows of ``size`` × ``size`` positions each ``stride``, or a grid of as many windows.

    Attributes
    ----------
    rows, columns : of the map.
    windows : first and one past the last position of each window, along rows and along columns.
    """

    rows: int
    columns: int
    windows: tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]

    @classmethod
    def of(cls, shape: tuple[int, int], pooling: int | tuple[int, int]) -> Pooling:
        """On a map of this shape; ``pooling`` is the number of windows along a side, or (size,
        stride), the last window cut where the map ends, as torch's ``ceil_mode`` does.

        Raises
        ------
        ValueError
            for another pooling, or more windows than positions.
        """
        parts = tuple(pooling) if isinstance(pooling, Sequence) else (pooling,)
        whole = all(isinstance(v, int | np.integer) and not isinstance(v, bool) for v in parts)
        if not whole or len(parts) not in (1, 2) or min(parts) < 1:
            raise ValueError(
                "The pooling is a number of windows along a side, or (size, stride) of the windows "
                f"in positions, not {pooling!r}."
            )
        if max(parts) > min(shape):
            raise ValueError(
                f"Pooling {pooling} asks for more than the {shape[0]} × {shape[1]} positions of "
                "the patches: take fewer or smaller windows."
            )
        if len(parts) == 1:
            along = [_grid(n, parts[0]) for n in shape]
        else:
            along = [_strided(n, *parts) for n in shape]
        return cls(*shape, (along[0], along[1]))

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of windows along rows and columns."""
        rows, columns = self.windows
        return len(rows), len(columns)

    @cached_property
    def cells(self) -> NDArray[np.int32]:
        """For each position the windows that it lies in, −1 for none: (positions, most windows)."""
        found: list[list[int]] = [[] for _ in range(self.rows * self.columns)]
        for cell, (rows, columns) in enumerate(self._boxes()):
            for row in range(*rows):
                for column in range(*columns):
                    found[row * self.columns + column].append(cell)
        most = max(map(len, found))
        return np.array([cells + [-1] * (most - len(cells)) for cells in found], np.int32)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Positions in each window, (windows,)."""
        return np.array([(b - a) * (d - c) for (a, b), (c, d) in self._boxes()])

    def _boxes(self) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        rows, columns = self.windows
        return [(row, column) for row in rows for column in columns]


def _grid(n: int, windows: int) -> tuple[tuple[int, int], ...]:
    """As torch's adaptive pooling: neighbours may share a position."""
    return tuple((i * n // windows, -((-(i + 1) * n) // windows)) for i in range(windows))


def _strided(n: int, size: int, stride: int) -> tuple[tuple[int, int], ...]:
    starts = [i * stride for i in range(math.ceil(max(n - size, 0) / stride) + 1)]
    return tuple((start, min(start + size, n)) for start in starts if start < n)
