"""Scales of features, learned from the training pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data


class PathScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Every scattering path divided by its largest norm over the training pictures.

    Paths of the second order are much smaller than those of the first. Unlike a `StandardScaler`,
    this leaves the places of a path in proportion.

    Parameters
    ----------
    block : features of a path, its places, which follow one another; 1 scales each by itself.

    Attributes
    ----------
    scale_ : what each feature is divided by, (P,); 1 for a path that is zero in all pictures.

    Raises
    ------
    ValueError
        for a block that is no whole number above zero, or features that are no whole blocks.

    References
    ----------
    Bruna, Mallat, Invariant Scattering Convolution Networks, PAMI 35 (2013), section 4.1.
    """

    def __init__(self, block: int = 1) -> None:
        self.block = block

    def fit(self, X: ArrayLike, y: object = None) -> PathScaler:
        """Find the largest norms."""
        if not isinstance(self.block, int | np.integer) or self.block < 1:
            raise ValueError(f"block is a whole number above zero, not {self.block!r}.")
        rows: NDArray[Any] = validate_data(self, X, dtype=[np.float64, np.float32])
        if rows.shape[1] % self.block:
            raise ValueError(f"{rows.shape[1]} features are no whole blocks of {self.block}.")
        norms = np.linalg.norm(rows.reshape(len(rows), -1, self.block), axis=2).max(axis=0)
        self.scale_ = np.repeat(np.where(norms > 0, norms, 1), self.block)
        return self

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """The features (n, P) in their new scales, in their own precision."""
        check_is_fitted(self, "scale_")
        rows: NDArray[Any] = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return rows / self.scale_.astype(rows.dtype)
