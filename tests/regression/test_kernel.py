"""Kernel regression: its closed-form leave-one-out against fits without the sample."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.utils.estimator_checks import parametrize_with_checks

from appkit.regression import KernelRegression
from appkit.regression import kernel as module


@parametrize_with_checks([KernelRegression(), KernelRegression("polynomial", metric="rmse")])
def test_scikit_learn_estimator(estimator, check):
    check(estimator)


def kernel_matrix(name, a, b, width):
    if name == "laplacian":
        return np.exp(-cdist(a, b, "cityblock") / width)
    if name == "gaussian":
        return np.exp(-cdist(a, b, "sqeuclidean") / (2 * width**2))
    return (1 + a @ b.T / width**2) ** 2


def explicit_prediction(name, points, targets, new, width, ridge):
    """Predictions by solving the linear system as it is written, ridge per mean diagonal."""
    K = kernel_matrix(name, points, points, width)
    return kernel_matrix(name, new, points, width) @ np.linalg.solve(
        K + ridge * np.eye(len(points)), targets
    )


@pytest.fixture
def curve():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (40, 2))
    return X, 5 + np.sin(3 * X[:, 0]) * X[:, 1] + 0.01 * rng.normal(size=40)


@pytest.mark.parametrize("name", ["laplacian", "gaussian", "polynomial"])
def test_predicts_by_the_kernel_it_chose(curve, name):
    X, y = curve
    model = KernelRegression(name).fit(X, y)
    new = np.random.default_rng(1).uniform(-1, 1, (6, 2))
    scale = np.diag(kernel_matrix(name, X, X, model.width_)).mean()
    expected = y.mean() + explicit_prediction(
        name, X, y - y.mean(), new, model.width_, model.ridge_ * scale
    )
    np.testing.assert_allclose(model.predict(new), expected, rtol=1e-5)


@pytest.mark.parametrize("metric", ["mae", "rmse"])
@pytest.mark.parametrize("n_copies", [1, 3])
def test_leave_one_out_equals_fits_without_the_sample(n_copies, metric):
    rng = np.random.default_rng(2)
    base = rng.normal(size=(15, 1, 4))
    copies = base + 0.1 * rng.normal(size=(15, n_copies, 4))
    y = base[:, 0, 0] ** 2
    model = KernelRegression("gaussian", n_copies=n_copies, metric=metric)
    search = model.fit(copies.reshape(15, -1), y).search_
    well_conditioned = search[search.ridge > 1e-8].sample(6, random_state=0)
    for _, tried in well_conditioned.iterrows():
        errors = []
        for i in range(15):
            others = np.delete(np.arange(15), i)
            points = copies[others].reshape(-1, 4)
            targets = np.repeat(y[others] - y.mean(), n_copies)
            new = explicit_prediction(
                "gaussian", points, targets, copies[i], tried.width, tried.ridge
            )
            errors.append(y[i] - y.mean() - new.mean())
        error = np.abs(errors).mean() if metric == "mae" else np.sqrt(np.square(errors).mean())
        np.testing.assert_allclose(tried.error, error, rtol=1e-5)
    assert search.error.min() == pytest.approx(
        search.error[(search.width == model.width_) & (search.ridge == model.ridge_)].item()
    )


def test_equal_copies_change_nothing_but_the_ridge(curve):
    X, y = curve
    single = KernelRegression("gaussian").fit(X, y).predict(X[:9] + 0.05)
    pooled = KernelRegression("gaussian", n_copies=3, copies="averaged").fit(np.tile(X, 3), y)
    np.testing.assert_allclose(pooled.predict(np.tile(X[:9] + 0.05, 3)), single, rtol=1e-6)


def test_averaged_kernel_is_the_mean_over_pairs_of_copies(monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 50)  # several blocks of rows
    rng = np.random.default_rng(3)
    copies, y = rng.normal(size=(12, 2, 3)), rng.normal(size=12)
    model = KernelRegression("gaussian", n_copies=2, copies="averaged").fit(
        copies.reshape(12, 6), y
    )
    flat = copies.reshape(24, 3)
    K = kernel_matrix("gaussian", flat, flat, model.width_).reshape(12, 2, 12, 2).mean(axis=(1, 3))
    dual = np.linalg.solve(K + model.ridge_ * np.diag(K).mean() * np.eye(12), y - y.mean())
    np.testing.assert_allclose(model.predict(copies.reshape(12, 6)), y.mean() + K @ dual, rtol=1e-5)


def test_comparisons_that_do_not_fit_are_computed_again(monkeypatch):
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(20, 8)), rng.normal(size=20)
    kept = KernelRegression(n_copies=2, copies="averaged").fit(X, y)
    monkeypatch.setattr(module, "MAX_BYTES", 8 * 20**2)
    again = KernelRegression(n_copies=2, copies="averaged").fit(X, y)
    np.testing.assert_allclose(kept.dual_coef_, again.dual_coef_)


def test_search_walks_beyond_its_first_grid():
    """The first grid of widths ends at 2⁷ times the spread; the best here is 2¹³."""
    best = (13, -18)
    tried = module._search(lambda a, b: (a - best[0]) ** 2 + 0.2 * (b - best[1]) ** 2)
    assert min(tried, key=tried.get) == best
    assert len(tried) < 60


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kernel": "cubic"}, "kernel 'cubic' is unknown; choose among laplacian, gaussian"),
        ({"copies": "mixed"}, "copies 'mixed' is unknown"),
        ({"metric": "mse"}, 'metric must be "mae" or "rmse"'),
        ({"n_copies": 3}, "The 2 columns of X cannot be split into n_copies = 3 copies"),
    ],
)
def test_impossible_parameters(curve, parameters, message):
    with pytest.raises(ValueError, match=message):
        KernelRegression(**parameters).fit(*curve)


def test_too_large_a_kernel_is_refused_with_the_numbers(curve, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 8 * 60**2)
    X, y = curve
    message = r"A kernel matrix of 80 training points takes 0.0 GB.*or copies=\"averaged\""
    with pytest.raises(ValueError, match=message):
        KernelRegression(n_copies=2).fit(np.tile(X, 2), y)
