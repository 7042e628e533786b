"""Pictures with structure at all scales, so that their patches are not all alike."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter


def natural(n=12, side=16, channels=3, seed=0):
    """Coloured noise whose spectrum falls, bytes (n, side, side, channels)."""
    noise = np.random.default_rng(seed).standard_normal((n, side, side, channels))
    smooth = sum(s * gaussian_filter(noise, (0, s, s, 0)) for s in (0.5, 1, 2, 4))
    return np.clip(128 + 60 * smooth / smooth.std(), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def pictures():
    return natural()
