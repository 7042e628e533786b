"""Wavelets, cascades and Fourier grids. Torch only; knows nothing of molecules or images."""

from appkit.scattering.grid import Grid
from appkit.scattering.joint_moments import JointMoments
from appkit.scattering.local import LocalScattering
from appkit.scattering.morlet import MorletBank
from appkit.scattering.planar import PlanarCascade
from appkit.scattering.solid_harmonic import SolidHarmonic
from appkit.scattering.solid_harmonic_fourier import FourierSolidHarmonic
from appkit.scattering.spectra import GaussianDensity, SampledDensity

__all__ = [
    "FourierSolidHarmonic",
    "GaussianDensity",
    "Grid",
    "JointMoments",
    "LocalScattering",
    "MorletBank",
    "PlanarCascade",
    "SampledDensity",
    "SolidHarmonic",
]
