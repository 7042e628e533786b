"""What every estimator here accepts: finite float64 matrices, checked by scikit-learn."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

Array = NDArray[np.float64]


def training_data(estimator: BaseEstimator, X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """X (n, P) and y (n,) as float64; ValueError for NaN, infinities and shapes that differ."""
    X, y = validate_data(estimator, X, y, dtype=np.float64, y_numeric=True)
    return np.asarray(X), np.asarray(y, dtype=np.float64)


def new_samples(estimator: BaseEstimator, X: ArrayLike) -> Array:
    """X (n, P) for a fitted estimator; ValueError where P differs from the training data's."""
    check_is_fitted(estimator)
    return np.asarray(validate_data(estimator, X, dtype=np.float64, reset=False))
