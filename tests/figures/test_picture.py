"""Still pictures without a plotting library: what was drawn can be read back."""

import base64
import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from appkit.figures import theme
from appkit.figures.molecule import Planar
from appkit.figures.picture import bars_svg, field_png, molecule_svg, mosaic

WATER = Planar(("O", "H", "H"), np.array([[0, 0], [0.76, 0.59], [-0.76, 0.59]]))


def pixels(uri):
    head, data = uri.split(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def rgb(colour):
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def named(text, tag):
    return ElementTree.fromstring(text).findall(tag)


# ---- fields ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True])
def test_a_field_s_largest_value_has_the_strongest_colour_y_upwards(dark):
    field = np.zeros((2, 4))
    field[1, 0] = 7.0
    shown = pixels(field_png(field, dark, size=4))
    palette = theme.sequential(dark, 0.55)
    assert shown.shape == (2, 4, 3)
    assert shown[0, 0].tolist() == rgb(palette[-1])
    assert shown[1, 3].tolist() == rgb(palette[0])


@pytest.mark.parametrize("low", [0.0, -3.0])
def test_undershoots_do_not_pale_a_density(low):
    shown = pixels(field_png(np.array([[low, 2.0]]), size=2))
    palette = theme.sequential(False, 0.55)
    assert shown[0].tolist() == [rgb(palette[0]), rgb(palette[-1])]


@pytest.mark.parametrize("dark", [False, True])
def test_a_signed_field_has_zero_in_the_middle(dark):
    shown = pixels(field_png(np.array([[-2.0, 0.0, 1.0]]), dark, size=3, signed=True))
    palette = theme.diverging(dark)
    assert shown[0].tolist() == [rgb(palette[0]), rgb(palette[127]), rgb(palette[190])]


def test_a_picture_keeps_the_field_s_shape():
    assert pixels(field_png(np.ones((3, 6)), size=120)).shape == (60, 120, 3)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_a_field_without_positive_values_is_ground(value):
    shown = pixels(field_png(np.full((2, 2), value), size=2))
    assert (shown == rgb(theme.sequential(False, 0.55)[0])).all()


def test_values_that_are_no_numbers_are_ground_and_the_others_are_drawn():
    shown = pixels(field_png(np.array([[np.nan, 1.0]]), size=2))
    palette = theme.sequential(False, 0.55)
    assert shown[0].tolist() == [rgb(palette[0]), rgb(palette[-1])]


def test_a_mosaic_has_the_finest_scale_on_top():
    tiles = np.arange(1, 2 * 3 * 4 + 1, dtype=float).reshape(2, 3, 2, 2)
    whole = mosaic(tiles, gap=1)
    assert whole.shape == (5, 8)
    assert whole[3:, :2] == pytest.approx(tiles[0, 0] / 12)  # rows point upwards
    assert whole[:2, 6:] == pytest.approx(tiles[1, 2] / 24)
    assert (whole[2] == 0).all()
    assert (whole[:, 2] == 0).all()
    assert not mosaic(np.zeros((1, 1, 2, 2))).any()


# ---- molecules -------------------------------------------------------------------------------


def test_a_molecule_has_its_letters_and_bonds_inside_its_box():
    text = molecule_svg(WATER)
    left, top, width, height = map(float, ElementTree.fromstring(text).get("viewBox").split())
    letters, lines = named(text, "text"), named(text, "line")
    assert [node.text for node in letters] == ["O", "H", "H"]
    assert len(lines) == 2
    for node in letters:
        assert left < float(node.get("x")) < left + width
        assert top < float(node.get("y")) < top + height
    assert float(letters[1].get("y")) == pytest.approx(-0.59)  # SVG points downwards


def test_no_atoms_are_an_empty_picture():
    assert len(ElementTree.fromstring(molecule_svg(Planar()))) == 0


# ---- bars ------------------------------------------------------------------------------------


def test_bars_are_as_high_as_their_values():
    bars = named(bars_svg([1.0, 4.0, 2.0], "#123456"), "rect")
    heights = np.array([float(bar.get("height")) for bar in bars]) - 0.05
    assert heights / heights.max() == pytest.approx([0.25, 1, 0.5], abs=0.01)
    assert {bar.get("fill") for bar in bars} == {"#123456"}
    assert [float(bar.get("y")) + float(bar.get("height")) for bar in bars] == pytest.approx(
        [10.05] * 3, abs=0.02
    )


@pytest.mark.parametrize("values", [[], [0.0, 0.0]])
def test_bars_of_nothing_are_flat(values):
    bars = named(bars_svg(values, "#123456"), "rect")
    assert [float(bar.get("height")) for bar in bars] == pytest.approx([0.05] * len(values))
