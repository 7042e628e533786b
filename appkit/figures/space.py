"""A molecule in space as balls and sticks, a surface around it and the plane of a slice.

Plotly figures as plain dictionaries of arrays: a pane sends the arrays that changed, and the
camera stays where a person turned it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from numpy.typing import NDArray

from appkit.figures import theme
from appkit.figures.molecule import near_pairs

#: Balls have this share of the covalent radius; sticks this radius, Å.
BALL, STICK = 0.42, 0.07
#: Seen from above and in front, nearer than Plotly stands by itself.
CAMERA = {"eye": {"x": 0.8, "y": -1.6, "z": 1.15}, "center": {"x": 0, "y": 0, "z": -0.16}}
_LIGHT = {"ambient": 0.55, "diffuse": 0.7, "specular": 0.18, "roughness": 0.6, "fresnel": 0.1}
_KEY = {"x": 2000, "y": -4000, "z": 8000}


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles ``faces`` (m, 3) between ``vertices`` (n, 3), Å; a number for each vertex."""

    vertices: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    faces: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 3), np.int32))
    values: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    def columns(self) -> dict[str, Any]:
        """The mesh as Plotly's ``Mesh3d`` takes it."""
        points = dict(zip("xyz", np.ascontiguousarray(self.vertices.T), strict=True))
        return points | dict(zip("ijk", np.ascontiguousarray(self.faces.T), strict=True))

    @classmethod
    def joined(cls, meshes: list[Mesh]) -> Mesh:
        """All of them as one."""
        if not meshes:
            return cls()
        starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
        return cls(
            np.concatenate([mesh.vertices for mesh in meshes]).astype(np.float32),
            np.concatenate(
                [mesh.faces + start for mesh, start in zip(meshes, starts[:-1], strict=True)]
            ).astype(np.int32),
            np.concatenate([mesh.values for mesh in meshes]).astype(np.float32),
        )


@dataclass(frozen=True, eq=False)
class Spatial:
    """Atoms in space, for drawing; positions (n, 3), Å."""

    symbols: tuple[str, ...] = ()
    positions: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 3)))

    def mesh(self) -> Mesh:
        """Balls and sticks; the values are places in the list of `theme.ELEMENT_COLOURS`."""
        palette = list(theme.ELEMENT_COLOURS)
        kinds = [palette.index(s) if s in palette else len(palette) for s in self.symbols]
        numbers = [atomic_numbers[symbol] for symbol in self.symbols]
        balls = [
            _ball(position, BALL * covalent_radii[z], kind)
            for position, z, kind in zip(self.positions, numbers, kinds, strict=True)
        ]
        sticks = []
        for a, b in near_pairs(self.symbols, self.positions):
            middle = (self.positions[a] + self.positions[b]) / 2
            sticks += [_stick(self.positions[end], middle, kinds[end]) for end in (a, b)]
        return Mesh.joined(balls + sticks)


def space_figure(
    surface: Mesh,
    atoms: Mesh,
    plane: NDArray[np.float64],
    dark: bool = False,
    warm: bool = False,
) -> dict[str, Any]:
    """A Plotly figure of a translucent surface, the atoms in it, and a plane by its corners (4, 3).

    ``warm`` surfaces are densities, the others moduli.
    """
    colours = theme.DARK if dark else theme.LIGHT
    palette = [*theme.ELEMENT_COLOURS.values(), colours["muted"]]
    top = len(palette) - 1
    quad = Mesh(plane.astype(np.float32), np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    rim = np.concatenate([plane, plane[:1]]).astype(np.float32)
    still = {"hoverinfo": "skip", "showscale": False, "lightposition": _KEY}
    traces = [
        {
            "type": "mesh3d",
            "intensity": atoms.values,
            "colorscale": [[k / top, colour] for k, colour in enumerate(palette)],
            "cmin": 0,
            "cmax": top,
            "lighting": _LIGHT,
        }
        | atoms.columns()
        | still,
        {
            "type": "mesh3d",
            "color": colours["warm" if warm else "accent"],
            "opacity": 0.36 if dark else 0.42,
            "lighting": _LIGHT,
        }
        | surface.columns()
        | still,
        {"type": "mesh3d", "color": colours["ink"], "opacity": 0.09} | quad.columns() | still,
        {
            "type": "scatter3d",
            "mode": "lines",
            "line": {"color": colours["ink"], "width": 2},
            "opacity": 0.6,
            "hoverinfo": "skip",
            "showlegend": False,
        }
        | dict(zip("xyz", np.ascontiguousarray(rim.T), strict=True)),
    ]
    return {"data": traces, "layout": _layout(colours)}


def _layout(colours: dict[str, str]) -> dict[str, Any]:
    return {
        "template": {"layout": {"font": {"color": colours["ink"]}}},
        "paper_bgcolor": colours["card"],
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "uirevision": "camera",
        "scene": {
            "aspectmode": "data",
            "camera": CAMERA,
            "dragmode": "orbit",
            "uirevision": "camera",
            # The slice beside it has the axes; here they would run through the molecule.
            **{f"{name}axis": {"visible": False} for name in "xyz"},
        },
    }


def _rings(rows: int, columns: int) -> NDArray[np.int32]:
    """Triangles between ``rows`` closed rings of ``columns`` vertices each."""
    row, column = np.divmod(np.arange((rows - 1) * columns), columns)
    here, beside = row * columns + column, row * columns + (column + 1) % columns
    one = np.stack([here, beside, here + columns], axis=1)
    other = np.stack([beside, beside + columns, here + columns], axis=1)
    return np.concatenate([one, other]).astype(np.int32)


def _ball(centre: NDArray[np.float64], radius: float, value: float) -> Mesh:
    polar, round_ = np.linspace(0, np.pi, 11), np.linspace(0, 2 * np.pi, 16, endpoint=False)
    p, r = (angle.ravel() for angle in np.meshgrid(polar, round_, indexing="ij"))
    unit = np.stack([np.sin(p) * np.cos(r), np.sin(p) * np.sin(r), np.cos(p)], axis=1)
    return Mesh(
        (centre + radius * unit).astype(np.float32),
        _rings(len(polar), len(round_)),
        np.full(len(unit), value, np.float32),
    )


def _stick(start: NDArray[np.float64], end: NDArray[np.float64], value: float) -> Mesh:
    along = (end - start) / np.linalg.norm(end - start)
    across = np.cross(along, np.eye(3)[np.abs(along).argmin()])
    across /= np.linalg.norm(across)
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)[:, None]
    ring = STICK * (np.cos(angles) * across + np.sin(angles) * np.cross(along, across))
    vertices = np.concatenate([start + ring, end + ring])
    return Mesh(
        vertices.astype(np.float32), _rings(2, len(angles)), np.full(len(vertices), value, "f4")
    )
