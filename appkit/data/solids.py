"""Solids: the iron potential (for checking) and carbon crystals with their energies."""

from __future__ import annotations

import csv
import io
import lzma
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.eam import EAM
from ase.io import read
from numpy.typing import NDArray

from appkit.data import catalogue
from appkit.data.download import DataError
from appkit.data.files import reading


def load_iron_potential(progress: bool = False) -> EAM:
    """ASE's calculator with the iron potential of Mendelev et al. 2003 (eV, Å)."""
    (path,) = catalogue.get("iron_potential", progress).values()
    with reading(path):
        return EAM(potential=io.StringIO(_text(path)), form="fs")


def load_carbon24(
    split: str = "val", limit: int | None = None, progress: bool = False
) -> tuple[list[Atoms], NDArray[np.float64]]:
    """Carbon crystals (periodic, Å) and their DFT energies, eV per atom.

    ``split`` is "val" or "test"; ``limit`` reads only the first so many.
    """
    if split not in ("val", "test"):
        raise DataError(f"there is no part {split!r}; there are val and test")
    paths = catalogue.get("carbon24", progress)
    path = next(here for name, here in paths.items() if name.startswith(f"solids/{split}.csv"))
    with reading(path):
        rows = list(csv.DictReader(io.StringIO(_text(path))))[:limit]
        crystals = [_crystal(row["cif"]) for row in rows]
        return crystals, np.array([float(row["energy_per_atom"]) for row in rows])


def _crystal(cif: str) -> Atoms:
    crystal = read(io.StringIO(cif), index=0, format="cif")
    assert isinstance(crystal, Atoms)  # an index was given, so it is no list
    return crystal


def _text(path: Path) -> str:
    if path.suffix == ".xz":
        with lzma.open(path, "rt", encoding="utf-8") as stream:
            return stream.read()
    return path.read_text("utf-8")
