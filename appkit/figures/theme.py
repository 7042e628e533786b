"""One palette for every figure, in light and in dark, and the two colour maps made from it.

Colour maps start at the ground of the card they lie on, so a field that falls to zero melts into
the page. Both are interpolated in OKLab, in which equal steps look equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import holoviews as hv
import numpy as np

hv.extension("bokeh", logo=False)  # the backend in which every figure of this room is drawn
# WebGL loses the glyphs of a figure that was built before it could be seen, and gains nothing here.
hv.renderer("bokeh").webgl = False

#: Surfaces and inks, shared with the dashboard's theme.
LIGHT = {
    "ground": "#f5f6f4",
    "card": "#ffffff",
    "ink": "#16222e",
    "muted": "#55636f",
    "line": "#d9dedd",
    "accent": "#0b7285",
    "warm": "#b4511a",
}
DARK = {
    "ground": "#0c1117",
    "card": "#131b23",
    "ink": "#e6ecf0",
    "muted": "#9fadb8",
    "line": "#2a3641",
    "accent": "#4fc3d4",
    "warm": "#f0955b",
}

#: Mid tones that keep 3:1 contrast on both grounds; one for each dictionary, everywhere.
DICTIONARY_COLOURS = {
    "fourier": "#c4741a",
    "wavelet": "#8a6fd1",
    "coulomb": "#7d8894",
    "scattering": "#1391a5",
    "beyond": "#d1477a",
}

#: The same for models in three dimensions.
MODEL_COLOURS = {
    "linear": "#1391a5",
    "bilinear": "#3b7fd0",
    "trilinear": "#8a6fd1",
    "kernel": "#d1477a",
    "bagged": "#3f9142",
    "coulomb": "#7d8894",
    "hdad": "#c4741a",
    "soap": "#a3832a",
    "schnet": "#cf5148",
    "mean": "#9a6b4f",
}
JOINT = "joint-"


def model_colour(name: str) -> str:
    """The colour of a model; one on joint moments has that of the model without them."""
    return MODEL_COLOURS.get(name.removeprefix(JOINT), DICTIONARY_COLOURS["beyond"])


#: Quiet versions of the usual element colours: discs under the letters.
ELEMENT_COLOURS = {
    "H": "#b8c1c8",
    "C": "#4c5963",
    "N": "#3b6fd4",
    "O": "#d0443e",
    "F": "#5fa83c",
    "S": "#c79a12",
    "Cl": "#2f9e6e",
}

_SEQUENTIAL = {
    False: ("#ffffff", "#c8e6e6", "#66b4c1", "#1a7d97", "#174a70", "#101f3a"),
    True: ("#131b23", "#16405c", "#16738c", "#45adb4", "#a9dccf", "#f6fbe9"),
}
_DIVERGING = {
    False: ("#7a2c0a", "#d07a45", "#f6d9c4", "#ffffff", "#c8e6e6", "#3b97ab", "#0d4763"),
    True: ("#ffc9a3", "#d9793d", "#5f3420", "#131b23", "#15445a", "#3da5b8", "#c2f0ee"),
}


def _to_oklab(colours: Sequence[str]) -> np.ndarray:
    rgb = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours]) / 255
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    return np.cbrt(linear @ _RGB_TO_LMS.T) @ _LMS_TO_LAB.T


def _to_hex(lab: np.ndarray) -> list[str]:
    linear = (lab @ np.linalg.inv(_LMS_TO_LAB).T) ** 3 @ np.linalg.inv(_RGB_TO_LMS).T
    linear = linear.clip(0, 1)
    rgb = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return ["#{:02x}{:02x}{:02x}".format(*row) for row in np.rint(255 * rgb).astype(int)]


# B. Ottosson, "A perceptual color space for image processing" (2020).
_RGB_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LMS_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def _ramp(stops: Sequence[str], positions: np.ndarray) -> list[str]:
    lab = _to_oklab(stops)
    at = np.linspace(0, 1, len(stops))
    return _to_hex(np.stack([np.interp(positions, at, lab[:, k]) for k in range(3)], axis=1))


@cache
def sequential(dark: bool = False, gamma: float = 1.0) -> list[str]:
    """256 colours from the card's ground to the strongest ink.

    ``gamma`` below 1 spends more colours on small values: the colour bar stays linear in the
    value, but the tail of a density shows beside its nuclei.
    """
    return _ramp(_SEQUENTIAL[dark], np.linspace(0, 1, 256) ** gamma)


@cache
def diverging(dark: bool = False) -> list[str]:
    """255 colours from warm (negative) through the card's ground (zero) to cool (positive)."""
    return _ramp(_DIVERGING[dark], np.linspace(0, 1, 255))


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio of two colours, from 1 (none) to 21 (black on white)."""

    def luminance(colour: str) -> float:
        rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
