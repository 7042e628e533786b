"""The two errors of the tables: mean absolute and root mean square."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def mae(errors: Array, axis: int = 0) -> Array:
    """Mean of |errors| along `axis`."""
    return np.abs(errors).mean(axis=axis)


def rmse(errors: Array, axis: int = 0) -> Array:
    """Root of the mean of errors² along `axis`."""
    return np.sqrt(np.square(errors).mean(axis=axis))


METRICS: dict[str, Callable[[Array], Array]] = {"mae": mae, "rmse": rmse}


def checked_metric(metric: str) -> Callable[[Array], Array]:
    """The function of that name; ValueError for another name than "mae" or "rmse"."""
    if metric not in METRICS:
        raise ValueError(f'metric must be "mae" or "rmse", not {metric!r}.')
    return METRICS[metric]


def path_errors(y: Array, predictions: Array, metric: str) -> Array:
    """Error (M,) of each column of predictions (n, M) against y (n,)."""
    measure = checked_metric(metric)
    if y.shape != predictions.shape[:1]:
        raise ValueError(f"y has {len(y)} values, but X has {len(predictions)} samples.")
    return measure(predictions - y[:, None])
