"""The Fourier path: the closed-form path, kymatio, lattices, gradients, bad input."""

import math

import numpy as np
import pytest
import torch
from ase.build import bulk, molecule
from scipy.spatial.transform import Rotation

from appkit.compat import mend_kymatio
from appkit.scattering import (
    FourierSolidHarmonic,
    GaussianDensity,
    SampledDensity,
    SolidHarmonic,
)
from appkit.scattering.box import AXES, Box
from appkit.scattering.closed_form import gaussian_energies, gaussian_fields

SIGMA = 0.25
SKEW = tuple(
    tuple(v / np.linalg.norm(v)) for v in np.array([[1, 0.2, 0], [0, 1, 0.1], [0.3, 0, 1]])
)


def atoms_of(name):
    """Positions, and nuclear and valence charges, centred on the bounding box."""
    atoms = molecule(name)
    z = atoms.numbers.astype(float)
    positions = torch.tensor(atoms.positions)
    positions -= (positions.max(0).values + positions.min(0).values) / 2
    return positions, torch.tensor(np.stack([z, np.where(z > 2, z - 2, z)]))


def crystal(atoms, sigma=SIGMA):
    charges = torch.tensor(atoms.numbers.astype(float))[None]
    return GaussianDensity(
        torch.tensor(atoms.positions), charges, sigma, torch.tensor(atoms.cell.array)
    )


def sampled(positions, charges, box, periodic=False):
    """Gaussian atoms on a grid: values, and their density."""
    axes = [box.coordinates(axis) for axis in range(3)]
    points = torch.cartesian_prod(*axes) @ torch.tensor(box.directions, dtype=torch.float64)
    origin = torch.zeros(1, 3, dtype=torch.float64)
    bells = [
        gaussian_fields(points - r, origin, torch.ones(1, 1).double(), 1e-9, SIGMA, 0)[0, 0]
        for r in positions
    ]
    values = (charges @ torch.stack(bells)).view(-1, *box.shape)
    voxels = torch.tensor(box.directions, dtype=torch.float64) * torch.tensor(box.steps)[:, None]
    return SampledDensity(values, voxels, periodic)


@pytest.mark.parametrize(
    ("kind", "order", "q"),
    [
        (SolidHarmonic, 2, 0.29),
        (FourierSolidHarmonic, 2, 0.29),
        (SolidHarmonic, 1, 0.22),
        (SolidHarmonic, 1, 0.1),
    ],
)
def test_small_powers_of_an_atom_are_those_of_its_gaussians(kind, order, q):
    """∫ (a e^{−r²/2s²})^q = a^q (2πs² / q)^{3/2}; a is known from q = 1."""
    point = (torch.zeros(1, 3).double(), torch.ones(1, 1).double())
    widths = SIGMA * np.sqrt([1, 2, 5, 6] if order == 2 else [1, 2, 5])

    def invariants(power):
        transform = kind(SIGMA, (0, 1), 0, (power,), order=order)
        given = point if kind is SolidHarmonic else (GaussianDensity(*point, SIGMA),)
        return transform(*given)[0].numpy()

    top = invariants(1) / (2 * np.pi * widths**2) ** 1.5
    expected = top**q * (2 * np.pi * widths**2 / q) ** 1.5
    assert np.abs(invariants(q) / expected - 1).max() < 1e-3


@pytest.mark.parametrize("tolerance", [1e-1, 1e-3, 1e-6])
def test_the_root_is_never_lost_to_rounding(tolerance):
    SolidHarmonic(SIGMA, powers=(0.5,), tolerance=tolerance).check_power()
    with pytest.raises(ValueError, match=r"The power q = 0.01 is too small in free space"):
        SolidHarmonic(SIGMA, powers=(0.01, 2), tolerance=tolerance).check_power()


def test_the_tolerance_that_a_small_power_needs_is_told_and_enough():
    with pytest.raises(ValueError, match=r"Take q ≥ 0.286, or a tolerance of 0.017\.$"):
        SolidHarmonic(SIGMA, powers=(0.2,)).check_power()
    SolidHarmonic(SIGMA, powers=(0.2,), tolerance=0.017).check_power()


ETHANOL = atoms_of("CH3CH2OH")
POWERS = (1, 2, 3)


