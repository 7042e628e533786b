"""SimplePatch against scikit-learn's ridge, its evidence against its scores, and locality."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score

from appkit.images import simple_patch
from appkit.images.simple_patch import SimplePatch
from appkit.images.votes import PatchVotes
from tests.images.conftest import natural

SMALL = {"n_patches": 64, "patch_size": 3, "k": 0.25, "pooling": 2}


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.images / 16, data.target


@pytest.fixture(scope="module")
def model(digits):
    X, y = digits
    return SimplePatch(**SMALL).fit(X[:1200], y[:1200])


def test_the_head_is_the_ridge_of_scikit_learn(digits):
    X, y = digits
    model = SimplePatch(**SMALL, alphas=[1e-2]).fit(X[:400], y[:400])
    ridge = Ridge(1e-2 * 400).fit(model.encoder_.transform(X[:400]), np.eye(10)[y[:400]])
    theirs = ridge.predict(model.encoder_.transform(X[400:500]))
    assert np.allclose(model.decision_function(X[400:500]), theirs, atol=2e-3)


def test_digits_are_read(digits, model):
    X, y = digits
    assert (model.predict(X[1200:]) == y[1200:]).mean() > 0.93
    assert set(model.errors_) == set(model.alphas)
    assert model.errors_[model.alpha_] == min(model.errors_.values())


@pytest.mark.parametrize("more", [{}, {"pooling": (3, 2)}, {"temperature": 0.3}, {"metric": "l2"}])
def test_evidence_adds_up_to_the_scores(digits, more):
    X, y = digits
    model = SimplePatch(**SMALL | more).fit(X[:300], y[:300])
    maps = model.evidence(X[300:320])
    assert maps.shape == (20, 10, 6, 6)
    scores = model.decision_function(X[300:320])
    assert np.allclose(maps.sum((2, 3)) + model.intercept_, scores, atol=1e-4)


def test_a_change_far_away_leaves_the_evidence_as_it_is(digits, model):
    """No position sees more than its patch."""
    X, _ = digits
    before = model.evidence(X[1500:1501])
    changed = X[1500:1501].copy()
    changed[:, 5:] = changed[:, 5:][:, ::-1, ::-1]
    after = model.evidence(changed)
    assert np.array_equal(before[:, :, :3], after[:, :, :3])  # patches of rows 0 to 4
    assert not np.array_equal(before[:, :, 5:], after[:, :, 5:])


def test_the_order_of_far_patches_does_not_matter_to_one_window():
    X = natural(30, 12)
    y = np.arange(30) % 2
    model = SimplePatch(n_patches=40, patch_size=3, pooling=1, alphas=[1e-2]).fit(X, y)
    halves = np.concatenate([X[:, 6:], X[:, :6]], axis=1)
    maps, moved = model.evidence(X), model.evidence(halves)
    assert np.allclose(maps[:, :, :4], moved[:, :, 6:], atol=1e-6)
    assert np.allclose(maps[:, :, 6:], moved[:, :, :4], atol=1e-6)


def test_parts_train_the_same_as_all_at_once(digits):
    X, y = digits
    whole = SimplePatch(**SMALL, alphas=[1e-2]).fit(X[:200], y[:200])
    parts = SimplePatch(**SMALL, alphas=[1e-2]).partial_fit(X[:200], y[:200], np.arange(10))
    assert np.allclose(whole.coef_, parts.coef_, atol=1e-4)
    before = (parts.predict(X[600:]) == y[600:]).mean()
    parts.partial_fit(X[200:600], y[200:600])
    assert (parts.predict(X[600:]) == y[600:]).mean() > before


def test_mirror_images_are_read_alike_where_that_is_asked_for():
    X = natural(40, 12)
    y = np.arange(40) % 2
    model = SimplePatch(n_patches=40, patch_size=3, pooling=2, flip=True, alphas=[1e-2]).fit(X, y)
    mirrored = X[:, :, ::-1]
    scores = model.decision_function(X)
    assert np.allclose(scores, model.decision_function(mirrored), atol=1e-5)
    evidence = model.evidence(X)
    assert np.allclose(evidence.sum((2, 3)) + model.intercept_, scores, atol=1e-4)
    assert np.allclose(evidence, model.evidence(mirrored)[..., ::-1], atol=1e-5)
    own, others = (model.neighbours(x[7], *at, 16) for x, at in ((X, (2, 3)), (mirrored, (2, 6))))
    other = (model.neighbours(x[7], *at, 16, True) for x, at in ((X, (2, 3)), (mirrored, (2, 6))))
    votes = [frame.filter(like="for ").to_numpy().sum(0) for frame in (own, others, *other)]
    assert np.allclose(np.sum(votes, axis=0), evidence[7, :, 2, 3], atol=1e-5)


def test_it_is_an_estimator_of_scikit_learn(digits):
    X, y = digits
    model = SimplePatch(**SMALL)
    assert clone(model).get_params() == model.get_params()
    assert cross_val_score(model, X[:300], y[:300], cv=3).mean() > 0.75
    names = np.array(["zero", "one"])[1 - y[y < 2]]
    assert set(model.fit(X[y < 2], names).predict(X[y < 2][:20])) <= {"zero", "one"}


def test_a_training_in_parts_that_was_saved_goes_on_bit_for_bit(digits):
    X, y = digits
    whole = SimplePatch(**SMALL).partial_fit(X[:200], y[:200], np.arange(10))
    saved = pickle.loads(pickle.dumps(whole))
    one, other = (model.partial_fit(X[200:400], y[200:400]) for model in (whole, saved))
    assert np.array_equal(one.coef_, other.coef_)
    assert np.array_equal(one.decision_function(X[:9]), other.decision_function(X[:9]))


def test_progress_can_end_the_training(digits):
    X, y = digits

    def enough(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SimplePatch(**SMALL, progress=enough).fit(X, y)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"alphas": []}, "one or more positive numbers"),
        ({"alphas": [-1.0]}, "one or more positive numbers"),
        ({"device": "gpu"}, "There is no device 'gpu' here; use cpu"),
        ({"held_out": 1.0}, "held_out is a share between 0 and 1, not 1"),
        ({"k": 64}, "K = 64 nearest of N = 64 patches"),
        ({"patch_size": 9}, "9 × 9 pixels do not fit into pictures of 8 × 8"),
    ],
)
def test_bad_parameters(digits, given, said):
    X, y = digits
    with pytest.raises(ValueError, match=said):
        SimplePatch(**SMALL | given).fit(X, y)


def test_bad_labels(digits):
    X, y = digits
    with pytest.raises(ValueError, match=r"1797 pictures need as many labels, not \(5,\)"):
        SimplePatch(**SMALL).fit(X, y[:5])
    with pytest.raises(ValueError, match="two classes or more, not 1"):
        SimplePatch(**SMALL).fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="first call of partial_fit needs all classes"):
        SimplePatch(**SMALL).partial_fit(X, y)
    model = SimplePatch(**SMALL).partial_fit(X, y, np.arange(10))
    with pytest.raises(ValueError, match="The label 11 is none of the classes"):
        model.partial_fit(X[:2], [1, 11])


def test_sums_over_the_memory_are_refused_before_any_work(digits, monkeypatch):
    X, y = digits
    monkeypatch.setattr(simple_patch, "MOST_BYTES", 1_000_000)
    with pytest.raises(ValueError, match=r"ridge on 512 codes needs .* at most 288 codes"):
        SimplePatch(**SMALL).fit(X, y)


@pytest.mark.parametrize("alphas", [("a",), None, 1e-3, (), (1e-3, -1.0)])
def test_ridges_that_are_none_are_said(digits, alphas):
    with pytest.raises(ValueError, match="alphas are one or more positive numbers"):
        SimplePatch(**SMALL | {"alphas": alphas}).fit(*digits)


@pytest.mark.parametrize("share", [1e-9, 0.999])
def test_a_picture_at_least_chooses_and_one_at_least_is_trained_on(digits, share):
    X, y = digits
    given = {"alphas": (1e-4, 1e-2), "held_out": share}
    model = SimplePatch(**SMALL | given).fit(X[:60], y[:60])
    assert set(model.errors_) <= {1e-4, 1e-2}
    assert model.errors_
    assert np.isfinite(model.coef_).all()


def test_a_filtered_model_is_filtered_again_and_what_is_not_fitted_says_so(digits):
    model = SimplePatch(**SMALL).fit(*digits)
    twice = model.filtered(20).filtered(10)
    assert (np.abs(twice.coef_).sum((0, 1, 3)) > 0).sum() == 10
    with pytest.raises(NotFittedError):
        SimplePatch().predict(digits[0])


def test_pictures_in_another_unit_are_refused(pictures):
    y = np.arange(len(pictures)) % 2
    for model in (SimplePatch(40, 3, alphas=[1e-2]), PatchVotes(40, 3, k=5)):
        model.fit(pictures, y)
        for asked in (model.predict, model.evidence):
            with pytest.raises(ValueError, match=r"Pictures reach 2\d\d; those it was fitted"):
                asked(pictures.astype(float))
