"""Make the embedded set of planar molecules with GFN2-xTB atomization energies.

    python scripts/make_planar_set.py --work FOLDER [--output PATH] [--hours H]

For each candidate of ``planar_candidates.py``: RDKit embeds some conformers (ETKDG, MMFF94), the
best nearly flat one is projected onto its plane, GFN2-xTB (tblite) relaxes it in the plane, and
finite differences of its forces give the whole Hessian. A candidate is kept if

* the largest force is below 0.001 eV/Å, out-of-plane forces included,
* every vibration is real, above 20 cm⁻¹ (translations and rotations projected out), so that the
  planar structure is a minimum in three dimensions and not only in its plane,
* its bonds are still those of its SMILES.

Relaxing in the plane and asking for real out-of-plane vibrations finds the same molecules as
relaxing in space and asking for flatness (QM2D's way), with exactly z = 0.

The energy is GFN2-xTB, molecule − isolated atoms in their ground states, in kcal/mol. Folds are
dealt so that composition and energy agree between them. Results are appended to FOLDER's
``relaxed.jsonl``: a stopped run goes on where it was, and ``--hours 0`` writes what there is.
The whole takes about half an hour on one core. Needs ``pip install "appkit[make-data]"``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from importlib.metadata import version
from itertools import permutations
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import CalculationFailed
from ase.constraints import FixCartesian
from ase.data import atomic_numbers, covalent_radii
from ase.optimize import BFGS
from ase.units import kcal, mol
from planar_candidates import candidates
from rdkit import Chem
from rdkit.Chem import AllChem
from tblite.ase import TBLite

OUTPUT = Path(__file__).parents[1] / "appkit/data/embedded/planar.npz"
#: How many molecules are wanted with each number of heavy atoms; all below are taken.
WANTED = {6: 150, 7: 300, 8: 500, 9: 750}
MAX_FORCE = 0.001  # eV/Å
MIN_WAVENUMBER = 20.0  # cm⁻¹
#: Unpaired electrons of the isolated atoms.
SPINS = {"H": 1, "C": 2, "N": 3, "O": 2, "S": 2, "Cl": 1}
_WAVENUMBER = 521.4708  # cm⁻¹ of a mode with 1 eV/Å² at 1 u


def calculator(unpaired: int = 0) -> TBLite:
    """GFN2-xTB with forces converged well below the finite differences' needs."""
    return TBLite(method="GFN2-xTB", multiplicity=unpaired + 1, accuracy=0.05, verbosity=0)


def atom_energies() -> dict[str, float]:
    """GFN2 energies (eV) of the isolated atoms in their ground states."""
    energies = {}
    for symbol, unpaired in SPINS.items():
        atom = Atoms(symbol)
        atom.calc = calculator(unpaired)
        energies[symbol] = atom.get_potential_energy()
    return energies


def flat_guess(smiles: str) -> tuple[Chem.Mol, Atoms] | None:
    """Lowest MMFF94 conformer that is nearly flat, projected onto its plane (z = 0)."""
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    found = AllChem.EmbedMultipleConfs(molecule, 8, randomSeed=7)
    if not len(found) or not AllChem.MMFFHasAllMoleculeParams(molecule):
        return None
    energies = [e for _, e in AllChem.MMFFOptimizeMoleculeConfs(molecule, maxIters=500)]
    symbols = [atom.GetSymbol() for atom in molecule.GetAtoms()]
    for conformer in np.argsort(energies):
        positions = molecule.GetConformer(int(found[int(conformer)])).GetPositions()
        positions = positions - positions.mean(0)
        _, extent, axes = np.linalg.svd(positions)
        if extent[2] / np.sqrt(len(symbols)) < 0.25:
            flat = np.column_stack([positions @ axes[:2].T, np.zeros(len(symbols))])
            return molecule, Atoms(symbols, flat)
    return None


def force_field_hessian(molecule: Chem.Mol, positions: np.ndarray) -> np.ndarray:
    """Positive definite MMFF94 Hessian (eV/Å²), from which the relaxation starts."""
    field = AllChem.MMFFGetMoleculeForceField(molecule, AllChem.MMFFGetMoleculeProperties(molecule))
    start, step = positions.ravel(), 1e-3
    displaced = start + step * np.vstack([np.eye(len(start)), -np.eye(len(start))])
    ahead, behind = np.split(np.array([field.CalcGrad(p.tolist()) for p in displaced]), 2)
    curvature, modes = np.linalg.eigh((ahead - behind + (ahead - behind).T) / (4 * step))
    return (modes * np.maximum(np.abs(curvature * kcal / mol), 1.0)) @ modes.T


