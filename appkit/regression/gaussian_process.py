"""Gaussian process regression on invariants, put together from scikit-learn's parts."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern, WhiteKernel
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import check_random_state

from appkit.regression.inputs import new_samples, training_data


class SampledProcess(RegressorMixin, BaseEstimator):
    """Gaussian process whose parameters are searched on a sample of the training set.

    The marginal likelihood costs O(n³) at every step of its search, the fit only once: above
    `n_search` training samples the search sees that many of them, drawn at random, and the fit all.

    Parameters
    ----------
    kernel : a kernel of scikit-learn; None: RBF
    n_search : largest number of samples in the search
    random_state : seed of the draw

    Attributes
    ----------
    process_ : the fitted GaussianProcessRegressor; its ``kernel_`` has the parameters found
    """

    def __init__(
        self, kernel: Any = None, n_search: int = 1000, random_state: int | None = 0
    ) -> None:
        self.kernel = kernel
        self.n_search = n_search
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> SampledProcess:
        """Search the parameters and fit on X (n, P), y (n,)."""
        X, y = training_data(self, X, y)
        if len(y) <= self.n_search:
            self.process_ = _searched(self.kernel, X, y)
            return self
        drawn = check_random_state(self.random_state).permutation(len(y))[: self.n_search]
        kernel = _searched(self.kernel, X[drawn], y[drawn]).kernel_
        self.process_ = GaussianProcessRegressor(kernel, optimizer=None, normalize_y=True).fit(X, y)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Posterior means (n,)."""
        X = new_samples(self, X)
        return np.asarray(self.process_.predict(X))


def _searched(
    kernel: Any, X: NDArray[np.float64], y: NDArray[np.float64]
) -> GaussianProcessRegressor:
    """Fitted with the parameters of the largest likelihood."""
    with warnings.catch_warnings():
        # Where the likelihood is flat to rounding the line search says so; it keeps its best.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianProcessRegressor(kernel, normalize_y=True).fit(X, y)


def standardised_process(smoothness: float = 2.5, n_search: int = 1000) -> Pipeline:
    """Gaussian process on standardised columns: a linear kernel plus a Matérn kernel plus noise.

    The linear part carries what is extensive, the Matérn part bends it. Their amplitudes, the
    Matérn length and the noise maximise the marginal likelihood of (at most `n_search` of) the
    training samples, so nothing is chosen outside them.

    Parameters
    ----------
    smoothness : ν of the Matérn kernel, 1.5 or 2.5
    n_search : as in :class:`SampledProcess`

    References
    ----------
    Rasmussen, Williams, Gaussian Processes for Machine Learning (2006), sections 4.2 and 5.4.
    """
    linear = ConstantKernel(10.0, (1e-3, 1e6)) * DotProduct(1e-3, sigma_0_bounds="fixed")
    bent = ConstantKernel(10.0, (1e-3, 1e6)) * Matern(3.0, (1e-1, 1e3), nu=smoothness)
    kernel = bent + WhiteKernel(1e-2, (1e-6, 1e1)) + linear
    return make_pipeline(
        StandardScaler(), FunctionTransformer(_by_root_of_width), SampledProcess(kernel, n_search)
    )


def _by_root_of_width(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns divided by √P, so that typical distances do not grow with their number P."""
    return X / X.shape[1] ** 0.5
