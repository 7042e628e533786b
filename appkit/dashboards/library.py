"""Read-only data that all sessions share: sets of molecules, loaded once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from ase import Atoms

from appkit.data.molecules import MoleculeSet, load_molecules
from appkit.energy.molecules import from_smiles

_EXAMPLES = ("c1ccsc1", "c1ccoc1", "c1cc[nH]c1", "c1ccncc1", "c1cnoc1")

#: Molecules that are not flat, and a few that are, by the names that people know.
_NAMED = {
    "Water": "O",
    "Ammonia": "N",
    "Methane": "C",
    "Ethanol": "CCO",
    "Acetone": "CC(C)=O",
    "Dimethyl sulfoxide": "CS(C)=O",
    "Chloroform": "ClC(Cl)Cl",
    "Glycine": "NCC(O)=O",
    "Alanine": "C[C@H](N)C(O)=O",
    "Benzene": "c1ccccc1",
    "Cubane": "C12C3C4C1C5C2C3C45",
    "Neopentane": "CC(C)(C)C",
    "Cyclohexane": "C1CCCCC1",
    "Naphthalene": "c1ccc2ccccc2c1",
    "Vanillin": "COc1cc(C=O)ccc1O",
    "Aspirin": "CC(=O)Oc1ccccc1C(O)=O",
    "Dopamine": "NCCc1ccc(O)c(O)c1",
    "Caffeine": "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
    "Glucose": "OC[C@H]1OC(O)[C@H](O)[C@@H](O)[C@@H]1O",
    "Adamantane": "C1C2CC3CC1CC(C2)C3",
    "Camphor": "CC1(C)C2CCC1(C)C(=O)C2",
    "Nicotine": "CN1CCC[C@H]1c1cccnc1",
}


class Shelf(NamedTuple):
    """Molecules to choose from.

    Attributes
    ----------
    names : what a person searches and reads, to the label that stands in addresses.
    atoms : the molecule of each label.
    """

    names: Mapping[str, str]
    atoms: Mapping[str, Atoms]


def planar() -> Shelf:
    """The embedded set, smallest first."""
    chosen = molecules()
    return Shelf(
        {name: chosen.labels[index] for name, index in names().items()},
        dict(zip(chosen.labels, chosen.atoms, strict=True)),
    )


def spatial() -> Shelf:
    """Familiar molecules in space by their names, then the embedded set."""
    flat, known = planar(), _named()
    shown = {f"{name}  {m.get_chemical_formula('hill')}": name for name, m in known.items()}
    return Shelf(shown | dict(flat.names), known | dict(flat.atoms))


@lru_cache(maxsize=1)
def _named() -> dict[str, Atoms]:
    return {name: from_smiles(smiles) for name, smiles in _NAMED.items()}


@lru_cache(maxsize=6)
def molecules(name: str = "embedded") -> MoleculeSet:
    """A set of molecules; raises as `load_molecules` does."""
    return load_molecules(name)


def example() -> str:
    """Label of the molecule that a page shows first: a small familiar ring if the set has one."""
    labels = molecules().labels
    return next(
        (label for label in _EXAMPLES if label in labels), labels[next(iter(names().values()))]
    )


@lru_cache(maxsize=4)
def names(name: str = "embedded") -> dict[str, int]:
    """What a person searches: "C4H4S  c1ccsc1" to the molecule's index, smallest first."""
    chosen = molecules(name)
    rows = sorted(range(len(chosen)), key=lambda i: (len(chosen.atoms[i]), chosen.labels[i]))
    return {describe(chosen, i): i for i in rows}


def describe(chosen: MoleculeSet, index: int) -> str:
    """Formula and label of one molecule of a set."""
    formula = chosen.atoms[index].get_chemical_formula("hill")
    label = chosen.labels[index]
    return formula if label == formula else f"{formula}  {label}"
