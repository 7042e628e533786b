"""Batches of pictures as all of this room takes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from appkit import memory

Batch = NDArray[np.float32]
#: What is white in pictures of whole numbers.
_WHITE = {np.dtype(np.uint8): np.float32(255), np.dtype(np.uint16): np.float32(65535)}

#: Pictures that reach so many times higher are taken for ones in another unit.
_OTHER_UNIT = 16


def as_batch(pictures: ArrayLike) -> Batch:
    """Pictures ``(n, height, width)`` or ``(n, height, width, channels)`` as ``(n, C, H, W)``.

    Bytes are divided by 255, numbers of sixteen bits without a sign by 65,535, others are taken as
    they are. Float32.

    Raises
    ------
    ValueError
        for another shape, no pictures, other than 1 to 4 channels, numbers that are not finite, or
        more than the memory has room for.
    """
    try:
        array = np.asarray(pictures)
    except ValueError as error:
        raise ValueError(f"Pictures are of one size: {error}") from error
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or not 1 <= array.shape[3] <= 4:
        raise ValueError(
            "Pictures are an array (n, height, width) where grey, (n, height, width, channels) in "
            f"colour, not {np.shape(pictures)}."
        )
    if 0 in array.shape:
        raise ValueError(f"There are no pictures: the array is {np.shape(pictures)}.")
    if array.dtype.kind not in "fiub":
        raise ValueError(f"Pictures are numbers, not {array.dtype}.")
    if array.dtype != np.float32:
        n, height, width, channels = array.shape
        what = f"{n:,} pictures of {height} × {width} pixels in {channels} channel(s)"
        memory.require(4 * array.size, what, "take fewer, or smaller ones")
    with np.errstate(over="ignore"):  # what is too large for single precision is told below
        batch = np.ascontiguousarray(array.transpose(0, 3, 1, 2), np.float32)
    if (top := _WHITE.get(array.dtype.newbyteorder("="))) is not None:
        batch /= top  # in place: a second copy may not fit
        return batch
    bad = np.logical_not(np.isfinite(batch).all(axis=(1, 2, 3)))
    if bad.any():
        raise ValueError(
            f"{int(bad.sum())} of {len(bad)} pictures have values that are not finite numbers; the "
            f"first is number {int(bad.argmax())}."
        )
    return batch


def brightest(batch: Batch) -> float:
    """The largest number of pictures, signs aside."""
    return float(max(batch.max(), -batch.min()))


def check_same(batch: Batch, shape: tuple[int, ...], top: float = 0.0) -> None:
    """Raise ``ValueError`` unless pictures have the (C, H, W) that was fitted, and its unit.

    ``top`` is the largest number of those, signs aside; with 0 the unit is not looked at.
    """
    if batch.shape[1:] != shape:
        ours, theirs = (f"{h} × {w} with {c} channel(s)" for c, h, w in (shape, batch.shape[1:]))
        raise ValueError(f"Pictures are {theirs}; it was fitted to pictures of {ours}.")
    if top and (reached := brightest(batch)) > _OTHER_UNIT * top:
        raise ValueError(
            f"Pictures reach {reached:g}; those it was fitted to reached {top:g}: give them in the "
            "same unit (bytes are divided by 255, other numbers are taken as they are)."
        )
