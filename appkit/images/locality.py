"""What a model that reads pictures by pieces says where, and what it says without some of them.

For every model whose scores are sums over positions: `SimplePatch`, `PatchVotes` and
`PositionClassifier`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from appkit.images.fields import Box, Fields

Floats = NDArray[np.float64]
#: Pictures whose maps are in memory at once.
_CHUNK = 64


class LocalModel(Protocol):
    """Scores (n, classes) that are the sum of the evidence (n, classes, rows, columns), but for a
    constant of each class."""

    classes_: NDArray[Any]

    @property
    def fields(self) -> Fields:
        """Which pixels the positions look at."""

    def evidence(self, X: ArrayLike) -> NDArray[Any]:
        """What each position says for each class."""

    def decision_function(self, X: ArrayLike) -> NDArray[Any]:
        """The classes' scores."""


def masked_scores(
    model: LocalModel, pictures: ArrayLike, mask: ArrayLike, rule: str = "centre"
) -> Floats:
    """Scores without the evidence of the positions under a mask; nothing is filled in.

    Exact: with an empty mask they are the `decision_function`; with everything masked what is left
    are the intercepts, 0 where a model has none.

    Parameters
    ----------
    model : fitted.
    pictures : one (height, width[, C]) with a mask (height, width), or (n, height, width[, C]) with
        masks (n, height, width).
    mask : true where pixels are hidden.
    rule : which positions are then out, see :meth:`appkit.images.fields.Fields.hidden`.

    Returns
    -------
    Scores (classes,), or (n, classes).

    Raises
    ------
    ValueError
        for masks that do not fit the pictures, another rule, pictures of another size.
    """
    masks = np.asarray(mask, bool)
    alone = masks.ndim == 2
    batch = np.asarray(pictures)[None] if alone else np.asarray(pictures)
    masks = masks[None] if alone else masks
    if len(masks) != len(batch):
        raise ValueError(f"{len(batch)} pictures need as many masks, not {len(masks)}.")
    scores = model.decision_function(batch).astype(np.float64)
    hidden = np.stack([model.fields.hidden(each, rule) for each in masks])
    for start in range(0, len(batch), _CHUNK):
        part = slice(start, start + _CHUNK)
        maps = model.evidence(batch[part]).astype(np.float64)
        scores[part] -= np.einsum("ncij,nij->nc", maps, hidden[part])
    return scores[0] if alone else scores


def mask_pixels(picture: ArrayLike, mask: ArrayLike, fill: ArrayLike | None = None) -> NDArray[Any]:
    """A copy of a picture (height, width[, C]) in which the pixels under a mask are ``fill``.

    ``fill`` is a number, or one for each channel; None is the grey that is the picture's mean.

    Raises
    ------
    ValueError
        for a mask of another size.
    """
    pixels, hidden = np.asarray(picture), np.asarray(mask, bool)
    if hidden.shape != pixels.shape[:2]:
        raise ValueError(f"The mask is {hidden.shape}; the picture is {pixels.shape[:2]}.")
    masked = pixels.copy()
    grey = pixels.mean() if fill is None else np.asarray(fill)
    masked[hidden] = np.round(grey) if pixels.dtype.kind in "iu" else grey
    return masked


def shuffle_tiles(picture: ArrayLike, tile: int, seed: int = 0) -> NDArray[Any]:
    """A picture (height, width[, C]) whose tiles of ``tile`` × ``tile`` pixels are in random order.

    Raises
    ------
    ValueError
        for a tile whose side does not divide the picture's.
    """
    pixels = np.asarray(picture)
    height, width = pixels.shape[:2]
    whole = isinstance(tile, int | np.integer) and not isinstance(tile, bool) and tile >= 1
    if not whole or height % tile or width % tile:
        common = np.gcd(height, width)
        sides = [str(n) for n in range(1, common + 1) if common % n == 0]
        raise ValueError(
            f"Tiles of {tile!r} pixels along a side do not part a picture of {height} × {width}: "
            f"take {', '.join(sides)}."
        )
    rows, columns = height // tile, width // tile
    parts = pixels.reshape(rows, tile, columns, tile, -1).swapaxes(1, 2)
    tiles = parts.reshape(rows * columns, tile, tile, -1)
    mixed = tiles[np.random.default_rng(seed).permutation(len(tiles))]
    return mixed.reshape(rows, columns, tile, tile, -1).swapaxes(1, 2).reshape(pixels.shape)


def shuffle_outside(picture: ArrayLike, box: Box, seed: int = 0) -> NDArray[Any]:
    """A picture (height, width[, C]) whose pixels outside of a box are in a random order.

    What a position says of it, whose field the box is, is what it says of the picture, if the model
    is local.
    """
    mixed = np.asarray(picture).copy()
    outside = np.ones(mixed.shape[:2], bool)
    outside[box.slices] = False
    mixed[outside] = np.random.default_rng(seed).permutation(mixed[outside])
    return mixed


@dataclass(frozen=True, eq=False)
class SeenPatch:
    """A piece of a picture that speaks for a class.

    Attributes
    ----------
    picture, row, column : number of the picture, and the position on its map.
    box : the pixels that the position sees.
    evidence : what it adds to the class's score, less the mean over the classes.
    pixels : (height, width[, C]) of the box.
    """

    picture: int
    row: int
    column: int
    box: Box
    evidence: float
    pixels: NDArray[Any]


def convincing_patches(
    model: LocalModel,
    pictures: ArrayLike,
    label: object,
    n: int = 12,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[SeenPatch]:
    """The pieces of pictures that speak most for a class, one of each picture, the first the most.

    Evidence is counted less its mean over the classes, since what speaks for all alike decides
    nothing.

    Parameters
    ----------
    model : fitted.
    pictures : (n, height, width[, C]).
    label : one of ``model.classes_``.
    n : pieces; fewer where there are fewer pictures.
    progress : called with (done, total) pictures; what it raises ends the search.

    Raises
    ------
    ValueError
        for a label that is none of the classes, n below 1, pictures of another size.
    """
    number = np.flatnonzero(model.classes_ == label)
    if len(number) != 1:
        raise ValueError(f"The label {label} is none of the classes.")
    if n < 1:
        raise ValueError(f"The number of pieces is 1 or more, not {n}.")
    batch, fields = np.asarray(pictures), model.fields
    places, values = [], []
    for start in range(0, len(batch), _CHUNK):
        maps = model.evidence(batch[start : start + _CHUNK])
        own = (maps[:, number[0]] - maps.mean(axis=1)).reshape(len(maps), -1)
        places.append(own.argmax(axis=1))
        values.append(own.max(axis=1))
        progress(min(start + _CHUNK, len(batch)), len(batch))
    place, value = np.concatenate(places), np.concatenate(values)
    found = []
    for picture in value.argsort(kind="stable")[::-1][:n]:
        row, column = divmod(int(place[picture]), fields.shape[1])
        box = fields.box(row, column)
        pixels = batch[picture][box.slices]
        found.append(SeenPatch(int(picture), row, column, box, float(value[picture]), pixels))
    return found
