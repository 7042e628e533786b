"""The talk's table: planar molecules' energies from Fourier, wavelet, Coulomb, scattering.

`run` computes the rows by the five-fold protocol and writes a record; `report` prints it beside
the published figures. Source: Hirn, Mallat & Poilvert, MMS 15(2) 827–863 (2017), sections 4–7.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from appkit.data import MoleculeSet, load_molecules
from appkit.experiments import published, tables
from appkit.experiments.compute import Progress
from appkit.experiments.job import Job, chosen_rows
from appkit.experiments.planar_rows import ROWS, settings_for
from appkit.experiments.result import Result

EXPERIMENT = "planar-energy"

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
    definitions = chosen_rows(ROWS, rows)
    molecules = load_molecules(dataset) if isinstance(dataset, str) else dataset
    settings = settings_for(
        molecules.name,
        preset,
        channels=None if channels is None else tuple(channels),
        J=J, L=L, step=step, terms=terms, bags=bags, fraction=fraction, seed=seed, device=device,
    )  # fmt: skip
    job = Job(molecules, settings, cluster, workers, progress, cancel)
    protocol = PROTOCOL.format(
        bags=settings.bags, percent=100 * settings.fraction, terms=settings.longest
    )
    figures = published.planar_energies(molecules.name)
    return job.run(EXPERIMENT, protocol, definitions, figures, folder)


def report(result: Result) -> str:
    """The table for a terminal: ours beside the talk's and the paper's."""
    return tables.terminal(result)
