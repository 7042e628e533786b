"""What is stable to deformations and what is not, on small grids."""

import numpy as np
import pytest
import torch
from ase.build import molecule

from appkit.energy import PlanarFourier, PlanarWavelets, planar_positions
from appkit.experiments import stability
from appkit.scattering import Grid
from appkit.scattering.deform import dilation, grid_points

GRID = Grid((120, 120), 0.1)


@pytest.fixture(scope="module")
def packets():
    frame = stability.waves_against_frequency((4.0, 12.0, 24.0), grid=GRID)
    return frame.pivot(index="frequency", columns="representation", values="distance")


@pytest.mark.parametrize("name", ["fourier", "circles", "autocorrelation"])
def test_fourier_distance_grows_with_the_frequency(packets, name):
    assert packets[name][24.0] > 2.5 * packets[name][4.0]
    assert packets[name][24.0] > 0.7


@pytest.mark.parametrize("name", ["wavelet", "scattering"])
def test_wavelet_distance_does_not(packets, name):
    assert packets[name].max() < 2 * packets[name].min()
    assert packets[name].max() < 0.2


def test_modulus_of_a_packet_moves_as_its_formula_says():
    """|ρ̂| is a Gaussian of width 1/w at ξ; shifted by sξ, its distance is a closed form."""
    xi, s, w = 20.0, 0.05, 1.0
    frame = stability.waves_against_frequency((xi,), stretch=s, width=w, grid=GRID)
    measured = frame.set_index("representation").loc["fourier", "distance"]
    # ρ_τ(u) = ρ(u / (1+s)): width w(1+s) in space, at ξ/(1+s), amplitude times (1+s)².
    a, b = w**2, (w * (1 + s)) ** 2
    shift = xi - xi / (1 + s)
    overlap = (1 + s) ** 2 * 2 / (a + b) * np.exp(-a * b * shift**2 / (2 * (a + b)))
    norms = 1 / a, (1 + s) ** 4 / b
    expected = np.sqrt((norms[0] + norms[1] - 2 * overlap) / norms[0])
    assert measured == pytest.approx(expected, rel=1e-3)


def test_too_high_a_frequency():
    with pytest.raises(ValueError, match="A wave of 30 rad/Å does not fit a grid of step"):
        stability.waves_against_frequency((30.0,), grid=GRID)


def test_sampled_spectrum_is_the_transform():
    field = stability.wave_packet(grid_points(GRID), 5.0, 0.7)[None]
    spectrum = stability.sampled_spectrum(field, GRID)(*GRID.frequencies())
    nyquist = torch.tensor([n // 2 for n in GRID.shape])
    expected = GRID.to_fourier(field)
    expected[:, nyquist[0]], expected[:, :, nyquist[1]] = 0, 0
    torch.testing.assert_close(spectrum, expected.to(torch.complex64), rtol=0, atol=1e-5)


def test_a_deformed_molecules_field():
    frame = stability.fields_against_strength(
        molecule("H2O"), strengths=(0.02, 0.08), seeds=(0,), sigma=0.2
    )
    table = frame.pivot(index="strength", columns="representation", values="distance")
    for name in ("wavelet", "scattering"):
        assert table[name][0.08] < 0.1 * table["fourier"][0.08]
        assert table[name][0.08] / table[name][0.02] == pytest.approx(4, rel=0.3)


def test_deformed_atoms_move_with_the_plane():
    atoms = molecule("H2O")
    moved = stability.deformed_atoms(atoms, dilation(0.1))
    np.testing.assert_allclose(moved.positions[:, :2], 1.1 * planar_positions(atoms))
    np.testing.assert_array_equal(moved.numbers, atoms.numbers)


def test_dictionaries_of_deformed_atoms():
    atoms, reference = molecule("C2H4"), [molecule(n) for n in ("C2H4", "H2CO", "C2H2", "HCOOH")]
    dictionaries = {
        "fourier": PlanarFourier(("dirac",), n_radii=256).fit([atoms]).transform,
        "wavelet": PlanarWavelets(("valence",), J=4, L=4, step=0.2).fit([atoms]).transform,
    }
    frame = stability.atoms_against_strength(
        atoms, dictionaries, reference, (0.01, 0.04), seeds=(0, 1)
    )
    assert len(frame) == 2 * 2 * 2
    means = frame.groupby(["dictionary", "strength"])["distance"].mean()
    assert means["wavelet", 0.04] < 0.5 * means["fourier", 0.04]


def test_distances_are_in_units_of_the_spread_between_molecules():
    atoms = molecule("H2O")
    reference = [stability.stretched(atoms, t) for t in (-0.2, 0.2)]

    def width_and_constant(molecules):
        return np.array([[np.ptp(m.positions[:, 0]), 7.0] for m in molecules])

    moved = stability.atoms_against_strength(
        atoms, {"width": width_and_constant}, reference, (0.1,), seeds=(3,)
    )
    again = stability.atoms_against_strength(
        atoms, {"width": lambda m: 5 * width_and_constant(m)}, reference, (0.1,), seeds=(3,)
    )
    assert 0 < moved["distance"].item() < 1
    assert moved["distance"].item() == pytest.approx(again["distance"].item())


def test_a_spread_needs_two_molecules():
    with pytest.raises(ValueError, match="at least two molecules of reference"):
        stability.atoms_against_strength(molecule("H2O"), {}, [molecule("H2O")])


class TestJump:
    @staticmethod
    def path(t):
        return stability.stretched(molecule("H2O"), t)

    def test_a_step_is_found_where_it_is(self):
        place = 0.0371
        bound = np.ptp(self.path(place).positions[:, 0])

        def step(molecules):
            return np.array([[3.0 * (np.ptp(m.positions[:, 0]) > bound)] for m in molecules])

        jump = stability.largest_jump(step, self.path, -0.1, 0.1)
        assert jump.at == pytest.approx(place, abs=1e-9)
        assert jump.size == 3.0
        assert jump.width < 1e-9
        assert jump.curve["distance"].iloc[-1] == 3.0

    def test_a_continuous_function_has_none(self):
        def smooth(molecules):
            return np.array([[np.ptp(m.positions[:, 0]) ** 2] for m in molecules])

        assert stability.largest_jump(smooth, self.path, -0.1, 0.1).size < 1e-8

    def test_order_of_the_ends(self):
        with pytest.raises(ValueError, match=r"lower to a higher place, not 0\.1 to -0\.1"):
            stability.largest_jump(np.array, self.path, 0.1, -0.1)
