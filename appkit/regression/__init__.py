"""Regression of energies on dictionaries of invariants (scikit-learn estimators)."""

from appkit.regression.ols import OrthogonalLeastSquares

__all__ = ["OrthogonalLeastSquares"]
