"""What the forces page computes: a calculator that learns a molecule, and what it answers."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator, CalculatorError
from ase.md.velocitydistribution import Stationary, ZeroRotation, thermalize_momenta
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS
from numpy.typing import NDArray
from rdkit import Chem

from appkit.dashboards.jobs import Task
from appkit.energy.force_field import MMFF94
from appkit.energy.forces import InvariantCalculator
from appkit.energy.frame import principal_axes
from appkit.energy.geometry import MIN_DISTANCE
from appkit.energy.teach import distorted, teach

#: eV in a kcal/mol.
KCAL = units.kcal / units.mol
#: Atoms of the largest molecule, which learns for about a minute.
MAX_ATOMS = 14
#: Geometries that an atom needs, and the least and the most for a molecule.
PER_ATOM, FEWEST, MOST = 100, 300, 800
#: Geometries that the calculator is tested on, which it never saw.
N_TEST = 40
#: Largest force, eV/Å, of a geometry that is called relaxed.
RELAXED = 0.02
#: Steps of a relaxation at most, and of the dynamics; fs of a step; K of the velocities.
RELAX_STEPS, STEPS, STEP, TEMPERATURE = 100, 200, 0.5, 300
#: Å beyond the distances that were trained on from which a person is warned.
MARGIN = 0.05

TEACHERS = {"MMFF94 force field": "mmff"}
if find_spec("tblite") is not None:
    TEACHERS["GFN2-xTB, quantum mechanics"] = "xtb"


@dataclass(frozen=True, eq=False)
class Pupil:
    """A calculator that has learned a molecule, and how well.

    Attributes
    ----------
    teacher : key of `TEACHERS`.
    rest : relaxed by the teacher, along its principal axes about the origin.
    charge : of the molecule.
    zero : the teacher's energy of ``rest``, eV.
    calculator : what has learned; `copied` gives one to calculate with.
    n_geometries, n_tests : those that it learned from, and others that it was tested on.
    nearest, farthest : (K, K) distances in the former, Å.
    energy_error, energy_spread : of the latter: mean absolute error, and standard deviation of the
        teacher's energies, kcal/mol.
    force_error, force_size : likewise the root mean square of errors and of the teacher's forces,
        meV/Å, each component counting.
    """

    teacher: str
    rest: Atoms
    charge: int
    zero: float
    calculator: InvariantCalculator
    n_geometries: int
    n_tests: int
    nearest: NDArray[np.float64]
    farthest: NDArray[np.float64]
    energy_error: float
    energy_spread: float
    force_error: float
    force_size: float

    def copied(self) -> InvariantCalculator:
        """For one job alone, in the frame that was trained in."""
        calculator = copy.copy(self.calculator)
        calculator.reset()
        return calculator

    def warn(self, positions: NDArray[np.float64]) -> str:
        """A sentence about the distance that is farthest outside those trained on, or none."""
        atoms = Atoms(self.rest.numbers, positions)
        distances = atoms.get_all_distances()
        outside = np.maximum(self.nearest - distances, distances - self.farthest)
        k, l = np.unravel_index(outside.argmax(), outside.shape)
        if outside[k, l] <= MARGIN:
            return ""
        k, l = sorted((int(k), int(l)))
        return (
            f"Extrapolated: {atoms[k].symbol}{k + 1} and {atoms[l].symbol}{l + 1} are "
            f"{distances[k, l]:.2f} Å apart, in what it learned from they were "
            f"{self.nearest[k, l]:.2f} to {self.farthest[k, l]:.2f} Å."
        )


@dataclass(frozen=True, eq=False)
class Answer:
    """Energies, kcal/mol above the relaxed geometry, and forces (K, 3), eV/Å, of one geometry.

    ``energy`` and ``forces`` are None for a geometry that the calculator refuses; ``warning`` says
    why, or that it extrapolates. ``true_energy`` and ``true_forces`` are the teacher's, where asked
    for; ``kinetic``, kcal/mol, is of dynamics.
    """

    positions: NDArray[np.float64]
    energy: float | None = None
    forces: NDArray[np.float64] | None = None
    true_energy: float | None = None
    true_forces: NDArray[np.float64] | None = None
    kinetic: float | None = None
    warning: str = ""


# ---- learning --------------------------------------------------------------------------------

_learned: OrderedDict[tuple[str, bytes, bytes], Pupil] = OrderedDict()
_lock = threading.Lock()
_KEPT = 16


def check_small(atoms: Atoms) -> Atoms:
    """The molecule, if this page can learn it in a minute; ValueError otherwise."""
    if len(atoms) > MAX_ATOMS:
        raise ValueError(
            f"{atoms.get_chemical_formula('hill')} has {len(atoms)} atoms, hydrogens included: "
            f"this page learns molecules of up to {MAX_ATOMS}, in a minute or less."
        )
    if len(atoms) < 2:
        raise ValueError(
            f"{atoms.get_chemical_formula('hill')} is an atom alone, without forces: choose a "
            "molecule."
        )
    return atoms


def learn(atoms: Atoms, teacher: str, task: Task) -> Pupil:
    """A pupil of the teacher, for all sessions; ValueError where the teacher knows it not."""
    key = teacher, atoms.numbers.tobytes(), atoms.positions.round(6).tobytes()
    with _lock:
        if key in _learned:
            _learned.move_to_end(key)
            return _learned[key]
    pupil = _taught(atoms, teacher, task)
    with _lock:
        _learned[key] = pupil
        while len(_learned) > _KEPT:
            _learned.popitem(last=False)
    return pupil


def _taught(atoms: Atoms, teacher: str, task: Task) -> Pupil:
    n = min(max(PER_ATOM * len(atoms), FEWEST), MOST)
    charge = _charge(atoms)
    task.progress(0, "Relaxing the molecule")
    rest = _relaxed(atoms, _master(teacher, atoms, charge), task)
    master = _master(teacher, rest, charge)
    zero = master.get_potential_energy(rest)

    def told(done: int, of: int) -> None:
        if done % 10 == 0:  # each report costs the event loop some milliseconds
            task.progress(0.85 * done / of, f"Learning from geometry {done} of {of}")

    calculator = teach(rest, master, n, progress=told, cancelled=task.stop.is_set)
    seen = np.array([a.get_all_distances() for a in distorted(rest, n)])
    energies, guesses, forces, pulls = [], [], [], []
    for i, other in enumerate(distorted(rest, N_TEST, seed=1)):
        if i % 5 == 0:
            task.progress(0.85 + 0.15 * i / N_TEST, f"Testing on geometry {i + 1} of {N_TEST}")
        energies.append(master.get_potential_energy(other) / KCAL)
        forces.append(master.get_forces(other))
        pulls.append(calculator.get_forces(other))
        guesses.append(calculator.get_potential_energy(other) / KCAL)
    wrong = np.array(pulls) - np.array(forces)
    return Pupil(
        teacher,
        rest,
        charge,
        zero,
        calculator,
        n,
        N_TEST,
        seen.min(0),
        seen.max(0),
        energy_error=float(np.abs(np.subtract(guesses, energies)).mean()),
        energy_spread=float(np.std(energies)),
        force_error=1000 * float(np.sqrt(np.mean(wrong**2))),
        force_size=1000 * float(np.sqrt(np.mean(np.square(forces)))),
    )


def _charge(atoms: Atoms) -> int:
    """That of the SMILES which the molecule came from; without one it is neutral."""
    known = Chem.MolFromSmiles(atoms.info.get("smiles", ""))
    return Chem.GetFormalCharge(known) if known is not None else 0


def _master(teacher: str, atoms: Atoms, charge: int) -> Calculator:
    if teacher == "mmff":
        return MMFF94(atoms, charge)
    from tblite.ase import TBLite

    return TBLite(method="GFN2-xTB", charge=charge, verbosity=0)


def _relaxed(atoms: Atoms, master: Calculator, task: Task) -> Atoms:
    """At the minimum, centred, its longest axis along x and its shortest along z."""
    rest = Atoms(atoms.numbers, atoms.positions, calculator=master)
    for _ in BFGS(rest, logfile=None).irun(fmax=RELAXED, steps=3 * RELAX_STEPS):
        task.check()
    if np.linalg.norm(rest.get_forces(), axis=1).max() > RELAXED:
        raise ValueError(
            f"{atoms.get_chemical_formula('hill')} did not relax in {3 * RELAX_STEPS} steps of its "
            "teacher: choose another geometry or another teacher."
        )
    positions = rest.positions - rest.positions.mean(0)
    return Atoms(rest.numbers, positions @ principal_axes(positions))


# ---- answers ---------------------------------------------------------------------------------


def answer(pupil: Pupil, positions: NDArray[np.float64], compare: bool = False) -> Answer:
    """Energy and forces of a geometry; with ``compare`` also the teacher's."""
    atoms = Atoms(pupil.rest.numbers, positions, calculator=pupil.copied())
    if refused := _too_near(atoms):
        return Answer(positions, warning=refused)
    try:
        atoms.get_forces()
    except ValueError as refused:
        return Answer(positions, warning=str(refused))
    return _read(pupil, atoms, compare)


