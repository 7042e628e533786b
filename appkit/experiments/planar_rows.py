"""The rows of the planar-energy table: which dictionary, which regressor, which molecules."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from appkit.data import MoleculeSet
from appkit.device import check_device
from appkit.energy import CHANNELS, PlanarFourier, PlanarScattering, PlanarWavelets
from appkit.energy.coulomb_matrix import CoulombMatrix
from appkit.energy.geometry import planar_positions
from appkit.experiments.job import ELEMENTS, RowDefinition, without_composition
from appkit.regression import BaggedOLS, ChosenAverage, KernelRegression
from appkit.regression.gaussian_process import standardised_process
from appkit.regression.residual import ResidualRegressor

#: Below this distance in the plane, Å, two atoms are an artefact of the projection.
OVERLAP = 0.6

#: The error no longer moves beyond about 40.
MAX_BAGS = 1000

_PAPER_PIXELS = 512
_COPIES = 8  # of each Coulomb matrix


@dataclass(frozen=True)
class Settings:
    """The parameters of a run, checked where they enter.

    Attributes
    ----------
    channels
        Densities, of `appkit.energy.CHANNELS`.
    J, L
        Numbers of scales and of angles.
    step
        Finest scale, Å.
    box
        Length in Å whose inverse spaces the radii of the Fourier dictionary.
    terms
        M₀, the longest path of the regression; None is 640 or as many as a bag allows.
    bags, fraction
        Number of bags, and the share of the training molecules in each.
    seed
        Of the bags and of the random Coulomb matrices.
    device
        Where wavelets are computed: a torch device.

    Raises
    ------
    ValueError
        A parameter is out of its bounds; the message names it.
    """

    preset: str = "default"
    channels: tuple[str, ...] = ("dirac", "core", "valence")
    J: int = 7
    L: int = 16
    step: float = 0.1
    box: float = 22.0
    terms: int | None = None
    bags: int = 10
    fraction: float = 0.9
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in self.channels:
            if name not in CHANNELS:
                raise ValueError(
                    f"there is no channel called '{name}'; channels are {', '.join(CHANNELS)}"
                )
        if not self.channels or len(set(self.channels)) < len(self.channels):
            raise ValueError(f"channels must be one or more, each once; not {self.channels}")
        whole = {"J": self.J, "L": self.L, "bags": self.bags}
        if self.terms is not None:
            whole["terms"] = self.terms
        for name, value in whole.items():
            if not _is_whole(value) or value < 1:
                raise ValueError(f"{name} must be a whole number above zero, not {value}")
        if self.bags > MAX_BAGS:
            raise ValueError(f"bags must be at most {MAX_BAGS}, not {self.bags}")
        if not _is_whole(self.seed) or not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must be a whole number from 0 to 2³² - 1, not {self.seed}")
        for name, length in (("step", self.step), ("box", self.box)):
            if not (math.isfinite(length) and length > 0):
                raise ValueError(f"{name} must be a length in Å above zero, not {length}")
        if self.largest_J < self.J:
            raise ValueError(
                f"J = {self.J} is too large for the grid: at step {self.step:g} Å the coarsest "
                f"scale, 2^(J - 1) steps, is longer than the box of {self.box:g} Å; take J up to "
                f"{self.largest_J}"
            )
        if not 0 < self.fraction < 1:
            raise ValueError(f"fraction must lie between 0 and 1, not {self.fraction}")
        check_device(self.device)

    @property
    def longest(self) -> int:
        """M₀, the longest path; the paper's 2⁹ + 2⁷ where nothing was given."""
        return self.terms or 640

    @property
    def grid(self) -> str:
        """In words, for a message."""
        return f"at step {self.step:g} Å, J = {self.J}, L = {self.L}"

    @property
    def largest_J(self) -> int:
        """The number of scales 2^j steps that fit into the box."""
        return 1 + max(0, math.floor(math.log2(self.box / self.step)))

    def parameters(self) -> dict[str, Any]:
        """As they stand in a record."""
        return asdict(self) | {"channels": list(self.channels)}


