"""Kernel regression: its closed-form leave-one-out against fits without the sample."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.utils.estimator_checks import parametrize_with_checks

from appkit.data.molecules import load_molecules
from appkit.energy.coulomb_matrix import CoulombMatrix
from appkit.regression import KernelRegression, cross_validate_folds
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


def test_trains_on_as_many_copies_as_fit_and_averages_all(monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 50)  # several blocks of rows
    rng = np.random.default_rng(3)
    copies, y = rng.normal(size=(12, 4, 3)), rng.normal(size=12)
    rows = copies.reshape(12, -1)
    model = KernelRegression("gaussian", n_copies=4, max_points=30).fit(rows, y)
    assert model.n_train_copies_ == 2
    points = copies[:, :2].reshape(24, 3)
    values = explicit_prediction(
        "gaussian",
        points,
        np.repeat(y - y.mean(), 2),
        copies.reshape(48, 3),
        model.width_,
        model.ridge_,
    )
    expected = y.mean() + values.reshape(12, 4).mean(axis=1)
    np.testing.assert_allclose(model.predict(rows), expected, rtol=1e-5)


def test_search_on_drawn_samples_is_the_search_on_these_alone(curve):
    X, y = curve
    model = KernelRegression(search_points=20).fit(X, y)
    drawn = np.linspace(0, 39, 20).astype(int)
    alone = module._LeaveOneOut(
        module.KERNELS["laplacian"], X[drawn, None], y[drawn] - y.mean(), "mae"
    )
    np.testing.assert_allclose(model.search_.error[0], alone.error(*module._FIRST[0]))
    assert len(model.dual_coef_) == 40


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
        ({"max_points": 30}, "40 samples are more than max_points = 30: .* takes 0.0 GB"),
        ({"metric": "mse"}, 'metric must be "mae" or "rmse"'),
        ({"n_copies": 3}, "The 2 columns of X cannot be split into n_copies = 3 copies"),
    ],
)
def test_impossible_parameters(curve, parameters, message):
    with pytest.raises(ValueError, match=message):
        KernelRegression(**parameters).fit(*curve)


def test_sorted_coulomb_row_of_qm7_2d(real_data):
    """Known from a coarser grid on the same folds: RMSE 22.1 ± 8.5, MAE 11.0 kcal/mol."""
    molecules = load_molecules("qm7_2d")
    X = CoulombMatrix(coincident="zero").fit_transform(molecules.atoms)
    result = cross_validate_folds(KernelRegression, X, molecules.energies, molecules.folds)
    assert result.mean("rmse") == pytest.approx(22.1, abs=1.0)
    assert result.mean("mae") == pytest.approx(11.0, abs=0.6)
    assert not any(model.at_limit_ for model in result.models)
