"""Dimensions of clouds that are known, and of patches."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from appkit.images.dimension import (
    PatchDimensions,
    covariance_dimension,
    nearest_distances,
    neighbour_dimension,
)
from appkit.images.patches import Whitening, covariance, draw_patches, extract_patches
from appkit.images.pictures import as_batch
from tests.images.conftest import natural


@pytest.mark.parametrize(
    ("values", "threshold", "dimension"),
    [
        ([1, 1, 1, 1], 0.05, 4),
        ([1, 1, 1, 1], 0.25, 3),
        ([1, 1, 1, 1], 0.3, 3),
        ([96, 4], 0.05, 1),
        ([4, 90, 6], 0.05, 2),
        ([0, 0], 0.05, 0),
    ],
)
def test_directions_with_most_of_the_variance(values, threshold, dimension):
    assert covariance_dimension(values, threshold) == dimension


@pytest.mark.parametrize("d", [1, 2, 5])
def test_a_flat_cloud_has_its_dimension_in_any_space(d):
    random = np.random.default_rng(0)
    cloud = random.random((3000, d)) @ np.linalg.qr(random.standard_normal((20, d)))[0].T
    assert neighbour_dimension(cloud, 20) == pytest.approx(d, rel=0.12)


def test_a_curved_surface_and_a_change_of_unit():
    random = np.random.default_rng(1)
    sphere = random.standard_normal((4000, 3))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    found = neighbour_dimension(sphere, 15)
    assert found == pytest.approx(2, rel=0.12)
    assert neighbour_dimension(1e3 * sphere, 15) == pytest.approx(found)


def test_points_that_coincide_count_once():
    cloud = np.random.default_rng(2).random((500, 2))
    assert neighbour_dimension(np.repeat(cloud, 3, axis=0), 10) == neighbour_dimension(cloud, 10)


@pytest.mark.parametrize(
    ("k", "k_min", "said"),
    [(50, 1, "more than 50 different points, not 20"), (5, 5, "k_min = 5"), (5, 0, "k_min = 0")],
)
def test_too_few_points(k, k_min, said):
    with pytest.raises(ValueError, match=said):
        neighbour_dimension(np.random.default_rng(0).random((20, 2)), k, k_min)
    with pytest.raises(ValueError, match="share between 0 and 1"):
        covariance_dimension([1.0], 1.0)


def test_patches_of_pictures_fill_few_dimensions_and_whitened_ones_more():
    found = PatchDimensions.of(natural(60, 24), 4, n_patches=2000)
    assert found.extrinsic == 48
    assert np.all(np.diff(found.spectrum) <= 0)
    assert 1 < found.covariance < found.whitened_covariance <= 48
    assert 1 < found.neighbours < found.whitened_neighbours < 48
    unit = PatchDimensions.of(natural(60, 24), 4, n_patches=2000, unit=True)
    assert unit.neighbours == found.neighbours
    assert unit.whitened_neighbours != found.whitened_neighbours


def test_neighbours_among_all_patches_are_those_of_a_search_by_hand():
    batch = as_batch(natural(20, 12))
    every = extract_patches(batch, 3).reshape(-1, 27)
    points = draw_patches(batch, 3, 30)
    found = nearest_distances(points, batch, 3, 15, lambda patches: patches)
    apart = np.linalg.norm(every[None].astype(float) - points[:, None], axis=2)
    apart[apart < 1e-6] = np.inf
    assert np.allclose(found, np.sort(apart, axis=1)[:, :15], rtol=1e-3)
    with pytest.raises(ValueError, match="fewer than 5,000 patches of 3 × 3 pixels"):
        nearest_distances(points, batch, 3, 5000, lambda patches: patches)


def test_all_patches_are_the_drawn_ones_where_a_picture_is_one_patch():
    pictures = natural(300, 4)
    found = PatchDimensions.of(pictures, 4, n_patches=300, k=15, among="all", unit=True)
    batch = as_batch(pictures)
    cloud = batch.reshape(300, -1)
    assert found.neighbours == pytest.approx(neighbour_dimension(cloud, 16), rel=0.15)
    mean, matrix = covariance(batch, 4)
    white = Whitening.of(matrix, 1e-3).apply(cloud - mean.astype(np.float32))
    white /= np.linalg.norm(white, axis=1, keepdims=True)
    near = NearestNeighbors(n_neighbors=15).fit(white).kneighbors()[0]
    expected = (1 / np.log(near[:, -1:] / near[:, :-1]).mean(axis=1)).mean()
    assert found.whitened_neighbours == pytest.approx(expected, rel=1e-3)
    with pytest.raises(ValueError, match="among the drawn or all patches, not 'some'"):
        PatchDimensions.of(pictures, 4, among="some")


def test_pictures_with_too_few_patches():
    with pytest.raises(ValueError, match="fewer than the 5,000 of the dictionary"):
        PatchDimensions.of(natural(1, 8), 4)
