"""Networks of positions: what a position sees, and that their logits add up."""

import pytest
import torch
from torch import nn

from appkit.images.networks import bagnet, bagnet_scattering, hybrid
from appkit.images.trained import ARCHITECTURES

SHAPE = (2, 32, 32)
SMALL = {
    "bagnet-scattering": {"J": 1, "L": 4, "width": 16, "layers": 2},
    "bagnet": {"field": 7, "width": 8},
    "hybrid": {"J": 2, "L": 4, "width": 8, "layers": 2},
}


def built(name, seed=0):
    torch.manual_seed(seed)
    return ARCHITECTURES[name](SHAPE, 3, **SMALL[name]).eval()


def pictures(n=4, seed=0):
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", SMALL)
def test_logits_are_the_average_of_the_positions(name):
    net = built(name)
    positions = net.positions(pictures())
    assert positions.shape[:2] == (4, 3)
    assert torch.allclose(net(pictures()), positions.flatten(2).mean(2))


def seen(net):
    """Share of the middle position's sensitivity to single pixels that lies beyond its field."""
    picture = pictures(1)
    side = SHAPE[1]
    moved = picture.repeat(side * side, 1, 1, 1)
    moved.view(side * side, 2, -1)[range(side * side), 0, range(side * side)] += 0.3
    with torch.no_grad():
        middle = [net.positions(part) for part in (picture, *moved.split(256))]
    rows, columns = middle[0].shape[2:]
    logits = torch.cat([part[:, 0, rows // 2, columns // 2] for part in middle])
    energy = (logits[1:] - logits[0]).square().view(side, side)
    size = min(net.field, side)
    windows = energy.unfold(0, size, 1).unfold(1, size, 1).sum((-2, -1))
    return float(1 - windows.max() / energy.sum())


def test_a_bagnet_sees_its_field_and_nothing_else():
    assert seen(built("bagnet")) < 1e-6


def test_a_local_network_of_wavelets_sees_little_beyond_its_field():
    """Gaussians end nowhere; what lies outside is a hundredth of the energy."""
    assert seen(built("bagnet-scattering")) < 1e-2


def test_shuffling_what_is_far_changes_no_position_of_a_local_network():
    """The logits of the upper left are the same whatever the lower right shows."""
    net, whole = built("bagnet"), pictures(1)
    other = whole.clone()
    other[..., 16:, 16:] = other[..., 16:, 16:].flip(-1, -2)
    changed = (net.positions(whole) - net.positions(other)).abs().amax((0, 1))
    assert changed[:10, :10].max() == 0
    assert changed[16:, 16:].max() > 0
    far = built("hybrid")
    moved = (far.positions(whole) - far.positions(other)).abs().amax((0, 1))
    assert moved[0, 0] > 0


def test_the_front_is_not_trained():
    net = built("bagnet-scattering")
    assert not any(p.requires_grad for p in net.front.parameters())
    assert not net.front(pictures().requires_grad_()).requires_grad


def test_layers_are_those_of_the_authors():
    """Batch norm, 3 × 3 of stride 2 without a ReLU, three of [batch norm, 1 × 1, ReLU], linear."""
    net = bagnet_scattering((3, 64, 64), 10, J=2, width=32, layers=4)
    kinds = [type(layer).__name__ for layer in net.body]
    triple = ["BatchNorm2d", "Conv2d", "ReLU"]
    assert kinds == ["BatchNorm2d", "Conv2d", *triple * 3, "BatchNorm2d", "Conv2d"]
    joining = net.body[1]
    assert (joining.kernel_size, joining.stride, joining.padding) == ((3, 3), (2, 2), (0, 0))
    assert joining.in_channels == 3 * 81
    sizes = {layer.kernel_size for layer in list(net.body)[2:] if isinstance(layer, nn.Conv2d)}
    assert sizes == {(1, 1)}


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (bagnet, {"field": 8}, "odd number of pixels, at most 32 in pictures of 32 × 32, not 8"),
        (
            bagnet,
            {"field": 33},
            "odd number of pixels, at most 32 in pictures of 32 × 32, not 33",
        ),
        (bagnet, {"width": 0}, "width must be a whole number from 1 up, not 0"),
        (bagnet_scattering, {"layers": -1}, "layers must be a whole number from 0 up, not -1"),
        (bagnet_scattering, {"J": 5, "oversampling": 0}, "3 × 3 neighbours of 1 × 1 descriptors"),
        (bagnet_scattering, {"J": 6}, "J = 6 is too large for images of 32 × 32 pixels"),
        (hybrid, {"layers": 0}, "layers must be a whole number from 1 up, not 0"),
    ],
)
def test_bad_sizes_are_said(build, options, message):
    with pytest.raises(ValueError, match=message):
        build(SHAPE, 3, **options)
