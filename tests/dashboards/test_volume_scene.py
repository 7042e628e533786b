"""A density on a grid against the Gaussian atoms that were sampled on it."""

import tempfile

import numpy as np
import pytest
import torch
from ase.build import bulk, molecule
from ase.io.cube import write_cube
from ase.units import Bohr

from appkit.dashboards.pages.solid import FILES
from appkit.dashboards.solid_scene import SolidScene
from appkit.dashboards.space_scene import Shown
from appkit.dashboards.volume_scene import VolumeScene
from appkit.energy import VolumetricDensity
from appkit.scattering.closed_form import gaussian_fields, lattice_fields

SIGMA, STEP = 0.4, 0.25
WATER = molecule("H2O")
WATER.positions += 4 - WATER.positions.mean(0)
CHARGES = torch.tensor(WATER.numbers[None].astype(float))


def cube() -> bytes:
    """Water of Gaussian atoms in a cube file."""
    atoms = WATER.copy()
    atoms.set_cell([32 * STEP] * 3)
    axis = torch.arange(32, dtype=torch.float64) * STEP
    positions = torch.tensor(atoms.positions)
    values = lattice_fields([axis] * 3, positions, CHARGES, SIGMA, 0.0, 0)[0, 0].numpy()
    with tempfile.TemporaryFile("w+") as file:  # ASE writes to files only
        write_cube(file, atoms, data=values * Bohr**3)
        file.seek(0)
        return file.read().encode()


@pytest.fixture(scope="module")
def scene():
    return VolumeScene.of(FILES.read(cube(), "water.CUBE"))


def closed_form(scene, shown, points):
    """Of atoms of width σ, seen by the scene's wavelets."""
    positions = torch.tensor(scene.atoms.positions)
    scale, l = (scene.scale(shown.j), shown.l) if shown.order else (1e-12, 0)
    fields = gaussian_fields(torch.as_tensor(points), positions, CHARGES, SIGMA, scale, l)
    return fields[0].square().sum(0).sqrt().numpy()


def test_atoms_lie_in_their_density(scene):
    picture, _ = scene.slice(Shown(0), "xy", float(scene.atoms.positions[0, 2]))
    left, bottom, right, top = picture.bounds
    rows, columns = picture.values.shape
    row, column = np.unravel_index(picture.values.argmax(), picture.values.shape)
    place = left + (column + 0.5) * (right - left) / columns
    place = place, bottom + (row + 0.5) * (top - bottom) / rows
    assert place == pytest.approx(tuple(scene.atoms.positions[0, :2]), abs=STEP)
    assert scene.distance == pytest.approx(WATER.get_distance(0, 1), abs=1e-4)


@pytest.mark.parametrize("shown", [Shown(0), Shown(1, 0, 0), Shown(1, 2, 0), Shown(1, 1, 1)])
def test_a_slice_is_the_closed_form(scene, shown):
    picture, _ = scene.slice(shown, "xy", 0.1)
    left, bottom, right, top = picture.bounds
    rows, columns = picture.values.shape
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    y = bottom + (np.arange(rows) + 0.5) * (top - bottom) / rows
    points = np.array([(a, b, 0.1) for b in y[20:-20:9] for a in x[20:-20:9]])
    expected = closed_form(scene, shown, points)
    error = np.abs(picture.values[20:-20:9, 20:-20:9].ravel() - expected)
    assert error.max() < (0.02 if shown.order else 0.15) * expected.max()  # ρ is read linearly


def test_a_second_order_slice_is_that_of_the_molecule(scene):
    """Of atoms as wide as the wavelets, which is what the molecule's page has."""
    wide = VolumeScene(scene.density, SIGMA * 1.6)
    ours = wide.slice(Shown(2, 1, 0, 1), "xy", 0.0)[0].values
    assert np.isfinite(ours).all()
    assert ours.max() > 0
    surface, peak = wide.surface(Shown(2, 1, 0, 1), 0.4)
    assert len(surface.faces) > 100
    assert peak >= 0.9 * ours.max()


def test_the_table_has_the_energies_of_the_samples(scene):
    """S⁰ at q = 1 counts electrons; S¹ at l = 0 and q = 1 does so too."""
    table = scene.table()
    one = table[table["q"] == 1]
    assert one["value"].iloc[0] == pytest.approx(10, rel=1e-3)
    first = one[(one["order"] == 1) & (one["l"] == 0)]["value"]
    assert np.allclose(first, 10, rtol=5e-3)


def test_wavelets_too_narrow_for_the_samples_are_refused(scene):
    for compute in (VolumeScene.table, lambda s: s.slice(Shown(1, 1, 0))):
        with pytest.raises(ValueError, match=r"width 0.1 are too narrow for samples 0.25 apart"):
            compute(VolumeScene(scene.density, 0.1))


def test_a_box_that_is_turned_is_refused():
    skew = VolumetricDensity(np.ones((1, 8, 8, 8)), bulk("NaCl", "rocksalt", 5.64).cell.array)
    with pytest.raises(ValueError, match="do not lie along x, y and z"):
        VolumeScene.of(skew)


def test_a_density_without_atoms_is_drawn():
    bell = np.exp(-((np.indices((16, 16, 16)) - 7.5) ** 2).sum(0) / 8)
    scene = VolumeScene.of(VolumetricDensity.from_array(bell, 0.3))
    assert scene.distance is None
    assert len(scene.balls().vertices) == 0
    picture, atoms = scene.slice(Shown(0))
    assert picture.values.max() == pytest.approx(bell.max(), rel=0.05)
    assert len(atoms.symbols) == 0


def test_a_file_is_read_by_its_name():
    assert isinstance(FILES.read(cube(), "a.cube"), VolumetricDensity)
    atoms = FILES.read(b"1\n\nH 0 0 0\n", "a.xyz")
    assert SolidScene.of(atoms).symbols == ("H",)
    with pytest.raises(ValueError, match=r"cube"):
        FILES.read(b"\xff\xfe nothing", "a.cube")
