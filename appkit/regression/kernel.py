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

MAX_BYTES = 2**31  # of one kernel matrix; the search holds about four
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
    are trained on, left out and predicted together; the prediction is the mean over the copies.

    Parameters
    ----------
    kernel : "laplacian" exp(−‖x−x'‖₁/σ), "gaussian" exp(−‖x−x'‖²/2σ²) or
        "polynomial" (1 + ⟨x, x'⟩/σ²)²
    n_copies : copies in a row of X
    copies : "separate": each copy is a training point (as published); "averaged": the kernel of
        two samples is the mean over their copies' kernels, a matrix n_copies² times smaller
    metric : "mae" or "rmse", the leave-one-out error to be least

    Attributes
    ----------
    width_, ridge_ : σ in the features' unit, λ relative to the kernel's mean diagonal
    search_ : frame of the pairs tried: width, ridge, error
    at_limit_ : whether the choice lies at a limit of the search; not counting the least ridge,
        2⁻²⁴, which is where interpolation is best
    dual_coef_ : α, one for each training point; offset_ : ȳ

    Raises
    ------
    ValueError
        By `fit`: unknown names, a number of columns that is not a multiple of `n_copies`, fewer
        than two samples, or kernel matrices above 2 GiB.

    References
    ----------
    Rupp et al., PRL 108, 058301 (2012); Hansen et al., JCTC 9, 3404 (2013).
    """

    def __init__(
        self,
        kernel: str = "laplacian",
        n_copies: int = 1,
        copies: str = "separate",
        metric: str = "mae",
    ) -> None:
        self.kernel = kernel
        self.n_copies = n_copies
        self.copies = copies
        self.metric = metric

    def fit(self, X: ArrayLike, y: ArrayLike) -> KernelRegression:
        """Choose width and ridge and fit, X (n, n_copies · P), y (n,)."""
        X, y = training_data(self, X, y)
        self._check(*X.shape)
        self._points = _unfolded(X, self.n_copies)
        self.offset_ = float(y.mean())
        self._targets = np.repeat(y - self.offset_, self._group)
        self._matrices = _KernelMatrices(KERNELS[self.kernel], self._points, self._pool)
        tried = _search(self._leave_one_out)
        (step, exponent), _ = min(tried.items(), key=lambda item: item[1])
        self.width_, self.ridge_ = self._matrices.width(step), 2.0**exponent
        self.at_limit_ = step in _LIMITS[0] or exponent == _LIMITS[1][1]
        self.search_ = pd.DataFrame(
            [(self._matrices.width(s), 2.0**e, error) for (s, e), error in tried.items()],
            columns=["width", "ridge", "error"],
        )
        factor = cho_factor(self._matrices.ridged(step, self.ridge_), overwrite_a=True)
        self.dual_coef_ = cho_solve(factor, self._targets)
        del self._matrices, self._targets
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Predictions (n,), the mean over the copies in each row."""
        X = new_samples(self, X)
        kernel = KERNELS[self.kernel]
        weights = np.repeat(self.dual_coef_, self._pool) / self._pool
        points = _unfolded(X, self.n_copies)
        rows = max(1, _CHUNK // len(self._points))
        values = [
            kernel.evaluate(kernel.compare(points[i : i + rows], self._points), self.width_)
            @ weights
            for i in range(0, len(points), rows)
        ]
        return self.offset_ + np.concatenate(values).reshape(len(X), -1).mean(axis=1)

    @property
    def _pool(self) -> int:
        """Copies that share one dual coefficient."""
        return self.n_copies if self.copies == "averaged" else 1

    @property
    def _group(self) -> int:
        """Training points left out together."""
        return self.n_copies if self.copies == "separate" else 1

    def _check(self, n_samples: int, n_columns: int) -> None:
        checked_metric(self.metric)
        for name, known in (("kernel", KERNELS), ("copies", ("separate", "averaged"))):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} {getattr(self, name)!r} is unknown; choose among {', '.join(known)}."
                )
        if self.n_copies < 1 or n_columns % self.n_copies:
            raise ValueError(
                f"The {n_columns} columns of X cannot be split into n_copies = {self.n_copies} "
                "copies of equal length."
            )
        if n_samples < 2:
            raise ValueError(f"n_samples = {n_samples}: leaving one out needs two or more.")
        n_points = n_samples * self._group
        if 8 * n_points**2 > MAX_BYTES:
            raise ValueError(
                f"A kernel matrix of {n_points} training points takes {8e-9 * n_points**2:.1f} GB, "
                f"more than {1e-9 * MAX_BYTES:.1f} GB: use fewer samples or copies"
                + (', or copies="averaged".' if self._group > 1 else ".")
            )

    def _leave_one_out(self, step: int, exponent: int) -> float:
        """Error of the samples' predictions when each is left out with all its copies."""
        try:
            factor, lower = cho_factor(
                self._matrices.ridged(step, 2.0**exponent), lower=True, overwrite_a=True
            )
        except LinAlgError:  # rounding made the matrix indefinite: too small a ridge
            return np.inf
        dual = cho_solve((factor, lower), self._targets).reshape(-1, self._group)
        inverse, _ = lapack.dpotri(factor, lower=lower, overwrite_c=True)
        blocks = _diagonal_blocks(inverse, self._group)
        errors = np.linalg.solve(blocks, dual[:, :, None]).mean(axis=(1, 2))
        return float(checked_metric(self.metric)(errors))


