"""How many dimensions the patches of pictures fill, beside the numbers that they have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.neighbors import NearestNeighbors

from appkit.images.patches import Whitening, covariance, draw_patches, extract_patches
from appkit.images.pictures import Batch, as_batch

Array = NDArray[np.float64]
#: Pictures whose patches are in memory at once.
_CHUNK = 16


def covariance_dimension(values: ArrayLike, threshold: float = 0.05) -> int:
    """The fewest directions whose variances make up all but ``threshold`` of the whole.

    Of the eigenvalues (d,) of a covariance, in any order; 0 where nothing varies. With t for the
    threshold, #{i : Σ_{j ≤ i} λ_j ≤ (1 − t) Σ λ} + 1 of the descending λ, at most d.

    Reference: Thiry et al., ICLR 2021, section 4.2, which counts one less.
    """
    if not 0 < threshold < 1:
        raise ValueError(f"The threshold is a share between 0 and 1, not {threshold}.")
    ordered = np.sort(np.maximum(np.asarray(values, float), 0))[::-1]
    total = ordered.sum()
    if total == 0:
        return 0
    return min(
        int((np.cumsum(ordered) < (1 - threshold) * total * (1 - 1e-12)).sum()) + 1, len(ordered)
    )


def neighbour_dimension(points: ArrayLike, k: int, k_min: int = 1) -> float:
    """Levina and Bickel's maximum likelihood of the dimension of a cloud of points (n, d).

    From the distances τ_1 ≤ … ≤ τ_k of each point's neighbours,
    d̂ = [1/(k − 1) Σ_{j < k} ln(τ_k / τ_j)]⁻¹, averaged over the points; only j ≥ ``k_min`` are
    taken, since the nearest of all are the most disturbed by noise. Points that coincide are one.

    Raises
    ------
    ValueError
        for fewer points than k + 1, or k_min not below k.

    References
    ----------
    E. Levina, P. Bickel, NeurIPS 17 (2004), equation 8.
    """
    cloud = np.unique(np.asarray(points, float), axis=0)
    if not 1 <= k_min < k:
        raise ValueError(f"k_min = {k_min} must be at least 1 and below k = {k}.")
    if len(cloud) <= k:
        raise ValueError(
            f"{k} neighbours of each point need more than {k} different points, not {len(cloud)}: "
            "take a smaller k or more pictures."
        )
    distances = NearestNeighbors(n_neighbors=k).fit(cloud).kneighbors()[0]
    return _likeliest(distances, k_min)


def _likeliest(distances: Array, k_min: int) -> float:
    """d̂ from the distances (n, k) of each point's neighbours, ascending."""
    ratios = np.log(distances[:, -1:] / distances[:, k_min - 1 : -1])
    means = ratios.mean(axis=1)
    return float(np.mean(1 / means[means > 0]))


