"""The evaluation protocol of the tables: given folds, each left out once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from appkit.regression.metrics import METRICS, checked_metric

Array = NDArray[np.float64]


class Estimator(Protocol):
    """What the protocol asks of a model: scikit-learn's fit and predict."""

    def fit(self, X: Any, y: Any) -> Any: ...

    def predict(self, X: Any) -> Any: ...


class Cancelled(Exception):  # noqa: N818 (an outcome, not an error)
    """The work was stopped on request."""


@dataclass(frozen=True)
class FoldErrors:
    """Errors of one model over the folds.

    Attributes
    ----------
    predictions : (n,) prediction of each sample by the model that has not seen it
    mae, rmse : (n_folds,) error on each fold
    models : the fitted models, one for each fold
    """

    predictions: Array
    mae: Array
    rmse: Array
    models: list[Any]

    def mean(self, metric: str) -> float:
        """Mean of the folds' errors."""
        return float(self._of(metric).mean())

    def spread(self, metric: str) -> float:
        """Standard deviation over the folds (divided by their number, as the paper's ±)."""
        return float(self._of(metric).std())

    def _of(self, metric: str) -> Array:
        checked_metric(metric)
        return getattr(self, metric)

    def __str__(self) -> str:
        return ", ".join(
            f"{name.upper()} {self.mean(name):.2f} ± {self.spread(name):.2f}" for name in METRICS
        )


def cross_validate_folds(
    make_estimator: Callable[[], Estimator],
    X: ArrayLike,
    y: ArrayLike,
    folds: ArrayLike,
    *,
    predict: Callable[[Any, Any], Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> FoldErrors:
    """Fit on all folds but one, predict that one, for each fold.

    Parameters
    ----------
    make_estimator : gives a new unfitted model; all its choices happen inside `fit`
    X : (n, P) array; y : (n,); folds : (n,) the fold's number of each sample
    predict : how to predict with a fitted model, ``predict(model, X)``; default ``model.predict``
    progress : called with (folds done, folds)
    cancelled : asked before each fold; True raises Cancelled

    Raises
    ------
    ValueError
        If the lengths differ, y is not finite, or there are fewer than two folds.
    Cancelled
        If `cancelled` says so.
    """
    X, y, folds = np.asarray(X), np.asarray(y, dtype=np.float64), np.asarray(folds)
    numbers = _checked_folds(len(X), y, folds)
    predict = predict or (lambda model, samples: model.predict(samples))
    predictions, models = np.empty(len(y)), []
    for done, number in enumerate(numbers):
        if cancelled is not None and cancelled():
            raise Cancelled(f"Stopped after {done} of {len(numbers)} folds.")
        test = folds == number
        model = make_estimator()
        model.fit(X[~test], y[~test])
        predictions[test] = predict(model, X[test])
        models.append(model)
        if progress is not None:
            progress(done + 1, len(numbers))
    errors = [predictions[folds == number] - y[folds == number] for number in numbers]
    per_fold = {name: np.array([float(f(e)) for e in errors]) for name, f in METRICS.items()}
    return FoldErrors(predictions=predictions, models=models, **per_fold)


def _checked_folds(n_samples: int, y: Array, folds: NDArray) -> NDArray:
    if y.shape != (n_samples,) or folds.shape != (n_samples,):
        raise ValueError(
            f"X has {n_samples} samples, y has shape {y.shape} and folds {folds.shape}: "
            "they must agree."
        )
    if not np.isfinite(y).all():
        raise ValueError(f"y has a value that is not finite at sample {np.argmin(np.isfinite(y))}.")
    numbers = np.unique(folds)
    if len(numbers) < 2:
        raise ValueError("At least two folds are needed: one to test on, the rest to train on.")
    return numbers
