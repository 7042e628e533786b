"""What the regression page shows from records, and the molecules it is of. Knows no Panel."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from appkit.dashboards import library
from appkit.dashboards.studies import STUDIES
from appkit.data import catalogue
from appkit.data.molecules import MoleculeSet
from appkit.experiments import Details, Result, Row
from appkit.figures.regression import ErrorPath, Parity


@dataclass(frozen=True)
class Model:
    """One dictionary's predictions of every molecule by folds that did not see it.

    Attributes
    ----------
    name : of the dictionary.
    parity : true and predicted energies; without the molecules that were left out.
    terms : the selected φ_k in order, a frame with a row for each.
    path : error against M, None for a regressor without terms.
    source : where the figures are from, in words.
    """

    name: str
    parity: Parity
    terms: pd.DataFrame
    path: ErrorPath | None
    source: str

    @property
    def rmse(self) -> float:
        """Over all molecules, kcal/mol."""
        return float(np.sqrt(np.mean(self.parity.residual**2)))

    @property
    def mae(self) -> float:
        """Over all molecules, kcal/mol."""
        return float(np.mean(np.abs(self.parity.residual)))


def paths(
    result: Result, details: Details, levels: Collection[str] = ("coulomb",)
) -> list[ErrorPath]:
    """The error paths of a record, and the levels of those of its rows that have no terms."""
    found = [_path(result.row(name), path) for name, path in details.paths.items()]
    ends = np.array([1, max((int(path.terms[-1]) for path in found), default=1)])
    return found + [
        ErrorPath(
            row.name,
            ends,
            np.full(2, row.rmse.mean),
            np.full(2, row.rmse.sd),
            level=True,
            title=row.label,
        )
        for row in result.rows
        if row.name in levels and row.name not in details.paths
    ]


def _path(row: Row, path: dict[str, Any]) -> ErrorPath:
    return ErrorPath(
        row.name,
        np.asarray(path["terms"]),
        np.asarray(path["rmse_mean"], float),
        np.asarray(path["rmse_sd"], float),
        title=row.label,
    )


def recorded(result: Result, details: Details, name: str, names: Sequence[str] | None) -> Model:
    """A record's own model of one row; ``names`` are the molecules' formulas where known."""
    row = result.row(name)
    predicted = np.array([np.nan if v is None else v for v in details.predictions[name]], float)
    kept = np.flatnonzero(np.isfinite(predicted))
    labels = [str(i) if names is None else names[int(i)] for i in kept]
    parity = Parity(kept, np.asarray(details.energies)[kept], predicted[kept], labels)
    path = _path(row, details.paths[name]) if name in details.paths else None
    terms = pd.DataFrame(details.terms.get(name, []))
    return Model(name, parity, terms, path, _source(result, row, path is not None))


def _source(result: Result, row: Row, selects: bool) -> str:
    """Where a row's figures are from, and what it took."""
    words = f"From the record of {result.date[:10]}, whose protocol stands under the table"
    if selects:
        channels = ", ".join(result.parameters.get("channels", ()))
        words += f": {channels}; M chosen by its bags"
    words += f" ({row.note})." if row.note else "."
    if STUDIES[result.dataset].planar:
        return words + (" Compute this model for your own." if selects else "")
    took = [f"{stage} {_duration(seconds)}" for stage, seconds in row.seconds.items() if seconds]
    return f"{words} It took: {', '.join(took)}." if took else words


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def molecules_or_none(dataset: str) -> MoleculeSet | None:
    """The data set where its file is on this machine; a page never downloads unasked."""
    if dataset != "embedded" and not all(catalogue.where(dataset).values()):
        return None
    return library.molecules(dataset)


def download(dataset: str, task: Any) -> MoleculeSet | None:
    """Bring a data set to this machine and read it; raises as `appkit.data.catalogue.get`."""
    bring(dataset, task)
    return molecules_or_none(dataset)


def bring(dataset: str, task: Any) -> None:
    """Bring a data set to this machine; raises as `appkit.data.catalogue.get`."""

    def progress(done: int, total: int) -> None:
        task.progress(done / total if total else 0.0, f"{done / 1e6:.1f} MB")

    catalogue.get(dataset, progress)


def offer(dataset: str) -> str:
    """What a download brings, in words: what it is, its size, its licence."""
    entry = catalogue.entry(dataset)
    return f"{entry.what}. {size(dataset)}, {entry.licence}."


def size(dataset: str) -> str:
    """Of a data set's download; the embedded set has none."""
    return "" if dataset == "embedded" else f"{catalogue.entry(dataset).size / 1e6:.1f} MB"


def describe(molecules: MoleculeSet, index: int) -> str:
    """Formula and SMILES of one molecule."""
    return library.describe(molecules, index)


def formulas(molecules: MoleculeSet) -> Sequence[str]:
    """Hill formulas: what molecules of public sets are called; asked once of the embedded set."""
    return _embedded_formulas() if molecules.name == "embedded" else molecules.labels


@lru_cache(maxsize=1)
def _embedded_formulas() -> tuple[str, ...]:
    return tuple(a.get_chemical_formula("hill") for a in library.molecules().atoms)
