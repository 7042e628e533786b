"""Electron densities on a grid: from a Gaussian cube file, an array, or PySCF."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import BinaryIO, TextIO

import numpy as np
import torch
from ase import Atoms
from ase.geometry.minkowski_reduction import minkowski_reduce
from ase.units import Bohr
from numpy.typing import ArrayLike, NDArray

from appkit.energy.channels import charges
from appkit.energy.cube import read_cube
from appkit.energy.dft import MolecularDensity
from appkit.energy.dictionary import MOLECULE_BYTES
from appkit.memory import gigabytes
from appkit.scattering.spectra import SampledDensity

Array = NDArray[np.float64]

#: Relative differences from the atoms' electrons that are told (valence densities have many).
_TOLD = 0.02
#: A density has between a quarter of its atoms' valence electrons and thrice all: beyond that its
#: units are wrong. A length in Å for one in bohr, or the other way around, is a factor of 6.7.
_LEAST, _MOST = 0.25, 3.0
#: Relative differences that neither valence electrons nor ions nor coarse grids explain.
_FAR = 0.2
#: At least this part of a molecule's electrons lies within so many Å of a nucleus.
_NEAR_ATOMS, _REACH = 0.6, 1.5


@dataclass(frozen=True, eq=False)
class VolumetricDensity:
    """Densities on a grid of voxels, in a box in empty space or in a periodic cell.

    Attributes
    ----------
    values : (channels, n1, n2, n3), e/Å³, at the points origin + (i/n1, j/n2, k/n3) · cell.
    cell : vectors in rows (3, 3), Å, along the three axes of the grid.
    periodic : whether the density goes on beyond the cell; otherwise there is nothing beyond.
    atoms : where they lie in the density, for pictures and to count electrons; may be None.
    channels : a name for each density, by which a dictionary asks for it.
    origin : of the grid (3,), Å.

    Raises
    ------
    ValueError
        for values that are not finite numbers on a grid of three axes, a cell without volume, or
        names that do not fit the values.
    """

    values: Array
    cell: Array
    periodic: bool = False
    atoms: Atoms | None = None
    channels: tuple[str, ...] = ("density",)
    origin: Array | tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        shape = np.shape(self.values)
        if len(shape) != 4 or min(shape) < 1 or min(shape[1:]) < 2:
            raise ValueError(
                "A density has values (channels, n1, n2, n3) with at least 2 samples along each "
                f"axis, not {shape}."
            )
        _check_size(shape)
        if len(self.channels) != shape[0] or len(set(self.channels)) != shape[0]:
            raise ValueError(
                f"{shape[0]} densities need as many different names, not {self.channels}."
            )
        if np.shape(self.cell) != (3, 3) or not np.isfinite(self.cell).all():
            raise ValueError("A cell is three vectors of finite numbers, in rows (3, 3), in Å.")
        if abs(np.linalg.det(self.cell)) < 1e-9:
            raise ValueError(f"The cell {np.array(self.cell).tolist()} has no volume.")
        bad = ~np.isfinite(self.values)
        if bad.any():
            first = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(
                f"{int(bad.sum()):,} of {bad.size:,} values of the density are not finite numbers; "
                f"the first is at {first}."
            )

    @classmethod
    def from_cube(
        cls, source: str | PathLike[str] | TextIO | BinaryIO, periodic: bool = False
    ) -> VolumetricDensity:
        """From a Gaussian cube file in e/bohr³, by its path or an open stream.

        Several data sets become several channels, ``density1``, ``density2``, …; those of a file of
        orbitals are taken as they are, orbitals / bohr^{3/2}.

        Raises
        ------
        CubeError
            for a file that is no cube file or too large, see :func:`appkit.energy.cube.read_cube`.
        ValueError
            for values that are not finite, an integral that is absurd for the atoms, or atoms that
            all lie outside of the box.
        """
        cube = read_cube(source)
        sets = len(cube.values)
        names = ("density",) if sets == 1 else tuple(f"density{k + 1}" for k in range(sets))
        values = cube.values if cube.orbitals else cube.values / Bohr**3
        shape = np.array(values.shape[1:])
        cell = cube.voxels * shape[:, None]
        density = cls(values, cell, periodic, cube.atoms, names, cube.origin)
        density._check_box()
        if sets == 1 and not cube.orbitals:
            density._check_electrons()
        return density

    @classmethod
    def from_array(
        cls,
        values: ArrayLike,
        spacing: float | ArrayLike,
        periodic: bool = False,
        atoms: Atoms | None = None,
        channels: Sequence[str] | None = None,
        origin: ArrayLike = (0.0, 0.0, 0.0),
    ) -> VolumetricDensity:
        """From values (n1, n2, n3) or (channels, n1, n2, n3) in e/Å³.

        ``spacing``, Å, is one number, one for each axis, or the three vectors from a sample to the
        next along the axes, in rows (3, 3).

        Raises
        ------
        ValueError
            for a spacing of another shape or not positive, and as the class.
        """
        array = np.asarray(values)
        if np.iscomplexobj(array):
            raise ValueError("The density has complex values: take their squares |ψ|², or a part.")
        _check_size(array.shape)  # before a number is looked at
        array = array.astype(float, copy=False)
        array = array[None] if array.ndim == 3 else array
        voxels = np.asarray(spacing, dtype=float)
        if voxels.shape in ((), (3,)):
            if not (voxels > 0).all():
                raise ValueError(f"The spacing must be positive lengths in Å, not {spacing!r}.")
            voxels = np.diag(np.broadcast_to(voxels, 3))
        if voxels.shape != (3, 3):
            raise ValueError(
                "The spacing is one length, three, or three vectors in rows (3, 3), in Å, not an "
                f"array of shape {voxels.shape}."
            )
        if channels is None:
            many = array.ndim == 4 and len(array) > 1
            channels = [f"density{k + 1}" for k in range(len(array))] if many else ["density"]
        cell = voxels * np.array(array.shape[-3:])[:, None] if array.ndim == 4 else voxels
        return cls(array, cell, periodic, atoms, tuple(channels), np.asarray(origin, dtype=float))

    @classmethod
    def from_pyscf(
        cls, density: MolecularDensity, step: float = 0.15, margin: float = 4.0
    ) -> VolumetricDensity:
        """A molecule's density by PySCF, in a box with ``margin`` around its atoms, both in Å.

        The samples are what the density is at their points. The cusps at heavy nuclei are sharper
        than any grid, so that the integral is only near the number of electrons: see `note`.

        Raises
        ------
        ValueError
            for a step or margin that is no positive length, or a box over the memory.
        """
        for name, value in (("step", step), ("margin", margin)):
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"The {name} must be a positive length in Å, not {value}.")
        positions = density.atoms.positions
        low, high = positions.min(0) - margin, positions.max(0) + margin
        n_x, n_y, n_z = (int(n) for n in np.ceil((high - low) / step))
        if (needed := 40.0 * n_x * n_y * n_z) > MOLECULE_BYTES:  # points, values, a copy
            raise ValueError(
                f"A box of {n_x} × {n_y} × {n_z} samples needs {gigabytes(needed)}, over "
                f"{gigabytes(MOLECULE_BYTES)}: take a larger step or a smaller margin."
            )
        axes = [start + step * np.arange(n) for start, n in zip(low, (n_x, n_y, n_z), strict=True)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        return cls.from_array(density.at(points), step, atoms=density.atoms, origin=low)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Samples along each axis."""
        _, x, y, z = self.values.shape
        return x, y, z

    @property
    def electrons(self) -> Array:
        """∫ρ of each channel, ``(channels,)``."""
        return self.values.mean((1, 2, 3)) * abs(np.linalg.det(self.cell))

    @property
    def height(self) -> float:
        """Least distance of two faces of the cell, over all choices of its vectors, in Å."""
        return smallest_height(self.cell)

    @property
    def note(self) -> str:
        """What a person should know about the density; empty where there is nothing."""
        notes, misplaced = [], False
        if self.atoms is not None and len(self.atoms) and self.channels == ("density",):
            ours, theirs = float(self.electrons[0]), int(self.atoms.numbers.sum())
            valence = int(charges(self.atoms.numbers, ["valence"]).sum())
            told = f"The density integrates to {ours:.4g} electrons, its atoms have {theirs}"
            if min(abs(ours - n) / n for n in (theirs, valence)) > _FAR:
                notes.append(
                    f"{told}, {valence} of them valence electrons: it is near to neither, so that "
                    "the units of its values or of its lengths may be wrong."
                )
            elif abs(ours - theirs) > _TOLD * theirs:
                notes.append(
                    f"{told}: it is of valence electrons, of an ion, or its grid is coarse at the "
                    "nuclei."
                )
            near = 1.0 if self.periodic else share_near(self.values[0], self._voxels, self._placed)
            if misplaced := near < _NEAR_ATOMS:
                notes.append(
                    f"Only {100 * near:.0f}% of the density lies within {_REACH:g} Å of an atom: "
                    "are its axes, or the counts of their samples, exchanged, does it belong to "
                    "other atoms, or is it periodic?"
                )
        if not self.periodic and not misplaced and self._at_faces() > _TOLD:
            notes.append(
                f"At the faces of its box the density still has {100 * self._at_faces():.0f}% of "
                "its largest value: it is cut off, or it is periodic."
            )
        return " ".join(notes)

    def sampled(self, channels: Sequence[str], device: str = "cpu") -> SampledDensity:
        """The densities of these names, for :class:`appkit.scattering.FourierSolidHarmonic`."""
        rows = [self.channels.index(name) for name in channels]
        every = rows == list(range(len(self.channels)))  # these need no copy
        values = torch.as_tensor(self.values if every else self.values[rows], device=device)
        return SampledDensity(values, torch.as_tensor(self._voxels), self.periodic)

    @property
    def _voxels(self) -> Array:
        return self.cell / np.array(self.shape)[:, None]

    @property
    def _placed(self) -> Array:
        """Positions of the atoms from the first sample, (K, 3), Å."""
        assert self.atoms is not None
        return np.asarray(self.atoms.positions - np.asarray(self.origin))

    def _check_box(self) -> None:
        if self.periodic or self.atoms is None or not len(self.atoms):
            return
        along = self._placed @ np.linalg.inv(self.cell)
        slack = 1 / np.array(self.shape)
        if ((along > -slack) & (along < 1 + slack)).all(1).any():
            return
        middle = np.asarray(self.origin) + self.cell.sum(0) / 2
        distance = np.linalg.norm(self.atoms.positions - middle, axis=1).min()
        raise ValueError(
            f"All {len(self.atoms)} atoms ({self.atoms.get_chemical_formula()}) lie outside of the "
            f"density's box of {' × '.join(f'{e:.3g}' for e in np.linalg.norm(self.cell, axis=1))} "
            f"Å, at least {distance:.3g} Å from its middle: are the origin, the voxels and the "
            "atoms in one unit?"
        )

    def _at_faces(self) -> float:
        """Largest value on the faces of the box relative to the largest anywhere."""
        size = np.abs(self.values).max((1, 2, 3))
        faces = [
            np.abs(np.take(self.values, side, axis)).max((1, 2))
            for axis in (1, 2, 3)
            for side in (0, -1)
        ]
        return float((np.max(faces, axis=0) / np.where(size > 0, size, 1)).max())

    def _check_electrons(self) -> None:
        if self.atoms is None or not len(self.atoms):
            return
        ours, theirs = float(self.electrons[0]), int(self.atoms.numbers.sum())
        valence = sum(_least_valence(int(z)) for z in self.atoms.numbers)
        if not _LEAST * valence <= ours <= _MOST * theirs:
            raise ValueError(
                f"The density integrates to {ours:.4g} electrons, but its atoms "
                f"({self.atoms.get_chemical_formula()}) have {theirs}: are its values in e/bohr³, "
                "and its lengths in bohr (a positive count of voxels) or Å (a negative one)?"
            )


