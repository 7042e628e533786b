"""Small parts for models beyond a sparse linear one: composed as scikit-learn pipelines.

    ResidualRegressor(LinearRegression(), BaggedOLS(), n_baseline=5)    composition first, then Φ
    make_pipeline(SelectedTerms(100), BilinearTerms(30), BaggedOLS())   products of invariants
    standardised_kernel("gaussian", n_terms=200)                        kernel on chosen invariants

Every choice is made inside `fit`, that is inside the training folds.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from appkit.regression.inputs import new_samples, training_data
from appkit.regression.kernel import KernelRegression
from appkit.regression.ols import OrthogonalLeastSquares

Array = NDArray[np.float64]


class ResidualRegressor(RegressorMixin, BaseEstimator):
    """A baseline on the first columns, and a model of what it leaves: f = f_baseline + f_model.

    Parameters
    ----------
    baseline : regressor on the first `n_baseline` columns (default: ordinary least squares)
    model : regressor of the residual on the remaining columns (default: KernelRegression)
    n_baseline : the number of the baseline's columns; None: both see all columns
    n_folds : None: residuals of the training fit, right for a baseline of few parameters;
        k: residuals of samples left out of k folds, right for a baseline that fits closely

    Attributes
    ----------
    baseline_, model_ : the fitted parts
    """

    def __init__(
        self,
        baseline: Any = None,
        model: Any = None,
        n_baseline: int | None = None,
        n_folds: int | None = None,
    ) -> None:
        self.baseline = baseline
        self.model = model
        self.n_baseline = n_baseline
        self.n_folds = n_folds

    def fit(self, X: ArrayLike, y: ArrayLike) -> ResidualRegressor:
        """Fit the baseline on X[:, :n_baseline], the model on the rest and the residual."""
        X, y = training_data(self, X, y)
        if self.n_baseline is not None and not 0 < self.n_baseline < X.shape[1]:
            raise ValueError(
                f"n_baseline = {self.n_baseline} must leave columns on both sides: X has "
                f"{X.shape[1]}."
            )
        first, rest = self._split(X)
        self.baseline_ = clone(LinearRegression() if self.baseline is None else self.baseline)
        self.model_ = clone(KernelRegression() if self.model is None else self.model)
        if self.n_folds is None:
            explained = self.baseline_.fit(first, y).predict(first)
        else:
            folds = KFold(self.n_folds, shuffle=True, random_state=0)
            explained = cross_val_predict(clone(self.baseline_), first, y, cv=folds)
            self.baseline_.fit(first, y)
        self.model_.fit(rest, y - explained)
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Sum of both parts' predictions (n,)."""
        first, rest = self._split(new_samples(self, X))
        return self.baseline_.predict(first) + self.model_.predict(rest)

    def _split(self, X: Array) -> tuple[Array, Array]:
        if self.n_baseline is None:
            return X, X
        return X[:, : self.n_baseline], X[:, self.n_baseline :]


class SelectedTerms(TransformerMixin, BaseEstimator):
    """The columns that orthogonal least squares selects for y, in the order of selection.

    Parameters
    ----------
    n_terms : how many; fewer where the training set or the dictionary has fewer

    Attributes
    ----------
    selected_ : their numbers
    """

    def __init__(self, n_terms: int = 100) -> None:
        self.n_terms = n_terms

    def fit(self, X: ArrayLike, y: ArrayLike) -> SelectedTerms:
        """Select on X (n, P), y (n,)."""
        X, y = training_data(self, X, y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer terms are allowed here
            model = OrthogonalLeastSquares(min(self.n_terms, *X.shape)).fit(X, y)
        self.selected_ = model.selected_ if model.n_terms_ else np.arange(1)
        return self

    def transform(self, X: ArrayLike) -> Array:
        """X[:, selected_]."""
        return new_samples(self, X)[:, self.selected_]

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the selected columns."""
        check_is_fitted(self)
        if input_features is None:
            input_features = getattr(
                self, "feature_names_in_", [f"x{k}" for k in range(self.n_features_in_)]
            )
        return np.asarray(input_features, dtype=object)[self.selected_]


class BilinearTerms(TransformerMixin, BaseEstimator):
    """X with the products of its first columns appended: [1, X, z_k z_l for k ≤ l < n_factors].

    The factors z are the columns standardised over the training set: products of raw, nearly
    parallel columns would be nearly parallel again. The column 1 restores the constant.

    Parameters
    ----------
    n_factors : number of leading columns that are multiplied, fewer where X has fewer
    """

    def __init__(self, n_factors: int = 30) -> None:
        self.n_factors = n_factors

    def fit(self, X: ArrayLike, y: Any = None) -> BilinearTerms:
        """Learn mean and deviation of the factors."""
        X = np.asarray(validate_data(self, X, dtype=np.float64))
        self._scaler = StandardScaler().fit(X[:, : self.n_factors])
        return self

    def transform(self, X: ArrayLike) -> Array:
        """(n, 1 + P + F(F+1)/2) with F = min(n_factors, P)."""
        X = new_samples(self, X)
        factors = self._scaler.transform(X[:, : self.n_factors])
        rows, columns = np.triu_indices(factors.shape[1])
        return np.hstack([np.ones((len(X), 1)), X, factors[:, rows] * factors[:, columns]])


def standardised_kernel(
    kernel: str = "gaussian", n_terms: int | None = None, metric: str = "mae", power: float = 1.0
) -> Pipeline:
    """Kernel ridge on standardised invariants: [selection,] x ↦ sign(x)|x|^power, scaling, kernel.

    `n_terms` invariants are selected by orthogonal least squares first; None keeps all. Width and
    ridge are chosen as in `KernelRegression`.
    """
    steps: list[Any] = [] if n_terms is None else [SelectedTerms(n_terms)]
    return make_pipeline(*steps, *_scaling(power), KernelRegression(kernel, metric=metric))


def standardised_ridge(power: float = 1.0) -> Pipeline:
    """Ridge regression on standardised invariants; the ridge by leave-one-out in closed form."""
    # By one SVD: for more samples than features, scikit-learn would make a product of matrices for
    # each ridge.
    return make_pipeline(*_scaling(power), RidgeCV(np.logspace(-9, 6, 31), gcv_mode="svd"))


def _scaling(power: float) -> list[Any]:
    if power == 1.0:
        return [StandardScaler()]
    return [FunctionTransformer(signed_power, kw_args={"power": power}), StandardScaler()]


def signed_power(X: ArrayLike, power: float = 0.5) -> Array:
    """sign(x) |x|^power, which narrows the range of pooled powers; `power` above 0."""
    if power <= 0.0:
        raise ValueError(f"power must be above 0, not {power}.")
    X = np.asarray(X, dtype=np.float64)
    return np.sign(X) * np.abs(X) ** power
