"""Sets of molecules with energies and folds, read from the catalogue's files.

Positions become Å, energies kcal/mol (atomization: molecule - isolated atoms, so negative), folds
0-based, whatever the file has.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from ase.units import Bohr, Hartree, kcal, mol
from numpy.typing import ArrayLike, NDArray
from scipy.io import loadmat

from appkit.data import catalogue
from appkit.data.download import DataError, sha256
from appkit.data.files import reading, require

HARTREE = Hartree / (kcal / mol)  # kcal/mol
#: B3LYP/6-31G(2df,p) energies of the isolated atoms (Ha), from QM9's own table (atomref).
QM9_ATOMS = {1: -0.500273, 6: -37.846772, 7: -54.583861, 8: -75.064579, 9: -99.718730}
N_FOLDS = 5


@dataclass(frozen=True)
class MoleculeSet:
    """n molecules with what is to be regressed on them.

    ``atoms`` in Å (planar sets lie in z = 0, centred), ``energies`` (n,) atomization energies in
    kcal/mol, ``folds`` (n,) 0-based, ``labels`` SMILES or formulas, ``checksum`` the sha256 of
    the file read, ``citation`` what to cite.
    """

    name: str
    atoms: list[Atoms]
    energies: NDArray[np.float64]
    folds: NDArray[np.int64]
    labels: list[str]
    checksum: str
    citation: str

    def __len__(self) -> int:
        return len(self.atoms)

    def subset(self, index: ArrayLike) -> MoleculeSet:
        """The molecules of ``index`` (integers or a mask of length n), in that order."""
        chosen = np.arange(len(self))[np.asarray(index)]
        return replace(
            self,
            atoms=[self.atoms[i] for i in chosen],
            energies=self.energies[chosen],
            folds=self.folds[chosen],
            labels=[self.labels[i] for i in chosen],
        )


def load_molecules(name: str = "embedded", progress: bool = False) -> MoleculeSet:
    """Read a set of molecules: embedded, qm7_2d, qm_2d, qm7, qm9 or qm9_mp2.

    "embedded" needs no network; the others are downloaded where they are missing (``progress``
    shows a bar). Raises DataError for an unknown name or an unreadable file.
    """
    if name == "embedded":
        with as_file(files("appkit.data") / "embedded" / "planar.npz") as path:
            return _read(_planar_npz, path, "embedded", "appkit's embedded planar set (GFN2-xTB)")
    if name not in _READERS:
        known = ", ".join(["embedded", *_READERS])
        raise DataError(f"there is no set of molecules called {name!r}; known: {known}")
    path = next(iter(catalogue.get(name, progress).values()))
    reader = next(read for suffix, read in _READERS[name].items() if path.name.endswith(suffix))
    return _read(reader, path, name, catalogue.entry(name).citation)


Contents = tuple[list[Atoms], NDArray, NDArray, list[str] | None]


def _read(reader: Callable[[Path], Contents], path: Path, name: str, citation: str) -> MoleculeSet:
    with reading(path):
        atoms, energies, folds, labels = reader(path)
        n = len(atoms)
        require(energies.shape == (n,) and folds.shape == (n,), path, "lengths differ")
        require(bool(np.isfinite(energies).all()), path, "an energy is not a finite number")
    if labels is None:
        labels = [_formula(bytes(np.sort(a.numbers).astype(np.uint8))) for a in atoms]
    energies, folds = energies.astype(np.float64), folds.astype(np.int64)
    return MoleculeSet(name, atoms, energies, folds, labels, sha256(path), citation)


def _planar_mat(path: Path) -> Contents:
    """QM7-2D and QM2D: R (n, k, 2) bohr padded, Z (n, k), T kcal/mol, P five lists, 1-based."""
    table = loadmat(path)
    positions = table["R"] * Bohr
    atoms = [_planar(z[z > 0], r[z > 0]) for z, r in zip(table["Z"], positions, strict=True)]
    folds = _fold_of((np.ravel(fold) - 1 for fold in np.ravel(table["P"])), len(atoms))
    return atoms, np.ravel(table["T"]), folds, None


def _planar_npz(path: Path) -> Contents:
    """The embedded set: n_atoms, Z and R (Å, two or three columns) concatenated."""
    with np.load(path, allow_pickle=False) as table:
        numbers, positions = _split(table["n_atoms"], table["Z"], table["R"])
        atoms = [_planar(z, r[:, :2]) for z, r in zip(numbers, positions, strict=True)]
        return atoms, table["energies"], table["folds"], [str(s) for s in table["smiles"]]


def _qm7_mat(path: Path) -> Contents:
    table = loadmat(path, variable_names=["R", "Z", "T", "P"])
    return _qm7(table["R"], table["Z"], np.ravel(table["T"]), table["P"])


def _qm7_npz(path: Path) -> Contents:
    with np.load(path, allow_pickle=False) as table:
        return _qm7(table["R_bohr"], table["Z"], table["T_kcal"], table["P"])


def _qm7(positions: NDArray, numbers: NDArray, energies: NDArray, folds: NDArray) -> Contents:
    """QM7: positions (n, 23, 3) bohr padded where Z = 0, folds (5, n / 5) of 0-based indices."""
    atoms = [
        Atoms(numbers=z[z > 0].astype(int), positions=r[z > 0] * Bohr)
        for z, r in zip(numbers, positions, strict=True)
    ]
    return atoms, energies, _fold_of(folds, len(atoms)), None


def _qm9_npz(path: Path) -> Contents:
    with np.load(path, allow_pickle=False) as table:
        numbers, positions = _split(table["n_atoms"], table["Z"], table["R_1e6A"])
        atoms = [
            Atoms(numbers=z, positions=r * 1e-6) for z, r in zip(numbers, positions, strict=True)
        ]
        energies = table["E_b3lyp_Ha"] * HARTREE - np.array([_isolated(z) for z in numbers])
    return atoms, energies, dealt_folds(energies, [len(a) for a in atoms]), None


def _qm9_mp2_npz(path: Path) -> Contents:
    with np.load(path, allow_pickle=False) as table:
        numbers, positions = _split(table["n_atoms"], table["Z"], table["R_1e6A"])
        atoms = [
            Atoms(numbers=z, positions=r * 1e-6) for z, r in zip(numbers, positions, strict=True)
        ]
        energies = table["mp2_binding_Ha"] * HARTREE
    return atoms, energies, dealt_folds(energies, [len(a) for a in atoms]), None


def _qm9_tar(path: Path) -> Contents:
    """QM9 as published: 133,885 xyz files; energy at rest = U0 - zero-point energy."""
    atoms, energies = [], []
    with tarfile.open(path) as archive:
        for member in archive:
            stream = archive.extractfile(member)
            if stream is None:
                continue
            lines = stream.read().decode().replace("*^", "e").splitlines()
            rows = [line.split() for line in lines[2 : 2 + int(lines[0])]]
            molecule = Atoms([r[0] for r in rows], [[float(v) for v in r[1:4]] for r in rows])
            properties = [float(v) for v in lines[1].split()[2:]]
            at_rest = (properties[10] - properties[9]) * HARTREE
            atoms.append(molecule)
            energies.append(at_rest - _isolated(molecule.numbers))
    array = np.array(energies)
    return atoms, array, dealt_folds(array, [len(a) for a in atoms]), None


def dealt_folds(energies: ArrayLike, n_atoms: ArrayLike, n_folds: int = N_FOLDS) -> NDArray:
    """Folds (n,) homogeneous in size and energy: sorted by both, dealt out like cards."""
    order = np.lexsort((np.asarray(energies), np.asarray(n_atoms)))
    folds = np.empty(len(order), dtype=np.int64)
    folds[order] = np.arange(len(order)) % n_folds
    return folds


def _planar(numbers: NDArray, positions: NDArray) -> Atoms:
    flat = np.column_stack([positions - positions.mean(0), np.zeros(len(positions))])
    return Atoms(numbers=numbers.astype(int), positions=flat)


@cache  # many molecules, few compositions
def _formula(numbers: bytes) -> str:
    return Atoms(numbers=list(numbers)).get_chemical_formula()


def _split(n_atoms: NDArray, numbers: NDArray, positions: NDArray) -> tuple[list, list]:
    """Cut concatenated atoms into molecules."""
    cuts = np.cumsum(n_atoms.astype(np.int64))
    if cuts[-1] != len(numbers) or cuts[-1] != len(positions):
        raise ValueError("n_atoms does not add up to the number of atoms")
    return np.split(numbers.astype(np.int64), cuts[:-1]), np.split(positions, cuts[:-1])


def _fold_of(lists: Iterable[NDArray], n: int) -> NDArray:
    """Lists of the members of each fold -> the fold (n,) of each member."""
    folds = np.full(n, -1, dtype=np.int64)
    for number, members in enumerate(lists):
        folds[members.astype(np.int64)] = number
    if (folds < 0).any():
        raise ValueError(f"{(folds < 0).sum()} molecules belong to no fold")
    return folds


def _isolated(numbers: NDArray) -> float:
    """Energy of the isolated atoms of QM9, kcal/mol."""
    try:
        return HARTREE * sum(QM9_ATOMS[z] for z in numbers.tolist())
    except KeyError as error:
        raise ValueError(f"element {chemical_symbols[error.args[0]]} is not in QM9") from None


_READERS: dict[str, dict[str, Callable[[Path], Contents]]] = {
    "qm7_2d": {".mat": _planar_mat},
    "qm_2d": {".mat": _planar_mat},
    "qm7": {".mat": _qm7_mat, ".npz": _qm7_npz},
    "qm9": {".tar.bz2": _qm9_tar, ".npz": _qm9_npz},
    "qm9_mp2": {".npz": _qm9_mp2_npz},
}
