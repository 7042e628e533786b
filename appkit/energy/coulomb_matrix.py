"""The Coulomb matrix of a molecule, its orderings, and the jump that sorting makes.

C_kk = ½ z_k^2.4 and C_kl = z_k z_l / |r_k − r_l| with distances in bohr (Rupp, Tkatchenko, Müller,
von Lilienfeld, Phys. Rev. Lett. 108, 058301, 2012, eq. 1), padded with zeros to the largest
molecule. Its rows follow the order in which the atoms are listed, so an order has to be chosen:
by decreasing row norm, or by norms shaken with N(0, 1) noise, several copies for each molecule
(Montavon et al., NIPS 2012; Hansen et al., J. Chem. Theory Comput. 9, 3404, 2013).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from ase import Atoms
from ase.units import Bohr
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from appkit.energy.geometry import check_list

Array = NDArray[np.float64]

PERMUTATIONS = ("sorted", "random", "none", "eigenspectrum")
COINCIDENT = 1e-10  # Å


class CoulombMatrix(TransformerMixin, BaseEstimator):
    """Coulomb matrices of molecules as feature vectors (n, P).

    Parameters
    ----------
    permutation : the order of the atoms
        "sorted": by decreasing row norm; "random": `n_copies` orders by row norm + N(0, 1) noise,
        the copies' features side by side in one row; "none": as listed; "eigenspectrum": no
        order needed, the eigenvalues by decreasing modulus.
    n_copies : copies for each molecule, used by "random" alone
    n_atoms_max : K, the number of rows after padding; None: the largest molecule of `fit`
    seed : of the noise. A molecule's noise depends on the seed and on its own row norms, not on
        the other molecules, so that its copies are the same in every batch.
    min_distance : Å; pairs closer than this count as this far apart. None: as they are.
    coincident : what two atoms less than 1e-10 Å apart get (without `min_distance`)
        "error", or "zero": an entry 0, as in the published matrices of QM7-2D, where the
        projection puts two hydrogens of three molecules on one point.

    Attributes
    ----------
    n_atoms_ : K
    features_ : frame with a row for each feature: copy, row, column (or copy, eigenvalue)

    Raises
    ------
    ValueError
        By `fit` and `transform`: no molecules, an empty molecule, coordinates that are not finite,
        an atom without charge, coincident atoms, or more atoms than K; the message names the
        molecule.
    """

    def __init__(
        self,
        permutation: str = "sorted",
        n_copies: int = 8,
        n_atoms_max: int | None = None,
        seed: int = 0,
        min_distance: float | None = None,
        coincident: str = "error",
    ) -> None:
        self.permutation = permutation
        self.n_copies = n_copies
        self.n_atoms_max = n_atoms_max
        self.seed = seed
        self.min_distance = min_distance
        self.coincident = coincident

    def fit(self, molecules: Sequence[Atoms], y: Any = None) -> CoulombMatrix:
        """Learn the number of rows from the molecules."""
        if self.permutation not in PERMUTATIONS:
            known = ", ".join(PERMUTATIONS)
            raise ValueError(f"permutation {self.permutation!r} is unknown; choose among {known}.")
        if self.coincident not in ("error", "zero"):
            raise ValueError(f'coincident must be "error" or "zero", not {self.coincident!r}.')
        if self.n_copies < 1:
            raise ValueError(f"n_copies must be at least 1, not {self.n_copies}.")
        self.n_atoms_ = self.n_atoms_max or max(_sizes(molecules))
        self.features_ = self._features()
        return self

    def transform(self, molecules: Sequence[Atoms]) -> Array:
        """Features (n, P): P = K(K+1)/2 (times `n_copies` if random), K for the eigenspectrum."""
        check_is_fitted(self)
        matrices = coulomb_matrices(molecules, self.n_atoms_, self.min_distance, self.coincident)
        if self.permutation == "eigenspectrum":
            return _eigenspectrum(matrices)
        if self.permutation == "random":
            return np.concatenate(self._shaken(matrices, _sizes(molecules)), axis=1)
        return upper_triangle(sort_rows(matrices) if self.permutation == "sorted" else matrices)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names such as "coulomb_0_3", with a copy's number in front if there are several."""
        check_is_fitted(self)
        columns = [c for c in self.features_ if c != "copy" or self.permutation == "random"]
        names = self.features_[columns].astype(str).agg("_".join, axis=1)
        return ("coulomb_" + names).to_numpy(dtype=object)

    def _features(self) -> pd.DataFrame:
        if self.permutation == "eigenspectrum":
            return pd.DataFrame({"copy": 0, "eigenvalue": np.arange(self.n_atoms_)})
        rows, columns = np.triu_indices(self.n_atoms_)
        one = pd.DataFrame({"row": rows, "column": columns})
        copies = range(self.n_copies if self.permutation == "random" else 1)
        frames = [one.assign(copy=copy)[["copy", "row", "column"]] for copy in copies]
        return pd.concat(frames, ignore_index=True)

    def _shaken(self, matrices: Array, sizes: Sequence[int]) -> list[Array]:
        matrices = sort_rows(matrices)  # first, so that the order of listing has no influence
        norms = np.linalg.norm(matrices, axis=2)
        norms[np.arange(self.n_atoms_) >= np.array(sizes)[:, None]] = -np.inf  # padding stays last
        noise = np.zeros((self.n_copies, *norms.shape))
        for i, size in enumerate(sizes):
            own = zlib.crc32(norms[i, :size].astype(np.float32).tobytes())
            noise[:, i, :size] = np.random.default_rng([self.seed, own]).normal(
                size=(self.n_copies, size)
            )
        return [upper_triangle(_reordered(matrices, norms + shake)) for shake in noise]


