"""Sets of molecules: units, planarity, folds, energies; and files that are not what they should."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.io import savemat

from appkit.data import DataError, UnreadableFileError, load_molecules, molecules
from appkit.data.molecules import HARTREE, MoleculeSet, dealt_folds

BENZENE_CC = 1.39  # Å


def smallest_distance(atoms) -> float:
    distances = atoms.get_all_distances()
    return distances[np.triu_indices(len(atoms), 1)].min()


@pytest.fixture
def qm7_2d(real_data) -> MoleculeSet:
    return load_molecules("qm7_2d")


def test_the_planar_454_are_those_of_the_paper(qm7_2d):
    """Counts, folds and energies of table A1 of the reference (Hirn et al. 2017)."""
    assert len(qm7_2d) == 454
    assert_array_equal(np.bincount(qm7_2d.folds), [81, 97, 89, 104, 83])
    assert_allclose(qm7_2d.energies.min(), -1619.0, atol=0.05)
    assert_allclose(qm7_2d.energies.max(), -404.9, atol=0.05)
    assert_allclose(qm7_2d.energies.mean(), -1233.9, atol=0.05)
    having = {s: sum(s in a.symbols for a in qm7_2d.atoms) for s in ("H", "C", "N", "O", "S")}
    assert having == {"H": 453, "C": 454, "N": 352, "O": 288, "S": 61}
    assert min(map(len, qm7_2d.atoms)) == 4
    assert max(map(len, qm7_2d.atoms)) == 15


def test_the_planar_454_lie_centred_in_the_plane(qm7_2d):
    for atoms in qm7_2d.atoms:
        assert_array_equal(atoms.positions[:, 2], 0)
        assert_allclose(atoms.positions.mean(0), 0, atol=1e-12)


def test_positions_are_in_angstrom(qm7_2d):
    """Ethylene, the first: its C-C bond is 1.33 Å, and 2.52 bohr."""
    ethylene = qm7_2d.atoms[0]
    assert qm7_2d.labels[0] == "C2H4"
    carbons = ethylene.positions[ethylene.numbers == 6]
    assert_allclose(np.linalg.norm(carbons[0] - carbons[1]), 1.33, atol=0.02)


def test_the_planar_454_are_the_projections_of_qm7s(qm7_2d, real_data):
    """Same energies and elements as the molecules that the authors' list names in QM7."""
    qm7 = load_molecules("qm7")
    with np.load(real_data / "qm7" / "qm7_RZTP.npz") as table:
        parents = qm7.subset(table["planar454_index"])
    assert_allclose(np.sort(parents.energies), np.sort(qm7_2d.energies), atol=0.01)
    assert sorted(parents.labels) == sorted(qm7_2d.labels)


def test_qm7(real_data):
    qm7 = load_molecules("qm7")
    assert len(qm7) == 7165
    assert_array_equal(np.bincount(qm7.folds), [1433] * 5)
    methane = qm7.atoms[0]
    assert qm7.labels[0] == "CH4"
    assert_allclose(smallest_distance(methane), 1.09, atol=0.02)
    assert_allclose(qm7.energies[0], -417.96, atol=0.1)


def test_qm9_energies_are_atomization_energies(real_data):
    """Methane's is -420 kcal/mol at rest; two methods agree to a few kcal/mol per molecule."""
    b3lyp, mp2 = load_molecules("qm9"), load_molecules("qm9_mp2")
    assert len(b3lyp) == 70_000
    assert b3lyp.labels[0] == "CH4"
    assert_allclose(b3lyp.energies[0], -420, atol=5)
    sizes = np.bincount(b3lyp.folds)
    assert sizes.max() - sizes.min() <= 1
    assert len(mp2) == 10_000
    assert_allclose(mp2.energies[mp2.labels.index("H2O")], -223, atol=5)


def test_embedded_needs_neither_network_nor_data_folder(monkeypatch):
    monkeypatch.delenv("APPKIT_DATA", raising=False)
    embedded = load_molecules("embedded")
    assert len(embedded) >= 1000
    assert {s for a in embedded.atoms for s in a.symbols} == {"H", "C", "N", "O", "S", "Cl"}
    assert_array_equal(np.unique(embedded.folds), range(5))
    assert (embedded.energies < 0).all()
    assert min(map(smallest_distance, embedded.atoms)) > 0.7
    benzene = embedded.atoms[embedded.labels.index("c1ccccc1")]
    ring = benzene[benzene.numbers == 6]
    assert_allclose(smallest_distance(ring), BENZENE_CC, atol=0.02)


def test_subset_takes_indices_and_masks(qm7_2d):
    chosen = qm7_2d.subset([5, 3])
    assert chosen.labels == [qm7_2d.labels[5], qm7_2d.labels[3]]
    assert_array_equal(chosen.energies, qm7_2d.energies[[5, 3]])
    first_fold = qm7_2d.subset(qm7_2d.folds == 0)
    assert len(first_fold) == 81
    assert first_fold.checksum == qm7_2d.checksum


@given(st.lists(st.tuples(st.floats(-3000, -100), st.integers(2, 9)), min_size=25, max_size=80))
def test_dealt_folds_are_homogeneous(rows):
    """Folds differ by at most one molecule in size, and by at most one in number for each size."""
    energies, sizes = map(np.array, zip(*rows, strict=True))
    folds = dealt_folds(energies, sizes)
    counts = np.bincount(folds, minlength=5)
    assert counts.max() - counts.min() <= 1
    for size in np.unique(sizes):
        counts = np.bincount(folds[sizes == size], minlength=5)
        assert counts.max() - counts.min() <= 1


