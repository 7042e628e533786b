"""The greedy core of orthogonal least squares, for one or several training subsets at once.

Let φ_k be the P dictionary columns over the n training samples, Q_m = (q_1 … q_m) the orthonormal
basis of the columns selected so far and r = y − Q_m Q_mᵀ y. Gram–Schmidt would replace every φ_k by
φ̃_k = φ_k − Q_m Q_mᵀ φ_k, and select the largest |⟨r, φ̃_k⟩| / ‖φ̃_k‖. As r ⟂ Q_m, this is

    |⟨r, φ_k⟩| / ‖φ̃_k‖,

so the φ̃_k themselves are never needed: one product g = Φᵀ q_m a term updates all correlations
(c ← c − ⟨q_m, r⟩ g) and all squared norms (‖φ̃‖² ← ‖φ̃‖² − g²).

Subtracting squares loses digits; a norm that has lost half of them is computed again from its
column, as LAPACK's pivoted QR does (Drmač & Bujanović, ACM TOMS 35, 12, 2008).

Subsets ("bags") of the same samples run in step: a basis vector of a bag is zero outside of it, so
the products of all bags are one matrix–matrix product which reads Φ once.

Source: Hirn, Mallat, Poilvert, Multiscale Model. Simul. 15, 827 (2017), section 3.2;
Chen, Billings, Luo, Int. J. Control 50, 1873 (1989).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

COLLINEAR = 1e-10  # ‖φ̃_k‖/‖φ_k‖ below which φ_k lies in the span of the selected columns
EXHAUSTED = 1e-14  # ‖r‖/‖y‖ below which the residual is rounding error
_LOST_DIGITS = float(np.sqrt(np.finfo(np.float64).eps))
_REFRESH = 32  # terms between two evaluations of r and Φᵀr from scratch
_BLOCK = 512  # columns treated together where a copy is needed


@dataclass(frozen=True)
class GreedyPath:
    """The columns selected one after the other, and the least squares fit on them.

    Attributes
    ----------
    selected : (M,) column numbers, in the order of selection
    triangle : (M, M) upper triangular R with Φ[:, selected] = Q R
    weights : (M,) coordinates ⟨q_m, y⟩ of y in the orthonormal basis
    residual_norms : (M,) ‖y − f_m‖ for m = 1 … M
    stop : "n_terms", "collinear" (no independent column is left) or "residual" (y is reproduced)
    """

    selected: NDArray[np.intp]
    triangle: Array
    weights: Array
    residual_norms: Array
    stop: str


class _Pursuit:
    """State of the greedy selection on one subset of the samples."""

    def __init__(self, columns: Array, y: Array, mask: Array, n_terms: int) -> None:
        self._columns = columns
        self._mask = mask
        self._n_terms = n_terms
        self._scale = float(np.linalg.norm(y * mask))
        self._residual = y * mask
        self._basis = np.empty((n_terms, columns.shape[1]))
        self._triangle = np.zeros((n_terms, n_terms))
        self._weights = np.empty(n_terms)
        self._residual_norms = np.empty(n_terms)
        self._selected: list[int] = []
        self._correlation = columns @ self._residual
        self._squares = _masked_squares(columns, mask)
        self._reference = self._squares.copy()  # the squares when last computed from the columns
        self._floor = self._squares * COLLINEAR**2
        self._alive = self._squares > 0.0  # neither selected nor in the span of the selected
        self.stop = ""

    def next_direction(self) -> Array | None:
        """The next basis vector (n,), or None when the pursuit has ended (`stop` says why)."""
        m = len(self._selected)
        if m == self._n_terms:
            self.stop = "n_terms"
        elif np.linalg.norm(self._residual) <= EXHAUSTED * self._scale:
            self.stop = "residual"
        while not self.stop:
            k = self._best_column()
            if k is None:
                self.stop = "collinear"
                break
            direction, norm, coordinates = self._orthogonalise(k)
            self._alive[k] = False
            if norm**2 <= self._floor[k]:
                continue
            self._triangle[:m, m] = coordinates
            self._triangle[m, m] = norm
            self._basis[m] = direction
            self._selected.append(k)
            return direction
        return None

    def absorb(self, products: Array) -> None:
        """Take the newest basis vector out of the residual and of all columns.

        `products` (P,) are its scalar products with the columns.
        """
        m = len(self._selected)
        direction = self._basis[m - 1]
        weight = float(direction @ self._residual)
        self._weights[m - 1] = weight
        self._residual -= weight * direction
        self._correlation -= weight * products
        self._squares -= products**2
        self._renew_norms()
        if m % _REFRESH == 0:
            self._renew_residual()
        self._residual_norms[m - 1] = np.linalg.norm(self._residual)

    def path(self) -> GreedyPath:
        m = len(self._selected)
        return GreedyPath(
            selected=np.array(self._selected, dtype=np.intp),
            triangle=self._triangle[:m, :m].copy(),
            weights=self._weights[:m].copy(),
            residual_norms=self._residual_norms[:m].copy(),
            stop=self.stop,
        )

    def _best_column(self) -> int | None:
        if not self._alive.any():
            return None
        gain = np.full(len(self._squares), -1.0)  # in squared error
        np.divide(self._correlation**2, self._squares, out=gain, where=self._alive)
        return int(np.argmax(gain))

    def _orthogonalise(self, k: int) -> tuple[Array, float, Array]:
        """q, ‖φ̃_k‖ and Qᵀφ_k; subtracted twice, which is enough (Giraud et al. 2005)."""
        basis = self._basis[: len(self._selected)]
        vector = self._columns[k] * self._mask
        coordinates = basis @ vector
        vector -= coordinates @ basis
        correction = basis @ vector
        vector -= correction @ basis
        norm = float(np.linalg.norm(vector))
        return (vector / norm if norm > 0.0 else vector), norm, coordinates + correction

    def _renew_norms(self) -> None:
        """Compute anew the squared norms that the subtractions have emptied of digits."""
        worn = np.flatnonzero(self._alive & (self._squares <= _LOST_DIGITS * self._reference))
        basis = self._basis[: len(self._selected)]
        for start in range(0, len(worn), _BLOCK):
            block = worn[start : start + _BLOCK]
            columns = self._columns[block] * self._mask
            columns -= (columns @ basis.T) @ basis
            squares = np.einsum("kn,kn->k", columns, columns)
            self._squares[block] = self._reference[block] = squares
            self._alive[block] = squares > self._floor[block]

    def _renew_residual(self) -> None:
        m = len(self._selected)
        basis = self._basis[:m]
        leak = basis @ self._residual
        self._weights[:m] += leak
        self._residual -= leak @ basis
        self._correlation = self._columns @ self._residual


def _masked_squares(columns: Array, mask: Array) -> Array:
    squares = np.empty(len(columns))
    for start in range(0, len(columns), _BLOCK):
        block = columns[start : start + _BLOCK] * mask
        squares[start : start + _BLOCK] = np.einsum("kn,kn->k", block, block)
    return squares


def unit_columns(X: Array) -> tuple[Array, Array]:
    """The columns of X as rows of unit norm (P, n), and their norms (P,); zeros stay zero."""
    columns = np.array(X.T, order="C")
    largest = np.abs(columns).max(axis=1)  # first, so that squares neither over- nor underflow
    columns /= np.where(largest > 0.0, largest, 1.0)[:, None]
    norms = np.sqrt(np.einsum("kn,kn->k", columns, columns))
    columns /= np.where(norms > 0.0, norms, 1.0)[:, None]
    return columns, norms * largest


def greedy_paths(
    columns: Array, y: Array, n_terms: int, subsets: Sequence[NDArray[np.intp]] | None = None
) -> list[GreedyPath]:
    """Select up to `n_terms` columns greedily, on each subset of the samples.

    Parameters
    ----------
    columns : (P, n) dictionary, a column φ_k in each row, of about unit norm (`unit_columns`)
    y : (n,) target
    n_terms : the longest path wanted; a path may end earlier and says why in `stop`
    subsets : sample numbers of each subset; None stands for one subset with all samples
    """
    n = columns.shape[1]
    pursuits = [
        _Pursuit(columns, y, mask, min(n_terms, int(mask.sum()), len(columns)))
        for mask in _masks(n, subsets)
    ]
    active = pursuits
    while active:
        steps = [(pursuit, pursuit.next_direction()) for pursuit in active]
        going = [(pursuit, q) for pursuit, q in steps if q is not None]
        if going:
            products = columns @ np.stack([q for _, q in going], axis=1)
            for (pursuit, _), g in zip(going, products.T, strict=True):
                pursuit.absorb(g)
        active = [pursuit for pursuit, _ in going]
    return [pursuit.path() for pursuit in pursuits]


def _masks(n: int, subsets: Sequence[NDArray[np.intp]] | None) -> list[Array]:
    if subsets is None:
        return [np.ones(n)]
    masks = []
    for subset in subsets:
        mask = np.zeros(n)
        mask[subset] = 1.0
        masks.append(mask)
    return masks
