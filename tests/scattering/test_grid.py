"""Sizes on which Fourier transforms are fast."""

import pytest
from scipy.fft import next_fast_len

from appkit.scattering.grid import fast_even_size


def test_fast_sizes_are_scipy_s_twice():
    """Its real transforms like the same factors: 2, 3 and 5."""
    for minimum in (*range(1, 3000), 123_457, 9_999_991):
        assert fast_even_size(minimum) == 2 * next_fast_len(-(-minimum // 2), real=True)


@pytest.mark.parametrize("minimum", [-1, 0, 0.3, 2])
def test_no_size_is_smaller_than_two(minimum):
    assert fast_even_size(minimum) == 2


def test_a_size_that_no_memory_holds_is_found_at_once():
    size = fast_even_size(1e150)
    assert 10**150 * (1 - 1e-9) < size < 1.1 * 10**150
