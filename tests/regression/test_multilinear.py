"""Multilinear regression: functions of its own form, and never worse than ridge regression."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from appkit.regression import Cancelled, MultilinearRegression
from appkit.regression.axes import scaled_axes

QUICK = {
    "n_factors": 16,
    "n_models": 1,
    "epochs": 40,
    "batch_size": 32,
    "learning_rate": 2e-2,
    "weight_decays": (0.01,),
}


@parametrize_with_checks(
    [MultilinearRegression(n_factors=4, n_models=2, epochs=2), MultilinearRegression(degree=1)]
)
def test_scikit_learn_estimator(estimator, check):
    check(estimator)


def ridge():
    return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-9, 6, 31)))


def products(degree, n=400, seed=0):
    """A linear function and one product of `degree` linear forms of columns in unlike units."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, 6))
    factors = np.prod([Z @ rng.normal(size=6) / 6**0.5 for _ in range(degree)], axis=0)
    return Z * [1e-3, 1, 10, 1e4, 1, 1] + 5, 100 + 10 * Z[:, 0] + 3 * factors


def test_degree_one_is_ridge_regression():
    X, y = products(2)
    ours = MultilinearRegression(degree=1).fit(X[:300], y[:300]).predict(X[300:])
    np.testing.assert_allclose(ours, ridge().fit(X[:300], y[:300]).predict(X[300:]), rtol=1e-10)


@pytest.mark.parametrize("degree", [2, 3])
@pytest.mark.parametrize("metric", ["mae", "rmse"])
def test_learns_products_of_its_degree(degree, metric):
    X, y = products(degree)
    model = MultilinearRegression(degree=degree, metric=metric, **QUICK).fit(X[:300], y[:300])
    error = np.abs(model.predict(X[300:]) - y[300:]).mean()
    linear = np.abs(ridge().fit(X[:300], y[:300]).predict(X[300:]) - y[300:]).mean()
    assert error < 0.3 * linear


def test_a_trilinear_function_needs_degree_three():
    X, y = products(3)
    errors = [
        MultilinearRegression(degree=degree, **QUICK).fit(X[:300], y[:300]).history_.error.min()
        for degree in (2, 3)
    ]
    assert errors[1] < 0.5 * errors[0]


def test_noise_does_not_make_it_worse_than_ridge():
    """Where there is nothing but a line, the epochs chosen are those that stay by it."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 20))
    y = X @ rng.normal(size=20) + 3 * rng.normal(size=300)
    model = MultilinearRegression(**QUICK).fit(X[:200], y[:200])
    for _, run in model.history_.groupby("model"):
        assert run.error.min() <= run.error[run.epoch == 0].iloc[0]
    error = np.sqrt(((model.predict(X[200:]) - y[200:]) ** 2).mean())
    linear = np.sqrt(((ridge().fit(X[:200], y[:200]).predict(X[200:]) - y[200:]) ** 2).mean())
    assert error < 1.15 * linear


def test_untrained_it_is_the_mean_of_ridges():
    """At a vanishing learning rate nothing but the ridge solutions is left."""
    X, y = products(2)
    model = MultilinearRegression(**{**QUICK, "epochs": 1, "learning_rate": 1e-12}).fit(X, y)
    np.testing.assert_allclose(model.predict(X), ridge().fit(X, y).predict(X), rtol=0.05)
    assert model.history_.groupby("model").error.std().max() < 1e-4


def test_affine_changes_of_the_columns_change_nothing_much():
    X, y = products(2)
    few = {**QUICK, "epochs": 5}
    one = MultilinearRegression(**few).fit(X, y).predict(X)
    other = MultilinearRegression(**few).fit(X * 1024 - 7, y).predict(X * 1024 - 7)
    np.testing.assert_allclose(one, other, rtol=1e-3)


def test_half_whitening():
    """Along principal axes the deviations are the roots of what they were, up to a scale."""
    rng = np.random.default_rng(0)
    Z = (
        rng.normal(size=(500, 4))
        @ np.diag([8.0, 2.0, 0.5, 0.0])
        @ np.linalg.qr(rng.normal(size=(4, 4)))[0]
    )
    turned = Z @ scaled_axes(Z, power=0.5)
    covariance = turned.T @ turned / 500
    before = np.linalg.eigvalsh(Z.T @ Z / 500)[1:]
    assert turned.shape == (500, 3)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-10)
    np.testing.assert_allclose(
        np.diag(covariance) / np.diag(covariance)[0], (before / before[0]) ** 0.5
    )
    assert np.diag(covariance).mean() == pytest.approx(1.0)


def test_constant_columns_and_targets():
    X, y = products(2, 40)
    model = MultilinearRegression(**{**QUICK, "epochs": 2})
    np.testing.assert_allclose(
        model.fit(np.ones((40, 3)), y).predict(np.ones((1, 3))), y.mean(), rtol=0.1
    )
    np.testing.assert_allclose(model.fit(X, np.full(40, 7.0)).predict(X), 7.0)


def test_progress_and_cancel():
    X, y = products(2, 60)
    model = MultilinearRegression(**{**QUICK, "epochs": 3, "n_models": 2, "weight_decays": (0, 1)})
    told = []
    model.fit(X, y, progress=lambda *numbers: told.append(numbers))
    assert told[-1] == (12, 12)
    assert len(model.history_) == 2 * 2 * (1 + 3)
    with pytest.raises(Cancelled, match="Stopped after 1 epochs"):
        model.fit(X, y, cancelled=lambda: True)


def test_the_seed_decides():
    X, y = products(2, 60)
    few = {**QUICK, "epochs": 3}
    one, same, other = (
        MultilinearRegression(**few, random_state=seed).fit(X, y).predict(X) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"degree": 4}, "degree must be 1, 2 or 3, not 4"),
        ({"n_factors": 0}, "n_factors must be a whole number from 1 up, not 0"),
        ({"n_models": 1.5}, "n_models must be a whole number from 1 up, not 1.5"),
        ({"epochs": True}, "epochs must be a whole number from 1 up, not True"),
        ({"batch_size": -1}, "batch_size must be a whole number from 1 up, not -1"),
        ({"learning_rate": 0.0}, "learning_rate must be a positive number, not 0.0"),
        ({"weight_decays": ()}, "weight_decays must be one or more numbers from 0 up"),
        ({"weight_decays": (-1.0,)}, "weight_decays must be one or more numbers from 0 up"),
        ({"device": "abacus"}, "There is no device 'abacus' here"),
        ({"metric": "mse"}, 'metric must be "mae" or "rmse"'),
    ],
)
def test_impossible_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        MultilinearRegression(**parameters).fit(*products(2, 20))


def test_too_few_samples():
    with pytest.raises(ValueError, match="n_samples = 2: training and leaving some out need three"):
        MultilinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])
