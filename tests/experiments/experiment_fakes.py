"""A small dictionary that stands in for the real ones: what is tested here is the machinery."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms
from sklearn.base import BaseEstimator, TransformerMixin


class PairPowers(TransformerMixin, BaseEstimator):
    """Sums over pairs of z z' exp(-r a): P features, each molecule apart."""

    def __init__(self, n_features=5, device="cpu"):
        self.n_features = n_features
        self.device = device

    def fit(self, molecules, y=None):
        self.rates_ = np.linspace(0.2, 2.0, self.n_features)
        self.features_ = pd.DataFrame({"order": 1, "channel": "pair", "j": range(self.n_features)})
        return self

    def transform(self, molecules):
        return np.array([self._one(x) for x in molecules])

    def _one(self, x):
        z, r = x.numbers.astype(float), x.get_all_distances()
        return np.array([(z[:, None] * z * np.exp(-a * r)).sum() for a in self.rates_])

    def get_feature_names_out(self, input_features=None):
        return np.array([f"pair{j}" for j in range(self.n_features)], dtype=object)


def molecules(n, seed=0):
    """n random planar clusters of C, N, O."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        size = random.integers(2, 7)
        positions = np.zeros((size, 3))
        positions[:, :2] = random.uniform(-3, 3, (size, 2))
        made.append(Atoms(numbers=random.choice([6, 7, 8], size), positions=positions))
    return made


class Deadly(PairPowers):
    """Ends its process at its first molecule, as often as a file has lines; they are then fewer."""

    def __init__(self, lives, n_features=5, device="cpu"):
        super().__init__(n_features, device)
        self.lives = lives

    def transform(self, molecules):
        left = Path(self.lives).read_text().splitlines()
        if left:
            Path(self.lives).write_text("\n".join(left[1:]))
            os._exit(1)
        return super().transform(molecules)
