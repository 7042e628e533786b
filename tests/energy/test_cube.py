"""Cube files: ASE's own, other units, several data sets, and what is wrong with bad ones."""

import io

import numpy as np
import pytest
from ase.build import molecule
from ase.io.cube import read_cube as read_by_ase
from ase.io.cube import write_cube
from ase.units import Bohr

from appkit.energy import cube
from appkit.energy.cube import CubeError, read_cube

HEADER = """comment
comment
    1    0.0    0.5    1.0
    2    1.0    0.0    0.0
    2    0.2    1.0    0.0
    3    0.0    0.0    2.0
    6    6.0    0.1    0.2    0.3
"""
VALUES = "\n".join(f"{k}.5" for k in range(12)) + "\n"


def read(text):
    return read_cube(io.StringIO(text))


def test_what_ase_writes_is_what_ase_reads(tmp_path):
    water = molecule("H2O", vacuum=2)
    water.cell[0, 1] = 0.4
    values = np.random.default_rng(0).random((4, 5, 6))
    path = tmp_path / "water.cube"
    with path.open("w") as stream:
        write_cube(stream, water, values, origin=(0.1, 0.2, 0.3))
    ours = read_cube(path)
    with path.open() as stream:
        theirs = read_by_ase(stream)
    assert np.array_equal(ours.values[0], theirs["data"])
    assert np.allclose(ours.values[0], values, rtol=1e-6)
    assert np.allclose(ours.voxels, theirs["spacing"])
    assert np.allclose(ours.origin, theirs["origin"])
    assert np.allclose(ours.atoms.positions, water.positions, atol=1e-5)
    assert (ours.atoms.numbers == water.numbers).all()
    assert not ours.orbitals


def test_negative_counts_of_voxels_mean_angstrom():
    bohr = read(HEADER + VALUES)
    counts = {"\n    2 ": "\n   -2 ", "\n    3 ": "\n   -3 "}
    header = HEADER
    for old, new in counts.items():
        header = header.replace(old, new)
    angstrom = read(header + VALUES)
    for name in ("voxels", "origin"):
        assert np.allclose(getattr(bohr, name), Bohr * getattr(angstrom, name))
    assert np.allclose(bohr.atoms.positions, Bohr * angstrom.atoms.positions)
    assert angstrom.values.shape == (1, 2, 2, 3)
    assert np.array_equal(bohr.values, angstrom.values)
    assert np.allclose(angstrom.voxels, [[1, 0, 0], [0.2, 1, 0], [0, 0, 2]])


def test_several_data_sets_take_turns():
    orbitals = HEADER.replace("    1    0.0", "   -1    0.0")
    for text in (
        HEADER.replace("0.5    1.0\n", "0.5    1.0    2\n", 1) + VALUES + VALUES,
        orbitals + "2 7 8\n" + VALUES + VALUES,
        orbitals + "2 7\n8\n" + VALUES + VALUES,
    ):
        found = read(text)
        assert found.orbitals == ("-1" in text)
        assert found.values.shape == (2, 2, 2, 3)
        assert found.values[:, 0, 0, 1].tolist() == [2.5, 3.5]


def test_fortran_exponents_and_any_line_lengths():
    text = HEADER + " ".join(["1.0D-03"] * 12)
    assert (read(text).values == 1e-3).all()


def test_values_come_in_blocks(monkeypatch):
    monkeypatch.setattr(cube, "_CHUNK", 7)
    assert np.allclose(read(HEADER + VALUES).values.ravel(), np.arange(12) + 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "ends at line 1, where a comment should be"),
        ("\n\n", "ends at line 3, where the number of atoms and the origin should be"),
        ("a\nb\nc\n", "Line 3 of the cube file should be the number of atoms and the origin"),
        (HEADER.replace("0.5", "nan", 1), "Line 3 of the cube file should be"),
        (HEADER.replace("    3    0.0", "   -3    0.0"), r"Lines 4 to 6 .* count \[2, 2, -3\]"),
        (HEADER.replace("    3    0.0", "    0    0.0"), r"count \[2, 2, 0\] voxels"),
        (HEADER.replace("    3    0.0", "    3.5  0.0"), "Line 6 .* a whole one first"),
        (HEADER.replace("2.0\n", "0.0\n"), "the voxel has no volume"),
        (HEADER.replace("    6    6.0", "  600    6.0"), "Line 7 .*: there is no element 600"),
        (HEADER.replace("    6    6.0    0.1", "    6    6.0"), r"Line 7 .* atom 1 \(its number"),
        (HEADER.replace("    1    0.0", "   -1    0.0") + "0\n", "Line 8 .* counts 0 data sets"),
        (HEADER + VALUES[:-10], r"has 10 values, its header says 12 \(2 × 2 × 3 voxels\)"),
        (HEADER + VALUES + "1 2", r"more values than its header's 12"),
        (HEADER + VALUES.replace("3.5", "x"), "Value 4 of the cube file is no number: 'x'"),
        (HEADER.replace("1.0\n", "1.0 1.5\n", 1), "Line 3 of the cube file counts 1.5 data sets"),
        (HEADER.replace("1.0\n", "1.0 0\n", 1), "Line 3 of the cube file counts 0 data sets"),
        (HEADER + "0" * 1000, "A value of the cube file is no number: '000"),
        (
            HEADER.replace("    2    0.2", "    900000000    0.2"),
            r"2 × 900000000 × 3 voxels, 43.2 GB of values, over 2 GB: write it with fewer",
        ),
        (
            HEADER.replace("    2    0.2", "    1e30    0.2"),
            r"2 × 1e\+30 × 3 voxels, 4.8e\+22 GB of values, over 2 GB",
        ),
    ],
)
def test_bad_files_are_explained(text, message):
    with pytest.raises(CubeError, match=message):
        read(text)


def test_a_file_may_be_open_as_bytes(tmp_path):
    path = tmp_path / "x.cube"
    path.write_text(HEADER + VALUES)
    with path.open("rb") as stream:
        assert np.array_equal(read_cube(stream).values, read(HEADER + VALUES).values)
        assert not stream.closed


def test_what_is_no_file_is_told():
    with pytest.raises(CubeError, match="is a path or an open file, not None"):
        read_cube(None)


def test_a_missing_file_is_the_system_s_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_cube(tmp_path / "none.cube")
