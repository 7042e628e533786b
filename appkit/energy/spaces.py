"""The space that a density lies in, free or periodic, and what cannot be computed there."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
import torch
from ase import Atoms
from ase.geometry.minkowski_reduction import minkowski_reduce
from torch import Tensor

from appkit.energy.apart import nearest_pair
from appkit.energy.atomic import atomic_density
from appkit.energy.bonds import bonds
from appkit.energy.channels import ATOMIC_CHANNELS, CHANNELS, charges, check_channels
from appkit.energy.dictionary import COINCIDENT, check_apart, coincident
from appkit.energy.form_factors import AtomicDensities
from appkit.energy.frame import Frame, principal_axes
from appkit.energy.geometry import check_list
from appkit.energy.volume import VolumetricDensity, smallest_height
from appkit.scattering.solid_harmonic_cascade import SolidHarmonicCascade
from appkit.scattering.spectra import FourierDensity, GaussianDensity

Space = Atoms | VolumetricDensity


def densities(
    molecule: Atoms,
    positions: Tensor,
    channels: Sequence[str],
    cascade: SolidHarmonicCascade,
    frame: Frame | None = None,
) -> list[tuple[list[str], FourierDensity]]:
    """Densities of atoms at positions (K, 3), Å, and the names of the channels in each.

    Molecules in free space are turned to their principal axes, or laid in the ``frame``; crystals
    are given the shortest vectors of their lattice. Differentiable in the positions.
    """
    periodic = bool(molecule.pbc.all())
    vectors = np.asarray(minkowski_reduce(molecule.cell.array)[0]) if periodic else None
    cell = None if vectors is None else torch.as_tensor(vectors, device=positions.device)
    extent = None if frame is None else frame.extent
    laid = positions.to(torch.float64) if periodic else _laid(positions, frame)

    parts: list[tuple[list[str], FourierDensity]] = []
    if on_atoms := [name for name in channels if name in CHANNELS and name != "bond"]:
        weights = torch.as_tensor(charges(molecule.numbers, on_atoms)).to(laid)
        parts.append((on_atoms, GaussianDensity(laid, weights, cascade.sigma, cell, extent)))
    if "bond" in channels:
        middles, electrons = bonds(laid, molecule.numbers, vectors)
        bond = GaussianDensity(middles, electrons[None], cascade.sigma, cell, extent)
        parts.append((["bond"], bond))
    if atomic := [name for name in channels if name in ATOMIC_CHANNELS]:
        symbols, least = molecule.get_chemical_symbols(), min(1.0, *cascade.powers)
        atoms = AtomicDensities(laid, symbols, atomic, least, cascade.tolerance, cell, extent)
        parts.append((atomic, atoms))
    return parts


def check_spaces(
    X: Sequence[Space], channels: Sequence[str], cascade: SolidHarmonicCascade
) -> None:
    """Raise ``ValueError``, naming the molecule, where one has no density that can be computed."""
    check_list(X, (VolumetricDensity,))
    for i, item in enumerate(X):
        known: Collection[str] = CHANNELS | ATOMIC_CHANNELS
        if isinstance(item, VolumetricDensity):
            name, known = f"Density {i}", item.channels
        else:
            name = f"Molecule {i} ({item.get_chemical_formula()})"
            _check_atoms(item, i, name, cascade)
        try:
            check_channels(channels, known)
            if set(channels) & set(ATOMIC_CHANNELS) and isinstance(item, Atoms):
                for symbol in sorted(set(item.get_chemical_symbols())):
                    atomic_density(symbol)
        except ValueError as error:
            error.add_note(name)
            raise
        if isinstance(item, VolumetricDensity) and item.periodic:
            _check_height(item.height, name, cascade)


def _laid(positions: Tensor, frame: Frame | None) -> Tensor:
    if frame is not None:
        return frame.lay(positions)
    # The axes change nothing but the box, so that they have no derivative.
    axes = torch.as_tensor(principal_axes(positions.detach().cpu().numpy()))
    return positions.to(torch.float64) @ axes.to(positions.device)


def _check_atoms(molecule: Atoms, i: int, name: str, cascade: SolidHarmonicCascade) -> None:
    periodic = molecule.pbc
    if periodic.any() and not periodic.all():
        along = " and ".join(axis for axis, yes in zip("abc", periodic, strict=True) if yes)
        raise ValueError(
            f"{name} is periodic along {along} only: take a molecule in free space, or a crystal "
            "that is periodic in all three directions (a slab with empty space in its cell, say)."
        )
    if not periodic.any():
        check_apart(molecule, i, molecule.positions)
        return
    cell = molecule.cell.array
    if not np.isfinite(cell).all():
        raise ValueError(f"{name} is periodic, but its cell has numbers that are not finite.")
    if abs(np.linalg.det(cell)) < 1e-6:
        raise ValueError(f"{name} is periodic, but its cell has no volume.")
    _check_height(smallest_height(cell), name, cascade)
    distance, k, l = nearest_pair(molecule)
    if distance < COINCIDENT:
        raise coincident(molecule, i, k, l, " or their images do")


def _check_height(height: float, name: str, cascade: SolidHarmonicCascade) -> None:
    """Of a wavelet as wide as the cell is high, nothing but e^{−2π²} of any wave is left."""
    widest = cascade.sigma * 2 ** cascade.scales[-1]
    if widest <= height:
        return
    largest = math.floor(math.log2(height / cascade.sigma))
    advice = f"take J ≤ {largest}" if largest >= 0 else f"take σ ≤ {height:.3g} Å"
    raise ValueError(
        f"{name}: the coarsest wavelets are {widest:.3g} Å wide (σ = {cascade.sigma:g} Å, J = "
        f"{cascade.scales[-1]:g}), the cell is only {height:.3g} Å high: they see nothing but its "
        f"mean. Repeat the cell, or {advice}."
    )
