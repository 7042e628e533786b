"""The two shims: the libraries work after them, and compute what they should."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.special
from ase import Atoms
from ase.build import bulk

from appkit.compat import mend_dscribe, mend_kymatio, sph_harm


@pytest.mark.parametrize(
    ("order", "degree", "harmonic"),
    [
        (0, 0, lambda az, pol: np.sqrt(1 / (4 * np.pi)) + 0 * az),
        (0, 1, lambda az, pol: np.sqrt(3 / (4 * np.pi)) * np.cos(pol)),
        (1, 1, lambda az, pol: -np.sqrt(3 / (8 * np.pi)) * np.sin(pol) * np.exp(1j * az)),
        (
            -2,
            2,
            lambda az, pol: np.sqrt(15 / (32 * np.pi)) * np.sin(pol) ** 2 * np.exp(-2j * az),
        ),
    ],
)
def test_spherical_harmonics_in_the_old_order(order, degree, harmonic):
    rng = np.random.default_rng(0)
    azimuth, polar = rng.uniform(0, 2 * np.pi, 50), rng.uniform(0, np.pi, 50)
    np.testing.assert_allclose(
        sph_harm(order, degree, azimuth, polar), harmonic(azimuth, polar), atol=1e-14
    )


def test_kymatio_imports_and_scipy_stays_as_it_was():
    script = (
        "from appkit.compat import mend_kymatio; mend_kymatio(); mend_kymatio()\n"
        "import scipy.special; had = hasattr(scipy.special, 'sph_harm')\n"
        "from kymatio.numpy import Scattering2D, HarmonicScattering3D\n"
        "assert not had, 'scipy.special was left changed'\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_kymatios_solid_harmonics_are_orthogonal_multiplets():
    """A wrong argument order gives filters whose sum over m depends on the direction."""
    mend_kymatio()
    from kymatio.scattering3d.filter_bank import solid_harmonic_3d

    filters = solid_harmonic_3d(24, 24, 24, sigma=3.0, l=2, fourier=False)
    power = (np.abs(filters) ** 2).sum(axis=0)
    np.testing.assert_allclose(power, power.transpose(1, 2, 0), atol=1e-6 * power.max())
    flat = filters.reshape(5, -1)
    gram = flat @ flat.conj().T
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-3 * np.abs(gram).max())


def test_dscribe_makes_a_system_of_every_field():
    mend_dscribe()
    mend_dscribe()
    from dscribe.core.system import System

    atoms = Atoms("CO", [[0, 0, 0], [0, 0, 1.1]], cell=[5, 6, 7], pbc=True, info={"key": 1})
    system = System.from_atoms(atoms)
    assert system.info == {"key": 1}
    assert system.get_chemical_symbols() == ["C", "O"]
    np.testing.assert_array_equal(system.positions, atoms.positions)
    np.testing.assert_array_equal(system.cell, atoms.cell)


def test_dscribes_periodic_descriptors_run_and_know_the_lattice():
    mend_dscribe()
    from dscribe.descriptors import SineMatrix

    iron = bulk("Fe", cubic=True)
    shifted = iron.copy()
    shifted.positions += iron.cell.array[0]
    sine = SineMatrix(n_atoms_max=2)
    np.testing.assert_allclose(sine.create(iron), sine.create(shifted), rtol=1e-8)


def test_scipy_has_dropped_the_old_name():
    """When this fails, the shim for kymatio can go."""
    assert not hasattr(scipy.special, "sph_harm")
