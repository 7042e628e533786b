"""Regression by sums of products of linear forms, which starts from the ridge solution."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from torch import Tensor, nn

from appkit.device import check_device
from appkit.regression.axes import scaled_axes
from appkit.regression.inputs import new_samples, training_data
from appkit.regression.metrics import checked_metric
from appkit.regression.protocol import Cancelled

Array = NDArray[np.float64]

# By one SVD: for more samples than features, scikit-learn would make a matrix product for each.
_RIDGES = np.logspace(-9, 6, 31)
_LEAST_FOLDS = 5  # so that a model trains on four fifths or more
_WARM_UP = 0.1  # share of the steps in which the learning rate rises
_BEND = 0.3  # of the linear model's error: where the loss of "mae" turns from square to modulus


class MultilinearRegression(RegressorMixin, BaseEstimator):
    r"""A linear model and a sum of products of r linear forms of the invariants.

    .. math::
        f(x) = b + ⟨w, Φ(x)⟩ + \sum_{i=1}^{F} v_i \prod_{t=1}^{r}
               \big(⟨w_i^{(t)}, Φ(x)⟩ + b_i^{(t)}\big)

    The linear part is a term whose other factors are 1; it starts as the ridge solution, and all
    v_i as 0. The weights are trained by Adam on minibatches. Each of `n_models` models leaves out
    one fold of the training samples, on which it chooses its weight decay and its epoch, among them
    the ridge solution itself: no model is worse there than ridge regression. The prediction is the
    models' mean.

    The invariants are standardised inside; no scaler need come before. The products see them along
    their principal axes, divided by the root of their deviation there: undivided, the training
    hardly moves along the many axes of small variance; divided by all of it, these weigh too much.

    Parameters
    ----------
    degree : r = 1 (ridge regression on all samples), 2 (bilinear) or 3 (trilinear)
    n_factors : F, the number of products
    n_models : models in the mean; each leaves out one of max(`n_models`, 5) folds
    epochs : passes over a model's samples; the learning rate falls to 0 at the last
    batch_size : samples in a step
    learning_rate : the largest one
    weight_decays : to choose from
    metric : "mae" or "rmse": what the choices minimise, and what is trained for
    device : torch device of the training, such as "cpu" or "cuda"
    random_state : seed of the folds, the first weights and the order of the samples

    Attributes
    ----------
    n_models_ : the number of models
    history_ : frame with a row for each epoch: model, weight_decay, epoch (0: ridge), error on the
        fold left out, in the unit of y

    Raises
    ------
    ValueError
        By `fit`, for bad parameters or fewer than three samples.

    References
    ----------
    Eickenberg, Exarchakis, Hirn, Mallat, Thiry, J. Chem. Phys. 148, 241732 (2018),
    arXiv:1805.00571. Widths, epochs and the choice of both are ours.
    """

    def __init__(
        self,
        degree: int = 3,
        n_factors: int = 64,
        n_models: int = 5,
        epochs: int = 40,
        batch_size: int = 128,
        learning_rate: float = 3e-3,
        weight_decays: Sequence[float] = (0.01, 0.3),
        metric: str = "mae",
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.degree = degree
        self.n_factors = n_factors
        self.n_models = n_models
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decays = weight_decays
        self.metric = metric
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> MultilinearRegression:
        """Train on X (n, P), y (n,).

        `progress` is called with (epochs done, epochs of all models and weight decays); `cancelled`
        is asked before each epoch, True raises :class:`Cancelled`.
        """
        X, y = training_data(self, X, y)
        self._check(len(y))
        self._scaler = StandardScaler().fit(X)
        standardised = self._scaler.transform(X)
        self._models: list[tuple[RidgeCV, float, _Products | None]] = []
        history: list[tuple[int, float, int, float]] = []
        if self.degree == 1:
            self._models = [(RidgeCV(_RIDGES, gcv_mode="svd").fit(standardised, y), 1.0, None)]
        else:
            self._axes = scaled_axes(standardised, power=0.5)
            for row in self._trained(standardised, y):
                history.append(row)
                if progress is not None:
                    progress(sum(epoch > 0 for _, _, epoch, _ in history), self._n_epochs(len(y)))
                if cancelled is not None and cancelled():
                    raise Cancelled(f"Stopped after {len(history)} epochs.")
        self.n_models_ = len(self._models)
        columns = ["model", "weight_decay", "epoch", "error"]
        self.history_ = pd.DataFrame(history, columns=columns)
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Mean of the models' predictions (n,)."""
        X = new_samples(self, X)
        standardised = self._scaler.transform(X)
        total = np.zeros(len(standardised))
        for ridge, scale, products in self._models:
            total += ridge.predict(standardised)
            if products is not None:
                with torch.no_grad():
                    left = products(torch.as_tensor(standardised @ self._axes))
                total += scale * left.numpy()
        return total / len(self._models)

    def _trained(self, Z: Array, y: Array) -> Iterator[tuple[int, float, int, float]]:
        """Append the models one by one; the rows of the history on the way."""
        random = check_random_state(self.random_state)
        folds = KFold(min(max(self.n_models, _LEAST_FOLDS), len(y)), shuffle=True)
        folds.random_state = int(random.randint(2**31))
        for k, (inside, outside) in zip(range(self.n_models), folds.split(Z), strict=False):
            ridge = RidgeCV(_RIDGES, gcv_mode="svd").fit(Z[inside], y[inside])
            left = y - ridge.predict(Z)
            scale = float(left[outside].std()) or 1.0
            data = _Split(Z @ self._axes, left / scale, inside, outside, self.device)
            best, least = None, np.inf
            for decay in self.weight_decays:
                generator = torch.Generator().manual_seed(int(random.randint(2**31)))
                training = self._epochs(data, decay, generator)
                for epoch, (products, error) in enumerate(training):
                    yield k, decay, epoch, error * scale
                    if error < least:
                        least, best = error, products.copy()
            self._models.append((ridge, scale, best))

    def _epochs(
        self, data: _Split, decay: float, generator: torch.Generator
    ) -> Iterator[tuple[_Products, float]]:
        """The products and their error on the fold left out, before the first epoch and after each.

        The error is in units of the spread of what the linear model leaves.
        """
        n_columns = data.features.shape[1]
        products = _Products(n_columns, self.n_factors, self.degree, generator).to(self.device)
        adam = torch.optim.AdamW(products.parameters(), lr=self.learning_rate, weight_decay=decay)
        n_steps = self.epochs * -(-len(data.inside) // self.batch_size)
        rate = torch.optim.lr_scheduler.OneCycleLR(
            adam, self.learning_rate, total_steps=n_steps + 1, pct_start=_WARM_UP
        )
        yield products, data.error(products, self.metric)
        for _ in range(self.epochs):
            order = torch.randperm(len(data.inside), generator=generator)
            for batch in data.inside[order].split(self.batch_size):
                off = products(data.features[batch]) - data.targets[batch]
                adam.zero_grad()
                _loss(off, self.metric).backward()
                adam.step()
                rate.step()
            yield products, data.error(products, self.metric)

    def _n_epochs(self, n_samples: int) -> int:
        return min(self.n_models, n_samples) * len(self.weight_decays) * self.epochs

    def _check(self, n_samples: int) -> None:
        checked_metric(self.metric)
        if self.degree not in (1, 2, 3):
            raise ValueError(f"degree must be 1, 2 or 3, not {self.degree!r}.")
        for name in ("n_factors", "n_models", "epochs", "batch_size"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{name} must be a whole number from 1 up, not {value!r}.")
        if not (np.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate must be a positive number, not {self.learning_rate}.")
        decays = np.asarray(self.weight_decays, dtype=np.float64)
        if decays.ndim != 1 or not len(decays) or not (np.isfinite(decays) & (decays >= 0)).all():
            raise ValueError(
                f"weight_decays must be one or more numbers from 0 up, not {self.weight_decays!r}."
            )
        check_device(self.device)
        if n_samples < 3:
            raise ValueError(
                f"n_samples = {n_samples}: training and leaving some out need three or more."
            )


class _Products(nn.Module):
    """⟨w, x⟩ + b + Σ_i v_i Π_t (⟨w_i^(t), x⟩ + b_i^(t)), at first 0."""

    def __init__(
        self, n_columns: int, n_factors: int, degree: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        forms = torch.randn(degree, n_columns, n_factors, generator=generator)
        offsets = torch.randn(degree, 1, n_factors, generator=generator)
        # x has columns of mean variance 1: the forms then have variance 1 too
        self.forms = nn.Parameter(forms / max(1, n_columns) ** 0.5)
        self.offsets = nn.Parameter(0.5 * offsets)
        self.weights = nn.Parameter(torch.zeros(n_factors))
        self.linear = nn.Parameter(torch.zeros(n_columns))
        self.constant = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Values (n,) at x (n, columns)."""
        factors = x @ self.forms + self.offsets
        return factors.prod(0) @ self.weights + x @ self.linear + self.constant

    def copy(self) -> _Products:
        """The same in float64 on the CPU, no longer trained."""
        degree, n_columns, n_factors = self.forms.shape
        other = _Products(n_columns, n_factors, degree, torch.Generator())
        other.load_state_dict(self.state_dict())
        return other.double().requires_grad_(False)


class _Split:
    """Features and targets on a device, with the samples trained on and those left out."""

    def __init__(
        self,
        features: Array,
        targets: Array,
        inside: NDArray[np.intp],
        outside: NDArray[np.intp],
        device: str,
    ) -> None:
        self.features = torch.as_tensor(features, dtype=torch.float32, device=device)
        self.targets = torch.as_tensor(targets, dtype=torch.float32, device=device)
        self.inside = torch.as_tensor(inside)
        self._outside = torch.as_tensor(outside)

    def error(self, products: _Products, metric: str) -> float:
        """Error on the samples left out."""
        with torch.no_grad():
            off = products(self.features[self._outside]) - self.targets[self._outside]
        return float(checked_metric(metric)(off.double().cpu().numpy()))


def _loss(off: Tensor, metric: str) -> Tensor:
    """Mean square, or a modulus that is smooth at 0."""
    if metric == "rmse":
        return (off**2).mean()
    return nn.functional.smooth_l1_loss(off, torch.zeros_like(off), beta=_BEND)
