"""Molecules in space: meshes that hold together, figures that Plotly accepts."""

import numpy as np
import plotly.graph_objects as go
import pytest
from ase.build import molecule
from ase.data import covalent_radii

from appkit.figures import theme
from appkit.figures.space import BALL, STICK, Mesh, Spatial, space_figure

WATER = molecule("H2O")
PLANE = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], float)


@pytest.fixture
def balls():
    return Spatial(tuple(WATER.get_chemical_symbols()), WATER.positions).mesh()


def test_balls_lie_around_their_atoms_and_sticks_between(balls):
    apart = np.linalg.norm(balls.vertices[:, None] - WATER.positions, axis=-1)
    radii = BALL * covalent_radii[WATER.numbers]
    on_ball = np.isclose(apart, radii, atol=1e-5).any(axis=1)
    assert on_ball.sum() >= 3 * 100
    ends = balls.vertices[~on_ball]
    middles = (WATER.positions[0] + WATER.positions[1:]) / 2
    centres = np.concatenate([WATER.positions, middles])
    near = np.linalg.norm(ends[:, None] - centres, axis=-1).min(axis=1)
    assert np.allclose(near, STICK, atol=1e-5)


def test_every_ball_and_stick_is_a_closed_or_open_tube(balls):
    assert balls.faces.min() == 0
    assert balls.faces.max() == len(balls.vertices) - 1
    corners = balls.vertices[balls.faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1).max()
    assert longest < 0.6  # no triangle goes from one atom to another


def test_an_element_has_its_colour(balls):
    places = [list(theme.ELEMENT_COLOURS).index(s) for s in "HO"]
    assert set(balls.values) == set(places)
    figure = space_figure(Mesh(), balls, PLANE)
    scale = dict(figure["data"][0]["colorscale"])
    top = figure["data"][0]["cmax"]
    assert scale[places[1] / top] == theme.ELEMENT_COLOURS["O"]


def test_an_element_without_a_colour_is_drawn():
    helium = Spatial(("He",), np.zeros((1, 3))).mesh()
    assert (helium.values == len(theme.ELEMENT_COLOURS)).all()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("warm", [False, True])
def test_plotly_accepts_the_figure(balls, dark, warm):
    surface = Mesh(PLANE.astype(np.float32), np.array([[0, 1, 2]], np.int32))
    figure = go.Figure(space_figure(surface, balls, PLANE, dark, warm))
    colours = theme.DARK if dark else theme.LIGHT
    assert figure.layout.paper_bgcolor == colours["card"]
    assert figure.data[1].color == colours["warm" if warm else "accent"]
    assert len(figure.data[1].i) == 1
    assert figure.layout.scene.aspectmode == "data"
    assert list(figure.data[3].x) == [-1, 1, 1, -1, -1]


def test_the_camera_stays_when_the_figure_is_drawn_again(balls):
    """Plotly keeps what a person turned while uirevision stays the same."""
    one, other = (space_figure(Mesh(), balls, PLANE, dark)["layout"] for dark in (False, True))
    assert one["scene"]["uirevision"] == other["scene"]["uirevision"]


def test_no_atoms_are_an_empty_mesh():
    assert len(Spatial().mesh().vertices) == 0
