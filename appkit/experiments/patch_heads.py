"""Rows of the table of patches whose head is trained by gradient descent."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from appkit.experiments.compute import Progress
from appkit.experiments.picture_sets import PictureSet
from appkit.experiments.scores import Point, Scores, begun, checkpoint, save, teller
from appkit.images.trained import PositionClassifier

PROTOCOL = (
    "Dictionary of N random 6 × 6 patches of the training pictures, K = 0.4 N; the head by "
    "stochastic gradient descent on all {n_train:,} training pictures, {epochs} epochs with a "
    "learning rate that falls as a half cosine, cropped and mirrored anew in each. Nothing is "
    "chosen; error on all {n_test:,} test pictures."
)
#: Passes over the pictures where none are asked for; the authors' are 80 and more.
EPOCHS = 24

#: Names of the rows: what they say, and the options of `appkit.images.heads.simple_patch`.
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "linear": ("Mahalanobis, linear head", {"head": "linear"}),
    "low-rank": ("Mahalanobis, low-rank head", {"head": "low-rank"}),
    "hidden": ("Mahalanobis, hidden layer", {"head": "hidden"}),
}


def scored(
    experiment: str,
    row: str,
    whole: PictureSet,
    patches: int,
    *,
    epochs: int | None = None,
    workers: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    folder: Path | None = None,
) -> Scores:
    """Train one row's head on N ``patches`` and test it; a training that was stopped goes on.

    The record has a point for each N that was trained with these parameters.

    Raises
    ------
    Cancelled
        ``cancel`` was set; what the last epoch left is kept.
    """
    label, options = ROWS[row]
    n_epochs = EPOCHS if epochs is None else epochs
    training: dict[str, Any] = {
        "epochs": n_epochs,
        "batch_size": 128,
        # Fewer epochs take larger steps; 80 take the authors'.
        "learning_rate": round(3e-3 * max(1.0, 80 / n_epochs), 6),
        "weight_decay": 0.0,
        "crop": 4,
        "flip": True,
        "seed": seed,
    }
    n_train, n_test = len(whole.train[1]), len(whole.test[1])
    scores = begun(
        Scores(
            experiment,
            whole.name,
            whole.checksum,
            row,
            label,
            PROTOCOL.format(n_train=n_train, n_test=n_test, epochs=n_epochs),
            options | training,
            n_test,
            axis="patches N",
        ),
        folder,
    )
    if scores.at(patches) is None:
        state = checkpoint(scores, patches)
        model = PositionClassifier(
            "simple-patch",
            options | {"n_patches": patches, "n_jobs": workers or -1, "random_state": seed},
            device=device,
            checkpoint=str(state),
            progress=teller(f"{row}, N = {patches:,}: steps", progress),
            cancelled=None if cancel is None else cancel.is_set,
            **training,
        )
        scores = scores.plus(_point(model, whole, patches))
        save(scores, folder)
        state.unlink(missing_ok=True)
    return scores


def _point(model: PositionClassifier, whole: PictureSet, patches: int) -> Point:
    started = time.perf_counter()
    model.fit(*whole.train)
    error = 100 * (1 - float(model.score(*whole.test)))
    seconds = round(time.perf_counter() - started, 1)
    return Point(patches, round(error, 3), seconds, {"field": model.net_.field})
