"""The parts of composed models: each does what its formula says, and they compose."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from appkit.regression import (
    BaggedOLS,
    BilinearTerms,
    KernelRegression,
    ResidualRegressor,
    SelectedTerms,
    standardised_kernel,
    standardised_ridge,
)
from appkit.regression.residual import signed_power


@parametrize_with_checks([ResidualRegressor(), SelectedTerms(5), BilinearTerms(3)])
def test_scikit_learn_estimator(estimator, check):
    check(estimator)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 6, (120, 2)).astype(float)
    X = rng.normal(size=(120, 6))
    y = counts @ [100.0, 250.0] + X[:, 0] * X[:, 1] + 2 * X[:, 2]
    return np.hstack([counts, X]), y


def test_residual_is_the_sum_of_its_parts(data):
    X, y = data
    model = ResidualRegressor(LinearRegression(), Ridge(), n_baseline=2).fit(X, y)
    baseline = LinearRegression().fit(X[:, :2], y)
    rest = Ridge().fit(X[:, 2:], y - baseline.predict(X[:, :2]))
    expected = baseline.predict(X[:, :2]) + rest.predict(X[:, 2:])
    np.testing.assert_allclose(model.predict(X), expected)


def test_residual_of_left_out_samples(data):
    X, y = data
    model = ResidualRegressor(Ridge(), Ridge(), n_folds=4).fit(X, y)
    left_out = cross_val_predict(Ridge(), X, y, cv=KFold(4, shuffle=True, random_state=0))
    expected = Ridge().fit(X, y).predict(X) + Ridge().fit(X, y - left_out).predict(X)
    np.testing.assert_allclose(model.predict(X), expected)


@pytest.mark.parametrize("n_baseline", [0, 8])
def test_residual_needs_columns_on_both_sides(data, n_baseline):
    with pytest.raises(ValueError, match=f"n_baseline = {n_baseline} must leave columns on both"):
        ResidualRegressor(n_baseline=n_baseline).fit(*data)


def test_selected_terms_are_the_columns_that_matter(data):
    X, y = data
    model = SelectedTerms(3).fit(X, y)
    assert {0, 1} <= set(model.selected_)
    np.testing.assert_array_equal(model.transform(X), X[:, model.selected_])
    assert list(model.get_feature_names_out()) == [f"x{k}" for k in model.selected_]
    assert SelectedTerms(500).fit(X, y).transform(X).shape == X.shape


def test_bilinear_terms_contain_the_products(data):
    X, _ = data
    terms = BilinearTerms(3).fit(X).transform(X)
    z = (X[:, :3] - X[:, :3].mean(axis=0)) / X[:, :3].std(axis=0)
    assert terms.shape == (120, 1 + 8 + 6)
    np.testing.assert_allclose(terms[:, 1:9], X)
    np.testing.assert_allclose(terms[:, 10], z[:, 0] * z[:, 1])


def test_composed_models_learn_the_product(data):
    X, y = data
    train, test = np.arange(90), np.arange(90, 120)

    def error(model):
        return np.abs(clone(model).fit(X[train], y[train]).predict(X[test]) - y[test]).mean()

    linear = error(standardised_ridge())
    bilinear = make_pipeline(SelectedTerms(8), BilinearTerms(8), BaggedOLS(n_bags=3))
    assert error(bilinear) < 0.05 * linear
    assert error(standardised_kernel("polynomial")) < 0.05 * linear
    assert error(ResidualRegressor(LinearRegression(), KernelRegression("gaussian"))) < linear
    assert error(standardised_kernel("gaussian", n_terms=6, power=0.5)) < 30 * linear


def test_signed_power():
    np.testing.assert_allclose(signed_power([[-4.0, 9.0]], 0.5), [[-2.0, 3.0]])
    with pytest.raises(ValueError, match="power must be above 0, not 0"):
        signed_power([[1.0]], 0)
