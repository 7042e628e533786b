"""Bagged orthogonal least squares against the protocol spelled out bag by bag."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from appkit.regression import BaggedOLS, OrthogonalLeastSquares


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = 1 + 0.2 * rng.normal(size=(80, 120))
    return X, X[:, :6] @ rng.uniform(5, 10, 6) + 0.3 * rng.normal(size=80)


@parametrize_with_checks([BaggedOLS(n_bags=2)])
def test_scikit_learn_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("metric", ["mae", "rmse"])
def test_equals_the_protocol_bag_by_bag(data, metric):
    X, y = data
    X_new = 1 + 0.2 * np.random.default_rng(1).normal(size=(9, 120))
    model = BaggedOLS(n_bags=3, fraction=0.8, max_terms=40).fit(X, y)
    random = np.random.RandomState(0)
    predictions = []
    for bag in range(3):
        order = random.permutation(80)
        inside, outside = np.sort(order[:64]), np.sort(order[64:])
        ols = OrthogonalLeastSquares(40).fit(X[inside], y[inside])
        errors = ols.error_path(X[outside], y[outside], metric)
        np.testing.assert_allclose(model.validation_paths_[metric][bag], errors, rtol=1e-6)
        m = int(np.argmin(errors)) + 1
        assert model.n_terms_by_metric_[metric][bag] == m
        columns = ols.selected_[:m]
        predictions.append(X_new[:, columns] @ np.linalg.lstsq(X[:, columns], y)[0])
    np.testing.assert_allclose(
        model.predict(X_new, metric), np.mean(predictions, axis=0), rtol=1e-8
    )


def test_metric_is_the_default_of_predict(data):
    X, y = data
    for metric in ("mae", "rmse"):
        model = BaggedOLS(n_bags=2, metric=metric).fit(X, y)
        np.testing.assert_array_equal(model.predict(X), model.predict(X, metric))
        np.testing.assert_array_equal(model.n_terms_, model.n_terms_by_metric_[metric])
        np.testing.assert_allclose(model.predict(X), X @ model.coef_)


def test_paths_are_capped_by_the_bag(data):
    X, y = data
    model = BaggedOLS(n_bags=1, fraction=0.5).fit(X, y)
    assert len(model.validation_paths_["mae"][0]) == 40


def test_finds_the_terms_that_made_the_target(data):
    X, y = data
    model = BaggedOLS(n_bags=5).fit(X, y)
    assert all(set(range(6)) <= set(selected) for selected in model.selected_)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"fraction": 1.0}, "fraction = 1.0 must lie between 0 and 1"),
        ({"metric": "mse"}, 'metric must be "mae" or "rmse"'),
        ({"n_bags": 0}, "n_bags must be at least 1, not 0"),
        ({"max_terms": 0}, "max_terms must be at least 1, not 0"),
    ],
)
def test_impossible_parameters(data, parameters, message):
    with pytest.raises(ValueError, match=message):
        BaggedOLS(**parameters).fit(*data)
