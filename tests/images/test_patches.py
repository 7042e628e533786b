"""Patches, their covariance and whitening, against scikit-learn, torch and plain definitions."""

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.image import extract_patches_2d

from appkit.images.patches import (
    Whitening,
    check_size,
    covariance,
    draw_patches,
    extract_patches,
)
from appkit.images.pictures import as_batch, check_same
from tests.images.conftest import natural


def test_patches_are_those_of_scikit_learn_and_torch(pictures):
    batch = as_batch(pictures[:3])
    ours = extract_patches(batch, 5)
    theirs = torch.nn.functional.unfold(torch.from_numpy(batch), 5).transpose(1, 2).numpy()
    assert np.array_equal(ours, theirs)
    scaled = pictures[0].astype(np.float32) / np.float32(255)
    sklearn = extract_patches_2d(scaled, (5, 5)).transpose(0, 3, 1, 2)
    assert np.array_equal(ours[0], sklearn.reshape(len(sklearn), -1))


def test_mean_and_covariance_of_all_patches(pictures):
    batch = as_batch(pictures)
    patches = extract_patches(batch, 4).reshape(-1, 48).astype(np.float64)
    mean, matrix = covariance(batch, 4)
    assert np.allclose(mean, patches.mean(0), atol=1e-6)
    assert np.allclose(matrix, np.cov(patches.T, bias=True), atol=1e-7)


def test_whitened_patches_have_the_identity_as_covariance(pictures):
    batch = as_batch(pictures)
    patches = extract_patches(batch, 3).reshape(-1, 27)
    whitening = Whitening.of(covariance(batch, 3)[1], 0.0)
    white = whitening.apply(patches)
    assert np.allclose(np.cov(white.T, bias=True), np.eye(27), atol=2e-2)
    regular = Whitening.of(covariance(batch, 3)[1], 1e-3)
    variances = np.diag(np.cov(regular.apply(patches).T, bias=True))
    assert np.allclose(variances, regular.values / (regular.values + 1e-3), atol=1e-3)


def test_distances_after_whitening_are_those_of_mahalanobis(pictures):
    from scipy.spatial.distance import mahalanobis

    batch = as_batch(pictures)
    patches = extract_patches(batch, 3).reshape(-1, 27)
    _, matrix = covariance(batch, 3)
    whitening = Whitening.of(matrix, 1e-3)
    inverse = np.linalg.inv(matrix + 1e-3 * np.eye(27))
    a, b = whitening.apply(patches[:2])
    assert np.linalg.norm(a - b) == pytest.approx(mahalanobis(*patches[:2], inverse), rel=1e-3)
    assert np.allclose(whitening.matrix, inverse, rtol=1e-6, atol=1e-6)


def test_flat_pictures_need_a_regularisation():
    flat = as_batch(np.full((3, 8, 8), 100, np.uint8))
    _, matrix = covariance(flat, 3)
    with pytest.raises(ValueError, match="Some direction of the patches never varies"):
        Whitening.of(matrix, 0.0)
    assert np.isfinite(Whitening.of(matrix, 1e-3).matrix).all()
    with pytest.raises(ValueError, match="from 0 up, not -1"):
        Whitening.of(matrix, -1)


def test_a_dictionary_holds_different_patches_and_a_smaller_one_comes_first(pictures):
    batch = as_batch(pictures)
    drawn = draw_patches(batch, 4, 200, seed=3)
    assert len(np.unique(drawn, axis=0)) == 200
    assert np.array_equal(draw_patches(batch, 4, 50, seed=3), drawn[:50])
    assert not np.array_equal(draw_patches(batch, 4, 50, seed=4), drawn[:50])
    every = {patch.tobytes() for patch in extract_patches(batch, 4).reshape(-1, 48)}
    assert {patch.tobytes() for patch in drawn} <= every


def test_more_patches_than_there_are_is_refused_with_the_numbers():
    few = as_batch(np.arange(32, dtype=np.uint8).reshape(2, 4, 4))
    with pytest.raises(ValueError, match="have 8 different patches of 3 × 3 pixels, fewer than"):
        draw_patches(few, 3, 9)
    assert len(draw_patches(few, 3, 8)) == 8


@pytest.mark.parametrize("size", [0, -1, 2.5, True])
def test_a_patch_has_a_whole_size(size):
    with pytest.raises(ValueError, match="whole number of pixels"):
        check_size(size, (1, 8, 8))


def test_pictures_smaller_than_a_patch_are_refused():
    with pytest.raises(ValueError, match="9 × 9 pixels do not fit into pictures of 8 × 12"):
        extract_patches(as_batch(np.zeros((1, 8, 12))), 9)


@pytest.mark.parametrize(
    ("pictures", "said"),
    [
        (np.zeros((8, 8)), r"not \(8, 8\)"),
        (np.zeros((2, 8, 8, 5)), r"not \(2, 8, 8, 5\)"),
        (np.full((2, 8, 8), 1e39), "2 of 2 pictures have values that are not finite"),
        ([[[1, 2]], [[1, 2, 3]]], "Pictures are of one size"),
        (np.zeros((0, 8, 8)), "There are no pictures"),
        (np.array([["a"] * 3] * 3)[None], "Pictures are numbers"),
        (np.where(np.eye(8) > 0, np.nan, 1.0)[None].repeat(2, 0), "2 of 2 pictures have values"),
    ],
)
def test_arrays_that_are_no_pictures(pictures, said):
    with pytest.raises(ValueError, match=said):
        as_batch(pictures)


def test_grey_and_colour_bytes_and_numbers():
    grey = natural(2, 8, 1)[..., 0]
    assert as_batch(grey).shape == (2, 1, 8, 8)
    assert np.array_equal(as_batch(grey), as_batch(grey / np.float32(255)))
    assert as_batch(natural(2, 8)).shape == (2, 3, 8, 8)
    with pytest.raises(ValueError, match=r"8 × 8 with 1 channel\(s\); it was fitted to .* 3 chan"):
        check_same(as_batch(grey), (3, 8, 8))


def test_sixteen_bits_are_as_eight():
    eight = natural(2, 8)
    assert np.allclose(as_batch(eight.astype(np.uint16) * 257), as_batch(eight), atol=1e-7)


def test_pictures_over_the_memory_are_refused_with_the_numbers(monkeypatch):
    monkeypatch.setenv("APPKIT_MEMORY_GB", "1e-4")
    with pytest.raises(ValueError, match=r"1,000 pictures of 8 × 8 pixels .* budget is 0\.0001 GB"):
        as_batch(np.zeros((1000, 8, 8), np.uint8))
