"""QM9: learning curves of solid harmonic scattering beside other descriptors, and the talk's table.

Of all molecules, or of as many as are asked for, a fifth (10,000 at most) is tested on; the rest is
trained on in growing, nested sets. A run that was stopped goes on where it was, one on more
molecules takes what one on fewer has computed. Source: Eickenberg, Exarchakis, Hirn, Mallat,
Thiry, J. Chem. Phys. 148, 241732 (2018); Thiry's talk (table).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from appkit.data import MoleculeSet, load_molecules
from appkit.experiments import provenance, published, solid_tables
from appkit.experiments.compute import Progress
from appkit.experiments.curve import Split, learning_curve
from appkit.experiments.evaluate import largest_residuals
from appkit.experiments.files import RECORDS, make_folder, results_folder
from appkit.experiments.job import Job, chosen_rows
from appkit.experiments.result import Details, Result
from appkit.experiments.solid_rows import ROWS, USUAL, most_trained, settings_from

EXPERIMENT = "qm9-energy"

PROTOCOL = (
    "{n:,} molecules drawn by seed {seed}: {test:,} are tested on, the others are trained on in "
    "nested sets of growing size. Widths, ridges, numbers of terms and epochs are chosen inside "
    "each training set. Errors at the largest training set, kcal/mol, ± their standard error over "
    "the tested molecules."
)


def run(
    dataset: str | MoleculeSet = "qm9",
    *,
    molecules: int | None = None,
    rows: Sequence[str] | None = None,
    cluster: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    folder: Path | None = None,
    **given: Any,
) -> Result:
    """Compute the learning curves, write their record, and return it.

    Parameters
    ----------
    dataset
        "qm9", "qm9_mp2", or any set of molecules.
    molecules
        How many to draw, tested ones among them; None is all.
    rows
        Names of `ROWS`; None is `USUAL`. A row that can train on fewer
        molecules only (a kernel's matrix has a bound) ends there, and says so.
    cluster, workers
        A dask scheduler's address, or the number of local processes.
    progress, cancel
        Called after each batch of molecules and each fit; looked at between them.
    folder
        Where the record goes, by default `appkit.experiments.files.results_folder`.
    given
        Of `SolidSettings`; what is not given has its default.

    Returns
    -------
    Result
        Rows at their largest training set; the companion file has ``curves`` and predictions.

    Raises
    ------
    ValueError
        Bad parameters, too few or more molecules than there are, a grid over the memory budget.
    Cancelled
        ``cancel`` was set. What was done is kept: the same call goes on from there.
    """
    started, commit = time.perf_counter(), provenance.commit()
    definitions, settings = chosen_rows(ROWS, USUAL if rows is None else rows), settings_from(given)
    whole = load_molecules(dataset) if isinstance(dataset, str) else dataset
    split = Split.drawn(whole, molecules, settings.seed)
    job = Job(split.molecules, settings, cluster, workers, progress, cancel)
    job.check(definitions)
    folder = make_folder(folder or results_folder(), RECORDS)

    tested = split.molecules.subset(np.arange(split.n_test))
    details = Details(tested.energies.tolist(), [0] * split.n_test)
    computed = []
    for definition in definitions:
        name, most = definition.name, most_trained(definition.name, settings)
        row, details.curves[name], predicted = learning_curve(job, split, definition, most)
        computed.append(row)
        details.predictions[name] = [round(float(value), 3) for value in predicted]
        details.residuals[name] = largest_residuals(tested.energies, predicted, tested.labels)
    protocol = PROTOCOL.format(n=len(split.molecules), seed=settings.seed, test=split.n_test)
    figures = published.energies(whole.name)
    return job.record(EXPERIMENT, protocol, computed, figures, details, started, commit, folder)


def report(result: Result) -> str:
    """The table for a terminal, beside the published figures."""
    return solid_tables.terminal(result)
