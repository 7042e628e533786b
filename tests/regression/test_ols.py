"""Orthogonal least squares against explicit Gram–Schmidt, scikit-learn and exact recovery."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import eval_hermite
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import orthogonal_mp
from sklearn.utils.estimator_checks import parametrize_with_checks

from appkit.regression import OrthogonalLeastSquares
from appkit.regression.pursuit import greedy_paths, unit_columns


def explicit_gram_schmidt(X, y, n_terms):
    """The algorithm as the paper writes it, all columns kept, in extended precision."""
    columns = X.astype(np.longdouble)
    columns = columns / np.sqrt((columns**2).sum(axis=0))
    residual = y.astype(np.longdouble)
    selected, errors = [], []
    free = np.ones(X.shape[1], dtype=bool)
    for _ in range(n_terms):
        k = int(np.argmax(np.where(free, np.abs(residual @ columns), -1.0)))
        free[k] = False
        q = columns[:, k].copy()
        for _ in range(2):  # once is not enough for nearly collinear columns
            columns[:, free] -= np.outer(q, q @ columns[:, free])
        columns[:, free] /= np.sqrt((columns[:, free] ** 2).sum(axis=0))
        residual = residual - (q @ residual) * q
        selected.append(k)
        errors.append(float(np.sqrt((residual**2).mean())))
    return np.array(selected), np.array(errors)


def positive_dictionary(n, n_columns, seed, spread=0.05):
    """Nearly parallel positive columns of decaying independent parts, as pooled moduli are."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n, n)) * np.logspace(0, -4, n)
    return 1.0 + spread * factors @ rng.normal(size=(n, n_columns)), rng


@parametrize_with_checks([OrthogonalLeastSquares(), OrthogonalLeastSquares(n_terms=1)])
def test_scikit_learn_estimator(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        check(estimator)


@pytest.mark.parametrize(("n", "n_columns"), [(60, 150), (150, 60), (40, 40)])
def test_selects_the_columns_of_explicit_gram_schmidt(n, n_columns):
    X, rng = positive_dictionary(n, n_columns, seed=n)
    y = X[:, :5] @ rng.normal(size=5) + 0.1 * rng.normal(size=n)
    n_terms = min(n, n_columns) - 5
    model = OrthogonalLeastSquares(n_terms).fit(X, y)
    selected, errors = explicit_gram_schmidt(X, y, n_terms)
    np.testing.assert_array_equal(model.selected_, selected)
    np.testing.assert_allclose(model.train_error_path_, errors, rtol=1e-6, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 25), n_columns=st.integers(1, 25))
def test_selects_the_columns_of_explicit_gram_schmidt_on_any_shape(seed, n, n_columns):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, n_columns)), rng.normal(size=n)
    n_terms = min(n - 1, n_columns)
    selected, _ = explicit_gram_schmidt(X, y, n_terms)
    np.testing.assert_array_equal(OrthogonalLeastSquares(n_terms).fit(X, y).selected_, selected)


def test_first_term_is_the_column_of_largest_correlation():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 20)), rng.normal(size=50)
    correlation = np.abs(X.T @ y) / np.linalg.norm(X, axis=0)
    assert OrthogonalLeastSquares(1).fit(X, y).selected_[0] == np.argmax(correlation)


def test_every_term_lowers_the_squared_error_most():
    """The defining law: no other column would lower the least squares error further."""
    X, rng = positive_dictionary(30, 40, seed=3)
    y = rng.normal(size=30)
    model = OrthogonalLeastSquares(8).fit(X, y)
    chosen: list[int] = []
    for term in model.selected_:
        errors = [
            np.linalg.norm(y - X[:, [*chosen, k]] @ np.linalg.lstsq(X[:, [*chosen, k]], y)[0])
            for k in range(40)
        ]
        assert errors[term] <= min(errors) * (1 + 1e-9)
        chosen.append(int(term))


def test_equals_orthogonal_matching_pursuit_on_an_orthonormal_dictionary():
    rng = np.random.default_rng(1)
    X = np.linalg.qr(rng.normal(size=(80, 50)))[0]
    y = rng.normal(size=80)
    model = OrthogonalLeastSquares(20).fit(X, y)
    path = orthogonal_mp(X, y, n_nonzero_coefs=20, return_path=True)
    np.testing.assert_allclose(model.predict_path(X), X @ path, atol=1e-12)
    np.testing.assert_array_equal(model.selected_, np.argsort(-np.abs(X.T @ y))[:20])


def test_recovers_a_sparse_signal_exactly():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(100, 400))
    support = rng.choice(400, 8, replace=False)
    coefficients = rng.uniform(1, 2, 8)
    with pytest.warns(ConvergenceWarning, match="8 of the 30 terms.*already reproduced"):
        model = OrthogonalLeastSquares(30).fit(X, X[:, support] @ coefficients)
    assert model.stop_ == "residual"
    assert set(model.selected_) == set(support)
    np.testing.assert_allclose(model.coef_[support], coefficients, rtol=1e-12)


