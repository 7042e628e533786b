"""Networks that read pictures by pieces: BagNet-Scattering, BagNet, and a hybrid that sees further.

All are a front and a body that gives each position's logits; a picture's are their average. So a
position's share in a decision is exact, and no position of a local network has seen more than its
receptive field.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from appkit.images.checks import check_whole
from appkit.images.pictures import Batch
from appkit.scattering import LocalScattering


class PositionNet(nn.Module):
    """Logits of a picture as the average of its positions' logits.

    Parameters
    ----------
    front : pictures (n, C, H, W) to features (n, P, rows, columns); not trained.
    body : features to logits of positions (n, classes, rows', columns').
    field : pixels along a side that the logits of one position depend on, padding aside.
    stride : pixels from a position's field to the next one's.
    start : row and column of the first field's first pixel; negative where it is in the padding.
    """

    def __init__(
        self,
        front: nn.Module,
        body: nn.Module,
        field: int,
        stride: int = 1,
        start: tuple[int, int] = (0, 0),
    ) -> None:
        super().__init__()
        self.front, self.body, self.field = front, body, field
        self.stride, self.start = stride, start
        for parameter in front.parameters():
            parameter.requires_grad_(False)

    def fit(self, batch: Batch) -> None:
        """Let the front learn from pictures (n, C, H, W) what needs no labels; wavelets nothing."""
        if (learn := getattr(self.front, "fit", None)) is not None:
            learn(batch)

    def positions(self, pictures: Tensor) -> Tensor:
        """Logits of all positions, (n, classes, rows, columns)."""
        logits: Tensor = self.body(self.front(pictures))
        return logits

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (n, classes) of pictures (n, C, H, W)."""
        return self.positions(pictures).mean((-2, -1))


