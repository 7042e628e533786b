"""Invariants and forces on a GPU are those of the CPU, to 1e-4."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

from appkit.energy import JointSolidHarmonic, SolidHarmonicScattering, VolumetricDensity, teach
from appkit.energy.force_field import MMFF94

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
WATER, FLUORINE, DIAMOND = molecule("H2O"), Atoms("F"), bulk("C", "diamond", a=3.57)
LENGTHS = {"sigma": 0.3, "J": 1}


def blob():
    x, y, z = np.meshgrid(*[np.linspace(-3, 3, 32)] * 3, indexing="ij")
    return VolumetricDensity.from_array(np.exp(-(x**2) - 2 * y**2 - 3 * z**2), 6 / 31)


def on(device, dictionary, item, **given):
    return dictionary(**LENGTHS, **given, device=device).fit_transform([item])


@pytest.mark.parametrize("powers", [(0.5, 1), (1, 2, 3)], ids=str)
@pytest.mark.parametrize(
    "item", [WATER, FLUORINE, DIAMOND], ids=["molecule", "no bonds", "crystal"]
)
def test_scattering(item, powers):
    given = {"channels": ("nuclear", "bond", "atomic"), "powers": powers}
    cpu, gpu = (on(device, SolidHarmonicScattering, item, **given) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(gpu, cpu, rtol=1e-4, atol=1e-9)


def test_a_density_on_a_grid():
    cpu, gpu = (
        on(device, SolidHarmonicScattering, blob(), channels=("density",))
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(gpu, cpu, rtol=1e-4)


@pytest.mark.parametrize("item", [WATER, FLUORINE], ids=["molecule", "no bonds"])
def test_joint_moments(item):
    cpu, gpu = (on(device, JointSolidHarmonic, item, L=2) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(gpu, cpu, rtol=1e-4, atol=1e-9)


def test_forces():
    forces = []
    for device in ("cpu", "cuda"):
        dictionary = SolidHarmonicScattering(
            ("nuclear", "valence"), powers=(1, 2, 3), tolerance=1e-2, device=device, **LENGTHS
        )
        atoms = WATER.copy()
        atoms.calc = teach(atoms, MMFF94(atoms), n_geometries=20, dictionary=dictionary)
        atoms.rattle(0.05, seed=1)
        forces.append(atoms.get_forces())
    np.testing.assert_allclose(forces[1], forces[0], rtol=1e-4, atol=1e-4)
