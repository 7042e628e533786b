"""Models of planar molecules that the regression page computes while a person waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from appkit.dashboards import explorer
from appkit.dashboards.explorer import Model
from appkit.dashboards.studies import STUDIES
from appkit.data.download import DataError
from appkit.data.molecules import MoleculeSet
from appkit.energy import PlanarFourier, PlanarScattering, PlanarWavelets
from appkit.experiments import FeatureStore
from appkit.experiments.compute import compute_features
from appkit.experiments.store import feature_key
from appkit.figures.regression import NAMES, ErrorPath, Parity
from appkit.regression import OrthogonalLeastSquares

#: Longest path computed here.
MAX_TERMS = 512
DICTIONARIES = {
    "fourier": lambda channels: PlanarFourier(channels=channels, coincident="add"),
    "wavelet": lambda channels: PlanarWavelets(channels=channels, coincident="add"),
    "scattering": lambda channels: PlanarScattering(channels=channels, coincident="add"),
}


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
            index,
            self.molecules.energies,
            self.predictions[:, m - 1],
            explorer.formulas(self.molecules),
        )
        return Model(
            self.name,
            parity,
            self.terms.head(m),
            self.path,
            f"Computed here by orthogonal least squares: M = {m}, {', '.join(self.channels)}.",
        )


def explore(dataset: str, name: str, channels: tuple[str, ...], task: Any) -> Live:
    """Compute (or take from the store) the features and every M's predictions.

    Raises
    ------
    ValueError
        The data set is not planar, or not on this machine; no channel; a dictionary without terms.
    """
    study = STUDIES.get(dataset)
    if study is not None and not study.planar:
        raise ValueError(
            f"Models of {study.title} take minutes to hours: `{study.command}` computes them."
        )
    if name not in DICTIONARIES:
        raise ValueError(f"{NAMES.get(name, name)} is a kernel regression: it selects no terms.")
    if not channels:
        raise ValueError("Choose at least one channel.")
    key = (dataset, name, channels)
    live = _live.get(key)  # sessions share these: look once
    if live is None:
        molecules = explorer.molecules_or_none(dataset)
        if molecules is None:
            raise DataError(f"{dataset} is not on this machine: `appkit data get {dataset}`.")
        live = _live[key] = _explore(molecules, name, channels, task)
        for old in list(_live)[:-6]:
            _live.pop(old, None)
    return live


_live: dict[tuple[str, str, tuple[str, ...]], Live] = {}


def _explore(molecules: MoleculeSet, name: str, channels: tuple[str, ...], task: Any) -> Live:
    transformer = DICTIONARIES[name](channels).fit(molecules.atoms[:1])
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
