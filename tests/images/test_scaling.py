"""Paths in the scale of their largest norm."""

import numpy as np
import pytest
from sklearn.preprocessing import MaxAbsScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from appkit.images.scaling import PathScaler


@parametrize_with_checks([PathScaler()])
def test_scikit_learn_s_own_checks(estimator, check):
    check(estimator)


def test_single_features_are_those_of_scikit_learn():
    rows = np.random.default_rng(0).normal(size=(30, 6))
    assert np.allclose(PathScaler().fit_transform(rows), MaxAbsScaler().fit_transform(rows))


def test_the_largest_norm_of_a_path_is_one():
    rows = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
    rows[:, 3:] = 0
    found = PathScaler(3).fit_transform(rows)
    assert found.dtype == np.float32
    assert np.linalg.norm(found[:, :3], axis=1).max() == pytest.approx(1)
    assert not found[:, 3:].any()


@pytest.mark.parametrize(
    ("block", "message"),
    [(0, "block is a whole number above zero, not 0"), (4, "6 features are no whole blocks of 4")],
)
def test_bad_blocks_are_said(block, message):
    with pytest.raises(ValueError, match=message):
        PathScaler(block).fit(np.ones((2, 6)))
