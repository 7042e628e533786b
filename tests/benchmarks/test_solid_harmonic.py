"""Solid harmonic scattering beside kymatio: speed per core, and error against a converged grid.

One density, one thread, in kymatio's configurations; ours at two tolerances. Errors are relative,
over the powers at which kymatio's fields do not ring (q = 1, 2, 3): the median and the worst; those
of q = ½ stand beside.
"""

from __future__ import annotations

import math
import time

import numpy as np
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


def seconds(call):
    """Median processor time of five calls after one."""
    call()
    times = []
    for _ in range(5):
        started = time.process_time()
        call()
        times.append(time.process_time() - started)
    return float(np.median(times))


def errors(values, converged, powers):
    error = np.abs(values / converged - 1)
    smooth = error[powers != 0.5]
    return f"{np.median(smooth):.0e} / {smooth.max():.0e} (q = ½: {error[powers == 0.5].max():.0e})"


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_beside_kymatio(name, capsys):
    mend_kymatio()
    from kymatio.torch import HarmonicScattering3D

    shape, sigma, J = CONFIGURATIONS[name]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        positions, charges = placed(sigma)
        scales = tuple(range(J + 1))
        best = SolidHarmonic(sigma, scales, powers=POWERS, tolerance=1e-5)
        shared = [i for i, path in enumerate(best.paths) if path["order"] > 0]
        converged = best(positions, charges)[0, shared].numpy()
        powers = np.array([best.paths[i]["q"] for i in shared])
        rho = on_grid(positions, charges, shape, sigma)
        peer = HarmonicScattering3D(J=J, shape=shape, L=3, sigma_0=sigma, integral_powers=POWERS)
        theirs = peer(rho)[0].double().numpy()
        lines = []
        reference = seconds(lambda: peer(rho))
        pairs = [(a, b) for a in scales for b in scales[a + 1 :]]
        order = [path for path in best.paths if path["order"] == 2]
        places = [len(scales) + pairs.index((p["j"], p["j2"])) for p in order]
        first = theirs[: len(scales)].reshape(-1)
        second = np.array([
            theirs[place, p["l"], POWERS.index(p["q"])]
            for place, p in zip(places, order, strict=True)
        ])  # fmt: skip
        both = np.concatenate([first, second])
        lines.append(f"{name}: kymatio {reference:.2f} s, error {errors(both, converged, powers)}")
        for tolerance in (1e-3, 5e-4):
            ours = SolidHarmonic(sigma, scales, powers=POWERS, tolerance=tolerance)
            took = seconds(lambda ours=ours: ours(positions, charges))
            values = ours(positions, charges)[0, shared].numpy()
            lines.append(
                f"{name}: ours at {tolerance:g} {reference / took:.0f} × as fast "
                f"({1e3 * took:.0f} ms), error {errors(values, converged, powers)}"
            )
    finally:
        torch.set_num_threads(threads)
    with capsys.disabled():
        print("\n" + "\n".join(lines))
