"""SimplePatch: a linear classifier of which dictionary patches are near, as a scikit-learn one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from appkit import memory
from appkit.images.checks import as_labels
from appkit.images.encoder import PatchEncoder
from appkit.images.fields import Fields
from appkit.images.heads import PatchFront
from appkit.images.pictures import Batch, as_batch, check_same
from appkit.images.ridge import GramRidge, best_alpha
from appkit.images.trained import PositionClassifier

#: Bytes that the sums of the ridge may take; less where the machine has less.
MOST_BYTES = 6_000_000_000
_CHUNK = 256

Floats = NDArray[np.float64]


class SimplePatch(ClassifierMixin, BaseEstimator):
    """Pictures (n, H, W[, C]) by a ridge regression on the codes of :class:`PatchEncoder`.

    The classes' scores are linear in the codes, so that each is a sum over the positions of a
    picture, of the weights of the patches that are near there: see :meth:`evidence`.

    Parameters
    ----------
    n_patches, patch_size, k, metric, regularisation, scaling, temperature, pooling, device, n_jobs,
    random_state : as in :class:`PatchEncoder`.
    alphas : ridges to choose from; the one with the fewest errors on the pictures held out, whose
        labels are then trained on too.
    held_out : share of the training pictures that choose, between 0 and 1; not used for one α.
    flip : read every picture together with its mirror image: the codes of both are averaged, in
        training and later, so that a picture and its mirror image have the same scores.
    progress : called with (done, total) parts of the training; what it raises ends it.

    Attributes
    ----------
    classes_ : the labels, sorted.
    encoder_ : the fitted encoder.
    sources_ : the training picture, row and column that each patch was cut from, (N, 3).
    patch_labels_ : the labels of these pictures, (N,).
    coef_, intercept_ : weights (windows, 2, N, classes) and intercepts (classes,).
    mean_codes_ : of the training pictures (windows, 2, N).
    alpha_, errors_ : the chosen ridge, and the share of held-out pictures that each one misses that
        was tried.

    Raises
    ------
    ValueError
        for bad parameters or pictures (see :class:`PatchEncoder`), fewer than two classes, labels
        that do not fit the pictures, sums over the memory; the message has the numbers.

    References
    ----------
    Thiry, Arbel, Belilovsky, Oyallon, ICLR 2021, arXiv:2101.07528. There the head is trained by
    gradient descent on finer windows; a ridge on few windows takes minutes of a CPU.
    """

    def __init__(
        self,
        n_patches: int = 2048,
        patch_size: int = 6,
        k: int | float = 0.4,
        metric: str = "mahalanobis",
        regularisation: float = 1e-3,
        scaling: str = "exact",
        temperature: float = 0.0,
        pooling: int | tuple[int, int] = 2,
        alphas: Sequence[float] = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3),
        held_out: float = 0.1,
        flip: bool = False,
        device: str = "cpu",
        n_jobs: int | None = None,
        random_state: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.n_patches = n_patches
        self.patch_size = patch_size
        self.k = k
        self.metric = metric
        self.regularisation = regularisation
        self.scaling = scaling
        self.temperature = temperature
        self.pooling = pooling
        self.alphas = alphas
        self.held_out = held_out
        self.flip = flip
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.progress = progress

    def fit(self, X: ArrayLike, y: ArrayLike) -> SimplePatch:
        """Draw the dictionary, choose the ridge on pictures held out, and train on all."""
        batch, labels = self._checked(X, y)
        self._begin(batch, labels, np.unique(labels))
        numbers = np.searchsorted(self.classes_, labels)
        order = np.random.default_rng(self.random_state).permutation(len(batch))
        n_held = 0
        if len(self.alphas) > 1:
            n_held = min(max(1, round(self.held_out * len(batch))), len(batch) - 1)
        kept, held = order[n_held:], order[:n_held]
        self._add(batch, numbers, kept, len(batch))
        if n_held:
            apart = [self._codes(batch[part]) for part in _parts(held)]
            self.alpha_, self.errors_ = best_alpha(self._sums, self.alphas, apart, numbers[held])
            for part, codes in zip(_parts(held), apart, strict=True):
                self._sums.add(codes, numbers[part])
        else:
            self.alpha_, self.errors_ = float(self.alphas[0]), {}
        return self._solved()

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None
    ) -> SimplePatch:
        """Take in more pictures; the ridge is the first of ``alphas``.

        The first call draws the dictionary from its pictures and needs all ``classes``. Between
        calls the estimator can be pickled: it goes on bit for bit.
        """
        batch, labels = self._checked(X, y)
        if not hasattr(self, "_sums"):
            if classes is None:
                raise ValueError("The first call of partial_fit needs all classes.")
            self._begin(batch, labels, np.unique(np.asarray(classes)))
            self.alpha_, self.errors_ = float(self.alphas[0]), {}
        check_same(batch, self.encoder_.shape_, self.encoder_.top_)
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise ValueError(f"The label {unknown[0]} is none of the classes.")
        numbers = np.searchsorted(self.classes_, labels)
        self._add(batch, numbers, np.arange(len(batch)), len(batch))
        return self._solved()

    @classmethod
    def of(cls, model: PositionClassifier, y: ArrayLike | None = None) -> SimplePatch:
        """A network "simple-patch" whose head is linear, as the sum over patches that it is.

        It decides the same, and has the evidence of each patch where the network's has that of some
        windows. With the labels ``y`` of its training pictures the patches know theirs.

        Raises
        ------
        ValueError
            for another network, or one with a hidden layer.
        """
        check_is_fitted(model, "net_")
        front, body = model.net_.front, model.net_.body
        bent = any(isinstance(layer, torch.nn.ReLU) for layer in body.modules())
        if not isinstance(front, PatchFront) or bent:
            raise ValueError("A sum over patches is only a linear head on a SimplePatch.")
        encoder = front.encoder
        new = cls(**{name: getattr(encoder, name) for name in encoder.get_params()})
        rows, columns = encoder.pooling_.shape
        nothing = torch.zeros(1, 2 * encoder.n_patches, rows, columns, device=model.device)

        def logits(codes: torch.Tensor) -> torch.Tensor:
            return body(codes).mean((2, 3))[0]

        # Logits are linear in the codes: their derivative at one place is their weight at all.
        slopes = torch.autograd.functional.jacobian(logits, nothing)[:, 0]
        weights = slopes.permute(2, 3, 1, 0).reshape(rows * columns, 2, new.n_patches, -1)
        new.coef_ = weights.cpu().numpy()
        new.intercept_ = logits(nothing).detach().cpu().numpy().astype(float)
        new.encoder_, new.classes_ = encoder, model.classes_
        new.sources_ = encoder.sources_
        means = body[0].running_mean.cpu().numpy().reshape(1, 2, -1)  # type: ignore[index]
        new.mean_codes_ = np.broadcast_to(means, new.coef_.shape[:3])
        if y is not None:
            new.patch_labels_ = np.asarray(y)[new.sources_[:, 0]]
        return new

    def decision_function(self, X: ArrayLike) -> Floats:
        """Scores (n, classes)."""
        check_is_fitted(self, "coef_")
        batch = as_batch(X)
        check_same(batch, self.encoder_.shape_, self.encoder_.top_)
        weights = self.coef_.reshape(-1, len(self.classes_))
        parts = (batch[start : start + _CHUNK] for start in range(0, len(batch), _CHUNK))
        return np.concatenate([self._codes(part) @ weights for part in parts]) + self.intercept_

    def predict(self, X: ArrayLike) -> NDArray:
        """The class of the largest score of each picture, (n,)."""
        best = self.decision_function(X).argmax(1)
        return self.classes_[best]

    def evidence(self, X: ArrayLike) -> NDArray[np.float32]:
        """What the patch at each position says for each class: (n, classes, rows, columns).

        Summed over the positions, with the intercepts, it is the classes' scores.
        """
        check_is_fitted(self, "coef_")
        batch = as_batch(X)
        check_same(batch, self.encoder_.shape_, self.encoder_.top_)
        if not self.flip:
            return self._maps(batch)
        both = self._maps(batch) + self._maps(_mirrored(batch))[..., ::-1]
        both *= 0.5
        return both

    def _maps(self, batch: Batch) -> NDArray[np.float32]:
        """Evidence of pictures without their mirror images."""
        pooling = self.encoder_.pooling_
        shape = (len(self.classes_), pooling.rows, pooling.columns)
        weights = self.coef_ / pooling.counts[:, None, None, None]
        maps = np.zeros((len(batch), pooling.rows * pooling.columns, shape[0]), np.float32)
        for picture, found in zip(batch, maps, strict=True):
            codes = self.encoder_.codes(picture[None])[0].reshape(len(found), -1)
            for window, of in enumerate(weights):
                inside = (pooling.cells == window).any(axis=1)
                found[inside] += codes[inside] @ of.reshape(codes.shape[1], -1).astype(np.float32)
        return maps.transpose(0, 2, 1).reshape(len(batch), *shape)

    @property
    def fields(self) -> Fields:
        """Which pixels each position looks at: its patch."""
        check_is_fitted(self, "coef_")
        return self.encoder_.fields

    def neighbours(
        self, picture: ArrayLike, row: int, column: int, k: int = 8, negated: bool = False
    ) -> pd.DataFrame:
        """The k dictionary patches that are nearest to the one at a position, and their votes.

        Parameters
        ----------
        picture : (H, W[, C]).
        row, column : of the position on the map of evidence.
        k : from 1 to N.
        negated : the second half of the dictionary, −d in the place of d.

        Returns
        -------
        A row for each, the nearest first: patch (its number), distance (of the metric), label (of
        the picture that it was cut from, where that is known), and "for c" of each class c: what it
        adds to the class's evidence at this position, its weight times its code, which is 0 beyond
        the K nearest. Over all k = K neighbours of both halves that is the `evidence`; with
        ``flip`` it is half of it, and the mirror image has the other half.

        Raises
        ------
        ValueError
            for another k, or a picture of another size.
        IndexError
            for a position that is not on the map.
        """
        box = self.fields.box(row, column)
        batch = as_batch(np.asarray(picture)[None])
        check_same(batch, self.encoder_.shape_, self.encoder_.top_)
        patch = batch[(slice(None), slice(None), *box.slices)]
        numbers, distances = self.encoder_.nearest(patch[0], k, negated)
        pooling, half = self.encoder_.pooling_, int(negated)
        windows = [w for w in pooling.cells[row * pooling.columns + column] if w >= 0]
        weights = self.coef_[windows, half][:, numbers] / pooling.counts[windows, None, None]
        weights /= 2 if self.flip else 1
        votes = weights.sum(0) * self.encoder_.codes(patch)[0, 0, half, numbers, None]
        frame = {"patch": numbers, "distance": distances}
        if hasattr(self, "patch_labels_"):
            frame["label"] = self.patch_labels_[numbers]
        named = zip(self.classes_, votes.T, strict=True)
        return pd.DataFrame(frame | {f"for {label}": of for label, of in named})

    def patch_spread(self) -> NDArray[np.float32]:
        """How much the weights of each patch differ between the classes, (N,).

        The standard deviation over the classes, as a mean square over the windows, and d and −d:
        what is the same for all classes decides nothing.
        """
        check_is_fitted(self, "coef_")
        return np.sqrt(self.coef_.var(axis=3).mean(axis=(0, 1)))

    def filtered(self, n: int) -> SimplePatch:
        """The same classifier with the n most informative patches alone, nothing trained anew.

        The weights of the others, which have the smallest `patch_spread`, are 0, and the
        intercepts are those of their mean codes on the training pictures. It cannot be trained
        further.

        Raises
        ------
        ValueError
            unless n is from 1 to N.
        """
        if not 1 <= n <= self.n_patches:
            raise ValueError(f"Of {self.n_patches:,} patches 1 or more are kept, not {n}.")
        quiet = self.patch_spread().argsort(kind="stable")[::-1][n:]
        few = copy(self)
        few.coef_ = self.coef_.copy()
        few.coef_[:, :, quiet] = 0
        means = self.mean_codes_[:, :, quiet]
        few.intercept_ = self.intercept_ + np.einsum("wsn,wsnc->c", means, self.coef_[:, :, quiet])
        few.__dict__.pop("_sums", None)
        return few

    def patch_weights(self) -> NDArray[np.float32]:
        """w_n (2, N, classes): what each patch d, and −d, says for each class, over all windows."""
        check_is_fitted(self, "coef_")
        return self.coef_.mean(0)

    def _checked(self, X: ArrayLike, y: ArrayLike) -> tuple[Batch, NDArray]:
        batch = as_batch(X)
        labels = as_labels(y, len(batch))
        if not _positive(self.alphas):
            raise ValueError(f"alphas are one or more positive numbers, not {self.alphas!r}.")
        share = isinstance(self.held_out, float | np.floating) and 0 < self.held_out < 1
        if len(self.alphas) > 1 and not share:
            raise ValueError(f"held_out is a share between 0 and 1, not {self.held_out!r}.")
        return batch, labels

    def _begin(self, batch: Batch, labels: NDArray, classes: NDArray) -> None:
        """The dictionary, and sums of nothing."""
        if len(classes) < 2:
            raise ValueError(f"A classifier needs two classes or more, not {len(classes)}.")
        self.encoder_ = self._encoder()
        self._check_memory(batch.shape[1:])
        self.encoder_._fit(batch)
        self.sources_ = self.encoder_.sources_
        self.patch_labels_ = labels[self.sources_[:, 0]]
        self.classes_ = classes
        self._sums = GramRidge(self.encoder_.n_features_out_, len(classes))

    def _encoder(self) -> PatchEncoder:
        names = PatchEncoder().get_params()
        return PatchEncoder(**{name: getattr(self, name) for name in names})

    def check_memory(self, X: ArrayLike) -> None:
        """Raise ``ValueError``, with the numbers, where the sums would pass the memory.

        For pictures of the size of these, before anything is computed.
        """
        self._check_memory(as_batch(X).shape[1:])

    def _check_memory(self, shape: tuple[int, ...]) -> None:
        n_features = self._encoder().n_codes(shape)
        need, limit = 12 * n_features**2, memory.limit(MOST_BYTES)  # the sums, and their factor
        if need > limit:
            raise ValueError(
                f"A ridge on {n_features:,} codes needs {memory.gigabytes(need)}, over "
                f"{memory.gigabytes(limit)}: take fewer patches or windows, at most "
                f"{int((limit / 12) ** 0.5):,} codes (windows · 2 · N)."
            )

    def _add(self, batch: Batch, numbers: NDArray, chosen: NDArray, total: int) -> None:
        done = 0
        for part in _parts(chosen):
            self._sums.add(self._codes(batch[part]), numbers[part])
            done += len(part)
            if self.progress is not None:
                self.progress(done, total)

    def _codes(self, batch: Batch) -> NDArray[np.float32]:
        """Of pictures, or the average with those of their mirror images."""
        codes = self.encoder_._encode(batch)
        if self.flip:
            codes += self.encoder_._encode(_mirrored(batch))
            codes /= 2
        return codes

    def _solved(self) -> SimplePatch:
        weights, self.intercept_ = self._sums.solve(self.alpha_)
        windows = len(self.encoder_.pooling_.counts)
        self.coef_ = weights.reshape(windows, 2, self.n_patches, len(self.classes_))
        self.mean_codes_ = self._sums.mean.reshape(self.coef_.shape[:3])
        return self


def _positive(alphas: object) -> bool:
    """Whether they are one or more finite numbers above zero."""
    try:
        found = np.asarray(alphas, float)
    except (TypeError, ValueError):
        return False
    return found.ndim == 1 and found.size > 0 and bool((np.isfinite(found) & (found > 0)).all())


def _mirrored(batch: Batch) -> Batch:
    return np.ascontiguousarray(batch[..., ::-1])


def _parts(chosen: NDArray) -> list[NDArray]:
    return [chosen[start : start + _CHUNK] for start in range(0, len(chosen), _CHUNK)]
