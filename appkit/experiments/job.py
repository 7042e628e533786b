"""What the tables of errors share: rows of a dictionary and a regressor, over the given folds."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from appkit import memory
from appkit.data import MoleculeSet
from appkit.energy.composition import Composition
from appkit.energy.cost import estimated_seconds
from appkit.experiments import provenance
from appkit.experiments.compute import Progress, compute_features, n_local_workers
from appkit.experiments.evaluate import (
    Evaluation,
    averaged,
    error_path,
    evaluate,
    first_terms,
    largest_residuals,
    splits,
)
from appkit.experiments.files import RECORDS, make_folder, results_folder
from appkit.experiments.fits import kept_fit
from appkit.experiments.result import Details, Result, Row, save
from appkit.experiments.store import FeatureStore, feature_key

#: Counted where the composition is a term of its own.
ELEMENTS = ("H", "C", "N", "O", "F", "S", "Cl")
BATCH = 16
_SHOWN_TERMS = 32
#: Molecules whose features' cost is estimated, evenly drawn from all.
_ASKED = 64


class Settings(Protocol):
    """What a job asks of an experiment's parameters."""

    @property
    def device(self) -> str: ...

    @property
    def terms(self) -> int | None: ...

    @property
    def longest(self) -> int:
        """M₀, the longest path of a sparse regression."""
        ...

    @property
    def grid(self) -> str:
        """The grid and the scales in words, for a message."""
        ...

    def parameters(self) -> dict[str, Any]:
        """As they stand in a record."""
        ...


@dataclass(frozen=True)
class RowDefinition:
    """How a row is computed.

    Attributes
    ----------
    name, label
        Identifier, and the words in the table.
    dictionary
        Makes the transformer from the settings; None: the regressor takes the molecules.
    regressor
        Makes the estimator from the settings; None: the row is the mean of `parts`. One that has
        ``n_terms_by_metric_`` is asked for ``predict(X, metric=…)``, its terms chosen for MAE and
        RMSE apart.
    stored
        Whether the features are worth keeping on disk.
    selects
        Whether the regressor is a sparse one, so that its path and its terms are shown.
    keep
        The molecules that the row is computed on, as a mask; None is all.
    composition
        Whether the numbers of atoms of each element come before the features.
    parts
        Rows whose predictions this one averages.
    """

    name: str
    label: str
    dictionary: Callable[[Any], Any] | None
    regressor: Callable[[Any], Any] | None
    stored: bool = True
    selects: bool = False
    keep: Callable[[MoleculeSet], NDArray[np.bool_]] | None = field(default=None)
    composition: bool = False
    parts: tuple[RowDefinition, ...] = ()


def chosen_rows(
    known: Mapping[str, RowDefinition], names: Sequence[str] | None
) -> list[RowDefinition]:
    """The definitions called ``names``, all without; ValueError for an unknown or no name."""
    wanted = list(known) if names is None else list(names)
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        raise ValueError(f"rows are {', '.join(known)}; not {', '.join(unknown) or 'none'}")
    return [known[name] for name in dict.fromkeys(wanted)]


@dataclass(frozen=True)
class Features:
    """A dictionary on all molecules: values (n, …), names, frame, core seconds."""

    values: NDArray[Any]
    names: list[str]
    frame: dict[str, list[Any]]
    seconds: float


