"""Nearest neighbours of patches alone: every patch of a picture votes, nothing is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from appkit import memory
from appkit.images.checks import as_labels
from appkit.images.encoder import PatchEncoder
from appkit.images.fields import Fields
from appkit.images.nearest import check_neighbours, label_votes
from appkit.images.pictures import Batch, as_batch, check_same

#: Bytes that the maps of one call may take.
MOST_BYTES = 8_000_000_000
_CHUNK = 64

Floats = NDArray[np.float32]


class PatchVotes(ClassifierMixin, BaseEstimator):
    """Pictures (n, H, W[, C]) by the labels of the dictionary patches nearest to their own.

    A dictionary patch has the label of the picture that it was cut from. Each patch of a picture
    gives one vote, in equal shares to the labels of its K nearest; the class with the most votes of
    all positions is the picture's.

    Parameters
    ----------
    n_patches, patch_size, metric, regularisation, random_state : as in
        :class:`appkit.images.encoder.PatchEncoder`.
    k : K, a number of patches or a share of N. Of patches that tie for the K-th place all vote.
    n_jobs : pictures at once, one thread each; None is 1, -1 one for each core.
    progress : called with (done, total) pictures while they are read; what it raises ends that.

    Attributes
    ----------
    classes_ : the labels, sorted.
    encoder_ : the fitted encoder, with the dictionary and the metric.
    sources_ : the training picture, row and column that each patch was cut from, (N, 3).
    patch_labels_ : the labels of these pictures, (N,).

    Raises
    ------
    ValueError
        for bad parameters or pictures (see `PatchEncoder`), fewer than two classes, labels that do
        not fit the pictures, maps of evidence over the memory.
    """

    def __init__(
        self,
        n_patches: int = 2048,
        patch_size: int = 6,
        k: int | float = 10,
        metric: str = "mahalanobis",
        regularisation: float = 1e-3,
        n_jobs: int | None = None,
        random_state: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.n_patches = n_patches
        self.patch_size = patch_size
        self.k = k
        self.metric = metric
        self.regularisation = regularisation
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.progress = progress

    def fit(self, X: ArrayLike, y: ArrayLike) -> PatchVotes:
        """Draw the dictionary, and measure the patches' covariance for the metric."""
        batch = as_batch(X)
        labels = as_labels(y, len(batch))
        classes, numbers = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"A classifier needs two classes or more, not {len(classes)}.")
        encoder = PatchEncoder(
            self.n_patches,
            self.patch_size,
            self.k,
            self.metric,
            self.regularisation,
            pooling=1,
            random_state=self.random_state,
        )
        self.encoder_ = encoder._fit(batch)
        self.classes_ = classes
        self.sources_ = encoder.sources_
        self.patch_labels_ = labels[self.sources_[:, 0]]
        self._numbers = numbers[self.sources_[:, 0]]
        return self

    @property
    def fields(self) -> Fields:
        """Which pixels each position looks at: its patch."""
        check_is_fitted(self, "encoder_")
        return self.encoder_.fields

    def decision_function(self, X: ArrayLike) -> Floats:
        """Shares of the votes of all positions, (n, classes); they sum to 1."""
        return np.concatenate([votes.mean(axis=1) for votes in self._votes(X)])

    def predict_proba(self, X: ArrayLike) -> Floats:
        """The same: shares of votes, (n, classes)."""
        return self.decision_function(X)

    def predict(self, X: ArrayLike) -> NDArray:
        """The class with the most votes of each picture, (n,)."""
        best = self.decision_function(X).argmax(1)
        return self.classes_[best]

    def neighbours(self, picture: ArrayLike, row: int, column: int, k: int = 8) -> pd.DataFrame:
        """The k dictionary patches that are nearest to the one at a position, and their votes.

        As `SimplePatch.neighbours`; each of the K nearest gives its label an equal share of the
        position's vote.

        Raises
        ------
        ValueError
            for another k, or a picture of another size.
        IndexError
            for a position that is not on the map.
        """
        check_is_fitted(self, "encoder_")
        box = self.fields.box(row, column)
        batch = as_batch(np.asarray(picture)[None])
        check_same(batch, self.encoder_.shape_, self.encoder_.top_)
        patch = batch[(0, slice(None), *box.slices)]
        numbers, distances = self.encoder_.nearest(patch, k)
        labels = self.patch_labels_[numbers]
        voters = check_neighbours(self.k, self.n_patches)
        share = np.where(np.arange(k) < voters, 1 / (voters * np.prod(self.fields.shape)), 0.0)
        frame = {"patch": numbers, "distance": distances, "label": labels}
        votes = {f"for {label}": share * (labels == label) for label in self.classes_}
        return pd.DataFrame(frame | votes)

    def evidence(self, X: ArrayLike) -> Floats:
        """What the patch at each position votes for each class: (n, classes, rows, columns).

        Summed over the positions it is the share of the votes.
        """
        shape = self.fields.shape
        n, positions = len(np.asarray(X)), shape[0] * shape[1]
        need, limit = 4 * n * positions * len(self.classes_), memory.limit(MOST_BYTES)
        if need > limit:
            raise ValueError(
                f"The maps of {n:,} pictures need {memory.gigabytes(need)}, over "
                f"{memory.gigabytes(limit)}: take at most {n * limit // need:,} at once."
            )
        maps = np.concatenate(list(self._votes(X)))
        maps /= np.float32(positions)
        return maps.transpose(0, 2, 1).reshape(n, len(self.classes_), *shape)

    def _votes(self, X: ArrayLike) -> Iterator[Floats]:
        """Of some pictures after others: (n, positions, classes)."""
        check_is_fitted(self, "encoder_")
        batch = as_batch(X)
        check_same(batch, self.encoder_.shape_, self.encoder_.top_)
        for start in range(0, len(batch), _CHUNK):
            part = batch[start : start + _CHUNK]
            found = Parallel(self.n_jobs, require="sharedmem")(
                delayed(self._of_picture)(part[i : i + 1]) for i in range(len(part))
            )
            yield np.stack(found)
            if self.progress is not None:
                self.progress(start + len(part), len(batch))

    def _of_picture(self, picture: Batch) -> Floats:
        encoder = self.encoder_
        products = encoder.products(picture)[0]
        return label_votes(products, encoder._bias, encoder._k, self._numbers, len(self.classes_))
