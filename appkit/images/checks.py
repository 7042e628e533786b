"""What parameters and labels may be; the message says what they are not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets


def check_whole(least: int = 1, **values: Any) -> None:
    """Raise ``ValueError`` unless all are whole numbers from ``least`` up."""
    for name, value in values.items():
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or value < least:
            raise ValueError(f"{name} must be a whole number from {least} up, not {value!r}.")


def check_number(**values: Any) -> None:
    """Raise ``ValueError`` unless all are finite numbers from 0 up."""
    for name, value in values.items():
        number = isinstance(value, int | float | np.number)
        if not (number and math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be a number from 0 up, not {value!r}.")


def as_labels(y: ArrayLike, n: int, samples: str = "pictures") -> NDArray[Any]:
    """The labels of ``n`` samples, (n,).

    Raises
    ------
    ValueError
        for another shape, labels that are missing, numbers and words side by side, or numbers of a
        continuous kind.
    """
    labels = np.asarray(y)
    if labels.shape != (n,):
        raise ValueError(f"{n} {samples} need as many labels, not {labels.shape}.")
    missing = np.array([label is None or label != label for label in labels.tolist()])
    if missing.any():
        raise ValueError(
            f"{missing.sum()} of {n} labels are missing (NaN or None); the first is number "
            f"{missing.argmax()}."
        )
    if labels.dtype == object and len({isinstance(label, str) for label in labels}) > 1:
        raise ValueError("Labels are all numbers or all words, not some of each.")
    check_classification_targets(labels)
    return labels