def settings_for(dataset: str, preset: str = "default", **given: Any) -> Settings:
    """The preset's settings for a data set, with what was given in their place.

    ``default`` is one choice of grid and scales for every data set. ``paper`` is that of Hirn,
    Mallat & Poilvert (2017): 512 pixels over ±9 Å (±11 Å for QM7-2D), J = 9, L = 16, on a GPU
    where there is one. In both a bag holds 80% of the training molecules, and 90% for QM7-2D, as
    in the paper; the embedded set, between the two in size, takes 80%.
    """
    base = Settings(fraction=0.9 if dataset == "qm7_2d" else 0.8)
    if preset == "paper":
        box = 22.0 if dataset == "qm7_2d" else 18.0
        device = "cuda" if torch.cuda.is_available() else "cpu"
        base = replace(
            base, preset=preset, J=9, L=16, step=box / _PAPER_PIXELS, box=box, device=device
        )
    elif preset != "default":
        raise ValueError(f"there is no preset called '{preset}'; presets are default and paper")
    return replace(base, **{name: value for name, value in given.items() if value is not None})


def bagged(settings: Settings) -> BaggedOLS:
    """The paper's regression (section 5): 10 bags, paths of up to 640 terms."""
    return BaggedOLS(
        n_bags=settings.bags,
        fraction=settings.fraction,
        max_terms=settings.longest,
        random_state=settings.seed,
    )


def fourier(settings: Settings) -> PlanarFourier:
    return PlanarFourier(channels=settings.channels, box=settings.box, coincident="add")


def wavelets(settings: Settings) -> PlanarWavelets:
    return PlanarWavelets(**_bank(settings))


def scattering(settings: Settings) -> PlanarScattering:
    return PlanarScattering(**_bank(settings))


def _bank(settings: Settings) -> dict[str, Any]:
    """Atoms may coincide: in three molecules of QM7-2D the projection put one over another."""
    names = ("channels", "J", "L", "step", "device")
    return {name: getattr(settings, name) for name in names} | {"coincident": "add"}


def coulomb(settings: Settings) -> CoulombMatrix:
    """Eight randomly sorted copies; coincident atoms as in the published matrices of QM7-2D."""
    return CoulombMatrix("random", n_copies=_COPIES, seed=settings.seed, coincident="zero")


def laplacian(settings: Settings) -> KernelRegression:
    """The paper's kernel, every copy a training point; width and ridge chosen inside the fold."""
    return KernelRegression("laplacian", n_copies=_COPIES)


def beyond(settings: Settings) -> ChosenAverage:
    """Two models of different kind, or their mean, whichever predicts the training folds best.

    The paper's bags, four times as many, and a Gaussian process on what a linear model of the
    composition leaves, on the same invariants. Their parameters and which of them are averaged are
    chosen inside the training folds, the latter by three inner folds: each costs both models again.
    """
    invariants = FunctionTransformer(without_composition)
    process = ResidualRegressor(LinearRegression(), standardised_process(), len(ELEMENTS))
    bags = bagged(replace(settings, bags=4 * settings.bags)).set_params(metric="rmse")
    models = [("bags", make_pipeline(invariants, bags)), ("process", process)]
    return ChosenAverage(models, n_folds=3)


def apart(molecules: MoleculeSet) -> NDArray[np.bool_]:
    """The molecules in which no two atoms are closer than `OVERLAP` in the plane."""
    return np.array([_least_distance(x) >= OVERLAP for x in molecules.atoms])


def _least_distance(x: Any) -> float:
    positions = planar_positions(x)
    if len(positions) < 2:
        return math.inf
    pairs = np.triu_indices(len(positions), 1)
    return float(np.linalg.norm(positions[pairs[0]] - positions[pairs[1]], axis=1).min())


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


ROWS: dict[str, RowDefinition] = {
    row.name: row
    for row in (
        RowDefinition("fourier", "Fourier", fourier, bagged, selects=True),
        RowDefinition("wavelet", "Wavelet", wavelets, bagged, selects=True),
        RowDefinition("coulomb", "Coulomb", coulomb, laplacian, stored=False),
        RowDefinition(
            "coulomb-apart",
            f"Coulomb, no atoms within {OVERLAP} Å",
            coulomb,
            laplacian,
            stored=False,
            keep=apart,
        ),
        RowDefinition("scattering", "Scattering", scattering, bagged, selects=True),
        RowDefinition(
            "beyond",
            "Scattering, beyond the paper",
            scattering,
            beyond,
            composition=True,
        ),
    )
}
