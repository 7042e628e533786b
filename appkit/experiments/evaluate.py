"""A row's figures by the five-fold protocol: four folds train, the fifth tests.

Everything that is chosen (terms, widths, ridges) is chosen inside the training folds by the
regressor; a test fold is only predicted.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from appkit.experiments.result import Spread
from appkit.regression import Cancelled, OrthogonalLeastSquares, cross_validate_folds, mae, rmse

Array = NDArray[np.float64]

_PATH_POINTS = 48


@dataclass(frozen=True)
class Evaluation:
    """A regressor over all folds.

    ``folds``: one mapping for each test fold; ``predictions`` (n,): each molecule predicted by the
    model that has not seen it (terms chosen for RMSE).
    """

    folds: list[dict[str, Any]]
    predictions: Array
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """As a mapping that `from_json` reads."""
        return {
            "folds": self.folds,
            "predictions": self.predictions.tolist(),
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Evaluation:
        """What `as_json` wrote."""
        return cls(content["folds"], np.array(content["predictions"]), content["seconds"])

    @property
    def mae(self) -> Spread:
        """Mean absolute error, kcal/mol, over the test folds."""
        return spread([fold["mae"] for fold in self.folds])

    @property
    def rmse(self) -> Spread:
        """Root mean square error, kcal/mol, over the test folds."""
        return spread([fold["rmse"] for fold in self.folds])

    @property
    def terms(self) -> Spread | None:
        """M over all bags of all folds; None for a regressor that selects no terms."""
        chosen = [fold["terms"] for fold in self.folds]
        return None if None in chosen else spread([m for bags in chosen for m in bags])


def spread(values: list[float]) -> Spread:
    """Mean and standard deviation, divided by n as in `appkit.regression.protocol`."""
    return Spread(float(np.mean(values)), float(np.std(values)))


def splits(folds: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """(fold, mask of its test molecules) for each fold."""
    for fold in np.unique(folds):
        yield int(fold), folds == fold


def evaluate(
    regressor: Any,
    X: Array,
    y: Array,
    folds: NDArray[np.int64],
    *,
    progress: Callable[[int, int], None] | None = None,
    cancel: threading.Event | None = None,
) -> Evaluation:
    """Cross-validate ``regressor`` on X (n, P), y (n,) kcal/mol, folds (n,).

    Raises
    ------
    Cancelled
        ``cancel`` was set; looked at between folds.
    ValueError
        The shapes differ, y is not finite, or there are fewer than two folds.
    """
    started = time.perf_counter()
    if progress is not None:
        progress(0, len(np.unique(folds)))
    found = cross_validate_folds(
        lambda: clone(regressor),
        X,
        y,
        folds,
        predict=lambda model, samples: _predict(model, samples, "rmse"),
        progress=progress,
        cancelled=None if cancel is None else cancel.is_set,
    )
    figures = [
        {
            "fold": fold,
            "n_train": int((~test).sum()),
            "n_test": int(test.sum()),
            "mae": float(mae(_predict(model, X[test], "mae") - y[test])),
            "rmse": float(error),
            "terms": _terms(model),
        }
        for (fold, test), model, error in zip(splits(folds), found.models, found.rmse, strict=True)
    ]
    return Evaluation(figures, found.predictions, time.perf_counter() - started)


def averaged(evaluations: list[Evaluation], y: Array, folds: NDArray[np.int64]) -> Evaluation:
    """Of the model that predicts the mean of several models' predictions, over the same folds."""
    predictions = np.mean([each.predictions for each in evaluations], axis=0)
    figures = [
        {
            "fold": fold,
            "n_train": int((~test).sum()),
            "n_test": int(test.sum()),
            "mae": float(mae(predictions[test] - y[test])),
            "rmse": float(rmse(predictions[test] - y[test])),
            "terms": None,
        }
        for fold, test in splits(folds)
    ]
    return Evaluation(figures, predictions, sum(each.seconds for each in evaluations))


def _predict(model: Any, X: Array, metric: str) -> Array:
    """Predictions by the terms chosen for ``metric``, where a model chooses for each apart."""
    apart = hasattr(model, "n_terms_by_metric_")
    return model.predict(X, metric=metric) if apart else model.predict(X)


def _terms(model: Any) -> list[int] | None:
    """M of each bag, chosen for RMSE; None for a model that selects no terms."""
    chosen = getattr(model, "n_terms_by_metric_", None)
    return None if chosen is None else [int(m) for m in chosen["rmse"]]


def error_path(
    X: Array,
    y: Array,
    folds: NDArray[np.int64],
    longest: int,
    cancel: threading.Event | None = None,
) -> dict[str, list[Any]]:
    """RMSE against M of plain orthogonal least squares (no bags), mean over the test folds.

    At about 50 values of M, evenly spaced in log M: ``terms``, ``rmse_mean``, ``rmse_sd``,
    ``train_rmse_mean``, kcal/mol. Source: Hirn, Mallat & Poilvert (2017), figure of section 5.
    """
    tests, trains = [], []
    for _, test in splits(folds):
        if cancel is not None and cancel.is_set():
            raise Cancelled
        model = _path(X[~test], y[~test], longest)
        tests.append(model.error_path(X[test], y[test]))
        trains.append(model.train_error_path_)
    shared = min(map(len, tests))
    terms = np.unique(np.geomspace(1, shared, _PATH_POINTS).round().astype(int))
    on_test = np.array([path[terms - 1] for path in tests])
    on_train = np.array([path[terms - 1] for path in trains])
    return {
        "terms": terms.tolist(),
        "rmse_mean": _rounded(on_test.mean(axis=0)),
        "rmse_sd": _rounded(on_test.std(axis=0)),
        "train_rmse_mean": _rounded(on_train.mean(axis=0)),
    }


def first_terms(
    X: Array, y: Array, names: list[str], frame: dict[str, list[Any]], n: int
) -> list[dict[str, Any]]:
    """The first n selected φ_k of a fit on all molecules, in order.

    Each has its ``name``, the columns of the dictionary's frame, ``weight`` (w̃_m, in the
    orthonormal basis, kcal/mol) and ``rmse``, the training error with the terms so far.
    """
    model = _path(X, y, n)
    return [
        {
            "name": names[k],
            **{column: values[k] for column, values in frame.items() if values[k] is not None},
            "weight": round(float(weight), 4),
            "rmse": round(float(error), 4),
        }
        for k, weight, error in zip(
            model.selected_, model.weights_, model.train_error_path_, strict=True
        )
    ]


def _path(X: Array, y: Array, longest: int) -> OrthogonalLeastSquares:
    """The greedy path up to ``longest`` terms; it may end before, where y is reproduced."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return OrthogonalLeastSquares(min(longest, *X.shape)).fit(X, y)


def largest_residuals(
    y: Array, predictions: Array, labels: list[str], n: int = 12
) -> list[dict[str, Any]]:
    """The n molecules that are predicted worst: ``index, label, energy, predicted, error``."""
    errors = predictions - y
    size = np.where(np.isnan(errors), -1.0, np.abs(errors))  # NaN: left out of the row
    worst = [i for i in np.argsort(-size)[:n] if size[i] >= 0]
    return [
        {
            "index": int(i),
            "label": labels[i],
            "energy": round(float(y[i]), 3),
            "predicted": round(float(predictions[i]), 3),
            "error": round(float(errors[i]), 3),
        }
        for i in worst
    ]


def _rounded(values: Array) -> list[float]:
    return [float(f"{value:.5g}") for value in values]
