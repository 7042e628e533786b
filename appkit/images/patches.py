"""Patches of pictures, their whitening, and dictionaries of random ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from appkit.images.pictures import Batch

Array = NDArray[np.float32]
#: Pictures whose patches are in memory at once.
_CHUNK = 64


def check_size(size: int, shape: tuple[int, ...]) -> None:
    """Raise ``ValueError`` unless patches of ``size`` pixels fit into pictures (C, H, W)."""
    if not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 1:
        raise ValueError(f"A patch has a whole number of pixels from 1 up, not {size!r}.")
    if size > min(shape[1:]):
        raise ValueError(
            f"Patches of {size} × {size} pixels do not fit into pictures of {shape[1]} × "
            f"{shape[2]}: take at most {min(shape[1:])}."
        )


def extract_patches(batch: Batch, size: int) -> Array:
    """All patches, one for each position of stride 1: ``(n, positions, C · size²)``.

    Positions run along rows; a patch is ordered by channel, row, column, as torch's filters are.
    """
    check_size(size, batch.shape[1:])
    windows = np.lib.stride_tricks.sliding_window_view(batch, (size, size), axis=(2, 3))
    n, channels, rows, columns = windows.shape[:4]
    ordered = windows.transpose(0, 2, 3, 1, 4, 5)
    return np.ascontiguousarray(ordered).reshape(n, rows * columns, channels * size * size)


def covariance(batch: Batch, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (d,) and covariance (d, d) of all patches of all pictures, in double precision."""
    check_size(size, batch.shape[1:])
    d = batch.shape[1] * size * size
    total, products, count = np.zeros(d), np.zeros((d, d)), 0
    # About a common middle, so that the products of single precision lose nothing.
    middle = np.float32(batch[:: max(1, len(batch) // 256)].mean())
    for start in range(0, len(batch), _CHUNK):
        patches = extract_patches(batch[start : start + _CHUNK], size).reshape(-1, d) - middle
        part = torch.from_numpy(patches)
        total += part.sum(0, dtype=torch.float64).numpy()
        products += (part.T @ part).numpy()
        count += len(patches)
    mean = total / count
    return mean + middle, products / count - np.outer(mean, mean)


@dataclass(frozen=True, eq=False)
class Whitening:
    """p ↦ (Λ + λ)^{−1/2} Vᵀ p, after which the Mahalanobis distance is the Euclidean one.

    Attributes
    ----------
    values, vectors : Λ (d,), ascending, and V (d, d) in columns, of the patches' covariance.
    regularisation : λ, in the square of the pictures' unit.
    """

    values: NDArray[np.float64]
    vectors: NDArray[np.float64]
    regularisation: float

    @classmethod
    def of(cls, covariance: NDArray[np.float64], regularisation: float = 1e-3) -> Whitening:
        """Of a covariance (d, d).

        Raises
        ------
        ValueError
            for a regularisation that is not a number from 0 up, or 0 where some direction of the
            patches never varies.
        """
        if not (np.isfinite(regularisation) and regularisation >= 0):
            raise ValueError(f"The regularisation is a number from 0 up, not {regularisation}.")
        values, vectors = np.linalg.eigh(covariance)
        values = np.maximum(values, 0.0)
        if values[0] + regularisation <= 1e-12 * max(values[-1], 1e-12):
            raise ValueError(
                "Some direction of the patches never varies (flat pictures?), so that they cannot "
                "be whitened without a regularisation: take one above 0, such as 1e-3."
            )
        return cls(values, vectors, float(regularisation))

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The symmetric W² = V (Λ + λ)⁻¹ Vᵀ, (d, d): the distance is (p − d)ᵀ W² (p − d)."""
        return (self.vectors / (self.values + self.regularisation)) @ self.vectors.T

    def apply(self, patches: Array) -> Array:
        """Whitened patches (…, d)."""
        scale = 1 / np.sqrt(self.values + self.regularisation)
        return patches @ (self.vectors * scale).astype(np.float32)


def draw_patches(batch: Batch, size: int, n: int, seed: int = 0) -> Array:
    """``n`` different patches (n, d) at random positions of random pictures.

    Those of a smaller ``n`` come first in a larger one.

    Raises
    ------
    ValueError
        where the pictures have fewer different patches.
    """
    return draw_sources(batch, size, n, seed)[0]


def draw_sources(batch: Batch, size: int, n: int, seed: int = 0) -> tuple[Array, NDArray[np.intp]]:
    """The patches of `draw_patches`, and where each was cut: picture, row and column, (n, 3).

    Of equal patches it is the place that was drawn first.
    """
    check_size(size, batch.shape[1:])
    if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 1:
        raise ValueError(f"A dictionary has a whole number of patches from 1 up, not {n!r}.")
    random = np.random.default_rng(seed)
    rows, columns = batch.shape[2] - size + 1, batch.shape[3] - size + 1
    there = len(batch) * rows * columns
    found: dict[bytes, tuple[Array, tuple[int, int, int]]] = {}
    for place in _places(random, there, n):
        picture, position = divmod(place, rows * columns)
        y, x = divmod(position, columns)
        patch = batch[picture, :, y : y + size, x : x + size].reshape(-1)
        found.setdefault(patch.tobytes(), (patch, (picture, y, x)))
        if len(found) == n:
            patches, places = zip(*found.values(), strict=True)
            return np.stack(patches), np.array(places)
    raise ValueError(
        f"The pictures have {len(found):,} different patches of {size} × {size} pixels, fewer than "
        f"the {n:,} of the dictionary: take fewer patches, or more pictures."
    )


def _places(random: np.random.Generator, there: int, n: int):
    """Places without end of repetition: few of very many, or all of few in a random order."""
    if there <= 10_000_000:
        yield from random.permutation(there).tolist()
        return
    for _ in range(20):
        yield from random.integers(there, size=n).tolist()
