"""The folds' protocol: every sample predicted once, by a model that has not seen it."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from appkit.regression import BaggedOLS, Cancelled, cross_validate_folds


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    return X, X @ [1, 2, 3, 4] + rng.normal(size=30), rng.permutation(30) % 5


def test_equals_scikit_learn_on_the_same_folds(data):
    X, y, folds = data
    result = cross_validate_folds(LinearRegression, X, y, folds)
    expected = cross_val_predict(LinearRegression(), X, y, cv=PredefinedSplit(folds))
    np.testing.assert_allclose(result.predictions, expected)
    errors = [expected[folds == k] - y[folds == k] for k in range(5)]
    np.testing.assert_allclose(result.rmse, [np.sqrt(np.mean(e**2)) for e in errors])
    assert result.mean("mae") == pytest.approx(np.mean([np.abs(e).mean() for e in errors]))
    assert result.spread("rmse") == pytest.approx(np.std(result.rmse))
    assert str(result).startswith(f"MAE {result.mae.mean():.2f} ± {result.mae.std():.2f}, RMSE")


def test_predictions_can_be_made_for_another_metric(data):
    X, y, folds = data
    result = cross_validate_folds(
        lambda: BaggedOLS(n_bags=2), X, y, folds, predict=lambda m, X: m.predict(X, "rmse")
    )
    last = result.models[-1]
    np.testing.assert_array_equal(
        result.predictions[folds == 4], last.predict(X[folds == 4], "rmse")
    )


def test_progress_and_cancellation(data):
    calls: list[tuple[int, int]] = []
    cross_validate_folds(LinearRegression, *data, progress=lambda *done: calls.append(done))
    assert calls == [(k, 5) for k in range(1, 6)]
    asked: list[bool] = []

    def third_time() -> bool:
        asked.append(len(asked) == 2)
        return asked[-1]

    with pytest.raises(Cancelled, match="Stopped after 2 of 5 folds"):
        cross_validate_folds(LinearRegression, *data, cancelled=third_time)


def test_bad_input(data):
    X, y, folds = data
    with pytest.raises(ValueError, match=r"X has 30 samples, y has shape \(29,\)"):
        cross_validate_folds(LinearRegression, X, y[1:], folds)
    with pytest.raises(ValueError, match="At least two folds"):
        cross_validate_folds(LinearRegression, X, y, np.zeros(30))
    y[3] = np.nan
    with pytest.raises(ValueError, match="not finite at sample 3"):
        cross_validate_folds(LinearRegression, X, y, folds)
