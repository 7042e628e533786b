"""Labelled dictionaries, neighbours and their votes, against scikit-learn's nearest neighbours."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from appkit.images import votes
from appkit.images.locality import convincing_patches, masked_scores
from appkit.images.patches import draw_patches, draw_sources, extract_patches
from appkit.images.pictures import as_batch
from appkit.images.simple_patch import SimplePatch
from appkit.images.votes import PatchVotes

DIGITS = load_digits()
DRAWN = np.random.default_rng(0).permutation(1797)
X, Y = DIGITS.images[DRAWN] / 16, DIGITS.target[DRAWN]
#: Without ties.
NOISY = X + np.random.default_rng(1).normal(0, 0.02, X.shape)


def test_patches_know_where_they_were_cut_from(pictures):
    batch = as_batch(pictures)
    patches, sources = draw_sources(batch, 4, 60, seed=3)
    assert np.array_equal(patches, draw_patches(batch, 4, 60, seed=3))
    for patch, (picture, row, column) in zip(patches, sources, strict=True):
        cut = batch[picture, :, row : row + 4, column : column + 4]
        assert np.array_equal(patch, cut.reshape(-1))


def test_the_dictionary_has_the_labels_of_its_pictures():
    model = SimplePatch(64, 3, alphas=[1e-2]).fit(X[:300], Y[:300])
    batch = as_batch(X[:300])
    for number in (0, 17, 63):
        picture, row, column = model.sources_[number]
        cut = batch[picture, 0, row : row + 3, column : column + 3].reshape(-1)
        assert np.array_equal(model.encoder_.patches_[number], cut)
        assert model.patch_labels_[number] == Y[picture]
    parts = SimplePatch(64, 3, alphas=[1e-2]).partial_fit(X[:300], Y[:300], np.arange(10))
    assert np.array_equal(parts.patch_labels_, model.patch_labels_)


@pytest.mark.parametrize("given", [{}, {"pooling": (3, 2)}, {"metric": "l2"}, {"temperature": 0.1}])
def test_the_neighbours_of_both_halves_make_up_the_evidence(given):
    model = SimplePatch(64, 3, k=0.25, alphas=[1e-2], **given).fit(NOISY[:300], Y[:300])
    k = 64 if given.get("temperature") else 16
    halves = [model.neighbours(NOISY[400], 2, 3, k, negated) for negated in (False, True)]
    total = sum(half.filter(like="for ").to_numpy().sum(0) for half in halves)
    assert np.allclose(total, model.evidence(NOISY[400:401])[0, :, 2, 3], atol=1e-5)


def test_neighbours_are_the_nearest_with_their_labels():
    model = SimplePatch(64, 3, k=0.25, alphas=[1e-2]).fit(NOISY[:300], Y[:300])
    found = model.neighbours(NOISY[400], 5, 0, 20)
    apart = model.encoder_.patches_ - NOISY[400][5:8, 0:3].reshape(-1)
    distances = np.sqrt(np.einsum("nd,de,ne->n", apart, model.encoder_.whitening_.matrix, apart))
    assert np.array_equal(found["patch"], distances.argsort()[:20])
    assert np.allclose(found["distance"], np.sort(distances)[:20], rtol=1e-4)
    assert np.array_equal(found["label"], model.patch_labels_[found["patch"]])
    assert list(found.columns[3:]) == [f"for {digit}" for digit in range(10)]
    assert np.all(found.filter(like="for ")[16:] == 0)  # beyond K no patch has a say
    picture, row, column = model.sources_[9]
    own = model.neighbours(NOISY[picture], row, column, 1)
    assert own["patch"][0] == 9
    assert own["distance"][0] == pytest.approx(0, abs=1e-3)


def test_neighbours_that_are_not_there_are_refused():
    model = SimplePatch(64, 3, alphas=[1e-2]).fit(X[:300], Y[:300])
    with pytest.raises(ValueError, match="Of 64 patches 1 or more are nearest, not 65"):
        model.neighbours(X[0], 0, 0, 65)
    with pytest.raises(IndexError, match=r"no position \(6, 0\)"):
        model.neighbours(X[0], 6, 0)
    with pytest.raises(ValueError, match="9 × 9 with 1 channel"):
        model.neighbours(np.zeros((9, 9)), 0, 0)


@pytest.mark.parametrize("metric", ["l2", "mahalanobis"])
@pytest.mark.parametrize("k", [1, 7])
def test_votes_are_those_of_scikit_learn(metric, k):
    model = PatchVotes(200, 3, k, metric).fit(NOISY[:300], Y[:300])
    whitening, batch = model.encoder_.whitening_, as_batch(NOISY[300:330])
    theirs = KNeighborsClassifier(k, algorithm="brute").fit(
        whitening.apply(model.encoder_.patches_), model.patch_labels_
    )
    shares = theirs.predict_proba(whitening.apply(extract_patches(batch, 3)).reshape(-1, 9))
    expected = shares.reshape(30, 36, -1)
    maps = model.evidence(NOISY[300:330])
    assert maps.shape == (30, 10, 6, 6)
    ours = maps.reshape(30, 10, 36).transpose(0, 2, 1) * 36
    assert np.isclose(ours, expected, atol=1e-5).all(2).mean() > 0.999  # but for rounding
    scores = model.decision_function(NOISY[300:330])
    assert np.allclose(maps.sum((2, 3)), scores, atol=1e-6)
    assert np.allclose(scores.sum(1), 1, atol=1e-5)
    assert np.array_equal(model.predict(NOISY[300:330]), scores.argmax(1))


def test_digits_are_told_apart_and_more_jobs_change_nothing():
    done = []
    model = PatchVotes(1000, 4, 10, progress=lambda *at: done.append(at)).fit(X[:1300], Y[:1300])
    assert model.score(X[1300:], Y[1300:]) > 0.7
    assert done[-1] == (497, 497)
    scores = model.decision_function(X[1300:])
    assert np.array_equal(model.set_params(n_jobs=2).decision_function(X[1300:]), scores)


def test_it_is_a_local_model():
    model = PatchVotes(200, 3).fit(X[:300], Y[:300])
    scores = model.decision_function(X[400:401])[0]
    assert np.array_equal(masked_scores(model, X[400], np.zeros((8, 8))), scores)
    assert np.allclose(masked_scores(model, X[400], np.ones((8, 8))), 0, atol=1e-6)
    assert convincing_patches(model, X[300:340], 4, 3)[0].pixels.shape == (3, 3)


def test_it_is_a_scikit_learn_classifier():
    model = PatchVotes(100, 3)
    assert clone(model).get_params() == model.get_params()
    assert cross_val_score(PatchVotes(500, 4), X[:400], Y[:400], cv=2).mean() > 0.5
    words = np.array(["even", "odd"])[Y % 2]
    assert set(model.fit(X[:80], words[:80]).predict(X[:50])) <= {"even", "odd"}


@pytest.mark.parametrize(
    ("given", "labels", "message"),
    [
        ({"k": 100}, Y[:60], "K = 100 nearest of N = 100 patches"),
        ({"k": 0}, Y[:60], "K = 0 nearest of N = 100 patches"),
        ({"metric": "l3"}, Y[:60], "The metric is mahalanobis or l2, not 'l3'"),
        ({"patch_size": 9}, Y[:60], "9 × 9 pixels do not fit into pictures of 8 × 8"),
        ({"n_patches": 10_000, "k": 3}, Y[:60], "fewer than the 10,000 of the dictionary"),
        ({}, Y[:3], r"60 pictures need as many labels, not \(3,\)"),
        ({}, np.zeros(60), "two classes or more, not 1"),
    ],
)
def test_bad_input_is_said(given, labels, message):
    with pytest.raises(ValueError, match=message):
        PatchVotes(**{"n_patches": 100, "patch_size": 3} | given).fit(X[:60], labels)


def test_maps_over_the_memory_are_refused(monkeypatch):
    model = PatchVotes(100, 3).fit(X[:60], Y[:60])
    monkeypatch.setattr(votes, "MOST_BYTES", 10_000)
    with pytest.raises(ValueError, match=r"maps of 9 pictures .* take at most 6 at once"):
        model.evidence(X[:9])
    assert model.decision_function(X[:9]).shape == (9, 10)


def test_the_neighbours_of_votes_make_up_the_evidence():
    model = PatchVotes(64, 3, k=10).fit(NOISY[:300], Y[:300])
    near = model.neighbours(NOISY[400], 2, 3, 12)
    evidence = model.evidence(NOISY[[400]])[0, :, 2, 3]
    assert np.allclose(near.filter(like="for ").to_numpy().sum(0), evidence, atol=1e-6)
    assert not near.filter(like="for ").to_numpy()[10:].any()
    assert (np.diff(near["distance"]) >= 0).all()
    with pytest.raises(IndexError, match="no position"):
        model.neighbours(NOISY[400], 6, 0)
