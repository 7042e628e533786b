"""The PCA-affine classifier against scikit-learn's PCA and nearest means."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestCentroid
from sklearn.utils.estimator_checks import parametrize_with_checks

from appkit.images.affine import AffineClassifier, principal_directions

X, Y = load_digits(return_X_y=True)
TRAIN, TEST = slice(0, 1200), slice(1200, None)


@parametrize_with_checks([AffineClassifier(dimensions=(0, 1, 2))])
def test_scikit_learn_s_own_checks(estimator, check):
    check(estimator)


def test_without_dimensions_it_is_the_nearest_mean():
    ours = AffineClassifier((0,)).fit(X[TRAIN], Y[TRAIN])
    theirs = NearestCentroid().fit(X[TRAIN], Y[TRAIN])
    assert (ours.predict(X[TEST]) == theirs.predict(X[TEST])).all()


def test_what_is_left_is_the_reconstruction_error_of_pca():
    ours = AffineClassifier((7,)).fit(X[TRAIN], Y[TRAIN])
    left = -ours.decision_function(X[TEST])
    for c in range(10):
        pca = PCA(7, svd_solver="full").fit(X[TRAIN][Y[TRAIN] == c])
        wrong = X[TEST] - pca.inverse_transform(pca.transform(X[TEST]))
        assert np.allclose(left[:, c], (wrong**2).sum(1), rtol=1e-6)


def test_d_is_chosen_and_helps():
    ours = AffineClassifier().fit(X[TRAIN], Y[TRAIN])
    assert ours.errors_[ours.dimension_] == min(ours.errors_.values())
    plain = AffineClassifier((0,)).fit(X[TRAIN], Y[TRAIN])
    assert ours.score(X[TEST], Y[TEST]) > plain.score(X[TEST], Y[TEST]) + 0.03


@pytest.mark.parametrize(("n", "p"), [(40, 9), (9, 40)])
def test_directions_are_those_of_the_singular_values(n, p):
    rows = np.random.default_rng(0).normal(size=(n, p))
    centred = rows - rows.mean(0)
    found = principal_directions(centred, 4)
    _, _, right = np.linalg.svd(centred, full_matrices=False)
    assert np.allclose(abs(found.T @ right[:4].T), np.eye(4), atol=1e-8)
    assert principal_directions(centred, 100).shape[1] == min(n - 1, p)


def test_a_class_of_equal_samples_has_no_directions():
    same = np.repeat([[0.0, 0.0], [3.0, 1.0]], 4, axis=0)
    ours = AffineClassifier((1,)).fit(same, [0] * 4 + [1] * 4)
    assert [space.shape[1] for space in ours.spaces_] == [0, 0]
    assert ours.predict([[2.0, 1.0]]) == [1]


@pytest.mark.parametrize(
    ("given", "labels", "message"),
    [
        ({"dimensions": ()}, Y, "dimensions are whole numbers from 0 up"),
        ({"dimensions": (-1,)}, Y, "dimensions are whole numbers from 0 up"),
        ({"held_out": 1.0}, Y, "held_out is a share between 0 and 1, not 1.0"),
        ({}, np.zeros_like(Y), "two classes or more, not 1 class"),
        ({}, np.array(["a", *Y[1:]], object), "Labels are all numbers or all words"),
        ({}, np.r_[99, Y[1:]], "The class 99 has one sample"),
    ],
)
def test_bad_input_is_said(given, labels, message):
    with pytest.raises(ValueError, match=message):
        AffineClassifier(**given).fit(X, labels)
