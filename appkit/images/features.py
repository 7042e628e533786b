"""Scattering coefficients of pictures as a scikit-learn transformer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from appkit import memory
from appkit.device import check_device
from appkit.images.pictures import Batch, as_batch, check_same
from appkit.scattering import LocalScattering
from appkit.scattering.threads import one_thread

#: Pictures of one call of the cascade: small parts stay in the processor's cache.
PICTURES_AT_ONCE = 16
#: Bytes that the features of one call may take; less where the machine has less.
MOST_BYTES = 8_000_000_000


class ScatteringFeatures(TransformerMixin, BaseEstimator):
    """Scattering of orders 0, 1 and 2 of pictures, averaged over windows of 2^J pixels.

    Parameters
    ----------
    J : scales 2^j, j < J; the features are sampled every 2^J pixels.
    L : angles in [0, π).
    order : 1 or 2.
    log : take log(S + ε), ε this share of each coefficient's mean over the pictures of `fit`; None
        takes S. The logarithm turns the factors of light and contrast into sums.
    device : "cpu", or "cuda" where there is one.
    n_jobs : parts of the pictures at once on a CPU, one thread each; None is 1, -1 one a core.

    Attributes
    ----------
    features_ : frame with a row for each feature: channel, row, column, order, j, theta, j2,
        theta2.
    shape_ : (C, H, W) of the pictures.

    Raises
    ------
    ValueError
        for bad parameters or pictures, pictures smaller than 2^J, features over the memory.

    References
    ----------
    Bruna, Mallat, Invariant Scattering Convolution Networks, PAMI 35 (2013); the logarithm:
    Oyallon, Mallat, CVPR 2015, arXiv:1412.8659.
    """

    def __init__(
        self,
        J: int = 3,
        L: int = 8,
        order: int = 2,
        log: float | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> None:
        self.J = J
        self.L = L
        self.order = order
        self.log = log
        self.device = device
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: object = None) -> ScatteringFeatures:
        """Lay out the features; with a logarithm, measure the means. Labels are not looked at."""
        check_device(self.device)
        if self.log is not None and not (
            isinstance(self.log, int | float) and 0 < self.log < np.inf
        ):
            raise ValueError(f"log is a share above 0, or None, not {self.log!r}.")
        batch = as_batch(X)
        channels, height, width = batch.shape[1:]
        self.shape_ = (channels, height, width)
        self._scattering = LocalScattering((height, width), self.J, self.L, order=self.order)
        self._scattering.to(self.device)
        what = f"The scattering of a picture of {height} × {width} pixels"
        memory.require(self._scattering.work_bytes, what, "take smaller pictures or fewer angles")
        paths = pd.DataFrame(self._scattering.paths)
        rows, columns = (n // 2**self.J for n in (height, width))
        index = pd.MultiIndex.from_product(
            [range(channels), range(len(paths)), range(rows), range(columns)],
            names=["channel", "path", "row", "column"],
        )
        self.features_ = index.to_frame(index=False).join(paths, on="path").drop(columns="path")
        self._check_memory(len(batch))
        if self.log is not None:
            means = np.zeros(len(self.features_))
            for part in self._parts(batch):
                means += part.sum(0, dtype=np.float64)
            self._floor = np.maximum(self.log * means / len(batch), 1e-12).astype(np.float32)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Features (n, P), ordered by channel, path, row and column as in ``features_``."""
        check_is_fitted(self, "features_")
        batch = as_batch(X)
        check_same(batch, self.shape_)
        self._check_memory(len(batch))
        found = np.concatenate(list(self._parts(batch)))
        if self.log is None:
            return found
        # Orders 1 and 2 are averages of moduli and above zero but for rounding.
        return np.log(np.maximum(found, 0) + self._floor)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Such as ``S2(j=0, θ=3, j′=1, θ′=5)[channel 0, 2, 1]``."""
        check_is_fitted(self, "features_")
        step = np.pi / self.L

        def name(row: pd.Series) -> str:
            turns = [f"{k}={round(row[k] / step)}" for k in ("theta", "theta2") if row[k] >= 0]
            scales = [f"{k}={row[k]:.0f}" for k in ("j", "j2") if row[k] >= 0]
            inside = ", ".join([*scales, *turns])
            return f"S{row.order:.0f}({inside})[{row.channel:.0f}, {row.row:.0f}, {row.column:.0f}]"

        named = self.features_.reindex(
            columns=["channel", "order", "row", "column", "j", "theta", "j2", "theta2"]
        )
        return np.array([name(row) for _, row in named.iterrows()], dtype=object)

    def _parts(self, batch: Batch) -> Iterator[NDArray[np.float32]]:
        parts = (
            batch[start : start + PICTURES_AT_ONCE]
            for start in range(0, len(batch), PICTURES_AT_ONCE)
        )
        return Parallel(self.n_jobs, require="sharedmem", return_as="generator")(
            delayed(self._scattered)(part) for part in parts
        )

    @one_thread()
    def _scattered(self, part: Batch) -> NDArray[np.float32]:
        with torch.no_grad():
            found = self._scattering(torch.from_numpy(part).to(self.device))
        return found.flatten(1).cpu().numpy()

    def _check_memory(self, n: int) -> None:
        need, limit = 4 * n * len(self.features_), memory.limit(MOST_BYTES)
        if need > limit:
            raise ValueError(
                f"{len(self.features_):,} features of {n:,} pictures need "
                f"{memory.gigabytes(need)}, over {memory.gigabytes(limit)}: take a larger J, fewer "
                f"angles or order 1, or at most {limit // (4 * len(self.features_)):,} pictures at "
                "once."
            )
