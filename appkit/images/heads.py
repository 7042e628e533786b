"""Heads on the codes of patches by gradient descent: linear, of low rank, with a hidden layer.

They are bodies of a `appkit.images.networks.PositionNet` whose front is a
`appkit.images.encoder.PatchEncoder`, so that `appkit.images.trained.PositionClassifier` trains,
stops, resumes and explains them as it does BagNets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from appkit.images.checks import check_whole
from appkit.images.encoder import PatchEncoder
from appkit.images.networks import PositionNet
from appkit.images.pictures import Batch


@dataclass(frozen=True)
class Head:
    """What reads the pooled codes.

    Attributes
    ----------
    pooling : of the codes, see `appkit.images.pooling.Pooling.of`.
    width : channels between the two convolutions; None for a single one.
    kernel : windows along a side that the first of two convolutions joins.
    relu : whether the channels between are rectified: if not, the head is linear, of rank width.
    last : windows along a side that the last convolution joins, at most all there are.
    """

    pooling: int | tuple[int, int]
    width: int | None
    kernel: int
    relu: bool
    last: int


#: The authors' for pictures of 32 × 32 pixels.
HEADS = {
    "linear": Head((5, 3), None, 1, False, 6),
    "low-rank": Head((5, 3), 128, 1, False, 6),
    "hidden": Head((3, 2), 2048, 3, True, 7),
}


class NormConv(nn.Conv2d):
    """Batch norm and a convolution without padding, of features that need no gradient.

    The same as the two one after the other, but each channel's mean and spread are folded into the
    weights: the features are read once and never copied, which takes a third of the time where
    there are thousands of channels.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, out: int, kernel: int) -> None:
        super().__init__(channels, out, kernel)
        self.gain = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, input: Tensor) -> Tensor:
        """(n, channels, rows, columns) to (n, out, rows − kernel + 1, columns − kernel + 1)."""
        mean, variance = self._moments(input) if self.training else self._running()
        scale = self.gain * torch.rsqrt(variance + 1e-5)
        weight = self.weight * scale[:, None, None]
        shift = (self.shift - mean * scale)[:, None, None] * self.weight
        bias = shift.sum((1, 2, 3)) if self.bias is None else self.bias + shift.sum((1, 2, 3))
        return conv2d(input, weight, bias)

    def _running(self) -> tuple[Tensor, Tensor]:
        return self.running_mean, self.running_var

    def _moments(self, input: Tensor) -> tuple[Tensor, Tensor]:
        """Of this batch; the running ones move a tenth towards them, as torch's batch norm."""
        with torch.no_grad():
            rows = input.movedim(1, -1).flatten(0, 2)
            n, mean = len(rows), rows.mean(0)
            # Codes are shares: their squares lose nothing, and take an eighth of torch.var's time.
            variance = ((rows * rows).mean(0) - mean * mean).clamp(min=0)
            self.running_mean.lerp_(mean, 0.1)
            self.running_var.lerp_(variance * n / max(n - 1, 1), 0.1)
        return mean, variance


class PatchFront(nn.Module):
    """Pictures (n, C, H, W) to pooled codes (n, 2 · N, rows, columns); learns its patches."""

    def __init__(self, encoder: PatchEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def fit(self, batch: Batch) -> None:
        """Draw the dictionary from pictures and measure their patches' covariance."""
        self.encoder._fit(batch)

    def forward(self, pictures: Tensor) -> Tensor:
        """Without gradients, where the pictures are."""
        codes = self.encoder._encode_tensor(pictures)
        rows, columns = self.encoder.pooling_.shape
        return codes.reshape(len(codes), rows, columns, -1).permute(0, 3, 1, 2)


def simple_patch(
    shape: tuple[int, int, int],
    n_classes: int,
    *,
    head: str = "low-rank",
    width: int | None = None,
    pooling: int | tuple[int, int] | None = None,
    **encoder: Any,
) -> PositionNet:
    """SimplePatch with a head that gradient descent trains.

    "linear": batch norm → convolution on 6 × 6 windows. "low-rank": batch norm → 1 × 1 convolution
    to ``width`` channels → convolution on 6 × 6, which is W = W₁W₂. "hidden": batch norm → 3 × 3
    convolution to ``width`` channels → ReLU → convolution on 7 × 7. Then the average. Windows that
    there are not are left out of the last convolution.

    Parameters
    ----------
    shape : (C, H, W) of the pictures.
    n_classes : number of classes.
    head : of :data:`HEADS`.
    width, pooling : in the place of the head's.
    encoder : parameters of :class:`appkit.images.encoder.PatchEncoder`.

    Raises
    ------
    ValueError
        for an unknown head, and as the encoder does.
    TypeError
        for an unknown parameter.

    References
    ----------
    Thiry, Arbel, Belilovsky, Oyallon, ICLR 2021, arXiv:2101.07528, and github.com/louity/patches.
    """
    if head not in HEADS:
        raise ValueError(f"The head is {', '.join(HEADS)}, not {head!r}.")
    plan = HEADS[head]
    if width is not None:
        check_whole(width=width)
        if plan.width is None:
            raise ValueError(f"The {head} head has no width.")
        plan = replace(plan, width=width)
    plan = replace(plan, pooling=pooling or plan.pooling)
    codes = PatchEncoder(pooling=plan.pooling, **encoder)
    pool = codes.pooling_of(shape)
    windows = pool.shape
    channels = 2 * codes.n_patches
    first = min(plan.kernel, *windows) if plan.width else min(plan.last, *windows)
    body: list[nn.Module] = [NormConv(channels, plan.width or n_classes, first)]
    reach = first - 1
    if plan.width:
        last = min(plan.last, *(n - reach for n in windows))
        body += [nn.ReLU()] * plan.relu + [nn.Conv2d(plan.width, n_classes, last)]
        reach += last - 1
    rows = pool.windows[0]
    field = max(rows[i + reach][1] - rows[i][0] for i in range(len(rows) - reach))
    stride = rows[1][0] - rows[0][0] if len(rows) > 1 else 1
    return PositionNet(
        PatchFront(codes), nn.Sequential(*body), codes.patch_size - 1 + field, stride
    )
