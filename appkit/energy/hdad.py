"""HDAD: histograms of distances, angles and dihedral angles of molecules.

Faber et al., J. Chem. Theory Comput. 13, 5255 (2017), arXiv:1702.05532. The paper's abstract names
the histograms; how they are filled is told there in words, so that these points are our reading:
what counts as a bond, the smoothing widths, and that no distance is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from appkit.energy.composition import Composition
from appkit.energy.dictionary import check_bytes
from appkit.energy.solid_harmonic import check_volumes

Array = NDArray[np.float64]
Index = NDArray[np.int64]

KINDS = ("distance", "angle", "dihedral")
_BASE = 128  # codes of element tuples are numbers in this base
_PER_WIDTH = 8  # cells of the fine histogram in a smoothing width
_STRAIGHT = 1e-3  # sine of an angle below which a dihedral angle means nothing
_CHUNK = 500_000  # pairs of atoms measured at once, unless one molecule has more
_BYTES = 150  # for each of them


class Measures(NamedTuple):
    """Values (Å or degrees) of one kind, with the molecule's index and the code of the elements."""

    molecule: Index
    code: Index
    value: Array


class HDAD(TransformerMixin, BaseEstimator):
    """Histograms of distances, angles and dihedral angles, one for each tuple of elements, (n, P).

    Distances are those of all pairs of atoms, angles those between two bonds of an atom, dihedral
    angles (0 to 180°) those of three bonds in a row. Their values over the training molecules make
    a histogram for each pair, triple, quadruple of elements, smoothed by a Gaussian. Its local
    maxima are the bins' centres. A value counts for the two centres around it, by linear
    interpolation, and for the last one where it lies beyond; so each value counts as one. Values of
    tuples that `fit` has not met are left out.

    Parameters
    ----------
    kinds : of `KINDS`; ("distance", "angle") is the paper's HDA, ("distance",) its HD
    distance_width, angle_width, dihedral_width : of the smoothing, Å and degrees; a wider one
        leaves fewer bins
    bond_factor : atoms are bonded when they are nearer than this many times the sum of their
        covalent radii (Cordero et al., 2008)

    Attributes
    ----------
    features_ : frame with a row for each feature: kind, elements (such as "H-C-O"), centre
    elements_ : the elements of the training molecules

    Raises
    ------
    ValueError
        for bad parameters or molecules (empty, periodic, not finite, with coincident atoms, too
        large for the memory), for training molecules of single atoms alone, and by `transform`, for
        elements that `fit` has not seen.
    """

    def __init__(
        self,
        kinds: Sequence[str] = KINDS,
        distance_width: float = 0.2,
        angle_width: float = 6.0,
        dihedral_width: float = 20.0,
        bond_factor: float = 1.25,
    ) -> None:
        self.kinds = kinds
        self.distance_width = distance_width
        self.angle_width = angle_width
        self.dihedral_width = dihedral_width
        self.bond_factor = bond_factor

    def fit(self, X: Sequence[Atoms], y: object = None) -> HDAD:
        """Learn the elements and the bins of the molecules X."""
        self._check_parameters()
        check_volumes(X)
        self._composition = Composition().fit(X)
        self.elements_ = self._composition.elements_
        parts = [measured for _, measured in self._measured(X)]
        self._centres: dict[str, dict[int, Array]] = {}
        rows = []
        for kind in self.kinds:
            code = np.concatenate([part[kind].code for part in parts])
            value = np.concatenate([part[kind].value for part in parts])
            width = getattr(self, f"{kind}_width")
            self._centres[kind] = {
                int(c): _maxima(value[code == c], width, None if kind == "distance" else 180.0)
                for c in np.unique(code)
            }
            for c, centres in self._centres[kind].items():
                rows += [(kind, _elements(c), centre) for centre in centres]
        if not rows:
            raise ValueError(
                f"The training molecules have no {' and no '.join(self.kinds)}: there is nothing "
                "to count."
            )
        self.features_ = pd.DataFrame(rows, columns=["kind", "elements", "centre"])
        return self

    def transform(self, X: Sequence[Atoms]) -> Array:
        """Counts (n, P) of molecules X."""
        check_is_fitted(self, "features_")
        check_volumes(X)
        self._composition.transform(X)  # refuses other elements
        counts = np.zeros((len(X), len(self.features_)))
        for start, measured in self._measured(X):
            column = 0
            for kind in self.kinds:
                molecule, code, value = measured[kind]
                for c, centres in self._centres[kind].items():
                    own = code == c
                    out = counts[start:, column : column + len(centres)]
                    _count(out, molecule[own], value[own], centres)
                    column += len(centres)
        return counts

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names such as "distance|C-O|1.43", shape (P,)."""
        check_is_fitted(self, "features_")
        return np.array(
            [f"{r.kind}|{r.elements}|{r.centre:.4g}" for r in self.features_.itertuples()],
            dtype=object,
        )

    def _measured(self, X: Sequence[Atoms]) -> Iterator[tuple[int, dict[str, Measures]]]:
        """Index of the first molecule and the values of each kind, of some molecules at once."""
        pairs = np.array([len(atoms) * (len(atoms) - 1) // 2 for atoms in X])
        largest = int(np.argmax(pairs))
        check_bytes(
            _BYTES * float(pairs[largest]),
            f"for its {pairs[largest]:,} pairs of atoms",
            "take atoms that belong to one molecule",
        )
        part = np.cumsum(pairs) // _CHUNK
        starts = np.flatnonzero(np.diff(part, prepend=-1)).tolist()
        for start, stop in zip(starts, [*starts[1:], len(X)], strict=True):
            yield start, measures(X[start:stop], self.bond_factor)

    def _check_parameters(self) -> None:
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown or len(self.kinds) == 0 or isinstance(self.kinds, str):
            raise ValueError(f"kinds must be some of {', '.join(KINDS)}, not {self.kinds!r}.")
        for name in ("distance_width", "angle_width", "dihedral_width", "bond_factor"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a positive number, not {value!r}.")


def measures(molecules: Sequence[Atoms], bond_factor: float = 1.25) -> dict[str, Measures]:
    """Distances (Å), angles and dihedral angles (degrees) of molecules, by kind."""
    sizes = np.array([len(atoms) for atoms in molecules])
    owner = np.repeat(np.arange(len(sizes)), sizes)
    numbers = np.concatenate([atoms.numbers for atoms in molecules])
    positions = np.concatenate([atoms.positions for atoms in molecules])
    # each atom with those after it in its molecule
    last = np.cumsum(sizes)[owner]
    each = np.arange(len(owner))
    i, j = _expand(each + 1, last)
    distances = np.linalg.norm(positions[i] - positions[j], axis=1)
    reach = bond_factor * (covalent_radii[numbers[i]] + covalent_radii[numbers[j]])
    bonds = np.stack([i, j])[:, distances < reach]
    code = _code(*np.sort(np.stack([numbers[i], numbers[j]]), axis=0))
    return {
        "distance": Measures(owner[i], code, distances),
        "angle": _angles(bonds, owner, numbers, positions),
        "dihedral": _dihedrals(bonds, owner, numbers, positions),
    }


def _angles(bonds: Index, owner: Index, numbers: Index, positions: Array) -> Measures:
    """Between each two bonds of an atom; the elements as end, centre, end."""
    centre, end, first = _by_atom(bonds, len(owner))
    one, other = _expand(np.arange(len(centre)) + 1, first[centre + 1])
    a, b, c = end[one], centre[one], end[other]
    u, v = positions[a] - positions[b], positions[c] - positions[b]
    angle = np.degrees(np.arctan2(np.linalg.norm(np.cross(u, v), axis=1), (u * v).sum(1)))
    ends = np.sort(np.stack([numbers[a], numbers[c]]), axis=0)
    return Measures(owner[b], _code(ends[0], numbers[b], ends[1]), angle)


def _dihedrals(bonds: Index, owner: Index, numbers: Index, positions: Array) -> Measures:
    """Of each three bonds a–b–c–d in a row, 0 to 180°; the tuple or its reverse, the smaller."""
    _, end, first = _by_atom(bonds, len(owner))
    middle, to_a = _expand(first[bonds[0]], first[bonds[0] + 1])
    row, to_d = _expand(first[bonds[1][middle]], first[bonds[1][middle] + 1])
    b, c = bonds[:, middle[row]]
    a, d = end[to_a[row]], end[to_d]
    u, v, w = positions[b] - positions[a], positions[c] - positions[b], positions[d] - positions[c]
    n, m = np.cross(u, v), np.cross(v, w)
    length = np.linalg.norm(v, axis=1)
    bent = np.linalg.norm(n, axis=1) > _STRAIGHT * length * np.linalg.norm(u, axis=1)
    bent &= np.linalg.norm(m, axis=1) > _STRAIGHT * length * np.linalg.norm(w, axis=1)
    keep = (a != c) & (b != d) & (a != d) & bent
    sine, cosine = length * (u * m).sum(1), (n * m).sum(1)
    tuples = [numbers[k[keep]] for k in (a, b, c, d)]
    code = np.minimum(_code(*tuples), _code(*tuples[::-1]))
    return Measures(owner[b[keep]], code, np.degrees(np.abs(np.arctan2(sine, cosine)))[keep])


def _by_atom(bonds: Index, n_atoms: int) -> tuple[Index, Index, Index]:
    """Bonds from both their atoms, sorted: from, to, and where those from each atom begin."""
    both = np.concatenate([bonds, bonds[::-1]], axis=1)
    both = both[:, np.argsort(both[0], kind="stable")]
    return both[0], both[1], np.searchsorted(both[0], np.arange(n_atoms + 1))


def _expand(starts: Index, stops: Index) -> tuple[Index, Index]:
    """The number k of each range and its members start_k … stop_k − 1, one after the other."""
    lengths = stops - starts
    which = np.repeat(np.arange(len(starts)), lengths)
    shifts = starts - (np.cumsum(lengths) - lengths)
    return which, np.arange(len(which)) + shifts[which]


def _code(*numbers: ArrayLike) -> Index:
    """One number for a tuple of atomic numbers."""
    code = np.zeros(np.shape(numbers[0]), dtype=np.int64)
    for z in numbers:
        code = code * _BASE + np.asarray(z)
    return code


def _elements(code: int) -> str:
    """Symbols such as "H-C-O" of a tuple's code."""
    symbols: list[str] = []
    while code:
        code, z = divmod(code, _BASE)
        symbols.insert(0, chemical_symbols[z])
    return "-".join(symbols)