def test_unknown_set_is_named():
    with pytest.raises(
        DataError, match="no set of molecules called 'qm8'; known: embedded, qm7_2d"
    ):
        load_molecules("qm8")


# Files made up here, to be read as if they were the catalogue's.


@pytest.fixture
def offer(monkeypatch, tmp_path):
    """Let ``load_molecules(name)`` find the file that the returned function is given."""

    def put(name: str, file_name: str, content: bytes = b""):
        path = tmp_path / file_name
        path.write_bytes(content)
        monkeypatch.setattr(molecules.catalogue, "get", lambda *_: {file_name: path})
        return path

    return put


def mat(**fields) -> bytes:
    stream = io.BytesIO()
    savemat(stream, fields)
    return stream.getvalue()


def folds_cell(*lists) -> np.ndarray:
    cell = np.empty((1, len(lists)), dtype=object)
    cell[0, :] = [np.array([members]) for members in lists]
    return cell


def planar_fields(n: int = 3) -> dict:
    lists = ([1, 3], [2]) if n == 3 else ([1],)
    return {
        "R": np.arange(n * 4.0).reshape(n, 2, 2),
        "Z": np.full((n, 2), 6.0),
        "T": np.full((1, n), -100.0),
        "P": folds_cell(*lists),
    }


def test_folds_of_the_file_are_counted_from_one(offer):
    offer("qm_2d", "planar.mat", mat(**planar_fields()))
    assert_array_equal(load_molecules("qm_2d").folds, [0, 1, 0])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"no matlab at all, but long enough to look at" * 20, "planar.mat cannot be read"),
        (mat(**planar_fields())[:600], "planar.mat cannot be read"),
        (b"", "planar.mat cannot be read"),
        (mat(**{k: v for k, v in planar_fields().items() if k != "T"}), "has no field 'T'"),
        (mat(**planar_fields() | {"T": np.zeros((1, 2))}), "lengths differ"),
        (mat(**planar_fields() | {"T": np.full((1, 3), np.nan)}), "not a finite number"),
        (mat(**planar_fields() | {"P": folds_cell([1], [2])}), "1 molecules belong to no fold"),
        (mat(**planar_fields() | {"P": folds_cell([1, 2, 3], [9])}), "cannot be read"),
    ],
)
def test_unreadable_planar_files_are_named(offer, content, problem):
    path = offer("qm7_2d", "planar.mat", content)
    with pytest.raises(UnreadableFileError, match=problem) as caught:
        load_molecules("qm7_2d")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04 cut short", b"", b"\x93NUMPY\x01\x00v\x00{'descr': '|O'"]
)
@pytest.mark.parametrize("name", ["qm7", "qm9", "qm9_mp2"])
def test_unreadable_archives_are_named(offer, name, content):
    path = offer(name, "extract.npz", content)
    with pytest.raises(UnreadableFileError, match="cannot be read") as caught:
        load_molecules(name)
    assert str(path) in str(caught.value)


def test_atoms_that_do_not_add_up_are_named(offer):
    stream = io.BytesIO()
    np.savez(stream, n_atoms=[2, 2], Z=[1, 1, 1], R_1e6A=np.zeros((3, 3)), mp2_binding_Ha=[0, 0])
    offer("qm9_mp2", "extract.npz", stream.getvalue())
    with pytest.raises(UnreadableFileError, match="does not add up"):
        load_molecules("qm9_mp2")


def test_qm7_as_published(offer):
    table = {
        "R": np.array([[[0, 0, 0], [0, 0, 1.4], [0, 0, 0]]] * 5),
        "Z": np.array([[1, 1, 0]] * 5),
        "T": np.full((1, 5), -109.5),
        "P": np.arange(5)[:, None],
        "X": np.zeros((5, 3, 3)),
    }
    offer("qm7", "qm7.mat", mat(**table))
    qm7 = load_molecules("qm7")
    assert qm7.labels == ["H2"] * 5
    assert_array_equal(qm7.folds, range(5))
    assert_allclose(smallest_distance(qm7.atoms[0]), 0.741, atol=1e-3)


#: Molecule 3 of QM9, water, as published (Ramakrishnan et al. 2014).
WATER = """3
gdb 3\t799.58812\t437.90386\t282.94545\t1.8511\t6.31\t-0.2928\t0.0687\t0.3615\t19.0002\t0.021375\t\
-76.404702\t-76.401867\t-76.400922\t-76.422349\t6.002\t
O\t-0.0343604951\t 0.9775395708\t 0.0076015923\t-0.589706
H\t 0.0647664923\t 0.0205721989\t 1.5346341*^-3\t 0.294853
H\t 0.8717903737\t 1.3007924048\t 0.0006931336\t 0.294853
1671.4222\t3803.6305\t3907.698
O\tO
InChI=1S/H2O/h1H2\tInChI=1S/H2O/h1H2
"""


def test_qm9_as_published(offer):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:bz2") as archive:
        for i in range(2):
            member = tarfile.TarInfo(f"dsgdb9nsd_{i:06d}.xyz")
            member.size = len(WATER.encode())
            archive.addfile(member, io.BytesIO(WATER.encode()))
    offer("qm9", "dsgdb9nsd.xyz.tar.bz2", stream.getvalue())
    qm9 = load_molecules("qm9")
    assert qm9.labels == ["H2O", "H2O"]
    assert_allclose(smallest_distance(qm9.atoms[0]), 0.962, atol=1e-3)
    at_rest = (-76.404702 - 0.021375 - (-75.064579 - 2 * 0.500273)) * HARTREE
    assert_allclose(qm9.energies, at_rest)
