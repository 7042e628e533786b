"""Which patches of a dictionary are among the K nearest, at every position of a picture.

A plain sort or ``kthvalue`` takes fifty times as long as the matrix product that gives the
distances. Here the K-th smallest score of a row is found by counting: how many scores lie below a
guess, which a processor does for sixteen at once, and a better guess from the count. Some seven
counts are enough, and the codes are added up over the windows of the pooling without ever being
written. The scores of −d come from the same products as those of d.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

_LARGEST = np.float32(3e38)
# Sums may be reordered, which lets them be vectorised. Scores are finite numbers.
_FAST = {"reassoc", "contract", "arcp", "nsz", "nnan"}


def check_neighbours(k: int | float, n: int) -> int:
    """K as a number of patches; ``ValueError`` unless it is from 1 to n − 1, or such a share."""
    whole = isinstance(k, int | np.integer) and not isinstance(k, bool)
    share = isinstance(k, float | np.floating) and 0 < k < 1
    number = int(k) if whole else round(k * n) if share else 0
    if share and number == 0:
        raise ValueError(
            f"K = {k:g} of N = {n:,} patches is less than one: take a share of {1 / n:.2g} or more."
        )
    if not 1 <= number < n:
        raise ValueError(
            f"K = {k} nearest of N = {n:,} patches: K is a whole number from 1 to {n - 1:,}, or a "
            "share between 0 and 1 of N."
        )
    return number


@numba.njit(nogil=True, fastmath=_FAST, cache=True)
def _count(scores, bound):
    count = np.int32(0)
    for i in range(scores.size):
        count += np.int32(scores[i] <= bound)
    return count


@numba.njit(nogil=True, fastmath=_FAST, cache=True)
def kth_smallest(scores, k, quantile, slope):
    """A bound below which exactly k of the finite scores (n,) lie; more where the k-th is a tie.

    The first guess is that of a normal distribution: ``quantile`` standard deviations from the
    mean, ``slope`` of them for each score more. Then by false position, and by halves, which ends
    since there are finitely many numbers between two bounds.
    """
    n = scores.size
    total, square = np.float32(0), np.float32(0)
    for i in range(n):
        total += scores[i]
        square += scores[i] * scores[i]
    mean = total / np.float32(n)
    step = np.sqrt(max(square / np.float32(n) - mean * mean, np.float32(1e-20)))
    guess = np.float32(mean + quantile * step)
    step *= slope
    low, high = -_LARGEST, _LARGEST
    below, above = np.int32(0), np.int32(n)
    for turn in range(400):
        if not low < guess < high:
            guess = np.float32(low * np.float32(0.5) + high * np.float32(0.5))
            if not low < guess < high:
                return high
        count = _count(scores, guess)
        if count == k:
            return guess
        if count < k:
            low, below = guess, count
        else:
            high, above = guess, count
        if turn > 12:
            guess = np.float32(low * np.float32(0.5) + high * np.float32(0.5))
        elif low > -_LARGEST and high < _LARGEST:
            guess = np.float32(low + (high - low) * np.float32((k - below) / (above - below)))
        else:
            guess = np.float32(guess + (k - count + (1 if count < k else -1)) * step)
    return high


@numba.njit(nogil=True, fastmath=_FAST, cache=True)
def _add_codes(products, bias, k, quantile, slope, cells, counts):
    positions, n = products.shape
    scores = np.empty(n, np.float32)
    for p in range(positions):
        row = products[p]
        for sign in range(2):
            if sign == 0:
                for i in range(n):
                    scores[i] = bias[i] - row[i]
            else:
                for i in range(n):
                    scores[i] = bias[i] + row[i]
            bound = kth_smallest(scores, k, quantile, slope)
            for w in range(cells.shape[1]):
                if cells[p, w] >= 0:
                    cell = counts[cells[p, w], sign]
                    for i in range(n):
                        cell[i] += counts.dtype.type(scores[i] <= bound)


def pooled_codes(
    products: NDArray[np.float32], bias: NDArray[np.float32], k: int, cells: NDArray[np.int32]
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """How often each patch d, and −d, is among the K nearest in each window of the pooling.

    Parameters
    ----------
    products : ⟨W²d, p⟩ for each position p and patch d, (positions, N).
    bias : ½‖Wd‖² (N,): d has the score bias − product, −d bias + product; small is near.
    k : K. Where patches tie for the K-th place all of them are among the nearest.
    cells : for each position the windows that it lies in, −1 for none, (positions, windows).

    Returns
    -------
    Counts ``(windows, 2, N)`` of d and of −d.
    """
    n_cells = int(cells.max()) + 1
    most = int(np.bincount(cells[cells >= 0]).max())
    counts = np.zeros((n_cells, 2, len(bias)), np.uint8 if most < 256 else np.uint16)
    _add_codes(products, bias, np.int32(k), *_normal(k, len(bias)), cells, counts)
    return counts


def label_votes(
    products: NDArray[np.float32],
    bias: NDArray[np.float32],
    k: int,
    labels: NDArray[np.intp],
    n_classes: int,
) -> NDArray[np.float32]:
    """Share of each class among the K nearest patches of each position: (positions, classes).

    Parameters
    ----------
    products, bias, k : as in `pooled_codes`.
    labels : numbers of the classes of the patches, (N,).
    """
    votes = np.zeros((len(products), n_classes), np.float32)
    _add_votes(products, bias, np.int32(k), *_normal(k, len(bias)), labels, votes)
    return votes


@numba.njit(nogil=True, cache=True)
def _add_votes(products, bias, k, quantile, slope, labels, votes):
    for p in range(len(products)):
        scores = bias - products[p]
        bound = kth_smallest(scores, k, quantile, slope)
        for i in range(len(scores)):
            if scores[i] <= bound:
                votes[p, labels[i]] += 1
        votes[p] /= votes[p].sum()  # more than K where patches tie


def thresholds(scores: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """The k-th smallest of each row of scores (rows, N): (rows,)."""
    return _thresholds(scores, np.int32(k), *_normal(k, scores.shape[1]))


@numba.njit(nogil=True, cache=True)
def _thresholds(scores, k, quantile, slope):
    smallest = np.empty(len(scores), np.float32)
    for row in range(len(scores)):
        bound = kth_smallest(scores[row], k, quantile, slope)
        largest = -_LARGEST
        for score in scores[row]:
            if largest < score <= bound:
                largest = score
        smallest[row] = largest
    return smallest


def _normal(k: int, n: int) -> tuple[np.float32, np.float32]:
    """Quantile of the share k / n, and how much it moves for each one more."""
    quantile = norm.ppf((k - 0.5) / n)
    density = max(math.exp(-(quantile**2) / 2) / math.sqrt(2 * math.pi), 1e-6)
    return np.float32(quantile), np.float32(1 / (n * density))
