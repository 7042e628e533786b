"""CIFAR-10 by which patches are near: errors against the size of the dictionary.

Pictures are coded by the nearest of N random patches, averaged over four windows, and told apart by
a ridge regression. That takes minutes of a CPU where the authors' heads, trained by gradient
descent on 9 × 9 windows, take hours: they are rows of their own. Beside them the naive baseline, in
which patches vote by the labels of their nearest ones. Source: Thiry, Arbel, Belilovsky, Oyallon,
ICLR 2021, arXiv:2101.07528; Thiry's talk.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from appkit.experiments import patch_heads, published, score_tables
from appkit.experiments.compute import Progress
from appkit.experiments.picture_sets import PictureSet, cifar10
from appkit.experiments.scores import Point, Scores, begun, check_asked, save, teller
from appkit.images.nearest import check_neighbours
from appkit.images.simple_patch import SimplePatch
from appkit.images.votes import PatchVotes

EXPERIMENT = "cifar10-patches"
PROTOCOL = (
    "Dictionaries of N random 6 × 6 patches of the training pictures, K = 0.4 N, average pooling "
    "on 2 × 2 windows, ridge regression. The ridge is chosen on a tenth of the {n_train:,} "
    "training pictures, held out, and then trained on all; error on all {n_test:,} test pictures. "
    "Votes: every patch of a picture votes for the labels of its {k} nearest, nothing is trained."
)
#: Neighbours that vote.
VOTERS = 10
SIZES = (256, 512, 1024, 2048, 4096)
#: Patches of the largest dictionary where none are asked for: 71 minutes of one busy core.
USUAL = 2048

#: Names of the rows: what they say, and their parameters: of `PatchVotes` where they are votes, of
#: `SimplePatch` elsewhere.
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "l2": ("Nearest patches, l2", {"metric": "l2"}),
    "mahalanobis": ("Nearest patches, Mahalanobis", {}),
    "released": ("Nearest patches, released scaling", {"scaling": "released"}),
    "mirrored": ("Mahalanobis, mirror images too", {"flip": True}),
    "votes-l2": ("Votes of nearest patches, l2", {"metric": "l2", "k": VOTERS}),
    "votes": ("Votes of nearest patches, Mahalanobis", {"k": VOTERS}),
}
NAMES = (*ROWS, *patch_heads.ROWS)
#: What runs where no rows are asked for: the best of those that take minutes.
USUAL_ROWS = ("mirrored",)


def run(
    patches: int = USUAL,
    *,
    rows: Sequence[str] = USUAL_ROWS,
    epochs: int | None = None,
    pictures: PictureSet | None = None,
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
    patches
        N of the largest dictionary, and the only one for heads by gradient descent.
    rows
        Names of `NAMES`.
    epochs
        Of heads by gradient descent; None is `appkit.experiments.patch_heads.EPOCHS`.
    pictures
        In the place of CIFAR-10.
    seed
        Of the patches and of what is held out.
    workers, device, progress, cancel, folder
        As in `appkit.experiments.scattering_pictures.run`.

    Raises
    ------
    ValueError
        What `appkit.experiments.scores.check_asked` refuses, fewer than two patches, no more of
        them than voters, sums of the ridge over the memory.
    Cancelled
        ``cancel`` was set. Points that were done are kept: the same call goes on from there.
    """
    check_asked(rows, NAMES, seed, device)
    if patches < 2:
        raise ValueError(f"A dictionary has two patches or more, not {patches}.")
    whole = cifar10() if pictures is None else pictures
    sizes = [size for size in SIZES if size < patches] + [patches]
    common: dict[str, Any] = {"n_jobs": workers or -1, "random_state": seed}
    models: dict[str, SimplePatch | PatchVotes] = {}
    for row in (row for row in rows if row in ROWS):
        if row.startswith("votes"):
            check_neighbours(VOTERS, sizes[0])
            models[row] = PatchVotes(patches, **common, **ROWS[row][1])
        else:
            model = SimplePatch(patches, device=device, **common, **ROWS[row][1])
            model.check_memory(whole.test[0][:1])
            models[row] = model

    told: dict[str, Any] = {"progress": progress, "cancel": cancel, "folder": folder}
    gradient = {"epochs": epochs, "workers": workers, "seed": seed, "device": device} | told
    return [
        _curve(row, models[row], whole, sizes, **told)
        if row in models
        else patch_heads.scored(EXPERIMENT, row, whole, patches, **gradient)
        for row in rows
    ]


def _curve(
    row: str,
    model: SimplePatch | PatchVotes,
    whole: PictureSet,
    sizes: Sequence[int],
    progress: Progress | None,
    cancel: threading.Event | None,
    folder: Path | None,
) -> Scores:
    """All points of a row; those of an earlier run are taken as they are."""
    scores = begun(_blank(whole, row, model), folder)
    for size in sizes:
        if scores.at(size) is None:
            tell = teller(f"{row}, N = {size:,}: pictures", progress, cancel)
            model.set_params(n_patches=size, progress=tell)
            scores = scores.plus(_point(model, whole))
            save(scores, folder)
    return scores


def report(found: Sequence[Scores]) -> str:
    """The table for a terminal, beside the published figures."""
    return score_tables.terminal(found, published.errors(EXPERIMENT))


def _blank(whole: PictureSet, row: str, model: SimplePatch | PatchVotes) -> Scores:
    """The record without points."""
    beside = ("n_patches", "n_jobs", "device", "progress")
    given = {name: value for name, value in model.get_params().items() if name not in beside}
    if "alphas" in given:
        given["alphas"] = list(given["alphas"])
    n_train, n_test = len(whole.train[1]), len(whole.test[1])
    return Scores(
        EXPERIMENT,
        whole.name,
        whole.checksum,
        row,
        ROWS[row][0],
        PROTOCOL.format(n_train=n_train, n_test=n_test, k=VOTERS),
        given,
        n_test,
        axis="patches N",
    )


def _point(model: SimplePatch | PatchVotes, whole: PictureSet) -> Point:
    started = time.perf_counter()
    model.fit(*whole.train)
    error = 100 * (1 - float(model.score(*whole.test)))
    seconds = round(time.perf_counter() - started, 1)
    chosen = {"alpha": model.alpha_} if isinstance(model, SimplePatch) else {}
    return Point(model.n_patches, round(error, 3), seconds, chosen)
