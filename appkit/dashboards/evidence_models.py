"""Local models of small pictures that the evidence page trains while a person waits."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appkit.dashboards.jobs import Task
from appkit.data import catalogue
from appkit.data.download import DataError
from appkit.data.images import CIFAR10_CLASSES
from appkit.experiments.picture_sets import PictureSet, cifar10, digits, mnist
from appkit.images.simple_patch import SimplePatch
from appkit.images.trained import PositionClassifier
from appkit.images.votes import PatchVotes

#: Models that stay trained, for all sessions.
_KEPT = 6
#: Pictures that are shown and tested on.
N_SHOWN = 400
_NUMERALS = tuple("0123456789")


@dataclass(frozen=True)
class Subject:
    """A data set that the page teaches its models.

    Attributes
    ----------
    title : in the menu.
    load : all of its pictures.
    catalogued : its name in the catalogue; empty for the embedded one.
    classes : what its labels are called.
    n_train : pictures that the page trains on.
    side : pixels of a picture.
    size : P that fits it.
    networks : options and training of the networks.
    """

    title: str
    load: Any
    catalogued: str
    classes: tuple[str, ...]
    n_train: int
    side: int
    size: int
    networks: Mapping[str, tuple[dict[str, Any], dict[str, Any]]]


_SMALL = {"epochs": 12, "learning_rate": 0.1}
SUBJECTS = {
    "digits": Subject(
        "Digits, 8 × 8",
        digits,
        "",
        _NUMERALS,
        1300,
        8,
        3,
        {
            "bagnet-scattering": ({"J": 1, "width": 64}, {"epochs": 15}),
            "bagnet": ({"width": 32}, {"epochs": 15}),
        },
    ),
    "mnist": Subject(
        "MNIST, 32 × 32",
        mnist,
        "mnist",
        _NUMERALS,
        3000,
        32,
        6,
        {
            "bagnet-scattering": ({"J": 2, "width": 64}, _SMALL),
            "bagnet": ({"width": 24}, {"epochs": 5}),
        },
    ),
    "cifar10": Subject(
        "CIFAR-10, 32 × 32 in colour",
        cifar10,
        "cifar10",
        CIFAR10_CLASSES,
        4000,
        32,
        6,
        {
            "bagnet-scattering": ({"J": 2, "width": 128}, _SMALL),
            "bagnet": ({"width": 24}, {"epochs": 5}),
        },
    ),
}
MODELS = {
    "SimplePatch": "simple-patch",
    "Votes of the nearest patches": "votes",
    "BagNet-Scattering": "bagnet-scattering",
    "BagNet": "bagnet",
}
#: "released" is Mahalanobis with the scaling of the authors' code.
METRICS = {
    "Mahalanobis (whitened)": "mahalanobis",
    "Mahalanobis, as in the released code": "released",
    "l2": "l2",
}
#: Models that have a dictionary.
WITH_DICTIONARY = ("simple-patch", "votes")
#: K / N that suits a model: many neighbours make a code, few make a vote.
USUAL_SHARES = {"simple-patch": 0.4, "votes": 0.04}


@dataclass(frozen=True)
class Setting:
    """A model to train.

    Attributes
    ----------
    dataset, model : of `SUBJECTS` and `MODELS`.
    patches, size, share : N, P and K / N; of a BagNet ``size`` is its field.
    metric, regularisation : of `METRICS`, and see `appkit.images.encoder.PatchEncoder`.
    """

    dataset: str
    model: str
    patches: int = 256
    size: int = 3
    share: float = 0.4
    metric: str = "mahalanobis"
    regularisation: float = 1e-3

    @property
    def field(self) -> int:
        """Of a BagNet: an odd number."""
        return self.size + 1 - self.size % 2

    def plain(self) -> Setting:
        """Without what this model does not read, so that the same model is the same setting."""
        if self.model == "bagnet-scattering":
            return Setting(self.dataset, self.model)
        if self.model == "bagnet":
            return Setting(self.dataset, self.model, size=self.field)
        if self.metric == "l2":
            return replace(self, regularisation=1.0)
        if self.metric == "released" and self.model == "votes":
            return replace(self, metric="mahalanobis")  # its scaling measures no distance
        return self


@dataclass(frozen=True, eq=False)
class Reader:
    """A trained model, and how well it reads pictures that it never saw.

    Attributes
    ----------
    model : with ``evidence``.
    predicted : labels that it gives to the shown pictures.
    error : per cent of them that it misses.
    n_train : pictures that it was trained on.
    seconds : of the training.
    """

    setting: Setting
    model: Any
    predicted: NDArray[np.intp]
    error: float
    n_train: int
    seconds: float

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the model's labels."""
        return SUBJECTS[self.setting.dataset].classes

    @property
    def misread(self) -> NDArray[np.intp]:
        """Numbers of the shown pictures that it misses."""
        return np.flatnonzero(self.predicted != shelf(self.setting.dataset).test[1])