@pytest.fixture(scope="module")
def converged():
    return SolidHarmonic(SIGMA, powers=POWERS, tolerance=1e-5)(*ETHANOL)


@pytest.mark.parametrize(
    "density",
    [
        lambda: GaussianDensity(*ETHANOL, SIGMA),
        lambda: sampled(*ETHANOL, Box.covering((4, 3, 3), 1.3, 0.2)),
        lambda: sampled(*ETHANOL, Box.covering((4, 3, 3), 1.3, 0.2, SKEW)),
        lambda: GaussianDensity(*ETHANOL, SIGMA, 15 * torch.tensor(SKEW, dtype=torch.float64)),
    ],
    ids=["transform", "samples", "samples of a skew grid", "huge cell"],
)
def test_molecules_are_those_of_the_closed_form(converged, density):
    transform = FourierSolidHarmonic(SIGMA, powers=POWERS)
    error = (transform(density()) / converged - 1).abs()
    assert error.max() < 1e-3
    assert error.median() < 1e-4


@pytest.mark.parametrize("j2", [None, 2])
@pytest.mark.parametrize("l", [0, 1, 2])
def test_fields_are_those_of_the_closed_form(l, j2):
    density = sampled(*ETHANOL, Box.covering((4, 3, 3), 1.3, 0.2))
    axes = [torch.linspace(-2, 2, n, dtype=torch.float64) for n in (9, 8, 7)]
    ours = FourierSolidHarmonic(SIGMA).field(density, l, 1, j2, axes)
    if j2 is None:
        points = torch.cartesian_prod(*axes)
        fields = gaussian_fields(points, *ETHANOL, SIGMA, SIGMA * 2, l)
        expected = fields.square().sum(1).sqrt().view(2, 9, 8, 7)
    else:
        exact = SolidHarmonic(SIGMA, tolerance=1e-4)
        expected = exact.second_order_field(*ETHANOL, l, 1, j2, axes)
    assert (ours - expected).abs().max() < 2e-3 * expected.max()


def test_fields_of_a_skew_cell_are_refused():
    axes = [torch.zeros(1, dtype=torch.float64)] * 3
    with pytest.raises(ValueError, match="boxes and cells whose edges lie along x, y, z"):
        FourierSolidHarmonic(SIGMA).field(crystal(bulk("NaCl", "rocksalt", 5.64)), 0, 0, None, axes)


def test_roots_do_not_ring():
    """U^½ adds up whatever is left of a field in the empty space around it."""
    given = {"scales": (0, 1), "powers": (0.5,)}
    water = atoms_of("H2O")
    values = FourierSolidHarmonic(SIGMA, **given)(GaussianDensity(*water, SIGMA))
    exact = SolidHarmonic(SIGMA, **given, tolerance=1e-4)(*water)
    assert torch.allclose(values, exact, rtol=5e-4)


def test_first_order_energies_are_the_closed_form():
    transform = FourierSolidHarmonic(SIGMA, (0, 0.5, 1, 3), powers=(2,), order=1)
    values = transform(GaussianDensity(*ETHANOL, SIGMA))[:, 1:]
    for path, value in zip(transform.paths[1:], values.T, strict=True):
        exact = gaussian_energies(*ETHANOL, SIGMA, SIGMA * 2 ** path["j"], path["l"])
        assert torch.allclose(value, exact, rtol=1e-4)


def test_kymatio_agrees_where_its_grid_is_fine():
    """On the very samples that it is given; its q = ½ rings, so that it is left out."""
    mend_kymatio()
    from kymatio.torch import HarmonicScattering3D

    positions, charges = atoms_of("H2O")
    positions = positions * SIGMA / 0.84 * 2  # σ = 2 samples
    box = Box((48, 48, 48), (SIGMA / 2,) * 3)
    density = sampled(positions, charges, box)
    rho = density.values.float() * box.volume
    powers = (1.0, 2.0, 3.0)
    peer = HarmonicScattering3D(J=1, shape=(48,) * 3, L=3, sigma_0=2, integral_powers=powers)
    theirs = peer(rho).double()
    ours = FourierSolidHarmonic(2.0, (0, 1), powers=powers, tolerance=1e-4)
    values = ours(SampledDensity(rho, torch.eye(3), periodic=False))
    order = torch.tensor([path["order"] for path in ours.paths])
    assert torch.allclose(values[:, order == 1].view(2, 2, 4, 3), theirs[:, :2], rtol=2e-3)
    assert torch.allclose(values[:, order == 2].view(2, 1, 4, 3), theirs[:, 2:], rtol=5e-3)


