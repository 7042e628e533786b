"""The authors' densities of isolated atoms: charges, and the condensation onto the plane."""

from __future__ import annotations

import numpy as np
import pytest
from ase.data import atomic_numbers
from ase.units import Bohr
from numpy.testing import assert_allclose

from appkit.data import DataError
from appkit.data.densities import NAMES, load_condensed_profile, load_radial_density


@pytest.mark.parametrize("symbol", NAMES)
def test_the_charge_is_the_atomic_number(real_data, symbol):
    radii, density = load_radial_density(symbol)
    charge = np.trapezoid(4 * np.pi * radii**2 * density, radii)
    assert_allclose(charge, atomic_numbers[symbol], atol=1e-3)


@pytest.mark.parametrize("symbol", NAMES)
def test_the_planar_profile_is_the_condensed_radial_one(real_data, symbol):
    """rho_2D(r) = 2 r rho_3D(r): the sphere's charge on the circle of the same radius."""
    radii, planar = load_condensed_profile(symbol)
    bohr, density = load_radial_density(symbol)
    condensed = 2 * radii * np.interp(radii, bohr * Bohr, density / Bohr**3)
    assert_allclose(planar, condensed, atol=0.01 * condensed.max())


def test_core_and_valence_add_up(real_data):
    whole = load_condensed_profile("O")[1]
    parts = [load_condensed_profile("O", part)[1] for part in ("core", "valence")]
    assert_allclose(sum(parts), whole, atol=1e-8)


def test_unknown_element_and_part_are_named():
    with pytest.raises(DataError, match="no density of 'Xx'; there are H, C, N, O, S, Cl"):
        load_radial_density("Xx")
    with pytest.raises(DataError, match="no part 'all' of a density"):
        load_condensed_profile("C", "all")
