"""Which representations of a density are stable to deformations, measured.

The energy of a molecule changes little where its atoms move little, so a dictionary in which the
energy is to be regressed must do the same: ‖Φ(ρ_τ) − Φ(ρ)‖ ≤ C ‖∇τ‖_∞ ‖Φ(ρ)‖, with one C for all
densities (Hirn, Mallat, Poilvert, MMS 15(2), 2017, §2 and §5). Distances of fields are relative,
‖Φ(ρ_τ) − Φ(ρ)‖ / ‖Φ(ρ)‖; those of molecules are in units of the spread between molecules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from ase import Atoms
from torch import Tensor

from appkit.energy import PlanarDensity, planar_positions
from appkit.scattering import Grid, MorletBank, PlanarCascade
from appkit.scattering.deform import Deformation, dilation, grid_points, random_deformation

__all__ = [
    "REPRESENTATIONS",
    "Jump",
    "Representations",
    "atoms_against_strength",
    "deformed_atoms",
    "distance",
    "fields_against_strength",
    "largest_jump",
    "sampled_spectrum",
    "stretched",
    "wave_packet",
    "waves_against_frequency",
]

#: What is measured on a field, in words.
REPRESENTATIONS = {
    "fourier": "Fourier modulus |ρ̂(ω)|",
    "circles": "Fourier, mean of |ρ̂| on circles",
    "autocorrelation": "autocorrelation ρ∗ρ̃",
    "wavelet": "wavelet norms ‖ρ∗ψ_j‖₁",
    "scattering": "scattering, orders 1 and 2",
}


class Representations:
    """The five translation invariants of `REPRESENTATIONS`, of fields on one grid.

    grid : where the fields are sampled. J, L : scales and angles of the wavelets, whose finest
    scale is ``finest`` (default: the grid's step).
    """

    def __init__(self, grid: Grid, J: int = 6, L: int = 8, finest: float | None = None) -> None:
        self.grid = grid
        bank = MorletBank(J, L, finest or grid.step)
        self.cascade = PlanarCascade(bank, grid.box, powers=(1,), dtype=torch.float32)

    def __call__(self, fields: Tensor) -> dict[str, Tensor]:
        """Φ(ρ) of fields ``(n, n_y, n_x)``: for each representation a tensor ``(n, …)``."""
        modulus = self.grid.to_fourier(fields).abs()
        with torch.no_grad():
            invariants = self.cascade(sampled_spectrum(fields, self.grid))
        return {
            "fourier": modulus,
            "circles": self._circles(modulus),
            "autocorrelation": self.grid.to_space(modulus**2).real,
            "wavelet": invariants[:, : self.cascade.bank.J],
            "scattering": invariants,
        }

    def _circles(self, modulus: Tensor) -> Tensor:
        """Means on rings one frequency step wide, up to the Nyquist frequency: ``(n, rings)``."""
        wy, wx = self.grid.frequencies()
        width = 2 * math.pi / min(self.grid.box)
        ring = (torch.hypot(wy[:, None], wx[None, :]) / width).round().long().flatten()
        counts = torch.bincount(ring)
        sums = torch.zeros(len(modulus), len(counts), dtype=modulus.dtype)
        sums.index_add_(1, ring, modulus.flatten(1))
        return (sums / counts.clamp_min(1))[:, : min(self.grid.shape) // 2]


def sampled_spectrum(fields: Tensor, grid: Grid) -> Callable[[Tensor, Tensor], Tensor]:
    """ρ̂ of sampled fields ``(n, n_y, n_x)`` as a function of ω_y ``(m_y,)`` and ω_x ``(m_x,)``.

    The sums Σ ρ(u) e^{−iω·u} h²; zero above the Nyquist frequency, beyond which they only repeat.
    """
    y, x = grid.coordinates()
    nyquist = math.pi / grid.step

    def rho_hat(omega_y: Tensor, omega_x: Tensor) -> Tensor:
        waves_y = torch.exp(-1j * torch.outer(omega_y, y)) * (omega_y.abs() < nyquist)[:, None]
        waves_x = torch.exp(-1j * torch.outer(x, omega_x)) * (omega_x.abs() < nyquist)[None, :]
        values = waves_y @ fields.to(torch.complex128) @ waves_x * grid.step**2
        return values.to(torch.complex64)

    return rho_hat


def distance(one: Tensor, other: Tensor) -> float:
    """‖other − one‖ / ‖one‖."""
    return float((other - one).norm() / one.norm())


def fields_against_strength(
    atoms: Atoms,
    strengths: Sequence[float] = (0.01, 0.02, 0.04, 0.08, 0.16),
    seeds: Sequence[int] = (0, 1, 2),
    sigma: float = 0.1,
    grid: Grid | None = None,
    shortest: float = 3.0,
) -> pd.DataFrame:
    """Distances of a molecule's planar density under random deformations of the field.

    The density has Gaussians of width ``sigma`` (Å) and is carried along with its charges
    conserved; ``shortest`` (Å) is the shortest wavelength of τ. Rows: ``representation, strength,
    seed, distance``.
    """
    density = PlanarDensity(("gaussian",), sigma)
    if grid is None:
        width, height = np.ptp(planar_positions(atoms), axis=0) + 2 * density.reach + 2.0
        grid = Grid.covering(float(width), float(height), 0.4 * sigma)
    field = density.real([atoms], grid)[0]
    represent = Representations(grid)
    before = represent(field)
    rows = []
    for seed in seeds:
        tau = random_deformation(0.5, shortest, max(grid.box), seed)
        for strength in strengths:
            warped = tau.times(strength / 0.5).warp(field, grid, conserve=True)
            after = represent(warped)
            rows += [(k, strength, seed, distance(before[k], after[k])) for k in before]
    return pd.DataFrame(rows, columns=["representation", "strength", "seed", "distance"])


def wave_packet(points: Tensor, frequency: float, width: float) -> Tensor:
    """e^{−|u|²/2·width²} cos(frequency · x) at points ``(…, 2)``: one high frequency alone."""
    envelope = torch.exp(-points.square().sum(-1) / (2 * width**2))
    return envelope * torch.cos(frequency * points[..., 0])


def waves_against_frequency(
    frequencies: Sequence[float] = (2, 3, 4, 6, 8, 12, 16, 24, 32),
    stretch: float = 0.05,
    width: float = 1.0,
    grid: Grid | None = None,
) -> pd.DataFrame:
    """Distances of wave packets of growing frequency under one and the same small dilation.

    The dilation moves the packet's frequency ξ by ``stretch`` · ξ: far beyond its bandwidth
    1/``width`` (rad/Å) as ξ grows, where moduli of Fourier transforms have nothing in common any
    more (distance √2). Rows: ``representation, frequency, distance``. Raises ValueError where a
    frequency does not fit the grid.
    """
    grid = grid or Grid((240, 240), 0.05)
    limit = math.pi / grid.step - 4 / width
    if max(frequencies) > limit:
        raise ValueError(
            f"A wave of {max(frequencies):g} rad/Å does not fit a grid of step {grid.step:g} Å: "
            f"stay below {limit:.3g} rad/Å, or take a smaller step."
        )
    represent, points = Representations(grid), grid_points(grid)
    both = torch.stack([points, dilation(stretch).origin(points)])
    rows = []
    for frequency in frequencies:
        for name, values in represent(wave_packet(both, frequency, width)).items():
            rows.append((name, float(frequency), distance(values[0], values[1])))
    return pd.DataFrame(rows, columns=["representation", "frequency", "distance"])


def deformed_atoms(atoms: Atoms, tau: Deformation) -> Atoms:
    """The planar molecule with its atoms at r + τ(r), in z = 0."""
    moved = atoms.copy()
    xy = tau.move(torch.from_numpy(planar_positions(atoms))).numpy()
    moved.positions = np.column_stack([xy, np.zeros(len(atoms))])
    return moved


def atoms_against_strength(
    atoms: Atoms,
    dictionaries: dict[str, Callable[[list[Atoms]], np.ndarray]],
    reference: Sequence[Atoms],
    strengths: Sequence[float] = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16),
    seeds: Sequence[int] = (0, 1, 2),
    shortest: float = 3.0,
) -> pd.DataFrame:
    """How far random deformations of a molecule's positions move it, in several dictionaries Φ(x).

    ``dictionaries`` maps a name to a function from molecules to ``(n, P)``. A constant is stable
    too, but tells no molecules apart, so the unit of each column is its standard deviation over
    the molecules of ``reference`` (isomers, say): at distance 1 a deformed molecule lies as far
    off as another molecule.

    Rows: ``dictionary, strength, seed, distance``, the root mean square over the columns that
    vary. Raises ValueError where ``reference`` has fewer than two molecules.
    """
    if len(reference) < 2:
        raise ValueError("The spread of a dictionary needs at least two molecules of reference.")
    extent = float(np.ptp(planar_positions(atoms), axis=0).max()) + 4.0
    cases = [(seed, strength) for seed in seeds for strength in strengths]
    molecules = [deformed_atoms(atoms, dilation(0.0))]
    for seed, strength in cases:
        tau = random_deformation(0.5, min(shortest, extent), extent, seed)
        molecules.append(deformed_atoms(atoms, tau.times(strength / 0.5)))
    rows = []
    for name, transform in dictionaries.items():
        values = np.asarray(transform([*molecules, *reference]), dtype=float)
        unit = values[len(molecules) :].std(axis=0)
        varies = unit > 1e-9 * np.abs(values).max(axis=0)
        scaled = values[: len(molecules), varies] / unit[varies]
        change = np.sqrt(np.mean((scaled[1:] - scaled[0]) ** 2, axis=1))
        rows += [(name, s, seed, d) for (seed, s), d in zip(cases, change, strict=True)]
    return pd.DataFrame(rows, columns=["dictionary", "strength", "seed", "distance"])


def stretched(atoms: Atoms, factor: float) -> Atoms:
    """The planar molecule with its x multiplied by 1 + factor, in z = 0."""
    moved = atoms.copy()
    xy = planar_positions(atoms) * [1 + factor, 1.0]
    moved.positions = np.column_stack([xy, np.zeros(len(atoms))])
    return moved


@dataclass(frozen=True)
class Jump:
    """Where a representation breaks on a path of molecules, and by how much.

    ``at`` is the place on the path, ``size`` the change of Φ across the last interval, whose
    length is ``width``; ``curve`` has ``place, distance``: ‖Φ(x_t) − Φ(x_low)‖ along the path.
    """

    at: float
    size: float
    width: float
    curve: pd.DataFrame


def largest_jump(
    transform: Callable[[list[Atoms]], np.ndarray],
    path: Callable[[float], Atoms],
    low: float,
    high: float,
    n_steps: int = 120,
    n_halvings: int = 30,
) -> Jump:
    """Look for a jump of Φ = ``transform`` between ``path(low)`` and ``path(high)``.

    The step of largest change is halved again and again, each time keeping the half that changes
    more. Across a jump the change keeps its size; where Φ is continuous it goes to zero.
    Raises ValueError unless low < high.
    """
    if not low < high:
        raise ValueError(f"The path must go from a lower to a higher place, not {low} to {high}.")
    places = np.linspace(low, high, n_steps + 1)
    values = np.asarray(transform([path(t) for t in places]), dtype=float)
    away = np.linalg.norm(values - values[0], axis=1)
    curve = pd.DataFrame({"place": places, "distance": away})
    k = int(np.linalg.norm(np.diff(values, axis=0), axis=1).argmax())
    (left, right), (before, after) = places[k : k + 2], values[k : k + 2]
    for _ in range(n_halvings):
        middle = (left + right) / 2
        between = np.asarray(transform([path(middle)]), dtype=float)[0]
        if np.linalg.norm(between - before) > np.linalg.norm(after - between):
            right, after = middle, between
        else:
            left, before = middle, between
    size = float(np.linalg.norm(after - before))
    return Jump(float((left + right) / 2), size, float(right - left), curve)
