import io

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.io import write

from appkit.energy.molecules import (
    MoleculeError,
    check_elements,
    check_molecule,
    from_smiles,
    from_xyz,
)

WATER = "3\nwater\nO 0 0 0.12\nH 0 0.76 -0.48\nH 0 -0.76 -0.48\n"


def test_smiles_gives_all_atoms_and_the_same_geometry_twice():
    benzene = from_smiles("c1ccccc1")
    assert benzene.get_chemical_formula() == "C6H6"
    np.testing.assert_array_equal(benzene.positions, from_smiles(" c1ccccc1 ").positions)


def test_smiles_of_an_aromatic_ring_is_flat():
    positions = from_smiles("c1ccccc1").positions
    heights = np.linalg.svd(positions - positions.mean(0), compute_uv=False)[2]
    assert heights < 0.02


@pytest.mark.parametrize(
    ("smiles", "message"),
    [
        ("", "empty"),
        ("C1CC", "not a SMILES"),
        ("<script>alert(1)</script>", "not a SMILES"),
        ("C" * 301, "more than 300 characters"),
        ("Cl[Pt](Cl)(N)N", "RDKit's geometry of .* cannot be used: .* coincide.* Upload an xyz"),
        ("*C", "Atom 1 is of no chemical element"),
        ("C" * 100, "302 atoms, hydrogens included; the limit is 200"),
    ],
)
def test_bad_smiles_says_why(smiles, message):
    with pytest.raises(MoleculeError, match=message):
        from_smiles(smiles)


@pytest.mark.parametrize(
    ("smiles", "formula"), [("CBr", "CH3Br"), ("[He]", "He"), ("F[Xe]F", "F2Xe"), ("[U]", "U")]
)
def test_a_smiles_may_have_any_element(smiles, formula):
    assert from_smiles(smiles).get_chemical_formula() == formula


def test_elements_without_an_atomic_density_are_named():
    with pytest.raises(MoleculeError, match=r"Unknown element Br .first at atom 2.: .* H, C, N, O"):
        check_elements(from_smiles("CBr"))
    benzene = molecule("C6H6")
    assert check_elements(benzene) is benzene


def test_xyz_round_trip_through_ase():
    atoms = molecule("C6H6")
    buffer = io.StringIO()
    write(buffer, atoms, format="xyz")
    back = from_xyz(buffer.getvalue().encode())
    assert back.get_chemical_symbols() == atoms.get_chemical_symbols()
    np.testing.assert_allclose(back.positions, atoms.positions, atol=1e-7)


def test_extended_xyz_and_later_frames_and_windows_lines():
    assert len(from_xyz(WATER + WATER)) == 3
    frames = [from_xyz(WATER * n + "\n\n").info["frames"] for n in (1, 2, 5)]
    assert frames == [1, 2, 5]
    assert len(from_xyz(WATER.replace("\n", "\r\n").encode("utf-8-sig"))) == 3
    extended = WATER.replace("water", 'Properties=species:S:1:pos:R:3 pbc="F F F"')
    assert len(from_xyz(extended)) == 3


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "file is empty"),
        (b"0\n\n", "no atoms"),
        (b"\xff\xfe\x00\x80", "not text"),
        (b"hello\nworld\n", "Line 1 should be the number of atoms"),
        (b"1000000\n\nH 0 0 0\n", "1,000,000 atoms; the limit is 200"),
        (b"3\n\nH 0 0 0\n", "announces 3 atoms, but 1"),
        (b"1\n\nXx 0 0 0\n", "Line 3: unknown element 'Xx'"),
        (b"1\n\nH 0 zero 0\n", "Line 3 should read"),
        (b"1\n\nH 0 0\n", "Line 3 should read"),
        (b"1\n\nH nan 0 0\n", "not a finite number"),
        (b"2\n\nH 0 0 0\nH 0 0 0.1\n", "Atoms 1 .H. and 2 .H. coincide: they are 0.100 Å"),
        (
            b"3\n\nH 0 0 0\nH 0 0 1\nO 5000 0 0\n",
            "in 2 parts .* from atom 1 .H. to atom 3 .O. it is 5,000 Å. Are the coordinates in Å",
        ),
        (b"2\n\nH 0 0 0\nH 74 0 0\n", "more than 10 Å apart"),
        (b"1\nProperties=species:S:1:pos:R:3\nX 0 0 0\n", "Atom 1 is of no chemical element"),
        (b"1\n\n999 0 0 0\n", "Line 3: unknown element '999'"),
    ],
)
def test_bad_xyz_says_why(data, message):
    with pytest.raises(MoleculeError, match=message):
        from_xyz(data)


def test_parts_that_reach_each_other_over_others_are_one_molecule():
    chain = Atoms("He9", positions=[[9.0 * k, 0, 0] for k in range(9)])
    assert check_molecule(chain) is chain


def test_atomic_numbers_stand_for_symbols():
    assert from_xyz("2\n\n6 0 0 0\n 8 0 0 1.13\n").get_chemical_formula() == "CO"


def test_numbers_that_stand_before_the_symbols_are_left_alone():
    rows = "1 C 0 0 0\n2 O 0 0 1.13\n"
    text = f"2\nProperties=id:I:1:species:S:1:pos:R:3\n{rows}"
    assert from_xyz(text).get_chemical_formula() == "CO"


def test_two_molecules_in_a_smiles_are_refused():
    with pytest.raises(MoleculeError, match="is 2 molecules, whose distance a SMILES does not"):
        from_smiles("c1ccccc1.c1ccccc1")


def test_a_huge_upload_is_refused_before_it_is_read():
    with pytest.raises(MoleculeError, match=r"200\.0 MB; the limit is 1 MB"):
        from_xyz(b"9" * 200 * 2**20)


def test_check_names_the_limit_and_the_empty_molecule():
    with pytest.raises(MoleculeError, match="empty"):
        check_molecule(Atoms())
    with pytest.raises(MoleculeError, match="1,000 atoms; the limit is 200"):
        check_molecule(Atoms("H1000", positions=np.arange(3000.0).reshape(-1, 3)))
