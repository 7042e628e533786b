r"""The Coulomb energy of a cloud of charges, three ways.

U(ρ) = ∬ ρ(u) ρ(v) / |u − v| du dv, for ρ(u) = Σ_i z_i g_{σ_i}(u − r_i), g_σ a Gaussian of integral
one (a point charge where σ_i = 0, whose own infinite energy the principal value leaves out). All is
closed form but for integrals over one radius, because the spherical power

    f(k) = ∫_{S^{d−1}} |ρ̂(kη)|² dη
         = 4π Σ z_i z_j e^{−k²(σ_i²+σ_j²)/2} sin(k r_ij)/(k r_ij)   in space (d = 3),
         = 2π Σ z_i z_j e^{−k²(σ_i²+σ_j²)/2} J₀(k r_ij)             in the plane (d = 2)

gives U = c_d ∫₀^∞ f(k) dk, with c₃ = 1/2π² and c₂ = 1/2π (the transform of 1/|u| is 4π/|ω|² in
space and 2π/|ω| in the plane). Three sums of it:

1. `pair_energy`: over the pairs of charges;
2. `fourier_energy`: over radii kε, Theorem 1 of Hirn, Mallat, Poilvert, MMS 15(2), 2017: ε⁻² terms;
3. `wavelet_energies`: over scales 2^j, its Theorem 2: U = 4π Σ_j 2^{2j} ‖ρ∗ψ_j‖², |log ε| terms.

Lengths and charges carry the caller's units: with Å and e, U is in e²/Å. U counts each pair twice
(the electrostatic energy is U/2).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import torch
from numpy.polynomial.legendre import leggauss
from scipy import special
from torch import Tensor

__all__ = [
    "Charges",
    "fourier_energy",
    "meyer_window",
    "pair_energy",
    "theorem_scales",
    "wavelet_energies",
    "wavelet_transform",
]

_CHUNK = 2**21  # radii × pairs held at once: 16 MiB
_NODES_PER_RADIAN = 0.5  # of k·r_max: twice what Gauss–Legendre needs to resolve a cosine
_NODES = 48  # in a panel


@dataclass(frozen=True)
class Charges:
    """Gaussian (or point) charges in space or in the plane.

    values: (n,) charges z_i; positions: (n, 3) or (n, 2); widths: (n,) standard deviations σ_i of
    the Gaussians, 0 for a point charge. Kept as float64 tensors.
    Raises ValueError where shapes disagree, a number is not finite, a width is negative, or two
    point charges coincide (their energy is infinite).
    """

    values: Tensor
    positions: Tensor
    widths: Tensor

    def __post_init__(self) -> None:
        values = torch.as_tensor(self.values, dtype=torch.float64)
        positions = torch.as_tensor(self.positions, dtype=torch.float64)
        widths = torch.as_tensor(self.widths, dtype=torch.float64).expand(values.shape)
        if positions.ndim != 2 or positions.shape[1] not in (2, 3):
            raise ValueError(f"positions must be (n, 3) or (n, 2), not {tuple(positions.shape)}")
        if values.ndim != 1 or len(values) != len(positions) or len(values) == 0:
            raise ValueError(
                f"{tuple(values.shape)} charges do not match {len(positions)} positions; give one "
                "charge for each position, and at least one"
            )
        if not all(t.isfinite().all() for t in (values, positions, widths)):
            raise ValueError("charges, positions and widths must be finite numbers")
        if (widths < 0).any():
            raise ValueError(f"a Gaussian's width cannot be negative: {widths.min():g}")
        for name, tensor in (("values", values), ("positions", positions), ("widths", widths)):
            object.__setattr__(self, name, tensor)
        _, distance, variance = self.pairs()
        if ((distance == 0) & (variance == 0)).any():
            raise ValueError("two point charges coincide: their Coulomb energy is infinite")

    @property
    def dimension(self) -> int:
        """3 for charges in space, 2 in the plane."""
        return self.positions.shape[1]

    def pairs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Weight, distance and variance σ_i² + σ_j² of each pair that counts.

        Pairs i < j have weight 2 z_i z_j; a Gaussian's own energy has weight z_i² at distance 0; a
        point charge's own energy is left out (principal value).
        """
        i, j = torch.triu_indices(len(self.values), len(self.values))
        keep = (i != j) | (self.widths[i] > 0)
        i, j = i[keep], j[keep]
        weight = self.values[i] * self.values[j] * torch.where(i == j, 1.0, 2.0)
        # The norm's gradient at distance 0 is NaN, and self energies do not depend on positions.
        offset = self.positions[i] - self.positions[j]
        apart = (i != j) & (offset != 0).any(dim=1)
        distance = offset.new_zeros(len(i)).masked_scatter(apart, offset[apart].norm(dim=1))
        return weight, distance, self.widths[i] ** 2 + self.widths[j] ** 2

    def spherical_power(self, radii: Tensor) -> Tensor:
        """f(k) = ∫ |ρ̂(kη)|² dη over the unit sphere (circle), for each radius: (K,) → (K,).

        Without the constant Σ z_i² of point charges, whose integral is their own energy. (In the
        plane no gradient goes through it.)
        """
        weight, distance, variance = self.pairs()
        radii = torch.as_tensor(radii, dtype=torch.float64)
        parts = []
        for k in radii.split(max(1, _CHUNK // max(1, len(weight)))):
            phase = k[:, None] * distance
            wave = torch.sinc(phase / math.pi) if self.dimension == 3 else _bessel_j0(phase)
            parts.append((torch.exp(-0.5 * k[:, None] ** 2 * variance) * wave) @ weight)
        return torch.cat(parts) * (4 * math.pi if self.dimension == 3 else 2 * math.pi)

    @property
    def radial_constant(self) -> float:
        """c_d in U = c_d ∫ f(k) dk."""
        return 1 / (2 * math.pi**2) if self.dimension == 3 else 1 / (2 * math.pi)


def _bessel_j0(x: Tensor) -> Tensor:
    """J₀ by SciPy: torch.special.bessel_j0 of torch 2.13 is off by up to 4e-7 near x = 5."""
    return torch.from_numpy(special.j0(x.detach().numpy()))


def pair_energy(charges: Charges) -> Tensor:
    """U by the pair sum in closed form; a scalar tensor, differentiable in the positions.

    With s² = σ_i² + σ_j², a pair in space has erf(r/√2s)/r (Gaussians of one width: erf(r/2σ)/r),
    √(2/π)/s at r = 0, so that a Gaussian's own energy is z²/σ√π. In the plane, the same kernel
    1/|u| gives √(π/2)/s · e^{−t} I₀(t), t = r²/4s².
    """
    weight, distance, variance = charges.pairs()
    spread = variance.sqrt()
    point = spread == 0
    safe_r = torch.where(distance == 0, 1.0, distance)
    safe_s = torch.where(point, 1.0, spread)
    if charges.dimension == 3:
        smooth = torch.special.erf(safe_r / (math.sqrt(2) * safe_s)) / safe_r
        smooth = torch.where(distance == 0, math.sqrt(2 / math.pi) / safe_s, smooth)
    else:
        smooth = math.sqrt(math.pi / 2) / safe_s * torch.special.i0e(distance**2 / (4 * safe_s**2))
    return (weight * torch.where(point, 1 / safe_r, smooth)).sum()


def fourier_energy(charges: Charges, n_terms: int) -> Tensor:
    """U by Theorem 1: the trapezoid rule on the radii ε, 2ε, …, 1/ε, with ε = n_terms^{−1/2}.

    U = (c_d ε/2)(f(ε) + 2 Σ_{k=2}^{ε⁻²−1} f(kε) + f(1/ε)) + O(ε^{1−δ}); c₃ε/2 is the paper's ε/4π².
    A scalar tensor. Raises ValueError where n_terms is below 2.
    """
    if n_terms < 2:
        raise ValueError(f"the Fourier sum needs at least 2 radii, not {n_terms}")
    step = 1 / math.sqrt(n_terms)
    power = charges.spherical_power(step * torch.arange(1, n_terms + 1, dtype=torch.float64))
    return charges.radial_constant * step * (power.sum() - (power[0] + power[-1]) / 2)


def meyer_window(radii: Tensor) -> Tensor:
    """ψ̂₀(|ω|): Meyer's window on 1/2 < |ω| < 2, for which Σ_j |ψ̂₀(2^j ω)|² = 1 exactly.

    sin(πν(2k−1)/2) up to k = 1, then cos(πν(k−1)/2), with ν(t) = t⁴(35 − 84t + 70t² − 20t³), which
    has three zero derivatives at both ends (Daubechies, Ten Lectures, §4.2).
    """
    k = torch.as_tensor(radii, dtype=torch.float64).abs()

    def ramp(t: Tensor) -> Tensor:
        t = t.clamp(0, 1)
        return math.pi / 2 * t**4 * (35 - 84 * t + 70 * t**2 - 20 * t**3)

    return torch.where(k < 1, torch.sin(ramp(2 * k - 1)), torch.cos(ramp(k - 1)))


def wavelet_transform(radii: Tensor, j: int, dimension: int = 3) -> Tensor:
    """ψ̂_j(ω) = ψ̂(2^j ω) on the radii |ω|, with ψ̂ = |ω|^{−(d−1)/2} ψ̂₀: in space, |ω|⁻¹ ψ̂₀.

    It solves Theorem 2's condition Σ_j 2^{2j} |ψ̂(2^j ω)|² = |ω|⁻² in space, and in the plane, where
    the transform of 1/|u| is 2π/|ω|, Σ_j 2^j |ψ̂(2^j ω)|² = |ω|⁻¹. (ψ̂ = |ω| ψ̂₀ does not: the powers
    of 2^j would not cancel.)
    """
    scaled = 2.0**j * torch.as_tensor(radii, dtype=torch.float64).abs()
    return meyer_window(scaled) / scaled.clamp_min(0.5) ** ((dimension - 1) / 2)


def theorem_scales(epsilon: float) -> range:
    """The scales j = ⌊2 log₂ ε⌋ … ⌈−log₂ ε⌉ of Theorem 2: about 3 |log₂ ε| of them.

    Raises ValueError unless 0 < ε < 1.
    """
    if not 0 < epsilon < 1:
        raise ValueError(f"epsilon must lie between 0 and 1, not {epsilon:g}")
    return range(math.floor(2 * math.log2(epsilon)), math.ceil(-math.log2(epsilon)) + 1)


def wavelet_energies(charges: Charges, scales: Iterable[int]) -> Tensor:
    """The terms v_j‖ρ∗ψ_j‖² of U, one for each scale j; v_j = 4π 2^{2j} (in the plane 2π 2^j).

    Equal to c_d ∫ |ψ̂₀(2^j k)|² f(k) dk, by Gauss–Legendre on each half of the window, with nodes
    enough for the fastest oscillation (rounding, not the rule, limits the accuracy). Point charges
    without their own energy, so a term can be negative. Shape (number of scales,).
    """
    _, distance, _ = charges.pairs()
    reach = float(distance.max()) if len(distance) else 0.0
    terms = []
    for j in scales:
        k, w = _octave(j, reach)
        terms.append((w * meyer_window(2.0**j * k) ** 2 * charges.spherical_power(k)).sum())
    if not terms:
        raise ValueError("no scale to sum over: give at least one j")
    return charges.radial_constant * torch.stack(terms)


def _octave(j: int, reach: float) -> tuple[Tensor, Tensor]:
    """Gauss–Legendre nodes and weights on [½, 1]·2^{−j} and on [1, 2]·2^{−j}, in panels short
    enough for oscillations sin(k · reach).
    """
    t, w = _legendre()
    nodes, weights = [], []
    for low, high in ((0.5 * 2.0**-j, 2.0**-j), (2.0**-j, 2 * 2.0**-j)):
        n_panels = 1 + int(_NODES_PER_RADIAN * (high - low) * reach / _NODES)
        edges = torch.linspace(low, high, n_panels + 1, dtype=torch.float64)
        half = (edges[1:] - edges[:-1])[:, None] / 2
        nodes.append((edges[:-1, None] + half * (t + 1)).flatten())
        weights.append((half * w).flatten())
    return torch.cat(nodes), torch.cat(weights)


@cache
def _legendre() -> tuple[Tensor, Tensor]:
    nodes, weights = (torch.from_numpy(a) for a in leggauss(_NODES))
    return nodes, weights
