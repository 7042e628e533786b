"""True molecular densities: energy, charge, frame, and what is refused."""

import sys

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from appkit.energy.dft import DensityError, electron_density, estimated_seconds, solve
from appkit.energy.geometry import NotPlanarError
from appkit.scattering.grid import Grid

pytest.importorskip("pyscf", reason='PySCF is not installed: pip install "appkit[dft]"')

GRID = Grid((96, 96), 0.1)


@pytest.fixture(scope="module")
def ethylene():
    return solve(molecule("C2H4"), xc="PBE0", basis="def2-SVP")


def test_energy_of_ethylene(ethylene):
    """−78.425216 Eh elsewhere, at a slightly different geometry."""
    assert ethylene.energy == pytest.approx(-78.425216, abs=1e-4)


@pytest.mark.parametrize("isolated", [False, True])
def test_integrated_density_holds_all_electrons(ethylene, isolated):
    density = ethylene.isolated_atoms() if isolated else ethylene
    assert density.integrated(GRID).sum() * GRID.step**2 == pytest.approx(16, rel=5e-3)


def test_bonds_gain_electrons(ethylene):
    """More charge between the carbons than the isolated atoms have, and none is made."""
    atoms = ethylene.isolated_atoms()
    middle = np.zeros(3)
    assert ethylene.at(middle) - atoms.at(middle) > 0.5
    moved = ethylene.integrated(GRID) - atoms.integrated(GRID)
    assert abs(moved.sum()) * GRID.step**2 < 0.01


def test_plane_agrees_with_points(ethylene):
    plane = ethylene.plane(GRID)
    y, x = (axis.numpy() for axis in GRID.coordinates())
    assert plane[30, 50] == pytest.approx(float(ethylene.at([x[50], y[30], 0.0])))
    carbon = ethylene.atoms.positions[0]
    row, column = np.abs(y - carbon[1]).argmin(), np.abs(x - carbon[0]).argmin()
    assert plane[row, column] == pytest.approx(plane.max())


def test_density_does_not_depend_on_how_the_molecule_lies():
    water = molecule("H2O")
    turned = water.copy()
    turned.rotate(40, (1, 2, 3))
    first, second = (solve(m, basis="sto-3g") for m in (water, turned))
    assert second.energy == pytest.approx(first.energy, abs=1e-5)
    assert np.ptp(second.atoms.positions[:, 2]) == 0
    assert second.plane(GRID).sum() == pytest.approx(first.plane(GRID).sum(), rel=1e-2)


def test_hydrogen_atom_has_an_odd_electron_and_reports_progress():
    seen = []
    density = solve(Atoms("H"), progress=lambda cycle, energy: seen.append((cycle, energy)))
    assert density.energy == pytest.approx(-0.4995, abs=2e-3)
    assert seen[0][0] == 1
    assert seen[-1][1] == pytest.approx(density.energy, abs=1e-5)


def test_progress_can_cancel():
    def stop(cycle, energy):
        raise InterruptedError("cancelled")

    with pytest.raises(InterruptedError):
        solve(molecule("H2O"), basis="sto-3g", progress=stop)


def test_solid_molecule_has_points_but_no_plane():
    methane = solve(molecule("CH4"), basis="sto-3g")
    assert methane.at(methane.atoms.positions[0]) > 100
    with pytest.raises(NotPlanarError, match="CH4 is not planar"):
        methane.plane(GRID)
    with pytest.raises(NotPlanarError, match="CH4 is not planar"):
        electron_density(molecule("CH4"), GRID)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"xc": "nonsense"}, "Unknown functional 'nonsense'"),
        ({"basis": "nonsense"}, "No basis 'nonsense' for H2O"),
        ({"max_seconds": 1e-3}, r"H2O in def2-SVP has 24 basis functions: about 0.35 s of DFT"),
    ],
)
def test_bad_requests_are_explained(arguments, message):
    with pytest.raises(DensityError, match=message):
        solve(molecule("H2O"), **arguments)


def test_bad_molecules_are_explained():
    with pytest.raises(ValueError, match="no atoms"):
        solve(Atoms())
    with pytest.raises(ValueError, match="coincide"):
        solve(Atoms("H2", positions=[[0, 0, 0], [0, 0, 0.1]]))
    with pytest.raises(DensityError, match="Unknown view 'side'"):
        electron_density(molecule("H2O"), GRID, view="side")


def test_missing_pyscf_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyscf", None)
    with pytest.raises(ImportError, match=r'pip install "appkit\[dft\]"'):
        solve(molecule("H2O"))


def test_estimate_grows_with_the_basis():
    assert estimated_seconds(200) == 4 * estimated_seconds(100)
