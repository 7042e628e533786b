"""The force field MMFF94 as an ASE calculator: a teacher that is always there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.units import kcal, mol
from rdkit import Chem
from rdkit.Chem.rdDetermineBonds import DetermineBonds
from rdkit.Chem.rdForceFieldHelpers import MMFFGetMoleculeForceField, MMFFGetMoleculeProperties
from rdkit.rdBase import BlockLogs

from appkit.energy.solid_harmonic import check_volumes


class MMFF94(Calculator):
    """Energies and forces of RDKit's MMFF94 for one molecule.

    Its bonds are those of the geometry that it is made with, and never change: what is pulled apart
    stays bonded.

    Parameters
    ----------
    molecule : near equilibrium, so that its bonds can be told from its distances.
    charge : of the whole molecule, elementary charges.

    Raises
    ------
    ValueError
        for a molecule that is empty, periodic or not finite, with atoms too near to each other, of
        which RDKit finds no bonds, or for which the force field has no types; when asked for
        another molecule, or for atoms in one place.

    References
    ----------
    T. A. Halgren, J. Comput. Chem. 17, 490 (1996); P. Tosco, N. Stiefl, G. Landrum, J. Cheminform.
    6, 37 (2014).
    """

    def __init__(self, molecule: Atoms, charge: int = 0) -> None:
        super().__init__()
        self.implemented_properties = ["energy", "forces"]
        check_volumes([molecule])
        self._numbers = molecule.numbers.copy()
        self._field = _field(molecule, charge)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Set ``results``: energy in eV and forces (K, 3) in eV/Å."""
        super().calculate(atoms, list(properties), list(system_changes))
        if self.atoms is None or not np.array_equal(self.atoms.numbers, self._numbers):
            asked = "no molecule" if self.atoms is None else self.atoms.get_chemical_formula()
            known = Atoms(self._numbers).get_chemical_formula()
            raise ValueError(
                f"This force field was made for {known} with its atoms in their order, not for "
                f"{asked}."
            )
        place = self.atoms.positions.ravel().tolist()
        unit = kcal / mol
        energy = self._field.CalcEnergy(place) * unit
        forces = -np.reshape(self._field.CalcGrad(place), (-1, 3)) * unit
        if not (np.isfinite(energy) and np.isfinite(forces).all()):
            raise ValueError("MMFF94 has no energy where atoms coincide: move them apart.")
        self.results.update(energy=energy, forces=forces)


def _field(molecule: Atoms, charge: int) -> Any:
    """RDKit's force field of a molecule, of all pairs of its atoms."""
    bonded = Chem.RWMol()
    for number in molecule.numbers:
        bonded.AddAtom(Chem.Atom(int(number)))
    conformer = Chem.Conformer(len(molecule))
    conformer.SetPositions(np.ascontiguousarray(molecule.positions))
    bonded.AddConformer(conformer)
    formula = molecule.get_chemical_formula()
    with BlockLogs():
        try:
            DetermineBonds(bonded, charge=charge)
        except (ValueError, RuntimeError) as error:
            raise ValueError(
                f"No bonds were found with which {formula} has the charge {charge:+d}: MMFF94 is "
                "for closed-shell molecules near equilibrium."
            ) from error
        _neutralise(bonded)
        properties = MMFFGetMoleculeProperties(bonded)
        if properties is None:
            raise ValueError(
                f"MMFF94 has no types for the atoms of {formula}: it knows organic molecules."
            )
        return MMFFGetMoleculeForceField(
            bonded, properties, nonBondedThresh=np.inf, ignoreInterfragInteractions=False
        )


def _neutralise(bonded: Chem.RWMol) -> None:
    """Write S⁺–O⁻ as S=O, likewise of P and Cl: so the force field's types have them."""
    for bond in bonded.GetBonds():
        for heavy, oxygen in permutations((bond.GetBeginAtom(), bond.GetEndAtom())):
            hypervalent = heavy.GetAtomicNum() in (15, 16, 17) and heavy.GetFormalCharge() > 0
            if hypervalent and oxygen.GetAtomicNum() == 8 and oxygen.GetFormalCharge() < 0:
                bond.SetBondType(Chem.BondType.DOUBLE)
                heavy.SetFormalCharge(heavy.GetFormalCharge() - 1)
                oxygen.SetFormalCharge(0)
    Chem.SanitizeMol(bonded)
