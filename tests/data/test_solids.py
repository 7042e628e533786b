"""Solids: the iron potential's published lattice energy, carbon's energy range."""

from __future__ import annotations

import lzma

import pytest
from ase.build import bulk
from numpy.testing import assert_allclose

from appkit.data import DataError, UnreadableFileError, solids
from appkit.data.solids import load_carbon24, load_iron_potential


def test_iron_binds_at_its_lattice_constant(real_data):
    """Mendelev 2003: a0 = 2.8553 Å, cohesive energy -4.1224 eV."""
    potential = load_iron_potential()
    energies = []
    for constant in (2.84, 2.8553, 2.87):
        iron = bulk("Fe", "bcc", a=constant)
        iron.calc = potential
        energies.append(iron.get_potential_energy())
    assert_allclose(energies[1], -4.1224, atol=1e-4)
    assert energies[1] == min(energies)


def test_carbon_crystals(real_data):
    crystals, energies = load_carbon24("test", limit=40)
    assert len(crystals) == len(energies) == 40
    assert all(crystal.pbc.all() and set(crystal.symbols) == {"C"} for crystal in crystals)
    assert all(6 <= len(crystal) <= 24 for crystal in crystals)
    assert energies.min() > -154.56
    assert energies.max() < -154.06


def test_unknown_part():
    with pytest.raises(DataError, match="no part 'train'; there are val and test"):
        load_carbon24("train")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (lzma.compress(b"cif,energy_per_atom\n")[:20], "cannot be read"),
        (lzma.compress(b"cif,energy\nx,1\n"), "cannot be read"),
        (lzma.compress(b"cif_text,energy_per_atom\nx,1\n"), "has no field 'cif'"),
        (b"plain text", "cannot be read"),
    ],
    ids=["cut", "no crystal", "other field", "not compressed"],
)
def test_unreadable_crystals_are_named(monkeypatch, tmp_path, content, problem):
    path = tmp_path / "val.csv.xz"
    path.write_bytes(content)
    monkeypatch.setattr(solids.catalogue, "get", lambda *_: {"solids/val.csv.xz": path})
    with pytest.raises(UnreadableFileError, match=problem) as caught:
        load_carbon24("val")
    assert str(path) in str(caught.value)
