"""Parameters and labels that are none."""

import numpy as np
import pytest

from appkit.images.checks import as_labels, check_number, check_whole


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "3", None, np.nan])
def test_whole_numbers(value):
    with pytest.raises(ValueError, match=f"width must be a whole number from 1 up, not {value!r}"):
        check_whole(width=value)
    check_whole(width=np.int64(1))


@pytest.mark.parametrize("value", [-1, np.nan, np.inf, "3", None])
def test_numbers(value):
    with pytest.raises(ValueError, match=f"rate must be a number from 0 up, not {value!r}"):
        check_number(rate=value)
    check_number(rate=0, other=np.float32(0.5))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 1], r"3 pictures need as many labels, not \(2,\)"),
        ([[0], [1], [2]], r"3 pictures need as many labels, not \(3, 1\)"),
        ([0, np.nan, np.nan], "2 of 3 labels are missing .*; the first is number 1"),
        (np.array(["a", "b", None], object), "1 of 3 labels are missing .*; the first is number 2"),
        (np.array(["a", 1, 2], object), "all numbers or all words"),
        ([0.5, 0.7, 0.9], "Unknown label type: continuous"),
    ],
)
def test_labels(labels, said):
    with pytest.raises(ValueError, match=said):
        as_labels(labels, 3)
    assert as_labels(["cat", "dog", "cat"], 3).tolist() == ["cat", "dog", "cat"]
    assert as_labels(np.array(["cat", "dog", "cat"], object), 3).shape == (3,)