def relax_in_plane(atoms: Atoms, hessian: np.ndarray, max_force: float, steps: int = 200) -> bool:
    """Relax with z = 0 kept; whether all forces (eV/Å), out of the plane too, are small."""
    atoms.set_constraint([FixCartesian(range(len(atoms)), mask=(False, False, True))])
    optimiser = BFGS(atoms, logfile=None, maxstep=0.1)
    optimiser.H0 = hessian
    optimiser.run(fmax=0.8 * max_force, steps=steps)
    atoms.set_constraint()
    return bool(np.linalg.norm(atoms.get_forces(), axis=1).max() < max_force)


def wavenumbers(atoms: Atoms, axes: tuple[int, ...], step: float = 1e-3) -> np.ndarray:
    """Vibrations along x and y, (0, 1), or z, (2,), which the plane's symmetry decouples.

    In cm⁻¹, ascending, imaginary ones negative, rigid motions projected out. The Hessian comes from
    one-sided differences of the forces at a stationary point: out of the plane the forces are odd
    in z, and in the plane the symmetrised error of the short step is below 1 cm⁻¹.
    """
    coordinates = [3 * i + axis for i in range(len(atoms)) for axis in axes]
    probe = atoms.copy()
    probe.calc = calculator()
    at_rest, hessian = probe.get_forces().ravel()[coordinates], []
    for coordinate in coordinates:
        probe.positions = atoms.positions
        probe.positions.flat[coordinate] += step
        hessian.append((at_rest - probe.get_forces().ravel()[coordinates]) / step)
    return _modes(atoms, np.array(hessian), coordinates)


def _modes(atoms: Atoms, hessian: np.ndarray, coordinates: list[int]) -> np.ndarray:
    root_mass = np.sqrt(np.repeat(atoms.get_masses(), 3)[coordinates])
    weighted = (hessian + hessian.T) / 2 / np.outer(root_mass, root_mass)
    x, y, zero, one = *atoms.positions.T[:2], np.zeros(len(atoms)), np.ones(len(atoms))
    motions = [(one, zero, zero), (zero, one, zero), (zero, zero, one)]
    motions += [(zero, zero, y), (zero, zero, x), (-y, x, zero)]
    rigid = np.array([np.column_stack(m).ravel()[coordinates] for m in motions]) * root_mass
    _, lengths, directions = np.linalg.svd(rigid)
    vibrations = directions[(lengths > 1e-6 * lengths[0]).sum() :]
    curvature = np.linalg.eigvalsh(vibrations @ weighted @ vibrations.T)
    return np.sign(curvature) * np.sqrt(np.abs(curvature)) * _WAVENUMBER


def keeps_bonds(molecule: Chem.Mol, atoms: Atoms) -> bool:
    """Whether the close pairs of atoms are exactly the bonds of the SMILES."""
    radii = covalent_radii[atoms.numbers]
    close = atoms.get_all_distances() < 1.25 * np.add.outer(radii, radii)
    bonded = Chem.GetAdjacencyMatrix(molecule).astype(bool)
    return bool((np.triu(close, 1) == np.triu(bonded, 1)).all())


def relax(smiles: str, isolated: dict[str, float]) -> dict:
    """A record of the relaxed molecule, or why it was refused (key ``refused``)."""
    guess = flat_guess(smiles)
    if guess is None:
        return {"smiles": smiles, "refused": "no flat conformer"}
    molecule, atoms = guess
    atoms.calc = calculator()
    try:
        lowest = lowest_mode(molecule, atoms)
        energy = atoms.get_potential_energy() - sum(isolated[s] for s in atoms.symbols)
    except (RefusedError, CalculationFailed) as reason:
        return {"smiles": smiles, "refused": str(reason)}
    positions = atoms.positions[:, :2] - atoms.positions[:, :2].mean(0)
    return {
        "smiles": smiles,
        "Z": atoms.numbers.tolist(),
        "R": np.round(positions, 6).tolist(),
        "energy": energy / (kcal / mol),
        "lowest": round(float(lowest), 1),
    }


class RefusedError(Exception):
    """Why a candidate is not a planar minimum."""


def lowest_mode(molecule: Chem.Mol, atoms: Atoms) -> float:
    """Relax ``atoms`` in place; the lowest wavenumber, or RefusedError if it is no planar minimum.

    A rough relaxation comes first, because most candidates that would leave the plane show it
    there already.
    """
    hessian = force_field_hessian(molecule, atoms.positions)
    relax_in_plane(atoms, hessian, 0.05, steps=60)
    if wavenumbers(atoms, axes=(2,))[0] < 0:
        raise RefusedError("bends out of the plane")
    if not relax_in_plane(atoms, hessian, MAX_FORCE):
        raise RefusedError("not converged")
    if not keeps_bonds(molecule, atoms):
        raise RefusedError("other bonds")
    lowest = wavenumbers(atoms, axes=(2,))[0]
    if lowest >= MIN_WAVENUMBER:
        lowest = min(lowest, wavenumbers(atoms, axes=(0, 1))[0])
    if lowest < MIN_WAVENUMBER:
        raise RefusedError("not a minimum")
    return lowest


