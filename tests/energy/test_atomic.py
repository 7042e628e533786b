"""Isolated atoms: charges, positivity, and the paper's published profiles."""

import os
from pathlib import Path

import numpy as np
import pytest
from ase.data import atomic_numbers
from scipy.io import loadmat

from appkit.energy.atomic import SYMBOLS, atomic_density

BOHR = 0.529177210903
NAMES = {"H": "Hydrogen", "C": "Carbon", "N": "Nitrogen", "O": "Oxygen", "S": "Sulfur"}
NAMES["Cl"] = "Chlorine"
CORE = {"H": 0, "C": 2, "N": 2, "O": 2, "F": 2, "S": 10, "Cl": 10}


def paper_file(name: str) -> Path:
    folder = os.environ.get("APPKIT_DATA")
    found = sorted(Path(folder).rglob(name)) if folder else []
    if not found:
        pytest.skip(f"{name} is not in the folder that APPKIT_DATA names")
    return found[0]


def mismatch(symbol: str, average: str) -> float:
    """∫ 4πr²|Δρ| dr against the paper's Gaussian09 file, in electrons."""
    data = loadmat(paper_file(f"{NAMES[symbol]}_atomic_radial_density.mat"))
    r, theirs = data["radial_grid"].ravel(), data["radial_density"].ravel()
    ours = atomic_density(symbol, average).at(r)
    return float(np.trapezoid(4 * np.pi * r**2 * np.abs(ours - theirs), r))


@pytest.mark.parametrize("average", ["sphere", "paper"])
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_charges_are_whole_electrons(symbol, average):
    atom = atomic_density(symbol, average)
    assert atom.charge == pytest.approx(atomic_numbers[symbol], abs=1e-5)
    assert atom.electrons("core") == pytest.approx(CORE[symbol], abs=1e-5)
    assert np.allclose(atom.at(atom.r, "core") + atom.at(atom.r, "valence"), atom.atomic)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_spherical_densities_are_positive_and_decay(symbol):
    atom = atomic_density(symbol)
    assert (atom.core >= 0).all()
    assert (atom.valence >= 0).all()
    assert (np.diff(atom.atomic) <= 0).all()
    assert atom.atomic[-1] < 1e-6
    assert atom.at([20.0, 1e3]).tolist() == [0.0, 0.0]


def test_hydrogen_is_close_to_the_exact_atom():
    """PBE0 hydrogen against e^{−2r}/π, which a Gaussian basis meets to a few per cent."""
    r = np.linspace(0, 6, 200)
    difference = 4 * np.pi * r**2 * np.abs(atomic_density("H").at(r) - np.exp(-2 * r) / np.pi)
    assert np.trapezoid(difference, r) < 0.03


def test_condensing_keeps_the_charge():
    atom = atomic_density("O")
    r = np.linspace(0, 10, 200001)
    assert np.trapezoid(2 * np.pi * r * atom.condensed(r, "valence"), r) == pytest.approx(
        6, abs=1e-3
    )


@pytest.mark.parametrize("symbol", NAMES)
def test_same_average_as_the_paper_gives_its_densities(symbol):
    """Gaussian09 and PySCF agree to 0.02%; the issue asks for 1.5% for each element."""
    assert mismatch(symbol, "paper") < 5e-4 * atomic_numbers[symbol]


@pytest.mark.parametrize(
    ("symbol", "share"),
    [("H", 5e-4), ("N", 5e-4), ("O", 0.015), ("S", 0.015), ("Cl", 0.015), ("C", 0.04)],
)
def test_spherical_average_differs_by_the_papers_rescaling(symbol, share):
    """Carbon alone exceeds 1.5%: the paper rescales its axis without a p electron from 4 to 6."""
    assert mismatch(symbol, "sphere") < share * atomic_numbers[symbol]


@pytest.mark.parametrize("part", ["core", "valence"])
@pytest.mark.parametrize("symbol", NAMES)
def test_condensed_profiles_of_the_paper(symbol, part):
    """The published 2-D profiles, cut at 2.5 Å and sampled by 0.01 Å, e/Å²."""
    table = np.load(paper_file("condensed_2d_profiles.npz"))
    r, theirs = table["radius_A"], table[f"{NAMES[symbol].lower()}_{part}"]
    ours = atomic_density(symbol, "paper").condensed(r / BOHR, part) / BOHR**2
    assert np.trapezoid(2 * np.pi * r * np.abs(ours - theirs), r) < 0.04


def test_what_is_unknown_is_named():
    with pytest.raises(ValueError, match=r"No isolated-atom density for 'Fe'.*H, C, N"):
        atomic_density("Fe")
    with pytest.raises(ValueError, match="Unknown average 'max'"):
        atomic_density("C", "max")
    with pytest.raises(ValueError, match="Unknown part 'inner'"):
        atomic_density("C").at(1.0, "inner")
