"""The experiments that the regression page shows: one for each data set. Knows no Panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from appkit.data.molecules import MoleculeSet
from appkit.experiments import (
    Details,
    Result,
    details_of,
    locality,
    planar_energy,
    qm7_energy,
    qm9_energy,
    solid_tables,
)
from appkit.experiments.curve import Split
from appkit.experiments.joined import joined, joined_details, largest
from appkit.experiments.solid_rows import ROWS
from appkit.experiments.tables import standard_record
from appkit.figures.regression import NAMES

_OVER_FOLDS = "mean ± spread over five folds"


@dataclass(frozen=True)
class Study:
    """An experiment on a data set.

    Attributes
    ----------
    title, dataset : what a person reads, and its name in the catalogue.
    experiment, options : of the command that computes its record.
    rows : names to labels of all rows that the experiment knows.
    first : the row that is shown first.
    errors : what stands in the table, in words.
    """

    title: str
    dataset: str
    experiment: str
    options: str
    rows: Mapping[str, str]
    first: str
    errors: str

    @property
    def planar(self) -> bool:
        """Whether models of it are computed on the page: those in the plane take seconds."""
        return self.experiment == planar_energy.EXPERIMENT

    @property
    def local(self) -> bool:
        """Whether its error is followed against the largest scale."""
        return self.experiment == qm7_energy.EXPERIMENT

    @property
    def command(self) -> str:
        """Computes its record."""
        return f"appkit run {self.experiment}{self.options}"

    def command_with(self, row: str, result: Result) -> str:
        """Computes one row more. In space its record joins those of the same settings."""
        options, rows = self.options, [row]
        if self.planar:
            rows = [*(each.name for each in result.rows), row]
        elif self.experiment == qm9_energy.EXPERIMENT:
            options = f" --molecules {result.parameters['molecules']}"
        return f"appkit run {self.experiment}{options} --rows {','.join(rows)}"

    def record(self) -> tuple[Result, Details] | None:
        """Its record with what figures need, or None."""
        if self.planar:
            result = standard_record(self.dataset)
            details = details_of(result) if result is not None else None
        else:
            records = largest(self.experiment).get(self.dataset, [])
            result = joined(records, self.rows) if records else None
            details = joined_details(records) if records else None
        return None if result is None or details is None else (result, details)

    def locality(self) -> Result | None:
        """The record of the error against the largest scale, or None."""
        return _newest(locality.EXPERIMENT, self.dataset) if self.local else None

    def predicted(self, result: Result, details: Details, whole: MoleculeSet) -> MoleculeSet | None:
        """The molecules that a record predicts, in its order; None where ``whole`` has others.

        A learning curve predicts the molecules that it drew to be tested on. Files of one data set
        may hold more or fewer molecules, so that the energies are compared.
        """
        chosen = whole
        if self.experiment == qm9_energy.EXPERIMENT:
            n = result.parameters["molecules"]
            if n > len(whole):
                return None
            split = Split.drawn(whole, n, result.parameters["seed"])
            chosen = split.molecules.subset(np.arange(split.n_test))
        same = len(chosen) == len(details.energies) and np.allclose(
            chosen.energies, details.energies, rtol=0, atol=0.05
        )
        return chosen if same else None


def _newest(experiment: str, dataset: str) -> Result | None:
    found = (r for r in solid_tables.newest(experiment) if r.dataset == dataset)
    return next(found, None)


def _planar(title: str, dataset: str) -> Study:
    options = f" --dataset {dataset}"
    return Study(
        title, dataset, planar_energy.EXPERIMENT, options, NAMES, "scattering", _OVER_FOLDS
    )


_SOLID_ROWS = {name: row.label for name, row in ROWS.items()}
_QM7 = Study("QM7", "qm7", qm7_energy.EXPERIMENT, "", _SOLID_ROWS, "linear", _OVER_FOLDS)
_QM9 = Study(
    "QM9",
    "qm9",
    qm9_energy.EXPERIMENT,
    " --molecules 10000",
    _SOLID_ROWS,
    "linear",
    "mean absolute errors on molecules kept apart",
)
STUDIES = {
    study.dataset: study
    for study in (
        _planar("Embedded planar set", "embedded"),
        _planar("QM7-2D", "qm7_2d"),
        _planar("QM2D", "qm_2d"),
        _QM7,
        _QM9,
    )
}
#: Names of all rows of all studies.
ALL_ROWS = list(dict.fromkeys(name for study in STUDIES.values() for name in study.rows))
