"""The talk's table: planar molecules' energies from Fourier, wavelet, Coulomb, scattering.

`run` computes the rows by the five-fold protocol and writes a record; `report` prints it beside
the published figures. Source: Hirn, Mallat & Poilvert, MMS 15(2) 827–863 (2017), sections 4–7.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appkit.data import MoleculeSet, load_molecules
from appkit.experiments import memory, provenance, published, tables
from appkit.experiments.compute import Progress, compute_features, n_local_workers
from appkit.experiments.evaluate import (
    Evaluation,
    error_path,
    evaluate,
    first_terms,
    largest_residuals,
    splits,
)
from appkit.experiments.files import RECORDS, make_folder, results_folder
from appkit.experiments.planar_rows import (
    RowDefinition,
    Settings,
    chosen_rows,
    composition,
    settings_for,
)
from appkit.experiments.result import Details, Result, Row, save
from appkit.experiments.store import FeatureStore, feature_key

EXPERIMENT = "planar-energy"
BATCH = 16
_SHOWN_TERMS = 32

PROTOCOL = (
    "The data set's own folds: each is predicted once by models trained on the others. On the "
    "training folds {bags} bags draw {percent:g}% of the molecules, orthogonal least squares "
    "selects up to {terms} terms on each, M is chosen on the molecules left out of the bag (for "
    "MAE and RMSE apart), the chosen terms are fitted again on all training molecules, and the "
    "predictions are averaged. Kernel rows choose width and ridge inside the training folds. The "
    "row beyond the paper is four times as many bags, a Gaussian process on what a linear model of "
    "the composition leaves (on the same invariants), or their mean: whichever has the least MAE "
    "over three inner folds of the training folds. "
    "Mean and standard deviation (divided by n) over the test folds, kcal/mol; M over all bags of "
    "all folds, chosen for RMSE."
)


def run(
    dataset: str | MoleculeSet = "embedded",
    *,
    rows: Sequence[str] | None = None,
    preset: str = "default",
    channels: Sequence[str] | None = None,
    J: int | None = None,
    L: int | None = None,
    step: float | None = None,
    terms: int | None = None,
    bags: int | None = None,
    fraction: float | None = None,
    seed: int | None = None,
    device: str | None = None,
    cluster: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    folder: Path | None = None,
) -> Result:
    """Compute the table's rows, write their record, and return it.

    Parameters
    ----------
    dataset
        "embedded", "qm7_2d" or "qm_2d"; or any set of planar molecules with folds.
    rows
        Names of `ROWS`; None is all.
    preset, channels, J, L, step, terms, bags, fraction, seed, device
        See `settings_for` and `Settings`; what is not given is the preset's.
    cluster, workers
        A dask scheduler's address, or the number of local processes.
    progress, cancel
        Called after each batch of molecules and each fold; looked at between them.
    folder
        Where the record goes, by default `appkit.experiments.files.results_folder`.

    Returns
    -------
    Result
        With a row for each definition that applies to the data set.

    Raises
    ------
    ValueError
        Bad parameters, molecules that are not planar, more terms than training molecules, a grid
        over the memory budget (`memory.OverBudget`), a store that another process writes
        (`StoreLocked`): all before anything is computed, except the last.
    Cancelled
        ``cancel`` was set. What was done is kept: the same call goes on from there.
    """
    started, commit = time.perf_counter(), provenance.commit()
    definitions = chosen_rows(rows)
    molecules = load_molecules(dataset) if isinstance(dataset, str) else dataset
    settings = settings_for(
        molecules.name,
        preset,
        channels=None if channels is None else tuple(channels),
        J=J, L=L, step=step, terms=terms, bags=bags, fraction=fraction, seed=seed, device=device,
    )  # fmt: skip
    job = _Job(molecules, settings, cluster, workers, progress, cancel)
    job.check(definitions)
    folder = make_folder(folder or results_folder(), RECORDS)

    details = Details(molecules.energies.tolist(), molecules.folds.tolist())
    computed = [row for definition in definitions if (row := job.row(definition, details))]
    result = Result(
        experiment=EXPERIMENT,
        dataset=molecules.name,
        checksum=molecules.checksum,
        protocol=PROTOCOL.format(
            bags=settings.bags, percent=100 * settings.fraction, terms=settings.longest
        ),
        parameters=settings.parameters()
        | {"molecules": len(molecules), "rows": [row.name for row in computed]},
        rows=computed,
        published=published.planar_energies(molecules.name),
        machine=provenance.machine(settings.device),
        versions=provenance.versions(),
        commit=commit,
        seconds=round(time.perf_counter() - started, 1),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    save(result, details, folder)
    return result


@dataclass(frozen=True)
class _Features:
    """A dictionary on all molecules: values (n, …), names, frame, core seconds."""

    values: NDArray[np.float64]
    names: list[str]
    frame: dict[str, list[Any]]
    seconds: float


@dataclass(frozen=True)
class _Job:
    """What every row of one run shares."""

    molecules: MoleculeSet
    settings: Settings
    cluster: str | None
    workers: int | None
    progress: Progress | None
    cancel: threading.Event | None

    def check(self, definitions: Sequence[RowDefinition]) -> None:
        """Refuse what cannot end well, before any work; fitting a dictionary checks its own."""
        name, terms = self.molecules.name, self.settings.terms
        n_train = min(int((~test).sum()) for _, test in splits(self.molecules.folds))
        if terms is not None and terms > n_train:
            raise ValueError(
                f"M = {terms} terms are more than the {n_train} molecules of the smallest "
                f"training set of {name}: take at most {n_train}"
            )
        n_workers = n_local_workers(self.workers)
        dictionaries = [(d.name, d.dictionary(self.settings)) for d in definitions]
        for row, dictionary in dictionaries:
            if hasattr(dictionary, "memory") and self.settings.device == "cpu":
                memory.require(
                    n_workers * dictionary.memory(self.molecules.atoms),
                    f"the {row} dictionary of {name} at step {self.settings.step:g} Å, "
                    f"J = {self.settings.J}, L = {self.settings.L} with {n_workers} worker(s)",
                    "take a larger step, fewer angles or fewer channels",
                )
        for _, dictionary in dictionaries:
            dictionary.fit(self.molecules.atoms)

    def row(self, definition: RowDefinition, details: Details) -> Row | None:
        """Compute a row and add to the details; None where it does not apply to the molecules."""
        kept = self._kept(definition)
        if kept is None:
            return None
        features = self._features(definition)
        chosen = self.molecules.subset(kept)
        X = features.values[kept]
        if definition.composition:
            X = np.hstack([composition(chosen), X])
        evaluation = evaluate(
            definition.regressor(self.settings),
            X,
            chosen.energies,
            chosen.folds,
            progress=self._stage(f"{definition.name}: folds"),
            cancel=self.cancel,
        )
        name, y = definition.name, chosen.energies
        predictions = np.full(len(self.molecules), np.nan)
        predictions[kept] = evaluation.predictions
        details.predictions[name] = [None if p != p else round(float(p), 3) for p in predictions]
        details.residuals[name] = largest_residuals(
            self.molecules.energies, predictions, self.molecules.labels
        )
        if definition.selects:
            details.paths[name] = error_path(X, y, chosen.folds, self.settings.longest, self.cancel)
            details.terms[name] = first_terms(X, y, features.names, features.frame, _SHOWN_TERMS)
        return _row(definition, evaluation, features, kept)

    def _kept(self, definition: RowDefinition) -> NDArray[np.bool_] | None:
        """The row's molecules; None where a row without some of them would leave none out."""
        if definition.keep is None:
            return np.ones(len(self.molecules), dtype=bool)
        kept = definition.keep(self.molecules)
        return None if kept.all() or not kept.any() else kept

    def _features(self, definition: RowDefinition) -> _Features:
        dictionary, atoms = definition.dictionary(self.settings), self.molecules.atoms
        if not definition.stored:
            started = time.perf_counter()
            values = dictionary.fit(atoms).transform(atoms)
            names = [str(name) for name in dictionary.get_feature_names_out()]
            return _Features(values, names, {}, time.perf_counter() - started)
        store = FeatureStore(feature_key(atoms, dictionary))
        values = compute_features(
            store,
            dictionary,
            atoms,
            batch=BATCH,
            cluster=self.cluster,
            workers=self.workers,
            label=f"{definition.name}: batches of {BATCH} molecules",
            progress=self.progress,
            cancel=self.cancel,
        )
        return _Features(values, store.names, store.frame, store.seconds)

    def _stage(self, label: str) -> Callable[[int, int], None] | None:
        progress = self.progress
        if progress is None:
            return None
        return lambda done, total: progress(label, done, total)


def _row(
    definition: RowDefinition,
    evaluation: Evaluation,
    features: _Features,
    kept: NDArray[np.bool_],
) -> Row:
    left_out = int((~kept).sum())
    return Row(
        name=definition.name,
        label=definition.label,
        mae=evaluation.mae,
        rmse=evaluation.rmse,
        terms=evaluation.terms,
        folds=evaluation.folds,
        n_molecules=int(kept.sum()),
        n_features=features.values.shape[1],
        seconds={
            "features (one core)": round(features.seconds, 1),
            "regression": round(evaluation.seconds, 1),
        },
        note=f"{left_out} of {len(kept)} molecules left out" if left_out else "",
    )


def report(result: Result) -> str:
    """The table for a terminal: ours beside the talk's and the paper's."""
    return tables.terminal(result)
