"""What two pinned libraries need to run beside the newer SciPy and ASE that they do not know yet.

kymatio 0.3.0 imports ``scipy.special.sph_harm``, which SciPy 1.17 no longer has (kymatio#1068);
dscribe 2.1.2 hands ``ase.Atoms`` its arguments by position, and ASE 3.27 took one out of the row
(dscribe#165). Call the function before the library is used; a second call does nothing more. When
either library is mended upstream, its function here goes.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import scipy.special
from ase import Atoms
from numpy.typing import ArrayLike, NDArray

__all__ = ["mend_dscribe", "mend_kymatio", "sph_harm"]


def sph_harm(m: ArrayLike, n: ArrayLike, azimuth: ArrayLike, polar: ArrayLike) -> NDArray:
    """Spherical harmonic Y_n^m in the argument order that SciPy had until 1.16.

    ``m`` order, ``n`` degree, angles in radians: SciPy's ``sph_harm_y(n, m, polar, azimuth)``.
    """
    return np.asarray(scipy.special.sph_harm_y(n, m, polar, azimuth))


def mend_kymatio() -> None:
    """Make ``import kymatio`` and its front ends work; SciPy itself is left as it was.

    The one module that wants the old function is imported while SciPy lends it.
    """
    if hasattr(scipy.special, "sph_harm"):
        return
    scipy.special.sph_harm = sph_harm
    try:
        importlib.import_module("kymatio.scattering3d.filter_bank")
    finally:
        del scipy.special.sph_harm


def mend_dscribe() -> None:
    """Make dscribe's ``System`` (behind MBTR, the sine matrix…) work with ASE >= 3.27."""
    from dscribe.core.system import System

    System.__init__ = _system_init


def _system_init(
    self: Any,
    symbols: Any = None,
    *,
    wyckoff_positions: Any = None,
    equivalent_atoms: Any = None,
    **arguments: Any,
) -> None:
    """dscribe's ``System.__init__`` with every argument of ``Atoms`` passed by its name."""
    Atoms.__init__(self, symbols, **arguments)
    self.wyckoff_positions = wyckoff_positions
    self.equivalent_atoms = equivalent_atoms
    self._cell_inverse = None
    self._displacement_tensor = None
    self._distance_matrix = None
    self._inverse_distance_matrix = None
