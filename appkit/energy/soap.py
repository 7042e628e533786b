"""SOAP kernels of molecules on landmark environments, and ridge regression with them.

An atom's environment has the SOAP power spectrum p (dscribe), of unit norm here. Molecules compare
by sums over their atoms, K(A, B) = Σ_{i∈A, j∈B} (p_i · p_j)^ζ. That kernel is taken on a subset of
the training environments, the landmarks, so that its cost grows as n and not as n².
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.linear_model import RidgeCV
from sklearn.utils.validation import check_is_fitted

from appkit.compat import mend_dscribe
from appkit.energy.composition import Composition
from appkit.energy.dictionary import MOLECULE_BYTES
from appkit.energy.schnet import checked_energies
from appkit.energy.solid_harmonic import check_volumes

Array = NDArray[np.float64]

KERNELS = ("sum", "average")
_CHUNK_BYTES = 200_000_000  # of power spectra held at once
# By one SVD: for more samples than features, scikit-learn would make a matrix product for each.
_RIDGES = np.logspace(-9, 3, 25)
_INDEPENDENT = 1e-10  # of the largest eigenvalue; below, landmarks repeat each other


class SOAPKernel(TransformerMixin, BaseEstimator):
    """Features Φ (n, M) of molecules with Φ Φᵀ ≈ K, the SOAP kernel Σ_ij (p_i · p_j)^ζ.

    With M landmark environments p_m of the training molecules, Φ(A) = [Σ_i (p_i · p_m)^ζ]_m
    K_MM^{-1/2}: K is projected on what the landmarks span (Nyström; sparse GAP in potentials). It
    is exact where all environments are landmarks. A linear model of Φ, such as ridge regression,
    is kernel ridge regression with that kernel.

    Parameters
    ----------
    kernel : "sum", which is extensive as an energy is, or "average": divided by the two numbers of
        atoms
    zeta : ζ above 0
    cutoff : Å, the radius of an environment
    n_max, l_max : radial functions and largest degree; the power spectrum of E elements has
        E n_max (E n_max + 1) / 2 · (l_max + 1) entries
    sigma : Å, the width of the atoms' Gaussians
    n_landmarks : M, or fewer where there are fewer environments; each element gets the same share
        as far as it has that many
    seed : of the draw of the landmarks

    Attributes
    ----------
    elements_ : of the training molecules
    landmarks_ : (M, entries) their power spectra

    Raises
    ------
    ValueError
        for bad parameters or molecules (empty, periodic, not finite, with coincident atoms), for
        power spectra that do not fit the memory, and by `transform`, for elements that `fit` has
        not seen.

    References
    ----------
    De, Bartók, Csányi, Ceriotti, Phys. Chem. Chem. Phys. 18, 13754 (2016) (average kernel);
    Willatt, Musil, Ceriotti, Phys. Chem. Chem. Phys. 20, 29661 (2018), arXiv:1807.00236;
    Himanen et al., Comput. Phys. Commun. 247, 106949 (2020) (dscribe). Sizes quoted for molecules
    are n_max = l_max = 9, σ = 0.3 Å, ζ = 2; the default is smaller, at half the time.
    """

    def __init__(
        self,
        kernel: str = "sum",
        zeta: float = 2.0,
        cutoff: float = 3.0,
        n_max: int = 8,
        l_max: int = 6,
        sigma: float = 0.3,
        n_landmarks: int = 2000,
        seed: int = 0,
    ) -> None:
        self.kernel = kernel
        self.zeta = zeta
        self.cutoff = cutoff
        self.n_max = n_max
        self.l_max = l_max
        self.sigma = sigma
        self.n_landmarks = n_landmarks
        self.seed = seed

    def fit(self, X: Sequence[Atoms], y: object = None) -> SOAPKernel:
        """Draw the landmarks from the molecules X."""
        self._check_parameters()
        check_volumes(X)
        self._composition = Composition().fit(X)
        self.elements_ = self._composition.elements_
        self._check_memory(X)
        self.landmarks_ = self._draw(X)
        self._root = _inverse_root((self.landmarks_ @ self.landmarks_.T) ** self.zeta)
        return self

    def transform(self, X: Sequence[Atoms]) -> Array:
        """Features (n, M') of molecules X; M' ≤ M where landmarks repeat each other."""
        check_is_fitted(self, "landmarks_")
        return self.sums(X, [self.zeta])[0] @ self._root

    def sums(self, X: Sequence[Atoms], zetas: Sequence[float]) -> Array:
        """[Σ_i (p_i · p_m)^ζ]_m, or their mean over i, for each ζ: (n_zetas, n, M)."""
        check_is_fitted(self, "landmarks_")
        check_volumes(X)
        self._composition.transform(X)  # refuses other elements
        self._check_memory(X)
        out = np.empty((len(zetas), len(X), len(self.landmarks_)))
        for start, stop, spectra in self._spectra(X):
            # two unit vectors may come out a rounding below 0 or above 1
            products = np.clip(spectra @ self.landmarks_.T, 0.0, 1.0)
            sizes = np.array([len(atoms) for atoms in X[start:stop]])
            first = np.cumsum(sizes) - sizes
            for zeta, values in zip(zetas, out, strict=True):
                values[start:stop] = np.add.reduceat(products**zeta, first, axis=0)
                if self.kernel == "average":
                    values[start:stop] /= sizes[:, None]
        return out

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the features, which are combinations of the landmarks."""
        check_is_fitted(self, "landmarks_")
        return np.array([f"soap{k}" for k in range(self._root.shape[1])], dtype=object)

    @property
    def n_entries(self) -> int:
        """Entries of a power spectrum of the elements that `fit` has seen."""
        n = len(self.elements_) * self.n_max
        return n * (n + 1) // 2 * (self.l_max + 1)

    def _spectra(self, X: Sequence[Atoms]) -> Iterator[tuple[int, int, Array]]:
        """First and last + 1 molecule of a part, and its atoms' unit power spectra."""
        mend_dscribe()
        from dscribe.descriptors import SOAP

        soap = SOAP(
            r_cut=self.cutoff,
            n_max=self.n_max,
            l_max=self.l_max,
            sigma=self.sigma,
            species=self.elements_,
        )
        each = max(1, _CHUNK_BYTES // (8 * self.n_entries))
        part = np.cumsum([len(atoms) for atoms in X]) // each
        starts = np.flatnonzero(np.diff(part, prepend=-1)).tolist()
        for start, stop in zip(starts, [*starts[1:], len(X)], strict=True):
            spectra = np.concatenate([soap.create(atoms) for atoms in X[start:stop]])
            yield start, stop, spectra / np.linalg.norm(spectra, axis=1, keepdims=True)

    def _draw(self, X: Sequence[Atoms]) -> Array:
        """Power spectra of landmarks, as evenly over the elements as there are atoms."""
        random = np.random.default_rng(self.seed)
        numbers = np.concatenate([atoms.numbers for atoms in X])
        owner = np.repeat(np.arange(len(X)), [len(atoms) for atoms in X])
        within = np.concatenate([np.arange(len(atoms)) for atoms in X])
        # the k-th of each element, in random order, comes before the (k + 1)-th of any
        shuffled = random.permutation(len(numbers))
        rank = np.empty(len(numbers), dtype=int)
        for z in np.unique(numbers):
            own = shuffled[numbers[shuffled] == z]
            rank[own] = np.arange(len(own))
        drawn = np.sort(np.argsort(rank, kind="stable")[: self.n_landmarks])
        holders, begins = np.unique(owner[drawn], return_index=True)
        groups = np.split(within[drawn], begins[1:])
        rows = []
        for start, stop, spectra in self._spectra([X[k] for k in holders]):
            first = 0
            for k in range(start, stop):
                rows.append(spectra[first + groups[k]])
                first += len(X[holders[k]])
        return np.concatenate(rows)

    def _check_memory(self, X: Sequence[Atoms]) -> None:
        landmarks = min(self.n_landmarks, sum(len(atoms) for atoms in X))
        largest = max(len(atoms) for atoms in X)
        entries = landmarks + 2 * largest  # with a copy of unit norm
        needed = 8.0 * (self.n_entries * entries + landmarks * (3 * landmarks + largest + len(X)))
        if needed > MOLECULE_BYTES:
            raise ValueError(
                f"{landmarks:,} landmarks with {self.n_entries:,} entries each, and their kernel, "
                f"need {needed / 1e9:,.1f} GB, over {MOLECULE_BYTES / 1e9:.0f} GB: take a smaller "
                "n_max, l_max or n_landmarks."
            )

    def _check_parameters(self) -> None:
        if self.kernel not in KERNELS:
            raise ValueError(f"kernel must be one of {', '.join(KERNELS)}, not {self.kernel!r}.")
        for name, unit in (("zeta", ""), ("cutoff", " in Å"), ("sigma", " in Å")):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a positive number{unit}, not {value!r}.")
        if self.cutoff <= 1.0:
            raise ValueError(f"cutoff = {self.cutoff:g} Å holds no neighbour: take more than 1 Å.")
        for name, low, high in (("n_max", 1, 20), ("l_max", 0, 20), ("n_landmarks", 1, 100_000)):
            value = getattr(self, name)
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if not (whole and low <= value <= high):
                raise ValueError(
                    f"{name} must be a whole number from {low} to {high}, not {value!r}."
                )


class SOAPRegressor(RegressorMixin, BaseEstimator):
    """Ridge regression with the SOAP kernel; ζ and the ridge are those of least left-out error.

    The sum kernel learns energies, the average kernel energies per atom.
    The errors of leaving one molecule out follow from one decomposition for each ζ, so the choice
    sees nothing but the training molecules.

    Parameters
    ----------
    zetas : the ζ to choose from
    kernel, cutoff, n_max, l_max, sigma, n_landmarks, seed : as in :class:`SOAPKernel`

    Attributes
    ----------
    zeta_, ridge_ : the chosen ones
    errors_ : dict from each ζ to the root mean square error of molecules left out, with its best
        ridge; per atom with the average kernel

    Raises
    ------
    ValueError
        as :class:`SOAPKernel` does, and for energies that do not fit the molecules.
    """

    def __init__(
        self,
        zetas: Sequence[float] = (1.0, 2.0, 3.0, 4.0),
        kernel: str = "sum",
        cutoff: float = 3.0,
        n_max: int = 8,
        l_max: int = 6,
        sigma: float = 0.3,
        n_landmarks: int = 2000,
        seed: int = 0,
    ) -> None:
        self.zetas = zetas
        self.kernel = kernel
        self.cutoff = cutoff
        self.n_max = n_max
        self.l_max = l_max
        self.sigma = sigma
        self.n_landmarks = n_landmarks
        self.seed = seed

    def fit(self, X: Sequence[Atoms], y: ArrayLike) -> SOAPRegressor:
        """Choose and fit on molecules X and energies y (n,)."""
        if len(self.zetas) == 0 or not all(np.isfinite(z) and z > 0 for z in self.zetas):
            raise ValueError(f"zetas must be one or more positive numbers, not {self.zetas!r}.")
        shared = {name: v for name, v in self.get_params().items() if name != "zetas"}
        self._kernel = SOAPKernel(**shared).fit(X)
        targets = checked_energies(y, len(X)) / self._sizes(X)
        landmarks = self._kernel.landmarks_
        self.errors_ = {}
        for zeta, sums in zip(self.zetas, self._kernel.sums(X, self.zetas), strict=True):
            root = _inverse_root((landmarks @ landmarks.T) ** zeta)
            model = RidgeCV(_RIDGES, gcv_mode="svd").fit(sums @ root, targets)
            self.errors_[zeta] = float(np.sqrt(-model.best_score_))
            if self.errors_[zeta] == min(self.errors_.values()):
                self.zeta_, self.ridge_ = zeta, float(model.alpha_)
                self._weights, self._offset = root @ model.coef_, float(model.intercept_)
        return self

    def predict(self, X: Sequence[Atoms]) -> Array:
        """Energies (n,) of molecules X."""
        check_is_fitted(self, "zeta_")
        values = self._kernel.sums(X, [self.zeta_])[0] @ self._weights + self._offset
        return values * self._sizes(X)

    def _sizes(self, X: Sequence[Atoms]) -> Array:
        """What energies are divided by: the average kernel learns them per atom."""
        return np.array([len(atoms) if self.kernel == "average" else 1.0 for atoms in X])


def _inverse_root(matrix: Array) -> Array:
    """K^{-1/2} on the span of its eigenvectors that rounding has not touched, (M, M')."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > _INDEPENDENT * values[-1]
    return vectors[:, kept] / np.sqrt(values[kept])
