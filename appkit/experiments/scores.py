"""Records of classifications: one method on one data set, its errors as something grows:
the training set, or the dictionary.

One file a method, below ``results/scores``. It is written after every point, so that a run which
was stopped goes on from there, and a table is the newest file of each of its rows.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appkit.device import check_device
from appkit.experiments import provenance
from appkit.experiments.compute import Progress
from appkit.experiments.files import (
    FEATURES,
    PACKAGED_RESULTS,
    RECORDS,
    features_folder,
    make_folder,
    results_folder,
    write_json,
)
from appkit.experiments.result import RecordError
from appkit.images.checks import check_whole
from appkit.regression import Cancelled

FORMAT = 1
_FOLDER = "scores"


@dataclass(frozen=True)
class Point:
    """A trained classifier.

    Attributes
    ----------
    size : pictures that it was trained on, or patches of its dictionary; see `Scores.axis`.
    error : per cent of the tested pictures that it misses.
    seconds : features of these pictures aside.
    chosen : what was chosen on the training pictures, such as {"C": 10}.
    """

    size: int
    error: float
    seconds: float
    chosen: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """One method on one data set.

    Attributes
    ----------
    experiment, dataset, checksum : what was computed; the checksum is of pictures and labels.
    row, label : the method's identifier and the words that stand in a table.
    protocol : in words, how training sets are drawn and what is chosen where.
    parameters : all that a point depends on.
    axis : what the sizes of the points count.
    n_test, n_features : pictures tested on; numbers that the classifier reads of a picture.
    points : in the order of their sizes.
    feature_seconds : for the features of all pictures, on ``machine``.
    """

    experiment: str
    dataset: str
    checksum: str
    row: str
    label: str
    protocol: str
    parameters: dict[str, Any]
    n_test: int
    axis: str = "pictures trained on"
    n_features: int = 0
    points: tuple[Point, ...] = ()
    feature_seconds: float = 0.0
    machine: dict[str, Any] = field(default_factory=provenance.machine)
    versions: dict[str, str] = field(default_factory=provenance.versions)
    commit: str | None = field(default_factory=provenance.commit)
    date: str = field(default_factory=lambda: _now())
    format: int = FORMAT

    @property
    def filename(self) -> str:
        """The record's file; a repetition of the same run replaces it."""
        what = [self.experiment, self.dataset, self.checksum, self.row, self.parameters]
        key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:8]
        return f"{self.experiment}.{self.row}.{key}.json"

    def at(self, size: int) -> Point | None:
        """The point of this size, None where it was not computed."""
        return next((point for point in self.points if point.size == size), None)

    def standard_error(self, point: Point) -> float:
        """Per cent, of an error over the tested pictures."""
        share = point.error / 100
        return 100 * math.sqrt(share * (1 - share) / self.n_test)

    def plus(self, point: Point) -> Scores:
        """With one more point, computed here and now."""
        points = [other for other in self.points if other.size != point.size]
        return replace(
            self,
            points=tuple(sorted([*points, point], key=lambda p: p.size)),
            machine=provenance.machine(),
            versions=provenance.versions(),
            commit=provenance.commit(),
            date=_now(),
        )


def save(scores: Scores, folder: Path | None = None) -> Path:
    """Write a record below ``folder``, by default `appkit.experiments.files.results_folder`."""
    path = make_folder((folder or results_folder()) / _FOLDER, RECORDS) / scores.filename
    write_json(path, asdict(scores))
    return path


def load(path: Path) -> Scores:
    """Read one record; RecordError where it is missing, no JSON, or not of this format."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"it is not of format {FORMAT}")
        points = tuple(Point(**point) for point in content.pop("points"))
        if not all(math.isfinite(point.error) for point in points):
            raise ValueError("an error is not finite")
        datetime.fromisoformat(content["date"])
        return Scores(points=points, **content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(
            f"the record {path} cannot be read ({error}); delete it and run its experiment again"
        ) from error


def begun(scores: Scores, folder: Path | None = None) -> Scores:
    """The record of the same run, with its points, where there is one."""
    path = (folder or results_folder()) / _FOLDER / scores.filename
    if not path.is_file():
        return scores
    return replace(load(path), label=scores.label, protocol=scores.protocol)


def checkpoint(scores: Scores, part: object = "") -> Path:
    """Where a training that a record waits for keeps its state."""
    key = hashlib.sha256(f"{scores.filename}{part}".encode()).hexdigest()[:16]
    return make_folder(features_folder() / "trainings", FEATURES) / f"{key}.pt"


def table_of(experiment: str, folders: Iterable[Path] | None = None) -> dict[str, Scores]:
    """Of each row the newest record that has the most points: those shipped and the user's own."""
    found: dict[str, Scores] = {}
    for folder in (PACKAGED_RESULTS, results_folder()) if folders is None else folders:
        for path in sorted((folder / _FOLDER).glob(f"{experiment}.*.json")):
            scores = load(path)
            old = found.get(scores.row)
            if old is None or _rank(old) < _rank(scores):
                found[scores.row] = scores
    return found


def check_asked(rows: Sequence[str], known: Iterable[str], seed: int, device: str) -> None:
    """Raise ``ValueError`` before any work, for what all experiments are asked.

    A row that is not ``known`` or is asked for twice, a seed that is no whole number from 0 up, a
    device that is not here.
    """
    names = list(known)
    if unknown := [row for row in rows if row not in names]:
        raise ValueError(f"There is no row {unknown[0]}; the rows are {', '.join(names)}.")
    if twice := [row for i, row in enumerate(rows) if row in rows[:i]]:
        raise ValueError(f"The row {twice[0]} is asked for twice.")
    check_whole(least=0, seed=seed)
    check_device(device)


def check_train(dataset: str, train: int | None, least: int, n: int) -> None:
    """Raise ``ValueError`` unless a largest training set is from ``least`` to the ``n`` there are.

    None is all, or the experiment's own.
    """
    if train is None:
        return
    if train < least:
        raise ValueError(f"{dataset} is learned from {least} pictures or more, not {train}.")
    if train > n:
        raise ValueError(f"{dataset} has {n:,} training pictures, not {train:,}.")


def teller(
    stage: str, progress: Progress | None, cancel: threading.Event | None = None
) -> Callable[[int, int], None]:
    """Tells (done, total) of a stage; raises `appkit.regression.Cancelled` where that was asked."""

    def tell(done: int, total: int) -> None:
        if progress is not None:
            progress(stage, done, total)
        if cancel is not None and cancel.is_set():
            raise Cancelled

    return tell


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _rank(scores: Scores) -> tuple[int, str]:
    return len(scores.points), scores.date
