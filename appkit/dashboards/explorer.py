"""What the regression page shows, from records or computed live. Knows no Panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from appkit.dashboards import library
from appkit.data import catalogue
from appkit.data.download import DataError
from appkit.data.molecules import MoleculeSet
from appkit.energy import PlanarFourier, PlanarScattering, PlanarWavelets
from appkit.experiments import Details, FeatureStore, Result, Row, Spread, details_of
from appkit.experiments.compute import compute_features
from appkit.experiments.published import planar_energies
from appkit.experiments.store import feature_key
from appkit.experiments.tables import standard_record
from appkit.figures.regression import NAMES, ErrorPath, Parity
from appkit.regression import OrthogonalLeastSquares

DATASETS = {"Embedded planar set": "embedded", "QM7-2D": "qm7_2d", "QM2D": "qm_2d"}
#: Longest path computed live.
MAX_TERMS = 512
_DICTIONARIES = {
    "fourier": lambda channels: PlanarFourier(channels=channels, coincident="add"),
    "wavelet": lambda channels: PlanarWavelets(channels=channels, coincident="add"),
    "scattering": lambda channels: PlanarScattering(channels=channels, coincident="add"),
}


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


@dataclass(frozen=True)
class Live:
    """Out-of-fold predictions of one dictionary for every M at once."""

    name: str
    channels: tuple[str, ...]
    molecules: MoleculeSet
    predictions: NDArray[np.float64]  # (n, M)
    terms: pd.DataFrame
    path: ErrorPath

    def model(self, m: int) -> Model:
        """The model with ``m`` terms; ValueError where so many do not exist."""
        longest = self.predictions.shape[1]
        if m < 1:
            raise ValueError(f"A model has at least one term, not M = {m}.")
        if m > longest:
            raise ValueError(
                f"M = {m} is larger than the {longest} terms that the smallest training fold of "
                f"{self.molecules.name} and this dictionary allow."
            )
        index = np.arange(len(self.molecules))
        parity = Parity(
            index, self.molecules.energies, self.predictions[:, m - 1], formulas(self.molecules)
        )
        return Model(
            self.name,
            parity,
            self.terms.head(m),
            self.path,
            f"Computed here by orthogonal least squares: M = {m}, {', '.join(self.channels)}.",
        )


def record(dataset: str) -> tuple[Result, Details] | None:
    """A data set's record with what its figures need, or None."""
    result = standard_record(dataset)
    details = details_of(result) if result is not None else None
    return None if result is None or details is None else (result, details)


def paths(result: Result, details: Details) -> list[ErrorPath]:
    """The error paths of a record, and the level of a row that is computed without terms."""
    found = [
        ErrorPath(
            name,
            np.asarray(path["terms"]),
            np.asarray(path["rmse_mean"], float),
            np.asarray(path["rmse_sd"], float),
        )
        for name, path in details.paths.items()
    ]
    ends = np.array([1, max((int(path.terms[-1]) for path in found), default=1)])
    return found + [
        ErrorPath(row.name, ends, np.full(2, row.rmse.mean), np.full(2, row.rmse.sd), level=True)
        for row in result.rows
        if row.name == "coulomb"
    ]


def recorded(result: Result, details: Details, row: str, names: Sequence[str] | None) -> Model:
    """A record's own model of one row; ``names`` are the molecules' formulas where known."""
    predicted = np.array([np.nan if v is None else v for v in details.predictions[row]], float)
    kept = np.flatnonzero(np.isfinite(predicted))
    labels = [str(i) if names is None else names[int(i)] for i in kept]
    parity = Parity(kept, np.asarray(details.energies)[kept], predicted[kept], labels)
    path = next((p for p in paths(result, details) if p.name == row and not p.level), None)
    words = f"From the record of {result.date[:10]}, whose protocol stands under the table"
    if path is not None:
        channels = ", ".join(result.parameters.get("channels", ()))
        words += f": {channels}; M chosen by its bags. Compute this model for your own"
    words += "."
    return Model(row, parity, pd.DataFrame(details.terms.get(row, [])), path, words)


def molecules_or_none(dataset: str) -> MoleculeSet | None:
    """The data set where its file is on this machine; a page never downloads unasked."""
    if dataset != "embedded" and not all(catalogue.where(dataset).values()):
        return None
    return library.molecules(dataset)


def download(dataset: str, task: Any) -> MoleculeSet | None:
    """Bring a data set to this machine and read it; raises as `appkit.data.catalogue.get`."""

    def progress(done: int, total: int) -> None:
        task.progress(done / total if total else 0.0, f"{done / 1e6:.1f} MB")

    catalogue.get(dataset, progress)
    return molecules_or_none(dataset)


def offer(dataset: str) -> str:
    """What a download brings, in words: what it is, its size, its licence."""
    entry = catalogue.entry(dataset)
    return f"{entry.what}. {entry.size / 1e6:.1f} MB, {entry.licence}."


@lru_cache(maxsize=4)
def _formulas(dataset: str) -> tuple[str, ...]:
    return tuple(a.get_chemical_formula("hill") for a in library.molecules(dataset).atoms)


