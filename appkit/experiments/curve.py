"""Learning curves: the error on molecules kept apart, against the number trained on.

A curve can be stopped and resumed: features lie in stores that end at `EDGES`, so that a run on
more molecules takes what a run on fewer has computed, and each fit's figures are kept.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from appkit.data import MoleculeSet
from appkit.experiments.fits import kept_fit
from appkit.experiments.job import Features, Job, RowDefinition
from appkit.experiments.result import Row, Spread
from appkit.regression import Cancelled, mae, rmse

#: Numbers of molecules at which a store of features ends and the next begins.
EDGES = (1000, 2000, *range(5000, 1_000_000, 5000))
#: Sizes of training sets, as in the literature's curves.
SIZES = (1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
#: Share of the molecules that are tested on, and the most of them.
_TEST_SHARE, _MOST_TESTED = 0.2, 10_000


@dataclass(frozen=True)
class Split:
    """Molecules in a drawn order: those tested on, then those trained on, nested in one another.

    Attributes
    ----------
    molecules : the drawn ones, in the order drawn.
    n_test : how many of them, the first, are tested on.
    """

    molecules: MoleculeSet
    n_test: int

    @classmethod
    def drawn(cls, molecules: MoleculeSet, n: int | None, seed: int) -> Split:
        """``n`` molecules (None: all) by a seed; those of a smaller n come first in a larger.

        Raises ``ValueError`` for fewer than 10, or for more than there are.
        """
        n = len(molecules) if n is None else n
        if not 10 <= n <= len(molecules):
            raise ValueError(
                f"a learning curve needs 10 to {len(molecules):,} molecules of {molecules.name}, "
                f"not {n:,}"
            )
        order = np.random.default_rng(seed).permutation(len(molecules))[:n]
        return cls(molecules.subset(order), min(int(_TEST_SHARE * n), _MOST_TESTED))

    @property
    def n_train(self) -> int:
        """Molecules that are not tested on."""
        return len(self.molecules) - self.n_test

    def sizes(self, most: int | None = None) -> list[int]:
        """Sizes of the training sets: `SIZES` below all (or ``most``), and that."""
        largest = self.n_train if most is None else min(most, self.n_train)
        return [size for size in SIZES if size < largest] + [largest]


def features_in_blocks(job: Job, definition: RowDefinition) -> Features:
    """As `Job.features`, from one store for each block of molecules.

    Dictionaries that are not stored may learn from all molecules: their width, say, or landmarks.
    """
    if not definition.stored:
        return job.features(definition)
    n, found = len(job.molecules), []
    for start, end in pairwise([0, *(edge for edge in EDGES if edge < n), n]):
        block = job.molecules.subset(np.arange(start, end))
        found.append(replace(job, molecules=block).features(definition))
    seconds = sum(part.seconds for part in found)
    values = np.concatenate([part.values for part in found])
    return Features(values, found[0].names, found[0].frame, seconds)


def learning_curve(
    job: Job, split: Split, definition: RowDefinition, most: int | None = None
) -> tuple[Row, dict[str, list[Any]], NDArray[np.float64]]:
    """One row's errors against the number of molecules trained on.

    Parameters
    ----------
    job : of the split's molecules.
    definition : dictionary and regressor.
    most : training molecules that this regressor takes at most, None is all.

    Returns
    -------
    The row at the largest training set (its spread is the standard error over tested molecules);
    the curve, ``n_train, mae, rmse, seconds``, kcal/mol; predictions of the tested molecules at the
    largest training set.

    Raises
    ------
    Cancelled
        Between two fits; those before it are kept.
    """
    parts = definition.parts or (definition,)
    everything = [features_in_blocks(job, part) for part in parts]
    sizes = split.sizes(most)
    stage = job.stage(f"{definition.name}: training sets")
    fits = []
    for done, size in enumerate(sizes):
        if stage is not None:
            stage(done, len(sizes))
        if job.cancel is not None and job.cancel.is_set():
            raise Cancelled
        made = [
            _fit(job, split, part, features.values, size)
            for part, features in zip(parts, everything, strict=True)
        ]
        fits.append(made[0] if len(made) == 1 else _averaged(made, split))
    if stage is not None:
        stage(len(sizes), len(sizes))
    last = fits[-1]
    predictions = np.array(last["predictions"])
    errors = predictions - split.molecules.energies[: split.n_test]
    row = Row(
        name=definition.name,
        label=definition.label,
        mae=_with_error(errors, "mae"),
        rmse=_with_error(errors, "rmse"),
        terms=None,
        folds=[
            {"fold": 0, "n_train": size, "n_test": split.n_test} | _figures(fit)
            for size, fit in zip(sizes, fits, strict=True)
        ],
        n_molecules=len(split.molecules),
        n_features=max(f.values.shape[1] if f.names else 0 for f in everything),
        seconds={
            "features (one core)": round(max(f.seconds for f in everything), 1),
            "regression": round(sum(fit["seconds"] for fit in fits), 1),
        },
        note=f"trained on {sizes[-1]:,}" if sizes[-1] < split.n_train else "",
    )
    curve = {"n_train": sizes} | {
        name: [fit[name] for fit in fits] for name in ("mae", "rmse", "seconds")
    }
    return row, curve, predictions


def _fit(
    job: Job, split: Split, definition: RowDefinition, X: NDArray[Any], size: int
) -> dict[str, Any]:
    """Figures of a fit on the first ``size`` training molecules, kept where they were computed."""
    assert definition.regressor is not None
    regressor, n_test = definition.regressor(job.settings), split.n_test
    used = slice(n_test + size)
    y = split.molecules.energies[used]

    def fit() -> dict[str, Any]:
        started = time.perf_counter()
        model = clone(regressor).fit(X[n_test:][:size], y[n_test:])
        predictions = np.asarray(model.predict(X[:n_test]))
        return _told(predictions, y[:n_test], time.perf_counter() - started)

    return kept_fit(regressor, X[used], y, {"tested": n_test}, fit)


def _averaged(fits: list[dict[str, Any]], split: Split) -> dict[str, Any]:
    """Of the mean of several models' predictions."""
    predictions = np.mean([fit["predictions"] for fit in fits], axis=0)
    seconds = sum(fit["seconds"] for fit in fits)
    return _told(predictions, split.molecules.energies[: split.n_test], seconds)


def _told(
    predictions: NDArray[np.float64], y: NDArray[np.float64], seconds: float
) -> dict[str, Any]:
    errors = predictions - y
    return {
        "mae": float(mae(errors)),
        "rmse": float(rmse(errors)),
        "seconds": round(seconds, 1),
        "predictions": [round(float(value), 3) for value in predictions],
    }


def _figures(fit: dict[str, Any]) -> dict[str, Any]:
    return {"mae": fit["mae"], "rmse": fit["rmse"], "terms": None}


def _with_error(errors: NDArray[np.float64], metric: str) -> Spread:
    """An error and its standard error over the tested molecules."""
    if metric == "mae":
        return Spread(float(mae(errors)), float(np.abs(errors).std() / np.sqrt(len(errors))))
    value = float(rmse(errors))
    return Spread(value, float((errors**2).std() / np.sqrt(len(errors)) / (2 * value or 1.0)))
