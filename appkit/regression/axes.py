"""Principal axes of standardised columns, brought nearer to one another in width."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from appkit.regression.inputs import new_samples

Array = NDArray[np.float64]

_DEPENDENT = 1e-8  # of the largest variance along a principal axis; less is rounding


class ScaledAxes(TransformerMixin, BaseEstimator):
    """Components along the principal axes, divided by a power of the deviation along each.

    Invariants are nearly dependent: a few axes carry most of the variance, and what tells molecules
    apart lies along many narrow ones. Power 0 only turns the columns; 1 makes all axes equally wide
    (whitening), those of mere noise too; between them narrow axes gain weight.

    Parameters
    ----------
    power : from 0 to 1

    Attributes
    ----------
    axes_ : (P, P') what a sample is multiplied by, P' ≤ P where columns depend on each other
    mean_ : (P,)

    Raises
    ------
    ValueError
        By `fit`, for a power that is not between 0 and 1.
    """

    def __init__(self, power: float = 0.25) -> None:
        self.power = power

    def fit(self, X: ArrayLike, y: Any = None) -> ScaledAxes:
        """Find the axes of X (n, P)."""
        if not 0 <= self.power <= 1:
            raise ValueError(f"power must lie between 0 and 1, not {self.power}.")
        X = np.asarray(validate_data(self, X, dtype=np.float64))
        self.mean_ = X.mean(axis=0)
        self.axes_ = scaled_axes(X - self.mean_, self.power)
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Components (n, P'), of mean variance 1 over the training samples."""
        check_is_fitted(self)
        return (new_samples(self, X) - self.mean_) @ self.axes_


def scaled_axes(Z: Array, power: float) -> Array:
    """(P, P') from centred columns Z (n, P) onto principal axes over deviation^power.

    The components have mean variance 1; axes along which nothing varies are left out.
    """
    variances, axes = np.linalg.eigh(Z.T @ Z / len(Z))
    kept = variances > _DEPENDENT * max(variances[-1], np.finfo(float).tiny)
    variances, axes = variances[kept], axes[:, kept]
    if not len(variances):
        return axes
    return axes / variances ** (power / 2) / (variances ** (1 - power)).mean() ** 0.5
