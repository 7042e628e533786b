"""What is in front of a person on the regression page. Knows no Panel."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from appkit.dashboards import explorer
from appkit.dashboards.explorer import Model
from appkit.dashboards.live_models import Live
from appkit.dashboards.studies import Study
from appkit.data.molecules import MoleculeSet
from appkit.experiments import Details, Result
from appkit.figures.curves import Errors, learning_errors, locality_errors
from appkit.figures.regression import ErrorPath


@dataclass(frozen=True)
class Front:
    """A study with its record, its molecules and the newest model that was computed live.

    Attributes
    ----------
    study : the experiment on the chosen data set.
    record, locality : None where there is none.
    molecules : the whole data set; None before it is read and where its file is not here.
    predicted : the molecules that the record predicts; None where they are not known.
    live : computed for one dictionary and its channels.
    """

    study: Study
    record: tuple[Result, Details] | None = None
    locality: Result | None = None
    molecules: MoleculeSet | None = None
    predicted: MoleculeSet | None = None
    live: Live | None = None

    @classmethod
    def recorded(cls, study: Study) -> Front:
        """With the study's records, from disk."""
        return cls(study, study.record(), study.locality())

    def with_molecules(self) -> Front:
        """With the molecules, read where their file is on this machine; of QM9 takes seconds."""
        whole = explorer.molecules_or_none(self.study.dataset)
        if whole is None or self.record is None:
            return replace(self, molecules=whole)
        predicted = self.study.predicted(*self.record, whole)
        if predicted is not None:
            explorer.formulas(predicted)
        return replace(self, molecules=whole, predicted=predicted)

    @property
    def result(self) -> Result | None:
        """The record without its details."""
        return self.record[0] if self.record else None

    @property
    def mistaken(self) -> bool:
        """Whether the file on this machine has other molecules than the record."""
        return None not in (self.molecules, self.record) and self.predicted is None

    def fitting(self, name: str, channels: tuple[str, ...]) -> Live | None:
        """The live model, if it is that of a dictionary with these channels."""
        fits = self.live is not None and (self.live.name, self.live.channels) == (name, channels)
        return self.live if fits else None

    def model(self, name: str, channels: tuple[str, ...], m: int) -> Model | None:
        """The live model with m terms where it fits, else the record's; None where it has none."""
        live = self.fitting(name, channels)
        if live is not None:
            return live.model(m)
        if self.record is None or name not in self.record[1].predictions:
            return None
        names = explorer.formulas(self.predicted) if self.predicted is not None else None
        return explorer.recorded(*self.record, name, names)

    def paths(self, name: str, channels: tuple[str, ...]) -> list[ErrorPath]:
        """Errors against M, with the level of a row without terms beside them.

        In the plane that is the Coulomb matrix's, in space that of the row in front: there are too
        many for one figure. None where nothing has terms.
        """
        level = "coulomb" if self.study.planar else name
        found = explorer.paths(*self.record, [level]) if self.record else []
        if not self.study.planar:
            found = [replace(p, title="The model in front") if p.level else p for p in found]
        live = self.fitting(name, channels)
        if live is not None:
            found = [path for path in found if path.name != live.name] + [live.path]
        return found if any(not path.level for path in found) else []

    def learning_curves(self) -> list[Errors]:
        """Of the record; empty where it has none."""
        return learning_errors(*self.record, self.study.rows) if self.record else []

    def locality_curves(self) -> list[Errors]:
        """Of the record; empty where there is none."""
        return locality_errors(self.locality, self.study.rows) if self.locality else []

    def seen(self, live: Live | None) -> MoleculeSet | None:
        """The molecules that a model predicts, in its order; None where they are not known."""
        return self.predicted if live is None else live.molecules

    def energies(self, live: Live | None) -> NDArray[np.float64]:
        """Of the molecules that a model predicts, kcal/mol; none without record and model."""
        if live is not None:
            return live.molecules.energies
        return np.asarray(self.record[1].energies if self.record else [], dtype=float)
