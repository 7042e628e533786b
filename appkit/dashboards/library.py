"""Read-only data that all sessions share: sets of molecules, loaded once."""

from __future__ import annotations

from functools import lru_cache

from appkit.data.molecules import MoleculeSet, load_molecules

_EXAMPLES = ("c1ccsc1", "c1ccoc1", "c1cc[nH]c1", "c1ccncc1", "c1cnoc1")


@lru_cache(maxsize=4)
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
