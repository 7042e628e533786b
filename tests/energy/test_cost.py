"""Costs that are told before a computation."""

import math

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.io.cube import write_cube
from ase.units import Bohr

from appkit import cli
from appkit.energy import JointSolidHarmonic, Sampling, SolidHarmonicScattering
from appkit.energy.cost import GridCost, estimated_seconds, nearest, operations_per_second

ETHANOL, WATER = molecule("CH3CH2OH"), molecule("H2O")


def test_nearest_is_the_shortest_bond():
    assert nearest(WATER) == pytest.approx(WATER.get_distance(0, 1))
    with pytest.raises(ValueError, match="One atom has no neighbour"):
        nearest(Atoms("He"))


@pytest.mark.parametrize("kind", [SolidHarmonicScattering, JointSolidHarmonic])
def test_more_molecules_and_more_scales_take_longer(kind):
    def seconds(molecules, **given):
        return estimated_seconds(kind(**given).fit(molecules), molecules)

    assert seconds([ETHANOL] * 2) == pytest.approx(2 * seconds([ETHANOL]))
    assert seconds([ETHANOL]) > seconds([WATER]) > 0
    assert seconds([WATER], J=3) > seconds([WATER], J=1)
    assert seconds([WATER], tolerance=1e-4) > seconds([WATER])


def test_operations_a_second_are_those_of_a_machine():
    assert 1e8 < operations_per_second() < 1e14


def test_plain_grid_has_the_talk_s_size():
    """N = side / δ, (L + 1)² fields for each scale, four bytes each."""
    rules = Sampling(nearest(WATER))
    cost = GridCost.of(WATER, rules, J=1, L=2)
    assert cost.fields == 9 * 2
    margin = 8 * rules.sigma * 2
    expected = np.ptp(WATER.positions, axis=0) + margin
    assert np.allclose(cost.sides, expected)
    assert cost.shape == tuple(math.ceil(side / rules.step) for side in expected)
    assert cost.bytes == 4 * 18 * math.prod(cost.shape)


class TestCommand:
    def test_tells_width_step_grid_memory_and_time(self, capsys):
        assert cli.main(["sampling", "CCO"]) == 0
        told = capsys.readouterr().out
        for piece in (
            "C2H6O: 9 atoms",
            "σ = d / √(−8 ln α)",
            "δ = πσ",
            "N = ",
            "MB",
            "s on one core",
        ):
            assert piece in told

    def test_takes_any_element(self, tmp_path, capsys):
        (tmp_path / "strange.xyz").write_text("3\n\nHe 0 0 0\nU 0 0 2\nP 0 2 0\n")
        for given, formula in {"CBr": "CH3Br", str(tmp_path / "strange.xyz"): "HePU"}.items():
            assert cli.main(["sampling", given]) == 0
            assert f"{formula}: " in capsys.readouterr().out

    def test_reads_a_file(self, tmp_path, capsys):
        WATER.write(tmp_path / "water.xyz")
        assert cli.main(["sampling", str(tmp_path / "water.xyz"), "--overlap", "0.2"]) == 0
        assert "H2O: 3 atoms" in capsys.readouterr().out

    def test_says_what_of_a_file_is_not_looked_at(self, tmp_path, capsys):
        crystal, cube = tmp_path / "salt.xyz", tmp_path / "water.cube"
        bulk("NaCl", "rocksalt", a=5.64, cubic=True).write(crystal, format="extxyz")
        water = molecule("H2O", vacuum=2)
        electrons = np.full((3, 3, 3), 10 * Bohr**3 / water.get_volume())
        with cube.open("w") as stream:
            write_cube(stream, water, electrons)
        for path, said in {
            crystal: "Cl4Na4: 8 atoms, the nearest 2.820 Å apart; the file's cell is not looked at",
            cube: "H2O: 3 atoms, the nearest 0.969 Å apart; the file's density, on a grid of ",
        }.items():
            assert cli.main(["sampling", str(path)]) == 0
            assert said in capsys.readouterr().out

    def test_a_cube_that_is_no_density_is_refused(self, tmp_path, capsys):
        cube, values = tmp_path / "water.cube", np.ones((3, 3, 3))
        values[1, 1, 1] = np.nan
        with cube.open("w") as stream:
            write_cube(stream, molecule("H2O", vacuum=2), values)
        assert cli.main(["sampling", str(cube)]) == 2
        assert "not finite" in capsys.readouterr().err

    def test_atoms_far_apart_are_a_slip_of_units(self, tmp_path, capsys):
        (tmp_path / "far.xyz").write_text("2\n\nH 0 0 0\nH 0 0 9000\n")
        assert cli.main(["sampling", str(tmp_path / "far.xyz")]) == 2
        assert "9,000 Å. Are the coordinates in Å?" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            (["C(C"], "SMILES"),
            (["nofile.xyz"], "There is no file 'nofile.xyz'."),
            (["no/file.cube"], "There is no file 'no/file.cube'."),
            (["no/file"], "There is no file 'no/file', and read as a SMILES: 'no/file' is not a"),
            (["C" * 400], "The SMILES has more than 300 characters"),
            (["[He]"], "One atom has no neighbour"),
            (["CCO", "--overlap", "1.5"], "The overlap α must lie between 0 and 1, not 1.5"),
            (["CCO", "--aliasing", "0"], "The aliasing ε must lie between 0 and 1, not 0"),
            (["CCO", "--L", "9"], "degree L must lie between 0 and 8, not 9"),
        ],
    )
    def test_bad_input_is_one_line(self, line, message, capsys):
        assert cli.main(["sampling", *line]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert message in told


def test_joint_moments_tell_theirs_too():
    assert JointSolidHarmonic(J=0, L=1).fit([WATER]).memory([WATER]) > 0
