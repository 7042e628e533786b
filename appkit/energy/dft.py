"""The true electron density of a small molecule by Kohn–Sham DFT, to set beside ρ̃.

ρ̃ adds up isolated atoms; the molecule's own density also has its bonds. PySCF computes it, an
optional extra: ``pip install "appkit[dft]"``.

The talk condenses each atom's sphere of radius r on the circle of radius r. That needs a centre, so
no such planar density exists for a molecule. Two that do exist are offered instead: the density in
the molecule's plane (e/Å³), and the density integrated over z (e/Å²). For the difference from
isolated atoms, :meth:`MolecularDensity.isolated_atoms` is the sum of atoms in the same basis and
functional: the tables of :mod:`appkit.energy.atomic` come from a better basis, and near the nuclei
that difference would hide the bonds.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
from ase import Atoms
from ase.units import Bohr
from numpy.typing import ArrayLike, NDArray

from appkit.energy.geometry import NotPlanarError, planar_positions
from appkit.energy.molecules import check_elements, check_molecule
from appkit.scattering.grid import Grid

Array = NDArray[np.float64]

#: Seconds on one idle core per squared number of basis functions, measured on C2H4 and C6H6.
_SECONDS_PER_PAIR = 6e-4
_BLOCK = 8192  # points evaluated at a time
_TOP = 6.0  # Å: no density above that height over the plane


class DensityError(ValueError):
    """A density that cannot be computed as asked; the message says why and what to do."""


@dataclass(frozen=True)
class MolecularDensity:
    """An electron density in a Gaussian basis.

    Attributes
    ----------
    atoms : the molecule in the frame of the density (Å); planar ones lie in z = 0.
    energy : total energy in hartree; None for a sum of isolated atoms.
    xc : the functional, by PySCF's name.
    basis : PySCF's molecule (functions, positions in bohr).
    matrix : density matrix (functions, functions), both spins together.
    """

    atoms: Atoms
    energy: float | None
    xc: str
    basis: Any
    matrix: Array

    def at(self, points: ArrayLike) -> Array:
        """ρ in e/Å³ at ``points`` (…, 3) in Å, in the frame of ``atoms``."""
        points = np.asarray(points, dtype=float)
        flat = points.reshape(-1, 3) / Bohr
        density = np.empty(len(flat))
        for start in range(0, len(flat), _BLOCK):
            block = slice(start, start + _BLOCK)
            functions = self.basis.eval_gto("GTOval_sph", flat[block])
            density[block] = np.einsum("gi,gi->g", functions @ self.matrix, functions)
        return density.reshape(points.shape[:-1]) / Bohr**3

    def plane(self, grid: Grid) -> Array:
        """ρ in the molecule's plane z = 0, ``(n_y, n_x)`` in e/Å³."""
        return self.at(self._points(grid))

    def integrated(self, grid: Grid, n_heights: int = 24) -> Array:
        """∫ ρ dz, ``(n_y, n_x)`` in e/Å².

        Gauss–Legendre in t with z ∝ sinh t, densest at the plane, where the nuclei are; the half
        space below counts the same.
        """
        t, weights = np.polynomial.legendre.leggauss(n_heights)
        t, weights = (t + 1) / 2, weights / 2
        stretch = 10.0
        heights = _TOP * np.sinh(stretch * t) / np.sinh(stretch)
        weights = weights * _TOP * stretch * np.cosh(stretch * t) / np.sinh(stretch)
        points, total = self._points(grid), np.zeros(grid.shape)
        for height, weight in zip(heights, weights, strict=True):
            points[..., 2] = height
            total += 2 * weight * self.at(points)
        return total

    def isolated_atoms(self) -> MolecularDensity:
        """Sum of the spherical isolated atoms in the same basis and functional.

        ρ minus this shows how electrons move when the molecule forms. The atoms are not spin
        polarised.
        """
        from pyscf.scf import atom_ks

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of PySCF's own making
            solved = atom_ks.get_atm_nrks(self.basis, xc=self.xc)
        matrix = np.zeros_like(self.matrix)
        for index, (_, _, start, stop) in enumerate(self.basis.aoslice_by_atom()):
            _, _, orbitals, occupied = solved[self.basis.atom_symbol(index)]
            matrix[start:stop, start:stop] = (orbitals * occupied) @ orbitals.T
        return replace(self, matrix=matrix, energy=None)

    def _points(self, grid: Grid) -> Array:
        planar_positions(self.atoms)
        y, x = (axis.numpy() for axis in grid.coordinates())
        points = np.zeros((*grid.shape, 3))
        points[..., 0], points[..., 1] = x[None, :], y[:, None]
        return points


