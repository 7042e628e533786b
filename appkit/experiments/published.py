"""The published figures of the tables, typed in once, each with its source.

The talk's planar table and the paper's differ (the talk is earlier); both stand beside ours, and
nothing is tuned towards either.
"""

from __future__ import annotations

from typing import Any

TALK = "talk"
PAPER = "paper v1 Table 1"
THESIS = "talk: thesis defence"
KYMATIO = "kymatio's example"

SOURCES = {
    TALK: "Mallat, Hirn & Poilvert, slides of the talk on quantum chemistry regression (RMSE only)",
    PAPER: "Hirn, Mallat & Poilvert, arXiv 1605.04654v1, Table 1, p. 25",
}

# RMSE in kcal/mol.
_TALK_RMSE = {
    "qm_2d": {"fourier": 16.7, "wavelet": 14.2, "coulomb": 5.8, "scattering": 2.7},
    "qm7_2d": {"fourier": 16.1, "wavelet": 15.4, "coulomb": 20.5, "scattering": 9.0},
}

_ALL = ("dirac", "core", "valence")
# Row, channels, then (M, ±), (MAE, ±), (RMSE, ±); M is None for the kernel regression.
_Figures = tuple[tuple[float, float] | None, tuple[float, float], tuple[float, float]]
_PAPER: dict[str, list[tuple[str, tuple[str, ...], _Figures]]] = {
    "qm7_2d": [
        ("fourier", _ALL, ((73, 27), (6.7, 0.7), (8.5, 0.9))),
        ("wavelet", _ALL, ((38, 13), (6.9, 0.6), (9.1, 0.8))),
        ("coulomb", (), (None, (6.7, 2.8), (14.8, 12.2))),
        ("scattering", ("dirac",), ((43, 32), (15.9, 1.7), (23.9, 7.2))),
        ("scattering", ("atomic",), ((99, 40), (4.0, 0.5), (5.2, 0.6))),
        ("scattering", ("dirac", "atomic"), ((99, 35), (4.1, 0.3), (5.7, 0.6))),
        ("scattering", ("core", "valence"), ((107, 41), (3.2, 0.1), (4.5, 0.2))),
        ("scattering", _ALL, ((97, 45), (3.5, 0.2), (5.0, 0.6))),
    ],
    "qm_2d": [
        ("fourier", _ALL, ((244, 52), (5.3, 0.2), (7.2, 0.4))),
        ("wavelet", _ALL, ((46, 4), (5.4, 0.1), (7.1, 0.3))),
        ("coulomb", (), (None, (2.4, 0.1), (5.4, 2.5))),
        ("scattering", ("dirac",), ((262, 81), (9.2, 0.1), (11.7, 0.1))),
        ("scattering", ("atomic",), ((299, 56), (2.7, 0.0), (3.8, 0.2))),
        ("scattering", ("dirac", "atomic"), ((373, 76), (2.3, 0.1), (3.4, 0.3))),
        ("scattering", ("core", "valence"), ((468, 108), (1.6, 0.1), (2.6, 0.5))),
        ("scattering", _ALL, ((450, 91), (1.6, 0.0), (2.5, 0.4))),
    ],
}


SOLID_SOURCES = {
    THESIS: "L. Thiry, slides of the defence on local methods (QM9, MAE only). The slides do not "
    "say how many molecules were trained on; those of the literature on QM9 are 100,000 and more",
    KYMATIO: "kymatio 0.3.0, examples/3d/scattering3d_qm7_torch.py: ridge regression on "
    "standardised features, the best of nine ridges on random folds",
}

# (MAE, RMSE) in kcal/mol.
_SOLID: dict[str, list[tuple[str, str, tuple[float, float | None]]]] = {
    "qm7": [("linear", KYMATIO, (2.75, 4.18))],
    "qm9": [
        ("linear", THESIS, (1.89, None)),
        ("trilinear", THESIS, (0.56, None)),
        ("coulomb", THESIS, (2.95, None)),
        ("schnet", THESIS, (0.34, None)),
        ("hdad", THESIS, (0.58, None)),
        ("soap", THESIS, (0.41, None)),
    ],
}


def energies(dataset: str) -> list[dict[str, Any]]:
    """The published figures for QM7 and QM9, in the form of `planar_energies`."""
    return [
        _figure(row, source, (), None, (mae, None), None if rmse is None else (rmse, None))
        for row, source, (mae, rmse) in _SOLID.get(dataset, [])
    ]


def planar_energies(dataset: str) -> list[dict[str, Any]]:
    """All published figures for a data set, kcal/mol; none for a set that was not published on.

    Each is a mapping ``row, source, channels, mae, rmse, terms``; the last three are ``None`` or
    ``{"mean": …, "sd": … or None}``.
    """
    talk = [
        _figure(row, TALK, _ALL if row != "coulomb" else (), None, None, (rmse, None))
        for row, rmse in _TALK_RMSE.get(dataset, {}).items()
    ]
    paper = [
        _figure(row, PAPER, channels, terms, mae, rmse)
        for row, channels, (terms, mae, rmse) in _PAPER.get(dataset, [])
    ]
    return talk + paper


