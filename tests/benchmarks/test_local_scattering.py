"""Scattering of images beside kymatio's, which has the same coefficients.

`make bench` takes pictures of 32 × 32 in three colours on one thread, J = 2 and 3, one picture at a
time and in kymatio's best batch. Ours goes through a batch in the parts in which
`ScatteringFeatures` does. The coefficients agree to 1e-4 of their norm, order by order.
"""

import numpy as np
import pytest
import torch
from side_by_side import fastest

from appkit.compat import mend_kymatio
from appkit.images.features import PICTURES_AT_ONCE
from appkit.scattering import LocalScattering
from appkit.scattering.threads import one_thread
from tests.scattering.test_local import kymatio_order

SIDE = 32
#: Pictures at once, of which kymatio's best is taken.
BATCHES = (8, 32, 128)


@pytest.mark.parametrize("J", [2, 3])
@torch.no_grad()
@one_thread()
def test_beside_kymatio(J, capsys, pytestconfig):
    mend_kymatio()
    from kymatio.torch import Scattering2D

    ours = LocalScattering((SIDE, SIDE), J)
    theirs = Scattering2D(J=J, shape=(SIDE, SIDE), L=8)
    n = max(BATCHES) if pytestconfig.getoption("benchmark_enable") else 2
    pictures = torch.from_numpy(
        np.random.default_rng(0).random((n, 3, SIDE, SIDE), dtype=np.float32)
    )

    def in_parts(batch):
        return torch.cat([ours(part) for part in batch.split(PICTURES_AT_ONCE)])

    same = in_parts(pictures[:2])[:, :, kymatio_order(ours)], theirs(pictures[:2])
    orders = [0] + [1] * (8 * J) + [2] * (64 * (J * (J - 1) // 2))
    for order in range(3):
        a, b = (values[:, :, np.equal(orders, order)] for values in same)
        assert (a - b).norm() <= 1e-4 * b.norm()
    if n == 2:
        return

    alone = fastest(
        {"ours": lambda: ours(pictures[:1]), "kymatio": lambda: theirs(pictures[:1])}, 15
    )
    calls = {size: (lambda size=size: theirs(pictures[:size])) for size in BATCHES}
    each = {size: took / size for size, took in fastest(calls, 2).items()}
    best = min(each, key=lambda size: each[size])
    batch = pictures[:best]
    many = fastest({"ours": lambda: in_parts(batch), "kymatio": lambda: theirs(batch)}, 5)
    with capsys.disabled():
        for size, times in ((1, alone), (best, many)):
            took, peer = (1e3 * times[name] / size for name in ("ours", "kymatio"))
            print(
                f"\nJ = {J}, batch {size}: {took:.2f} ms a picture, kymatio {peer:.2f} ms, "
                f"{peer / took:.1f} × as fast",
                end="",
            )
