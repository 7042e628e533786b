"""Figures of fits that were made: a run that was stopped, or has one row more, repeats none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appkit.experiments.code import package_version
from appkit.experiments.files import FEATURES, features_folder, make_folder, write_json
from appkit.experiments.store import molecules_digest


def kept_fit(
    regressor: Any,
    X: NDArray[Any],
    y: NDArray[np.float64],
    how: dict[str, Any],
    fit: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """What ``fit()`` returned for these, now or in an earlier run; a mapping that JSON can hold.

    Parameters
    ----------
    regressor : its class, its parameters and the code of its room are in the key.
    X, y : features (n, P), or molecules (n,); what is regressed on them (n,).
    how : what else the figures depend on, such as the folds.
    """
    what = [
        _digest(X),
        _digest(np.asarray(y, dtype="<f8")),
        regressor.__repr__(N_CHAR_MAX=10**6),  # whole, not shortened
        package_version("appkit.regression"),
        package_version("appkit.energy") if X.dtype == object else "",
        how,
    ]
    key = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:20]
    path = make_folder(features_folder() / "fits", FEATURES) / f"{key}.json"
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    figures = fit()
    write_json(path, figures, compact=True)
    return figures


def _digest(values: NDArray[Any]) -> str:
    if values.dtype == object:
        return molecules_digest(list(values))
    return hashlib.blake2b(np.ascontiguousarray(values).tobytes()).hexdigest()
