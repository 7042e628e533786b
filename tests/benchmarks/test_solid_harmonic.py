"""Solid harmonic scattering beside kymatio: speed per core, memory, error against a converged grid.

One density, one thread, in kymatio's configurations; ours at three tolerances, kymatio's by the
faster of its two back-ends. Errors are relative, over the powers at which kymatio's fields do not
ring (q = 1, 2, 3): the median and the worst; those of q = ½ stand beside. Memory is the peak of a
process of its own over what its imports take. The lower bound is the time of the matrix products
that spread the atoms and of the Fourier transforms alone.
"""

from __future__ import annotations

import math
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from ase.build import molecule

from appkit.compat import mend_kymatio
from appkit.energy import Sampling
from appkit.scattering import SolidHarmonic

POWERS = (0.5, 1.0, 2.0, 3.0)
OVERLAP = 0.1
#: Name: the grid, σ in samples, J.
CONFIGURATIONS = {
    "QM7 example": ((192, 128, 96), 2.0, 2),
    "64³": ((64, 64, 64), 1.0, 2),
    "128 × 96 × 64": ((128, 96, 64), 1.0, 4),
}


def placed(sigma):
    """Ethanol in samples: the two nearest atoms overlap by 10% half-way."""
    atoms = molecule("CH3CH2OH")
    distances = atoms.get_all_distances()
    nearest = distances[distances > 0].min()
    positions = torch.tensor(atoms.positions * sigma / Sampling(nearest, OVERLAP).sigma)
    centred = positions - (positions.max(0).values + positions.min(0).values) / 2
    order = centred.abs().max(0).values.argsort(descending=True)
    return centred[:, order], torch.tensor(atoms.numbers.astype(float))[None]


def on_grid(positions, charges, shape, sigma):
    axes = [torch.arange(n, dtype=torch.float64) - (n - 1) / 2 for n in shape]
    bells = [
        torch.exp(-((axis[None] - positions[:, k, None]) ** 2) / (2 * sigma**2))
        for k, axis in enumerate(axes)
    ]
    rho = torch.einsum("k,kx,ky,kz->xyz", charges[0], *bells) / (2 * math.pi * sigma**2) ** 1.5
    return rho.float()[None]


def seconds(call, n=5):
    """Median processor time of calls after one."""
    call()
    times = []
    for _ in range(n):
        started = time.process_time()
        call()
        times.append(time.process_time() - started)
    return float(np.median(times))


def kymatio(name, backend):
    """A call of kymatio's transform on our density: `(J + 1)(J + 2) / 2, L + 1, q`."""
    mend_kymatio()
    shape, sigma, J = CONFIGURATIONS[name]
    settings = {"J": J, "shape": shape, "L": 3, "sigma_0": sigma, "integral_powers": POWERS}
    rho = on_grid(*placed(sigma), shape, sigma)
    if backend == "torch":
        from kymatio.torch import HarmonicScattering3D

        peer = HarmonicScattering3D(**settings)
        return lambda: peer(rho)[0].double().numpy()
    from kymatio.numpy import HarmonicScattering3D

    numpy_peer, values = HarmonicScattering3D(**settings), rho.numpy()
    return lambda: numpy_peer(values)[0].astype(float)


def ours(name, tolerance):
    """A call of our transform."""
    _, sigma, J = CONFIGURATIONS[name]
    transform = SolidHarmonic(sigma, tuple(range(J + 1)), powers=POWERS, tolerance=tolerance)
    density = placed(sigma)
    return lambda: transform(*density)


def lower_bound(name, tolerance):
    """A call of nothing but the matrix products and transforms that ours cannot do without."""
    _, sigma, J = CONFIGURATIONS[name]
    transform = SolidHarmonic(sigma, tuple(range(J + 1)), powers=POWERS, tolerance=tolerance)
    positions, charges = placed(sigma)
    transform(positions, charges)  # filters are kept after the first call
    works = []

    def noted(function):
        def called(*arguments, **given):
            works.append(lambda: function(*arguments, **given))
            return function(*arguments, **given)

        return called

    with pytest.MonkeyPatch.context() as patched:
        for owner, work in ((torch.Tensor, "__matmul__"), (torch, "einsum"), (torch.fft, "irfftn")):
            patched.setattr(owner, work, noted(getattr(owner, work)))
        transform(positions, charges)

    def call():
        for work in works:
            work()

    return call


