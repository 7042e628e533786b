"""How many dimensions the patches of pictures fill, beside the numbers that they have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.neighbors import NearestNeighbors

from appkit.images.patches import Whitening, covariance, draw_patches
from appkit.images.pictures import as_batch

Array = NDArray[np.float64]


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
    ratios = np.log(distances[:, -1:] / distances[:, k_min - 1 : -1])
    means = ratios.mean(axis=1)
    return float(np.mean(1 / means[means > 0]))


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
        seed: int = 0,
    ) -> PatchDimensions:
        """Of the patches of pictures (n, H, W[, C]).

        Parameters
        ----------
        size : P.
        regularisation : λ of the whitening, in the square of the pictures' unit.
        threshold : share of the variance that is left out.
        n_patches : patches of the cloud whose neighbours are measured.
        k : neighbours; None is the paper's 4 · extrinsic, at most a tenth of the patches.
        unit : whether whitened patches are given the norm 1 first.
        seed : of the patches that are drawn.

        Raises
        ------
        ValueError
            for pictures with fewer different patches, and as `neighbour_dimension`.
        """
        batch = as_batch(pictures)
        mean, matrix = covariance(batch, size)
        whitening = Whitening.of(matrix, regularisation)
        drawn = draw_patches(batch, size, n_patches, seed).astype(float) - mean
        white = drawn @ (whitening.vectors / np.sqrt(whitening.values + regularisation))
        if unit:
            white = white / np.maximum(np.linalg.norm(white, axis=1, keepdims=True), 1e-12)
        spectrum = whitening.values[::-1]
        whitened = spectrum / (spectrum + regularisation)
        extrinsic = len(spectrum)
        near = min(4 * extrinsic, n_patches // 10) if k is None else k
        return cls(
            extrinsic,
            spectrum,
            whitened,
            covariance_dimension(spectrum, threshold),
            covariance_dimension(whitened, threshold),
            neighbour_dimension(drawn, near, min(10, near - 1)),
            neighbour_dimension(white, near, min(10, near - 1)),
        )
