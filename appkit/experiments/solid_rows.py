"""The rows of the tables of QM7 and QM9: solid harmonic scattering, and other descriptors."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from appkit.device import check_device
from appkit.energy import (
    HDAD,
    CoulombMatrix,
    JointSolidHarmonic,
    SchNetRegressor,
    SOAPKernel,
    SolidHarmonicScattering,
)
from appkit.experiments.job import ELEMENTS, RowDefinition
from appkit.regression import BaggedOLS, KernelRegression, MultilinearRegression, ScaledAxes
from appkit.regression.residual import ResidualRegressor, standardised_ridge


@dataclass(frozen=True)
class SolidSettings:
    """The parameters of a run; those of the transform are checked by the transform.

    Attributes
    ----------
    channels : densities, of `appkit.energy.channels.CHANNELS`.
    sigma : width of the atoms and of the finest wavelets, Å.
    J, Q, L, powers, tolerance, device : as in `appkit.energy.SolidHarmonicScattering`.
    joint : L and Q of `appkit.energy.JointSolidHarmonic`, whose J is at most 2.
    terms : M₀, the longest path of the sparse row; None is 640.
    bags : bags of the sparse row.
    models : models in the mean of a multilinear row.
    seed : of all that is drawn.

    Raises
    ------
    ValueError
        A parameter is out of its bounds; the message names it.
    """

    channels: tuple[str, ...] = ("nuclear", "valence", "core", "bond")
    sigma: float = 0.25
    J: int = 3
    Q: int = 1
    L: int = 3
    powers: tuple[float, ...] = (1, 2, 3, 4)
    joint: tuple[int, int] = (6, 2)
    tolerance: float = 1e-3
    terms: int | None = None
    bags: int = 10
    models: int = 5
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        whole = {"terms": self.terms or 1, "bags": self.bags, "models": self.models}
        for name, value in whole.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} must be a whole number above zero, not {value}")
        if not isinstance(self.seed, int) or not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must be a whole number from 0 to 2³² - 1, not {self.seed}")
        check_device(self.device)

    @property
    def longest(self) -> int:
        """M₀, the longest path; the planar paper's 2⁹ + 2⁷ where nothing was given."""
        return self.terms or 640

    @property
    def grid(self) -> str:
        """In words, for a message."""
        return f"at σ = {self.sigma:g} Å, J = {self.J}, Q = {self.Q}, L = {self.L}"

    def parameters(self) -> dict[str, Any]:
        """As they stand in a record."""
        return asdict(self) | {
            "channels": list(self.channels),
            "powers": list(self.powers),
            "joint": list(self.joint),
        }


def settings_from(given: dict[str, Any]) -> SolidSettings:
    """The default settings with what was given in their place; None is not given."""
    return SolidSettings(**{name: value for name, value in given.items() if value is not None})


def scattering(settings: SolidSettings) -> SolidHarmonicScattering:
    names = ("channels", "sigma", "J", "Q", "L", "powers", "tolerance", "device")
    return SolidHarmonicScattering(**{name: getattr(settings, name) for name in names})


def joint(settings: SolidSettings) -> JointSolidHarmonic:
    """Its tolerance is five times wider: kinks make its sums five times dearer."""
    return JointSolidHarmonic(
        channels=settings.channels,
        sigma=settings.sigma,
        J=min(settings.J, 2),
        Q=settings.joint[1],
        L=settings.joint[0],
        tolerance=min(5 * settings.tolerance, 0.1),
        device=settings.device,
    )


def soap(settings: SolidSettings) -> SOAPKernel:
    """The sum kernel on environments of 3 Å.

    Its landmarks, as HDAD's bins, are those of all molecules, unseen their energies.
    """
    return SOAPKernel("sum", cutoff=3.0, seed=settings.seed)


def ridge(settings: SolidSettings) -> Pipeline:
    return standardised_ridge()


def bagged(settings: SolidSettings) -> BaggedOLS:
    return BaggedOLS(n_bags=settings.bags, max_terms=settings.longest, random_state=settings.seed)


def bilinear(settings: SolidSettings) -> MultilinearRegression:
    return _multilinear(settings, 2)


def trilinear(settings: SolidSettings) -> MultilinearRegression:
    return _multilinear(settings, 3)