def _too_near(atoms: Atoms) -> str:
    """A sentence about two atoms that no molecule has so near to each other, or none."""
    distances = atoms.get_all_distances() + np.diag(np.full(len(atoms), np.inf))
    k, l = np.unravel_index(distances.argmin(), distances.shape)
    if distances[k, l] > MIN_DISTANCE:
        return ""
    return (
        f"{atoms[k].symbol}{k + 1} and {atoms[l].symbol}{l + 1} are {distances[k, l]:.2f} Å "
        f"apart, nearer than {MIN_DISTANCE} Å, where nothing was learned: pull them apart."
    )


def relax(
    pupil: Pupil, positions: NDArray[np.float64], compare: Callable[[], bool]
) -> Iterator[Answer]:
    """Steps of BFGS down the predicted energy, the first where it starts."""
    atoms = Atoms(pupil.rest.numbers, positions, calculator=pupil.copied())
    with _counted_from_one(atoms):
        for _ in BFGS(atoms, logfile=None).irun(fmax=RELAXED, steps=RELAX_STEPS):
            yield _read(pupil, atoms, compare())


def run(
    pupil: Pupil,
    positions: NDArray[np.float64],
    compare: Callable[[], bool],
    seed: int | None = None,
) -> Iterator[Answer]:
    """Steps of velocity Verlet on the predicted energy, from random velocities without drift."""
    atoms = Atoms(pupil.rest.numbers, positions, calculator=pupil.copied())
    rng = np.random.default_rng(seed)
    thermalize_momenta(atoms, temperature_K=TEMPERATURE, rng=rng)
    Stationary(atoms)
    ZeroRotation(atoms)
    with _counted_from_one(atoms):
        for _ in VelocityVerlet(atoms, STEP * units.fs).irun(STEPS):
            yield _read(pupil, atoms, compare(), atoms.get_kinetic_energy() / KCAL)


