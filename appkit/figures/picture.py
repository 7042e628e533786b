"""Small still pictures without a plotting library: fields as PNG, molecules and bars as SVG."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from appkit.figures import theme
from appkit.figures.molecule import Planar


def field_png(
    values: np.ndarray,
    dark: bool = False,
    gamma: float = 0.55,
    size: int = 320,
    *,
    signed: bool = False,
) -> str:
    """A field ``(rows, columns)``, y upwards, as the data URI of a PNG ``size`` pixels wide.

    A ``signed`` field has zero in the middle of the diverging map. What is not finite is drawn as
    zero.
    """
    colours = theme.diverging(dark) if signed else theme.sequential(dark, gamma)
    palette = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours], np.uint8)
    finite = np.where(np.isfinite(values), values, 0.0)
    scaled = finite / max(float((np.abs(finite) if signed else finite).max()), 1e-30)
    scaled = np.clip((scaled + 1) / 2 if signed else scaled, 0, 1)
    image = Image.fromarray(palette[((len(palette) - 1) * scaled[::-1]).astype(int)])
    height = round(size * values.shape[0] / values.shape[1])
    buffer = io.BytesIO()
    image.resize((size, height), Image.Resampling.BICUBIC).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def picture_png(pixels: np.ndarray, scale: int = 1) -> str:
    """A picture (height, width) or (height, width, 1 or 3) as the data URI of a PNG.

    Bytes, or numbers from 0 to 1; each pixel becomes ``scale`` × ``scale`` of them.
    """
    values = np.asarray(pixels)
    if values.dtype != np.uint8:
        values = np.round(255 * np.clip(values, 0, 1)).astype(np.uint8)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    image = Image.fromarray(np.repeat(np.repeat(values, scale, axis=0), scale, axis=1))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def mosaic(tiles: np.ndarray, gap: int = 3) -> np.ndarray:
    """Tiles ``(rows, columns, n, n)``, each row divided by its largest value, as one field."""
    rows, columns, n, _ = tiles.shape
    peak = tiles.max(axis=(1, 2, 3), keepdims=True)
    scaled = tiles / np.where(peak > 0, peak, 1)
    whole = np.zeros((rows * (n + gap) - gap, columns * (n + gap) - gap), np.float32)
    for row in range(rows):
        for column in range(columns):
            low, left = (rows - 1 - row) * (n + gap), column * (n + gap)
            whole[low : low + n, left : left + n] = scaled[row, column]
    return whole


def molecule_svg(atoms: Planar) -> str:
    """Bonds and letters as SVG text; colours are the page's own (CSS variables)."""
    if len(atoms.symbols) == 0:
        return "<svg viewBox='0 0 1 1'></svg>"
    xy = atoms.positions * [1, -1]
    low, high = xy.min(0) - 1, xy.max(0) + 1
    side = float((high - low).max())
    left, top = (high + low) / 2 - side / 2
    lines = "".join(
        f"<line x1='{xy[i, 0]:.2f}' y1='{xy[i, 1]:.2f}' x2='{xy[j, 0]:.2f}' y2='{xy[j, 1]:.2f}'/>"
        for i, j in atoms.bonds
    )
    letters = "".join(
        f"<circle cx='{x:.2f}' cy='{y:.2f}' r='0.36'/><text x='{x:.2f}' y='{y:.2f}'>{s}</text>"
        for s, (x, y) in zip(atoms.symbols, xy, strict=True)
    )
    return (
        f"<svg viewBox='{left:.2f} {top:.2f} {side:.2f} {side:.2f}' role='img'>"
        "<style>line{stroke:var(--mui-palette-text-secondary);stroke-width:.06}"
        "circle{fill:var(--mui-palette-background-paper)}"
        "text{font:700 .62px sans-serif;text-anchor:middle;dominant-baseline:central;"
        f"fill:var(--mui-palette-text-primary)}}</style>{lines}{letters}</svg>"
    )


def bars_svg(values: Sequence[float], colour: str) -> str:
    """A bar for each value, relative to the largest, as SVG text."""
    peak = max([*values, 1e-30])
    bars = "".join(
        f"<rect x='{k + 0.14:.2f}' y='{10 - 9.4 * v / peak:.2f}' width='.72' "
        f"height='{9.4 * v / peak + 0.05:.2f}' rx='.12' fill='{colour}'/>"
        for k, v in enumerate(values)
    )
    return f"<svg viewBox='0 0 {len(values)} 10.1' preserveAspectRatio='none'>{bars}</svg>"
