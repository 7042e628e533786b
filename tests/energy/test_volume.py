"""Densities on grids: their sources, units, electrons and invariants."""

import io

import numpy as np
import pytest
import torch
from ase.build import molecule
from ase.io.cube import write_cube
from ase.units import Bohr

from appkit.energy import SolidHarmonicScattering, VolumetricDensity
from appkit.energy.channels import gaussians
from appkit.energy.dft import solve
from appkit.energy.volume import share_near, smallest_height
from appkit.scattering.closed_form import gaussian_fields

SIGMA = 0.3


def gaussian_density(atoms, channel="nuclear"):
    """Gaussian atoms of charge z in a box around them, e/Å³; the atoms are moved into it."""
    placed = atoms.copy()
    placed.center(vacuum=1.5)
    shape = np.ceil(placed.cell.lengths() / 0.2).astype(int)
    points = np.stack(np.meshgrid(*[np.arange(n) / n for n in shape], indexing="ij"), -1)
    points = torch.tensor(points.reshape(-1, 3) @ placed.cell.array)
    positions, charges = gaussians(placed, channel)
    fields = gaussian_fields(points, positions, charges, 1e-9, SIGMA, 0)
    return placed, fields.view(*shape).numpy()


WATER = molecule("H2O")


def test_a_cube_file_has_the_invariants_of_its_gaussians(tmp_path):
    placed, values = gaussian_density(WATER)
    path = tmp_path / "water.cube"
    with path.open("w") as stream:
        write_cube(stream, placed, values * Bohr**3)
    density = VolumetricDensity.from_cube(path)
    assert np.allclose(density.values[0], values, rtol=1e-5, atol=1e-9)
    assert density.electrons == pytest.approx([10], rel=1e-4)
    assert density.note == ""
    given = {"sigma": SIGMA, "J": 1, "powers": (1, 2, 3)}
    ours = SolidHarmonicScattering(("density",), **given).fit_transform([density])
    theirs = SolidHarmonicScattering(("nuclear",), **given).fit_transform([WATER])
    assert np.abs(ours / theirs - 1).max() < 2e-3


def test_an_array_has_one_spacing_three_or_vectors():
    values = np.random.default_rng(0).random((4, 5, 6))
    one, three, vectors = (
        VolumetricDensity.from_array(values, spacing, periodic=True)
        for spacing in (0.2, (0.2, 0.2, 0.2), 0.2 * np.eye(3))
    )
    assert np.allclose(one.cell, np.diag([0.8, 1.0, 1.2]))
    assert np.array_equal(one.cell, three.cell)
    assert np.array_equal(one.cell, vectors.cell)
    assert one.shape == (4, 5, 6)
    assert one.electrons == pytest.approx([values.sum() * 0.2**3])


def test_densities_are_asked_for_by_their_names():
    placed, values = gaussian_density(WATER)
    spacing = placed.cell.array / np.array(values.shape)[:, None]
    both = VolumetricDensity.from_array(
        np.stack([values, 2 * values]), spacing, channels=["one", "two"]
    )
    dictionary = SolidHarmonicScattering(("two", "one"), sigma=SIGMA, order=1, powers=(2,))
    two, one = dictionary.fit_transform([both])[0].reshape(2, -1)
    assert np.allclose(two, 4 * one)
    assert dictionary.get_feature_names_out()[0] == "two|q=2"


def test_molecules_and_their_densities_go_together():
    placed, values = gaussian_density(WATER)
    spacing = placed.cell.array / np.array(values.shape)[:, None]
    density = VolumetricDensity.from_array(values, spacing, channels=["nuclear"])
    first, second = SolidHarmonicScattering(
        ("nuclear",), sigma=SIGMA, J=1, powers=(1, 2)
    ).fit_transform([WATER, density])
    assert np.allclose(first, second, rtol=2e-3)


def test_hydrogen_by_pyscf_holds_its_electrons():
    pytest.importorskip("pyscf", reason='PySCF is not installed: pip install "appkit[dft]"')
    density = solve(molecule("H2"), basis="sto-3g")
    grid = VolumetricDensity.from_pyscf(density, step=0.15, margin=3.5)
    assert grid.electrons == pytest.approx([2], rel=2e-3)
    assert grid.note == ""
    i, j, k = 20, 22, 25
    point = grid.origin + 0.15 * np.array([i, j, k])
    assert grid.values[0, i, j, k] == pytest.approx(float(density.at(point)))
    coarse = VolumetricDensity.from_pyscf(density, step=0.5, margin=1.0)
    assert "is cut off, or it is periodic" in coarse.note
    for given, message in (
        ({"step": 0}, "The step must be a positive length in Å, not 0"),
        ({"margin": -1}, "The margin must be a positive length"),
        ({"step": 0.001}, r"needs 22,\d+.\d GB, over 16 GB: take a larger step"),
    ):
        with pytest.raises(ValueError, match=message):
            VolumetricDensity.from_pyscf(density, **given)


