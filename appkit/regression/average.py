"""An average of models, chosen inside the training set."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.model_selection import KFold, cross_val_predict

from appkit.regression.inputs import new_samples, training_data
from appkit.regression.metrics import checked_metric


class ChosenAverage(RegressorMixin, BaseEstimator):
    """The mean of those models whose mean predicts best what they have not seen.

    Every model predicts the training samples by k folds; of all non-empty subsets of the models,
    the one whose mean has the least error there is fitted again on all training samples. So the
    choice sees nothing but the training set.

    Parameters
    ----------
    models : list of pairs (name, regressor)
    n_folds : k
    metric : "mae" or "rmse"; the first is the steadier where a few samples are far off
    random_state : seed of the folds

    Attributes
    ----------
    chosen_ : names of the models in the mean
    errors_ : dict from each subset's names to its error over the k folds, in the unit of y
    models_ : the fitted models, in the order of `chosen_`

    Raises
    ------
    ValueError
        By `fit`, without models, or with fewer samples than folds.
    """

    def __init__(
        self,
        models: Sequence[tuple[str, Any]] = (),
        n_folds: int = 5,
        metric: str = "mae",
        random_state: int | None = 0,
    ) -> None:
        self.models = models
        self.n_folds = n_folds
        self.metric = metric
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> ChosenAverage:
        """Choose on X (n, P), y (n,), and fit."""
        X, y = training_data(self, X, y)
        measure, models = checked_metric(self.metric), dict(self.models)
        if not models:
            raise ValueError("There are no models to choose from.")
        folds = KFold(self.n_folds, shuffle=True, random_state=self.random_state)
        unseen = {
            name: cross_val_predict(clone(model), X, y, cv=folds) for name, model in models.items()
        }
        self.errors_ = {
            names: float(measure(np.mean([unseen[name] for name in names], axis=0) - y))
            for size in range(1, len(models) + 1)
            for names in combinations(models, size)
        }
        self.chosen_ = min(self.errors_, key=lambda names: self.errors_[names])
        self.models_ = [clone(models[name]).fit(X, y) for name in self.chosen_]
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Mean of the chosen models' predictions (n,)."""
        X = new_samples(self, X)
        return np.mean([model.predict(X) for model in self.models_], axis=0)
