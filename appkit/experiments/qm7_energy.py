"""QM7: energies of 7,165 molecules from solid harmonic scattering, and from other descriptors.

`run` computes the rows by the five folds of the data set. Source: Eickenberg, Exarchakis, Hirn,
Mallat, Thiry, J. Chem. Phys. 148, 241732 (2018).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from appkit.data import MoleculeSet, load_molecules
from appkit.experiments import published, solid_tables
from appkit.experiments.compute import Progress
from appkit.experiments.job import Job, chosen_rows
from appkit.experiments.result import Result
from appkit.experiments.solid_rows import ROWS, USUAL, settings_from

EXPERIMENT = "qm7-energy"

PROTOCOL = (
    "The data set's own folds: each is predicted once by models trained on the others. Widths, "
    "ridges, numbers of terms and epochs are chosen inside the training folds; how the rows of "
    "joint moments are built (degrees, scales, powers of the axes) was found on 3,000 molecules of "
    "QM7 drawn from all folds. Mean and standard deviation (divided by n) over the test folds, "
    "kcal/mol."
)


def run(
    dataset: str | MoleculeSet = "qm7",
    *,
    rows: Sequence[str] | None = None,
    cluster: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    folder: Path | None = None,
    **given: Any,
) -> Result:
    """Compute the table's rows, write their record, and return it.

    Parameters
    ----------
    dataset
        "qm7", or any set of molecules with folds.
    rows
        Names of `ROWS`; None is `USUAL`.
    cluster, workers
        A dask scheduler's address, or the number of local processes.
    progress, cancel
        Called after each batch of molecules and each fold; looked at between them.
    folder
        Where the record goes, by default `appkit.experiments.files.results_folder`.
    given
        Of `SolidSettings`; what is not given has its default.

    Raises
    ------
    ValueError
        Bad parameters, a grid over the memory budget (`memory.OverBudget`), a store that another
        process writes (`StoreLocked`).
    Cancelled
        ``cancel`` was set. What was done is kept: the same call goes on from there.
    """
    definitions = chosen_rows(ROWS, USUAL if rows is None else rows)
    molecules = load_molecules(dataset) if isinstance(dataset, str) else dataset
    job = Job(molecules, settings_from(given), cluster, workers, progress, cancel)
    figures = published.energies(molecules.name)
    return job.run(EXPERIMENT, PROTOCOL, definitions, figures, folder)


def report(result: Result) -> str:
    """The table for a terminal, beside the published figures."""
    return solid_tables.terminal(result)
