"""Orthogonal least squares against scikit-learn's orthogonal matching pursuit.

`make bench` runs P = 4,000 columns, N = 3,500 samples, M = 400 terms and prints the ratio. Both
give the fit of every length up to M. scikit-learn's pursuit is the easier problem: it selects by
|⟨r, φ_k⟩|, without the norm of φ_k's new part, and has no norms to keep.
"""

import time
from functools import lru_cache

import numpy as np
import pytest
from sklearn.linear_model import orthogonal_mp

from appkit.regression import OrthogonalLeastSquares
from appkit.regression.pursuit import greedy_paths, unit_columns


@lru_cache
def dictionary(n_samples, n_columns):
    """Positive, nearly parallel columns, as pooled moduli are, and a target of 60 terms."""
    rng = np.random.default_rng(0)
    X = 5 + rng.normal(size=(n_samples, n_columns))
    y = X[:, :60] @ rng.normal(size=60) + 0.1 * rng.normal(size=n_samples)
    return X, y


@pytest.fixture
def problem(benchmark):
    n_samples, n_columns, n_terms = (3500, 4000, 400) if benchmark.enabled else (90, 120, 20)
    return *dictionary(n_samples, n_columns), n_terms


@pytest.mark.benchmark(group="ols-path")
def test_ols_path(benchmark, problem):
    X, y, n_terms = problem
    model = benchmark.pedantic(
        lambda: OrthogonalLeastSquares(n_terms).fit(X, y), rounds=3, iterations=1
    )
    assert model.n_terms_ == n_terms
    _compare(benchmark, problem)


@pytest.mark.benchmark(group="ols-bags")
def test_ten_bags(benchmark, problem):
    """Ten bags in step: each costs a fraction of a run of its own."""
    X, y, n_terms = problem
    columns, _ = unit_columns(X)
    rng = np.random.default_rng(1)
    bags = [np.sort(rng.permutation(len(y))[: int(0.9 * len(y))]) for _ in range(10)]
    paths = benchmark.pedantic(
        lambda: greedy_paths(columns, y, n_terms, bags), rounds=1, iterations=1
    )
    alone = _seconds(lambda: greedy_paths(columns, y, n_terms, bags[:1]))
    assert all(len(path.selected) == n_terms for path in paths)
    if benchmark.enabled:
        together = benchmark.stats.stats.min
        benchmark.extra_info["one bag alone / a bag in step"] = ratio = 10 * alone / together
        print(f"\nbag: alone {alone:.2f} s, in step {together / 10:.2f} s: {ratio:.1f} x")


def _compare(benchmark, problem):
    """Time scikit-learn in the same run and print the ratios."""
    X, y, n_terms = problem
    scaled = X / np.linalg.norm(X, axis=0)
    peers = {
        "return_path": {"return_path": True},
        "precompute=False": {"precompute": False},
        "precompute=True": {"precompute": True},
    }
    seconds = {
        name: _seconds(lambda o=options: orthogonal_mp(scaled, y, n_nonzero_coefs=n_terms, **o))
        for name, options in peers.items()
    }
    if benchmark.enabled:
        ours = benchmark.stats.stats.min
        for name, theirs in seconds.items():
            benchmark.extra_info[f"orthogonal_mp({name}) / ours"] = theirs / ours
            print(
                f"\northogonal_mp({name}) {theirs:.2f} s / OLS {ours:.2f} s = {theirs / ours:.1f}"
            )


def _seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