def describe(molecules: MoleculeSet, index: int) -> str:
    """Formula and SMILES of one molecule."""
    return library.describe(molecules, index)


def formulas(molecules: MoleculeSet) -> tuple[str, ...]:
    """Hill formulas, kept for the next figure."""
    return _formulas(molecules.name)


def explore(dataset: str, name: str, channels: tuple[str, ...], task: Any) -> Live:
    """Compute (or take from the store) the features and every M's predictions.

    Raises
    ------
    ValueError
        The data set is not on this machine, no channel, or a dictionary without terms.
    """
    if name not in _DICTIONARIES:
        raise ValueError(f"{NAMES.get(name, name)} is a kernel regression: it selects no terms.")
    if not channels:
        raise ValueError("Choose at least one channel.")
    key = (dataset, name, channels)
    live = _live.get(key)  # sessions share these: look once
    if live is None:
        molecules = molecules_or_none(dataset)
        if molecules is None:
            raise DataError(f"{dataset} is not on this machine: `appkit data get {dataset}`.")
        live = _live[key] = _explore(molecules, name, channels, task)
        for old in list(_live)[:-6]:
            _live.pop(old, None)
    return live


_live: dict[tuple[str, str, tuple[str, ...]], Live] = {}


def _explore(molecules: MoleculeSet, name: str, channels: tuple[str, ...], task: Any) -> Live:
    transformer = _DICTIONARIES[name](channels).fit(molecules.atoms[:1])
    features = _features(molecules, transformer, task)
    folds = [np.flatnonzero(molecules.folds == k) for k in np.unique(molecules.folds)]
    smallest = min(len(molecules) - len(fold) for fold in folds)
    longest = min(MAX_TERMS, smallest, features.shape[1])
    fits = []
    for number, fold in enumerate(folds):
        task.progress(0.7 + 0.3 * number / (len(folds) + 1), f"fold {number + 1} of {len(folds)}")
        train = np.setdiff1d(np.arange(len(molecules)), fold)
        fit = OrthogonalLeastSquares(longest).fit(features[train], molecules.energies[train])
        fits.append(fit.predict_path(features[fold]))
    task.progress(0.95, "the order of the terms")
    shortest = min(path.shape[1] for path in fits)
    whole = OrthogonalLeastSquares(shortest).fit(features, molecules.energies)
    predictions = np.empty((len(molecules), shortest))
    errors = np.empty((len(folds), shortest))
    for number, (fold, path) in enumerate(zip(folds, fits, strict=True)):
        predictions[fold] = path[:, :shortest]
        wrong = path[:, :shortest] - molecules.energies[fold, None]
        errors[number] = np.sqrt((wrong**2).mean(0))
    terms = transformer.features_.iloc[whole.selected_].assign(weight=whole.weights_)
    error_path = ErrorPath(name, np.arange(1, shortest + 1), errors.mean(0), errors.std(0))
    return Live(name, channels, molecules, predictions, terms.reset_index(drop=True), error_path)


def _features(molecules: MoleculeSet, transformer: Any, task: Any) -> NDArray[np.float64]:
    def progress(stage: str, done: int, total: int) -> None:
        task.progress(0.7 * done / total, f"features: batch {done} of {total}")

    store = FeatureStore(feature_key(molecules.atoms, transformer))
    return compute_features(
        store, transformer, molecules.atoms, workers=0, progress=progress, cancel=task.stop
    )


def table(dataset: str, result: Result | None) -> pd.DataFrame:
    """Ours, the paper's and the talk's figures, a row for each dictionary, kcal/mol.

    A column that has no figure is left out, as are ours where nothing was computed.
    """
    figures = planar_energies(dataset) if result is None else result.published
    ours = {} if result is None else {row.name: row for row in result.rows}
    # The paper has several scattering rows: the last one is that with all channels, as ours.
    theirs = {
        source: {p["row"]: p for p in figures if source in p["source"]}
        for source in ("talk", "paper")
    }
    names = dict.fromkeys([*ours, *theirs["talk"], *theirs["paper"]])
    frame = pd.DataFrame(_table_row(name, ours.get(name), theirs) for name in names)
    return frame.loc[:, (frame != "").any()]


def _table_row(
    name: str, row: Row | None, theirs: dict[str, dict[str, dict[str, Any]]]
) -> dict[str, str]:
    return {
        "Dictionary": NAMES.get(name, name) if row is None else row.label,
        "RMSE": "" if row is None else _spread(row.rmse),
        "MAE": "" if row is None else _spread(row.mae),
        "M": "" if row is None or row.terms is None else _spread(row.terms, 0),
        "Talk's RMSE": _words(theirs["talk"].get(name), "rmse"),
        "Paper's RMSE": _words(theirs["paper"].get(name), "rmse"),
        "Paper's MAE": _words(theirs["paper"].get(name), "mae"),
    }


def _spread(value: Spread, digits: int = 1) -> str:
    return f"{value.mean:.{digits}f} ± {value.sd:.{digits}f}"


def _words(figure: dict[str, Any] | None, name: str) -> str:
    value = None if figure is None else figure.get(name)
    if value is None:
        return ""
    return f"{value['mean']:.1f}" + ("" if value["sd"] is None else f" ± {value['sd']:.1f}")
