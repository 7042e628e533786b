"""What all dictionaries Φ(x) share: names of their features, and checks of what they are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
import psutil
import torch
from ase import Atoms
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from appkit.memory import gigabytes
from appkit.scattering.threads import one_thread

Item = TypeVar("Item")
#: Å; nuclei nearer than this lie on one point.
COINCIDENT = 1e-3
#: What is computed at once, a molecule for each job, may take this many bytes: 16 GB, or two thirds
#: of a smaller machine's memory.
MOLECULE_BYTES = min(16_000_000_000, 2 * psutil.virtual_memory().total // 3)


class Dictionary(TransformerMixin, BaseEstimator):
    """A transformer whose features are named by the frame ``features_``."""

    features_: pd.DataFrame

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names such as ``valence|j=1|j2=3|theta=0.39|q=1``, shape ``(P,)``."""
        check_is_fitted(self, "features_")
        names = []
        for _, row in self.features_.iterrows():
            told = row.drop(["channel", "order"]).dropna()
            names.append(
                "|".join([str(row["channel"]), *(f"{c}={_short(v)}" for c, v in told.items())])
            )
        return np.array(names, dtype=object)


def _short(value: object) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"


def in_parallel(
    invariants: Callable[[Item], torch.Tensor], items: Sequence[Item], n_jobs: int | None
) -> NDArray[np.float64]:
    """Features ``(n, P)`` of n items: ``n_jobs`` at once, one thread each, without gradients."""

    def row(item: Item) -> NDArray[np.float64]:
        with one_thread(), torch.no_grad():
            return np.asarray(invariants(item).cpu().numpy(), dtype=np.float64)

    return np.stack(Parallel(n_jobs, require="sharedmem")(delayed(row)(item) for item in items))


def check_bytes(each: float, where: str, advice: str, kind: str = "molecule") -> None:
    """Raise ``ValueError`` where a molecule's arrays would pass `MOLECULE_BYTES`."""
    if each > MOLECULE_BYTES:
        raise ValueError(
            f"The largest {kind} needs {gigabytes(each)} {where}, over "
            f"{gigabytes(MOLECULE_BYTES)}: {advice}."
        )


def check_jobs(sizes: Sequence[float], n_jobs: int | None, where: str) -> None:
    """Raise ``ValueError`` where the molecules at once, of these bytes each, are too large."""
    largest = np.cumsum(sorted(sizes, reverse=True)[: effective_n_jobs(n_jobs)])
    if largest[-1] > MOLECULE_BYTES:
        raise ValueError(
            f"With n_jobs = {n_jobs} the {len(largest)} largest of the list may be computed at "
            f"once and need {gigabytes(float(largest[-1]))} {where}, over "
            f"{gigabytes(MOLECULE_BYTES)}: take n_jobs = "
            f"{np.count_nonzero(largest <= MOLECULE_BYTES)}."
        )


def check_apart(
    molecule: Atoms, i: int, positions: NDArray[np.float64], where: str = "", advice: str = ""
) -> None:
    """Raise ``ValueError`` where two atoms of molecule ``i`` lie on one point, at ``positions``."""
    for k, l in sorted(cKDTree(positions).query_pairs(COINCIDENT))[:1]:
        raise coincident(molecule, i, k, l, where, advice)


def coincident(
    molecule: Atoms, i: int, k: int, l: int, where: str = "", advice: str = ""
) -> ValueError:
    """What to raise where atoms k and l of molecule ``i`` lie on one point."""
    symbols = molecule.get_chemical_symbols()
    return ValueError(
        f"Molecule {i} ({molecule.get_chemical_formula()}): atoms {k} ({symbols[k]}) and "
        f"{l} ({symbols[l]}) coincide{where}. Correct the positions{advice}."
    )
