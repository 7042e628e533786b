"""The K nearest by counting are those by sorting, also where scores tie or are far from normal."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from appkit.images.nearest import check_neighbours, pooled_codes, thresholds

FLOATS = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)


@settings(deadline=None)  # the first call compiles
@given(arrays(np.float32, st.integers(2, 60), elements=FLOATS), st.data())
def test_as_many_scores_as_a_sort_would_take(scores, data):
    k = data.draw(st.integers(1, len(scores) - 1))
    assert thresholds(scores[None], k) == np.sort(scores)[k - 1]


@pytest.mark.parametrize("shape", ["normal", "lognormal", "two lumps", "one far away", "equal"])
@pytest.mark.parametrize("share", [0.01, 0.4, 0.99])
def test_scores_far_from_normal(shape, share):
    random = np.random.default_rng(0)
    scores = random.standard_normal((20, 512)).astype(np.float32)
    if shape == "lognormal":
        scores = np.exp(3 * scores)
    elif shape == "two lumps":
        scores[:, ::2] += 1e4
    elif shape == "one far away":
        scores[:, 3] = 1e30
    elif shape == "equal":
        scores[:] = 2.5
    k = max(1, int(share * 512))
    expected = torch.from_numpy(scores).kthvalue(k, dim=1, keepdim=True).values.numpy()
    assert np.array_equal(thresholds(scores, k)[:, None], expected)


def test_codes_of_both_signs_are_added_up_over_overlapping_windows():
    random = np.random.default_rng(1)
    products = random.standard_normal((9, 64)).astype(np.float32)
    bias = random.random(64, dtype=np.float32)
    cells = np.array([[0, -1], [0, 1], [1, -1]] * 3, np.int32)
    counts = pooled_codes(products, bias, 25, cells)
    assert counts.shape == (2, 2, 64)
    for sign, scores in enumerate((bias - products, bias + products)):
        codes = torch.from_numpy(scores)
        codes = (codes <= codes.kthvalue(25, dim=1, keepdim=True).values).numpy()
        for cell in range(2):
            inside = (cells == cell).any(axis=1)
            assert np.array_equal(counts[cell, sign], codes[inside].sum(0))


def test_windows_of_more_than_255_positions_do_not_overflow():
    products = np.zeros((400, 8), np.float32)
    bias = np.arange(8, dtype=np.float32)
    counts = pooled_codes(products, bias, 3, np.zeros((400, 1), np.int32))
    assert counts.tolist() == [[[400] * 3 + [0] * 5] * 2]


@pytest.mark.parametrize(("k", "number"), [(1, 1), (99, 99), (0.4, 40), (0.999, None)])
def test_neighbours_are_a_number_or_a_share(k, number):
    if number is None:
        with pytest.raises(ValueError, match=r"K = 0\.999 nearest of N = 100 patches"):
            check_neighbours(k, 100)
    else:
        assert check_neighbours(k, 100) == number


@pytest.mark.parametrize("k", [0, 100, 101, -3, 1.5, 0.0, True])
def test_more_neighbours_than_patches_are_refused(k):
    with pytest.raises(ValueError, match="from 1 to 99"):
        check_neighbours(k, 100)
