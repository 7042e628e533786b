"""The patch encoder against its matrix product and against torch's plain form, at equal codes.

`make bench` encodes pictures of CIFAR's size with N = 2,048 and 10,240 patches on one thread. The
bound is the one matrix product of the patches with the dictionary, by the faster of NumPy and
torch. The plain form is that of the authors' code: a product, and ``kthvalue`` for each sign.
"""

import numpy as np
import pytest
import torch
from side_by_side import fastest

from appkit.images.encoder import PatchEncoder
from appkit.images.patches import extract_patches
from appkit.images.pictures import as_batch
from appkit.scattering.threads import one_thread
from tests.images.conftest import natural

SIZES = (2048, 10_240)


@pytest.mark.benchmark(group="patch encoder")
@pytest.mark.parametrize("n_patches", SIZES)
def test_patch_encoder(benchmark, n_patches):
    if not benchmark.enabled:
        n_patches //= 32
    model = PatchEncoder(n_patches).fit(natural(24, 32))
    picture = as_batch(natural(1, 32, seed=7))
    patches, filters = extract_patches(picture, 6)[0], model._filters

    def plain():
        products = torch.from_numpy(patches) @ torch.from_numpy(filters)
        bias = torch.from_numpy(model._bias)
        scores = (bias - products, bias + products)
        return torch.stack([s <= s.kthvalue(model._k, 1, keepdim=True).values for s in scores], 1)

    with one_thread():
        ours = benchmark.pedantic(lambda: model._hard(picture), rounds=5, warmup_rounds=1)
        theirs = model._pooled(plain()[None].float()).numpy().ravel()
        assert np.abs(ours - theirs).max() <= 2 / 182  # a tie of two roundings in a window
        assert (ours != theirs).mean() < 0.01
        if not benchmark.enabled:
            return
        calls = {
            "ours": lambda: model._hard(picture),
            "numpy": lambda: patches @ filters,
            "torch": lambda: torch.from_numpy(patches) @ torch.from_numpy(filters),
            "plain": plain,
        }
        times = fastest(calls, 15)
    fast, bound, slow = times["ours"], min(times["numpy"], times["torch"]), times["plain"]
    benchmark.extra_info |= {"× matrix product": fast / bound, "plain / ours": slow / fast}
    print(
        f"\nN = {n_patches:,}: {1e3 * fast:.1f} ms a picture, {fast / bound:.1f} × its matrix "
        f"product; torch's plain form {slow / fast:.0f} × ours"
    )
