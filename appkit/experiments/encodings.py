"""What a non-linear encoder adds to a linear classifier of scattering features.

Sparse code, soft threshold in a tight frame and phase collapse, of as many atoms, on the same
features and before the same classifier, on scikit-learn's digits and on MNIST. Sources: Zarka,
Thiry, Angles, Mallat, ICLR 2020; Zarka, Guth, Mallat, ICLR 2021; Guth, Zarka, Mallat, ICLR 2022.
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
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid, StratifiedShuffleSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from appkit.experiments import published, score_tables
from appkit.experiments.compute import Progress
from appkit.experiments.picture_rows import FewComponents, transformed
from appkit.experiments.picture_sets import PictureSet, digits, mnist
from appkit.experiments.scores import Point, Scores, begun, check_asked, check_train, save, teller
from appkit.images.features import ScatteringFeatures
from appkit.images.nonlinear_classifier import EncodedClassifier
from appkit.images.separation import Separation

PROTOCOL = (
    "Nested training sets drawn by seed {seed} from the {n_train:,} training pictures; error on "
    "all {n_test:,} test pictures, the mean of {repeats} trainings by gradient descent. "
    "Scattering, {components} principal components of norm 1, {atoms} atoms, {epochs} epochs. "
    "Learning rates, λ and C are chosen on a fifth of each set, of its first {choosing:,} pictures "
    "at most."
)
#: Training pictures on which parameters are chosen.
CHOOSING = 2500
#: Trainings of a point, from other weights.
REPEATS = 3
_RATES = {"learning_rate": [0.01, 0.1]}
_THRESHOLDS = {"threshold": [0.02, 0.05, 0.1]}

#: The row that no gradient descent trains: it tells what of the others' lead is their training's.
CONVERGED = "converged"
#: Names of the rows, which but one are the encoders', what they say, and what to choose among.
ROWS: dict[str, tuple[str, dict[str, list[float]]]] = {
    "none": ("Linear", _RATES),
    CONVERGED: ("Linear, to convergence", {"C": [1.0, 3.0, 10.0, 30.0, 100.0, 300.0]}),
    "sparse": ("Sparse code", _RATES | _THRESHOLDS),
    "soft-threshold": ("Soft threshold", _RATES | _THRESHOLDS),
    "phase-collapse": ("Phase collapse", _RATES),
}


@dataclass(frozen=True)
class Preset:
    """Scales, sizes of training sets, principal components, and the classifier's parameters."""

    load: Callable[[], PictureSet]
    J: int
    sizes: tuple[int, ...]
    components: int
    training: dict[str, Any]

    def features(self) -> Pipeline:
        """What is learned of scattering coefficients without their labels."""
        return make_pipeline(StandardScaler(), FewComponents(self.components), Normalizer())


PRESETS = {
    "digits": Preset(digits, 1, (300, 1300), 64, {"atoms": 128, "epochs": 30}),
    "mnist": Preset(mnist, 3, (1000, 10_000), 64, {"atoms": 128, "epochs": 10, "batch_size": 128}),
}


