"""Receptive fields: which pixels a position of a map of evidence looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: What takes a position out: its field's middle pixel is masked, or any pixel of it.
RULES = ("centre", "any")


class Box(NamedTuple):
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right`` of a picture, ends not in."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """What cuts the box out of an array (height, width, …)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True)
class Fields:
    """Fields of ``size`` × ``size`` pixels, one each ``stride`` pixels.

    Attributes
    ----------
    size, stride : pixels along a side.
    start : row and column of the first field's first pixel; negative where it lies outside.
    shape : rows and columns of the map.
    picture : height and width of the picture in pixels.
    """

    size: int
    stride: int
    start: tuple[int, int]
    shape: tuple[int, int]
    picture: tuple[int, int]

    def box(self, row: int, column: int) -> Box:
        """What the position sees of the picture: its field, cut where the picture ends.

        Raises
        ------
        IndexError
            for a position that is not on the map.
        """
        if not (0 <= row < self.shape[0] and 0 <= column < self.shape[1]):
            raise IndexError(
                f"There is no position ({row}, {column}) on a map of {self.shape[0]} × "
                f"{self.shape[1]}."
            )
        ends: list[int] = []
        for index, first, n in zip((row, column), self.start, self.picture, strict=True):
            begin = first + index * self.stride
            ends += [max(begin, 0), min(begin + self.size, n)]
        return Box(*ends)

    def centres(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Pixel rows and columns of the fields' middles, the lower right of four where even."""
        rows, columns = (
            np.clip(first + np.arange(m) * self.stride + self.size // 2, 0, n - 1)
            for first, m, n in zip(self.start, self.shape, self.picture, strict=True)
        )
        return rows, columns

    def hidden(self, mask: NDArray[np.bool_], rule: str = "centre") -> NDArray[np.bool_]:
        """The positions (rows, columns) that a mask (height, width) takes out.

        Parameters
        ----------
        mask : true where pixels are hidden.
        rule : "centre", a position whose middle pixel is hidden: masks that part a picture part
            its positions, so that what they take out adds up. "any", one of whose pixels is
            hidden: what is left of a local model has seen no hidden pixel; where fields are large,
            little is left.

        Raises
        ------
        ValueError
            for a mask of another size, or another rule.
        """
        if mask.shape != self.picture:
            raise ValueError(
                f"The mask is {mask.shape}; pictures are {self.picture[0]} × {self.picture[1]}."
            )
        if rule == "centre":
            return mask[np.ix_(*self.centres())]
        if rule != "any":
            raise ValueError(f"The rule is {' or '.join(RULES)}, not {rule!r}.")
        found = [mask[self.box(*at).slices].any() for at in np.ndindex(self.shape)]
        return np.array(found).reshape(self.shape)
