"""The rows of the tables of pictures: what is read of a picture, and by which classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from appkit.images.affine import AffineClassifier
from appkit.images.features import ScatteringFeatures
from appkit.images.pictures import as_batch
from appkit.images.scaling import PathScaler

#: Components that a Gaussian kernel sees; the rest of a picture's variance is small.
COMPONENTS = 300
#: Samples and features from which components are found by random projections.
_WIDE = 4000
#: Pictures whose features are computed between two looks at the clock.
_PART = 2000


class Pixels(TransformerMixin, BaseEstimator):
    """The numbers of a picture as they are, (n, C·H·W)."""

    def fit(self, X: Any, y: object = None) -> Pixels:
        """Nothing is learned."""
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """From 0 to 1 where pictures are bytes."""
        batch = as_batch(X)
        return batch.reshape(len(batch), -1)


class GaussianSVM(SVC):
    """A support vector machine with the kernel exp(−γ ‖x − y‖² / mean ‖x − y‖²).

    So that one γ fits features of any number and unit. ``width`` is γ.
    """

    def __init__(self, width: float = 1.0, C: float = 10.0) -> None:
        super().__init__(C=C, cache_size=1000)
        self.width = width

    def fit(self, X: NDArray[Any], y: NDArray[Any], sample_weight: Any = None) -> GaussianSVM:
        """Measure the mean distance, then train."""
        self.gamma = self.width / (2 * float(X.var(axis=0, dtype=np.float64).sum()))
        return super().fit(X, y, sample_weight)


def transformed(
    transformer: Any, sets: Sequence[NDArray[Any]], tell: Callable[[int, int], None]
) -> list[NDArray[np.float32]]:
    """Features of each set of pictures; ``tell(done, total)`` is called after every few of them."""
    total, done, found = sum(map(len, sets)), 0, []
    tell(0, total)
    for pictures in sets:
        parts = []
        for start in range(0, len(pictures), _PART):
            parts.append(transformer.transform(pictures[start : start + _PART]))
            done += len(parts[-1])
            tell(done, total)
        found.append(np.concatenate(parts))
    return found


@dataclass(frozen=True)
class PictureRow:
    """Features by their name in `FEATURES`, a classifier, and the parameters to choose among.

    ``classifier`` is told how many numbers a path has that follow one another.
    """

    name: str
    label: str
    features: str
    classifier: Callable[[int], Any]
    grid: dict[str, list[Any]]

    def parameters(self, block: int) -> dict[str, Any]:
        """All that a point depends on, as it stands in a record."""
        return {
            "features": self.features,
            "classifier": " ".join(self.classifier(block).__repr__(N_CHAR_MAX=10**6).split()),
            "grid": self.grid,
        }


def _svm(block: int) -> Pipeline:
    return Pipeline([
        ("scale", PathScaler(block)),
        ("pca", FewComponents(COMPONENTS)),
        ("svm", GaussianSVM()),
    ])  # fmt: skip


def _nearest(block: int) -> Pipeline:
    return Pipeline([("nearest", KNeighborsClassifier(algorithm="brute"))])


def _plain_svm(block: int) -> Pipeline:
    """Pixels keep their scale."""
    return Pipeline([("pca", FewComponents(COMPONENTS)), ("svm", GaussianSVM())])


def _ridge(block: int) -> Pipeline:
    return Pipeline([("scale", StandardScaler()), ("ridge", RidgeClassifier())])


def _affine(block: int) -> Pipeline:
    return Pipeline([("scale", PathScaler(block)), ("affine", AffineClassifier())])


def _plain_affine(block: int) -> Pipeline:
    return Pipeline([("affine", AffineClassifier())])


class FewComponents(PCA):
    """`PCA` of at most so many components: fewer samples or features have fewer."""

    def __init__(self, most: int = COMPONENTS) -> None:
        super().__init__(svd_solver="full")
        self.most = most

    def fit_transform(self, X: NDArray[Any], y: object = None) -> NDArray[Any]:
        """By the covariance where there are more samples than features.

        Where there are thousands of both, by random projections: an hour becomes a minute, and the
        first components are the same.
        """
        n, p = X.shape
        self.n_components = min(self.most, n - 1, p)
        self.svd_solver = "covariance_eigh" if n > p else "full"
        if min(n, p) > _WIDE:
            self.svd_solver, self.iterated_power, self.random_state = "randomized", 4, 0
        return super().fit_transform(X, y)


_SVM = {"svm__C": [3.0, 10.0, 30.0], "svm__width": [0.25, 0.5, 1.0, 2.0]}
_NEAREST = {"nearest__n_neighbors": [1, 3, 5, 10, 20]}
_RIDGE = {"ridge__alpha": [float(a) for a in np.logspace(0, 5, 6)]}

FEATURES: dict[str, Callable[[int, str], Any]] = {
    "pixels": lambda J, device: Pixels(),
    "first order": lambda J, device: ScatteringFeatures(J, order=1, device=device),
    "scattering": lambda J, device: ScatteringFeatures(J, device=device),
}
ROWS = {
    row.name: row
    for row in (
        PictureRow("pixels-knn", "Pixels, nearest pictures", "pixels", _nearest, _NEAREST),
        PictureRow("pixels-affine", "Pixels, affine spaces", "pixels", _plain_affine, {}),
        PictureRow("pixels-svm", "Pixels, Gaussian SVM", "pixels", _plain_svm, _SVM),
        PictureRow("first-svm", "First order, Gaussian SVM", "first order", _svm, _SVM),
        PictureRow("affine", "Scattering, affine spaces", "scattering", _affine, {}),
        PictureRow("linear", "Scattering, linear", "scattering", _ridge, _RIDGE),
        PictureRow("svm", "Scattering, Gaussian SVM", "scattering", _svm, _SVM),
    )
}