_Spread = tuple[float, float | None] | None


def _figure(
    row: str, source: str, channels: tuple[str, ...], terms: _Spread, mae: _Spread, rmse: _Spread
) -> dict[str, Any]:
    spreads = {"terms": terms, "mae": mae, "rmse": rmse}
    return {"row": row, "source": source, "channels": list(channels)} | {
        name: None if value is None else {"mean": value[0], "sd": value[1]}
        for name, value in spreads.items()
    }


BRUNA = "Bruna & Mallat 2013"
THESIS_PICTURES = "defence"
LOGS = "authors' logs"
IMAGENET = "scattering_patch_cnn"
PICTURE_SOURCES = {
    BRUNA: "Bruna & Mallat, Invariant Scattering Convolution Networks, PAMI 35 (2013), table 4 "
    "(J = 3, orders 0 to 2)",
    TALK: "slides of the talk",
    THESIS_PICTURES: "L. Thiry, slides of the defence on local methods",
    IMAGENET: "github.com/louity/scattering_patch_cnn: J = 4, width 2048, 8 layers, 100 epochs",
    LOGS: "the ablations of Thiry, Arbel, Belilovsky, Oyallon, ICLR 2021, as their code logs them: "
    "9 × 9 windows, heads by gradient descent, pictures cropped and mirrored",
    KYMATIO: "kymatio's examples/2d: a linear classifier, 90 epochs",
}
_MNIST_SIZES = (300, 1000, 2000, 5000, 10_000, 20_000, 40_000, 60_000)
# Per cent of the test pictures.
_ERRORS: dict[str, list[tuple[str, str, dict[int, float]]]] = {
    "mnist": [
        (
            "Scattering, affine spaces",
            BRUNA,
            dict(zip(_MNIST_SIZES, (4.7, 2.3, 1.3, 1.03, 0.88, 0.79, 0.74, 0.70), strict=True)),
        ),
        (
            "Scattering, Gaussian SVM",
            BRUNA,
            dict(zip(_MNIST_SIZES, (5.6, 2.6, 1.8, 1.4, 1.0, 0.58, 0.53, 0.43), strict=True)),
        ),
        ("Scattering", TALK, {60_000: 0.4}),
    ],
    "cifar10-patches": [
        ("Nearest patches, l2", THESIS_PICTURES, {10_000: 34.6}),
        ("Nearest patches, Mahalanobis", THESIS_PICTURES, {10_000: 14.4, 60_000: 13.1}),
        ("Nearest patches, hidden layer", THESIS_PICTURES, {2048: 11.5}),
        ("Ablation, linear head", LOGS, {2048: 18.4}),
        ("Ablation, low-rank head", LOGS, {512: 21.5, 1024: 19.5, 2048: 17.3, 4096: 16.2}),
    ],
    "cifar10-scattering": [
        ("Roto-translation scattering", TALK, {50_000: 17.8}),
        ("Scattering, linear", KYMATIO, {50_000: 29.5}),
    ],
}


# Of the same rows on other data, which no column of ours holds.
_ELSEWHERE: dict[str, tuple[str, str, dict[str, float]]] = {
    "bagnet": (
        "ImageNet, top-5 errors in %",
        IMAGENET,
        {
            "BagNet-Scattering": 15.5,
            "half as wide": 19.5,
            "half as deep": 20.8,
            "linear": 58.6,
            "first order only": 17.8,
            "no oversampling": 20.5,
        },
    ),
}


def elsewhere(experiment: str) -> str:
    """What was published of an experiment's rows on other data, in a sentence; "" for nothing."""
    if experiment not in _ELSEWHERE:
        return ""
    what, source, errors = _ELSEWHERE[experiment]
    told = ", ".join(f"{label} {error:g}" for label, error in errors.items())
    return f"{what} [{source}]: {told}. {PICTURE_SOURCES[source]}."


#: Nearest-neighbour dimensions of patches of CIFAR-10 by P: as they are, and whitened (λ = 1e-4),
#: as the authors' code keeps them: github.com/louity/patches, data/k_nns_cifar10_whitening_reg_*.
PATCH_DIMENSIONS = {
    "cifar10": {
        2: (7.1, 10.6),
        6: (15.8, 44.8),
        10: (21.1, 105.7),
        14: (24.4, 194.0),
        20: (27.1, 133.0),
    }
}


def errors(experiment: str) -> list[dict[str, Any]]:
    """Published errors in per cent: mappings ``label, source, errors`` (by training pictures)."""
    return [
        {"label": label, "source": source, "errors": found}
        for label, source, found in _ERRORS.get(experiment, [])
    ]