def _multilinear(settings: SolidSettings, degree: int) -> MultilinearRegression:
    return MultilinearRegression(
        degree,
        n_factors=128,
        n_models=settings.models,
        weight_decays=(0.1,),
        device=settings.device,
        random_state=settings.seed,
    )


def kernel(settings: SolidSettings) -> ResidualRegressor:
    """A Gaussian kernel on what a linear model of the composition leaves."""
    return _beyond_composition(
        make_pipeline(StandardScaler(), ScaledAxes(0.25), _gaussian("gaussian"))
    )


def laplacian(settings: SolidSettings) -> ResidualRegressor:
    return _beyond_composition(_gaussian("laplacian"))


def gaussian(settings: SolidSettings) -> ResidualRegressor:
    """HDAD's kernel: at 1,000 and 2,000 molecules of QM9 better than the Laplacian one."""
    return _beyond_composition(_gaussian("gaussian"))


def kernel_ridge(settings: SolidSettings) -> ResidualRegressor:
    """Ridge regression with the kernel Φ Φᵀ of features that stand for one: they keep their scale.

    Standardised, the many directions in which SOAP's environments hardly differ would count as much
    as the first: on 1,000 molecules of QM9 the error was 40 kcal/mol, and is 2.8.
    """
    return _beyond_composition(RidgeCV(np.logspace(-9, 3, 25), gcv_mode="svd"))


def _beyond_composition(model: Any) -> ResidualRegressor:
    return ResidualRegressor(LinearRegression(), model, len(ELEMENTS))


def schnet(settings: SolidSettings) -> SchNetRegressor:
    return SchNetRegressor(device=settings.device, seed=settings.seed)


def _gaussian(name: str) -> KernelRegression:
    return KernelRegression(name, max_points=MOST_POINTS)


#: Training molecules of a kernel, whose matrix of 20,000² takes 3.2 GB.
MOST_POINTS = 20_000

_JOINT_TRILINEAR = RowDefinition("joint-trilinear", "Joint moments, trilinear", joint, trilinear)
_JOINT_KERNEL = RowDefinition(
    "joint-kernel", "Joint moments, kernel", joint, kernel, composition=True
)

ROWS: dict[str, RowDefinition] = {
    row.name: row
    for row in (
        RowDefinition("linear", "Scattering, linear", scattering, ridge),
        RowDefinition("bilinear", "Scattering, bilinear", scattering, bilinear),
        RowDefinition("trilinear", "Scattering, trilinear", scattering, trilinear),
        RowDefinition("kernel", "Scattering, kernel", scattering, kernel, composition=True),
        RowDefinition("bagged", "Scattering, sparse", scattering, bagged, selects=True),
        RowDefinition("joint-linear", "Joint moments, linear", joint, ridge),
        _JOINT_TRILINEAR,
        _JOINT_KERNEL,
        RowDefinition(
            "joint-mean",
            "Joint moments, mean of trilinear and kernel",
            None,
            None,
            parts=(_JOINT_TRILINEAR, _JOINT_KERNEL),
        ),
        RowDefinition(
            "coulomb",
            "Coulomb matrix, kernel",
            lambda settings: CoulombMatrix("sorted"),
            laplacian,
            stored=False,
            composition=True,
        ),
        RowDefinition(
            "hdad",
            "HDAD, kernel",
            lambda settings: HDAD(),
            gaussian,
            stored=False,
            composition=True,
        ),
        RowDefinition("soap", "SOAP, kernel", soap, kernel_ridge, stored=False, composition=True),
        RowDefinition("schnet", "SchNet", None, schnet),
    )
}

#: What is computed where no rows are named: all but those that train for long on a CPU.
USUAL = [name for name in ROWS if name != "schnet"]
_KERNELS = ("kernel", "joint-kernel", "coulomb", "hdad")
#: Training molecules of a network on a CPU, half an hour's work.
_MOST_ON_CPU = 1000


def most_trained(row: str, settings: SolidSettings) -> int | None:
    """The most molecules that a row trains on in a learning curve; None is all.

    A mean of rows ends where the first of them does.
    """
    parts = [most_trained(part.name, settings) for part in ROWS[row].parts]
    if limits := [most for most in parts if most is not None]:
        return min(limits)
    if row in _KERNELS:
        return MOST_POINTS
    return _MOST_ON_CPU if row == "schnet" and settings.device == "cpu" else None
