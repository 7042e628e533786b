"""A molecule of Gaussian atoms in space and its solid harmonic scattering. Knows no Panel.

First-order fields are in closed form wherever they are looked at, so that slices and surfaces need
no grid; second-order fields are convolved on one.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from ase import Atoms
from scipy.spatial.transform import Rotation
from torch import Tensor

from appkit.dashboards.space_scene import MAX_BYTES, POWERS, TOLERANCE, J, L, Shown, SpaceScene
from appkit.energy.channels import gaussians
from appkit.energy.invariance import relative_change
from appkit.figures.space import Spatial
from appkit.scattering import SolidHarmonic
from appkit.scattering.closed_form import gaussian_energies, lattice_fields, width

#: Most samples of a grid of the meter.
MAX_SAMPLES = 2**22
#: The coarsest sampling that still is one: ρ̂ beyond the grid's frequencies, relative to its top.
COARSEST = 0.5
_SUBSCRIPTS = "₀₁₂₃"


@dataclass(frozen=True)
class SolidScene(SpaceScene):
    """A molecule, the channel that is its density, a width, a grid step, and a motion.

    Attributes
    ----------
    symbols, positions : the atoms, positions (Å) along the principal axes of their charges.
    channel : see `appkit.energy.solid_harmonic.CHANNELS`.
    sigma, step : width σ of the atoms and of the finest wavelets, and grid step δ, Å.
    turn, tilt : degrees about z, and then about x.
    shift : Å along x and y.
    """

    symbols: tuple[str, ...]
    positions: tuple[tuple[float, float, float], ...]
    channel: str = "nuclear"
    sigma: float = 0.25
    step: float = 0.2
    turn: float = 0.0
    tilt: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of(cls, atoms: Atoms, **settings: object) -> SolidScene:
        """The scene of a molecule; heavy atoms, which count by their charge, lie near z = 0."""
        weights = atoms.numbers[:, None] / atoms.numbers.sum()
        centred = atoms.positions - (weights * atoms.positions).sum(0)
        turned = centred @ np.linalg.svd(np.sqrt(weights) * centred)[2].T
        rows = tuple((float(x), float(y), float(z)) for x, y, z in turned)
        return cls(tuple(atoms.get_chemical_symbols()), rows, **settings)  # type: ignore[arg-type]

    # ---- the molecule --------------------------------------------------------------------

    @property
    def at_rest(self) -> SolidScene:
        """The same, not moved."""
        return replace(self, turn=0.0, tilt=0.0, shift=(0.0, 0.0))

    @property
    def moved(self) -> np.ndarray:
        """Positions (n, 3) after the motion, Å."""
        rotation = Rotation.from_euler("zx", [self.turn, self.tilt], degrees=True)
        return rotation.apply(np.array(self.positions)) + np.array([*self.shift, 0.0])

    @property
    def atoms(self) -> Spatial:
        """The moved atoms."""
        return Spatial(self.symbols, self.moved)

    def gaussians(self) -> tuple[Tensor, Tensor]:
        """Centres (K, 3), Å, and charges (1, K), e; refuses a channel with nothing in it."""
        centres, charges = gaussians(Atoms(list(self.symbols), self.moved), self.channel)
        if not float(charges.abs().sum()) > 0:
            raise ValueError(
                f"The channel '{self.channel}' is empty for this molecule: choose another."
            )
        return centres, charges

    # ---- fields --------------------------------------------------------------------------

    def field(self, shown: Shown, axes: list[Tensor]) -> Tensor:
        """The field in e/Å³ at the points of a lattice: ``(n_x, n_y, n_z)``."""
        centres, charges = self.gaussians()
        if shown.order == 2:
            transform = self._transform()
            args = centres, charges, shown.l, shown.j, shown.j2, axes
            return transform.second_order_field(*args)[0]
        scale, l = (self.scale(shown.j), shown.l) if shown.order else (0.0, 0)
        centres, charges = centres.to(axes[0]), charges.to(axes[0])
        return (
            lattice_fields(axes, centres, charges, self.sigma, scale, l)[0].square().sum(0).sqrt()
        )

    def reach(self, shown: Shown) -> float:
        """Å from the nearest atom at which a field has faded."""
        total = self.sigma
        if shown.order > 0:
            total = width(total, self.scale(shown.j))
        if shown.order > 1:
            total = width(total, self.scale(shown.j2))
        return (3 + 0.4 * shown.l * (shown.order > 0)) * total

    def bounds(self, shown: Shown) -> tuple[np.ndarray, np.ndarray]:
        """Around the moved atoms, as far as the field reaches."""
        reach, positions = self.reach(shown), self.moved
        return positions.min(0) - reach, positions.max(0) + reach

    # ---- invariants ----------------------------------------------------------------------

    def _transform(self) -> SolidHarmonic:
        return SolidHarmonic(self.sigma, tuple(range(J + 1)), L, POWERS, tolerance=TOLERANCE)

    def table(self) -> pd.DataFrame:
        """All invariants of the channel: a frame of the transform's paths with ``value``."""
        transform = self._transform()
        centres, charges = self.gaussians()
        x, y, z = (float(size) for size in np.ptp(centres.numpy(), axis=0))
        if (need := transform.memory((x, y, z), len(centres), 1)) > MAX_BYTES:
            raise ValueError(
                f"S¹ and S² of {x + 1:.0f} × {y + 1:.0f} × {z + 1:.0f} Å at σ = {self.sigma:.2f} Å "
                f"need {need / 1e6:,.0f} MB; this page's budget is {MAX_BYTES / 1e6:,.0f} MB. "
                "Take a larger σ (or α)."
            )
        with torch.inference_mode():
            values = transform(centres, charges)[0].numpy()
        return pd.DataFrame(transform.paths).assign(value=values)

    def meter(self, q: float) -> pd.DataFrame:
        """Relative change of S⁰ and S¹ between the resting and the moved molecule.

        Columns ``label, order, change``: ρ itself at each sample (order 0), sums of U^q δ³ on grids
        of step 2^j δ (1), and the exact energies, q = 2, of scale j (2). The largest over l.
        """
        self.check_grid(q)
        pair = self.at_rest, self
        reach = np.maximum(*(np.abs(scene.moved).max(0) for scene in pair))
        one, other = (scene.field(Shown(0), self._axes(reach, 0, q)) for scene in pair)
        rows = [("ρ(u)", 0, float((other - one).norm() / one.norm()))]
        rows.append(("S⁰", 1, _change(*([(rho**q).sum()] for rho in (one, other)))))
        for j in range(J + 1):
            axes = self._axes(reach, j, q)
            rows.append(
                (f"S¹{_SUBSCRIPTS[j]}", 1, _change(*(scene._sums(j, q, axes) for scene in pair)))
            )
        for j in range(J + 1):
            rows.append((f"E{_SUBSCRIPTS[j]}", 2, _change(*(scene._energies(j) for scene in pair))))
        return pd.DataFrame(rows, columns=["label", "order", "change"])

    def _sums(self, j: int, q: float, axes: list[Tensor]) -> list[Tensor]:
        return [(self.field(Shown(1, l, j), axes) ** q).sum() for l in range(L + 1)]

    def _energies(self, j: int) -> list[Tensor]:
        args = *self.gaussians(), self.sigma, self.scale(j)
        return [gaussian_energies(*args, l)[0] for l in range(L + 1)]

    # ---- sampling ------------------------------------------------------------------------

    @property
    def sides(self) -> tuple[float, float, float]:
        """Å of the box that holds the molecule and its coarsest fields."""
        x, y, z = np.ptp(np.array(self.positions), axis=0) + 2 * self._margin(J, 1)
        return float(x), float(y), float(z)

    @property
    def samples(self) -> tuple[int, int, int]:
        """N = L / δ along each side."""
        x, y, z = (max(1, math.ceil(side / self.step)) for side in self.sides)
        return x, y, z

    @property
    def aliasing(self) -> float:
        """ε = e^{−(πσ/δ)²/2}: ρ̂ at the grid's highest frequency, relative to its top."""
        return math.exp(-((math.pi * self.sigma / self.step) ** 2) / 2)

    def check_grid(self, q: float = 1) -> None:
        """Raise ``ValueError`` where δ does not resolve σ, or asks for too many samples."""
        largest = math.pi * self.sigma / math.sqrt(-2 * math.log(COARSEST))
        if self.aliasing > COARSEST:
            raise ValueError(
                f"A grid of step δ = {self.step:.2f} Å does not resolve atoms of width "
                f"σ = {self.sigma:.2f} Å: at its highest frequency ρ̂ still has "
                f"{self.aliasing:.2f} of its top. Take δ ≤ {math.floor(100 * largest) / 100:.2f} Å "
                "or a larger σ."
            )
        j, n = max(
            ((j, self._grid_samples(j, q)) for j in range(J + 1)), key=lambda g: math.prod(g[1])
        )
        if (many := math.prod(n)) > MAX_SAMPLES:
            least = self.step * (many / MAX_SAMPLES) ** (1 / 3)
            also = "" if least <= largest else " and a larger σ"
            raise ValueError(
                f"A step of {self.step:.2f} Å asks for {n[0]} × {n[1]} × {n[2]} samples and "
                f"{4e-6 * many:,.0f} MB for each field at j = {j}; this page's budget is "
                f"{4e-6 * MAX_SAMPLES:,.0f} MB. Take δ ≥ {math.ceil(100 * least) / 100:.2f} Å (a "
                f"larger ε){also}."
            )

    def seconds(self) -> float:
        """What the meter's sums take on this machine, roughly, before they are computed."""
        samples = sum(math.prod(self._grid_samples(j, 1)) for j in range(J + 1))
        return 2 * samples * len(self.symbols) * _seconds_a_sample()

    def _grid_samples(self, j: int, q: float) -> tuple[int, int, int]:
        size = np.ptp(np.array(self.positions), axis=0) + 2 * self._margin(j, q)
        x, y, z = (math.ceil(float(side) / (self.step * 2**j)) for side in size)
        return x, y, z

    def _axes(self, reach: np.ndarray, j: int, q: float) -> list[Tensor]:
        h = self.step * 2**j
        counts = [math.ceil((float(r) + self._margin(j, q)) / h) for r in reach]
        return [torch.arange(-n, n + 1, dtype=torch.float64) * h for n in counts]

    def _margin(self, j: int, q: float) -> float:
        """Å beyond the atoms at which U^q has vanished."""
        return width(self.sigma, self.scale(j)) * math.sqrt(2 * math.log(1e4) / min(1.0, q))


def _change(before: list[Tensor], after: list[Tensor]) -> float:
    return float(relative_change(torch.stack(before), torch.stack(after)).max())


@lru_cache(maxsize=1)
def _seconds_a_sample() -> float:
    """Of all first-order fields of one scale at one point for one atom, measured once."""
    scene = SolidScene(("C",) * 4, tuple((float(k), 0.0, 0.0) for k in range(4)))
    axes = [torch.linspace(-3, 3, 32, dtype=torch.float64)] * 3
    start = time.perf_counter()
    for l in range(L + 1):
        scene.field(Shown(1, l, 0), axes)
    return (time.perf_counter() - start) / (4 * 32**3)