def share_near(values: Array, voxels: Array, positions: Array, reach: float = _REACH) -> float:
    """Share of ∫|ρ| that lies nearer than ``reach`` to an atom; 1 for a density of zeros.

    ρ on a grid (n1, n2, n3) of ``voxels`` (3, 3); ``positions`` (K, 3) from its first sample.
    """
    inverse = np.linalg.inv(voxels)
    half = reach * np.linalg.norm(inverse, axis=0)  # samples along each axis
    near = np.zeros(values.shape, dtype=bool)
    for position in positions:
        centre = position @ inverse
        low = np.clip(np.ceil(centre - half), 0, values.shape).astype(int)
        high = np.clip(np.floor(centre + half) + 1, low, values.shape).astype(int)
        part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        steps = np.moveaxis(np.mgrid[part], 0, -1) - centre
        near[part] |= np.linalg.norm(steps @ voxels, axis=-1) < reach
    size = np.abs(values)
    total = float(size.sum())
    return float(size[near].sum()) / total if total else 1.0


def _check_size(shape: tuple[int, ...]) -> None:
    """Raise ``ValueError`` for more values than could be transformed, 24 bytes each."""
    if (needed := 24 * math.prod(shape)) > MOLECULE_BYTES:
        raise ValueError(
            f"A density of {' × '.join(map(str, shape))} values needs {gigabytes(needed)}, over "
            f"{gigabytes(MOLECULE_BYTES)}: take fewer samples."
        )


def smallest_height(cell: ArrayLike) -> float:
    """Least distance of two faces of a cell (3, 3), its vectors chosen as short as they can be."""
    reduced, _ = minkowski_reduce(np.asarray(cell, dtype=float))
    return float(1 / np.linalg.norm(np.linalg.inv(np.asarray(reduced)), axis=0).max())


def _least_valence(z: int) -> int:
    """Electrons of an atom that any density has: heavy ones may have lost most to a core."""
    return z - max(closed for closed in (0, 2, 10, 18) if closed < z) if z <= 20 else 1
