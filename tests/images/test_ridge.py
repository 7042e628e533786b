"""Ridge from sums is scikit-learn's ridge, however the rows come."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from appkit.images.ridge import GramRidge, best_alpha


@pytest.fixture
def data():
    random = np.random.default_rng(0)
    X = random.random((300, 20), dtype=np.float32)
    X[:, 3] = 1 - X[:, 2]  # a direction that never varies
    return X, (X @ random.standard_normal((20, 4))).argmax(1)


def summed(X, y, parts=3):
    sums = GramRidge(X.shape[1], 4)
    for part in np.array_split(np.arange(len(X)), parts):
        sums.add(X[part], y[part])
    return sums


@pytest.mark.parametrize("alpha", [1e-3, 1.0])
def test_the_same_as_scikit_learn(data, alpha):
    X, y = data
    weights, intercepts = summed(X, y).solve(alpha)
    theirs = Ridge(alpha * len(X)).fit(X, np.eye(4)[y])
    assert np.allclose(weights, theirs.coef_.T, atol=2e-4)
    assert np.allclose(intercepts, theirs.intercept_, atol=2e-4)


def test_parts_do_not_matter(data):
    one, other = (summed(*data, parts=parts).solve(0.1)[0] for parts in (1, 7))
    assert np.allclose(one, other, atol=1e-5)


def test_the_ridge_of_least_errors_is_chosen(data):
    X, y = data
    sums = summed(X[:200], y[:200])
    alpha, errors = best_alpha(sums, [1e-4, 1e-2, 1e3], [X[200:250], X[250:]], y[200:])
    assert errors[alpha] == min(errors.values())
    assert errors[1e3] > errors[alpha]


def test_a_ridge_that_is_lost_in_rounding_is_refused(data):
    X, y = data
    X[:, 5:15] = X[:, :1]
    with pytest.raises(ValueError, match="lost in the rounding"):
        summed(X, y).solve(-1e-3)


def test_many_parts_far_from_zero_leave_a_small_ridge_its_meaning():
    random = np.random.default_rng(0)
    X = (0.9 + 1e-3 * random.standard_normal((40_000, 30))).astype(np.float32)
    y = random.integers(4, size=len(X))
    weights, _ = summed(X, y, parts=400).solve(1e-6)
    theirs = Ridge(1e-6 * len(X), solver="cholesky").fit(X.astype(float), np.eye(4)[y])
    assert np.allclose(weights, theirs.coef_.T, rtol=0.02, atol=0.02)


def test_a_ridge_that_is_lost_is_not_chosen(data):
    X, y = data
    alpha, errors = best_alpha(summed(X, y), [1e-2, -1e-1], [X], y)
    assert alpha == 1e-2
    assert list(errors) == [1e-2]
    with pytest.raises(ValueError, match="lost in the rounding"):
        best_alpha(summed(X, y), [-1.0], [X], y)


def test_larger_ridges_are_left_out_once_they_only_do_harm(data):
    X, y = data
    asked = [1e-4, 1e1, 1e2, 1e3, 1e4]
    sums = summed(X[:200], y[:200])
    alpha, errors = best_alpha(sums, asked, [X[200:]], y[200:])
    assert alpha == 1e-4
    assert list(errors) == asked[: len(errors)]
    assert len(errors) == 3
