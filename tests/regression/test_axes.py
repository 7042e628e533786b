"""Scaled principal axes: against scikit-learn's PCA, and what a power does."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.utils.estimator_checks import parametrize_with_checks

from appkit.regression import ScaledAxes

X = np.random.default_rng(0).normal(size=(60, 5)) * [1, 2, 4, 8, 16] @ np.triu(np.ones((5, 5)))


@parametrize_with_checks([ScaledAxes()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_power_one_is_whitening_as_scikit_learn_s():
    ours = ScaledAxes(1.0).fit_transform(X)
    theirs = PCA(whiten=True).fit_transform(X)
    assert np.allclose(np.abs(ours[:, ::-1]), np.abs(theirs) * np.sqrt(60 / 59))


def test_power_nought_keeps_distances_up_to_a_factor():
    ours = ScaledAxes(0.0).fit_transform(X)
    centred = X - X.mean(0)
    ratio = np.linalg.norm(ours, axis=1) / np.linalg.norm(centred, axis=1)
    assert np.allclose(ratio, ratio[0])
    assert np.mean(ours.var(0)) == pytest.approx(1)


@pytest.mark.parametrize("power", [0.25, 0.5])
def test_a_power_between_narrows_the_range_of_widths(power):
    def spread(p):
        widths = ScaledAxes(p).fit_transform(X).std(0)
        return np.log(widths.max() / widths.min())

    assert spread(power) == pytest.approx((1 - power) * spread(0.0))


def test_dependent_columns_are_one_axis():
    assert ScaledAxes().fit_transform(np.hstack([X, X])).shape == (60, 5)


@pytest.mark.parametrize("power", [-0.1, 1.5])
def test_bad_power(power):
    with pytest.raises(ValueError, match=f"power must lie between 0 and 1, not {power}"):
        ScaledAxes(power).fit(X)
