"""Wavelets, cascades and Fourier grids. Torch only; knows nothing of molecules or images."""

from appkit.scattering.grid import Grid
from appkit.scattering.local import LocalScattering
from appkit.scattering.morlet import MorletBank
from appkit.scattering.planar import PlanarCascade

__all__ = ["Grid", "LocalScattering", "MorletBank", "PlanarCascade"]