def test_heavy_cusps_are_told():
    pytest.importorskip("pyscf", reason='PySCF is not installed: pip install "appkit[dft]"')
    grid = VolumetricDensity.from_pyscf(solve(WATER, basis="sto-3g"), step=0.3, margin=3)
    assert grid.electrons == pytest.approx([10], rel=0.4)
    assert "electrons, its atoms have 10" in grid.note


@pytest.mark.parametrize("factor", [Bohr**3, Bohr**-3 / 1.5])
def test_absurd_units_are_refused_with_both_numbers(tmp_path, factor):
    placed, values = gaussian_density(molecule("CH3CH2OH"))
    with (tmp_path / "x.cube").open("w") as stream:
        write_cube(stream, placed, values * Bohr**3 * factor)
    message = r"integrates to .* electrons, but its atoms \(C2H6O\) have 26: are its values in"
    with pytest.raises(ValueError, match=message):
        VolumetricDensity.from_cube(tmp_path / "x.cube")


def test_a_valence_density_is_told_not_refused(tmp_path):
    placed, values = gaussian_density(molecule("CH3CH2OH"), "valence")
    with (tmp_path / "x.cube").open("w") as stream:
        write_cube(stream, placed, values * Bohr**3)
    note = VolumetricDensity.from_cube(tmp_path / "x.cube").note
    assert note.startswith("The density integrates to 20 electrons, its atoms have 26")


def header_changed(text, **changes):
    """A cube file with some lines of its header, named a3, a4, …, replaced."""
    lines = text.splitlines()
    for name, line in changes.items():
        lines[int(name[1:]) - 1] = line
    return io.StringIO("\n".join(lines) + "\n")


@pytest.fixture
def ethanol_cube(tmp_path):
    placed, values = gaussian_density(molecule("CH3CH2OH"))
    with (tmp_path / "x.cube").open("w") as stream:
        write_cube(stream, placed, values * Bohr**3)
    return (tmp_path / "x.cube").read_text()


def test_atoms_outside_of_the_box_are_refused(ethanol_cube):
    message = r"All 9 atoms \(C2H6O\) lie outside of the density's box of .* are the origin"
    with pytest.raises(ValueError, match=message):
        VolumetricDensity.from_cube(header_changed(ethanol_cube, a3="9 20.0 0.0 0.0"))
    wrapped = header_changed(ethanol_cube, a3="9 20.0 0.0 0.0")
    density = VolumetricDensity.from_cube(wrapped, periodic=True)
    assert density.electrons == pytest.approx([26], rel=1e-5)


def test_an_integral_that_is_near_to_no_count_is_told(ethanol_cube):
    """A step that is 15% too long is a volume that is half as much again."""
    lines = ethanol_cube.splitlines()[3:6]
    longer = {
        f"a{k + 4}": " ".join([line.split()[0], *(f"{1.15 * float(v)}" for v in line.split()[1:])])
        for k, line in enumerate(lines)
    }
    note = VolumetricDensity.from_cube(header_changed(ethanol_cube, **longer)).note
    assert "integrates to 39.54 electrons, its atoms have 26, 20 of them valence elec" in note
    assert "the units of its values or of its lengths may be wrong" in note


def test_exchanged_counts_of_voxels_are_told(ethanol_cube):
    assert VolumetricDensity.from_cube(io.StringIO(ethanol_cube)).note == ""
    first, second = (line.split() for line in ethanol_cube.splitlines()[3:5])
    assert first[0] != second[0]
    changes = {"a4": " ".join([second[0], *first[1:]]), "a5": " ".join([first[0], *second[1:]])}
    note = VolumetricDensity.from_cube(header_changed(ethanol_cube, **changes)).note
    assert "within 1.5 Å of an atom: are its axes, or the counts of their samples, exch" in note
    assert "cut off" not in note


