"""The embedded planar set, checked from the committed file."""

import json
from importlib.resources import files

import numpy as np
import pytest
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.units import kcal, mol
from rdkit import Chem

ELEMENTS = ("H", "C", "N", "O", "S", "Cl")
CHARGES = [atomic_numbers[symbol] for symbol in ELEMENTS]
PATH = files("appkit.data") / "embedded" / "planar.npz"


@pytest.fixture(scope="module")
def table():
    with PATH.open("rb") as stream, np.load(stream, allow_pickle=False) as loaded:
        return dict(loaded)


@pytest.fixture(scope="module")
def molecules(table):
    cuts = np.cumsum(table["n_atoms"].astype(int))
    assert cuts[-1] == len(table["Z"]) == len(table["R"])
    numbers, positions = np.split(table["Z"], cuts[:-1]), np.split(table["R"], cuts[:-1])
    return [Atoms(z, r) for z, r in zip(numbers, positions, strict=True)]


def test_size_of_the_set_and_of_its_file(table, molecules):
    assert len(molecules) >= 1000
    assert len(PATH.read_bytes()) < 3_000_000
    assert {len(table[key]) for key in ("n_atoms", "energies", "folds", "smiles")} == {
        len(molecules)
    }


def test_elements_and_sizes(table, molecules):
    assert set(np.unique(table["Z"])) == set(CHARGES)
    heavy = np.array([(m.numbers > 1).sum() for m in molecules])
    assert heavy.max() == 9
    assert table["n_atoms"].min() <= 5
    assert table["n_atoms"].max() >= 16
    for symbol, at_least in {"N": 0.5, "O": 0.5, "S": 0.05, "Cl": 0.03}.items():
        share = np.mean([atomic_numbers[symbol] in m.numbers for m in molecules])
        assert share > at_least, symbol


def test_strictly_planar_and_centred(molecules):
    assert all((m.positions[:, 2] == 0).all() for m in molecules)
    assert max(np.abs(m.positions.mean(0)).max() for m in molecules) < 1e-5


def test_atoms_keep_their_distances(molecules):
    for molecule in molecules:
        distances = molecule.get_all_distances()
        np.fill_diagonal(distances, np.inf)
        assert distances.min() > 0.93
        radii = covalent_radii[molecule.numbers]
        assert (distances.min(1) < 1.4 * 2 * radii.max()).all()


def test_positions_belong_to_the_smiles(table, molecules):
    """Elements and bonds: atoms are in RDKit's order, bonded where they are close."""
    for smiles, molecule in zip(table["smiles"], molecules, strict=True):
        graph = Chem.AddHs(Chem.MolFromSmiles(str(smiles)))
        assert [a.GetAtomicNum() for a in graph.GetAtoms()] == molecule.numbers.tolist()
        radii = covalent_radii[molecule.numbers]
        close = molecule.get_all_distances() < 1.25 * np.add.outer(radii, radii)
        np.fill_diagonal(close, False)
        assert (close == Chem.GetAdjacencyMatrix(graph).astype(bool)).all(), smiles


def test_every_molecule_is_there_once(table):
    graphs = [Chem.MolFromSmiles(str(smiles)) for smiles in table["smiles"]]
    assert len({Chem.MolToSmiles(g) for g in graphs}) == len(graphs)
    assert len({Chem.MolToInchiKey(g) for g in graphs}) == len(graphs)


def test_energies_are_atomization_energies(table, molecules):
    """Negative, and nearly additive: each bonded atom brings tens to hundreds of kcal/mol."""
    energies = table["energies"]
    counts = np.array([[(m.numbers == z).sum() for z in CHARGES] for m in molecules])
    fit, *_ = np.linalg.lstsq(counts, energies, rcond=None)
    assert (energies < -150).all()
    assert (fit < -20).all()
    assert np.sqrt(np.mean((energies - counts @ fit) ** 2)) < 60


def test_folds_are_homogeneous(table, molecules):
    """Sizes differ by one; means differ from the whole's by less than stated."""
    folds, energies = table["folds"], table["energies"]
    assert set(folds) == {0, 1, 2, 3, 4}
    assert np.ptp(np.bincount(folds)) <= 1
    counts = np.array([[(m.numbers == z).sum() for z in CHARGES] for m in molecules])
    for fold in range(5):
        inside = folds == fold
        assert abs(energies[inside].mean() - energies.mean()) < 1.0  # kcal/mol
        assert abs(energies[inside].std() - energies.std()) < 2.0
        assert np.abs(counts[inside].mean(0) - counts.mean(0)).max() < 0.02  # atoms a molecule


def test_meta_says_how_it_was_made(table):
    meta = json.loads(str(table["meta"]))
    assert "GFN2-xTB" in meta["method"]
    assert meta["lowest_wavenumber_found"] >= meta["min_wavenumber_per_cm"] == 20
    assert set(meta["versions"]) >= {"rdkit", "tblite"}


def test_energy_and_forces_again(table, molecules):
    """GFN2-xTB of a few molecules: the stored energy, and no force above 0.001 eV/Å."""
    tblite = pytest.importorskip("tblite.ase", reason="tblite (extra make-data) is not installed")
    isolated = json.loads(str(table["meta"]))["atoms_eV"]
    for index in np.linspace(0, len(molecules) - 1, 8, dtype=int):
        molecule = molecules[index]
        molecule.calc = tblite.TBLite(method="GFN2-xTB", accuracy=0.05, verbosity=0)
        bound = molecule.get_potential_energy() - sum(isolated[s] for s in molecule.symbols)
        assert bound / (kcal / mol) == pytest.approx(table["energies"][index], abs=1e-3)
        assert np.linalg.norm(molecule.get_forces(), axis=1).max() < 1.2e-3


def test_displaced_molecules_are_higher(table, molecules):
    """A minimum: bending out of the plane or stretching within it costs energy."""
    tblite = pytest.importorskip("tblite.ase", reason="tblite (extra make-data) is not installed")
    random = np.random.default_rng(0)
    for index in np.linspace(0, len(molecules) - 1, 5, dtype=int):
        molecule = molecules[index].copy()
        molecule.calc = tblite.TBLite(method="GFN2-xTB", accuracy=0.05, verbosity=0)
        rest = molecule.get_potential_energy()
        for _ in range(3):
            molecule.positions = molecules[index].positions + random.normal(
                scale=0.02, size=(len(molecule), 3)
            )
            assert molecule.get_potential_energy() > rest
