"""Pictures as maps of which patches of a dictionary are near: the encoder of SimplePatch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from appkit import memory
from appkit.device import check_device
from appkit.images.checks import check_number, check_whole
from appkit.images.fields import Fields
from appkit.images.nearest import check_neighbours, pooled_codes, thresholds
from appkit.images.patches import Whitening, check_size, covariance, draw_sources, extract_patches
from appkit.images.pictures import Batch, as_batch, brightest, check_same
from appkit.images.pooling import Pooling

METRICS = ("mahalanobis", "l2")
SCALINGS = {"exact": 1.0, "released": 0.2}
#: Bytes that the features of one call, and what they are computed from, may take; less where the
#: machine has less.
MOST_BYTES = 8_000_000_000
#: Pictures at once on a GPU.
_ON_DEVICE = 16


class PatchEncoder(TransformerMixin, BaseEstimator):
    r"""Which of N random patches are among the K nearest, at all positions, averaged over windows.

    The distance from a patch p of a picture to a patch d of the dictionary is that of Mahalanobis,
    (p − d)ᵀ W² (p − d), W² the inverse of the patches' covariance Σ + λ. As ‖Wp‖ is the same for
    all d, d is ranked by ½‖Wd‖² − ⟨W²d, p⟩, and −d, which makes a second half of the dictionary, by
    ½‖Wd‖² + ⟨W²d, p⟩. A code is 1 for the K smallest of a half and 0 for the others.

    Parameters
    ----------
    n_patches : N.
    patch_size : P, pixels along a side of a patch.
    k : K, a number of patches or a share of N.
    metric : "mahalanobis" or "l2", for which W is 1.
    regularisation : λ, in the square of the pictures' unit (1 is white).
    scaling : "exact", or "released": in the authors' code pictures are divided by 0.2, their
        standard deviation, and the dictionary is not, so that ½‖Wd‖² counts a fifth as much. That
        is no nearest neighbour of any metric; it uses more of the dictionary.
    temperature : T of a soft code, the sigmoid of (bound − score) / T; 0 is hard.
    pooling : windows along a side, or (size, stride) of the windows.
    device : "cpu", or "cuda" where there is one.
    n_jobs : pictures at once on a CPU, one thread each; None is 1, -1 one for each core.
    random_state : seed of the patches.

    Attributes
    ----------
    patches_ : the dictionary (N, C·P·P), as drawn.
    sources_ : the training picture, row and column that each was cut from, (N, 3).
    whitening_ : of the training patches.
    shape_, top_ : (C, H, W) of the pictures, and their largest number, signs aside.
    pooling_ : the windows.
    n_features_out_ : windows · 2 · N.

    Raises
    ------
    ValueError
        for bad parameters or pictures, patches larger than the pictures, K ≥ N, fewer different
        patches than N, features over the memory; the message has the numbers.

    References
    ----------
    Thiry, Arbel, Belilovsky, Oyallon, The Unreasonable Effectiveness of Patches in Deep
    Convolutional Kernels Methods, ICLR 2021, arXiv:2101.07528, section 3.
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
        device: str = "cpu",
        n_jobs: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.n_patches = n_patches
        self.patch_size = patch_size
        self.k = k
        self.metric = metric
        self.regularisation = regularisation
        self.scaling = scaling
        self.temperature = temperature
        self.pooling = pooling
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: object = None) -> PatchEncoder:
        """Draw the dictionary and measure the patches' covariance; labels are not looked at."""
        return self._fit(as_batch(X))

    def n_codes(self, shape: tuple[int, ...]) -> int:
        """Numbers of a picture (C, H, W): windows · 2 · N. Checks the parameters."""
        pooling = self.pooling_of(shape)
        if self.device == "cpu":
            jobs = effective_n_jobs(self.n_jobs)
            self._check_memory(jobs, shape, pooling.rows * pooling.columns, 1)
        return len(pooling.counts) * 2 * self.n_patches

    def _fit(self, batch: Batch) -> PatchEncoder:
        self.n_features_out_ = self.n_codes(batch.shape[1:])
        self.pooling_ = self.pooling_of(batch.shape[1:])
        if self.metric == "mahalanobis" and self.regularisation and np.abs(batch).max() > 10:
            warnings.warn(
                f"Pictures have numbers up to {np.abs(batch).max():g}, and the regularisation "
                f"{self.regularisation:g} is meant for 1 as white: divide them, or bring bytes.",
                stacklevel=3,
            )
        channels, height, width = batch.shape[1:]
        self.shape_, self.top_ = (channels, height, width), brightest(batch)
        self.patches_, self.sources_ = draw_sources(
            batch, self.patch_size, self.n_patches, self.random_state
        )
        if self.metric == "l2":
            d = self.patches_.shape[1]
            self.whitening_ = Whitening(np.zeros(d), np.eye(d), 1.0)
        else:
            _, matrix = covariance(batch, self.patch_size)
            self.whitening_ = Whitening.of(matrix, self.regularisation)
        return self._prepared()

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Share of each window's positions at which a patch is near: (n, n_features_out_).

        Ordered by window (rows first), sign (d, −d) and patch.
        """
        check_is_fitted(self, "patches_")
        batch = as_batch(X)
        check_same(batch, self.shape_, self.top_)
        need = 4 * len(batch) * self.n_features_out_
        if need > (limit := memory.limit(MOST_BYTES)):
            raise ValueError(
                f"The codes of {len(batch):,} pictures, {self.n_features_out_:,} numbers each, "
                f"need {memory.gigabytes(need)}, over {memory.gigabytes(limit)}: take fewer "
                f"patches, fewer windows, or at most {limit // (4 * self.n_features_out_):,} "
                "pictures at once (`encoded` goes through them in chunks)."
            )
        return self._encode(batch)

    def encoded(self, batch: Batch, chunk: int = 512) -> Iterator[NDArray[np.float32]]:
        """The codes of a batch (n, C, H, W), ``chunk`` pictures after ``chunk``."""
        for start in range(0, len(batch), chunk):
            yield self._encode(batch[start : start + chunk])

    def products(self, batch: Batch) -> NDArray[np.float32]:
        """⟨W²d, p⟩ of all positions of pictures (n, C, H, W): (n, positions, N)."""
        return extract_patches(batch, self.patch_size) @ self._filters

    def codes(self, batch: Batch) -> NDArray[np.float32]:
        """The codes before they are pooled: (n, positions, 2, N)."""
        positions = self.pooling_.rows * self.pooling_.columns
        self._check_memory(len(batch), self.shape_, positions, 5)
        products = self.products(batch)
        scores = np.stack([self._bias - products, self._bias + products], axis=2)
        bounds = thresholds(scores.reshape(-1, scores.shape[-1]), self._k)
        bounds = bounds.reshape(*scores.shape[:-1], 1)
        if self.temperature == 0:
            return (scores <= bounds).astype(np.float32)
        return torch.sigmoid(torch.from_numpy((bounds - scores) / self.temperature)).numpy()

    @property
    def fields(self) -> Fields:
        """Which pixels each position looks at: its patch."""
        check_is_fitted(self, "patches_")
        pooling, (_, height, width) = self.pooling_, self.shape_
        return Fields(self.patch_size, 1, (0, 0), (pooling.rows, pooling.columns), (height, width))

    def nearest(
        self, patch: Batch, k: int, negated: bool = False
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The k patches of the dictionary, or of their negatives, that are nearest to one.

        Parameters
        ----------
        patch : (C, P, P).
        k : from 1 to N.
        negated : of −d in the place of d.

        Returns
        -------
        Numbers (k,) of the patches, in the order in which the codes rank them, and distances (k,)
        of the metric, in its unit.

        Raises
        ------
        ValueError
            for another k.
        """
        if not 1 <= k <= self.n_patches:
            raise ValueError(f"Of {self.n_patches:,} patches 1 or more are nearest, not {k}.")
        sign = -1 if negated else 1
        scores = self._bias - sign * self.products(patch[None])[0, 0]
        numbers = scores.argsort(kind="stable")[:k]
        apart = patch.reshape(-1).astype(np.float64) - sign * self.patches_[numbers]
        square = np.einsum("nd,de,ne->n", apart, self.whitening_.matrix, apart, optimize=True)
        return numbers, np.sqrt(np.maximum(square, 0))

    def _check(self) -> None:
        for name, value, known in (
            ("metric", self.metric, METRICS),
            ("scaling", self.scaling, tuple(SCALINGS)),
        ):
            if value not in known:
                raise ValueError(f"The {name} is {' or '.join(known)}, not {value!r}.")
        check_whole(least=2, n_patches=self.n_patches)
        check_number(temperature=self.temperature, regularisation=self.regularisation)
        if self.random_state is not None:
            check_whole(least=0, random_state=self.random_state)
        check_device(self.device)
        self._k = check_neighbours(self.k, self.n_patches)

    def _check_memory(self, n: int, shape: tuple[int, ...], positions: int, arrays: int) -> None:
        """Refuse ``arrays`` (n, positions, N) of pictures (C, H, W) over the memory."""
        numbers = arrays * self.n_patches + shape[0] * self.patch_size**2
        need, limit = 4 * n * positions * numbers, memory.limit(MOST_BYTES)
        if need > limit:
            raise ValueError(
                f"Distances from {positions:,} positions to {self.n_patches:,} patches, of {n} "
                f"picture(s) at once, need {memory.gigabytes(need)}, over "
                f"{memory.gigabytes(limit)}: take smaller pictures, fewer patches or fewer at once."
            )

    def pooling_of(self, shape: tuple[int, ...]) -> Pooling:
        """The windows on the map of the patches of pictures (C, H, W)."""
        self._check()
        check_size(self.patch_size, shape)
        height, width = shape[1] - self.patch_size + 1, shape[2] - self.patch_size + 1
        return Pooling.of((height, width), self.pooling)

    def _prepared(self) -> PatchEncoder:
        """What the scores are computed with, from the dictionary and the whitening."""
        matrix = self.whitening_.matrix
        dictionary = self.patches_.astype(np.float64)
        filters = matrix @ dictionary.T
        self._filters = np.ascontiguousarray(filters, np.float32)
        bias = 0.5 * np.einsum("nd,dn->n", dictionary, filters) * SCALINGS[self.scaling]
        self._bias = bias.astype(np.float32)
        return self

    def _encode(self, batch: Batch) -> NDArray[np.float32]:
        return self._encode_tensor(torch.from_numpy(batch).to(self.device)).cpu().numpy()

    def _encode_tensor(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pooled codes (n, n_features_out_) of pictures (n, C, H, W), where these are."""
        if pictures.device.type != "cpu":
            return torch.cat([self._selected(part) for part in pictures.split(_ON_DEVICE)])
        batch = np.ascontiguousarray(pictures.numpy(), np.float32)
        encode = self._hard if self.temperature == 0 else self._soft
        rows = Parallel(self.n_jobs, require="sharedmem")(
            delayed(encode)(batch[i : i + 1]) for i in range(len(batch))
        )
        return torch.from_numpy(np.stack(rows))

    def _hard(self, picture: Batch) -> NDArray[np.float32]:
        counts = pooled_codes(self.products(picture)[0], self._bias, self._k, self.pooling_.cells)
        return (counts / self.pooling_.counts[:, None, None]).astype(np.float32).ravel()

    def _soft(self, picture: Batch) -> NDArray[np.float32]:
        return self._pooled(torch.from_numpy(self.codes(picture)[0])).numpy().ravel()

    def _pooled(self, codes: torch.Tensor) -> torch.Tensor:
        """Averages (…, windows, 2, N) of codes (…, positions, 2, N)."""
        cells = torch.as_tensor(self.pooling_.cells, device=codes.device).long()
        counts = torch.as_tensor(self.pooling_.counts, device=codes.device)
        shape = (*codes.shape[:-3], len(counts), *codes.shape[-2:])
        total = codes.new_zeros(shape)
        for column in range(cells.shape[1]):
            inside = cells[:, column] >= 0
            total.index_add_(-3, cells[inside, column], codes[..., inside, :, :])
        return total / counts[:, None, None]

    def _selected(self, pictures: torch.Tensor) -> torch.Tensor:
        """The same by torch's own selection."""
        filters = torch.as_tensor(self._filters, device=pictures.device)
        bias = torch.as_tensor(self._bias, device=pictures.device)
        patches = torch.nn.functional.unfold(pictures, self.patch_size).transpose(1, 2)
        products = patches @ filters
        scores = torch.stack([bias - products, bias + products], dim=2)
        bounds = scores.kthvalue(self._k, dim=-1, keepdim=True).values
        if self.temperature == 0:
            codes = (scores <= bounds).float()
        else:
            codes = torch.sigmoid((bounds - scores) / self.temperature)
        return self._pooled(codes).flatten(1)