class _KernelMatrices:
    """Kernel matrices of the training points for widths 2^step times the data's spread."""

    def __init__(self, kernel: _Kernel, points: Array, pool: int) -> None:
        self._kernel = kernel
        self._points = points
        self._pool = pool
        sample = points[:: max(1, len(points) // 1000)]
        self._spread = kernel.spread(kernel.compare(sample, sample))
        keep = 8 * len(points) ** 2 <= MAX_BYTES
        self._comparisons = kernel.compare(points, points) if keep else None
        self._last: tuple[int, Array] | None = None

    def width(self, step: int) -> float:
        return self._spread * 2.0**step

    def ridged(self, step: int, ridge: float) -> Array:
        """K + λ mean(diag K) I in column-major order, pooled over copies."""
        if self._last is None or self._last[0] != step:
            self._last = (step, self._pooled(self.width(step)))
        matrix = self._last[1].copy(order="F")
        diagonal = np.einsum("ii->i", matrix)
        diagonal += ridge * diagonal.mean()
        return matrix

    def _pooled(self, width: float) -> Array:
        if self._pool == 1 and self._comparisons is not None:
            return self._kernel.evaluate(self._comparisons, width)
        n = len(self._points) // self._pool
        pooled = np.empty((n, n))
        rows = max(1, _CHUNK // (len(self._points) * self._pool))
        for i in range(0, n, rows):
            part = slice(i * self._pool, (i + rows) * self._pool)
            values = self._kernel.evaluate(self._compared(part), width)
            pooled[i : i + rows] = values.reshape(-1, self._pool, n, self._pool).mean(axis=(1, 3))
        return pooled

    def _compared(self, part: slice) -> Array:
        if self._comparisons is not None:
            return self._comparisons[part]
        return self._kernel.compare(self._points[part], self._points)


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


def _unfolded(X: Array, n_copies: int) -> Array:
    """(n, n_copies · P) -> (n · n_copies, P), a sample's copies one after the other."""
    return np.ascontiguousarray(X.reshape(len(X) * n_copies, -1))


def _diagonal_blocks(lower: Array, size: int) -> Array:
    """The (size, size) blocks along the diagonal of a symmetric matrix given by its lower part."""
    each = np.arange(len(lower)).reshape(-1, size)
    blocks = np.tril(lower[each[:, :, None], each[:, None, :]])
    return blocks + np.tril(blocks, -1).transpose(0, 2, 1)