def nearest_distances(
    points: ArrayLike,
    batch: Batch,
    size: int,
    k: int,
    of: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> Array:
    """Distances of points to the k nearest of all patches of all pictures, (n, k), ascending.

    Patches that coincide with a point, itself among them, are passed over.

    Parameters
    ----------
    points : (n, d), what ``of`` makes of some patches.
    batch, size : pictures (n, C, H, W), and P.
    k : neighbours.
    of : of patches (m, C·P²) the vectors (m, d) whose distances are meant.

    Raises
    ------
    ValueError
        for pictures with no more than k patches that differ from a point.
    """
    own = np.ascontiguousarray(points, np.float32)
    norms = (own**2).sum(axis=1)
    near = np.full((len(own), k), np.inf, np.float32)
    for start in range(0, len(batch), _CHUNK):
        patches = extract_patches(batch[start : start + _CHUNK], size)
        others = of(patches.reshape(-1, patches.shape[2]))
        squares = own @ (-2 * others.T)
        squares += norms[:, None] + (others**2).sum(axis=1)
        for row, found, norm in zip(squares, near, norms, strict=True):
            closer = row[row < found[-1]]
            closer = closer[closer > 1e-6 * max(norm, 1e-12)]  # the rounding of what coincides
            if len(closer):
                found[:] = np.partition(np.concatenate([found, closer]), k - 1)[:k]
    if not np.isfinite(near).all():
        raise ValueError(
            f"The pictures have fewer than {k:,} patches of {size} × {size} pixels that differ "
            "from each point: take a smaller k or more pictures."
        )
    return np.sqrt(np.sort(near, axis=1).astype(float))


@dataclass(frozen=True, eq=False)
class PatchDimensions:
    """Dimensions of the P × P patches of pictures.

    Attributes
    ----------
    extrinsic : C · P², the numbers of a patch.
    spectrum, whitened_spectrum : variances (d,), descending, before and after (Λ + λ)^{−1/2}.
    covariance, whitened_covariance : directions with 95% of the variance.
    neighbours, whitened_neighbours : of the cloud of patches by Levina and Bickel.
    """

    extrinsic: int
    spectrum: Array
    whitened_spectrum: Array
    covariance: int
    whitened_covariance: int
    neighbours: float
    whitened_neighbours: float

    @classmethod
    def of(
        cls,
        pictures: ArrayLike,
        size: int,
        *,
        regularisation: float = 1e-3,
        threshold: float = 0.05,
        n_patches: int = 5000,
        k: int | None = None,
        unit: bool = False,
        among: str = "drawn",
        seed: int = 0,
    ) -> PatchDimensions:
        """Of the patches of pictures (n, H, W[, C]).

        Parameters
        ----------
        size : P.
        regularisation : λ of the whitening, in the square of the pictures' unit.
        threshold : share of the variance that is left out.
        n_patches : patches of the cloud whose neighbours are measured.
        k : neighbours; None is the paper's 4 · extrinsic, at most a tenth of the patches, among
            those drawn, and one for 25 pictures, at least 20, among all.
        unit : whether whitened patches are given the norm 1 first.
        among : "drawn", where a patch has its neighbours among the ``n_patches``, the 10 nearest
            left out; or "all", among all patches of all pictures, as in the authors' code, there
            with k = 2,000 for 1,000 patches of CIFAR-10's. The scales differ, and with them the
            dimensions.
        seed : of the patches that are drawn.

        Raises
        ------
        ValueError
            for pictures with fewer different patches, another ``among``, a bad k.
        """
        if among not in ("drawn", "all"):
            raise ValueError(f"Neighbours are among the drawn or all patches, not {among!r}.")
        batch = as_batch(pictures)
        mean, matrix = covariance(batch, size)
        whitening = Whitening.of(matrix, regularisation)
        drawn = draw_patches(batch, size, n_patches, seed).astype(float) - mean

        def whitened_of(patches: NDArray[Any]) -> NDArray[Any]:
            white = patches @ (whitening.vectors * scales).astype(patches.dtype)
            if unit:
                white /= np.maximum(np.linalg.norm(white, axis=1, keepdims=True), 1e-12)
            return white

        scales = 1 / np.sqrt(whitening.values + regularisation)
        spectrum = whitening.values[::-1]
        whitened = spectrum / (spectrum + regularisation)
        extrinsic = len(spectrum)
        if among == "all":
            near = max(20, len(batch) // 25) if k is None else k
            centre = mean.astype(np.float32)
            neighbours, whitened_neighbours = (
                _likeliest(nearest_distances(of(drawn), batch, size, near, each), 1)
                for of, each in (
                    (lambda patches: patches, lambda patches: patches - centre),
                    (whitened_of, lambda patches: whitened_of(patches - centre)),
                )
            )
        else:
            near = min(4 * extrinsic, n_patches // 10) if k is None else k
            neighbours, whitened_neighbours = (
                neighbour_dimension(cloud, near, min(10, near - 1))
                for cloud in (drawn, whitened_of(drawn))
            )
        return cls(
            extrinsic,
            spectrum,
            whitened,
            covariance_dimension(spectrum, threshold),
            covariance_dimension(whitened, threshold),
            neighbours,
            whitened_neighbours,
        )
