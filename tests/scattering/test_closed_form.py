"""Closed forms against quadrature, and their invariance and gradients."""

import math

import pytest
import torch
from scipy.spatial.transform import Rotation

from appkit.scattering.closed_form import (
    amplitude,
    gaussian_energies,
    gaussian_fields,
    lattice_fields,
)

SIGMA, SCALE = 0.5, 0.7


@pytest.fixture(scope="module")
def atoms():
    generator = torch.Generator().manual_seed(0)
    positions = torch.randn(4, 3, dtype=torch.float64, generator=generator)
    return positions, 0.5 + torch.rand(2, 4, dtype=torch.float64, generator=generator)


@pytest.fixture(scope="module")
def grid():
    axis = (torch.arange(64, dtype=torch.float64) - 31.5) / 4
    return torch.cartesian_prod(axis, axis, axis), (1 / 4) ** 3


@pytest.mark.parametrize("l", range(4))
def test_energies_are_the_integrals_of_the_fields(atoms, grid, l):
    points, volume = grid
    fields = gaussian_fields(points, *atoms, SIGMA, SCALE, l)
    assert fields.shape == (2, 2 * l + 1, len(points))
    expected = fields.square().sum((1, 2)) * volume
    assert torch.allclose(gaussian_energies(*atoms, SIGMA, SCALE, l), expected, rtol=1e-12)


@pytest.mark.parametrize("l", range(4))
def test_fields_are_convolutions_with_the_wavelet_of_a_point(l):
    """By Fourier transforms on a grid whose sample in the middle is the origin."""
    axis = (torch.arange(65, dtype=torch.float64) - 32) / 4
    points, n = torch.cartesian_prod(axis, axis, axis), (65, 65, 65)
    position, charge = torch.tensor([[0.4, -0.3, 0.2]], dtype=torch.float64), torch.ones(1, 1)
    bell = torch.exp(-(points - position).square().sum(1) / (2 * SIGMA**2)).view(n)
    rho = bell / (2 * math.pi * SIGMA**2) ** 1.5
    origin = torch.zeros(1, 3, dtype=torch.float64)
    wavelets = gaussian_fields(points, origin, charge.double(), 1e-12, SCALE, l)[0].view(-1, *n)
    product = torch.fft.fftn(rho) * torch.fft.fftn(wavelets, dim=(1, 2, 3))
    there = torch.fft.ifftn(product, dim=(1, 2, 3)).real.roll((32 + 1,) * 3, (1, 2, 3)) / 4**3
    ours = gaussian_fields(points, position, charge.double(), SIGMA, SCALE, l)[0].view(-1, *n)
    assert torch.allclose(there, ours, atol=1e-9 * float(ours.abs().max()))


@pytest.mark.parametrize("sizes", [(7, 5, 3), (3, 7, 5), (5, 1, 6), (1, 4, 6), (1, 1, 1)])
@pytest.mark.parametrize("l", range(4))
def test_fields_on_a_lattice_are_those_at_its_points(atoms, l, sizes):
    axes = [torch.linspace(-2, 1.5, n, dtype=torch.float64) for n in sizes]
    points = torch.cartesian_prod(*axes)
    expected = gaussian_fields(points, *atoms, SIGMA, SCALE, l).view(2, -1, *sizes)
    assert torch.allclose(lattice_fields(axes, *atoms, SIGMA, SCALE, l), expected, rtol=1e-12)


def test_a_wavelet_of_no_width_and_degree_zero_leaves_the_density(atoms):
    positions, charges = atoms
    axes = [torch.linspace(-2, 2, n, dtype=torch.float64) for n in (4, 5, 6)]
    apart = (torch.cartesian_prod(*axes)[:, None] - positions).square().sum(-1)
    bells = torch.exp(-apart / (2 * SIGMA**2)) / (2 * math.pi * SIGMA**2) ** 1.5
    density = lattice_fields(axes, positions, charges, SIGMA, 0.0, 0)[:, 0]
    assert torch.allclose(density.flatten(1), charges @ bells.T, rtol=1e-12)


def test_energies_do_not_feel_motions(atoms):
    positions, charges = atoms
    turn = torch.tensor(Rotation.from_euler("xyz", [0.3, 1.1, -2.0]).as_matrix())
    for l in range(6):
        rest = gaussian_energies(positions, charges, SIGMA, SCALE, l)
        moved = gaussian_energies(positions @ turn.T + 7.3, charges, SIGMA, SCALE, l)
        assert torch.allclose(rest, moved, rtol=1e-12)


def test_gradients_are_finite_differences(atoms):
    positions, charges = atoms
    for l in range(4):
        assert torch.autograd.gradcheck(
            lambda p, l=l: gaussian_energies(p, charges, SIGMA, SCALE, l),
            positions.clone().requires_grad_(),
        )


def test_a_wavelet_of_degree_zero_has_the_transform_one_at_zero():
    assert amplitude(0) * math.sqrt(1 / (4 * math.pi)) == pytest.approx(1)
