"""Regression of energies on dictionaries of invariants (scikit-learn estimators)."""

from appkit.regression.bagging import BaggedOLS
from appkit.regression.ols import OrthogonalLeastSquares

__all__ = ["BaggedOLS", "OrthogonalLeastSquares"]
