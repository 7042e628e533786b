"""Isolated atoms' transforms in three dimensions, and their sums."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from ase.units import Bohr
from ase.utils.xrdebye import XrDebye

from appkit.energy.atomic import SYMBOLS, atomic_density
from appkit.energy.form_factors import AtomicDensities, atomic_reach, form_factor
from appkit.scattering.box import Box


@pytest.mark.parametrize("symbol", ["C", "O", "S", "Cl"])
def test_form_factors_are_those_of_x_ray_tables(symbol):
    """ASE's, by Waasmaier and Kirfel (1995), from relativistic Hartree–Fock; ours are PBE0."""
    tables = XrDebye(Atoms(symbol), 1.0, 0.0, warn=False)
    s = np.array([0.0, 0.1, 0.3, 0.6, 1.0])  # sin θ / λ, 1/Å
    theirs = [tables.get_waasmaier(symbol, value) for value in s]
    assert form_factor(symbol, "atomic", 4 * np.pi * s) == pytest.approx(theirs, rel=0.02)


def test_hydrogen_is_close_to_the_exact_atom():
    omega = np.array([0.0, 1.0, 3.0, 10.0])
    exact = (1 + (omega * Bohr / 2) ** 2) ** -2
    assert form_factor("H", "atomic", omega) == pytest.approx(exact, abs=0.01)
    assert not form_factor("H", "core", omega).any()


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_they_begin_with_the_electrons_and_parts_add_up(symbol):
    omega = np.linspace(0, 500, 50)
    atom = atomic_density(symbol)
    parts = {part: form_factor(symbol, part, omega) for part in ("core", "valence", "atomic")}
    for part, values in parts.items():
        assert values[0] == pytest.approx(atom.electrons(part))
        assert abs(values[-1]) < 0.01
    assert np.allclose(parts["core"] + parts["valence"], parts["atomic"], atol=1e-5)


def test_the_reach_holds_the_density():
    near, far = (atomic_reach("C", "atomic", 1.0, tolerance) for tolerance in (1e-1, 1e-3))
    assert 0.5 < near < far < 4
    assert atomic_reach("C", "atomic", 0.5, 1e-3) > far
    assert atomic_reach("C", "core", 1.0, 1e-3) < near


def test_a_molecule_is_the_sum_of_its_atoms():
    water = molecule("H2O")
    positions = torch.tensor(water.positions)
    box = Box((8, 6, 10), (0.5, 0.4, 0.6))
    symbols = water.get_chemical_symbols()
    density = AtomicDensities(positions, symbols, ["atomic", "atomic_core"], extent=(3.0,) * 3)
    x, y, z = torch.broadcast_tensors(*box.wavevectors())
    omega = torch.stack([x, y, z])
    length = omega.norm(dim=0).numpy()
    total = torch.zeros(omega.shape[1:], dtype=torch.complex128)
    for symbol, position in zip(symbols, positions, strict=True):
        wave = torch.exp(-1j * torch.einsum("cxyz,c->xyz", omega, position))
        total += torch.tensor(form_factor(symbol, "atomic", length)) * wave
    assert torch.allclose(density.at(box)[0], total)
    assert density.at(box)[:, 0, 0, 0].real.tolist() == pytest.approx([10, 2], rel=1e-4)


def test_bad_requests():
    with pytest.raises(ValueError, match="No isolated-atom density for 'Fe'"):
        form_factor("Fe", "atomic", np.zeros(1))
    with pytest.raises(ValueError, match="Unknown part 'skin'"):
        form_factor("C", "skin", np.zeros(1))
    with pytest.raises(ValueError, match=r"up to 600 rad/Å, not 900: take a larger σ"):
        form_factor("C", "atomic", np.array([900.0]))
