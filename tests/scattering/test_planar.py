"""The planar cascade: laws first, then an independent computation on one fine periodic grid."""

import math

import numpy as np
import pytest
import torch

from appkit.scattering import MorletBank, PlanarCascade
from appkit.scattering.angular import AngularBank

POSITIONS = np.array([[0.0, 0.0], [1.2, 0.3], [-1.1, 0.8], [2.3, -0.5], [-2.0, -1.5]])
CHARGES = np.array([6.0, 7.0, 8.0, 1.0, 1.0])
WIDTH = 0.3
EXTENT = (8.0, 8.0)


def gaussians(positions, charges=CHARGES, width=WIDTH, dtype=torch.complex64):
    """ρ̂ of Gaussian charges, in closed form."""
    positions = torch.as_tensor(positions)

    def rho_hat(wy, wx):
        waves_y = torch.exp(-1j * torch.outer(wy, positions[:, 1])) * torch.as_tensor(charges)
        waves_x = torch.exp(-1j * torch.outer(positions[:, 0], wx))
        envelope = torch.exp(-(width**2) / 2 * (wy[:, None] ** 2 + wx**2))
        return ((waves_y @ waves_x) * envelope)[None].to(dtype)

    return rho_hat


def rotated(angle):
    c, s = math.cos(angle), math.sin(angle)
    return POSITIONS @ np.array([[c, s], [-s, c]])


def relative(a, b):
    return float(((a - b) / b).abs().max())


@pytest.fixture(scope="module")
def cascade():
    return PlanarCascade(MorletBank(5, 8, 0.2), EXTENT, powers=(1, 2))


@pytest.fixture(scope="module")
def reference(cascade):
    return cascade(gaussians(POSITIONS))


