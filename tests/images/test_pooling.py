"""Windows are those of torch's average pooling, by their number or by size and stride."""

import numpy as np
import pytest
import torch

from appkit.images.pooling import Pooling


def averaged(field, pooling):
    cells, flat = pooling.cells, field.ravel()
    sums = np.zeros(len(pooling.counts))
    for position, windows in enumerate(cells):
        for window in windows[windows >= 0]:
            sums[window] += flat[position]
    return (sums / pooling.counts).reshape(pooling.shape)


@pytest.mark.parametrize("shape", [(27, 27), (7, 10), (5, 5)])
@pytest.mark.parametrize("windows", [1, 2, 3, 5])
def test_a_number_of_windows(shape, windows):
    field = np.random.default_rng(0).random(shape)
    theirs = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(field)[None], windows)[0]
    assert np.allclose(averaged(field, Pooling.of(shape, windows)), theirs)


@pytest.mark.parametrize("shape", [(27, 27), (7, 10), (9, 8)])
@pytest.mark.parametrize(("size", "stride"), [(5, 3), (3, 2), (2, 2), (1, 1)])
def test_size_and_stride(shape, size, stride):
    field = np.random.default_rng(0).random(shape)
    pool = torch.nn.AvgPool2d(size, stride, ceil_mode=True)
    theirs = pool(torch.from_numpy(field)[None])[0]
    assert np.allclose(averaged(field, Pooling.of(shape, (size, stride))), theirs)


@pytest.mark.parametrize(
    ("pooling", "said"),
    [
        (0, "number of windows along a side"),
        (2.5, "number of windows along a side"),
        ((1, 2, 3), "number of windows along a side"),
        (True, "number of windows along a side"),
        (9, "more than the 8 × 8 positions"),
        ((9, 1), "more than the 8 × 8 positions"),
    ],
)
def test_bad_poolings(pooling, said):
    with pytest.raises(ValueError, match=said):
        Pooling.of((8, 8), pooling)
