"""How invariant are the invariants? One measurement, for tests and for the page's meter.

`assert_invariant` is for whoever builds a dictionary; `invariance` returns the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from ase import Atoms
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from appkit.scattering.planar import PlanarCascade

Spectrum = Callable[[Tensor, Tensor], Tensor]


class Dictionary(Protocol):
    """A fitted or stateless transformer of molecules: `PlanarScattering` and its kin."""

    def transform(self, X: Sequence[Atoms]) -> NDArray[np.float64]: ...


def turned(atoms: Atoms, degrees: float = 0.0, shift: ArrayLike = (0.0, 0.0)) -> Atoms:
    """A copy turned in its plane z = 0 about the origin, then shifted by ``shift`` (Å)."""
    moved = atoms.copy()
    angle = np.deg2rad(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved.positions[:, :2] = atoms.positions[:, :2] @ rotation.T + np.asarray(shift)
    return moved


def shifted(spectrum: Spectrum, shift: tuple[float, float]) -> Spectrum:
    """ρ̂(ω) e^{−iω·t}: the transform of the density translated by t = (x, y)."""

    def translated(omega_y: Tensor, omega_x: Tensor) -> Tensor:
        phase = torch.exp(-1j * (omega_y[:, None] * shift[1] + omega_x[None, :] * shift[0]))
        values = spectrum(omega_y, omega_x)
        return values * phase.to(values.dtype)

    return translated


def relative_change(before: ArrayLike, after: ArrayLike) -> NDArray[np.float64]:
    """|Φ(g·x) − Φ(x)| / |Φ(x)|, element by element; 0 where both vanish.

    A coefficient below 1e-12 of the largest is compared with that floor, since its own size is
    rounding. What is not a number stays so.
    """
    one, other = np.asarray(before, float), np.asarray(after, float)
    size = np.maximum(np.abs(one), 1e-12 * np.nanmax(np.abs(one), initial=0.0))
    return np.divide(np.abs(other - one), size, out=np.zeros_like(one), where=size != 0)


def invariance(cascade: PlanarCascade, before: Spectrum, after: Spectrum) -> pd.DataFrame:
    """The invariants of one density before and after a motion, and by how much each moved.

    Parameters
    ----------
    cascade : its `paths` become the columns that say what each invariant is.
    before, after : ρ̂ of the same single density, the second one moved.

    Returns
    -------
    A frame with a row for each invariant: the path, ``before``, ``after``, ``change`` (relative).
    """
    with torch.inference_mode():
        one, other = cascade(before)[0].numpy(), cascade(after)[0].numpy()
    rows = pd.DataFrame(cascade.paths)
    return rows.assign(before=one, after=other, change=relative_change(one, other))


def by_scale(changes: pd.DataFrame) -> pd.DataFrame:
    """Largest relative change for each order and scale j, with a ``label`` such as "S₁ j=2"."""
    grouped = changes.groupby(["order", "j"], as_index=False)["change"].max()
    names = {1: "S₁", 2: "S₂"}
    labels = [f"{names[o]} j={j}" for o, j in zip(grouped["order"], grouped["j"], strict=True)]
    return grouped.assign(label=labels)


def assert_invariant(
    dictionary: Dictionary,
    molecules: Sequence[Atoms],
    tolerance: float = 1e-2,
    degrees: Sequence[float] = (17.0, 90.0, 213.0),
    shift: tuple[float, float] = (0.731, -0.377),
    seed: int = 0,
) -> None:
    """Check that a dictionary of planar molecules does not see where and how they lie.

    Each molecule, in the plane z = 0, is turned and shifted, and its atoms are put into another
    order, drawn from ``seed``.

    Raises
    ------
    AssertionError
        naming the feature that changed most, and by how much, if any changes by more than
        ``tolerance`` of itself, or is not a number.
    """
    before = dictionary.transform(molecules)
    rng = np.random.default_rng(seed)
    for angle in degrees:
        moved = [turned(m, angle, shift)[rng.permutation(len(m))] for m in molecules]
        change = relative_change(before, dictionary.transform(moved))
        worst = int(change.argmax())  # a NaN is the maximum
        if not change.flat[worst] <= tolerance:
            row, column = divmod(worst, change.shape[1])
            raise AssertionError(
                f"Feature {_name(dictionary, column)} of molecule {row} "
                f"({molecules[row].get_chemical_formula()}) changed by {change.flat[worst]:.2e} "
                f"of itself under a rotation by {angle:g}° and a shift; allowed: {tolerance:g}."
            )


def _name(dictionary: Any, column: int) -> str:
    if hasattr(dictionary, "get_feature_names_out"):
        return str(dictionary.get_feature_names_out()[column])
    return str(column)
