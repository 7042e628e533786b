"""Oriented Morlet wavelets in the plane, given by their Fourier transforms."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from appkit.scattering.grid import Grid


class MorletBank:
    r"""Morlet wavelets ψ_{j,θ} at ``J`` dyadic scales and ``L`` angles θ_l = π l / L.

    .. math:: ψ(u) = \frac{ζ}{2πσ²} e^{−(u_1² + ζ²u_2²)/2σ²} (e^{iξu_1} − C),
              \qquad ψ_{j,θ}(u) = (2^j a)^{−2} ψ(r_{−θ} u / 2^j a),

    where C makes the mean vanish and ``a`` is the finest scale. The transform is real:

    .. math:: ψ̂(ω) = g(ω_1 − ξ, ω_2) − C g(ω), \quad g(ω) = e^{−σ²(ω_1² + ω_2²/ζ²)/2}.

    Parameters
    ----------
    J, L : number of scales and of angles in [0, π).
    finest : a, the scale of j = 0, in the unit of length of the grids (Å for molecules).
    xi, sigma, slant : ξ in radians and σ in units of the scale, ζ the aspect ratio.

    Raises
    ------
    ValueError
        for fewer than one scale or angle, or a finest scale that is not a positive length.

    References
    ----------
    Hirn, Mallat, Poilvert, MMS 15(2) 827–863 (2017), §5; defaults are those of their code.
    """

    def __init__(
        self,
        J: int,
        L: int,
        finest: float = 1.0,
        *,
        xi: float = 3 * math.pi / 4,
        sigma: float = 0.8,
        slant: float = 2 / 3,
    ) -> None:
        if J < 1 or L < 1:
            raise ValueError(f"A wavelet bank needs J ≥ 1 scales and L ≥ 1 angles, not {J}, {L}.")
        if not (math.isfinite(finest) and finest > 0):
            raise ValueError(f"The finest scale must be a positive length, not {finest}.")
        self.J, self.L, self.finest = J, L, finest
        self.xi, self.sigma, self.slant = xi, sigma, slant

    @property
    def angles(self) -> Tensor:
        """θ_l in radians, shape ``(L,)``."""
        return torch.arange(self.L, dtype=torch.float64) * math.pi / self.L

    def scale(self, j: float) -> float:
        """2^j a in units of length."""
        return self.finest * 2.0**j

    def centre(self, j: float) -> float:
        """Central frequency |ω| of scale ``j``, radians per unit of length."""
        return self.xi / self.scale(j)

    def wavelength(self, j: float) -> float:
        """Wavelength 2π / centre of scale ``j``."""
        return 2 * math.pi / self.centre(j)

    def half_band(self, j: float, tolerance: float) -> float:
        """Distance from the central frequency at which |ψ̂_j| has fallen to ``tolerance``."""
        return math.sqrt(-2 * math.log(tolerance)) / (self.sigma * self.scale(j))

    def reach(self, j: float, tolerance: float) -> float:
        """Distance from the origin at which the envelope of ψ_j has fallen to ``tolerance``."""
        return math.sqrt(-2 * math.log(tolerance)) * self.sigma * self.scale(j) / self.slant

    def fourier(self, j: float, theta: float | Tensor, omega_y: Tensor, omega_x: Tensor) -> Tensor:
        """ψ̂_{j,θ} at frequencies that broadcast together; real, the shape of the broadcast.

        ``theta`` is an angle in radians, not an index.
        """
        s = self.scale(j)
        carrier = self.xi / s
        theta = torch.as_tensor(theta, dtype=omega_y.dtype, device=omega_y.device)
        shifted_y = omega_y - carrier * torch.sin(theta)
        shifted_x = omega_x - carrier * torch.cos(theta)
        mean = math.exp(-((self.sigma * self.xi) ** 2) / 2)
        return self.envelope(j, theta, shifted_y, shifted_x) - mean * self.envelope(
            j, theta, omega_y, omega_x
        )

    def envelope(self, j: float, theta: float | Tensor, omega_y: Tensor, omega_x: Tensor) -> Tensor:
        """ĝ of the Gaussian envelope of ψ_{j,θ}, 1 at ω = 0; arguments as in :meth:`fourier`."""
        theta = torch.as_tensor(theta, dtype=omega_y.dtype, device=omega_y.device)
        s = self.scale(j)
        w1 = s * (torch.cos(theta) * omega_x + torch.sin(theta) * omega_y)
        w2 = s * (torch.cos(theta) * omega_y - torch.sin(theta) * omega_x) / self.slant
        return torch.exp(-(self.sigma**2) / 2 * (w1**2 + w2**2))

    def littlewood_paley(self, grid: Grid) -> Tensor:
        """½ Σ_{j,θ} |ψ̂_{j,θ}(ω)|² + |ψ̂_{j,θ}(−ω)|² on the grid's frequencies, FFT order.

        The sum over θ in [0, 2π) that a real field meets, halved: a bank is a tight frame for
        real fields (above its lowest scale) where this is constant.
        """
        wy, wx = grid.frequencies()
        total = torch.zeros(grid.shape, dtype=torch.float64)
        for j in range(self.J):
            for theta in self.angles:
                total += self.fourier(j, theta, wy[:, None], wx[None, :]) ** 2
                total += self.fourier(j, theta, -wy[:, None], -wx[None, :]) ** 2
        return total / 2

    def convolve(self, spectrum: Tensor, grid: Grid, j: float, theta: float | Tensor) -> Tensor:
        """ρ∗ψ_{j,θ} at every sample of ``grid``, complex ``(…, n_y, n_x)``.

        ``spectrum`` is ρ̂ on the grid in FFT order, as :meth:`Grid.to_fourier` gives it.
        """
        wy, wx = grid.frequencies()
        psi = self.fourier(j, theta, wy[:, None], wx[None, :])
        return grid.to_space(spectrum * psi.to(spectrum.device, spectrum.real.dtype))
