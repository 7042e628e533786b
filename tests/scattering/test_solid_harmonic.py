"""Solid harmonic scattering: laws, closed forms, kymatio, gradients, bad input."""

import math

import numpy as np
import pytest
import torch
from ase.build import molecule
from scipy.signal import fftconvolve
from scipy.spatial.transform import Rotation

from appkit.compat import mend_kymatio
from appkit.scattering.closed_form import gaussian_energies, gaussian_fields
from appkit.scattering.solid_harmonic import SolidHarmonic

SIGMA = 0.25  # Å: H–H and C–H neighbours overlap by 10% half-way, as in the literature


def atoms_of(name):
    """Positions, and nuclear and valence charges."""
    atoms = molecule(name)
    z = atoms.numbers.astype(float)
    charges = np.stack([z, np.where(z > 2, z - 2, z)])
    return torch.tensor(atoms.positions), torch.tensor(charges)


ETHANOL = atoms_of("CH3CH2OH")
FINE = SolidHarmonic(SIGMA, tolerance=1e-5)


def column(transform, **wanted):
    """Indices of the paths that have these values."""
    return [
        i
        for i, path in enumerate(transform.paths)
        if all(path.get(k) == v for k, v in wanted.items())
    ]


@pytest.fixture(scope="module")
def converged():
    return FINE(*ETHANOL)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 3e-4])
def test_the_error_is_what_was_asked_for(converged, tolerance):
    """Median far below, worst (powers of tiny coefficients) within twice; a coarse one is loose."""
    error = (SolidHarmonic(SIGMA, tolerance=tolerance)(*ETHANOL) / converged - 1).abs()
    assert error.median() < tolerance / 3
    assert error.max() < (20 if tolerance > 1e-3 else 2) * tolerance


def test_first_order_energies_are_the_closed_form():
    transform = SolidHarmonic(SIGMA, scales=(0, 0.5, 1, 3), powers=(2,), order=1)
    values = transform(*ETHANOL)[:, 1:]
    for path, value in zip(transform.paths[1:], values.T, strict=True):
        exact = gaussian_energies(*ETHANOL, SIGMA, SIGMA * 2 ** path["j"], path["l"])
        assert torch.allclose(value, exact, rtol=1e-5)