class ScatteringFront(nn.Module):
    """Scattering of every channel, (n, C, H, W) to (n, C · P, rows, columns), as log(S + ε).

    Parameters
    ----------
    shape, J, L, order, oversampling : as in :class:`appkit.scattering.LocalScattering`.
    floor : ε; None takes S.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        J: int,
        L: int,
        order: int,
        oversampling: int,
        floor: float | None = None,
    ) -> None:
        super().__init__()
        self.scattering = LocalScattering(shape, J, L, order=order, oversampling=oversampling)
        self.floor = floor

    def forward(self, pictures: Tensor) -> Tensor:
        """Without gradients: the wavelets are not learned."""
        with torch.no_grad():
            found = self.scattering(pictures).flatten(1, 2)
            return found if self.floor is None else torch.log(found.clamp(min=0) + self.floor)


def bagnet_scattering(
    shape: tuple[int, int, int],
    n_classes: int,
    *,
    J: int = 2,
    L: int = 8,
    order: int = 2,
    oversampling: int = 1,
    neighbours: int = 3,
    width: int = 256,
    layers: int = 4,
) -> PositionNet:
    """Scattering, neighbouring descriptors side by side, then 1 × 1 convolutions only.

    Batch norm → ``neighbours`` × ``neighbours`` convolution, of stride 2 where it joins descriptors
    and without a ReLU → (``layers`` − 1) × [batch norm, 1 × 1 convolution, ReLU] → batch norm →
    linear at each position. With 0 layers the descriptors are told apart linearly.

    Parameters
    ----------
    shape : (C, H, W) of the pictures.
    n_classes : number of classes.
    J, L, order, oversampling : of the scattering.
    neighbours : descriptors along a side that are joined; 1 joins none.
    width : channels of the layers.
    layers : convolutions before the linear one.

    Raises
    ------
    ValueError
        for sizes that are no whole numbers above zero, and more neighbours than descriptors.

    References
    ----------
    Thiry, thesis and github.com/louity/scattering_patch_cnn; J = 4, L = 8, width 2048, 8 layers for
    pictures of 224 × 224.
    """
    channels, height, width_ = shape
    check_whole(n_classes=n_classes, neighbours=neighbours, width=width)
    check_whole(least=0, layers=layers)
    front = ScatteringFront((height, width_), J, L, order, oversampling)
    samples = min(height, width_) // 2**J * 2**oversampling
    if neighbours > samples:
        raise ValueError(
            f"{neighbours} × {neighbours} neighbours of {samples} × {samples} descriptors: take "
            "fewer, a smaller J or more oversampling."
        )
    n = channels * len(front.scattering.paths)
    body: list[nn.Module] = [nn.BatchNorm2d(n)]
    stride = 1
    if layers:
        stride = 2 if neighbours > 1 and samples >= neighbours + 2 else 1
        body.append(nn.Conv2d(n, width, neighbours, stride))
        for _ in range(layers - 1):
            body += [nn.BatchNorm2d(width), nn.Conv2d(width, width, 1), nn.ReLU()]
        body.append(nn.BatchNorm2d(width))
        n = width
    else:
        neighbours = 1
    body.append(nn.Conv2d(n, n_classes, 1))
    step = 2 ** (J - oversampling)
    field = _reach(J) + (neighbours - 1) * step
    start = _start(front, field, (neighbours - 1) * step / 2)
    return PositionNet(front, nn.Sequential(*body), field, stride * step, start)


def bagnet(
    shape: tuple[int, int, int], n_classes: int, *, field: int = 9, width: int = 64
) -> PositionNet:
    """Convolutions without padding that see ``field`` × ``field`` pixels, then 1 × 1 ones.

    3 × 3 convolutions until the field is reached, the first of them of stride 1, each with batch
    norm and ReLU and a 1 × 1 convolution beside it; as BagNet, a ResNet whose 3 × 3 convolutions
    are nearly all 1 × 1.

    Parameters
    ----------
    shape : (C, H, W) of the pictures.
    n_classes : number of classes.
    field : an odd number of pixels.
    width : channels of all layers.

    Raises
    ------
    ValueError
        for an even field, or one larger than the pictures.

    References
    ----------
    Brendel, Bethge, Approximating CNNs with Bag-of-local-Features models, ICLR 2019,
    arXiv:1904.00760.
    """
    channels, height, width_ = shape
    check_whole(n_classes=n_classes, width=width, field=field)
    if field % 2 == 0 or field > min(height, width_):
        raise ValueError(
            f"The field is an odd number of pixels, at most {min(height, width_)} in pictures of "
            f"{height} × {width_}, not {field}."
        )
    body: list[nn.Module] = []
    n = channels
    for _ in range((field - 1) // 2):
        body += [nn.Conv2d(n, width, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        body += [nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        n = width
    body.append(nn.Conv2d(n, n_classes, 1))
    return PositionNet(nn.Identity(), nn.Sequential(*body), field)


def hybrid(
    shape: tuple[int, int, int],
    n_classes: int,
    *,
    J: int = 2,
    L: int = 8,
    width: int = 128,
    layers: int = 4,
) -> PositionNet:
    """Scattering, then 3 × 3 convolutions with padding: the network that is not local.

    Batch norm without weights → 3 × 3 convolution → (``layers`` − 1) × [batch norm, ReLU, 3 × 3
    convolution] → batch norm, ReLU, linear. Parameters as in :func:`bagnet_scattering`.

    References
    ----------
    Oyallon, Belilovsky, Zagoruyko, Scaling the Scattering Transform: Deep Hybrid Networks, ICCV
    2017, arXiv:1703.08961.
    """
    channels, height, width_ = shape
    check_whole(n_classes=n_classes, width=width, layers=layers)
    front = ScatteringFront((height, width_), J, L, 2, 0)
    n = channels * len(front.scattering.paths)
    body: list[nn.Module] = [nn.BatchNorm2d(n, affine=False), nn.Conv2d(n, width, 3, padding=1)]
    for _ in range(layers - 1):
        body += [nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)]
    body += [nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, n_classes, 1)]
    field = _reach(J) + 2 * layers * 2**J
    return PositionNet(front, nn.Sequential(*body), field, 2**J, _start(front, field, 0))


def _reach(J: int) -> int:
    """Pixels along a side that a scattering coefficient depends on, but for a share of 1e-2."""
    return 4 * 2**J


def _start(front: ScatteringFront, field: int, beyond: float) -> tuple[int, int]:
    """First pixel of the field about the point ``beyond`` pixels after the first sample."""
    row, column = (math.floor(n + beyond - (field - 1) / 2) for n in front.scattering.first)
    return row, column