def on_one_fine_grid(bank, powers, box=40.0, n=400):
    """S1 and S2 by plain FFTs in one large box, without any windowing: the definition itself."""
    omega = 2 * np.pi * np.fft.fftfreq(n, box / n)
    wy, wx = torch.as_tensor(omega)[:, None], torch.as_tensor(omega)[None]
    rho = gaussians(POSITIONS, dtype=torch.complex128)(wy[:, 0], wx[0])[0].numpy()
    area = (box / n) ** 2
    angles = bank.angles
    psi = [[bank.fourier(j, t, wy, wx).numpy() for t in angles] for j in range(bank.J)]
    first, second = [], []
    for j in range(bank.J):
        fields = [np.abs(np.fft.ifft2(rho * p)) / area for p in psi[j]]
        first += [np.mean([(u**q).sum() * area for u in fields]) for q in powers]
        for j2 in range(j + 1, bank.J):
            turns = np.zeros((bank.L, len(powers)))
            for a, u in enumerate(fields):
                spectrum = np.fft.fft2(u)
                for b in range(bank.L):
                    v = np.abs(np.fft.ifft2(spectrum * psi[j2][b]))
                    turns[(b - a) % bank.L] += [(v**q).sum() * area / bank.L for q in powers]
            mirrored = (turns + turns[(-np.arange(bank.L)) % bank.L]) / 2
            second += list(mirrored[: bank.L // 2 + 1].ravel())
    return torch.tensor(first + second)


def test_agrees_with_the_definition_on_one_fine_grid(cascade, reference):
    bank = MorletBank(3, 4, 0.2)
    expected = on_one_fine_grid(bank, (1, 2))
    got = PlanarCascade(bank, EXTENT, powers=(1, 2))(gaussians(POSITIONS))[0]
    assert relative(got, expected) < 2e-3
    finer = PlanarCascade(bank, EXTENT, powers=(1, 2), tolerance=1e-5, dtype=torch.float64)
    assert relative(finer(gaussians(POSITIONS, dtype=torch.complex128))[0], expected) < 1e-3


def test_first_order_energy_is_parsevals_integral(cascade, reference):
    bank, j = cascade.bank, 2
    paths = cascade.paths
    column = next(i for i, p in enumerate(paths) if p == {"order": 1, "j": j, "q": 2})

    reach = bank.centre(j) + bank.half_band(j, 1e-4)
    nodes, weights = (torch.as_tensor(v) for v in np.polynomial.legendre.leggauss(120))
    w, weights = reach * nodes, reach * weights
    power = gaussians(POSITIONS, dtype=torch.complex128)(w, w)[0].abs() ** 2
    wavelets = [bank.fourier(j, theta, w[:, None], w[None]) ** 2 for theta in bank.angles]
    density = power * torch.stack(wavelets).mean(0) / (4 * np.pi**2)
    total = float(weights @ density @ weights)
    assert float(reference[0, column]) == pytest.approx(total, rel=1e-3)


@pytest.mark.parametrize(
    "positions",
    [
        POSITIONS + np.array([0.331, -0.172]),
        rotated(3 * math.pi / 8),
        rotated(0.21),
        POSITIONS * [1, -1],
    ],
    ids=["translation", "rotation by 3π/L", "any rotation", "reflection"],
)
def test_invariance(cascade, reference, positions):
    assert relative(cascade(gaussians(positions)), reference) < 1.5e-2


def test_permutation_changes_nothing_but_rounding(cascade, reference):
    order = [3, 1, 4, 0, 2]
    permuted = cascade(gaussians(POSITIONS[order], CHARGES[order]))
    assert relative(permuted, reference) < 1e-4


def test_homogeneity(cascade, reference):
    """∫|cρ∗ψ|^q = c^q ∫|ρ∗ψ|^q, at both orders."""
    doubled = cascade(gaussians(POSITIONS, 2 * CHARGES))[0]
    powers = torch.tensor([float(p["q"]) for p in cascade.paths])
    assert torch.allclose(doubled / reference[0], (2**powers).double(), rtol=1e-4)


def test_fine_scales_count_atoms():
    """Wavelets much shorter than a bond see atoms one by one: S1 is additive."""
    fine = PlanarCascade(MorletBank(1, 8, 0.05), (16.0, 16.0), order=1)
    one = fine(gaussians(POSITIONS[:1], [6.0], width=0.05))
    spread = np.array([[0.0, 0.0], [5.0, 3.0], [-4.0, 5.0]])
    three = fine(gaussians(spread, [6.0, 6.0, 6.0], width=0.05))
    assert torch.allclose(three, 3 * one, rtol=1e-3)


@pytest.mark.parametrize(("J", "L", "count"), [(9, 16, 666), (3, 8, 36), (2, 5, 10)])
def test_number_of_invariants(J, L, count):
    """The paper's 667 with J = 9, L = 16: 2J + (L/2 + 1) J (J − 1), and one of order zero."""
    cascade = PlanarCascade(MorletBank(J, L, 0.2), (4.0, 4.0))
    assert len(cascade.paths) == count
    if L % 2 == 0:
        assert count == 2 * J + (L // 2 + 1) * J * (J - 1)


def test_the_talks_ten_thousand_vectors():
    cascade = PlanarCascade(MorletBank(9, 16, 0.2), (4.0, 4.0), angular=True)
    assert 3 * sum(p["order"] == 2 for p in cascade.paths) == 9720


def test_roto_translation_order_is_invariant():
    make = {"powers": (1, 2), "angular": True}
    cascade = PlanarCascade(MorletBank(3, 8, 0.3), EXTENT, **make)
    reference = cascade(gaussians(POSITIONS))
    assert reference.shape[1] == len(cascade.paths)
    for positions in (rotated(3 * math.pi / 8), POSITIONS * [1, -1], POSITIONS + 0.17):
        moved = cascade(gaussians(positions))
        assert relative(moved, reference) < 2e-2


def test_roto_translation_energy_is_that_of_the_translation_order():
    """Angular filters are a partition of unity, so their energies (q = 2) add up to the whole."""
    bank = MorletBank(2, 8, 0.3)
    plain = PlanarCascade(bank, EXTENT, powers=(2,))
    angular = PlanarCascade(bank, EXTENT, powers=(2,), angular=True)
    whole = plain(gaussians(POSITIONS))[0, 2:]
    parts = angular(gaussians(POSITIONS))[0, 2:].reshape(len(whole), -1)
    # one-sided filters see half of the energy of the harmonics other than 0 and L
    assert (parts.sum(1) < whole * 1.001).all()
    assert (parts.sum(1) > whole * 0.499).all()


def test_angular_filters_partition_the_harmonics():
    bank = AngularBank(16)
    energy = bank.filters.square().sum(0)
    assert bank.n_filters == 5
    assert torch.allclose(energy[:16], torch.ones(16), atol=1e-5)
    assert (energy[17:] == 0).all()


def test_gradient_against_finite_differences():
    bank = MorletBank(2, 4, 0.4)
    cascade = PlanarCascade(bank, EXTENT, powers=(0.5, 1, 2), dtype=torch.float64)

    def total(flat):
        return cascade(gaussians(flat.reshape(5, 2), dtype=torch.complex128)).log().sum()

    start = torch.tensor(POSITIONS.ravel(), requires_grad=True)
    total(start).backward()
    for axis in (0, 3, 8):
        step = torch.zeros(10, dtype=torch.float64)
        step[axis] = 1e-5
        slope = (total(start.detach() + step) - total(start.detach() - step)) / 2e-5
        assert float(start.grad[axis]) == pytest.approx(float(slope), rel=1e-4, abs=1e-6)


def test_in_place_and_differentiable_ways_agree(cascade, reference):
    with torch.no_grad():
        assert relative(cascade(gaussians(POSITIONS)), reference) < 1e-5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"powers": (0,)}, "Powers q must be positive"),
        ({"powers": ()}, "Powers q must be positive"),
        ({"powers": (math.nan,)}, "Powers q must be positive"),
        ({"order": 3}, "order of a planar cascade is 1 or 2"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        PlanarCascade(MorletBank(2, 4, 0.2), EXTENT, **arguments)


def test_a_j_too_large_for_a_periodic_box_is_refused():
    with pytest.raises(ValueError, match=r"J = 9 is too large for a box of 8 × 8.*Take J ≤ 4"):
        PlanarCascade(MorletBank(9, 4, 0.2), EXTENT, periodic=True)
