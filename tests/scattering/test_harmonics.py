"""Real solid harmonics against SciPy's complex spherical harmonics."""

import numpy as np
import pytest
from scipy.special import sph_harm_y

from appkit.scattering.harmonics import coefficients, monomials

POINTS = np.random.default_rng(0).normal(size=(40, 3))


@pytest.mark.parametrize("l", range(9))
def test_they_are_the_real_and_imaginary_parts_of_spherical_harmonics(l):
    x, y, z = POINTS.T
    r = np.linalg.norm(POINTS, axis=1)
    ours = coefficients(l) @ np.stack([x**a * y**b * z**c for a, b, c in monomials(l)])
    for m in range(l + 1):
        theirs = (-1) ** m * r**l * sph_harm_y(l, m, np.arccos(z / r), np.arctan2(y, x))
        assert np.allclose(ours[l + m], theirs.real * (np.sqrt(2) if m else 1))
        if m:
            assert np.allclose(ours[l - m], np.sqrt(2) * theirs.imag)
