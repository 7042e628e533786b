"""Orthogonal least squares: a sparse linear model whose terms are selected greedily."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve_triangular
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning

from appkit.regression.inputs import new_samples, training_data
from appkit.regression.metrics import path_errors
from appkit.regression.pursuit import Array, GreedyPath, greedy_paths, unit_columns

_STOPS = {
    "collinear": "every remaining column is zero or a combination of the selected ones",
    "residual": "the target is already reproduced to rounding error",
}


class OrthogonalLeastSquares(RegressorMixin, BaseEstimator):
    """Sparse regression f_M(x) = Σ_m w_m φ_{k_m}(x), greedily selected, without intercept.

    Columns are normalised over the training set. At each step the column whose part orthogonal to
    the selected ones is most correlated with the residual joins the model: it is the column that
    lowers the squared error most.

    Parameters
    ----------
    n_terms : int or None
        Number M of terms. None: as many as there are independent columns.

    Attributes
    ----------
    selected_ : (M,) columns in the order of selection
    coef_ : (P,) coefficients of the raw columns, zero where not selected
    weights_ : (M,) coefficients w̃_m in the orthonormal basis
    train_error_path_ : (M,) training RMSE with 1 … M terms
    n_terms_ : the number of terms selected; below `n_terms` when the path ended early
    stop_ : "n_terms", "collinear" (no independent column left) or "residual" (target reproduced)

    Notes
    -----
    A ConvergenceWarning says when fewer terms than asked for exist. `fit` raises ValueError when
    `n_terms` is above the number of training samples or of columns.

    References
    ----------
    Hirn, Mallat, Poilvert, Multiscale Model. Simul. 15, 827 (2017), section 3.2.
    """

    def __init__(self, n_terms: int | None = None) -> None:
        self.n_terms = n_terms

    def fit(self, X: ArrayLike, y: ArrayLike) -> OrthogonalLeastSquares:
        """Select the terms on X (n, P), y (n,)."""
        X, y = training_data(self, X, y)
        n_terms = checked_n_terms(self.n_terms, *X.shape)
        columns, norms = unit_columns(X)
        self._path = greedy_paths(columns, y, n_terms)[0]
        self._norms = norms[self._path.selected]
        self.selected_ = self._path.selected
        self.n_terms_ = len(self.selected_)
        self.weights_ = self._path.weights
        self.train_error_path_ = self._path.residual_norms / np.sqrt(len(y))
        self.stop_ = self._path.stop
        self.coef_ = np.zeros(X.shape[1])
        self.coef_[self.selected_] = path_coefficients(self._path, self.n_terms_) / self._norms
        if self.n_terms is not None and self.n_terms_ < n_terms:
            warnings.warn(
                f"{self.n_terms_} of the {n_terms} terms asked for were selected: "
                f"{_STOPS[self.stop_]}.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Predictions (n,) of the model with all its terms."""
        X = new_samples(self, X)
        return X[:, self.selected_] @ self.coef_[self.selected_]

    def predict_path(self, X: ArrayLike) -> Array:
        """Predictions (n, M) of the models with 1 … M terms, in one pass.

        f_m = Σ_{i≤m} w̃_i t_i, where T = X_selected R⁻¹ are the orthonormal basis's functions.
        """
        X = new_samples(self, X)
        return path_predictions(self._path, X[:, self.selected_] / self._norms)

    def error_path(self, X: ArrayLike, y: ArrayLike, metric: str = "rmse") -> Array:
        """Error (M,) of the models with 1 … M terms on X, y; `metric` is "rmse" or "mae"."""
        return path_errors(np.asarray(y, dtype=np.float64), self.predict_path(X), metric)


def checked_n_terms(n_terms: Any, n_samples: int, n_columns: int) -> int:
    """The length of the path asked for; ValueError where samples or columns do not suffice."""
    if n_terms is None:
        return min(n_samples, n_columns)
    if isinstance(n_terms, bool) or not isinstance(n_terms, int | np.integer) or n_terms < 1:
        raise ValueError(f"n_terms must be a positive whole number or None, not {n_terms!r}.")
    if n_terms > n_samples:
        raise ValueError(
            f"n_terms = {n_terms} is more than the {n_samples} training samples: "
            f"choose at most {min(n_samples, n_columns)} terms."
        )
    if n_terms > n_columns:
        raise ValueError(
            f"n_terms = {n_terms} is more than the {n_columns} columns of the dictionary: "
            f"choose at most {min(n_samples, n_columns)} terms."
        )
    return int(n_terms)


def path_coefficients(path: GreedyPath, n_terms: int) -> Array:
    """Coefficients (n_terms,) of the unit columns in the model with `n_terms` terms."""
    if n_terms == 0:
        return np.zeros(0)
    return solve_triangular(path.triangle[:n_terms, :n_terms], path.weights[:n_terms])


def path_predictions(path: GreedyPath, selected: Array) -> Array:
    """Predictions (n, M) of every model on the path from the scaled selected columns (n, M)."""
    if len(path.weights) == 0:
        return np.zeros((len(selected), 0))
    basis: NDArray[np.float64] = solve_triangular(path.triangle, selected.T, trans="T").T
    return np.cumsum(basis * path.weights, axis=1)
