"""Ridge regression on labels, from sums that grow batch by batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

Floats = NDArray[np.float32]


class GramRidge:
    """Least squares of one-hot labels on features (n, P), when n rows do not fit the memory.

    Keeps Σ x xᵀ (P, P) and Σ x yᵀ (P, classes) in single precision, about the means of the first
    rows, so that rows may come in any number of parts. Solving subtracts the means: the intercept
    is not damped.

    Parameters
    ----------
    n_features, n_classes : P and the number of classes.
    """

    def __init__(self, n_features: int, n_classes: int) -> None:
        self.middle = np.zeros(n_features, np.float32)
        self.gram = torch.zeros(n_features, n_features)
        self.moment = torch.zeros(n_features, n_classes)
        self.total = np.zeros(n_features)
        self.counts = np.zeros(n_classes)

    @property
    def n(self) -> int:
        """Rows so far."""
        return int(self.counts.sum())

    @property
    def mean(self) -> NDArray[np.float64]:
        """Of the features, (P,)."""
        return self.total / self.n + self.middle

    def add(self, features: Floats, labels: NDArray[np.intp]) -> None:
        """Take in rows (n, P) and the numbers of their classes (n,)."""
        if not self.n:
            # Features far from their middle would round the same way in every part: over many parts
            # that adds up to more than a small α.
            self.middle = features.mean(0)
        x = torch.from_numpy(features - self.middle)
        hot = torch.nn.functional.one_hot(torch.from_numpy(labels), len(self.counts)).float()
        self.gram.addmm_(x.T, x)
        self.moment.addmm_(x.T, hot)
        self.total += x.sum(0, dtype=torch.float64).numpy()
        self.counts += np.bincount(labels, minlength=len(self.counts))

    def solve(self, alpha: float) -> tuple[Floats, NDArray[np.float64]]:
        """Weights (P, classes) and intercepts (classes,) that minimise ‖y − xw − b‖² + α n ‖w‖²."""
        mean, share = self.total / self.n, self.counts / self.n
        # The codes of a window have the same sum for every picture, so that some variances are 0:
        # single precision would see negative ones.
        centred = self.gram.numpy().astype(np.float64)
        centred /= self.n
        centred -= np.outer(mean, mean)
        centred[np.diag_indices_from(centred)] += alpha
        try:
            factor = cho_factor(centred, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError as error:
            raise ValueError(
                f"α = {alpha:g} is lost in the rounding of the features' covariances: take a "
                "larger one."
            ) from error
        right = self.moment.numpy() / self.n - np.outer(mean, share)
        weights = cho_solve(factor, right, check_finite=False)
        return weights.astype(np.float32), (share - (mean + self.middle) @ weights)


def best_alpha(
    sums: GramRidge, alphas: Sequence[float], features: Sequence[Floats], labels: NDArray[np.intp]
) -> tuple[float, dict[float, float]]:
    """The α with the fewest errors on rows kept apart, and the share of errors of each.

    From the smallest up, until two in a row are worse than the best before them: each takes a
    factorisation. One that is lost in rounding is left out, unless all are.
    """
    errors: dict[float, float] = {}
    ascending = sorted(alphas)
    for alpha in ascending:
        if len(errors) > 2 and min(list(errors.values())[-2:]) > min(errors.values()):
            break
        try:
            weights, intercepts = sums.solve(alpha)
        except ValueError:
            if alpha == ascending[-1] and not errors:
                raise
            continue
        scores = np.concatenate([part @ weights + intercepts for part in features])
        errors[alpha] = float(np.mean(scores.argmax(1) != labels))
    return min(errors, key=lambda alpha: errors[alpha]), errors
