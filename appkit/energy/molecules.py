"""Molecules that people bring: a SMILES string or an xyz file becomes a checked ``ase.Atoms``.

Everything that is not one of the shipped data sets enters the house here, so here it is refused,
with a sentence that says what was wrong, where, and what to do.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from itertools import islice
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from ase.io import read
from rdkit import Chem
from rdkit.Chem.rdDistGeom import EmbedMolecule, ETKDGv3
from rdkit.Chem.rdForceFieldHelpers import (
    MMFFHasAllMoleculeParams,
    MMFFOptimizeMolecule,
    UFFOptimizeMolecule,
)
from rdkit.rdBase import BlockLogs
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from appkit.energy.geometry import MIN_DISTANCE

#: Elements whose isolated-atom densities the package ships.
ELEMENTS = ("H", "C", "N", "O", "F", "S", "Cl")
#: Largest molecule a person may bring (hydrogens included) and largest text file.
MAX_ATOMS = 200
MAX_BYTES = 2**20  # browsers, too, call this 1 MB
MAX_SMILES = 300
#: Å from one part of what is called a molecule to the next; farther is a slip of units.
MAX_DISTANCE = 10.0
EMBED_SECONDS = 5


class MoleculeError(ValueError):
    """A molecule that cannot be used; the message is for the person who brought it."""


def check_elements(atoms: Atoms, elements: Collection[str] = ELEMENTS) -> Atoms:
    """Return ``atoms`` unchanged if each has a density of the isolated atom.

    Raises
    ------
    MoleculeError
        If an element is not in ``elements``.
    """
    unknown = sorted(set(atoms.get_chemical_symbols()) - set(elements))
    if unknown:
        first = atoms.get_chemical_symbols().index(unknown[0]) + 1
        raise MoleculeError(
            f"Unknown element {', '.join(unknown)} (first at atom {first}): atomic densities are "
            f"known for {', '.join(elements)}."
        )
    return atoms


def check_molecule(atoms: Atoms, max_atoms: int = MAX_ATOMS) -> Atoms:
    """Return ``atoms`` unchanged if it is a molecule; of which elements, `check_elements` asks.

    Raises
    ------
    MoleculeError
        If there are no atoms or more than ``max_atoms``, one is of no element, a coordinate is not
        finite, two atoms are closer than ``MIN_DISTANCE`` Å, or some are farther than
        ``MAX_DISTANCE`` Å from all others.
    """
    if len(atoms) == 0:
        raise MoleculeError("The molecule is empty: it has no atoms.")
    if len(atoms) > max_atoms:
        raise MoleculeError(f"The molecule has {len(atoms):,} atoms; the limit is {max_atoms:,}.")
    if (atoms.numbers <= 0).any():
        first = int(np.argmax(atoms.numbers <= 0)) + 1
        raise MoleculeError(f"Atom {first} is of no chemical element: it has no nuclear charge.")
    bad = np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))
    if bad.size:
        raise MoleculeError(
            f"Atom {bad[0] + 1} ({atoms[bad[0]].symbol}) has a coordinate that is not a finite "
            "number (NaN or infinity)."
        )
    pairs = cKDTree(atoms.positions).query_pairs(MIN_DISTANCE, output_type="ndarray")
    if len(pairs):
        i, j = min(map(tuple, pairs))
        distance = float(np.linalg.norm(atoms.positions[i] - atoms.positions[j]))
        raise MoleculeError(
            f"Atoms {i + 1} ({atoms[i].symbol}) and {j + 1} ({atoms[j].symbol}) coincide: they are "
            f"{distance:.3f} Å apart. Are the coordinates in Å?"
        )
    _check_together(atoms)
    return atoms


def _check_together(atoms: Atoms) -> None:
    """Raise `MoleculeError` where the atoms fall into parts that are too far from each other."""
    tree = cKDTree(atoms.positions)
    first, second = tree.query_pairs(MAX_DISTANCE, output_type="ndarray").T
    near = coo_array((np.ones(len(first)), (first, second)), shape=(len(atoms), len(atoms)))
    count, part = connected_components(near, directed=False)
    if count == 1:
        return
    own, others = np.flatnonzero(part == part[0]), np.flatnonzero(part != part[0])
    distances, nearest = cKDTree(atoms.positions[own]).query(atoms.positions[others])
    least = int(distances.argmin())
    i, j = own[nearest[least]], others[least]
    raise MoleculeError(
        f"The atoms lie in {count} parts that are more than {MAX_DISTANCE:g} Å apart: from atom "
        f"{i + 1} ({atoms[i].symbol}) to atom {j + 1} ({atoms[j].symbol}) it is "
        f"{distances[least]:,.0f} Å. Are the coordinates in Å?"
    )


def from_smiles(smiles: str, max_atoms: int = MAX_ATOMS) -> Atoms:
    """A 3-D geometry for ``smiles``: RDKit's ETKDG embedding, hydrogens added, MMFF94 relaxed.

    The same SMILES always gives the same geometry. Positions in Å, ``info["smiles"]`` is canonical.

    Raises
    ------
    MoleculeError
        If the text is not a SMILES, is too long, has no 3-D embedding, or fails `check_molecule`.
    """
    text = smiles.strip()
    if not text:
        raise MoleculeError("The SMILES is empty: type one, for example c1ccccc1 for benzene.")
    if len(text) > MAX_SMILES:
        raise MoleculeError(
            f"The SMILES has more than {MAX_SMILES} characters, which is the limit: upload an xyz "
            "file instead."
        )
    with BlockLogs():
        molecule = Chem.MolFromSmiles(text)
        if molecule is None:
            raise MoleculeError(
                f"'{text}' is not a SMILES that RDKit can read: check brackets, ring numbers and "
                "valences."
            )
        if (n := len(Chem.GetMolFrags(molecule))) > 1:
            raise MoleculeError(
                f"'{text}' is {n} molecules, whose distance a SMILES "
                "does not tell: type one, or upload an xyz file of them all."
            )
        canonical = Chem.MolToSmiles(molecule)
        molecule = Chem.AddHs(molecule)
        if molecule.GetNumAtoms() > max_atoms:
            raise MoleculeError(
                f"The molecule has {molecule.GetNumAtoms():,} atoms, hydrogens included; the limit "
                f"is {max_atoms:,}."
            )
        molecule = _embed(molecule, text)
    atoms = Atoms(
        numbers=[atom.GetAtomicNum() for atom in molecule.GetAtoms()],
        positions=molecule.GetConformer().GetPositions(),
        info={"smiles": canonical},
    )
    try:
        return check_molecule(atoms, max_atoms)
    except MoleculeError as error:
        raise MoleculeError(
            f"RDKit's geometry of '{text}' cannot be used: {error} Upload an xyz file instead."
        ) from error


def _embed(molecule: Chem.Mol, text: str) -> Chem.Mol:
    if molecule.GetNumAtoms() == 0:
        raise MoleculeError(f"'{text}' has no atoms.")
    settings: Any = ETKDGv3()
    settings.randomSeed = 0xA770
    settings.timeout = EMBED_SECONDS
    if EmbedMolecule(molecule, settings) != 0:
        raise MoleculeError(
            f"No 3-D geometry was found for '{text}' within {EMBED_SECONDS} s; upload an xyz file "
            "instead."
        )
    if MMFFHasAllMoleculeParams(molecule):
        MMFFOptimizeMolecule(molecule, maxIters=2000)
    else:
        UFFOptimizeMolecule(molecule, maxIters=2000)
    return molecule


def from_xyz(data: bytes | str, max_atoms: int = MAX_ATOMS, max_bytes: int = MAX_BYTES) -> Atoms:
    """The first frame of an xyz or extended-xyz text, positions in Å; ``info["frames"]`` counts.

    Size is checked before anything is parsed, so a huge upload costs nothing.

    Raises
    ------
    MoleculeError
        If the file is too large, is not text, is not an xyz file, or fails `check_molecule`.
    """
    if len(data) > max_bytes:
        raise MoleculeError(
            f"The file has {len(data) / 2**20:,.1f} MB; the limit is {max_bytes / 2**20:g} MB."
        )
    text = _decode(data)
    declared = _declared_atoms(text)
    if declared > max_atoms:
        raise MoleculeError(f"The file has {declared:,} atoms; the limit is {max_atoms:,}.")
    frame = _named("".join(islice(io.StringIO(text), declared + 2)))
    _check_rows(frame, declared)
    try:
        atoms: Any = read(io.StringIO(frame), index=0, format="extxyz")
    except Exception as error:  # ASE raises many kinds; none speaks to the person
        raise MoleculeError(f"The file is not a readable xyz file: {error}.") from error
    molecule = Atoms(atoms.numbers, atoms.positions, info={"frames": _count_frames(text)})
    return check_molecule(molecule, max_atoms)


def _decode(data: bytes | str) -> str:
    if isinstance(data, str):
        return data.lstrip("\ufeff")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MoleculeError(
            f"The file is not text (byte {error.start + 1} is not UTF-8); an xyz file is expected."
        ) from error


def _declared_atoms(text: str) -> int:
    if not text.strip():
        raise MoleculeError("The file is empty.")
    first = text.split("\n", 1)[0].strip()
    if not (first.isascii() and first.isdigit()):
        raise MoleculeError(
            f"Line 1 should be the number of atoms, but it reads '{first[:40]}'. An xyz file has "
            "that number, a comment line, then one line 'symbol x y z' for each atom."
        )
    if int(first) == 0:
        raise MoleculeError("The molecule is empty: it has no atoms.")
    return int(first)


def _count_frames(text: str) -> int:
    """How many follow each other: a number of atoms, a comment and that many lines each."""
    lines, frames, place = text.splitlines(), 0, 0
    while place < len(lines) and (head := lines[place].strip()).isascii() and head.isdigit():
        place += int(head) + 2
        frames += 1
    return frames


_NUMBER = re.compile(r"^\s*(\d{1,3})(?=\s)")


def _named(frame: str) -> str:
    """With symbols where a program wrote atomic numbers, which ASE does not read."""
    head, rows = frame.splitlines()[:2], frame.splitlines()[2:]
    if "Properties=" in head[-1]:
        return frame  # its first column may be something else

    def symbol(match: re.Match[str]) -> str:
        z = int(match[1])
        return chemical_symbols[z] if 0 < z < len(chemical_symbols) else match[1]

    return "\n".join([*head, *(_NUMBER.sub(symbol, row) for row in rows)]) + "\n"


def _check_rows(frame: str, declared: int) -> None:
    rows = frame.splitlines()[2:]
    filled = [row for row in rows if row.strip()]
    if len(filled) < declared:
        raise MoleculeError(f"Line 1 announces {declared} atoms, but {len(filled)} follow.")
    if "Properties=" in frame.splitlines()[1]:
        return
    for line, row in enumerate(rows, start=3):
        fields = row.split()
        if fields[0] not in chemical_symbols[1:]:
            raise MoleculeError(f"Line {line}: unknown element '{fields[0][:20]}'.")
        try:
            coordinates = [float(field) for field in fields[1:4]]
        except ValueError:
            coordinates = []
        if len(coordinates) != 3:
            raise MoleculeError(f"Line {line} should read 'symbol x y z', but it is '{row[:60]}'.")
