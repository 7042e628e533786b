"""How far classes stand apart, against how wide each of them is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cho_factor, cho_solve
from sklearn.utils.validation import check_array, check_consistent_length


@dataclass(frozen=True)
class Separation:
    """Spread of labelled vectors within their classes and between their means.

    With Σ_W the mean covariance of a class and Σ_B the covariance of the classes' means, both
    weighted by the classes' shares.

    Attributes
    ----------
    within, between : traces of Σ_W and Σ_B, in the squared unit of the vectors.
    fisher : Tr((Σ_W + ε Tr(Σ_W)/P · 1)⁻¹ Σ_B). Grows with the number of dimensions, and is too
        large where there are few vectors for them.

    References
    ----------
    Zarka, Guth, Mallat, Separation and Concentration in Deep Networks, ICLR 2021, arXiv:2012.10424.
    """

    within: float
    between: float
    fisher: float

    @property
    def ratio(self) -> float:
        """Tr Σ_B / Tr Σ_W."""
        return self.between / self.within

    @classmethod
    def of(cls, X: ArrayLike, y: ArrayLike, regularisation: float = 1e-3) -> Separation:
        """Measured on vectors (n, P) and their labels (n,); ``regularisation`` is ε.

        Raises
        ------
        ValueError
            for vectors or labels that do not fit, a single class, classes without any spread, an ε
            that is negative, or zero where Σ_W has no inverse.
        """
        rows, labels = check_array(X, dtype=np.float64), np.asarray(y)
        check_consistent_length(rows, labels)
        if not (np.isfinite(regularisation) and regularisation >= 0):
            raise ValueError(f"The regularisation is a number from 0 up, not {regularisation!r}.")
        classes, numbers = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"A separation needs two classes or more, not {len(classes)}.")
        means = np.stack([rows[numbers == c].mean(0) for c in range(len(classes))])
        away = rows - means[numbers]
        apart = (means - rows.mean(0))[numbers]
        sigma = away.T @ away / len(rows)
        within = float(np.trace(sigma))
        if within == 0:
            raise ValueError("No class has any spread: nothing to compare the means with.")
        sigma.flat[:: len(sigma) + 1] += regularisation * within / len(sigma)
        try:
            factor = cho_factor(sigma)
        except np.linalg.LinAlgError as error:
            raise ValueError(
                "The covariance within classes has no inverse: take a regularisation above 0."
            ) from error
        spread = apart.T @ apart / len(rows)
        return cls(within, float(np.trace(spread)), float(np.trace(cho_solve(factor, spread))))