def coulomb_matrices(
    molecules: Sequence[Atoms],
    n_atoms: int | None = None,
    min_distance: float | None = None,
    coincident: str = "error",
) -> Array:
    """Coulomb matrices (n, K, K) in atomic units, atoms as listed, padded to K = `n_atoms`.

    Raises ValueError as `CoulombMatrix` does.
    """
    sizes = _sizes(molecules)
    n_atoms = n_atoms or max(sizes)
    if max(sizes) > n_atoms:
        i = int(np.argmax(sizes))
        raise ValueError(
            f"Molecule {i} ({molecules[i].get_chemical_formula()}) has {sizes[i]} atoms, more than "
            f"the {n_atoms} rows of the Coulomb matrix: set n_atoms_max to {sizes[i]} or more."
        )
    charges = np.zeros((len(molecules), n_atoms))
    positions = np.zeros((len(molecules), n_atoms, 3))
    for i, atoms in enumerate(molecules):
        charges[i, : sizes[i]] = atoms.numbers
        positions[i, : sizes[i]] = atoms.positions
    distances = np.linalg.norm(positions[:, :, None] - positions[:, None], axis=3)
    diagonal = np.arange(n_atoms)
    distances[:, diagonal, diagonal] = np.inf
    pairs = charges[:, :, None] * charges[:, None]
    distances[pairs == 0.0] = np.inf  # padding
    if min_distance is not None:
        distances = np.maximum(distances, min_distance)
    elif coincident == "error":
        _refuse_coincident(molecules, distances)
    distances[distances < COINCIDENT] = np.inf
    matrices = pairs / (distances / Bohr)
    matrices[:, diagonal, diagonal] = 0.5 * charges**2.4
    return matrices


def sort_rows(matrices: Array) -> Array:
    """Rows and columns of each matrix (n, K, K) by decreasing row norm."""
    return _reordered(matrices, np.linalg.norm(matrices, axis=2))


def upper_triangle(matrices: Array) -> Array:
    """The K(K+1)/2 entries on and above the diagonal, (n, K, K) -> (n, P)."""
    rows, columns = np.triu_indices(matrices.shape[1])
    return matrices[:, rows, columns]


def sorting_jump(start: Atoms, end: Atoms, n_steps: int = 200) -> pd.DataFrame:
    """How the Coulomb matrix moves while the atoms go straight from `start` to `end`.

    The matrix in a fixed order moves continuously; the sorted one jumps where two row norms cross,
    by a step which does not shrink with the atoms' step.

    Returns a frame with a row for each of the `n_steps` steps: `t` in (0, 1] at its end, `fixed`
    and `sorted` (Frobenius norms of the change over the step, atomic units), `crossing` (whether
    the order changed). Raises ValueError unless both list the same atoms in the same order.
    """
    if len(start) != len(end) or not np.array_equal(start.numbers, end.numbers):
        raise ValueError("start and end must list the same atoms in the same order.")
    t = np.linspace(0.0, 1.0, n_steps + 1)
    path = [Atoms(start.numbers, (1 - s) * start.positions + s * end.positions) for s in t]
    matrices = coulomb_matrices(path)
    order = np.argsort(-np.linalg.norm(matrices, axis=2), axis=1, kind="stable")
    change = {
        name: np.linalg.norm(np.diff(values, axis=0), axis=(1, 2))
        for name, values in (("fixed", matrices), ("sorted", sort_rows(matrices)))
    }
    crossing = (np.diff(order, axis=0) != 0).any(axis=1)
    return pd.DataFrame({"t": t[1:], **change, "crossing": crossing})


def _reordered(matrices: Array, keys: NDArray) -> Array:
    """Rows and columns of each matrix (n, K, K) by decreasing key (n, K)."""
    order = np.argsort(-keys, axis=1, kind="stable")
    each = np.arange(len(matrices))[:, None, None]
    return matrices[each, order[:, :, None], order[:, None, :]]


def _eigenspectrum(matrices: Array) -> Array:
    eigenvalues = np.asarray(np.linalg.eigvalsh(matrices), dtype=np.float64)
    order = np.argsort(-np.abs(eigenvalues), axis=1, kind="stable")
    return np.take_along_axis(eigenvalues, order, axis=1)


def _sizes(molecules: Sequence[Atoms]) -> list[int]:
    check_list(molecules)
    return [len(atoms) for atoms in molecules]


def _refuse_coincident(molecules: Sequence[Atoms], distances: Array) -> None:
    if distances.min() >= COINCIDENT:
        return
    i, k, l = (int(index) for index in np.unravel_index(np.argmin(distances), distances.shape))
    symbols = molecules[i].get_chemical_symbols()
    raise ValueError(
        f"Molecule {i} ({molecules[i].get_chemical_formula()}): atoms {k} ({symbols[k]}) and {l} "
        f"({symbols[l]}) coincide, they are {distances[i, k, l]:.1e} Å apart. Correct the "
        "positions, set min_distance to count close pairs as that far apart, or "
        'coincident="zero" to leave such pairs out.'
    )
