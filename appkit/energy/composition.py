"""The composition of molecules: how many atoms of each element."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from appkit.energy.geometry import check_list


class Composition(TransformerMixin, BaseEstimator):
    """Numbers of atoms of each element, (n, E) for E elements in the order of their charge.

    As the first part of a FeatureUnion it feeds the baseline of a `ResidualRegressor`.

    Parameters
    ----------
    elements : symbols to count; None: those which `fit` sees

    Raises
    ------
    ValueError
        By `transform`, for a molecule with an element that is not counted; by `fit`, for an
        unknown symbol; by both, for no molecules, an empty one, or coordinates that are not finite.
    """

    def __init__(self, elements: Sequence[str] | None = None) -> None:
        self.elements = elements

    def fit(self, molecules: Sequence[Atoms], y: Any = None) -> Composition:
        """Learn the elements."""
        check_list(molecules)
        symbols = self.elements
        if symbols is None:
            symbols = [chemical_symbols[z] for atoms in molecules for z in atoms.numbers]
        unknown = sorted(set(symbols) - set(atomic_numbers))
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: no such element.")
        self._numbers = np.unique([atomic_numbers[symbol] for symbol in symbols])
        self.elements_ = [chemical_symbols[z] for z in self._numbers]
        return self

    def transform(self, molecules: Sequence[Atoms]) -> NDArray[np.float64]:
        """Counts (n, E)."""
        check_is_fitted(self, "elements_")
        check_list(molecules)
        counts = np.zeros((len(molecules), len(self._numbers)))
        for i, atoms in enumerate(molecules):
            counts[i] = (atoms.numbers[:, None] == self._numbers).sum(axis=0)
            if counts[i].sum() < len(atoms):
                strange = sorted(set(atoms.get_chemical_symbols()) - set(self.elements_))
                raise ValueError(
                    f"Molecule {i} ({atoms.get_chemical_formula()}) contains {', '.join(strange)}; "
                    f"the composition counts {', '.join(self.elements_)}."
                )
        return counts

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names such as "n_C"."""
        check_is_fitted(self, "elements_")
        return np.array([f"n_{symbol}" for symbol in self.elements_], dtype=object)
