"""Separation of classes against scikit-learn's discriminant analysis and closed forms."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from appkit.images.nonlinear import SoftThreshold, nearest_tight_frame
from appkit.images.separation import Separation

X, Y = load_iris(return_X_y=True)


def test_fisher_is_the_spread_of_means_that_lda_finds():
    coordinates = LinearDiscriminantAnalysis(solver="svd").fit(X, Y).transform(X)
    of_class = [coordinates[c == Y] for c in range(3)]
    assert np.allclose(np.mean([of.var(0) for of in of_class], axis=0), 1)
    expected = np.mean([(of.mean(0) ** 2).sum() for of in of_class])
    assert Separation.of(X, Y, 0).fisher == pytest.approx(expected, rel=1e-9)


def test_traces_are_those_of_the_definition():
    found = Separation.of(X, Y)
    within = np.mean([X[c == Y].var(0).sum() for c in range(3)])
    assert found.within == pytest.approx(within)
    assert found.within + found.between == pytest.approx(X.var(0).sum())
    assert found.ratio == pytest.approx(found.between / found.within)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6))
def test_it_does_not_depend_on_the_coordinates(seed):
    random = np.random.default_rng(seed)
    turn = np.linalg.qr(random.normal(size=(4, 4)))[0]
    one, other = Separation.of(X, Y), Separation.of(3 * X @ turn + random.normal(size=4), Y)
    assert other.fisher == pytest.approx(one.fisher)
    assert other.ratio == pytest.approx(one.ratio)
    mixed = X @ (turn + 2 * np.eye(4))
    assert Separation.of(mixed, Y, 0).fisher == pytest.approx(Separation.of(X, Y, 0).fisher)


def test_soft_threshold_concentrates_a_mixture_with_sparse_means():
    """Means of few large coefficients in a frame stay, noise goes."""
    random = np.random.default_rng(0)
    frame = nearest_tight_frame(torch.from_numpy(random.normal(size=(64, 64))))
    codes = np.zeros((4, 64))
    codes[np.arange(4), np.arange(4)] = 1
    labels = np.repeat(np.arange(4), 500)
    noisy = (codes @ frame.numpy())[labels] + 0.2 * random.normal(size=(2000, 64))
    found = {}
    for threshold in (0.0, 0.4):
        encoder = SoftThreshold(64, 64, threshold).double()
        encoder.atoms.data.copy_(frame)
        with torch.no_grad():
            found[threshold] = Separation.of(encoder(torch.from_numpy(noisy)).numpy(), labels)
    assert found[0.0].ratio == pytest.approx(Separation.of(noisy, labels).ratio)
    assert found[0.4].within < 0.1 * found[0.0].within
    assert found[0.4].between > 0.3 * found[0.0].between
    assert found[0.4].ratio > 3 * found[0.0].ratio


@pytest.mark.parametrize(
    ("rows", "labels", "epsilon", "message"),
    [
        (X, np.zeros(150), 1e-3, "two classes or more, not 1"),
        (X, Y, -1, "The regularisation is a number from 0 up, not -1"),
        (X[[0, 100]], [0, 1], 1e-3, "No class has any spread"),
        (np.c_[X, X], Y, 0, "has no inverse: take a regularisation above 0"),
        (X, Y[:3], 1e-3, "inconsistent numbers of samples"),
        (np.full((4, 2), np.nan), [0, 0, 1, 1], 1e-3, "NaN"),
    ],
)
def test_bad_input_is_said(rows, labels, epsilon, message):
    with pytest.raises(ValueError, match=message):
        Separation.of(rows, labels, epsilon)