def estimated_seconds(n_functions: int) -> float:
    """Rough time of one self-consistent field on one idle core."""
    return _SECONDS_PER_PAIR * n_functions**2


def solve(
    atoms: Atoms,
    xc: str = "PBE",
    basis: str = "def2-SVP",
    max_seconds: float = 120.0,
    progress: Callable[[int, float], None] | None = None,
) -> MolecularDensity:
    """Kohn–Sham density of a neutral molecule, restricted, or unrestricted for odd electrons.

    Parameters
    ----------
    atoms : the molecule; a planar one is put into z = 0 as :func:`planar_positions` does.
    xc, basis : PySCF's names of the functional and the Gaussian basis.
    max_seconds : molecules whose estimated time is longer are refused.
    progress : called with the cycle and the energy (Eh); an exception raised in it cancels.

    Raises
    ------
    ImportError
        if PySCF is not installed.
    DensityError
        for an unknown functional or basis, a molecule that is too large, or a self-consistent
        field that does not converge.
    ValueError
        for an empty molecule, a position that is not finite, coincident atoms, or an element
        without isolated-atom density.
    """
    gto, dft = _pyscf()
    atoms = _placed(check_elements(check_molecule(atoms)))
    molecule = _basis(gto, atoms, basis)
    seconds = estimated_seconds(molecule.nao)
    if seconds > max_seconds:
        raise DensityError(
            f"{atoms.get_chemical_formula()} in {basis} has {molecule.nao} basis functions: about "
            f"{seconds:.2g} s of DFT, more than the {max_seconds:.3g} s allowed. Take a smaller "
            "molecule or basis."
        )
    try:
        dft.libxc.parse_xc(xc)
    except (KeyError, ValueError) as error:
        raise DensityError(f"Unknown functional {xc!r}: take PBE or PBE0, say.") from error
    field = dft.UKS(molecule, xc=xc) if molecule.spin else dft.RKS(molecule, xc=xc)
    if progress is not None:
        field.callback = lambda state: progress(state["cycle"] + 1, float(state["e_tot"]))
    energy = float(field.kernel())
    if not field.converged:
        raise DensityError(
            f"The self-consistent field of {atoms.get_chemical_formula()} did not converge: check "
            "the distances between its atoms."
        )
    matrix = np.asarray(field.make_rdm1())
    matrix = matrix.sum(0) if molecule.spin else matrix
    return MolecularDensity(atoms, energy, xc, molecule, matrix)


def electron_density(
    atoms: Atoms, grid: Grid, view: str = "plane", xc: str = "PBE", basis: str = "def2-SVP"
) -> Array:
    """True density of a planar molecule on ``grid``: ``(n_y, n_x)``.

    ``view`` is "plane" (ρ at z = 0, e/Å³) or "integrated" (∫ρ dz, e/Å²). Raises what
    :func:`solve` raises, and NotPlanarError for a molecule that is not planar.
    """
    if view not in ("plane", "integrated"):
        raise DensityError(f"Unknown view {view!r}: choose plane or integrated.")
    planar_positions(atoms)
    density = solve(atoms, xc, basis)
    return density.plane(grid) if view == "plane" else density.integrated(grid)


def _placed(atoms: Atoms) -> Atoms:
    """Planar molecules in z = 0, others as they are."""
    try:
        flat = planar_positions(atoms)
    except NotPlanarError:
        return Atoms(atoms.numbers, atoms.positions)
    return Atoms(atoms.numbers, np.column_stack([flat, np.zeros(len(flat))]))


def _basis(gto: ModuleType, atoms: Atoms, basis: str) -> Any:
    spin = int(atoms.numbers.sum()) % 2
    geometry = list(zip(atoms.get_chemical_symbols(), atoms.positions.tolist(), strict=True))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # advice to install another package
            return gto.M(atom=geometry, basis=basis, spin=spin, verbose=0)
    except (KeyError, RuntimeError) as error:
        raise DensityError(
            f"No basis {basis!r} for {atoms.get_chemical_formula()}: take def2-SVP or cc-pVTZ, say."
        ) from error


def _pyscf() -> tuple[ModuleType, ModuleType]:
    try:
        from pyscf import dft, gto
    except ImportError as error:
        raise ImportError(
            "The true density needs PySCF, which is an optional extra: "
            'pip install "appkit[dft]" (Linux and macOS).'
        ) from error
    return gto, dft
