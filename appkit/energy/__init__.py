"""From molecules to densities, dictionaries of invariants and descriptors."""

from appkit.energy.composition import Composition
from appkit.energy.coulomb_matrix import CoulombMatrix
from appkit.energy.density import CHANNELS, PlanarDensity
from appkit.energy.dictionaries import PlanarScattering, PlanarWavelets
from appkit.energy.forces import InvariantCalculator
from appkit.energy.fourier import PlanarFourier
from appkit.energy.geometry import NotPlanarError, planar_positions
from appkit.energy.hdad import HDAD
from appkit.energy.joint_moments import JointSolidHarmonic
from appkit.energy.sampling import Sampling
from appkit.energy.schnet import SchNetRegressor
from appkit.energy.soap import SOAPKernel, SOAPRegressor
from appkit.energy.solid_harmonic import SolidHarmonicScattering
from appkit.energy.teach import teach
from appkit.energy.volume import VolumetricDensity

__all__ = [
    "CHANNELS",
    "HDAD",
    "Composition",
    "CoulombMatrix",
    "InvariantCalculator",
    "JointSolidHarmonic",
    "NotPlanarError",
    "PlanarDensity",
    "PlanarFourier",
    "PlanarScattering",
    "PlanarWavelets",
    "SOAPKernel",
    "SOAPRegressor",
    "Sampling",
    "SchNetRegressor",
    "SolidHarmonicScattering",
    "VolumetricDensity",
    "planar_positions",
    "teach",
]
