"""Laws of deformations: inverse, charge, exact warps of Gaussians, and what they refuse."""

import math

import numpy as np
import pytest
import torch

from appkit.scattering.deform import Deformation, dilation, grid_points, random_deformation
from appkit.scattering.grid import Grid

GRID = Grid((96, 120), 0.125)


def gaussians(points: torch.Tensor) -> torch.Tensor:
    centres = torch.tensor([[0.7, -0.4], [-1.5, 0.9]], dtype=torch.float64)
    d2 = (points[..., None, :] - centres).square().sum(-1)
    return torch.exp(-d2 / (2 * 0.5**2)) @ torch.tensor([1.0, 2.0], dtype=torch.float64)


@pytest.fixture(params=[0.0, 0.1, 0.4])
def tau(request) -> Deformation:
    return random_deformation(request.param, shortest=4.0, extent=12.0, seed=3)


def test_strength_is_the_one_asked_for(tau):
    asked = tau.strength(grid_points(Grid((128, 128), 12 / 128)))
    assert min(abs(asked - s) for s in (0.0, 0.1, 0.4)) < 1e-3


def test_gradient_is_the_derivative(tau):
    points = torch.randn(7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for p in points:
        jacobian = torch.autograd.functional.jacobian(tau.displacement, p)
        torch.testing.assert_close(tau.gradient(p), jacobian)


def test_origin_inverts_move(tau):
    points = grid_points(GRID)
    torch.testing.assert_close(tau.move(tau.origin(points)), points, rtol=0, atol=1e-10)


def test_warp_of_a_closed_form_field_is_exact(tau):
    points = grid_points(GRID)
    warped = tau.warp(gaussians(points), GRID)
    torch.testing.assert_close(warped, gaussians(tau.origin(points)), rtol=0, atol=2e-5)


def test_conserved_charge(tau):
    field = gaussians(grid_points(GRID))
    warped = tau.warp(field, GRID, conserve=True)
    assert warped.sum().item() == pytest.approx(field.sum().item(), rel=1e-4)


def test_a_narrow_charge_goes_where_the_atom_goes():
    tau = random_deformation(0.2, shortest=4.0, extent=12.0, seed=5)
    atom = torch.tensor([1.0, -0.5], dtype=torch.float64)
    points = grid_points(GRID)
    field = torch.exp(-(points - atom).square().sum(-1) / (2 * 0.25**2))
    warped = tau.warp(field, GRID, conserve=True)
    centre = (warped[..., None] * points).sum((0, 1)) / warped.sum()
    assert (centre - tau.move(atom)).norm() < 0.02 < (centre - atom).norm()


def test_dilation_of_a_gaussian():
    points = grid_points(GRID)
    field = torch.exp(-points.square().sum(-1) / 2)
    expected = torch.exp(-points.square().sum(-1) / (2 * 1.1**2)) / 1.1**2
    warped = dilation(0.1).warp(field, GRID, conserve=True)
    torch.testing.assert_close(warped, expected, rtol=0, atol=1e-6)
    assert dilation(0.1).strength(points) == pytest.approx(0.1)


def test_batches_and_types_pass_through():
    field = gaussians(grid_points(GRID)).float().expand(2, 3, -1, -1)
    warped = dilation(0.05).warp(field, GRID)
    assert warped.shape == field.shape
    assert warped.dtype == torch.float32
    torch.testing.assert_close(warped[1, 2], warped[0, 0])


def test_same_seed_same_deformation():
    one, two, other = (random_deformation(0.1, 2.0, 12.0, seed=s) for s in (1, 1, 2))
    torch.testing.assert_close(one.amplitudes, two.amplitudes)
    assert not torch.allclose(one.amplitudes, other.amplitudes)


class TestBadInput:
    @pytest.mark.parametrize("strength", [1.0, -0.1, math.nan])
    def test_strength(self, strength):
        with pytest.raises(ValueError, match=r"must lie in \[0, 1\)"):
            random_deformation(strength, 1.0, 10.0)

    def test_wavelength(self):
        with pytest.raises(ValueError, match="shortest wavelength, 20, must be positive"):
            random_deformation(0.1, 20.0, 10.0)

    @pytest.mark.parametrize("factor", [1.0, -2.0, np.nan])
    def test_dilation(self, factor):
        with pytest.raises(ValueError, match="is not below 1"):
            dilation(factor)

    def test_folding(self):
        strong = random_deformation(0.9, 2.0, 12.0).times(4)
        with pytest.raises(ValueError, match="folds the plane"):
            strong.warp(gaussians(grid_points(GRID)), GRID)

    def test_shape(self):
        with pytest.raises(ValueError, match=r"has \(8, 8\) samples, the grid \(96, 120\)"):
            dilation(0.1).warp(torch.zeros(8, 8), GRID)
