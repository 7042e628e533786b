"""Scattering of images, averaged over neighbourhoods of 2^J pixels: the image cascade."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from appkit.scattering.grid import Grid
from appkit.scattering.morlet import MorletBank
from appkit.scattering.powers import root

#: Bytes of the fields of the images that are transformed at once.
_WORK = 1_000_000_000


class LocalScattering(nn.Module):
    r"""x∗φ_J, |x∗ψ_{j,θ}|∗φ_J and ||x∗ψ_{j,θ}|∗ψ_{j',θ'}|∗φ_J of images, sampled every 2^J pixels.

    φ_J is a Gaussian of width 0.8 · 2^{J−1} pixels, j < j' < J, and images are padded by
    reflection, as in kymatio's ``Scattering2D``, with which the coefficients agree.

    Parameters
    ----------
    shape : ``(height, width)`` of the images in pixels.
    J, L : numbers of scales and angles in [0, π).
    order : 1 or 2.
    oversampling : sample every 2^(J − oversampling) pixels in the place of 2^J, from 0 to J.
    slant : aspect ratio of the wavelets; 4 / L where it is None.

    Raises
    ------
    ValueError
        for a J or L that is no whole number from 1 up, an image smaller than 2^J, an order other
        than 1 or 2, or an input of another shape.

    References
    ----------
    Bruna, Mallat, Invariant Scattering Convolution Networks, PAMI 35 (2013).
    """

    def __init__(
        self,
        shape: tuple[int, int],
        J: int,
        L: int = 8,
        *,
        order: int = 2,
        oversampling: int = 0,
        slant: float | None = None,
    ) -> None:
        super().__init__()
        if any(not isinstance(n, int) or isinstance(n, bool) or n < 1 for n in (J, L)):
            raise ValueError(f"J and L are whole numbers from 1 up, not {J!r} and {L!r}.")
        if order not in (1, 2):
            raise ValueError(f"The order of a scattering is 1 or 2, not {order}.")
        if not (isinstance(oversampling, int) and 0 <= oversampling <= J):
            raise ValueError(f"The oversampling is from 0 to J = {J}, not {oversampling!r}.")
        if min(shape) < 2**J:
            raise ValueError(
                f"J = {J} is too large for images of {shape[0]} × {shape[1]} pixels: take "
                f"J ≤ {int(math.log2(max(min(shape), 1)))}."
            )
        self.shape, self.J, self.L, self.order = shape, J, L, order
        self.oversampling = oversampling
        self.bank = MorletBank(J, L, slant=4 / L if slant is None else slant)
        padded = tuple(((n + 2**J) // 2**J + 1) * 2**J for n in shape)
        self.grid = Grid((padded[0], padded[1]), 1.0)
        for j in range(J):
            psi = self._wavelets(j)
            self._keep(f"psi_{j}", _blocks(psi, 2**j))
            for j1 in range(j):
                self._keep(f"psi_{j1}_{j}", _blocks(_crop(psi, 2**j1), 2 ** (j - j1)))
            self._keep(f"rows_{j}", self._averages(0, j))
            self._keep(f"columns_{j}", self._averages(1, j).T.contiguous())

    @property
    def paths(self) -> list[dict[str, int | float]]:
        """Rows ``order, j, theta, j2, theta2`` (radians) in the order of the output channels."""
        angles = self.bank.angles.tolist()
        rows: list[dict[str, int | float]] = [{"order": 0}]
        rows += [{"order": 1, "j": j, "theta": t} for j in range(self.J) for t in angles]
        if self.order == 2:
            rows += [
                {"order": 2, "j": j, "theta": t, "j2": j2, "theta2": t2}
                for j in range(self.J)
                for j2 in range(j + 1, self.J)
                for t in angles
                for t2 in angles
            ]
        return rows

    @property
    def first(self) -> tuple[int, int]:
        """Row and column of the pixel about which the first coefficient is."""
        row, column = (
            2**self.J - (total - n) // 2
            for total, n in zip(self.grid.shape, self.shape, strict=True)
        )
        return row, column

    def forward(self, images: Tensor) -> Tensor:
        """Coefficients ``(…, P, ⌊height/2^J⌋, ⌊width/2^J⌋)`` of images ``(…, height, width)``.

        Oversampled, the number of rows and columns is 2^oversampling times as large.
        """
        if images.shape[-2:] != self.shape:
            raise ValueError(
                f"Images are {tuple(images.shape[-2:])}, but this scattering is for {self.shape}."
            )
        leading = images.shape[:-2]
        parts = images.reshape(-1, *self.shape).split(max(1, _WORK // self.work_bytes))
        found = [self._coefficients(part) for part in parts]
        return (found[0] if len(found) == 1 else torch.cat(found)).unflatten(0, leading)

    @property
    def work_bytes(self) -> int:
        """Bytes of the fields of one image that are in memory at once, at most."""
        pairs = self.L * self.L / 4 if self.order == 2 and self.J > 1 else 0
        return int(24 * math.prod(self.grid.shape) * (self.L + pairs))

    def _coefficients(self, images: Tensor) -> Tensor:
        padded = self._pad(images)
        x = torch.fft.fft2(padded)
        zeroth, first, second = self._smooth(padded, 0)[:, None], [], []
        for j in range(self.J):
            modulus = _modulus(_convolve(x[:, None], getattr(self, f"psi_{j}")))
            first.append(self._smooth(modulus, j))
            if self.order == 2 and j < self.J - 1:
                spectrum = torch.fft.fft2(modulus)
                second += [self._second_order(spectrum, j, j2) for j2 in range(j + 1, self.J)]
        return torch.cat([zeroth, *first, *second], dim=1)

    def _second_order(self, spectrum: Tensor, j: int, j2: int) -> Tensor:
        psi = getattr(self, f"psi_{j}_{j2}")
        modulus = _modulus(_convolve(spectrum[:, :, None], psi))
        return self._smooth(modulus, j2).flatten(1, 2)

    def _smooth(self, field: Tensor, j: int) -> Tensor:
        """Average of a field sampled every 2^j pixels, at the samples, without the padding.

        φ_J is a product of Gaussians of one axis each, of whose convolution few samples are left:
        one small matrix on each side.
        """
        rows, columns = getattr(self, f"rows_{j}"), getattr(self, f"columns_{j}")
        return rows @ (field @ columns)

    def _pad(self, images: Tensor) -> Tensor:
        margins = [total - n for total, n in zip(self.grid.shape, self.shape, strict=True)]
        sides = [half for m in reversed(margins) for half in (m // 2, m - m // 2)]
        if max(sides) < min(self.shape):
            return pad(images[:, None], sides, mode="reflect")[:, 0]
        return _reflect(images, sides)

    def _wavelets(self, j: int) -> Tensor:
        """ψ̂_{j,θ} of wavelets sampled at the pixels: the transform repeats with period 2π.

        The repeated tails are not quite zero at ω = 0, so the mean is taken off once more.
        """
        rows = []
        for theta in self.bank.angles:
            psi = self._repeated(self.bank.fourier, j, theta)
            envelope = self._repeated(self.bank.envelope, j, theta)
            rows.append(psi - psi[0, 0] / envelope[0, 0] * envelope)
        return torch.stack(rows).float()

    def _repeated(self, transform: Callable[..., Tensor], j: int, theta: Tensor) -> Tensor:
        wy, wx = self.grid.frequencies()
        shifts = [2 * math.pi * k for k in (-2, -1, 0, 1, 2)]
        total = torch.zeros(self.grid.shape, dtype=torch.float64)
        for a in shifts:
            for b in shifts:
                total += transform(j, theta, wy[:, None] + a, wx[None, :] + b)
        return total

    def _averages(self, axis: int, j: int) -> Tensor:
        """Samples of the convolution with φ_J along one axis: ``(samples, points)``."""
        length, border = self.grid.shape[axis], 2**self.J
        samples = torch.arange(border, length - border, 2 ** (self.J - self.oversampling))
        points = torch.arange(0, length, 2**j)
        width = self.bank.sigma * 2 ** (self.J - 1)
        frequencies = 2 * math.pi * torch.fft.fftfreq(len(points), 2**j, dtype=torch.float64)
        gaussian = torch.exp(-((width * frequencies) ** 2) / 2)
        # Few distances are different, and all of their waves at once would be as many as N³.
        apart, which = torch.unique((samples[:, None] - points) % length, return_inverse=True)
        waves = torch.cos(apart[:, None] * frequencies)  # the sines of ±ω cancel
        return (waves @ gaussian / len(points)).float()[which].contiguous()

    def _keep(self, name: str, values: Tensor) -> None:
        self.register_buffer(name, values, persistent=False)


def _blocks(filters: Tensor, stride: int) -> Tensor:
    """Filters (…, n_y, n_x) in blocks that are aliases of one another, and as an average of them.

    ``(stride, stride, …, n_y / stride, n_x / stride)``, complex: real ones are slower to multiply.
    """
    rows = filters.unflatten(-2, (stride, -1)).unflatten(-1, (stride, -1))
    blocks = rows.movedim((-4, -2), (0, 1)) / stride**2
    return blocks.to(torch.complex64).contiguous()


def _convolve(spectrum: Tensor, blocks: Tensor) -> Tensor:
    """Fields of the product, sampled once a block's stride: aliases add up in Fourier space.

    Block by block: a product and its sum over strided axes take four times as long as all the rest.
    """
    n_y, n_x = blocks.shape[-2:]
    total: Tensor | None = None
    for a, row in enumerate(blocks):
        for b, block in enumerate(row):
            part = spectrum[..., a * n_y : (a + 1) * n_y, b * n_x : (b + 1) * n_x]
            total = part * block if total is None else total.addcmul_(part, block)
    assert total is not None
    return torch.fft.ifft2(total)


def _modulus(field: Tensor) -> Tensor:
    """|z|; torch's own of complex numbers takes three times as long."""
    parts = torch.view_as_real(field)
    return root(parts[..., 0].square() + parts[..., 1].square())


def _crop(filters: Tensor, stride: int) -> Tensor:
    """The filters on a grid coarser by ``stride``: their lowest frequencies."""
    for dim in (-2, -1):
        n, half = filters.shape[dim], filters.shape[dim] // stride // 2
        keep = torch.cat([torch.arange(half), torch.arange(n - half, n)]).to(filters.device)
        filters = filters.index_select(dim, keep)
    return filters


def _reflect(images: Tensor, sides: list[int]) -> Tensor:
    """Reflection by more than the image's size, axis by axis."""
    for dim, (before, after) in zip((-1, -2), (sides[:2], sides[2:]), strict=True):
        n = images.shape[dim]
        index = torch.arange(-before, n + after) % (2 * n - 2)
        images = images.index_select(dim, torch.minimum(index, 2 * n - 2 - index))
    return images
