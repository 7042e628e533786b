"""The process put together from scikit-learn's parts, on functions that we know."""

import numpy as np
from sklearn.base import clone

from appkit.regression.gaussian_process import standardised_process


def test_it_learns_a_linear_and_a_bent_function():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (120, 3)) * [1.0, 100.0, 0.01] + 5
    z = (X - X.mean(0)) / X.std(0)
    y = 50 * z[:, 0] - 20 * z[:, 1] + 5 * np.sin(2 * z[:, 2])
    model = standardised_process().fit(X[:90], y[:90])
    error = model.predict(X[90:]) - y[90:]
    assert np.sqrt((error**2).mean()) < 0.05 * y.std()
    linear = np.linalg.lstsq(np.c_[z, np.ones(120)][:90], y[:90], rcond=None)[0]
    assert np.std(error) < 0.2 * np.std(np.c_[z, np.ones(120)][90:] @ linear - y[90:])


def test_units_do_not_matter():
    rng = np.random.default_rng(1)
    X, scale = rng.normal(size=(40, 4)), np.array([1e-3, 1.0, 1e4, 10.0])
    y = X @ [1.0, 2.0, 3.0, 4.0]
    one, other = clone(standardised_process()), clone(standardised_process())
    assert np.allclose(one.fit(X, y).predict(X), other.fit(X * scale, y).predict(X * scale))
