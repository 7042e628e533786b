"""Joint moments of first-order solid harmonic fields: what two of them have at the same points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement, product

import torch
from torch import Tensor

from appkit.scattering.powers import root
from appkit.scattering.solid_harmonic import SolidHarmonic, axis_tables, first_order_power
from appkit.scattering.solid_harmonic_cascade import Path
from appkit.scattering.work import Work

Points = tuple[Tensor, Tensor]


class JointMoments(SolidHarmonic):
    r"""Invariants of several densities together, ρ_c(u) = Σ_k c_k g_σ(u − r_k).

    .. math::
        \int U_{a,j}, \quad \int U_{a,j} U_{b,j}, \quad \int U_{a,j}^2 U_{b,j}, \qquad
        U_{a,j} = \Big(\sum_{m=-l}^{l} |ρ_c∗ψ_{l,m,j}|^2\Big)^{1/2}, \quad a = (c, l)

    for all pairs a, b of channel and degree at one scale. Those with a = b are S¹ of
    :class:`SolidHarmonic` at q = 1, 2, 3; the others tell where a large field of one channel or
    degree meets a large one of another, which the moments of each alone do not know.

    Parameters
    ----------
    sigma, scales, L, tolerance, dtype : as in :class:`SolidHarmonic`.

    Raises
    ------
    ValueError
        for a parameter out of its bounds; the message names it.

    References
    ----------
    Eickenberg, Exarchakis, Hirn, Mallat, Thiry, J. Chem. Phys. 148, 241732 (2018) (the fields);
    Cheng, Morel, Allys, Ménard, Mallat, PNAS Nexus 3, pgae103 (2024) (covariances between the
    coefficients of a scattering transform; theirs go across scales, these across channels).
    """

    def __init__(
        self,
        sigma: float,
        scales: Sequence[float] = (0, 1, 2),
        L: int = 3,
        *,
        tolerance: float = 1e-3,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(
            sigma, scales, L, (1, 2, 3), order=1, tolerance=tolerance, dtype=dtype
        )  # the powers q + q2

    def _samples(self, feeds: bool) -> float:
        """Finer than for one field: kinks of U_b, l > 0, may lie where U_a² is largest."""
        return float((0.06 / self.tolerance) ** (1 / 4))

    def memory(self, extent: tuple[float, float, float], n_points: int, channels: int) -> int:
        """As in :class:`SolidHarmonic`, with all fields of a scale, and their squares, at once."""
        box = self._box(extent, self._width(self.scales[0]), self._samples(False))
        fields = channels * (self.L + 1) * math.prod(box.shape)
        return super().memory(extent, n_points, channels) + 3 * self._dtype.itemsize * fields

    def work(self, extent: tuple[float, float, float], n_points: int, channels: int) -> Work:
        """As in :class:`SolidHarmonic`, with the products of pairs of fields."""
        total = super().work(extent, n_points, channels)
        n_fields = channels * (self.L + 1)
        for j in self.scales:
            box = self._box(extent, self._width(j), self._samples(False))
            total += Work(large=4 * n_fields**2 * math.prod(box.shape))
        return total

    def joint_paths(self, channels: int) -> list[Path]:
        """What each invariant is: ``j, channel, l, q`` and, of two fields, ``channel2, l2, q2``."""
        fields = [{"channel": c, "l": l} for l in range(self.L + 1) for c in range(channels)]
        rows = []
        for j in self.scales:
            rows += [{"j": j, **a, "q": 1} for a in fields]
            for q, pairs in (
                (1, combinations_with_replacement(fields, 2)),
                (2, product(fields, fields)),
            ):
                rows += [
                    {"j": j, **a, "q": q, "channel2": b["channel"], "l2": b["l"], "q2": 1}
                    for a, b in pairs
                ]
        return rows

    def joint(self, groups: Sequence[Points]) -> Tensor:
        """Invariants ``(P,)``, float64, of atoms at (K, 3) with charges (channels, K), by groups.

        A group is a density's points, such as atoms or the middles of bonds; the channels of all
        groups follow one another. No points are empty space.
        """
        everywhere = torch.cat([positions for positions, _ in groups]).to(torch.float64)
        n = sum(len(charges) for _, charges in groups)
        if not len(everywhere):
            return everywhere.new_zeros(len(self.joint_paths(n)))
        low, high = everywhere.detach().min(0).values, everywhere.detach().max(0).values
        centred = [(r.to(torch.float64) - (low + high) / 2, charges) for r, charges in groups]
        extent = tuple((high - low).tolist())
        return torch.cat([part for j in self.scales for part in self._at(j, centred, extent)])

    def _at(
        self, j: float, groups: Sequence[Points], extent: tuple[float, ...]
    ) -> Iterator[Tensor]:
        """The three kinds of moments at one scale."""
        box = self._box(extent, self._width(j), self._samples(False))
        tables = [axis_tables(box, r, self._width(j), self.L, self._dtype) for r, _ in groups]
        fields = torch.cat([
            root(first_order_power(axes, box, charges, l)).flatten(1) * self._gain(j, l)
            for l in range(self.L + 1)
            for axes, (_, charges) in zip(tables, groups, strict=True)
        ])  # fmt: skip
        first, second = torch.triu_indices(len(fields), len(fields))
        yield fields.sum(1, dtype=torch.float64) * box.volume
        yield (fields @ fields.T)[first, second].to(torch.float64) * box.volume
        yield (fields.square() @ fields.T).flatten().to(torch.float64) * box.volume
