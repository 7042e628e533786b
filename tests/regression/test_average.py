"""The chosen mean against what each model does by itself."""

import numpy as np
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from appkit.regression import ChosenAverage

LINE, MEAN = ("line", LinearRegression()), ("mean", DummyRegressor())


@parametrize_with_checks([ChosenAverage([LINE, ("near", KNeighborsRegressor(1))], n_folds=2)])
def test_estimator_checks(estimator, check):
    check(estimator)


def data(n=60):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2))
    return X, X @ [3.0, -1.0] + 0.1 * rng.normal(size=n)


def test_a_bad_model_is_left_out():
    X, y = data()
    model = ChosenAverage([MEAN, LINE]).fit(X, y)
    assert model.chosen_ == ("line",)
    assert np.allclose(model.predict(X), LinearRegression().fit(X, y).predict(X))


def test_models_with_opposite_errors_are_averaged():
    X, _ = data()
    sees = [
        make_pipeline(FunctionTransformer(lambda X, k=k: X[:, k : k + 1]), LinearRegression())
        for k in (0, 1)
    ]
    twice = ChosenAverage([("first", sees[0]), ("second", sees[1])], metric="rmse").fit(
        X, 3 * X[:, 0] + 3 * X[:, 1]
    )
    assert twice.chosen_ == ("first", "second")
    assert min(twice.errors_.values()) == twice.errors_["first", "second"]
    parts = [model.predict(X) for model in twice.models_]
    assert np.allclose(twice.predict(X), np.mean(parts, axis=0))


def test_the_choice_sees_only_unseen_samples():
    """A model that learns its samples by heart has no error on them, and is not chosen for it."""
    X, y = data()
    noise = y + 5 * np.random.default_rng(1).normal(size=len(y))
    model = ChosenAverage([("heart", KNeighborsRegressor(1)), MEAN, LINE]).fit(X, noise)
    assert model.errors_["heart",] > model.errors_["line",] > 0
    assert "heart" not in model.chosen_


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (ChosenAverage(), "There are no models to choose from"),
        (ChosenAverage([LINE], metric="r2"), 'metric must be "mae" or "rmse"'),
        (ChosenAverage([LINE], n_folds=99), "n_splits=99 greater than the number of samples"),
    ],
)
def test_bad_parameters(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(*data())