@dataclass(frozen=True)
class Job:
    """What every row of one run shares.

    Attributes
    ----------
    molecules, settings
        The data set; the experiment's parameters.
    cluster, workers
        A dask scheduler's address, or the number of local processes.
    progress, cancel
        Called after each batch of molecules and each fold; looked at between them.
    """

    molecules: MoleculeSet
    settings: Settings
    cluster: str | None = None
    workers: int | None = None
    progress: Progress | None = None
    cancel: threading.Event | None = None

    def run(
        self,
        experiment: str,
        protocol: str,
        definitions: Sequence[RowDefinition],
        figures: list[dict[str, Any]],
        folder: Path | None,
    ) -> Result:
        """Compute the rows, write their record with the published ``figures`` beside, return it."""
        started, commit = time.perf_counter(), provenance.commit()
        self.check(definitions)
        folder = make_folder(folder or results_folder(), RECORDS)
        molecules = self.molecules
        details = Details(molecules.energies.tolist(), molecules.folds.tolist())
        rows = [row for definition in definitions if (row := self.row(definition, details))]
        return self.record(experiment, protocol, rows, figures, details, started, commit, folder)

    def record(
        self,
        experiment: str,
        protocol: str,
        rows: list[Row],
        figures: list[dict[str, Any]],
        details: Details,
        started: float,
        commit: str | None,
        folder: Path,
    ) -> Result:
        """Write what was computed since ``started`` at a ``commit``, and return it."""
        result = Result(
            experiment=experiment,
            dataset=self.molecules.name,
            checksum=self.molecules.checksum,
            protocol=protocol,
            parameters=self.settings.parameters()
            | {"molecules": len(self.molecules), "rows": [row.name for row in rows]},
            rows=rows,
            published=figures,
            machine=provenance.machine(self.settings.device),
            versions=provenance.versions(),
            commit=commit,
            seconds=round(time.perf_counter() - started, 1),
            date=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        save(result, details, folder)
        return result

    def check(self, definitions: Sequence[RowDefinition]) -> None:
        """Refuse what cannot end well, before any work; fitting a dictionary checks its own.

        Dictionaries that are not stored are quick, or learn when they are fitted: they are left.
        """
        name, terms = self.molecules.name, self.settings.terms
        n_train = min(int((~test).sum()) for _, test in splits(self.molecules.folds))
        if terms is not None and terms > n_train:
            raise ValueError(
                f"M = {terms} terms are more than the {n_train} molecules of the smallest "
                f"training set of {name}: take at most {n_train}"
            )
        n_workers = n_local_workers(self.workers)
        for row, dictionary in self._distinct(definitions):
            dictionary.fit(self.molecules.atoms)
            if hasattr(dictionary, "memory") and self.settings.device == "cpu":
                memory.require(
                    n_workers * dictionary.memory(self.molecules.atoms),
                    f"the {row} dictionary of {name} {self.settings.grid} with {n_workers} "
                    "worker(s)",
                    "take a coarser grid, fewer wavelets or fewer channels",
                )

    def _distinct(self, definitions: Sequence[RowDefinition]) -> list[tuple[str, Any]]:
        """Stored dictionaries and their first row: many rows read one, whose check is not short."""
        found: dict[str, tuple[str, Any]] = {}
        for definition in definitions:
            if definition.dictionary and definition.stored:
                dictionary = definition.dictionary(self.settings)
                same = f"{type(dictionary)} {sorted(dictionary.get_params().items())}"
                found.setdefault(same, (definition.name, dictionary))
        return list(found.values())

    def row(self, definition: RowDefinition, details: Details) -> Row | None:
        """Compute a row and add to the details; None where it does not apply to the molecules."""
        if definition.parts:
            return self._average(definition, details)
        kept = self._kept(definition)
        if kept is None:
            return None
        return self.evaluated(definition, self.features(definition), details, kept)

    def evaluated(
        self,
        definition: RowDefinition,
        features: Features,
        details: Details,
        kept: NDArray[np.bool_] | None = None,
    ) -> Row:
        """A row on features (of all molecules), over the folds of those ``kept`` (None: all)."""
        if kept is None:
            kept = np.ones(len(self.molecules), dtype=bool)
        chosen = self.molecules.subset(kept)
        X = features.values[kept]
        evaluation = self._evaluation(definition, X, chosen)
        self._detail(definition.name, evaluation, kept, details)
        if definition.selects:
            name, y = definition.name, chosen.energies
            longest = self.settings.longest
            details.paths[name] = error_path(X, y, chosen.folds, longest, self.cancel)
            details.terms[name] = first_terms(X, y, features.names, features.frame, _SHOWN_TERMS)
        seconds, width = features.seconds, features.values.shape[1] if definition.dictionary else 0
        return _row(definition, evaluation, width, seconds, kept)

    def _average(self, definition: RowDefinition, details: Details) -> Row:
        """The row of the mean of its parts."""
        everything = [self.features(part) for part in definition.parts]
        found = [
            self._evaluation(part, features.values, self.molecules)
            for part, features in zip(definition.parts, everything, strict=True)
        ]
        evaluation = averaged(found, self.molecules.energies, self.molecules.folds)
        kept = np.ones(len(self.molecules), dtype=bool)
        self._detail(definition.name, evaluation, kept, details)
        width = max(features.values.shape[1] for features in everything)
        return _row(definition, evaluation, width, max(f.seconds for f in everything), kept)

    def _detail(
        self, name: str, evaluation: Evaluation, kept: NDArray[np.bool_], details: Details
    ) -> None:
        """Add a row's predictions and largest residuals."""
        predictions = np.full(len(self.molecules), np.nan)
        predictions[kept] = evaluation.predictions
        details.predictions[name] = [None if p != p else round(float(p), 3) for p in predictions]
        details.residuals[name] = largest_residuals(
            self.molecules.energies, predictions, self.molecules.labels
        )

    def _evaluation(
        self, definition: RowDefinition, X: NDArray[Any], chosen: MoleculeSet
    ) -> Evaluation:
        """Of a row's regressor over the folds, now or in an earlier run."""
        assert definition.regressor is not None
        regressor = definition.regressor(self.settings)

        def fit() -> dict[str, Any]:
            return evaluate(
                regressor,
                X,
                chosen.energies,
                chosen.folds,
                progress=self.stage(f"{definition.name}: folds"),
                cancel=self.cancel,
            ).as_json()

        how = {"folds": chosen.folds.tolist()}
        return Evaluation.from_json(kept_fit(regressor, X, chosen.energies, how, fit))

    def _kept(self, definition: RowDefinition) -> NDArray[np.bool_] | None:
        """The row's molecules; None where a row without some of them would leave none out."""
        if definition.keep is None:
            return np.ones(len(self.molecules), dtype=bool)
        kept = definition.keep(self.molecules)
        return None if kept.all() or not kept.any() else kept

    def features(self, definition: RowDefinition) -> Features:
        """Of all molecules, with the composition before them where the row asks for it."""
        atoms = self.molecules.atoms
        if definition.dictionary is None:
            return Features(as_array(atoms), [], {}, 0.0)
        found = self._computed(definition, definition.dictionary(self.settings))
        if not definition.composition:
            return found
        values = np.hstack([composition(atoms), found.values])
        return Features(values, [*ELEMENTS, *found.names], found.frame, found.seconds)

    def _computed(self, definition: RowDefinition, dictionary: Any) -> Features:
        atoms = self.molecules.atoms
        if not definition.stored:
            started = time.perf_counter()
            values = dictionary.fit(atoms).transform(atoms)
            names = [str(name) for name in dictionary.get_feature_names_out()]
            return Features(values, names, {}, time.perf_counter() - started)
        store = FeatureStore(feature_key(atoms, dictionary))
        values = compute_features(
            store,
            dictionary,
            atoms,
            batch=BATCH,
            cluster=self.cluster,
            workers=self.workers,
            label=f"{definition.name}: batches of {BATCH} molecules{self._cost(dictionary)}",
            progress=self.progress,
            cancel=self.cancel,
        )
        return Features(values, store.names, store.frame, store.seconds)

    def _cost(self, dictionary: Any) -> str:
        """About how long the features take, where the dictionary can tell; from a few molecules."""
        if not hasattr(dictionary, "work"):
            return ""
        atoms = self.molecules.atoms
        some = atoms[:: -(-len(atoms) // _ASKED)]
        minutes = estimated_seconds(dictionary, some) * len(atoms) / len(some) / 60
        told = f"about {minutes:,.0f} min" if minutes >= 1 else "under a minute"
        return f", {told} on one core" if math.isfinite(minutes) else ""

    def stage(self, label: str) -> Callable[[int, int], None] | None:
        """A progress of (done, total) under one label."""
        progress = self.progress
        if progress is None:
            return None
        return lambda done, total: progress(label, done, total)


def _row(
    definition: RowDefinition,
    evaluation: Evaluation,
    width: int,
    seconds: float,
    kept: NDArray[np.bool_],
) -> Row:
    """Of ``width`` features that took so many seconds of one core."""
    left_out = int((~kept).sum())
    return Row(
        name=definition.name,
        label=definition.label,
        mae=evaluation.mae,
        rmse=evaluation.rmse,
        terms=evaluation.terms,
        folds=evaluation.folds,
        n_molecules=int(kept.sum()),
        n_features=width,
        seconds={
            "features (one core)": round(seconds, 1),
            "regression": round(evaluation.seconds, 1),
        },
        note=f"{left_out} of {len(kept)} molecules left out" if left_out else "",
    )


def composition(atoms: list[Atoms]) -> NDArray[np.float64]:
    """Numbers of atoms (n, E) of `ELEMENTS`."""
    return Composition(ELEMENTS).fit(atoms).transform(atoms)


def without_composition(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """The features behind the composition."""
    return X[:, len(ELEMENTS) :]


def as_array(atoms: list[Atoms]) -> NDArray[np.object_]:
    """Molecules (n,) that can be cut by a mask."""
    array = np.empty(len(atoms), dtype=object)
    array[:] = atoms
    return array
