"""The process put together from scikit-learn's parts, on functions that we know."""

import numpy as np
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from appkit.regression.gaussian_process import SampledProcess, standardised_process


@parametrize_with_checks([SampledProcess()])
def test_estimator_checks(estimator, check):
    check(estimator)


def test_a_sample_finds_parameters_as_good():
    rng = np.random.default_rng(2)
    X = rng.uniform(-2, 2, (150, 2))
    y = np.sin(X[:, 0]) + X[:, 1]
    whole = standardised_process().fit(X[:120], y[:120])
    sampled = standardised_process(n_search=60).fit(X[:120], y[:120])
    assert len(sampled[-1].process_.X_train_) == 120
    assert np.abs(whole.predict(X[120:]) - y[120:]).max() < 0.05
    assert np.abs(sampled.predict(X[120:]) - y[120:]).max() < 0.05


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