DIAMOND = bulk("C", "diamond", a=3.57)
SALT = bulk("NaCl", "rocksalt", a=5.64)


@pytest.mark.parametrize(
    "other",
    [
        lambda: DIAMOND.repeat((2, 1, 1)),
        lambda: bulk("C", "diamond", a=3.57, cubic=True),
    ],
    ids=["supercell", "conventional cell"],
)
def test_integrals_are_extensive(other):
    transform = FourierSolidHarmonic(SIGMA, powers=(0.5, 1, 2, 3))
    one, many = transform(crystal(DIAMOND)) / 2, transform(crystal(other())) / len(other())
    assert (many / one - 1).abs().max() < 3e-3
    assert (many / one - 1).abs().median() < 1e-4


def test_two_elements_in_either_cell():
    transform = FourierSolidHarmonic(0.4, powers=POWERS)
    primitive = transform(crystal(SALT, 0.4))
    conventional = transform(crystal(bulk("NaCl", "rocksalt", a=5.64, cubic=True), 0.4)) / 4
    assert torch.allclose(primitive, conventional, rtol=2e-3)


def test_energies_of_a_lattice_are_sums_over_images():
    """Pair sums of the closed form, between a cell's atoms and a supercell's around it."""
    transform = FourierSolidHarmonic(SIGMA, (0, 1), powers=(2,), order=1)
    values = transform(crystal(DIAMOND))[0, 1:]
    around = DIAMOND.repeat((7, 7, 7))
    positions = torch.tensor(around.positions)
    # ‖a + b‖² − ‖a − b‖² = 4⟨a, b⟩, with a the middle cell and b all cells
    middle = torch.zeros(7, 7, 7, 2, dtype=torch.float64)
    middle[3, 3, 3] = 6
    everything, middle = torch.full((1, len(positions)), 6.0).double(), middle.view(1, -1)
    for path, value in zip(transform.paths[1:], values, strict=True):
        given = (SIGMA, SIGMA * 2 ** path["j"], path["l"])
        plus = gaussian_energies(positions, everything + middle, *given)
        minus = gaussian_energies(positions, everything - middle, *given)
        assert float(value) == pytest.approx(float(plus - minus) / 4, rel=1e-6)


def test_turns_shifts_and_other_lattice_vectors_change_nothing():
    transform = FourierSolidHarmonic(SIGMA, powers=POWERS)
    rest = transform(crystal(DIAMOND))
    turned, shifted, other = DIAMOND.copy(), DIAMOND.copy(), DIAMOND.copy()
    turned.set_cell(DIAMOND.cell @ Rotation.from_euler("xyz", [1, 2, 3]).as_matrix())
    turned.set_scaled_positions(DIAMOND.get_scaled_positions())
    shifted.positions += (0.3, -0.2, 0.11)
    other.set_cell([[1, 0, 0], [1, 1, 0], [0, -1, 1]] @ DIAMOND.cell)
    assert torch.allclose(transform(crystal(turned)), rest, rtol=1e-6)
    assert torch.allclose(transform(crystal(shifted)), rest, rtol=2e-3)
    assert torch.allclose(transform(crystal(other)), rest, rtol=2e-3)


def test_samples_of_a_cell_are_its_transform():
    box = Box((24, 20, 22), (0.15, 0.16, 0.14), SKEW)
    cell = torch.tensor(SKEW) * torch.tensor([3.6, 3.2, 3.08])[:, None].double()
    positions, charges = atoms_of("H2O")
    images = torch.cartesian_prod(*[torch.arange(-1.0, 2).double()] * 3) @ cell
    copies = (positions[None] + images[:, None]).flatten(0, 1)
    values = sampled(copies, charges.repeat(1, 27), box, periodic=True)
    transform = FourierSolidHarmonic(SIGMA, (0, 1))
    whole = GaussianDensity(positions, charges, SIGMA, cell)
    assert torch.allclose(transform(values), transform(whole), rtol=2e-3)


