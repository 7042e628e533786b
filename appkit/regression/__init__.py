"""Regression of energies on dictionaries of invariants (scikit-learn estimators)."""

from appkit.regression.average import ChosenAverage
from appkit.regression.axes import ScaledAxes
from appkit.regression.bagging import BaggedOLS
from appkit.regression.kernel import KernelRegression
from appkit.regression.metrics import mae, rmse
from appkit.regression.multilinear import MultilinearRegression
from appkit.regression.ols import OrthogonalLeastSquares
from appkit.regression.protocol import Cancelled, FoldErrors, cross_validate_folds
from appkit.regression.residual import (
    BilinearTerms,
    ResidualRegressor,
    SelectedTerms,
    standardised_kernel,
    standardised_ridge,
)

__all__ = [
    "BaggedOLS",
    "BilinearTerms",
    "Cancelled",
    "ChosenAverage",
    "FoldErrors",
    "KernelRegression",
    "MultilinearRegression",
    "OrthogonalLeastSquares",
    "ResidualRegressor",
    "ScaledAxes",
    "SelectedTerms",
    "cross_validate_folds",
    "mae",
    "rmse",
    "standardised_kernel",
    "standardised_ridge",
]
