"""The theorems' slopes, measured."""

import pytest
from ase.build import molecule

from appkit.experiments import coulomb_terms


@pytest.fixture(scope="module")
def ethylene():
    densities = ("point", "gaussian", "screened", "neutral")
    return coulomb_terms.run(molecule("C2H4"), densities, finest=7)


def slope(result, density, name):
    table = result.slopes.set_index(["density", "sum"])
    return table.loc[(density, name), "slope"]


@pytest.mark.parametrize("density", ["point", "gaussian", "screened"])
def test_fourier_falls_like_the_square_root_of_its_terms(ethylene, density):
    # The error of a truncated principal value oscillates like cos(r/ε) around its law.
    assert slope(ethylene, density, "fourier") == pytest.approx(-1 / 2, abs=0.08)


@pytest.mark.parametrize("density", ["point", "gaussian", "screened"])
def test_wavelets_halve_the_error_with_every_three_terms(ethylene, density):
    assert slope(ethylene, density, "wavelet") == pytest.approx(-1 / 3, abs=0.01)


def test_a_smooth_neutral_density_does_better_than_the_theorems(ethylene):
    assert slope(ethylene, "neutral", "fourier") < -1
    assert slope(ethylene, "neutral", "wavelet") < -1


def test_wavelets_add_up_to_the_pair_sum(ethylene):
    e = ethylene.energies
    assert (e["wavelet_sum"] / e["pair_sum"] - 1).abs().max() < 1e-4


def test_terms_of_the_same_error(ethylene):
    """At the error that 22 scales reach, Fourier still needs thousands of radii."""
    errors = ethylene.errors[ethylene.errors["density"] == "gaussian"]
    target = errors[(errors["sum"] == "wavelet") & (errors["n_terms"] == 22)]["error"].item()
    fourier = errors[(errors["sum"] == "fourier") & (errors["error"] <= target)]
    assert fourier.empty or fourier["n_terms"].min() > 10_000


def test_charges_of_a_molecule():
    water = molecule("H2O")
    assert coulomb_terms.molecular_charges(water, "point").values.sum() == 10
    assert coulomb_terms.molecular_charges(water, "screened").values.sum() == 0


def test_unknown_density():
    with pytest.raises(ValueError, match="no density 'dense'; choose among point, gaussian"):
        coulomb_terms.molecular_charges(molecule("H2O"), "dense")


def test_nothing_to_fit():
    with pytest.raises(ValueError, match="at least 3 to fit a slope, not 2"):
        coulomb_terms.run(molecule("H2O"), finest=2)
