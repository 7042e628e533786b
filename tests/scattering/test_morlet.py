"""The Morlet bank: its mean, its transform against the sampled wavelet, its frame bounds."""

import math

import numpy as np
import pytest
import torch

from appkit.scattering import Grid, MorletBank


def test_the_transform_is_that_of_the_formula():
    bank, grid = MorletBank(2, 5, finest=0.7), Grid((160, 180), 0.2)
    j, theta = 1, float(bank.angles[2])
    y, x = (c.numpy() for c in grid.coordinates())
    s = bank.scale(j)
    u1 = (np.cos(theta) * x[None] + np.sin(theta) * y[:, None]) / s
    u2 = (np.cos(theta) * y[:, None] - np.sin(theta) * x[None]) / s
    sigma, xi, slant = bank.sigma, bank.xi, bank.slant
    envelope = slant / (2 * np.pi * sigma**2) * np.exp(-(u1**2 + (slant * u2) ** 2) / 2 / sigma**2)
    psi = envelope * (np.exp(1j * xi * u1) - math.exp(-((sigma * xi) ** 2) / 2)) / s**2
    wy, wx = grid.frequencies()
    expected = bank.fourier(j, theta, wy[:, None], wx[None]).to(torch.complex128)
    assert torch.allclose(grid.to_fourier(torch.as_tensor(psi)), expected, atol=1e-10)


def test_wavelets_have_no_mean():
    bank, zero = MorletBank(4, 6), torch.zeros(1, dtype=torch.float64)
    values = [bank.fourier(j, t, zero, zero) for j in range(4) for t in bank.angles]
    assert torch.cat(values).abs().max() < 1e-15


def test_convolution_is_the_product_of_transforms():
    bank, grid = MorletBank(3, 4), Grid((32, 40), 1.0)
    field = torch.randn(32, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    theta = float(bank.angles[1])
    got = bank.convolve(grid.to_fourier(field), grid, 1, theta)
    assert torch.allclose(grid.to_space(grid.to_fourier(field)).real, field)
    assert abs(got.mean()) < 1e-12
    shifted = bank.convolve(grid.to_fourier(field.roll((3, -5), (0, 1))), grid, 1, theta)
    assert torch.allclose(shifted, got.roll((3, -5), (0, 1)))


def test_littlewood_paley_sum_is_flat_between_its_ends():
    bank, grid = MorletBank(5, 16), Grid((128, 128), 1.0)
    total = bank.littlewood_paley(grid)
    wy, wx = grid.frequencies()
    radius = torch.hypot(wy[:, None], wx[None])
    inside = total[(radius > bank.centre(3)) & (radius < bank.centre(0))]
    assert inside.max() / inside.min() < 2
    assert torch.allclose(total, total.T, atol=1e-12)  # the same along both axes


@pytest.mark.parametrize("arguments", [(0, 4), (3, 0)])
def test_a_bank_needs_scales_and_angles(arguments):
    with pytest.raises(ValueError, match="J ≥ 1 scales and L ≥ 1 angles"):
        MorletBank(*arguments)


@pytest.mark.parametrize("finest", [0.0, -1.0, math.nan])
def test_a_scale_is_a_length(finest):
    with pytest.raises(ValueError, match="finest scale must be a positive length"):
        MorletBank(2, 4, finest)


def test_a_grid_is_a_grid():
    with pytest.raises(ValueError, match="at least 2 × 2"):
        Grid((1, 4), 1.0)
    with pytest.raises(ValueError, match="positive length"):
        Grid((4, 4), math.nan)
    assert Grid.covering(10.0, 7.0, 0.1).shape == (72, 100)