def test_gradients_in_positions_are_finite_differences():
    atoms = SALT.copy()
    atoms.positions[1] += (0.2, 0.1, -0.3)
    cell, charges = torch.tensor(atoms.cell.array), torch.tensor([[11.0, 17.0]])
    transform = FourierSolidHarmonic(0.4, (0, 1), L=2, powers=(1, 2), dtype=torch.float64)
    weights = 1 / transform(crystal(atoms, 0.4))

    def total(step):
        move = torch.tensor([[0.3, 0.5, -0.2], [0.1, -0.4, 0.6]], dtype=torch.float64)
        positions = torch.tensor(atoms.positions) + step * move
        return (transform(GaussianDensity(positions, charges, 0.4, cell)) * weights).sum()

    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(total(step), step)
    numerical = (total(torch.tensor(1e-4)) - total(torch.tensor(-1e-4))) / 2e-4
    assert float(slope) == pytest.approx(float(numerical), rel=1e-6)


def test_gradients_in_the_density_are_finite_differences():
    density = sampled(*atoms_of("H2O"), Box((20, 20, 20), (0.2,) * 3))
    voxels = 0.2 * torch.eye(3)
    transform = FourierSolidHarmonic(SIGMA, (0, 1), L=1, powers=(1, 2), dtype=torch.float64)
    change = torch.randn(density.values.shape, generator=torch.Generator().manual_seed(0)).double()
    change *= density.values

    def total(step):
        return transform(SampledDensity(density.values + step * change, voxels, False)).log().sum()

    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(total(step), step)
    numerical = (total(torch.tensor(1e-5)) - total(torch.tensor(-1e-5))) / 2e-5
    assert float(slope) == pytest.approx(float(numerical), rel=1e-6)


def test_a_uniform_density_has_a_mean_and_nothing_else():
    density = SampledDensity(torch.full((1, 8, 8, 8), 2.0), 0.2 * torch.eye(3), periodic=True)
    transform = FourierSolidHarmonic(SIGMA, (0, 1), powers=(1, 2))
    values = dict(zip(map(str, transform.paths), transform(density)[0].tolist(), strict=True))
    volume = 1.6**3
    for path in transform.paths:
        mean = 2 ** path["q"] * volume if path.get("l", 0) == 0 else 0
        assert values[str(path)] == pytest.approx(mean, rel=1e-5, abs=1e-5 * volume)


def test_memory_grows_with_the_cell_and_the_channels():
    transform = FourierSolidHarmonic(SIGMA)
    small, large = crystal(DIAMOND), crystal(DIAMOND.repeat(3))
    assert transform.memory(large) > 10 * transform.memory(small)
    assert transform.memory(small) > 1000


def test_samples_too_far_apart_are_refused_with_the_numbers():
    density = SampledDensity(torch.ones(1, 8, 8, 8), 0.4 * torch.eye(3), periodic=True)
    message = (
        r"Wavelets of width 0.25 are too narrow for samples 0.4 apart: at L = 3 and a tolerance of "
        r"0.001 take a width of at least 0.488, or samples at most 0.205 apart"
    )
    with pytest.raises(ValueError, match=message):
        FourierSolidHarmonic(SIGMA)(density)


@pytest.mark.parametrize("cell", [None, 3 * torch.eye(3)])
def test_no_points_are_empty_space(cell):
    nothing = GaussianDensity(torch.zeros(0, 3), torch.zeros(1, 0), SIGMA, cell)
    assert not FourierSolidHarmonic(SIGMA)(nothing).any()


def test_frequencies_are_those_of_the_directions():
    """ω · e at the box's frequencies, and a cuboid's wave vectors as numpy has them."""
    box = Box((6, 4, 8), (0.3, 0.2, 0.5), SKEW)
    omega = torch.stack(torch.broadcast_tensors(*box.wavevectors()))
    for axis, direction in enumerate(SKEW):
        along = torch.einsum("c,cxyz->xyz", torch.tensor(direction), omega)
        expected = box.frequencies(axis).view([-1 if a == axis else 1 for a in range(3)])
        assert torch.allclose(along, expected.expand_as(along), atol=1e-12)
    x, _, z = Box((6, 4, 8), (0.3, 0.2, 0.5), AXES).wavevectors()
    assert np.allclose(x.flatten(), 2 * math.pi * np.fft.fftfreq(6, 0.3))
    assert np.allclose(z.flatten(), 2 * math.pi * np.fft.rfftfreq(8, 0.5))