def test_the_share_near_atoms_is_that_of_spheres():
    """Uniform density: the volume of a ball over that of a skew cell, and of two balls."""
    voxels = np.array([[0.1, 0, 0], [0.03, 0.1, 0], [0, -0.02, 0.1]])
    values, middle = np.ones((60, 60, 60)), voxels.sum(0) * 30
    ball = 4 / 3 * np.pi / (60**3 * 1e-3)
    assert share_near(values, voxels, middle[None], 1.0) == pytest.approx(ball, rel=1e-2)
    pair = np.array([middle, middle + 1e-9])
    assert share_near(values, voxels, pair, 1.0) == pytest.approx(ball, rel=1e-2)
    assert share_near(values, voxels, middle[None] + 50, 1.0) == 0


GRID = np.ones((8, 8, 8))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((8, 8)), 0.2), r"\(channels, n1, n2, n3\) with at least 2 samples"),
        ((np.ones((8, 8, 1)), 0.2), r"not \(1, 8, 8, 1\)"),
        ((1j * GRID, 0.2), "complex values: take their squares"),
        ((GRID, 0), "The spacing must be positive lengths in Å, not 0"),
        ((GRID, (0.2, 0.2, -0.2)), "The spacing must be positive lengths"),
        ((GRID, (0.2, 0.2)), r"not an array of shape \(2,\)"),
        ((GRID, np.ones((3, 3))), "has no volume"),
        ((GRID, np.full((3, 3), np.nan)), "three vectors of finite numbers"),
        ((np.where(np.arange(8) == 3, np.nan, GRID), 0.2), r"64 of 512 values .* \(0, 0, 0, 3\)"),
        ((GRID, 0.2, False, None, ["a", "b"]), r"1 densities need as many different names"),
    ],
)
def test_bad_arrays(arguments, message):
    with pytest.raises(ValueError, match=message):
        VolumetricDensity.from_array(*arguments)


@pytest.mark.parametrize(
    ("given", "spacing", "message"),
    [
        ({"channels": ("nuclear",)}, 0.1, "Unknown channel nuclear: choose among density"),
        ({"sigma": 0.1}, 0.2, r"Density 0, lengths in Å: Wavelets of width 0.1 are too narrow for"),
        ({"J": 3}, 0.1, r"Density 0: the coarsest wavelets are 2 Å wide .* only 0.8 Å high"),
    ],
)
def test_bad_densities_of_a_dictionary(given, spacing, message):
    density = VolumetricDensity.from_array(GRID, spacing, periodic=True)
    dictionary = SolidHarmonicScattering(**{"channels": ("density",), "J": 0} | given)
    with pytest.raises(ValueError, match=message):
        dictionary.fit([density])


def test_small_powers_of_a_density_in_empty_space_are_refused():
    density = VolumetricDensity.from_array(GRID, 0.1)
    dictionary = SolidHarmonicScattering(("density",), J=0, powers=(0.01,))
    with pytest.raises(ValueError, match=r"Density 0.* power q = 0.01 is too small in free space"):
        dictionary.fit([density])


def test_a_density_over_the_memory_is_refused(monkeypatch):
    density = VolumetricDensity.from_array(GRID, 0.1)
    dictionary = SolidHarmonicScattering(("density",), J=0).fit([density])
    monkeypatch.setattr("appkit.energy.dictionary.MOLECULE_BYTES", 1e5)
    with pytest.raises(
        ValueError, match=r"The largest density needs .* tolerance or fewer samples"
    ):
        dictionary.transform([density])


def test_more_values_than_the_memory_are_refused_before_they_are_looked_at():
    endless = np.broadcast_to(np.float32(1), (10_000, 10_000, 10_000))
    with pytest.raises(ValueError, match="10000 × 10000 × 10000 values needs 24,000 GB"):
        VolumetricDensity.from_array(endless, 0.1)


def test_no_electrons_at_all_have_invariants_of_zero():
    for periodic in (False, True):
        density = VolumetricDensity.from_array(0 * GRID, 0.1, periodic)
        assert density.note == ""
        given = {"J": 0, "powers": (0.5, 1, 2)}
        assert (SolidHarmonicScattering(("density",), **given).fit_transform([density]) == 0).all()


def test_one_density_is_no_list():
    density = VolumetricDensity.from_array(GRID, 0.1)
    with pytest.raises(ValueError, match="Expected a list of molecules, got one"):
        SolidHarmonicScattering(("density",)).fit(density)


def test_a_cell_s_height_is_that_of_its_shortest_vectors():
    assert smallest_height(np.diag([2, 3, 4.0])) == pytest.approx(2)
    assert smallest_height([[2, 0, 0], [10, 3, 0], [0, 0, 4.0]]) == pytest.approx(2)