@pytest.mark.parametrize(("l", "j", "j2"), [(0, 0, 1), (1, 0, 2), (2, 1, 2)])
def test_a_second_order_field_is_a_convolution_in_space(l, j, j2):
    """By sums over the samples of the wavelet, at points beside the atoms' middle."""
    positions, charges = ETHANOL[0] + 0.3, ETHANOL[1][:1]
    h, n = 0.2, 61
    axis = (torch.arange(n, dtype=torch.float64) - n // 2) * h
    points = torch.cartesian_prod(axis, axis, axis)
    first = gaussian_fields(points, positions, charges, SIGMA, SIGMA * 2**j, l)
    first = first.square().sum(1).sqrt().view(n, n, n).numpy()
    origin, one = torch.zeros(1, 3, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    wavelets = gaussian_fields(points, origin, one, 1e-12, SIGMA * 2**j2, l)[0].view(-1, n, n, n)
    waves = [fftconvolve(first, wavelet.numpy(), mode="same") * h**3 for wavelet in wavelets]
    expected = torch.as_tensor(np.sqrt(sum(wave**2 for wave in waves)))
    axes = [axis[15:45:4], axis[10:50:7], axis[30:31]]
    ours = SolidHarmonic(SIGMA, tolerance=1e-4).second_order_field(
        positions, charges, l, j, j2, axes
    )
    assert ours.shape == (1, 8, 6, 1)
    there = expected[15:45:4, 10:50:7, 30:31]
    assert (ours[0] - there).abs().max() < 2e-3 * expected.max()


def test_a_second_order_field_has_no_copies_far_away():
    far = torch.linspace(-40, 40, 33, dtype=torch.float64)
    axes = [far, torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)]
    field = SolidHarmonic(SIGMA).second_order_field(*ETHANOL, 1, 0, 1, axes)[:, :, 0, 0]
    assert (field[:, far.abs() > 10] < 1e-4 * field.max()).all()


def test_order_zero_is_the_moments_of_the_density():
    """∫ρ counts charges; ∫ρ² is the pair sum of Gaussians of width √2 σ."""
    positions, charges = ETHANOL
    transform = SolidHarmonic(SIGMA, powers=(1, 2), tolerance=1e-4)
    count, square = transform(positions, charges)[:, column(transform, order=0)].T
    assert torch.allclose(count, charges.sum(1), rtol=1e-5)
    overlap = torch.exp(-torch.cdist(positions, positions).square() / (4 * SIGMA**2))
    overlap /= (4 * math.pi * SIGMA**2) ** 1.5
    assert torch.allclose(square, torch.einsum("ca,ab,cb->c", charges, overlap, charges), rtol=1e-5)


@pytest.mark.parametrize("turn", [[0.3, 0, 0], [1.0, 2.0, 3.0]])
def test_motions_and_the_order_of_atoms_do_not_matter(turn):
    positions, charges = ETHANOL
    transform = SolidHarmonic(SIGMA)
    rest = transform(positions, charges)
    matrix = torch.tensor(Rotation.from_euler("xyz", turn).as_matrix())
    moved = transform(positions @ matrix.T + torch.tensor([3.1, -7.7, 0.4]), charges)
    assert ((moved / rest - 1).abs()).max() < 2e-3
    assert ((moved / rest - 1).abs()).median() < 3e-4
    swapped = transform(positions.flip(0), charges.flip(1))
    assert torch.allclose(swapped, rest, rtol=1e-5)


def test_lengths_have_no_unit():
    """Twice as large in twice as large units: ∫U^q scales by 2^(3 − 3q)."""
    positions, charges = ETHANOL
    small, large = SolidHarmonic(SIGMA), SolidHarmonic(2 * SIGMA)
    powers = torch.tensor([path["q"] for path in small.paths])
    ratio = large(2 * positions, charges) / small(positions, charges)
    assert torch.allclose(ratio, (2 ** (3 - 3 * powers)).double().expand_as(ratio), rtol=1e-5)


def test_charges_are_homogeneous_and_far_molecules_add_up():
    positions, charges = ETHANOL
    transform = SolidHarmonic(SIGMA, scales=(0, 1))
    powers = torch.tensor([path["q"] for path in transform.paths])
    one = transform(positions, charges)
    assert torch.allclose(transform(positions, 3 * charges), 3**powers * one, rtol=1e-5)
    apart = torch.cat([positions, positions + torch.tensor([14.0, 0, 0])])
    assert torch.allclose(transform(apart, charges.repeat(1, 2)), 2 * one, rtol=2e-3)


def test_all_pairs_hold_the_same_degrees():
    same, every = SolidHarmonic(SIGMA, L=2), SolidHarmonic(SIGMA, L=2, pairs="all")
    kept = [i for i, p in enumerate(every.paths) if p["order"] < 2 or p["l"] == p["l2"]]
    assert [every.paths[i] for i in kept] == same.paths
    assert torch.allclose(every(*ETHANOL)[:, kept], same(*ETHANOL))


def test_kymatio_agrees_where_its_grid_is_fine():
    """On its own 64³ grid with σ = 2 samples; its q = ½ rings, so that it is left out."""
    mend_kymatio()
    from kymatio.torch import HarmonicScattering3D

    positions, charges = ETHANOL
    pixels = positions / 0.42  # σ = 2 samples is 0.84 Å then: the molecule fits with its room
    axis = torch.arange(64, dtype=torch.float64) - 31.5
    points = torch.cartesian_prod(axis, axis, axis)
    centred = pixels - (pixels.max(0).values + pixels.min(0).values) / 2
    bells = torch.exp(-torch.cdist(points, centred).square() / 8) / (8 * math.pi) ** 1.5
    rho = (charges @ bells.T).view(2, 64, 64, 64).float()
    powers = (1.0, 2.0, 3.0)
    theirs = HarmonicScattering3D(J=1, shape=(64,) * 3, L=3, sigma_0=2, integral_powers=powers)(rho)
    ours = SolidHarmonic(2.0, scales=(0, 1), powers=powers, tolerance=1e-4)
    assert theirs.shape == (2, 3, 4, 3)
    values = ours(pixels, charges)
    first = values[:, column(ours, order=1)].view(2, 2, 4, 3)
    second = values[:, column(ours, order=2)].view(2, 1, 4, 3)
    expected = theirs.double()
    assert torch.allclose(first, expected[:, :2], rtol=2e-3)
    assert torch.allclose(second, expected[:, 2:], rtol=5e-3)


def test_gradients_are_finite_differences():
    positions, charges = ETHANOL
    transform = SolidHarmonic(SIGMA, scales=(0, 1), L=2, powers=(1, 2), tolerance=1e-4)
    direction = torch.randn(
        positions.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    direction -= direction.mean(0)
    weights = 1 / transform(positions, charges)

    def total(step):
        return (transform(positions + step * direction, charges) * weights).sum()

    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(total(step), step)
    numerical = (total(torch.tensor(2e-3)) - total(torch.tensor(-2e-3))) / 4e-3
    assert float(slope) == pytest.approx(float(numerical), rel=5e-3)


def test_in_a_held_cuboid_gradients_are_those_of_the_sums():
    """To rounding, however coarse the grid: it does not move with the atoms."""
    positions, charges = ETHANOL
    positions = positions - (positions.max(0).values + positions.min(0).values) / 2
    powers = (1, 2, 3)
    transform = SolidHarmonic(SIGMA, (0, 1), 1, powers, tolerance=0.1, dtype=torch.float64)

    def total(step):
        moved = positions + step * positions.flip(0, 1)
        return transform(moved, charges, (5.0, 4.0, 4.0)).log().sum()

    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(total(step), step)
    numerical = (total(1e-5) - total(-1e-5)) / 2e-5
    assert float(slope) == pytest.approx(float(numerical), rel=1e-7)


def test_double_precision_is_the_same_sum():
    single, double = (SolidHarmonic(SIGMA, dtype=t) for t in (torch.float32, torch.float64))
    assert torch.allclose(single(*ETHANOL), double(*ETHANOL), rtol=1e-4)


def test_the_gradient_of_a_single_atom_is_finite():
    position = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    SolidHarmonic(SIGMA)(position, torch.ones(1, 1, dtype=torch.float64)).sum().backward()
    assert torch.isfinite(position.grad).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sigma": 0}, "σ must be a positive length, not 0"),
        ({"sigma": math.nan}, "σ must be a positive length, not nan"),
        ({"scales": ()}, "Scales j must be one or more"),
        ({"scales": (1, 0)}, "ascending, not"),
        ({"L": 9}, "degree L must lie between 0 and 8, not 9"),
        ({"powers": (0,)}, "Powers q must be positive"),
        ({"order": 3}, "The order is 1 or 2, not 3"),
        ({"pairs": "some"}, 'pairs must be "same" or "all"'),
        ({"tolerance": 1}, "tolerance must lie between 1e-6 and 0.1, not 1"),
    ],
)
def test_bad_parameters(given, message):
    with pytest.raises(ValueError, match=message):
        SolidHarmonic(**({"sigma": SIGMA} | given))


@pytest.mark.parametrize("pairs", ["same", "all"])
def test_operations_are_those_that_torch_counts(pairs):
    """Of the matrix products; torch does not count transforms, and complex ones as real ones."""
    from torch.utils.flop_counter import FlopCounterMode

    transform = SolidHarmonic(0.3, (0, 1), 2, (1, 2), pairs=pairs, tolerance=1e-2)
    positions = torch.tensor(molecule("CH3CH2OH").positions)
    charges = torch.ones(2, 9)
    extent = tuple((positions.max(0).values - positions.min(0).values).tolist())
    with FlopCounterMode(display=False) as counter:
        transform(positions, charges)
    told = transform.work(extent, 9, 2)
    assert 0.3 * told.products < counter.get_total_flops() < 1.1 * told.products
    assert transform.work(extent, 18, 2).products > told.products
    assert transform.work(extent, 9, 4).products == pytest.approx(2 * told.products)
    assert transform.work(extent, 9, 4).samples == pytest.approx(2 * told.samples)
    assert transform.work(extent, 9, 4).calls == told.calls