def run(
    dataset: str = "digits",
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
    dataset
        Of `PRESETS`.
    rows
        Names of `ROWS`; None is all.
    train
        The largest training set; None is the preset's.
    seed
        Of training sets, of what is held out of them, and of the first training's weights.
    workers, device, progress, cancel, folder
        As in `appkit.experiments.scattering_pictures.run`.

    Raises
    ------
    ValueError
        An unknown data set, and what `appkit.experiments.scores.check_asked` and ``check_train``
        refuse.
    Cancelled
        ``cancel`` was set. Points that were done are kept: the same call goes on from there.
    """
    wanted = tuple(ROWS) if rows is None else tuple(rows)
    check_asked(wanted, ROWS, seed, device)
    if dataset not in PRESETS:
        known = ", ".join(PRESETS)
        raise ValueError(f"There is no data set {dataset!r}; there are {known}.")
    job = _Job(dataset, train, workers, seed, device, progress, cancel)
    blanks = [begun(job.blank(row), folder) for row in wanted]
    found = {scores.row: scores for scores in blanks}
    for size in job.sizes:
        for row in wanted:
            if found[row].at(size) is None:
                point = job.point(row, size)
                found[row] = replace(
                    found[row],
                    n_features=PRESETS[dataset].components,
                    feature_seconds=job.feature_seconds,
                ).plus(point)
                save(found[row], folder)
    return [found[row] for row in wanted]


def report(found: Sequence[Scores]) -> str:
    """The table for a terminal."""
    return score_tables.terminal(found, published.errors(found[0].experiment))


@dataclass(frozen=True)
class _Features:
    """Of a training set and all test pictures; and what parameters are chosen on, with labels."""

    train: NDArray
    test: NDArray
    kept: tuple[NDArray, NDArray]
    held: tuple[NDArray, NDArray]


class _Job:
    """The pictures of a run and the features of the training set that is worked on."""

    def __init__(
        self,
        dataset: str,
        train: int | None,
        workers: int | None,
        seed: int,
        device: str,
        progress: Progress | None,
        cancel: threading.Event | None,
    ) -> None:
        self.dataset, self.preset = dataset, PRESETS[dataset]
        self.pictures = self.preset.load()
        self.workers, self.seed, self.device = workers, seed, device
        self.progress, self.cancel = progress, cancel
        n = len(self.pictures.train[1])
        check_train(dataset, train, self.preset.sizes[0], n)
        self.order = np.random.default_rng(seed).permutation(n)
        largest = train or min(n, self.preset.sizes[-1])
        self.sizes = [size for size in self.preset.sizes if size < largest] + [largest]
        self.feature_seconds = 0.0
        self._scattered: tuple[NDArray, NDArray] | None = None
        self._last: tuple[int, _Features] | None = None

    def blank(self, row: str) -> Scores:
        """The record without its points."""
        label, grid = ROWS[row]
        training = self.preset.training
        n_test = len(self.pictures.test[1])
        told = {"seed": self.seed, "n_train": len(self.order), "n_test": n_test}
        told |= {"repeats": REPEATS, "components": self.preset.components, **training}
        told["choosing"] = CHOOSING
        parameters = {
            "J": self.preset.J,
            "components": self.preset.components,
            "seed": self.seed,
            "repeats": REPEATS,
            "choosing": CHOOSING,
            "grid": grid,
            **training,
        }
        return Scores(
            f"encodings-{self.dataset}",
            self.pictures.name,
            self.pictures.checksum,
            row,
            label,
            PROTOCOL.format(**told),
            parameters,
            n_test,
        )

    def point(self, row: str, size: int) -> Point:
        """Choose on the part held out, train on all, test."""
        features, labels = self._features(size), self.pictures.train[1][self.order[:size]]
        started = time.perf_counter()
        grid = list(ParameterGrid(ROWS[row][1]))
        missed = []
        for n, chosen in enumerate(grid):
            self._tell(f"{row}, {size:,} pictures: choosing", n, len(grid))
            model = self._model(row, chosen, self.seed).fit(*features.kept)
            missed.append(1 - model.score(*features.held))
        best = grid[int(np.argmin(missed))]
        models, repeats = [], 1 if row == CONVERGED else REPEATS
        for n in range(repeats):
            self._tell(f"{row}, {size:,} pictures: training", n, repeats)
            models.append(self._model(row, best, self.seed + n).fit(features.train, labels))
        self._tell(f"{row}, {size:,} pictures: training", repeats, repeats)
        seconds = time.perf_counter() - started
        tested = self.pictures.test[1]
        errors = [100 * float(np.mean(m.predict(features.test) != tested)) for m in models]
        encoded = features.test if row == CONVERGED else models[0].encoded(features.test)
        codes = Separation.of(encoded, tested)
        seen = {
            "errors": [round(error, 3) for error in errors],
            "between over within": round(codes.ratio, 3),
            "fisher": round(codes.fisher, 2),
        }
        return Point(size, round(float(np.mean(errors)), 3), round(seconds, 1), {**best, **seen})

    def _model(self, row: str, chosen: dict[str, float], seed: int) -> Any:
        if row == CONVERGED:
            return LogisticRegression(max_iter=2000, **chosen)
        options = {name: value for name, value in chosen.items() if name != "learning_rate"}
        return EncodedClassifier(
            row,
            options=options,
            learning_rate=chosen["learning_rate"],
            seed=seed,
            device=self.device,
            cancelled=None if self.cancel is None else self.cancel.is_set,
            **self.preset.training,
        )

    def _features(self, size: int) -> _Features:
        if self._last is None or self._last[0] != size:
            if self._scattered is None:
                self._scattered = self._scatter()
            train, test = self._scattered
            train, labels = train[:size], self.pictures.train[1][self.order[:size]]
            split = StratifiedShuffleSplit(1, test_size=0.2, random_state=self.seed)
            kept, held = next(split.split(train[:CHOOSING], labels[:CHOOSING]))
            part = self.preset.features().fit(train[kept])
            whole = self.preset.features().fit(train)
            self._last = (
                size,
                _Features(
                    whole.transform(train),
                    whole.transform(test),
                    (part.transform(train[kept]), labels[kept]),
                    (part.transform(train[held]), labels[held]),
                ),
            )
        return self._last[1]

    def _scatter(self) -> tuple[NDArray, NDArray]:
        """Coefficients of the largest training set and of all test pictures."""
        started = time.perf_counter()
        train = self.pictures.train[0][self.order[: self.sizes[-1]]]
        test = self.pictures.test[0]
        transformer = ScatteringFeatures(
            self.preset.J, device=self.device, n_jobs=self.workers or -1
        ).fit(train[:1])
        found = transformed(
            transformer,
            (train, test),
            lambda done, total: self._tell("scattering: pictures", done, total),
        )
        self.feature_seconds = round(time.perf_counter() - started, 1)
        return found[0], found[1]

    def _tell(self, stage: str, done: int, total: int) -> None:
        teller(stage, self.progress, self.cancel)(done, total)
