"""Wavelets, invariants and local methods, shown: quantum energies and images to play with.

The rooms: ``appkit.data``, ``appkit.scattering``, ``appkit.regression``, ``appkit.energy``,
``appkit.experiments``, ``appkit.figures``, ``appkit.dashboards``.
"""

from importlib.metadata import version

__all__ = ["__version__", "notebook"]

__version__ = version("appkit")


def notebook() -> None:
    """Make plots show in this notebook without a network; call it in the first cell."""
    from appkit.figures.notebook import set_up

    set_up()
