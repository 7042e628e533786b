"""BagNet-Scattering and its ablations, beside a plain BagNet and a network that is not local.

On scikit-learn's digits in minutes of a CPU, on CIFAR-10 or any tree of pictures (a folder a class,
as ImageNet and Imagenette come) with a GPU. Source: Thiry's talk; github.com/louity/
scattering_patch_cnn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from appkit.experiments import published, score_tables
from appkit.experiments.compute import Progress
from appkit.experiments.picture_sets import PictureSet, cifar10, digits, of_folder
from appkit.experiments.scores import Point, Scores, begun, check_asked, checkpoint, save, teller
from appkit.images.checks import check_whole
from appkit.images.trained import PositionClassifier

EXPERIMENT = "bagnet"
PROTOCOL = (
    "Trained on {n_train:,} pictures for {epochs} epochs, nothing chosen; error on {n_test:,} "
    "other ones."
)


@dataclass(frozen=True)
class Preset:
    """How networks are made and trained for a data set.

    Attributes
    ----------
    base : options of `appkit.images.networks.bagnet_scattering`.
    field : of the plain BagNet, pixels.
    training : parameters of `PositionClassifier`.
    """

    base: Mapping[str, Any]
    field: int
    training: Mapping[str, Any]


PRESETS = {
    "digits": Preset({"J": 1, "width": 64, "layers": 4}, 5, {"epochs": 30}),
    "cifar10": Preset(
        {"J": 2, "width": 512, "layers": 6},
        17,
        {"epochs": 60, "batch_size": 128, "crop": 4, "flip": True},
    ),
}
#: Of a tree of pictures: the authors' for ImageNet.
FOLDER = Preset(
    {"J": 4, "width": 2048, "layers": 8},
    33,
    {"epochs": 100, "batch_size": 256, "learning_rate": 0.1, "flip": True},
)

#: Names of the rows, what they say, the architecture, and what is changed of the preset's options.
ROWS: dict[str, tuple[str, str, Callable[[Preset], dict[str, Any]]]] = {
    "bagnet-scattering": ("BagNet-Scattering", "bagnet-scattering", lambda p: {}),
    "no-neighbours": (
        "no neighbours joined",
        "bagnet-scattering",
        lambda p: {"neighbours": 1},
    ),
    "narrow": (
        "half as wide",
        "bagnet-scattering",
        lambda p: {"width": p.base["width"] // 2},
    ),
    "shallow": (
        "half as deep",
        "bagnet-scattering",
        lambda p: {"layers": p.base["layers"] // 2},
    ),
    "linear": ("linear", "bagnet-scattering", lambda p: {"layers": 0}),
    "first-order": ("first order only", "bagnet-scattering", lambda p: {"order": 1}),
    "no-oversampling": ("no oversampling", "bagnet-scattering", lambda p: {"oversampling": 0}),
    "bagnet": ("BagNet", "bagnet", lambda p: {"field": p.field}),
    "hybrid": ("Scattering and 3 × 3 convolutions (not local)", "hybrid", lambda p: {}),
}


def run(
    dataset: str = "digits",
    *,
    rows: Sequence[str] | None = None,
    epochs: int | None = None,
    batch: int | None = None,
    side: int = 224,
    most: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    folder: Path | None = None,
) -> list[Scores]:
    """Train each row's network, write the records, and return them.

    Parameters
    ----------
    dataset
        "digits", "cifar10", or a folder of folders of pictures; a fifth of each class is tested on.
    rows
        Names of `ROWS`; None is all, of digits those that differ where there is one scale.
    epochs, batch
        In the place of the preset's: passes over the pictures, and pictures of a step.
    side, most
        Of a folder: pixels along a side of its pictures, and how many of each class.
    seed
        Of the weights and of all that is drawn.
    device, progress, cancel, folder
        As in `appkit.experiments.scattering_pictures.run`.

    Raises
    ------
    ValueError
        What `appkit.experiments.scores.check_asked` refuses, an unknown data set, a folder that
        cannot be read, pictures too small for a row, networks over the memory.
    Cancelled
        ``cancel`` was set. The same call goes on from the last epoch.
    """
    wanted = [row for row in ROWS if _differs(row, dataset)] if rows is None else list(rows)
    check_asked(wanted, ROWS, seed, device)
    preset = _preset(dataset)
    asked = {"epochs": epochs, "batch_size": batch}
    given = {name: value for name, value in asked.items() if value is not None}
    models = {row: _model(row, preset, seed=seed, device=device, **given) for row in wanted}
    if preset is FOLDER:
        _check_side(models, side, most)
    whole = _read(dataset, side, most, seed, teller("pictures", progress, cancel))
    found = []
    for row, model in models.items():
        blank = _blank(whole, row, ROWS[row][0], model)
        state = checkpoint(blank)
        model.set_params(
            checkpoint=str(state),
            cancelled=None if cancel is None else cancel.is_set,
            progress=teller(f"{row}: steps", progress),
        )
        scores = begun(blank, folder)
        if not scores.points:
            scores = _scored(model, whole, scores)
            save(scores, folder)
            state.unlink(missing_ok=True)
        found.append(scores)
    return found


def report(found: Sequence[Scores]) -> str:
    """The table for a terminal, beside the published figures."""
    return score_tables.terminal(found, published.errors(EXPERIMENT))


def _differs(row: str, dataset: str) -> bool:
    """The digits have one scale, and no second order."""
    return dataset != "digits" or row != "first-order"


def _preset(dataset: str) -> Preset:
    if dataset in PRESETS:
        return PRESETS[dataset]
    if not Path(dataset).is_dir():
        known = ", ".join(PRESETS)
        raise ValueError(f"There is no data set {dataset!r}: it is {known}, or a folder.")
    return FOLDER


def _model(row: str, preset: Preset, **training: Any) -> PositionClassifier:
    _, architecture, change = ROWS[row]
    given = {"J": preset.base["J"]} if architecture == "hybrid" else dict(preset.base)
    options = change(preset) if architecture == "bagnet" else given | change(preset)
    return PositionClassifier(architecture, options, **{**preset.training, **training})


def _check_side(models: Mapping[str, PositionClassifier], side: int, most: int | None) -> None:
    """Refuse, before a folder is read, rows that its pictures are too small or too large for."""
    check_whole(side=side, most=1 if most is None else most)
    for row, model in models.items():
        try:
            model.check((3, side, side), n_classes=2, n=model.batch_size)
        except ValueError as error:
            raise ValueError(f"{row}, side {side}: {error}") from error


def _read(
    dataset: str, side: int, most: int | None, seed: int, told: Callable[[int, int], None]
) -> PictureSet:
    if dataset in PRESETS:
        return {"digits": digits, "cifar10": cifar10}[dataset]()
    return of_folder(Path(dataset), side, most, seed, told)


def _blank(whole: PictureSet, row: str, label: str, model: PositionClassifier) -> Scores:
    """The record without its point."""
    beside = ("device", "checkpoint", "progress", "cancelled")
    given = {name: value for name, value in model.get_params().items() if name not in beside}
    n_train, n_test = len(whole.train[1]), len(whole.test[1])
    protocol = PROTOCOL.format(n_train=n_train, n_test=n_test, epochs=model.epochs)
    if whole.note:
        protocol += f" {whole.note}"
    return Scores(
        EXPERIMENT, whole.name, whole.checksum, row, label, protocol, given, n_test, "epochs"
    )


def _scored(model: PositionClassifier, whole: PictureSet, scores: Scores) -> Scores:
    started = time.perf_counter()
    model.fit(*whole.train)
    pictures, labels = whole.test
    error = 100 * float(np.mean(model.predict(pictures) != labels))
    seen = {"field": model.net_.field, "parameters": _size(model)}
    seconds = round(time.perf_counter() - started, 1)
    return replace(scores, n_features=seen["parameters"]).plus(
        Point(model.epochs, round(error, 3), seconds, seen)
    )


def _size(model: PositionClassifier) -> int:
    return sum(p.numel() for p in model.net_.parameters() if p.requires_grad)