@lru_cache(maxsize=3)
def shelf(dataset: str) -> PictureSet:
    """What the page trains on and shows of a data set; raises as the readers do."""
    subject = SUBJECTS[dataset]
    whole = subject.load()
    drawn = np.random.default_rng(0).permutation(len(whole.train[1]))[: subject.n_train]
    pictures, labels = whole.test
    return PictureSet(
        dataset,
        (whole.train[0][drawn], whole.train[1][drawn]),
        (pictures[:N_SHOWN].copy(), labels[:N_SHOWN].astype(int)),
    )


def here(dataset: str) -> bool:
    """Whether the pictures are on this machine; a page never downloads unasked."""
    name = SUBJECTS[dataset].catalogued
    return not name or all(catalogue.where(name).values())


def kept(setting: Setting) -> Reader | None:
    """The model of a setting where it was trained before."""
    plain = setting.plain()
    with _lock:
        if plain in _trained:
            _trained.move_to_end(plain)
        return _trained.get(plain)


def learn(setting: Setting, task: Task) -> Reader:
    """Train a model, or take it from those that were trained before.

    Raises
    ------
    ValueError
        Patches or a dictionary that do not fit the pictures, a memory that does not suffice.
    DataError
        The pictures are not on this machine.
    """
    if (reader := kept(setting)) is not None:
        return reader
    plain = setting.plain()
    if not here(setting.dataset):
        name = SUBJECTS[setting.dataset].catalogued
        raise DataError(f"{name} is not on this machine: press Download.")
    reader = _learn(plain, task)
    with _lock:
        _trained[plain] = reader
        while len(_trained) > _KEPT:
            _trained.popitem(last=False)
    return reader


_trained: OrderedDict[Setting, Reader] = OrderedDict()
_lock = threading.Lock()


def _learn(setting: Setting, task: Task) -> Reader:
    pictures = shelf(setting.dataset)

    def progress(done: int, total: int) -> None:
        task.progress(0.95 * done / total, f"Training: {done:,} of {total:,}")

    task.progress(0, "Drawing patches and whitening them")
    model = _model(setting, progress)
    started = time.perf_counter()
    model.fit(*pictures.train)
    seconds = time.perf_counter() - started
    model.set_params(progress=None)  # it holds on to the session
    task.progress(0.95, "Testing")
    predicted = np.asarray(model.predict(pictures.test[0])).astype(int)
    error = 100 * float(np.mean(predicted != pictures.test[1]))
    return Reader(setting, model, predicted, error, len(pictures.train[1]), seconds)


def _model(setting: Setting, progress: Any) -> Any:
    if setting.model in WITH_DICTIONARY:
        shared: dict[str, Any] = {
            "n_patches": setting.patches,
            "patch_size": setting.size,
            "k": setting.share,
            "metric": "l2" if setting.metric == "l2" else "mahalanobis",
            "regularisation": setting.regularisation,
            "progress": progress,
        }
        if setting.model == "votes":
            return PatchVotes(**shared)
        scaling = "released" if setting.metric == "released" else "exact"
        return SimplePatch(scaling=scaling, **shared)
    options, training = SUBJECTS[setting.dataset].networks[setting.model]
    if setting.model == "bagnet":
        options = options | {"field": setting.field}
    return PositionClassifier(setting.model, options, progress=progress, **training)