@contextmanager
def _counted_from_one(atoms: Atoms) -> Iterator[None]:
    """Of atoms too near to each other, the page's sentence: the calculator counts from 0."""
    try:
        yield
    except ValueError as error:
        raise ValueError(_too_near(atoms) or str(error)) from error


def _read(pupil: Pupil, atoms: Atoms, compare: bool, kinetic: float | None = None) -> Answer:
    """What the calculator says of the atoms that it is set to."""
    positions = atoms.get_positions()
    warning = pupil.warn(positions)
    if atoms.calc.frame is not pupil.calculator.frame:
        warning += " An atom is more than 1 Å outside the frame of the grid, which was renewed: "
        warning += "the energy may have made a small step."
    true_energy = true_forces = None
    if compare:
        try:
            master = _master(pupil.teacher, pupil.rest, pupil.charge)
            other = Atoms(pupil.rest.numbers, positions, calculator=master)
            true_forces = other.get_forces()
            true_energy = (other.get_potential_energy() - pupil.zero) / KCAL
        except (ValueError, RuntimeError, CalculatorError) as error:
            warning += f" The teacher has no answer: {error}"
    return Answer(
        positions,
        (atoms.get_potential_energy() - pupil.zero) / KCAL,
        atoms.get_forces(),
        true_energy,
        true_forces,
        kinetic,
        warning.strip(),
    )
