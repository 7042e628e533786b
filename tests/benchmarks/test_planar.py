"""Planar features against what their Fourier transforms alone would take on this machine.

The lower bound is Σ (number of transforms) × (measured time of one), the transforms taken in
the batches of L that the cascade takes them in. The ratio says what windows, moduli and sums add.
"""

import math
import statistics
import time

import pytest
import torch

from appkit.scattering import MorletBank, PlanarCascade

BOX = 16.0  # Å


def random_density(n_atoms=12, seed=0):
    """ρ̂ of atoms at random places, as cheap as a density can be."""
    generator = torch.Generator().manual_seed(seed)
    positions = (torch.rand(n_atoms, 2, generator=generator, dtype=torch.float64) - 0.5) * 8

    def rho_hat(wy, wx):
        waves_y = torch.exp(-1j * torch.outer(wy, positions[:, 1]))
        waves_x = torch.exp(-1j * torch.outer(positions[:, 0], wx))
        return (waves_y @ waves_x)[None].to(torch.complex64)

    return rho_hat


def seconds(work, repeats=5):
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def fft_bound(cascade):
    """Seconds that the cascade's transforms take by themselves."""
    L, total = cascade.bank.L, 0.0
    for shape, kind, count in cascade.fft_counts():
        if kind == "c2c":
            batch = torch.randn(1, L, *shape, dtype=torch.complex64)
            total += count / L * seconds(lambda batch=batch: torch.fft.ifft2(batch))
        else:
            batch = torch.randn(1, L, *shape)
            total += count / L * seconds(lambda batch=batch: torch.fft.rfft2(batch))
    return total


@pytest.mark.benchmark(group="planar features, one channel")
@pytest.mark.parametrize("pixels", [256, 512])
def test_features_against_the_fft_bound(benchmark, pixels):
    torch.set_num_threads(1)
    # the finest wavelets fill a band of ± pixels / 2 frequencies around their centres
    probe = MorletBank(1, 16)
    step = (1 + 1e-9) * BOX * probe.half_band(0, 1e-3) / (math.pi * pixels)
    J = int(math.log2(BOX / (8 / 3 * step))) + 1
    cascade = PlanarCascade(MorletBank(J, 16, step), (BOX, BOX), periodic=True)
    assert cascade.levels[0].shape == (pixels, pixels)
    density = random_density()
    with torch.no_grad():
        benchmark.pedantic(lambda: cascade(density), rounds=5, warmup_rounds=1)
    if benchmark.enabled:
        bound, median = fft_bound(cascade), benchmark.stats.stats.median
        benchmark.extra_info |= {"fft_bound_s": bound, "ratio_to_fft_bound": median / bound}
        print(
            f"\n{pixels}²: {1 / median:.2f} molecules a second for one channel, "
            f"{median / bound:.2f} × the FFT bound (J = {J}, L = 16)"
        )