def _maxima(values: Array, width: float, period: float | None) -> Array:
    """Local maxima of the values' density, smoothed by a Gaussian of this width."""
    cell = width / _PER_WIDTH
    margin = 0.0 if period else 4 * width
    low, high = (0.0, period) if period else (values.min() - margin, values.max() + margin)
    n_cells = max(1, int(np.ceil((high - low) / cell)))
    counts, edges = np.histogram(values, n_cells, (low, high))
    # an angle's density goes on in the mirror at 0 and 180°
    smooth = gaussian_filter1d(
        counts.astype(float), _PER_WIDTH, mode="reflect" if period else "constant"
    )
    peaks, _ = find_peaks(np.concatenate([[-1.0], smooth, [-1.0]]))
    peaks = peaks[smooth[peaks - 1] > 1e-3 * smooth.max()] - 1
    return 0.5 * (edges[peaks] + edges[peaks + 1])


def _count(out: Array, molecule: Index, value: Array, centres: Array) -> None:
    """Add the values to the centres around them, linearly, in place; ``out`` (n, centres)."""
    place = np.interp(value, centres, np.arange(len(centres)))
    left = np.floor(place).astype(int)
    right = np.minimum(left + 1, len(centres) - 1)
    np.add.at(out, (molecule, left), left + 1 - place)
    np.add.at(out, (molecule, right), place - left)
