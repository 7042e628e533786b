"""Bagged orthogonal least squares: the number of terms is chosen on samples left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import qr, solve_triangular
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state

from appkit.regression.inputs import new_samples, training_data
from appkit.regression.metrics import METRICS, checked_metric, path_errors
from appkit.regression.ols import path_predictions
from appkit.regression.pursuit import Array, GreedyPath, greedy_paths, unit_columns


class BaggedOLS(RegressorMixin, BaseEstimator):
    """Average of orthogonal least squares models, each of a length chosen on its own left-outs.

    For each bag: draw `fraction` of the training samples uniformly without replacement, select up
    to `max_terms` terms on them, choose the number M of terms with the least error on the samples
    left out, fit those M terms again on all training samples. The predictions are averaged.

    MAE and RMSE choose M separately; the greedy paths serve both, so a fitted model predicts for
    either: ``predict(X, metric="mae")``.

    Parameters
    ----------
    n_bags : number of bags; they share one pass over the dictionary
    fraction : share of the training samples in a bag, in (0, 1)
    max_terms : M₀, the longest path; capped by a bag's size and by the number of columns
    metric : "mae" or "rmse", what `predict` has by default
    random_state : seed of the draws

    Attributes
    ----------
    n_terms_ : (n_bags,) numbers of terms chosen for `metric`
    n_terms_by_metric_ : dict of such arrays for "mae" and "rmse"
    selected_ : list of arrays, the columns each bag selected, in order, up to the longest M
    coef_ : (P,) coefficients of the averaged model for `metric`
    coef_by_metric_ : dict of such arrays
    validation_paths_ : dict of lists of arrays, error on the left-outs with 1 … M₀ terms

    References
    ----------
    Hirn, Mallat, Poilvert, Multiscale Model. Simul. 15, 827 (2017), section 5
    (10 bags, M₀ = 2⁹ + 2⁷, fraction 0.9 for QM7-2D and 0.8 for QM2D).
    """

    def __init__(
        self,
        n_bags: int = 10,
        fraction: float = 0.9,
        max_terms: int = 640,
        metric: str = "mae",
        random_state: Any = 0,
    ) -> None:
        self.n_bags = n_bags
        self.fraction = fraction
        self.max_terms = max_terms
        self.metric = metric
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> BaggedOLS:
        """Select, choose and fit again on X (n, P), y (n,)."""
        X, y = training_data(self, X, y)
        self._check_parameters(len(y))
        bags = self._draw(len(y))
        columns, norms = unit_columns(X)
        paths = greedy_paths(columns, y, self.max_terms, bags)
        left_out = [np.setdiff1d(np.arange(len(y)), bag, assume_unique=True) for bag in bags]
        self.validation_paths_ = {
            metric: [
                path_errors(
                    y[out], path_predictions(path, columns[path.selected][:, out].T), metric
                )
                for path, out in zip(paths, left_out, strict=True)
            ]
            for metric in METRICS
        }
        self.n_terms_by_metric_ = {
            metric: np.array([_shortest_best(errors) for errors in paths_errors])
            for metric, paths_errors in self.validation_paths_.items()
        }
        self._average(columns, norms, y, paths)
        self.n_terms_ = self.n_terms_by_metric_[self.metric]
        self.coef_ = self.coef_by_metric_[self.metric]
        return self

    def predict(self, X: ArrayLike, metric: str | None = None) -> Array:
        """Averaged predictions (n,), with the terms chosen for `metric` (default: the model's)."""
        X = new_samples(self, X)
        checked_metric(metric or self.metric)
        return X @ self.coef_by_metric_[metric or self.metric]

    def _check_parameters(self, n_samples: int) -> None:
        checked_metric(self.metric)
        if not 0.0 < self.fraction < 1.0:
            raise ValueError(
                f"fraction = {self.fraction} must lie between 0 and 1: "
                "some samples are left out to choose the number of terms."
            )
        for name in ("n_bags", "max_terms"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}.")
        if n_samples < 2:
            raise ValueError(f"n_samples = {n_samples}: a bag and its left-outs need two or more.")

    def _draw(self, n_samples: int) -> list[NDArray[np.intp]]:
        size = int(np.clip(round(self.fraction * n_samples), 1, n_samples - 1))
        random = check_random_state(self.random_state)
        return [np.sort(random.permutation(n_samples)[:size]) for _ in range(self.n_bags)]

    def _average(self, columns: Array, norms: Array, y: Array, paths: Sequence[GreedyPath]) -> None:
        longest = np.max(list(self.n_terms_by_metric_.values()), axis=0)
        self.selected_ = [path.selected[:m] for path, m in zip(paths, longest, strict=True)]
        self.coef_by_metric_ = {metric: np.zeros(len(columns)) for metric in METRICS}
        for bag, selected in enumerate(self.selected_):
            triangle, weights = _project(columns[selected].T, y)
            for metric, coef in self.coef_by_metric_.items():
                m = self.n_terms_by_metric_[metric][bag]
                fitted = solve_triangular(triangle[:m, :m], weights[:m]) if m else np.zeros(0)
                coef[selected[:m]] += fitted / norms[selected[:m]] / len(paths)


def _shortest_best(errors: Array) -> int:
    """The number of terms with the least error; 0 where nothing could be selected."""
    return int(np.argmin(errors)) + 1 if len(errors) else 0


def _project(selected: Array, y: Array) -> tuple[Array, Array]:
    """R and Qᵀy of the columns (n, M) = Q R; their leading parts fit the first terms alone."""
    if selected.shape[1] == 0:
        return np.zeros((0, 0)), np.zeros(0)
    basis, triangle = qr(selected, mode="economic", check_finite=False)
    return triangle, basis.T @ y
