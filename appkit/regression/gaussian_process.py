"""Gaussian process regression on invariants, put together from scikit-learn's parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern, WhiteKernel
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler


def standardised_process(smoothness: float = 2.5) -> Pipeline:
    """Gaussian process on standardised columns: a linear kernel plus a Matérn kernel plus noise.

    The linear part carries what is extensive, the Matérn part bends it. Their amplitudes, the
    Matérn length and the noise maximise the marginal likelihood of the training samples, so
    nothing is chosen outside them. A fit costs some twenty Cholesky factors of n × n.

    Parameters
    ----------
    smoothness : ν of the Matérn kernel, 1.5 or 2.5

    References
    ----------
    Rasmussen, Williams, Gaussian Processes for Machine Learning (2006), sections 4.2 and 5.4.
    """
    linear = ConstantKernel(10.0, (1e-3, 1e6)) * DotProduct(1e-3, sigma_0_bounds="fixed")
    bent = ConstantKernel(10.0, (1e-3, 1e6)) * Matern(3.0, (1e-1, 1e3), nu=smoothness)
    process = GaussianProcessRegressor(
        bent + WhiteKernel(1e-2, (1e-6, 1e1)) + linear, normalize_y=True
    )
    return make_pipeline(StandardScaler(), FunctionTransformer(_by_root_of_width), process)


def _by_root_of_width(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns divided by √P, so that typical distances do not grow with their number P."""
    return X / X.shape[1] ** 0.5
