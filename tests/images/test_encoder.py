"""Codes against nearest neighbours of scikit-learn, and the laws that they obey."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors

from appkit.images import encoder
from appkit.images.encoder import PatchEncoder
from appkit.images.patches import extract_patches
from appkit.images.pictures import as_batch
from tests.images.conftest import natural


def fitted(pictures, **more):
    given = {"n_patches": 60, "patch_size": 4, "k": 0.3, "pooling": 3} | more
    return PatchEncoder(**given).fit(pictures)


@pytest.mark.parametrize("metric", ["mahalanobis", "l2"])
def test_exact_codes_are_the_nearest_neighbours_of_scikit_learn(pictures, metric):
    model = fitted(pictures, metric=metric)
    batch = as_batch(natural(2, seed=5))
    patches = extract_patches(batch, 4).reshape(-1, 48).astype(np.float64)
    white = model.whitening_.apply
    codes = model.codes(batch).reshape(-1, 2, 60)
    for sign, dictionary in enumerate((model.patches_, -model.patches_)):
        if metric == "mahalanobis":
            near = NearestNeighbors(n_neighbors=18).fit(white(dictionary.astype(np.float64)))
            found = near.kneighbors(white(patches), return_distance=False)
        else:
            near = NearestNeighbors(n_neighbors=18).fit(dictionary)
            found = near.kneighbors(patches, return_distance=False)
        expected = np.zeros((len(patches), 60))
        np.put_along_axis(expected, found, 1, axis=1)
        assert (codes[:, sign] != expected).mean() < 1e-3  # ties of single precision


@pytest.mark.parametrize("pooling", [1, 2, (5, 3)])
def test_pooled_codes_are_averages_of_codes(pictures, pooling):
    model = fitted(pictures, pooling=pooling)
    batch = as_batch(natural(3, seed=2))
    features = model.transform(natural(3, seed=2))
    assert features.shape == (3, model.n_features_out_)
    codes = model.codes(batch)
    for window, (features_of, count) in enumerate(
        zip(np.moveaxis(features.reshape(3, -1, 2, 60), 1, 0), model.pooling_.counts, strict=True)
    ):
        inside = (model.pooling_.cells == window).any(axis=1)
        assert inside.sum() == count
        assert np.allclose(features_of, codes[:, inside].mean(1), atol=1e-6)
    assert features.mean() == pytest.approx(0.3, abs=1e-3)


def test_soft_codes_become_hard_ones_and_are_pooled_alike(pictures):
    hard, soft = fitted(pictures), fitted(pictures, temperature=1e-4)
    assert (
        np.abs(hard.transform(pictures) - soft.transform(pictures)).mean() < 0.6 / 60
    )  # the K-th is at ½
    warm = fitted(pictures, temperature=1.0).transform(pictures)
    assert 0 < warm.min() < warm.max() < 1


def test_contrast_changes_the_two_scalings_in_different_ways(pictures):
    exact, released = fitted(pictures), fitted(pictures, scaling="released")
    assert np.array_equal(exact.patches_, released.patches_)
    a, b = exact.codes(as_batch(pictures)), released.codes(as_batch(pictures))
    shared = np.minimum(a, b).sum() / np.maximum(a, b).sum()
    assert 0.2 < shared < 0.95  # Jaccard; they are told apart

    def never(codes):
        return (codes.reshape(-1, 2 * 60).max(0) == 0).mean()

    assert never(b) <= never(a)


def test_threads_and_chunks_change_nothing(pictures):
    model = fitted(pictures)
    alone = model.transform(pictures)
    assert np.array_equal(
        clone(model).set_params(n_jobs=2).fit(pictures).transform(pictures), alone
    )
    chunks = list(model.encoded(as_batch(pictures), chunk=5))
    assert [len(chunk) for chunk in chunks] == [5, 5, 2]
    assert np.array_equal(np.concatenate(chunks), alone)


@pytest.mark.parametrize("temperature", [0.0, 0.5])
def test_torchs_own_selection_gives_the_same(pictures, temperature):
    model = fitted(pictures, temperature=temperature, pooling=(5, 3))
    ours = model.transform(pictures)
    theirs = model._selected(torch.from_numpy(as_batch(pictures))).numpy()
    assert np.abs(ours - theirs).max() < (0.05 if temperature == 0 else 1e-3)
    assert np.abs(ours - theirs).mean() < 1e-4


def test_grey_pictures_of_another_shape(pictures):
    grey = natural(6, 12, 1)[..., 0]
    assert fitted(grey, patch_size=3).transform(grey).shape == (6, 9 * 2 * 60)
    with pytest.raises(ValueError, match="it was fitted to pictures of 16 × 16 with 3"):
        fitted(pictures).transform(grey)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"metric": "cosine"}, "The metric is mahalanobis or l2, not 'cosine'"),
        ({"scaling": "both"}, "The scaling is exact or released, not 'both'"),
        ({"temperature": -1}, "from 0 up, not -1"),
        ({"temperature": "warm"}, "temperature must be a number from 0 up, not 'warm'"),
        ({"random_state": -1}, "random_state must be a whole number from 0 up, not -1"),
        ({"device": "gpu"}, "There is no device 'gpu' here; use cpu"),
        ({"n_patches": 0}, "n_patches must be a whole number from 2 up, not 0"),
        ({"k": float("nan")}, "K = nan nearest of N = 60 patches"),
        ({"k": None}, "K = None nearest of N = 60 patches"),
        ({"k": 61}, "K = 61 nearest of N = 60 patches"),
        ({"k": 60}, "K = 60 nearest of N = 60 patches"),
        ({"n_patches": 5000}, "different patches of 4 × 4 pixels, fewer than the 5,000"),
        ({"patch_size": 17}, "17 × 17 pixels do not fit into pictures of 16 × 16"),
        ({"pooling": 14}, "more than the 13 × 13 positions"),
    ],
)
def test_bad_parameters(pictures, given, said):
    with pytest.raises(ValueError, match=said):
        fitted(pictures, **given)


def test_codes_over_the_memory_are_refused_with_the_numbers(pictures, monkeypatch):
    model = fitted(pictures)
    monkeypatch.setattr(encoder, "MOST_BYTES", 20_000)
    with pytest.raises(ValueError, match=r"12 pictures, 1,080 numbers each, .* at most 4 pictures"):
        model.transform(pictures)


def test_distances_over_the_memory_are_refused_with_the_numbers(pictures, monkeypatch):
    monkeypatch.setattr(encoder, "MOST_BYTES", 30_000)
    with pytest.raises(ValueError, match=r"169 positions to 60 patches, .* need 7\.3e-05 GB, over"):
        fitted(pictures)


def test_a_regularisation_for_another_white_is_told(pictures):
    with pytest.warns(UserWarning, match="numbers up to 255, and the regularisation 0.001 is mean"):
        fitted(pictures.astype(float))
