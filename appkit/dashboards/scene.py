"""A molecule lying in its plane on a grid: what the density page draws. Knows no Panel.

A `Scene` is an immutable description; its fields are computed on a worker and what is dear
(filters, radial transforms) is kept for the next one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from ase import Atoms

from appkit.energy.density import PlanarDensity
from appkit.energy.geometry import planar_positions
from appkit.energy.invariance import Spectrum, by_scale, invariance, shifted, turned
from appkit.figures.density import Field, Planar, Sheet
from appkit.scattering.grid import Grid, fast_even_size
from appkit.scattering.morlet import MorletBank
from appkit.scattering.planar import PlanarCascade

#: Scale of the finest wavelets, Å: they oscillate once in 0.53 Å, about half a bond.
FINEST = 0.2
#: Largest grid of the page, samples on a side: a sheet of fields of it fits in 512 MB.
MAX_SIDE = 1024
#: Room around the molecule, Å: on the periodic grid, and in the pictures.
MARGIN = 2.5
#: Smallest box, Å: the page's five scales, whose largest wavelength is 8.5 Å, fit for H₂ too.
SMALLEST = 9
SHOWN = 0.5
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
#: Samples on a side of a tile of the sheet.
TILE = 56


@dataclass(frozen=True)
class Scene:
    """A planar molecule, its density, a grid and a bank of wavelets.

    Attributes
    ----------
    symbols, positions : the atoms, positions (Å) centred on their bounding box.
    channel, sigma : see `appkit.energy.density.CHANNELS`; σ in Å.
    step : the grid's, Å.
    J, L : numbers of scales and of angles.
    turn, shift : degrees and Å by which the molecule is moved.
    """

    symbols: tuple[str, ...]
    positions: tuple[tuple[float, float], ...]
    channel: str = "valence"
    sigma: float = 0.25
    step: float = 0.05
    J: int = 5
    L: int = 8
    turn: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of(cls, atoms: Atoms, project: bool = False, **settings: object) -> Scene:
        """The scene of a molecule; raises as `planar_positions` does.

        Atoms may coincide, as they do in QM7-2D where a projection put one over another.
        """
        xy = planar_positions(atoms, project=project)
        rows = tuple((float(x), float(y)) for x, y in xy)
        return cls(tuple(atoms.get_chemical_symbols()), rows, **settings)  # type: ignore[arg-type]

    @property
    def side(self) -> float:
        """Side of the square box, Å; it holds the molecule at every turn."""
        return max(math.ceil(2 * (self._radius + MARGIN)), SMALLEST)

    @property
    def _radius(self) -> float:
        """Distance from the centre at which the density has ended, Å."""
        reach = max(self.density.reach, 0.5)
        return float(np.hypot(*np.array(self.positions).T).max()) + reach

    @property
    def grid(self) -> Grid:
        """The square grid; refuses one over the memory budget, with the numbers."""
        if not (math.isfinite(self.step) and self.step > 0):
            raise ValueError(f"The grid step must be a positive length in Å, not {self.step}.")
        n = fast_even_size(self.side / self.step)
        if n > MAX_SIDE:
            need, budget = (8 * self.J * self.L * m**2 / 1e6 for m in (n, MAX_SIDE))
            raise ValueError(
                f"A step of {self.step:g} Å asks for a grid of {n} × {n} and {need:,.0f} MB of "
                f"fields; this page's budget is {MAX_SIDE} × {MAX_SIDE} and {budget:,.0f} MB. "
                f"Take a step of at least {math.ceil(1e3 * self.side / MAX_SIDE) / 1e3:.3f} Å."
            )
        return Grid((n, n), self.step)

    @property
    def bank(self) -> MorletBank:
        """The wavelets; refuses a J whose largest wavelet does not fit into the box."""
        bank = MorletBank(self.J, self.L, FINEST)
        if bank.wavelength(self.J - 1) > self.side:
            largest = int(math.log2(self.side / bank.wavelength(0))) + 1
            raise ValueError(
                f"J = {self.J} is too large for this grid: the largest wavelets oscillate once in "
                f"{bank.wavelength(self.J - 1):.1f} Å and the box is {self.side:g} Å wide. Take "
                f"J ≤ {largest}."
            )
        coarsest = bank.wavelength(0) / 3
        if self.step > coarsest:
            raise ValueError(
                f"A step of {self.step:g} Å is too coarse for the finest wavelets, which oscillate "
                f"once in {bank.wavelength(0):.2f} Å: take at most {coarsest - 5e-4:.3f} Å."
            )
        return bank

    @property
    def density(self) -> PlanarDensity:
        """The density's construction, kept for the next scene with the same channel."""
        return _density(self.channel, self.sigma)

    @property
    def atoms(self) -> Planar:
        """The moved atoms, for drawing."""
        return Planar(self.symbols, self._moved().positions[:, :2])

    @property
    def formula(self) -> str:
        """The Hill formula, with subscripts."""
        return Atoms(list(self.symbols)).get_chemical_formula("hill").translate(_SUBSCRIPTS)

    def spectrum(self) -> Spectrum:
        """ρ̂ of the moved molecule at any frequencies."""
        moved = self._moved()
        xy = moved.positions[:, :2]
        centre = (xy.max(0) + xy.min(0)) / 2  # `PlanarDensity` centres what it is given
        flat = self.density.spectrum([moved])
        return shifted(flat, (float(centre[0]), float(centre[1])))

    def picture(self) -> Field:
        """ρ̃ in e/Å²."""
        return self.shown(self.grid.to_space(self._on_grid()).real)

    def modulus(self, j: int, angle: int) -> Field:
        """|ρ∗ψ_{j,θ}| in e/Å², θ = π · angle / L."""
        return self.shown(self._filtered(self._on_grid(), j, angle).abs())

    def wavelet(self, j: int, angle: int) -> Field:
        """The real part of ψ_{j,θ}."""
        psi = _filter(self.grid, self.bank_key, j, angle)
        return self.shown(self.grid.to_space(psi.to(torch.complex64)).real)

    def sheet(self, selected: tuple[int, int]) -> Sheet:
        """First-order fields of all scales and angles."""
        spectrum = self._on_grid()
        return self._sheet(spectrum, range(self.J), selected)

    def second_sheet(self, j: int, angle: int) -> Sheet | None:
        """||ρ∗ψ_{j,θ}|∗ψ_{j′,θ′}| for all coarser scales j′ > j; None if there is none."""
        if j >= self.J - 1:
            return None
        modulus = self._filtered(self._on_grid(), j, angle).abs()
        return self._sheet(self.grid.to_fourier(modulus), range(j + 1, self.J), None)

    def point_sheet(self, j: int, angle: int, x: float, y: float) -> Sheet | None:
        """The second order at one point: a tile for each (j′, θ′) with one value; None as above."""
        if j >= self.J - 1:
            return None
        spectrum = self.grid.to_fourier(self._filtered(self._on_grid(), j, angle).abs())
        row, column = self._index(x, y)
        scales = range(j + 1, self.J)
        tiles = np.empty((len(scales), self.L, 2, 2), np.float32)
        for number, j2 in enumerate(scales):
            for l2 in range(self.L):
                tiles[number, l2] = float(self._filtered(spectrum, j2, l2)[row, column].abs())
        return Sheet(tiles, self.scale_names(j + 1), self.angle_names())

    def _index(self, x: float, y: float) -> tuple[int, int]:
        """Row and column of the sample nearest to a point."""
        n = self.grid.shape[0]
        row, column = (round(v / self.step) + n // 2 for v in (y, x))
        return min(max(row, 0), n - 1), min(max(column, 0), n - 1)

    def invariants(self) -> pd.DataFrame:
        """The cascade's invariants, a frame with the columns of its paths and ``value``."""
        cascade = _cascade(self.bank_key, self.side)
        with torch.inference_mode():
            values = cascade(self.spectrum())[0].numpy()
        return pd.DataFrame(cascade.paths).assign(value=values)

    def meter(self) -> pd.DataFrame:
        """Relative change of the invariants between the resting and the moved molecule.

        Columns ``label, order, change``; order 0 is the picture itself, pixel by pixel, which is
        no invariant and is there to compare.
        """
        rest = replace(self, turn=0.0, shift=(0.0, 0.0))
        changes = by_scale(
            invariance(_cascade(self.bank_key, self.side), rest.spectrum(), self.spectrum())
        )
        one, other = rest.picture().values, self.picture().values
        pixels = float(np.linalg.norm(other - one) / np.linalg.norm(one))
        first = pd.DataFrame({"order": [0], "j": [-1], "change": [pixels], "label": ["ρ̃(u)"]})
        return pd.concat([first, changes], ignore_index=True)

    @property
    def bank_key(self) -> tuple[int, int]:
        """(J, L), checked against the grid."""
        bank = self.bank
        return bank.J, bank.L

    def scale_names(self, first: int = 0) -> tuple[str, ...]:
        """Names of the rows of a sheet: the wavelength of each scale."""
        return tuple(f"j={j} · {self.bank.wavelength(j):.1f} Å" for j in range(first, self.J))

    def angle_names(self) -> tuple[str, ...]:
        """Names of the columns of a sheet, degrees."""
        return tuple(f"{180 * l / self.L:g}°" for l in range(self.L))

    def _moved(self) -> Atoms:
        flat = np.column_stack([np.array(self.positions), np.zeros(len(self.symbols))])
        return turned(Atoms(list(self.symbols), flat), self.turn, self.shift)

    def _on_grid(self) -> torch.Tensor:
        return _spectrum_on_grid(self)

    def _window(self) -> slice:
        """The samples of an axis that are shown: the periodic margin is left out."""
        n = self.grid.shape[0]
        half = min(math.ceil((self._radius + SHOWN) / self.step), n // 2)
        return slice(n // 2 - half, n // 2 + half)

    def shown(self, values: torch.Tensor) -> Field:
        """The part of a field on the whole grid that is shown."""
        part, n, h = self._window(), self.grid.shape[0], self.step
        low, high = (part.start - n // 2 - 0.5) * h, (part.stop - n // 2 - 0.5) * h
        cut = values[part, part].to(torch.float32)
        return Field(cut.numpy(), (low, low, high, high))

    def _sheet(
        self, spectrum: torch.Tensor, scales: range, selected: tuple[int, int] | None
    ) -> Sheet:
        shown = self._window()
        keep = np.linspace(shown.start, shown.stop - 1, TILE).round().astype(int)
        tiles = np.empty((len(scales), self.L, TILE, TILE), np.float32)
        for row, j in enumerate(scales):
            for angle in range(self.L):
                field = self._filtered(spectrum, j, angle)
                tiles[row, angle] = field[keep][:, keep].abs().numpy()
        return Sheet(tiles, self.scale_names(scales.start), self.angle_names(), selected)

    def _filtered(self, spectrum: torch.Tensor, j: int, angle: int) -> torch.Tensor:
        """The complex field on the whole grid; refuses a wavelet that the bank has not."""
        J, L = self.bank_key
        if not (0 <= j < J and 0 <= angle < L):
            raise ValueError(
                f"There is no wavelet j = {j}, angle {angle}: scales go from 0 to {J - 1} and "
                f"angles from 0 to {L - 1}."
            )
        return self.grid.to_space(spectrum * _filter(self.grid, (J, L), j, angle))


@lru_cache(maxsize=4)
def _spectrum_on_grid(scene: Scene) -> torch.Tensor:
    """ρ̂ of a scene, kept while its wavelets change."""
    return scene.spectrum()(*scene.grid.frequencies())[0]


@lru_cache(maxsize=16)
def _density(channel: str, sigma: float) -> PlanarDensity:
    return PlanarDensity([channel], sigma)


@lru_cache(maxsize=96)
def _filter(grid: Grid, bank_key: tuple[int, int], j: int, angle: int) -> torch.Tensor:
    bank = MorletBank(*bank_key, FINEST)
    wy, wx = (w.to(torch.float32) for w in grid.frequencies())
    return bank.fourier(j, math.pi * angle / bank.L, wy[:, None], wx[None, :])


@lru_cache(maxsize=8)
def _cascade(bank_key: tuple[int, int], side: float) -> PlanarCascade:
    return PlanarCascade(MorletBank(*bank_key, FINEST), (side, side))
