"""A model of one molecule's energy surface, learned from an ASE calculator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import covalent_radii
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from appkit.energy.forces import InvariantCalculator
from appkit.energy.frame import Frame
from appkit.energy.solid_harmonic import SolidHarmonicScattering, check_volumes
from appkit.regression import Cancelled, KernelRegression

#: Two atoms keep this part of the sum of their covalent radii.
_NEAREST = 0.7


def teach(
    molecule: Atoms,
    teacher: Calculator,
    n_geometries: int = 800,
    dictionary: SolidHarmonicScattering | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> InvariantCalculator:
    """A calculator that has learned a molecule's energies from those of a teacher.

    Kernel ridge regression, polynomial of degree two, of the energies of `distorted` geometries on
    the standardised logarithms of their invariants, all in one frame; those that one composition
    does not change (∫ρ) are left out. Forces are not learned: they follow.

    Parameters
    ----------
    molecule : near a minimum of the teacher's energy, which the geometries surround.
    teacher : any calculator of ASE's that has energies, eV.
    n_geometries : 10 or more.
    dictionary : of the invariants; by default one that needs about 60 ms of a core for the forces
        of a molecule of ten atoms.
    seed : of the geometries.
    progress : called with (geometries done, geometries).
    cancelled : asked before each geometry; True raises `Cancelled`.

    Raises
    ------
    ValueError
        for a teacher that is no calculator, too few geometries, a molecule that the dictionary
        refuses, of one atom alone or with atoms too near to each other, or an energy that is not
        finite.
    Cancelled
        if ``cancelled`` says so.
    """
    if not hasattr(teacher, "get_potential_energy"):
        raise ValueError(f"The teacher must be a calculator of ASE's, not {teacher!r}.")
    if n_geometries < 10:
        raise ValueError(f"{n_geometries} geometries are too few to learn from: take 10 or more.")
    geometries = distorted(molecule, n_geometries, seed)
    dictionary = (dictionary or _default()).fit(geometries)
    frame = Frame(molecule, slack=1.0)
    features = np.empty((n_geometries, len(dictionary.features_)))
    energies = np.empty(n_geometries)
    for i, geometry in enumerate(geometries):
        if cancelled is not None and cancelled():
            raise Cancelled(f"Stopped after {i} of {n_geometries} geometries.")
        energies[i] = teacher.get_potential_energy(geometry)
        if not np.isfinite(energies[i]):
            raise ValueError(f"The teacher's energy of geometry {i} is {energies[i]}.")
        with torch.no_grad():
            positions = torch.as_tensor(geometry.positions)
            features[i] = dictionary.invariants(positions, geometry, frame).cpu().numpy()
        if progress is not None:
            progress(i + 1, n_geometries)
    if len(empty := np.flatnonzero((features <= 0).any(0))):
        named = sorted(set(dictionary.features_["channel"].to_numpy()[empty]))
        raise ValueError(
            f"{molecule.get_chemical_formula()} has nothing in the channel {', '.join(named)}, or "
            "not in all of its geometries: take a dictionary of other channels."
        )
    model = make_pipeline(
        FunctionTransformer(np.log),
        VarianceThreshold(1e-4**2),  # the relative variance, since these are logarithms
        StandardScaler(),
        KernelRegression("polynomial", metric="rmse"),
    ).fit(features, energies)
    return InvariantCalculator(
        dictionary, model, features, unit=1.0, trained_on=[molecule], frame=frame, slack=1.0
    )


def distorted(
    molecule: Atoms, n: int, seed: int = 0, noise: float = 0.1, drag: float = 0.5
) -> list[Atoms]:
    """Copies of a molecule with all atoms displaced a little and one of them a lot.

    Every coordinate is displaced by a normal deviate, whose standard deviation is the same in one
    copy and uniform from 0 to ``noise`` Å over the copies; one atom is moved further in a random
    direction, by a length uniform from 0 to ``drag`` Å. No two atoms come nearer than 0.7 times the
    sum of their covalent radii: such copies are drawn again.

    Raises
    ------
    ValueError
        for a molecule that is empty, periodic or not finite, of one atom, or with atoms too near.
    """
    check_volumes([molecule])
    if len(molecule) < 2:
        raise ValueError(
            f"{molecule.get_chemical_formula()} is an atom alone, without forces: take a molecule."
        )
    radii = covalent_radii[molecule.numbers]
    first, second = np.triu_indices(len(molecule), 1)
    limits = _NEAREST * (radii[first] + radii[second])
    if (near := pdist(molecule.positions) < limits).any():
        k, l = first[near][0], second[near][0]
        raise ValueError(
            f"Atoms {k} and {l} of {molecule.get_chemical_formula()} are "
            f"{molecule.get_distance(k, l):.2f} Å apart, nearer than {limits[near][0]:.2f} Å, "
            "where geometries are not drawn. Relax the molecule first."
        )
    rng = np.random.default_rng(seed)
    copies: list[Atoms] = []
    while len(copies) < n:
        positions = molecule.positions + _displacements(rng, len(molecule), noise, drag)
        if (pdist(positions) >= limits).all():
            copies.append(Atoms(molecule.numbers, positions))
    return copies


def _displacements(
    rng: np.random.Generator, n_atoms: int, noise: float, drag: float
) -> NDArray[np.float64]:
    """``(n_atoms, 3)``, Å."""
    shifts = rng.normal(0, rng.uniform(0, noise), (n_atoms, 3))
    direction = rng.normal(size=3)
    length = rng.uniform(0, drag)
    shifts[rng.integers(n_atoms)] += length * direction / np.linalg.norm(direction)
    return shifts


def _default() -> SolidHarmonicScattering:
    return SolidHarmonicScattering(
        ("nuclear", "valence"), sigma=0.3, J=2, L=3, powers=(1, 2, 3), tolerance=1e-2
    )
