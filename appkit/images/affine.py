"""Classes as affine spaces: the nearest mean, but for the directions in which a class varies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils.validation import check_is_fitted, validate_data

from appkit.images.checks import as_labels

Floats = NDArray[np.float64]


class AffineClassifier(ClassifierMixin, BaseEstimator):
    r"""PCA-affine classification: ĉ = argmin_c ‖(1 − P_{V_c})(x − μ_c)‖.

    V_c is spanned by the d directions in which class c varies most. What is left of x beyond them
    is what the class does not explain.

    Parameters
    ----------
    dimensions : the d to choose from, by the errors on samples held out; one d is taken as it is.
    held_out : share of the samples of each class that choose, between 0 and 1.
    random_state : seed of that choice.

    Attributes
    ----------
    classes_ : the labels, sorted.
    means_ : μ_c (classes, P).
    spaces_ : for each class an orthonormal basis (P, d); fewer columns where it has fewer samples.
    dimension_, errors_ : the chosen d, and the share of held-out samples that each d misses.

    Raises
    ------
    ValueError
        for dimensions that are no whole numbers from 0 up, fewer than two classes, or, where d is
        to be chosen, a class with one sample.

    References
    ----------
    Bruna, Mallat, Invariant Scattering Convolution Networks, PAMI 35 (2013), section 4.1.
    """

    def __init__(
        self,
        dimensions: Sequence[int] = (0, 5, 10, 20, 40, 80, 120, 160),
        held_out: float = 0.2,
        random_state: int = 0,
    ) -> None:
        self.dimensions = dimensions
        self.held_out = held_out
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> AffineClassifier:
        """Choose d on samples held out, then span the spaces of all."""
        rows: Floats
        rows, labels = validate_data(self, X, y, dtype=[np.float64, np.float32])
        labels = as_labels(labels, len(rows), "samples")
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        self._check(np.bincount(numbers))
        if len(self.dimensions) == 1:
            self.dimension_, self.errors_ = int(self.dimensions[0]), {}
        else:
            split = StratifiedShuffleSplit(
                1, test_size=self._n_held(len(rows)), random_state=self.random_state
            )
            kept, held = next(split.split(rows, numbers))
            self._span(rows[kept], numbers[kept], max(self.dimensions))
            found = self._distances(rows[held], sorted(set(self.dimensions)))
            self.errors_ = {
                d: float(np.mean(left.argmin(1) != numbers[held])) for d, left in found.items()
            }
            self.dimension_ = min(self.errors_, key=lambda d: (self.errors_[d], d))
        self._span(rows, numbers, self.dimension_)
        return self

    def decision_function(self, X: ArrayLike) -> Floats:
        """−‖(1 − P_{V_c})(x − μ_c)‖² of each class: (n, classes); (n,) of the second less the first
        where there are two.
        """
        check_is_fitted(self, "spaces_")
        rows: Floats = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        scores = -self._distances(rows, [self.dimension_])[self.dimension_]
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: ArrayLike) -> NDArray:
        """The class whose space is nearest, (n,)."""
        scores = self.decision_function(X)
        best = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(1)
        return self.classes_[best]

    def _check(self, counts: NDArray[np.intp]) -> None:
        whole = [isinstance(d, int | np.integer) and d >= 0 for d in self.dimensions]
        if not whole or not all(whole):
            raise ValueError(f"dimensions are whole numbers from 0 up, not {self.dimensions!r}.")
        if len(counts) < 2:
            raise ValueError(f"A classifier needs two classes or more, not {len(counts)} class.")
        if len(whole) > 1 and not 0 < self.held_out < 1:
            raise ValueError(f"held_out is a share between 0 and 1, not {self.held_out}.")
        if len(whole) > 1 and counts.min() < 2:
            raise ValueError(
                f"The class {self.classes_[counts.argmin()]} has one sample, which cannot be "
                "held out to choose d: bring more, or give one dimension."
            )

    def _n_held(self, n: int) -> int:
        """At least one of each class, and at least one of each class kept."""
        classes = len(self.classes_)
        return min(max(round(self.held_out * n), classes), n - classes)

    def _span(self, X: Floats, numbers: NDArray[np.intp], d: int) -> None:
        parts = [X[numbers == c] for c in range(len(self.classes_))]
        self.means_ = np.stack([part.mean(0, dtype=np.float64) for part in parts])
        self.spaces_ = [
            principal_directions(part - mean, d)
            for part, mean in zip(parts, self.means_.astype(X.dtype), strict=True)
        ]

    def _distances(self, X: Floats, dimensions: Sequence[int]) -> dict[int, Floats]:
        """‖(1 − P)(x − μ_c)‖² by d: (n, classes) each."""
        left = {d: np.empty((len(X), len(self.classes_))) for d in dimensions}
        for c, (mean, space) in enumerate(zip(self.means_, self.spaces_, strict=True)):
            away = X - mean.astype(X.dtype)
            total = np.einsum("np,np->n", away, away, dtype=np.float64)
            explained = np.cumsum((away @ space).astype(np.float64) ** 2, axis=1)
            for d in dimensions:
                width = min(d, space.shape[1])
                left[d][:, c] = total - (explained[:, width - 1] if width else 0)
        return left


def principal_directions(centred: Floats, d: int) -> Floats:
    """The d directions (P, d) in which rows (n, P) vary most; fewer where fewer are not zero.

    From the smaller of XᵀX (P, P) and XXᵀ (n, n).
    """
    n, p = centred.shape
    d = min(d, n - 1, p)
    if d < 1:
        return centred[:0].T
    wide = n < p
    gram = centred @ centred.T if wide else centred.T @ centred
    size = len(gram)
    values, vectors = eigh(gram.astype(np.float64), subset_by_index=(size - d, size - 1))
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = values > values[0] * size * np.finfo(centred.dtype).eps if values[0] > 0 else values > 0
    vectors = vectors[:, kept].astype(centred.dtype)
    if not wide:
        return vectors
    return (centred.T @ vectors) / np.sqrt(values[kept]).astype(centred.dtype)
