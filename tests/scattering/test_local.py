"""The image cascade against kymatio's Scattering2D, which we did not write."""

import numpy as np
import pytest
import torch

from appkit.compat import mend_kymatio
from appkit.scattering import LocalScattering, local


def kymatio_order(scattering: LocalScattering) -> list[int]:
    """Index of our path for each of kymatio's: its angles count from the rows, backwards."""
    J, L = scattering.J, scattering.L
    index = {
        (p.get("j"), p.get("theta"), p.get("j2"), p.get("theta2")): i
        for i, p in enumerate(scattering.paths)
    }
    angles = scattering.bank.angles.tolist()

    def ours(t: int) -> float:
        kymatio_angle = (int(L - L / 2 - 1) - t) * np.pi / L
        return angles[round((np.pi / 2 - kymatio_angle) / (np.pi / L)) % L]

    order = [index[None, None, None, None]]
    order += [index[j, ours(t), None, None] for j in range(J) for t in range(L)]
    if scattering.order == 2:
        order += [
            index[j, ours(t), j2, ours(t2)]
            for j in range(J)
            for t in range(L)
            for j2 in range(j + 1, J)
            for t2 in range(L)
        ]
    return order


@pytest.mark.parametrize(
    ("shape", "J", "L"), [((32, 32), 3, 8), ((48, 64), 2, 6), ((28, 28), 2, 8)]
)
def test_agrees_with_kymatio(shape, J, L):
    mend_kymatio()
    from kymatio.torch import Scattering2D

    images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    scattering = LocalScattering(shape, J, L)
    theirs = Scattering2D(J=J, shape=shape, L=L, max_order=2)(images)
    ours = scattering(images)[:, kymatio_order(scattering)]
    assert ours.shape == theirs.shape
    start, stop = 0, 1
    for count in (1, J * L, L * L * J * (J - 1) // 2):
        a, b = ours[:, start:stop], theirs[:, start:stop]
        assert (a - b).norm() <= 1e-4 * b.norm()
        start, stop = stop, stop + (J * L if count == 1 else L * L * J * (J - 1) // 2)


def test_an_energy_is_not_gained():
    image = torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(1))
    coefficients = LocalScattering((32, 32), 2, 8)(image)
    assert coefficients.shape == (1, 1 + 16 + 64, 8, 8)
    assert torch.allclose(coefficients[:, 0].mean(), image.mean(), rtol=0.05)


@pytest.mark.parametrize(("oversampling", "shape"), [(1, (32, 28)), (2, (32, 32)), (3, (16, 32))])
def test_oversampled_there_are_more_of_the_same(oversampling, shape):
    """Every second (fourth…) sample is as it was."""
    images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    plain = LocalScattering(shape, 3, 4)(images)
    many = LocalScattering(shape, 3, 4, oversampling=oversampling)(images)
    step = 2**oversampling
    assert many.shape[-2:] == tuple(step * n for n in plain.shape[-2:])
    assert torch.allclose(many[..., ::step, ::step], plain, atol=1e-6)


def test_oversampled_samples_follow_a_shift_of_their_distance():
    images = torch.randn(1, 64, 64, generator=torch.Generator().manual_seed(0))
    scattering = LocalScattering((64, 64), 2, 4, oversampling=1)
    moved = scattering(torch.roll(images, (2, 2), (-2, -1)))[..., 7:-6, 7:-6]
    still = scattering(images)[..., 6:-7, 6:-7]
    assert (moved - still).abs().max() < 1e-3 * still.abs().max()


def test_gradients_reach_the_image():
    image = torch.rand(1, 16, 16, dtype=torch.float32, requires_grad=True)
    LocalScattering((16, 16), 2, 4)(image).square().sum().backward()
    assert torch.isfinite(image.grad).all()
    assert image.grad.norm() > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"shape": (32, 32), "J": 6},
            "J = 6 is too large for images of 32 × 32 pixels: take J ≤ 5",
        ),
        ({"shape": (32, 32), "J": 0}, "J and L are whole numbers from 1 up, not 0 and 8"),
        ({"shape": (32, 32), "J": 2, "L": 0}, "J and L are whole numbers from 1 up, not 2 and 0"),
        ({"shape": (32, 32), "J": 1.5}, "J and L are whole numbers from 1 up, not 1.5 and 8"),
        ({"shape": (32, 32), "J": 2, "order": 3}, "order of a scattering is 1 or 2, not 3"),
        (
            {"shape": (32, 32), "J": 2, "oversampling": 3},
            "The oversampling is from 0 to J = 2, not 3",
        ),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        LocalScattering(**arguments)


def test_an_image_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"Images are \(16, 16\)"):
        LocalScattering((32, 32), 2)(torch.zeros(1, 16, 16))


def test_images_over_the_memory_are_taken_in_parts(monkeypatch):
    images = torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    scattering = LocalScattering((16, 16), 2, 4)
    whole = scattering(images)
    monkeypatch.setattr(local, "_WORK", 2 * scattering.work_bytes)
    assert torch.allclose(scattering(images), whole, atol=1e-6)
