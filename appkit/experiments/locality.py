"""Locality: how the error falls as larger scales are let into the dictionary.

Bonds are local, so that most of an energy is read off fine scales; what coarse ones add is the long
range. Source: L. Thiry's talk, which argues so from the error against the largest scale kept.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appkit.data import MoleculeSet, load_molecules
from appkit.experiments import provenance, solid_tables
from appkit.experiments.compute import Progress
from appkit.experiments.files import RECORDS, make_folder, results_folder
from appkit.experiments.job import Features, Job, RowDefinition, chosen_rows
from appkit.experiments.qm7_energy import PROTOCOL
from appkit.experiments.result import Details, Result, Row
from appkit.experiments.solid_rows import ROWS, settings_from

EXPERIMENT = "locality"
#: Models whose error is followed.
FOLLOWED = ("linear", "kernel")


def run(
    dataset: str | MoleculeSet = "qm7",
    *,
    rows: Sequence[str] | None = FOLLOWED,
    cluster: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    folder: Path | None = None,
    **given: Any,
) -> Result:
    """Compute each row with all scales up to j, for every j; parameters as `qm7_energy.run`.

    The record's rows are called ``linear|j=0``, ``linear|j=1``, …; the features of order 0 are in
    all of them.
    """
    followed = {name: ROWS[name] for name in ROWS if ROWS[name].dictionary is not None}
    definitions = chosen_rows(followed, rows)
    molecules = load_molecules(dataset) if isinstance(dataset, str) else dataset
    settings = settings_from(given)
    job = Job(molecules, settings, cluster, workers, progress, cancel)
    started, commit = time.perf_counter(), provenance.commit()
    job.check(definitions)
    folder = make_folder(folder or results_folder(), RECORDS)
    details = Details(molecules.energies.tolist(), molecules.folds.tolist())
    computed = [row for each in definitions for row in _rows(job, each, settings.sigma, details)]
    return job.record(EXPERIMENT, PROTOCOL, computed, [], details, started, commit, folder)


def _rows(job: Job, definition: RowDefinition, sigma: float, details: Details) -> list[Row]:
    """One row for each largest scale."""
    features = job.features(definition)
    reach = largest_scales(features)
    n_before = features.values.shape[1] - len(reach)  # the composition
    found = []
    for j in np.unique(reach[np.isfinite(reach)]):
        kept = np.concatenate([np.ones(n_before, dtype=bool), ~(reach > j)])
        part = replace(features, values=features.values[:, kept])
        each = replace(
            definition,
            name=f"{definition.name}|j={j:g}",
            label=f"{definition.label}, scales up to {sigma * 2**j:.2g} Å",
        )
        found.append(job.evaluated(each, part, details))
    return found


def largest_scales(features: Features) -> NDArray[np.float64]:
    """The larger of j and j′ of each feature of a dictionary; -∞ for order 0."""
    scales = [
        [-np.inf if value is None else value for value in features.frame[name]]
        for name in ("j", "j2")
    ]
    return np.max(np.array(scales, dtype=float), axis=0)


def report(result: Result) -> str:
    """The table for a terminal, beside the published figures."""
    return solid_tables.terminal(result)