def peak(code):
    """Bytes by which a process of its own grows while it makes ``code`` and calls it."""
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import test_solid_harmonic as bench\n"
        f"print(bench.growth(lambda: {code}()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return int(done.stdout)


def growth(call):
    """Bytes by which this process is larger than now, at most, during a call."""
    torch.set_num_threads(1)
    mend_kymatio()
    import kymatio.torch  # noqa: F401 - what imports take is not counted

    process = psutil.Process()
    before = largest = process.memory_info().rss
    ended = threading.Event()

    def watch():
        nonlocal largest
        while not ended.wait(5e-4):
            largest = max(largest, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    call()
    ended.set()
    watcher.join()
    return largest - before


def errors(values, converged, powers):
    error = np.abs(values / converged - 1)
    smooth = error[powers != 0.5]
    return f"{np.median(smooth):.0e} / {smooth.max():.0e} (q = ½: {error[powers == 0.5].max():.0e})"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_beside_kymatio(name, capsys, pytestconfig):
    if not pytestconfig.getoption("benchmark_enable"):
        pytest.skip("minutes of kymatio: `make bench`")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        lines = compared(name)
    finally:
        torch.set_num_threads(threads)
    with capsys.disabled():
        print("\n" + "\n".join(f"{name}: {line}" for line in lines))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_on_a_gpu(name, capsys, pytestconfig):
    """Beside one core of the CPU, at a tolerance of 1e-3."""
    if not pytestconfig.getoption("benchmark_enable"):
        pytest.skip("`make bench`")
    _, sigma, J = CONFIGURATIONS[name]
    transform = SolidHarmonic(sigma, tuple(range(J + 1)), powers=POWERS)
    times = {}
    for device in ("cpu", "cuda"):
        density = [part.to(device) for part in placed(sigma)]
        transform(*density)
        torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(10):
            transform(*density)
        torch.cuda.synchronize()
        times[device] = (time.perf_counter() - started) / 10
    with capsys.disabled():
        print(f"\n{name}: a GPU is {times['cpu'] / times['cuda']:.1f} × as fast as the CPU")


def compared(name):
    _, sigma, J = CONFIGURATIONS[name]
    scales = tuple(range(J + 1))
    best = SolidHarmonic(sigma, scales, powers=POWERS, tolerance=1e-5)
    shared = [i for i, path in enumerate(best.paths) if path["order"] > 0]
    converged = best(*placed(sigma))[0, shared].numpy()
    powers = np.array([best.paths[i]["q"] for i in shared])
    times = {backend: seconds(kymatio(name, backend), 3) for backend in ("torch", "numpy")}
    faster = min(times, key=lambda backend: times[backend])
    theirs = in_our_order(kymatio(name, faster)(), best.paths, scales)
    memory = peak(f"bench.kymatio({name!r}, {faster!r})")
    lines = [
        "kymatio " + ", ".join(f"{backend} {took:.2f} s" for backend, took in times.items()),
        f"kymatio {faster}: {memory / 1e6:.0f} MB, error {errors(theirs, converged, powers)}",
    ]
    for tolerance in (2.5e-3, 1e-3, 5e-4):
        call = ours(name, tolerance)
        took, bound = seconds(call), seconds(lower_bound(name, tolerance))
        needed = peak(f"bench.ours({name!r}, {tolerance})")
        values = call()[0, shared].numpy()
        lines.append(
            f"ours at {tolerance:g} {times[faster] / took:.0f} × as fast ({1e3 * took:.0f} ms, "
            f"{took / bound:.1f} × the lower bound), memory 1/{memory / needed:.1f}, "
            f"error {errors(values, converged, powers)}"
        )
    return lines


def in_our_order(values, paths, scales):
    """kymatio's coefficients `((J + 1)(J + 2) / 2, L + 1, q)` as ours of orders 1 and 2."""
    pairs = [(a, b) for a in scales for b in scales[a + 1 :]]
    second = [
        values[len(scales) + pairs.index((p["j"], p["j2"])), p["l"], POWERS.index(p["q"])]
        for p in paths
        if p["order"] == 2
    ]
    return np.concatenate([values[: len(scales)].reshape(-1), second])