def run(store: Path, hours: float) -> list[dict]:
    """The kept molecules: candidates in order until every size has its number.

    After ``hours`` only what is in ``store`` already is taken.
    """
    done = {r["smiles"]: r for r in _read(store)}
    todo = _candidates(store.with_name("candidates.json"))
    isolated, start, kept, counts = atom_energies(), time.monotonic(), [], Counter()
    with store.open("a") as stream:
        if stream.tell() and not store.read_text().endswith("\n"):
            stream.write("\n")  # after a line that a stop cut short
        for number, smiles in enumerate(todo):
            size = Chem.MolFromSmiles(smiles).GetNumHeavyAtoms()
            if counts[size] >= WANTED.get(size, len(todo)):
                continue
            if smiles not in done and time.monotonic() - start < 3600 * hours:
                done[smiles] = relax(smiles, isolated)
                stream.write(json.dumps(done[smiles]) + "\n")
                stream.flush()
            if "energy" in done.get(smiles, {}):
                kept.append(done[smiles])
                counts[size] += 1
            if number % 100 == 0:
                print(f"{number}/{len(todo)}: {len(kept)} kept", flush=True)
    return kept


def _candidates(cache: Path) -> list[str]:
    """The candidates, kept in a file because they take a minute or two to enumerate."""
    if not cache.exists():
        cache.write_text(json.dumps(candidates()))
    return json.loads(cache.read_text())


def _read(store: Path) -> list[dict]:
    """Records so far; a line cut short by a stop is left out."""
    records = []
    for line in store.read_text().splitlines() if store.exists() else []:
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            print("a line that was cut short is done again")
    return records


def deal_folds(composition: np.ndarray, energies: np.ndarray, n_folds: int = 5) -> np.ndarray:
    """Folds (n,) with equal means of composition (n, elements), energy and squared energy.

    Molecules are taken by energy in groups of ``n_folds``, the most unequal groups first, and each
    group is dealt in the order that keeps the folds' sums closest to each other. What does not fill
    a group is taken from the middle, where it moves the means least.
    """
    from_mean = energies - energies.mean()
    features = np.column_stack([composition, from_mean, from_mean, from_mean**2])
    features = (features - features.mean(0)) / features.std(0)
    order, rest = np.argsort(energies, kind="stable"), len(energies) % n_folds
    middle = slice((len(order) - rest) // 2, (len(order) + rest) // 2)
    groups = [*np.delete(order, middle).reshape(-1, n_folds), order[middle]]
    folds = np.empty(len(energies), dtype=np.int8)
    sums = np.zeros((n_folds, features.shape[1]))
    for group in sorted(groups, key=lambda g: -features[g].var(0).sum() if len(g) else 0.0):
        deals = [p[: len(group)] for p in permutations(range(n_folds))]
        spread = [((2 * sums[list(d)] + features[group]) * features[group]).sum() for d in deals]
        deal = list(deals[int(np.argmin(spread))])
        folds[group] = deal
        sums[deal] += features[group]
    return folds


def write(kept: list[dict], output: Path) -> None:
    """Write the kept molecules, smallest first."""
    kept = sorted(kept, key=lambda r: (len(r["Z"]), r["energy"]))
    energies = np.array([r["energy"] for r in kept])
    elements = [atomic_numbers[s] for s in SPINS]
    composition = np.array([[r["Z"].count(z) for z in elements] for r in kept])
    flat = np.concatenate([np.array(r["R"]) for r in kept])
    meta = {
        "method": "GFN2-xTB, molecule - isolated atoms, kcal/mol; planar minima (z = 0, Å)",
        "max_force_eV_per_A": MAX_FORCE,
        "min_wavenumber_per_cm": MIN_WAVENUMBER,
        "lowest_wavenumber_found": min(r["lowest"] for r in kept if np.isfinite(r["lowest"])),
        "atoms_eV": atom_energies(),
        "versions": {name: version(name) for name in ("rdkit", "tblite", "ase", "numpy")},
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        output,
        n_atoms=np.array([len(r["Z"]) for r in kept], dtype=np.uint8),
        Z=np.concatenate([r["Z"] for r in kept]).astype(np.uint8),
        R=np.column_stack([flat, np.zeros(len(flat))]),
        energies=energies,
        folds=deal_folds(composition, energies),
        smiles=np.array([r["smiles"] for r in kept]),
        meta=json.dumps(meta),
    )
    print(f"wrote {len(kept)} molecules to {output} ({output.stat().st_size / 1000:.0f} kB)")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the embedded set of planar molecules.")
    parser.add_argument("--work", type=Path, required=True, help="folder for relaxed.jsonl")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--hours", type=float, default=4.0, help="take what there is after that")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    write(run(options.work / "relaxed.jsonl", options.hours), options.output)


if __name__ == "__main__":
    main()