def test_path_contains_the_least_squares_fit_of_every_length():
    X, rng = positive_dictionary(50, 80, seed=4)
    y, X_new = rng.normal(size=50) - 1000.0, rng.normal(size=(7, 80))
    model = OrthogonalLeastSquares(30).fit(X, y)
    path = model.predict_path(X_new)
    for m in (1, 2, 17, 30):
        columns = model.selected_[:m]
        expected = X_new[:, columns] @ np.linalg.lstsq(X[:, columns], y, rcond=0)[0]
        np.testing.assert_allclose(path[:, m - 1], expected, rtol=1e-6)
    np.testing.assert_allclose(model.predict(X_new), path[:, -1], rtol=1e-7)
    np.testing.assert_allclose(model.error_path(X, y), model.train_error_path_, rtol=1e-8)


def test_norms_survive_cancellation():
    """Columns that differ by 1e-7 of their norm are still told apart, and told in order."""
    n = 40
    rng = np.random.default_rng(5)
    directions = np.linalg.qr(rng.normal(size=(n, 13)))[0]
    X = directions[:, :1] + 1e-7 * directions[:, 1:]
    y = 1000 * directions[:, 0] + directions[:, 1:] @ np.arange(1, 13)
    model = OrthogonalLeastSquares(12).fit(X, y)
    selected, errors = explicit_gram_schmidt(X, y, 12)
    np.testing.assert_array_equal(model.selected_[:11], selected[:11])
    np.testing.assert_allclose(model.train_error_path_[:11], errors[:11], rtol=1e-5)


def test_basis_stays_orthonormal_on_polynomials():
    """Monomials on [-1, 1] are as ill-conditioned as dictionaries get."""
    t = np.linspace(-1, 1, 200)
    X = np.stack([t**k for k in range(25)], axis=1)
    y = eval_hermite(5, t)
    columns, norms = unit_columns(X)
    path = greedy_paths(columns, y, 25)[0]
    basis = np.linalg.solve(path.triangle.T, (X / norms)[:, path.selected].T)
    np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-5)
    np.testing.assert_allclose(path.residual_norms[-1], 0.0, atol=1e-10 * np.linalg.norm(y))


def test_bags_run_in_step_equal_separate_runs():
    X, rng = positive_dictionary(40, 70, seed=6)
    y = rng.normal(size=40)
    columns, _ = unit_columns(X)
    subsets = [np.sort(rng.permutation(40)[:size]) for size in (36, 30, 20)]
    together = greedy_paths(columns, y, 25, subsets)
    for subset, path in zip(subsets, together, strict=True):
        alone = greedy_paths(np.ascontiguousarray(columns[:, subset]), y[subset], 25)[0]
        decided = min(25, len(subset) - 1)  # the last column of a full basis is any column
        np.testing.assert_array_equal(path.selected[:decided], alone.selected[:decided])
        np.testing.assert_allclose(path.residual_norms, alone.residual_norms, rtol=1e-7, atol=1e-9)
    assert len(together[2].selected) == 20  # not more than the subset's samples


def test_zero_duplicate_and_dependent_columns_are_passed_over():
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=(2, 30))
    X = np.stack([np.zeros(30), a, a, b, a + b, np.ones(30)], axis=1)
    with pytest.warns(ConvergenceWarning, match="3 of the 6 terms.*every remaining column is zero"):
        model = OrthogonalLeastSquares(6).fit(X, rng.normal(size=30))
    assert model.stop_ == "collinear"
    assert model.n_terms_ == 3
    assert np.linalg.matrix_rank(X[:, model.selected_]) == 3


def test_scale_of_columns_does_not_matter():
    X, rng = positive_dictionary(30, 20, seed=8)
    y = rng.normal(size=30)
    scales = np.logspace(-200, 200, 20)
    plain, scaled = OrthogonalLeastSquares(10).fit(X, y), OrthogonalLeastSquares(10)
    scaled.fit(X * scales, y)
    np.testing.assert_array_equal(plain.selected_, scaled.selected_)
    np.testing.assert_allclose(plain.predict(X), scaled.predict(X * scales), rtol=1e-8)


def test_zero_target_selects_nothing():
    X = np.random.default_rng(9).normal(size=(10, 4))
    with pytest.warns(ConvergenceWarning, match="0 of the 2 terms"):
        model = OrthogonalLeastSquares(2).fit(X, np.zeros(10))
    assert model.predict_path(X).shape == (10, 0)
    np.testing.assert_array_equal(model.predict(X), np.zeros(10))


@pytest.mark.parametrize(
    ("n_terms", "message"),
    [
        (11, "n_terms = 11 is more than the 10 training samples: choose at most 4 terms"),
        (5, "n_terms = 5 is more than the 4 columns of the dictionary: choose at most 4 terms"),
        (0, "n_terms must be a positive whole number or None, not 0"),
        (2.5, "n_terms must be a positive whole number or None, not 2.5"),
    ],
)
def test_impossible_number_of_terms(n_terms, message):
    X = np.random.default_rng(0).normal(size=(10, 4))
    with pytest.raises(ValueError, match=message):
        OrthogonalLeastSquares(n_terms).fit(X, X[:, 0])


def test_nan_and_unknown_metric_are_refused():
    X = np.random.default_rng(0).normal(size=(10, 4))
    model = OrthogonalLeastSquares(2).fit(X, X @ np.ones(4))
    with pytest.raises(ValueError, match='metric must be "mae" or "rmse", not \'mse\''):
        model.error_path(X, X[:, 0], metric="mse")
    with pytest.raises(ValueError, match="y has 9 values, but X has 10 samples"):
        model.error_path(X, X[:9, 0])
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        OrthogonalLeastSquares(2).fit(X, X[:, 0])
