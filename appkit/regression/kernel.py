"""Kernel ridge regression that chooses its width and ridge inside the training set."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, lapack
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, RegressorMixin

from appkit.regression.inputs import new_samples, training_data
from appkit.regression.metrics import checked_metric

Array = NDArray[np.float64]

_CHUNK = 2**22  # comparisons computed at once
# The search, in log₂ of the width (units of the data's own spread) and of the ridge.
_FIRST = list(product((1, 4, 7), (-24, -14, -4)))
_STEPS = ((2, 4), (1, 2))
_LIMITS = ((-8, 18), (-24, 12))  # a lower ridge lets the dual coefficients drown in rounding


class _Kernel(NamedTuple):
    """k(x, x') as a function of a width and of a comparison which does not depend on it."""

    compare: Callable[[Array, Array], Array]
    spread: Callable[[Array], float]  # of a sample's comparisons, as a width
    evaluate: Callable[[Array, float], Array]


def _median(comparisons: Array) -> float:
    positive = comparisons[comparisons > 0.0]
    return float(np.median(positive)) if positive.size else 1.0


KERNELS = {
    "laplacian": _Kernel(
        compare=lambda a, b: cdist(a, b, "cityblock"),
        spread=_median,
        evaluate=lambda distances, width: np.exp(distances / -width),
    ),
    "gaussian": _Kernel(
        compare=lambda a, b: cdist(a, b, "sqeuclidean"),
        spread=lambda squares: _median(squares) ** 0.5,
        evaluate=lambda squares, width: np.exp(squares / (-2.0 * width**2)),
    ),
    "polynomial": _Kernel(
        compare=lambda a, b: a @ b.T,
        spread=lambda products: float(np.diag(products).mean()) ** 0.5 or 1.0,
        evaluate=lambda products, width: (1.0 + products / width**2) ** 2,
    ),
}


class KernelRegression(RegressorMixin, BaseEstimator):
    """Kernel ridge regression on y − ȳ, its width and ridge chosen by leaving one sample out.

    f(x) = ȳ + Σ_i α_i k(x, x_i) with (K + λI) α = y − ȳ. The errors on left-out samples follow from
    one Cholesky factor without fitting again, e_G = [(K + λI)⁻¹]_GG⁻¹ α_G, and choose (σ, λ) on a
    log₂ grid: nine coarse points, then steps to the best neighbour until none is better, so that
    the search walks on where the best point lies at the border of what it has seen.

    A row of X may hold several copies of one sample side by side (`CoulombMatrix("random")`): they
    are trained on and left out together; the prediction is the mean over the copies.

    Parameters
    ----------
    kernel : "laplacian" exp(−‖x−x'‖₁/σ), "gaussian" exp(−‖x−x'‖²/2σ²) or
        "polynomial" (1 + ⟨x, x'⟩/σ²)²
    n_copies : copies in a row of X
    metric : "mae" or "rmse", the leave-one-out error to be least
    max_points : training points (samples × copies) of the final fit, whose kernel matrix takes
        8 max_points² bytes. Where all copies would be more, each sample trains with fewer; all
        are averaged in predictions.
    search_points : training points on which width and ridge are chosen, of evenly drawn samples

    Attributes
    ----------
    width_, ridge_ : σ in the features' unit, λ relative to the kernel's mean diagonal
    search_ : frame of the pairs tried: width, ridge, error
    at_limit_ : whether the choice lies at a limit of the search; not counting the least ridge,
        2⁻²⁴, which is where interpolation is best
    n_train_copies_ : copies of each sample that were trained on
    dual_coef_ : α, one for each training point; offset_ : ȳ

    Raises
    ------
    ValueError
        By `fit`: unknown names, a number of columns that is not a multiple of `n_copies`, fewer
        than two samples or more than `max_points`.

    References
    ----------
    Rupp et al., PRL 108, 058301 (2012); Hansen et al., JCTC 9, 3404 (2013).
    """

    def __init__(
        self,
        kernel: str = "laplacian",
        n_copies: int = 1,
        metric: str = "mae",
        max_points: int = 15_000,
        search_points: int = 2_000,
    ) -> None:
        self.kernel = kernel
        self.n_copies = n_copies
        self.metric = metric
        self.max_points = max_points
        self.search_points = search_points

    def fit(self, X: ArrayLike, y: ArrayLike) -> KernelRegression:
        """Choose width and ridge and fit, X (n, n_copies · P), y (n,)."""
        X, y = training_data(self, X, y)
        self._check(*X.shape)
        self.n_train_copies_ = min(self.n_copies, self.max_points // len(y))
        copies = X.reshape(len(y), self.n_copies, -1)[:, : self.n_train_copies_]
        self.offset_ = float(y.mean())
        self._choose(copies, y - self.offset_)
        self._points = copies.reshape(-1, copies.shape[2])
        matrix = np.empty((len(self._points),) * 2, order="F")
        for rows in _blocks(len(matrix), len(matrix)):
            matrix[rows] = self._against_training(self._points[rows])
        factor = cho_factor(_ridged(matrix, self.ridge_), lower=True, overwrite_a=True)
        self.dual_coef_ = cho_solve(factor, np.repeat(y - self.offset_, self.n_train_copies_))
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Predictions (n,), the mean over the copies in each row."""
        X = new_samples(self, X)
        points = X.reshape(len(X) * self.n_copies, -1)
        values = [
            self._against_training(points[rows]) @ self.dual_coef_
            for rows in _blocks(len(points), len(self._points))
        ]
        return self.offset_ + np.concatenate(values).reshape(len(X), -1).mean(axis=1)

    def _check(self, n_samples: int, n_columns: int) -> None:
        checked_metric(self.metric)
        if self.kernel not in KERNELS:
            raise ValueError(
                f"kernel {self.kernel!r} is unknown; choose among {', '.join(KERNELS)}."
            )
        if self.n_copies < 1 or n_columns % self.n_copies:
            raise ValueError(
                f"The {n_columns} columns of X cannot be split into n_copies = {self.n_copies} "
                "copies of equal length."
            )
        if n_samples < 2:
            raise ValueError(f"n_samples = {n_samples}: leaving one out needs two or more.")
        if n_samples > self.max_points:
            raise ValueError(
                f"{n_samples} samples are more than max_points = {self.max_points}: their kernel "
                f"matrix takes {8e-9 * n_samples**2:.1f} GB. Train on fewer, or raise max_points."
            )

    def _choose(self, copies: Array, y: Array) -> None:
        """Set width and ridge by leave-one-out on evenly drawn samples."""
        n = min(len(y), max(2, self.search_points // self.n_train_copies_))
        drawn = np.linspace(0, len(y) - 1, n).astype(int)
        left_out = _LeaveOneOut(KERNELS[self.kernel], copies[drawn], y[drawn], self.metric)
        tried = _search(left_out.error)
        step, exponent = min(tried, key=lambda point: tried[point])
        self.width_, self.ridge_ = left_out.width(step), 2.0**exponent
        self.at_limit_ = step in _LIMITS[0] or exponent == _LIMITS[1][1]
        self.search_ = pd.DataFrame(
            [(left_out.width(s), 2.0**e, error) for (s, e), error in tried.items()],
            columns=["width", "ridge", "error"],
        )

    def _against_training(self, points: Array) -> Array:
        kernel = KERNELS[self.kernel]
        return kernel.evaluate(kernel.compare(points, self._points), self.width_)


class _LeaveOneOut:
    """Errors of the samples' predictions when each is left out with all its copies."""

    def __init__(self, kernel: _Kernel, copies: Array, y: Array, metric: str) -> None:
        points = copies.reshape(-1, copies.shape[2])
        self._kernel = kernel
        self._metric = checked_metric(metric)
        self._n_copies = copies.shape[1]
        self._targets = np.repeat(y, self._n_copies)
        self._comparisons = kernel.compare(points, points)
        self._spread = kernel.spread(self._comparisons)

    def width(self, step: int) -> float:
        return self._spread * 2.0**step

    def error(self, step: int, exponent: int) -> float:
        matrix = self._kernel.evaluate(self._comparisons, self.width(step))
        try:  # symmetric, so its transpose is the same matrix in the column order LAPACK wants
            factor, lower = cho_factor(
                _ridged(matrix.T, 2.0**exponent), lower=True, overwrite_a=True
            )
        except LinAlgError:  # rounding made the matrix indefinite: too small a ridge
            return np.inf
        dual = cho_solve((factor, lower), self._targets).reshape(-1, self._n_copies)
        inverse, _ = lapack.dpotri(factor, lower=lower, overwrite_c=True)
        blocks = _diagonal_blocks(inverse, self._n_copies)
        errors = np.linalg.solve(blocks, dual[:, :, None]).mean(axis=(1, 2))
        return float(self._metric(errors))


def _search(error: Callable[[int, int], float]) -> dict[tuple[int, int], float]:
    """All points tried on the way to a point that no neighbour betters, with their errors."""
    tried = {point: error(*point) for point in _FIRST}
    for stride in _STEPS:
        centre = None
        best = min(tried, key=lambda point: tried[point])
        while best != centre:
            centre = best
            for point in _neighbours(centre, stride):
                if point not in tried:
                    tried[point] = error(*point)
            best = min(tried, key=lambda point: tried[point])
    return tried


def _neighbours(centre: tuple[int, int], stride: tuple[int, int]) -> list[tuple[int, int]]:
    axes = [
        [value for value in (c - s, c, c + s) if low <= value <= high]
        for c, s, (low, high) in zip(centre, stride, _LIMITS, strict=True)
    ]
    return [(step, exponent) for step, exponent in product(*axes)]


def _ridged(matrix: Array, ridge: float) -> Array:
    """K + λ mean(diag K) I, in place."""
    diagonal = np.einsum("ii->i", matrix)
    diagonal += ridge * diagonal.mean()
    return matrix


def _blocks(n_rows: int, n_columns: int) -> list[slice]:
    """Slices of rows, each of about `_CHUNK` entries."""
    size = max(1, _CHUNK // n_columns)
    return [slice(i, i + size) for i in range(0, n_rows, size)]


def _diagonal_blocks(lower: Array, size: int) -> Array:
    """The (size, size) blocks along the diagonal of a symmetric matrix given by its lower part."""
    each = np.arange(len(lower)).reshape(-1, size)
    blocks = np.tril(lower[each[:, :, None], each[:, None, :]])
    return blocks + np.tril(blocks, -1).transpose(0, 2, 1)
