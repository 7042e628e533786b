"""What the evidence page shows of a picture: what a local model's patches say, and of how much."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skimage.color import rgb2gray

from appkit.dashboards.evidence_models import SUBJECTS, WITH_DICTIONARY, Reader, here, shelf
from appkit.dashboards.jobs import Task
from appkit.experiments import published, score_tables, scores, tables
from appkit.images import locality
from appkit.images.dimension import PatchDimensions
from appkit.images.fields import Fields
from appkit.images.reading import read_picture, square

Pixels = NDArray[Any]
Values = NDArray[np.floating]

#: What the first column of the results is called.
ROW = "Errors in %"
#: Pictures whose patches are searched for the most convincing.
N_CONVINCING = 100
#: Sizes of patches whose dimensions are counted, how many of each, and from how many pictures.
SIZES, N_PATCHES, N_MEASURED = (3, 4, 6, 8, 12), 2000, 600


@dataclass(frozen=True, eq=False)
class Seen:
    """What a model sees in a picture.

    Attributes
    ----------
    pixels : as the model reads them.
    scores : of the classes.
    evidence : (classes, rows, columns).
    fields : which pixels each position sees.
    truth : the label, None where nobody knows.
    """

    pixels: Pixels
    scores: Values
    evidence: Values
    fields: Fields
    truth: int | None

    @property
    def best(self) -> int:
        """The class of the largest score."""
        return int(self.scores.argmax())

    def strongest(self, label: int) -> tuple[int, int]:
        """Where the evidence for a class is largest."""
        values = self.evidence[label]
        row, column = np.unravel_index(int(values.argmax()), values.shape)
        return int(row), int(column)


@dataclass(frozen=True, eq=False)
class Near:
    """A patch of the dictionary: pixels, distance, label of its picture, vote for a class."""

    pixels: Pixels
    distance: float
    label: int
    vote: float


def see(reader: Reader, pixels: Pixels, truth: int | None = None) -> Seen:
    """Scores and evidence of a picture (H, W) or (H, W, C)."""
    model, batch = reader.model, np.asarray(pixels)[None]
    return Seen(
        pixels,
        model.decision_function(batch)[0],
        model.evidence(batch)[0],
        model.fields,
        truth,
    )


def shown(dataset: str, index: int, tiles: int) -> tuple[Pixels, int]:
    """A picture of a data set, its tiles in another order where that is asked for, and its label.

    Raises ``ValueError`` for a number that there is not.
    """
    pictures, labels = shelf(dataset).test
    if not 0 <= index < len(labels):
        raise ValueError(f"There is no picture {index}: they go from 0 to {len(labels) - 1}.")
    return shuffled(pictures[index], tiles), int(labels[index])


def shuffled(pixels: Pixels, tiles: int) -> Pixels:
    """Tiles of so many pixels in another order; 0 leaves the picture as it is."""
    return pixels if not tiles else locality.shuffle_tiles(pixels, tiles, seed=0)


def brought(content: bytes, name: str, dataset: str) -> Pixels:
    """A person's picture as the models of a data set read it: its middle, as small as theirs.

    Numerals are light on dark; a picture that is mostly light is turned into its negative.
    """
    pixels = square(read_picture(content, name), SUBJECTS[dataset].side)
    like = shelf(dataset).test[0]
    if like.ndim == 4:
        return pixels
    grey = rgb2gray(pixels)
    grey = 1 - grey if grey.mean() > 0.5 else grey
    return np.round(255 * grey).astype(np.uint8) if like.dtype == np.uint8 else grey


def without(reader: Reader, pixels: Pixels, mask: NDArray[np.bool_]) -> tuple[Values, Values]:
    """Scores less the evidence of masked patches, and of the picture whose masked pixels are grey.

    The first is a part of the same sum; the second lets the model read again.
    """
    again = locality.mask_pixels(pixels, mask)[None]
    return (
        locality.masked_scores(reader.model, pixels, mask),
        reader.model.decision_function(again)[0],
    )


def dimensions(
    dataset: str, regularisation: float, size: int, task: Task
) -> dict[int, PatchDimensions]:
    """Of patches of several sizes, ``size`` among them; not of those of which there are too few."""
    found: dict[int, PatchDimensions] = {}
    if not here(dataset):
        return found
    side = SUBJECTS[dataset].side
    for each in sorted({*SIZES, size}):
        if max(0, side - each + 1) ** 2 * N_MEASURED >= 2 * N_PATCHES:
            task.check()
            found[each] = _dimensions(dataset, regularisation, each)
    return found


@lru_cache(maxsize=64)
def _dimensions(dataset: str, regularisation: float, size: int) -> PatchDimensions:
    """Of patches of pictures that are trained on."""
    pictures = shelf(dataset).train[0][:N_MEASURED]
    return PatchDimensions.of(pictures, size, regularisation=regularisation, n_patches=N_PATCHES)


def near(reader: Reader, seen: Seen, row: int, column: int, label: int, n: int = 8) -> list[Near]:
    """The nearest patches of the dictionary to a position's, the first the nearest."""
    if reader.setting.model not in WITH_DICTIONARY:
        return []
    encoder = reader.model.encoder_
    found = reader.model.neighbours(seen.pixels, row, column, n)
    shape = (encoder.shape_[0], encoder.patch_size, encoder.patch_size)
    pixels = encoder.patches_[found["patch"]].reshape(-1, *shape).transpose(0, 2, 3, 1)
    votes = found[f"for {reader.model.classes_[label]}"]
    return [
        Near(*each) for each in zip(pixels, found["distance"], found["label"], votes, strict=True)
    ]


def convincing(
    reader: Reader, label: int, task: Task, n: int = 12
) -> list[tuple[Pixels, float, int]]:
    """Of the first pictures, one patch each: pixels, evidence for a class, the picture's label."""
    pictures, labels = shelf(reader.setting.dataset).test

    def progress(done: int, total: int) -> None:
        task.check()

    found = locality.convincing_patches(
        reader.model, pictures[:N_CONVINCING], label, n, progress=progress
    )
    return [(patch.pixels, patch.evidence, int(labels[patch.picture])) for patch in found]


def results(dataset: str) -> tuple[pd.DataFrame, str]:
    """The table of a data set from the records, beside the published figures, and its sources."""
    experiment = {"digits": "bagnet", "mnist": "mnist", "cifar10": "cifar10-patches"}[dataset]
    rows = {name: s for name, s in scores.table_of(experiment).items() if s.dataset == dataset}
    found = tables.in_order(experiment, rows)
    if not found:
        return pd.DataFrame(), f"Not computed yet: appkit run {experiment}"
    figures = published.errors(experiment) if dataset != "digits" else []
    head, *lines = score_tables.table(found, figures)
    frame = pd.DataFrame(lines, columns=[ROW, *head[1:]])
    return frame, " ".join([f"{head[0]}.", *score_tables.legend(found, figures)])
