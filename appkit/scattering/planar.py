"""Translation and rotation invariants of planar densities by a wavelet scattering cascade."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from appkit.scattering.angular import AngularBank
from appkit.scattering.levels import Level, Resampling, Spectrum, level_boxes, make_level
from appkit.scattering.morlet import MorletBank
from appkit.scattering.powers import check_powers, raised, root

Path = dict[str, float | int | str]


class PlanarCascade(nn.Module):
    r"""First and second order scattering invariants of planar densities ρ.

    .. math::
        S_1(j, q) &= \frac1L \sum_θ \int |ρ∗ψ_{j,θ}|^q du \\
        S_2(j, j', θ', q) &= \frac1L \sum_θ \int ||ρ∗ψ_{j,θ}|∗ψ_{j',θ+θ'}|^q du, \quad j < j'

    and, with ``angular=True``, the roto-translation second order, in which
    |ρ∗ψ_{j,θ}|∗ψ_{j',θ+θ'} is also convolved along θ with angular wavelets ψ̄_ℓ. Coefficients of
    θ' and −θ' are averaged, which makes all invariant to reflections as well.

    Parameters
    ----------
    bank : the wavelets.
    extent : ``(height, width)`` of a rectangle around the origin that contains every density.
    powers : the exponents 0 < q ≤ 16.
    order : 1 or 2.
    angular : also convolve the second order along the angles.
    tolerance : amplitude below which a wavelet is neglected, in frequency (this sets the sampling
        of each scale) and in space (this sets its box).
    periodic : all scales share one box, ``extent``, and densities are taken as periodic in it.
    chunk_bytes : size of the working arrays; a few MB keep a CPU's cache warm.

    Raises
    ------
    ValueError
        for a power out of its bounds, an order that is not 1 or 2, or a J too large for the
        box.

    References
    ----------
    Hirn, Mallat, Poilvert, MMS 15(2) 827–863 (2017), §6; roto-translation: Hirn, Poilvert,
    Mallat, arXiv:1502.02077, §5.
    """

    psi_0: Tensor

    def __init__(
        self,
        bank: MorletBank,
        extent: tuple[float, float],
        *,
        powers: tuple[float, ...] = (1, 2),
        order: int = 2,
        angular: bool = False,
        tolerance: float = 1e-3,
        periodic: bool = False,
        chunk_bytes: int = 4_000_000,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        check_powers(powers)
        if order not in (1, 2):
            raise ValueError(f"The order of a planar cascade is 1 or 2, not {order}.")
        self.bank, self.powers, self.order = bank, tuple(powers), order
        self.chunk_bytes, self.dtype = chunk_bytes, dtype
        boxes = [extent] * bank.J if periodic else level_boxes(bank, extent, tolerance)
        self.levels = [make_level(bank, j, boxes[j], tolerance) for j in range(bank.J)]
        kind = torch.complex64 if dtype == torch.float32 else torch.complex128
        for level in self.levels:
            self.register_buffer(f"psi_{level.j}", level.filters(bank).to(kind), persistent=False)
        self.angular = AngularBank(bank.L) if angular and order == 2 else None
        if self.angular is not None:
            for level in self.levels[1:]:
                wave = level.carriers(bank).to(kind)
                self.register_buffer(f"wave_{level.j}", wave, persistent=False)
        self._resample = {
            (a.j, b.j): Resampling(a, b) for a in self.levels for b in self.levels[a.j + 1 :]
        }

    @property
    def paths(self) -> list[Path]:
        """What each invariant is: ``order, j, j2, theta, ell, q`` (θ' in radians), as they come."""
        bank = self.bank
        rows: list[Path] = [
            {"order": 1, "j": j, "q": q} for j in range(bank.J) for q in self.powers
        ]
        if self.order == 1:
            return rows
        turns = [math.pi * k / bank.L for k in range(bank.L // 2 + 1)]
        ells: list[dict[str, int]] = [{}]
        if self.angular is not None:
            ells = [{"ell": ell} for ell in range(self.angular.n_filters)]
        for j in range(bank.J):
            for j2 in range(j + 1, bank.J):
                rows += [
                    {"order": 2, "j": j, "j2": j2, "theta": turn, **ell, "q": q}
                    for turn in turns
                    for ell in ells
                    for q in self.powers
                ]
        return rows

    def forward(self, spectrum: Spectrum) -> Tensor:
        """Invariants ``(batch, P)`` of the densities whose transform is ``spectrum(ω_y, ω_x)``."""
        first: list[Tensor] = []
        second: list[Tensor] = []
        for level in self.levels:
            power = self._first_order_power(spectrum, level)
            first.append(self._moments(power, level).mean(1))
            if self.order == 2:
                second += self._second_order(root(power), level)
        return torch.cat(first + second, dim=1).to(torch.float64)

    def fft_counts(self) -> list[tuple[tuple[int, int], str, int]]:
        """``(shape, "c2c" | "r2c", number)`` of the transforms that one density costs."""
        L, counts = self.bank.L, []
        for level in self.levels:
            counts.append((level.shape, "c2c", L))
            coarser = self.levels[level.j + 1 :] if self.order == 2 else []
            counts += [(other.shape, "c2c", L * L) for other in coarser]
            if any(other.box == level.box for other in coarser):
                counts.append((level.shape, "r2c", L))
        return counts

    @property
    def device(self) -> torch.device:
        """Where the filters are, and the work is done."""
        return self.psi_0.device

    def _first_order_power(self, spectrum: Spectrum, level: Level) -> Tensor:
        rho = spectrum(*(omega.to(self.device) for omega in level.frequencies()))
        psi = getattr(self, f"psi_{level.j}")
        angles = range(self.bank.L)
        return _power(_filter([level.window(rho, a) for a in angles], [psi[a] for a in angles]))

    def _moments(self, power: Tensor, level: Level) -> Tensor:
        """∫ |z|^q du for each q, from |z|²: ``(…, n_powers)``."""
        area = level.steps[0] * level.steps[1]
        sums = [field.sum((-2, -1)) for field in raised(power, self.powers)]
        return torch.stack(sums, dim=-1) * area

    def _second_order(self, modulus: Tensor, level: Level) -> Iterator[Tensor]:
        """Coefficients ``(batch, ·)`` of ``level`` with each coarser one, in the order of paths."""
        coarser = self.levels[level.j + 1 :]
        half = None
        if any(other.box == level.box for other in coarser):
            half = torch.fft.rfft2(modulus)
        for other in coarser:
            resample = self._resample[level.j, other.j]
            spectra = resample(modulus, half)
            step = self._turns if self.angular is None else self._angular_turns
            parts = [step(some, other) for some in spectra.split(self._rows(other))]
            gain = torch.tensor([resample.area**q for q in self.powers], device=self.device)
            yield (_mirror_average(torch.cat(parts)) * gain).flatten(1)

    def _rows(self, level: Level) -> int:
        """How many densities to take at once; all θ of each."""
        return max(1, self.chunk_bytes // self._field_bytes(level))

    def _field_bytes(self, level: Level) -> int:
        return 8 * self.bank.L * level.shape[0] * level.shape[1]

    def _turns(self, spectra: Tensor, level: Level) -> Tensor:
        """Moments of |ρ∗ψ_θ|∗ψ_{θ+θ'}, mean over θ: ``(batch, L, n_powers)``, by θ'.

        All θ meet a wavelet in the same window, so the loop is over wavelets, as many at once
        as the working arrays allow.
        """
        L = self.bank.L
        psi = getattr(self, f"psi_{level.j}")
        some = max(1, self.chunk_bytes // (len(spectra) * self._field_bytes(level)))
        parts = []
        for first in range(0, L, some):
            angles = range(first, min(first + some, L))
            z = _filter([level.window(spectra, a) for a in angles], [psi[a] for a in angles])
            parts.append(self._moments(_power(z), level))
        pairs = torch.cat(parts, dim=1)  # (batch, θ of the wavelet, θ, n_powers)
        theta = torch.arange(L, device=pairs.device)
        return pairs[:, (theta[:, None] + theta) % L, theta].mean(2)

    def _angular_turns(self, spectra: Tensor, level: Level) -> Tensor:
        """The same after the convolutions along θ: ``(batch, L, n_filters, n_powers)``."""
        turns = [self._angular_moments(spectra, level, turn) for turn in range(self.bank.L)]
        return torch.stack(turns, dim=1)

    def _angular_moments(self, spectra: Tensor, level: Level, turn: int) -> Tensor:
        """Moments at one θ' after the convolutions along θ: ``(batch, n_filters, n_powers)``.

        These need the true phases; ψ_{θ+π} is the conjugate of ψ_θ.
        """
        assert self.angular is not None
        L = self.bank.L
        psi, wave = getattr(self, f"psi_{level.j}"), getattr(self, f"wave_{level.j}")
        angles = [(l + turn) % L for l in range(L)]
        windows = [level.window(spectra[:, l], a) for l, a in enumerate(angles)]
        z = _filter(windows, [psi[a] for a in angles]) * wave[angles]
        if turn:
            z = torch.cat([z[:, : L - turn], z[:, L - turn :].conj()], dim=1)
        return torch.stack([self._moments(w, level).mean(1) for w in self.angular(z)], dim=1)


def _filter(windows: list[Tensor], wavelets: list[Tensor]) -> Tensor:
    """Inverse transforms of windows times wavelets, stacked along dimension 1."""
    if torch.is_grad_enabled():
        pairs = zip(windows, wavelets, strict=True)
        return torch.fft.ifft2(torch.stack([w * psi for w, psi in pairs], dim=1))
    batch, *rest = windows[0].shape
    products = wavelets[0].new_empty((batch, len(windows), *rest))
    for i, (window, psi) in enumerate(zip(windows, wavelets, strict=True)):
        torch.mul(window, psi, out=products[:, i])  # in place, which saves a pass over the fields
    return torch.fft.ifft2(products)


def _power(z: Tensor) -> Tensor:
    """|z|²; three times faster than torch's ``abs``, which guards against overflow."""
    if z.requires_grad:
        return z.real.square() + z.imag.square()
    return z.real.square().addcmul_(z.imag, z.imag)


def _mirror_average(turns: Tensor) -> Tensor:
    """Mean of the coefficients of θ' and −θ': dimension 1 goes from L to L // 2 + 1."""
    L = turns.shape[1]
    mirrored = turns.roll(-1, dims=1).flip(1)  # index −k mod L
    return ((turns + mirrored) / 2)[:, : L // 2 + 1]
