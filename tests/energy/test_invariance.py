"""Measuring invariance: motions are exact, a symmetry of the angles is nearly free."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from hypothesis import given, settings
from hypothesis import strategies as st

from appkit.energy import CoulombMatrix, PlanarDensity, PlanarWavelets
from appkit.energy.invariance import (
    assert_invariant,
    by_scale,
    invariance,
    relative_change,
    shifted,
    turned,
)
from appkit.scattering.grid import Grid
from appkit.scattering.morlet import MorletBank
from appkit.scattering.planar import PlanarCascade

WATER = molecule("H2O")
WATER.positions = WATER.positions[:, [1, 2, 0]]
L = 8


@pytest.fixture(scope="module")
def cascade():
    return PlanarCascade(MorletBank(3, L, 0.2), (8.0, 8.0))


def spectrum(atoms):
    return PlanarDensity(["valence"]).spectrum([atoms])


# ---- motions ---------------------------------------------------------------------------------


@given(st.floats(-360, 360), st.floats(-3, 3), st.floats(-3, 3))
@settings(max_examples=30, deadline=None)
def test_a_motion_keeps_distances_and_leaves_the_molecule_alone(degrees, x, y):
    before = WATER.positions.copy()
    moved = turned(WATER, degrees, (x, y))
    assert np.allclose(moved.get_all_distances(), WATER.get_all_distances())
    assert np.array_equal(WATER.positions, before)
    back = turned(turned(moved, 0, (-x, -y)), -degrees)
    assert np.allclose(back.positions, before, atol=1e-12)


def test_a_quarter_turn_is_counter_clockwise():
    moved = turned(Atoms("C", [[1.0, 0, 0]]), 90, (0.5, 0))
    assert np.allclose(moved.positions, [[0.5, 1, 0]])


def test_a_shifted_spectrum_is_that_of_the_rolled_picture():
    grid, density = Grid((64, 80), 0.15), PlanarDensity(["valence"])
    rho_hat = shifted(density.spectrum([WATER], torch.complex128), (3 * 0.15, -5 * 0.15))
    picture = grid.to_space(rho_hat(*grid.frequencies())).real[0]
    rolled = density.real([WATER], grid)[0, 0].roll((-5, 3), (0, 1))
    assert torch.allclose(picture, rolled, atol=1e-6 * float(rolled.max()))


# ---- relative change -------------------------------------------------------------------------


def test_relative_change_by_hand():
    assert relative_change([2.0, -4.0, 0.0], [3.0, -4.0, 0.0]) == pytest.approx([0.5, 0, 0])
    assert relative_change([0.0, 0.0], [0.0, 0.0]) == pytest.approx([0, 0])
    assert relative_change([], []).shape == (0,)


def test_a_vanishing_coefficient_is_compared_with_the_floor():
    assert relative_change([1.0, 1e-20], [1.0, 2e-20])[1] == pytest.approx(1e-8)


def test_what_is_no_number_is_not_called_unchanged():
    change = relative_change([np.nan, 1.0, 2.0], [1.0, np.nan, 2.0])
    assert np.isnan(change[:2]).all()
    assert change[2] == 0


# ---- the cascade -----------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 4, 7, 16])
def test_rotations_by_the_bank_s_angles_change_nothing_but_rounding(cascade, steps):
    """θ → θ + π/L permutes the wavelets: what is left is the sampling, below its tolerance."""
    moved = turned(WATER, 180 * steps / L)
    rows = invariance(cascade, spectrum(WATER), spectrum(moved))
    assert rows["change"].max() < 1e-2
    assert rows["change"].median() < 5e-4


def test_half_a_turn_is_free(cascade):
    """ψ_{θ+π} is the conjugate of ψ_θ, on every sampling."""
    rows = invariance(cascade, spectrum(WATER), spectrum(turned(WATER, 180)))
    assert rows["change"].max() < 1e-4


def test_translations_change_little_and_pixels_much(cascade):
    shift, grid, density = (0.31, -0.2), Grid((80, 80), 0.1), PlanarDensity(["valence"])
    rows = invariance(cascade, spectrum(WATER), shifted(spectrum(WATER), shift))
    assert rows["change"].max() < 1e-2
    moved = shifted(density.spectrum([WATER]), shift)(*grid.frequencies())
    pixels, after = density.real([WATER], grid)[0, 0], grid.to_space(moved)[0].real
    assert torch.linalg.norm(after - pixels) > 0.3 * torch.linalg.norm(pixels)


def test_another_molecule_is_seen(cascade):
    stretched = WATER.copy()
    stretched.positions *= 1.2
    assert invariance(cascade, spectrum(WATER), spectrum(stretched))["change"].max() > 0.05


def test_the_frame_says_what_each_invariant_is(cascade):
    rows = invariance(cascade, spectrum(WATER), spectrum(turned(WATER, 20)))
    assert len(rows) == len(cascade.paths)
    assert np.allclose(rows["before"], cascade(spectrum(WATER))[0])
    assert rows["change"].to_numpy() == pytest.approx(relative_change(rows.before, rows.after))
    first = rows.query("order == 1 and q == 1 and j == 2")
    field = PlanarDensity(["valence"]).fourier([WATER], grid := Grid((160, 160), 0.1))[0, 0]
    bank = cascade.bank
    total = sum(bank.convolve(field, grid, 2, t).abs().sum() for t in bank.angles) / L * 0.01
    assert first["before"].item() == pytest.approx(float(total), rel=1e-3)


def test_by_scale_takes_the_largest_of_each_scale(cascade):
    rows = invariance(cascade, spectrum(WATER), spectrum(turned(WATER, 20)))
    bars = by_scale(rows)
    assert list(bars["label"]) == ["S₁ j=0", "S₁ j=1", "S₁ j=2", "S₂ j=0", "S₂ j=1"]
    assert bars["change"].max() == rows["change"].max()
    assert bars.iloc[1]["change"] == rows.query("order == 1 and j == 1")["change"].max()


# ---- assert_invariant ------------------------------------------------------------------------


class Mean:
    """Three features: the number of atoms, the mean of x, and sums over pairs."""

    def __init__(self, *columns):
        self.columns = list(columns)

    def transform(self, X):
        rows = [
            [len(m), m.positions[:, 0].mean() + 5, m.get_all_distances().sum(), math.nan] for m in X
        ]
        return np.array(rows)[:, self.columns]


def test_it_passes_what_is_invariant():
    assert_invariant(Mean(0, 2), [WATER, turned(WATER, 30)], tolerance=1e-9)
    assert_invariant(CoulombMatrix().fit([WATER]), [WATER], tolerance=1e-9)
    dictionary = PlanarWavelets(channels=("dirac", "valence"), J=3, L=L, step=0.2).fit([WATER])
    assert_invariant(dictionary, [WATER])


def test_it_names_the_feature_the_molecule_and_the_motion():
    with pytest.raises(AssertionError, match=r"Feature 1 of molecule 0 \(H2O\) changed by .*17°"):
        assert_invariant(Mean(0, 1, 2), [WATER])


def test_it_names_features_that_have_names():
    class Named(Mean):
        def get_feature_names_out(self):
            return ["n", "mean of x"]

    with pytest.raises(AssertionError, match=r"mean of x.*allowed: 0\.01"):
        assert_invariant(Named(0, 1), [WATER])


def test_it_sees_the_order_of_the_atoms():
    class First:
        def transform(self, X):
            return np.array([[float(m.numbers[0])] for m in X])

    with pytest.raises(AssertionError, match="Feature 0"):
        assert_invariant(First(), [WATER, molecule("CH4")], degrees=(0.0, 0.0, 0.0), shift=(0, 0))


def test_it_refuses_features_that_are_no_numbers():
    with pytest.raises(AssertionError, match=r"Feature 1 of molecule 0 .* changed by nan"):
        assert_invariant(Mean(0, 3), [WATER])


def test_by_scale_of_nothing_is_nothing():
    assert len(by_scale(pd.DataFrame({"order": [], "j": [], "change": []}))) == 0
