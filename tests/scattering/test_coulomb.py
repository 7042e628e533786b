"""Laws of the three Coulomb sums, and references that share no code with them."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, special

from appkit.scattering import coulomb
from appkit.scattering.coulomb import Charges


def random_charges(
    seed: int, dimension: int = 3, width: float | None = None, n: int = 5
) -> Charges:
    rng = np.random.default_rng(seed)
    widths = rng.uniform(0.2, 0.6, n) if width is None else np.full(n, width)
    return Charges(rng.uniform(-2, 5, n), rng.normal(size=(n, dimension)) * 1.5, widths)


def two_gaussians(distance: float, width: float = 0.5) -> Charges:
    return Charges([1.0, 2.0], [[0, 0, 0], [distance, 0, 0]], width)


class TestPairSum:
    def test_equal_gaussians_have_erf_over_r_and_their_own_energy(self):
        r, s = 1.3, 0.5
        expected = 2 * 2 * special.erf(r / (2 * s)) / r + (1 + 4) / (s * math.sqrt(math.pi))
        assert coulomb.pair_energy(two_gaussians(r, s)).item() == pytest.approx(expected, rel=1e-14)

    def test_self_energy_is_the_double_integral(self):
        # U of one Gaussian = ∫ ρ(r) V(r) 4πr² dr with V its potential by Gauss's law.
        s = 0.7

        def density(r):
            return math.exp(-(r**2) / (2 * s**2)) / (2 * math.pi * s**2) ** 1.5

        def enclosed(r):
            return integrate.quad(lambda t: 4 * math.pi * t**2 * density(t), 0, r)[0]

        # Each shell sees the charge inside it, and counts twice (once from either side).
        energy = integrate.quad(lambda r: 2 * 4 * math.pi * r * density(r) * enclosed(r), 0, 8)[0]
        one = Charges([1.0], [[0.0, 0, 0]], s)
        assert coulomb.pair_energy(one).item() == pytest.approx(energy, rel=1e-9)

    def test_point_charges_leave_their_own_energy_out(self):
        r = 0.8
        assert coulomb.pair_energy(two_gaussians(r, 0.0)).item() == pytest.approx(2 * 2 / r)
        assert coulomb.pair_energy(Charges([3.0], [[0.0, 0, 0]], 0)).item() == 0

    def test_point_charges_are_the_limit_of_narrow_gaussians_without_their_own_energy(self):
        s = 1e-3
        narrow, point = two_gaussians(0.8, s), two_gaussians(0.8, 0.0)
        own = 5 / (s * math.sqrt(math.pi))
        difference = coulomb.pair_energy(narrow) - own - coulomb.pair_energy(point)
        assert abs(difference.item()) < 1e-9

    def test_a_nucleus_inside_its_cloud(self):
        s = 0.4
        atom = Charges([1.0, -1.0], [[0, 0, 0], [0, 0, 0]], [0.0, s])
        expected = -2 * math.sqrt(2 / math.pi) / s + 1 / (s * math.sqrt(math.pi))
        assert coulomb.pair_energy(atom).item() == pytest.approx(expected)

    def test_gradient_is_coulombs_force(self):
        positions = torch.tensor([[0.0, 0, 0], [2.0, 0, 0]], dtype=torch.float64).requires_grad_()
        coulomb.pair_energy(Charges([1.0, 3.0], positions, 0.0)).backward()
        force = 2 * 3 / 4
        expected = torch.tensor([[force, 0, 0], [-force, 0, 0]], dtype=torch.float64)
        torch.testing.assert_close(positions.grad, expected)


class TestFourier:
    @pytest.mark.parametrize("dimension", [2, 3])
    def test_the_integral_over_radii_is_the_pair_sum(self, dimension):
        charges = random_charges(1, dimension)
        integral, _ = integrate.quad(
            lambda k: charges.spherical_power(torch.tensor([k], dtype=torch.float64)).item(),
            0,
            60,
            limit=400,
        )
        expected = coulomb.pair_energy(charges).item()
        assert charges.radial_constant * integral == pytest.approx(expected, rel=1e-9)

    @pytest.mark.parametrize("dimension", [2, 3])
    def test_spherical_power_is_the_mean_over_directions(self, dimension):
        charges, k = random_charges(2, dimension), 1.7
        if dimension == 2:
            angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
            directions, weights = np.c_[np.cos(angle), np.sin(angle)], 2 * np.pi / 400
        else:
            height, w = np.polynomial.legendre.leggauss(60)
            angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
            h, a = np.meshgrid(height, angle, indexing="ij")
            ring = np.sqrt(1 - h**2)
            directions = np.stack([ring * np.cos(a), ring * np.sin(a), h], -1).reshape(-1, 3)
            weights = np.repeat(w, 120) * 2 * np.pi / 120
        z, r, s = (t.numpy() for t in (charges.values, charges.positions, charges.widths))
        transform = np.exp(-1j * k * directions @ r.T) @ (z * np.exp(-(k**2) * s**2 / 2))
        expected = np.sum(weights * np.abs(transform) ** 2)
        assert charges.spherical_power(
            torch.tensor([k], dtype=torch.float64)
        ).item() == pytest.approx(expected)

    def test_theorem_1_as_printed(self):
        charges = random_charges(3)
        epsilon = 1 / 8

        def f(k):
            return charges.spherical_power(torch.tensor([k], dtype=torch.float64)).item()

        inner = sum(f(k * epsilon) for k in range(2, 64))
        printed = epsilon / (4 * math.pi**2) * (f(epsilon) + 2 * inner + f(1 / epsilon))
        assert coulomb.fourier_energy(charges, 64).item() == pytest.approx(printed)

    def test_error_falls_like_epsilon(self):
        charges = random_charges(4)
        exact = coulomb.pair_energy(charges)
        errors = [abs(coulomb.fourier_energy(charges, 4**m) - exact).item() for m in (6, 7, 8)]
        assert errors[0] / errors[1] == pytest.approx(2, rel=0.05)
        assert errors[1] / errors[2] == pytest.approx(2, rel=0.05)

    def test_too_few_radii(self):
        with pytest.raises(ValueError, match="at least 2 radii, not 1"):
            coulomb.fourier_energy(random_charges(0), 1)


class TestWavelets:
    def test_littlewood_paley_is_exact(self):
        k = torch.logspace(-4, 4, 1001, dtype=torch.float64)
        total = sum(coulomb.meyer_window(2.0**j * k) ** 2 for j in range(-16, 17))
        torch.testing.assert_close(total, torch.ones_like(k), rtol=0, atol=1e-14)

    @pytest.mark.parametrize(("dimension", "decay"), [(3, 2), (2, 1)])
    def test_condition_of_theorem_2(self, dimension, decay):
        k = torch.logspace(-3, 3, 501, dtype=torch.float64)
        total = sum(
            2.0 ** ((dimension - 1) * j) * coulomb.wavelet_transform(k, j, dimension) ** 2
            for j in range(-14, 15)
        )
        torch.testing.assert_close(total * k**decay, torch.ones_like(k), rtol=0, atol=1e-13)

    def test_the_wavelet_times_omega_does_not_fulfil_it(self):
        k = torch.logspace(-2, 2, 201, dtype=torch.float64)
        total = sum(
            4.0**j * (2.0**j * k * coulomb.meyer_window(2.0**j * k)) ** 2 for j in range(-10, 11)
        )
        assert (total * k**2 - 1).abs().max() > 0.5

    @pytest.mark.parametrize("dimension", [2, 3])
    @pytest.mark.parametrize("width", [None, 0.0])
    def test_all_scales_give_the_pair_sum(self, dimension, width):
        charges = random_charges(5, dimension, width)
        if width == 0.0 and dimension == 2:
            charges = random_charges(5, dimension, 0.05)  # J₀'s slow tail needs finer scales
        terms = coulomb.wavelet_energies(charges, range(-8, 31))
        exact = coulomb.pair_energy(charges).item()
        assert terms.sum().item() == pytest.approx(exact, rel=1e-7)

    def test_terms_are_norms_of_convolutions_on_a_grid(self):
        """‖ρ∗ψ_j‖² by a 3-D FFT of the sampled density, times 4π 2^{2j}."""
        n, step, s = 80, 0.5, 0.6
        positions = np.array([[0.7, -0.3, 0.2], [-0.8, 0.4, 0.0]])
        values = np.array([2.0, -1.0])
        x = (np.arange(n) - n // 2) * step
        u = np.stack(np.meshgrid(x, x, x, indexing="ij"), -1)
        rho = sum(
            z * np.exp(-((u - r) ** 2).sum(-1) / (2 * s**2)) / (2 * np.pi * s**2) ** 1.5
            for z, r in zip(values, positions, strict=True)
        )
        omega = 2 * np.pi * np.fft.fftfreq(n, step)
        radii = np.linalg.norm(
            np.stack(np.meshgrid(omega, omega, omega, indexing="ij"), -1), axis=-1
        )
        charges = Charges(values, positions, s)
        for j in (-2, -1):
            psi = coulomb.wavelet_transform(torch.from_numpy(radii), j).numpy()
            field = np.fft.ifftn(np.fft.fftn(rho) * psi)
            expected = 4 * np.pi * 4.0**j * np.sum(np.abs(field) ** 2) * step**3
            term = coulomb.wavelet_energies(charges, [j]).item()
            assert term == pytest.approx(expected, rel=1e-4)

    def test_a_molecule_twice_as_large_moves_its_terms_by_one_octave(self):
        charges = random_charges(6)
        twice = Charges(charges.values, 2 * charges.positions, 2 * charges.widths)
        torch.testing.assert_close(
            coulomb.wavelet_energies(twice, range(-3, 5)),
            coulomb.wavelet_energies(charges, range(-4, 4)) / 2,
        )

    def test_terms_do_not_see_a_rotation_or_a_translation(self):
        charges = random_charges(7)
        rotation = torch.from_numpy(np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0])
        moved = Charges(charges.values, charges.positions @ rotation + 3, charges.widths)
        torch.testing.assert_close(
            coulomb.wavelet_energies(moved, range(-4, 4)),
            coulomb.wavelet_energies(charges, range(-4, 4)),
        )

    def test_a_few_scales_are_enough(self):
        charges = random_charges(8, width=0.0)
        exact = coulomb.pair_energy(charges)
        error = [
            abs(coulomb.wavelet_energies(charges, coulomb.theorem_scales(2.0**-m)).sum() - exact)
            for m in (4, 5, 6)
        ]
        assert (error[0] / error[1]).item() == pytest.approx(2, rel=0.05)
        assert (error[1] / error[2]).item() == pytest.approx(2, rel=0.05)
        assert len(coulomb.theorem_scales(2.0**-6)) == 3 * 6 + 1

    def test_weights_in_the_plane_for_the_logarithm(self):
        """The kernel whose plane transform is 2π|ω|⁻² is −log|u|: weights 2^{2j}, neutral ρ."""
        rng = np.random.default_rng(9)
        z = rng.normal(size=4)
        z -= z.mean()
        s, positions = 0.4, rng.normal(size=(4, 2))
        charges = Charges(z, positions, s)
        terms = []
        for j in range(-6, 20):
            k = torch.linspace(2.0 ** (-j - 1), 2.0 ** (-j + 1), 4001, dtype=torch.float64)
            # 2π 2^{2j} ‖ρ∗ψ_j‖², with |ψ̂_j| = |ψ̂₀(2^j ω)|/|2^j ω|.
            power = coulomb.meyer_window(2.0**j * k) ** 2 * charges.spherical_power(k) / k
            terms.append(torch.trapezoid(power, k).item() / (2 * math.pi))
        expected = 0.0
        for i in range(4):
            for l in range(4):
                t = np.sum((positions[i] - positions[l]) ** 2) / (4 * s**2)
                # Mean of −log|u| under a plane Gaussian of variance 2s² around r_il.
                smooth = -0.5 * (np.log(4 * s**2) + np.log(t) + special.exp1(t)) if t else 0.0
                own = -0.5 * (np.log(4 * s**2) - np.euler_gamma)
                expected += z[i] * z[l] * (smooth if t else own)
        assert sum(terms) == pytest.approx(expected, rel=1e-6)


class TestBadInput:
    def test_shapes(self):
        with pytest.raises(
            ValueError, match=r"positions must be \(n, 3\) or \(n, 2\), not \(1, 4\)"
        ):
            Charges([1.0], np.zeros((1, 4)), 0.1)
        with pytest.raises(ValueError, match="do not match 3 positions"):
            Charges([1.0, 2.0], np.eye(3), 0.1)
        with pytest.raises(ValueError, match="at least one"):
            Charges([], np.zeros((0, 3)), 0.1)

    def test_numbers(self):
        with pytest.raises(ValueError, match="finite"):
            Charges([np.nan], np.zeros((1, 3)), 0.1)
        with pytest.raises(ValueError, match=r"cannot be negative: -0\.1"):
            Charges([1.0], np.zeros((1, 3)), -0.1)

    def test_coincident_point_charges(self):
        with pytest.raises(ValueError, match="coincide"):
            Charges([1.0, 1.0], np.zeros((2, 3)), 0.0)

    def test_epsilon(self):
        with pytest.raises(ValueError, match="between 0 and 1, not 2"):
            coulomb.theorem_scales(2.0)

    def test_no_scale(self):
        with pytest.raises(ValueError, match="no scale"):
            coulomb.wavelet_energies(random_charges(0), [])
