"""Digits, MNIST and CIFAR-10: classes of pictures from few examples, by scattering and by pixels.

Training sets of growing size, nested and drawn by a seed, are taken from a data set's training
pictures; all of its test pictures are tested on. Source: Bruna, Mallat, Invariant Scattering
Convolution Networks, PAMI 35 (2013), table 4; Thiry's talk.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit

from appkit import memory
from appkit.experiments import published, score_tables
from appkit.experiments.compute import Progress
from appkit.experiments.picture_rows import FEATURES, ROWS, PictureRow, transformed
from appkit.experiments.picture_sets import PictureSet, cifar10, digits, mnist
from appkit.experiments.scores import Point, Scores, begun, check_asked, check_train, save, teller
from appkit.images.affine import AffineClassifier

PROTOCOL = (
    "Nested training sets drawn by seed {seed} from the {n_train:,} training pictures; error on "
    "all {n_test:,} test pictures. Dimensions are chosen on a fifth of each training set, held "
    "out; kernels' widths, penalties and neighbours on a fifth of its first {choosing:,} pictures "
    "at most."
)
#: Training pictures on which parameters are chosen.
CHOOSING = 10_000


@dataclass(frozen=True)
class Study:
    """How a data set is read: its scales, its sizes and its rows."""

    load: Callable[[], PictureSet]
    J: int
    sizes: tuple[int, ...]
    rows: tuple[str, ...]


_SIZES = (300, 1000, 2000, 5000, 10_000, 20_000, 40_000, 60_000)
_ALL = ("pixels-knn", "pixels-affine", "pixels-svm", "first-svm", "affine", "linear", "svm")
#: With one scale there is no second order.
_ONE_SCALE = tuple(row for row in _ALL if row != "first-svm")
STUDIES = {
    "digits": Study(digits, 1, (100, 200, 300, 600, 1300), _ONE_SCALE),
    "mnist": Study(mnist, 3, _SIZES, _ALL),
    "cifar10": Study(
        cifar10, 2, (*_SIZES[1:7], 50_000), ("pixels-knn", "pixels-svm", "linear", "svm")
    ),
}
EXPERIMENTS = {"digits": "digits", "mnist": "mnist", "cifar10-scattering": "cifar10"}


def run(
    experiment: str = "digits",
    *,
    rows: Sequence[str] | None = None,
    train: int | None = None,
    workers: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    folder: Path | None = None,
) -> list[Scores]:
    """Compute the errors of each row at each size, write their records, and return them.

    Parameters
    ----------
    experiment
        Of `EXPERIMENTS`.
    rows
        Names of `ROWS`; None is the study's own.
    train
        The largest training set; None is all.
    workers
        Pictures' features at once, one thread each; None is one a core.
    seed
        Of the training sets and of what is held out of them.
    device
        "cpu", or "cuda", on which features are computed.
    progress, cancel
        Called after each part; looked at between them.
    folder
        Where records go, by default `appkit.experiments.files.results_folder`.

    Raises
    ------
    ValueError
        What `appkit.experiments.scores.check_asked` and ``check_train`` refuse; features over the
        memory.
    Cancelled
        ``cancel`` was set. What was done is kept: the same call goes on from there.
    """
    name = EXPERIMENTS[experiment]
    study = STUDIES[name]
    wanted = study.rows if rows is None else tuple(rows)
    check_asked(wanted, ROWS, seed, device)
    pictures = study.load()
    check_train(name, train, study.sizes[0], len(pictures.train[1]))
    job = _Job(pictures, study, train, seed, workers, device, progress, cancel)
    by_features = sorted(wanted, key=lambda row: list(FEATURES).index(ROWS[row].features))
    done = {row: job.scores(experiment, ROWS[row], folder) for row in by_features}
    return [done[row] for row in wanted]


def report(found: Sequence[Scores]) -> str:
    """The table for a terminal, beside the published figures."""
    return score_tables.terminal(found, published.errors(found[0].experiment))


class _Job:
    """The pictures of a run and the features that were computed last."""

    def __init__(
        self,
        pictures: PictureSet,
        study: Study,
        most: int | None,
        seed: int,
        workers: int | None,
        device: str,
        progress: Progress | None,
        cancel: threading.Event | None,
    ) -> None:
        self.pictures, self.study, self.seed = pictures, study, seed
        self.workers, self.device = workers, device
        self.progress, self.cancel = progress, cancel
        n = len(pictures.train[1])
        largest = n if most is None else min(most, n)
        self.sizes = [size for size in study.sizes if size < largest] + [largest]
        drawn = np.random.default_rng(seed).permutation(n)[:largest]
        #: Training pictures in the order in which training sets take them.
        self.drawn = pictures.train[0][drawn], pictures.train[1][drawn]
        self._last: tuple[str, list[NDArray], float] | None = None

    @property
    def block(self) -> int:
        """Places of a scattering path."""
        height, width = self.pictures.train[0].shape[1:3]
        return int((height // 2**self.study.J) * (width // 2**self.study.J))

    def scores(self, experiment: str, row: PictureRow, folder: Path | None) -> Scores:
        """All points of a row; those of an earlier run are taken as they are."""
        sizes, n_test = self.sizes, len(self.pictures.test[1])
        told = {"seed": self.seed, "n_train": len(self.pictures.train[1]), "n_test": n_test}
        scores = begun(
            Scores(
                experiment,
                self.pictures.name,
                self.pictures.checksum,
                row.name,
                row.label,
                PROTOCOL.format(**told, choosing=CHOOSING),
                {"J": self.study.J, "seed": self.seed} | row.parameters(self.block),
                n_test,
            ),
            folder,
        )
        missing = [size for size in sizes if scores.at(size) is None]
        for size in missing:
            self._tell(f"{row.name}: training sets", sizes.index(size), len(sizes))
            (train, test), seconds = self.features(row.features)
            scores = replace(
                scores, n_features=train.shape[1], feature_seconds=round(seconds, 1)
            ).plus(self._point(row, train, test, size, _chosen_before(scores, size)))
            save(scores, folder)
        self._tell(f"{row.name}: training sets", len(sizes), len(sizes))
        return scores

    def features(self, name: str) -> tuple[list[NDArray], float]:
        """Of all training pictures as they are drawn, and of the test pictures; their seconds."""
        if self._last is None or self._last[0] != name:
            self._last = None  # before the next ones are computed: both would not fit
            started, transformer = time.perf_counter(), self._transformer(name)
            made = transformed(
                transformer,
                (self.drawn[0], self.pictures.test[0]),
                lambda done, total: self._tell(f"{name}: pictures", done, total),
            )
            self._last = name, made, time.perf_counter() - started
        return self._last[1], self._last[2]

    def _transformer(self, name: str) -> Any:
        """Fitted; OverBudget where the features of all pictures would not fit the memory."""
        transformer = FEATURES[name](self.study.J, self.device)
        if "n_jobs" in transformer.get_params():
            transformer.set_params(n_jobs=self.workers or -1)
        first = transformer.fit(self.drawn[0][:1]).transform(self.drawn[0][:1])
        n_train, n_test = len(self.drawn[1]), len(self.pictures.test[1])
        memory.require(
            first.nbytes * (3 * n_train + n_test),  # scaled and centred there are two more of them
            f"Training on {first.shape[1]:,} features of {n_train:,} pictures",
            "take fewer (--train), or rows of fewer features",
        )
        return transformer

    def _point(
        self,
        row: PictureRow,
        train: NDArray,
        test: NDArray,
        size: int,
        before: dict[str, Any] | None,
    ) -> Point:
        """Choose on a part of the training set, if not ``before``; train on all of it, test."""
        started, X, y = time.perf_counter(), train[:size], self.drawn[1][:size]
        model, chosen = row.classifier(self.block), (before or {}) if row.grid else {}
        if row.grid and before is None:
            held = StratifiedShuffleSplit(1, test_size=0.2, random_state=self.seed)
            search = GridSearchCV(model, row.grid, cv=held, refit=False)
            search.fit(X[:CHOOSING], y[:CHOOSING])
            chosen = search.best_params_
        fitted = clone(model).set_params(**chosen).fit(X, y)
        if isinstance(last := fitted[-1], AffineClassifier):
            chosen = {"d": last.dimension_}  # by itself, on all of the training set
        error = 100 * float(np.mean(fitted.predict(test) != self.pictures.test[1]))
        seconds = time.perf_counter() - started
        return Point(size, round(error, 3), round(seconds, 1), chosen)

    def _tell(self, stage: str, done: int, total: int) -> None:
        teller(stage, self.progress, self.cancel)(done, total)


def _chosen_before(scores: Scores, size: int) -> dict[str, Any] | None:
    """What a training set of the same first `CHOOSING` pictures chose; None where there is none."""
    if size < CHOOSING:
        return None
    return next((point.chosen for point in scores.points if point.size >= CHOOSING), None)
