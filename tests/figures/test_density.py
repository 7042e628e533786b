"""Planar pictures: pixels lie where their Å say, a click finds its tile, bars have their height."""

import holoviews as hv
import numpy as np
import pandas as pd
import pytest

from appkit.figures import theme
from appkit.figures.density import Field, FieldFigure, MeterFigure, Sheet, SheetFigure
from appkit.figures.molecule import MoleculeFigure, Planar

WATER = Planar(("O", "H", "H"), np.array([[0, 0], [0.76, 0.59], [-0.76, 0.59]]))


def drawn(element):
    """The Bokeh figure of a figure's element."""
    return hv.renderer("bokeh").get_plot(element).state


def layer(element, kind):
    """The one layer of a kind in what a figure shows now."""
    [found] = element[()].traverse(lambda e: e, [kind])
    return found


def ramp(rows=4, columns=6):
    values = np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)
    return Field(values, (-3.0, -1.0, 3.0, 1.0))


# ---- a field ---------------------------------------------------------------------------------


def test_each_pixel_lies_where_its_coordinates_say():
    """Row 0 of a field is its lowest y."""
    figure, field = FieldFigure(), ramp()
    element = figure.element()
    figure.send(field)
    image = layer(element, hv.Image)
    for row, y in enumerate([-0.75, -0.25, 0.25, 0.75]):
        for column, x in enumerate([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]):
            assert image[x, y] == field.values[row, column]


@pytest.mark.parametrize("dark", [False, True])
def test_axes_and_colour_bar_carry_units(dark):
    figure = FieldFigure("ρ̃", "e/Å²")
    state = drawn(figure.element(dark))
    assert (state.xaxis[0].axis_label, state.yaxis[0].axis_label) == ("x (Å)", "y (Å)")
    image = layer(figure.element(dark), hv.Image)
    assert image.vdims[0].pprint_label == "ρ̃ (e/Å²)"
    [mapper] = [r.glyph.color_mapper for r in state.renderers if hasattr(r.glyph, "color_mapper")]
    assert mapper.palette[0] == (theme.DARK if dark else theme.LIGHT)["card"]


def test_a_signed_field_has_zero_in_the_middle_of_its_colours():
    figure = FieldFigure(signed=True)
    element = figure.element()
    figure.send(Field(np.array([[-1.0, 0.5], [0, 0]], np.float32), (0, 0, 1, 1)))
    [mapper] = [
        r.glyph.color_mapper for r in drawn(element).renderers if hasattr(r.glyph, "color_mapper")
    ]
    assert mapper.low == -mapper.high == -1


def test_sending_swaps_pixels_and_keeps_the_plot():
    figure = FieldFigure()
    plot = hv.renderer("bokeh").get_plot(figure.element())
    before = plot.state
    figure.send(ramp(), WATER)
    assert plot.state is before
    sources = [r.data_source.data for r in plot.state.renderers]
    assert any("image" in data and data["image"][0].max() == 23 for data in sources)
    assert any(list(data.get("text", [])) == ["O", "H", "H"] for data in sources)


def test_a_field_moves_without_its_atoms():
    figure = FieldFigure()
    figure.send(ramp(), WATER)
    figure.send(Field.empty())
    assert figure.atoms.data is WATER


# ---- a sheet ---------------------------------------------------------------------------------


@pytest.fixture
def sheet():
    """Two scales, three angles; in tile (r, c) only the pixel (lowest y, largest x) is lit."""
    tiles = np.zeros((2, 3, 4, 4), np.float32)
    for row in range(2):
        for column in range(3):
            tiles[row, column, 0, 3] = (row + 1) * (column + 1)
    return Sheet(tiles, ("fine", "coarse"), ("0°", "60°", "120°"), (1, 2))


def test_a_tile_lies_at_its_scale_and_angle_with_y_upwards(sheet):
    """The y axis is drawn inverted: within a tile, a larger ordinate is lower on the screen."""
    figure = SheetFigure()
    image = layer(figure.element(sheet), hv.Image)
    for row in range(2):
        for column in range(3):
            low_right = column + 0.875, row + 0.875
            assert image[low_right] == pytest.approx((column + 1) / 3)
            assert figure.at(*low_right) == (row, column)
            assert image[column + 0.875, row + 0.125] == 0


def test_each_scale_is_divided_by_its_largest_value(sheet):
    figure = SheetFigure()
    element = figure.element(sheet)
    values = layer(element, hv.Image).dimension_values("value", flat=False)
    assert values[:4].max() == values[4:].max() == 1
    figure.send(Sheet(np.zeros_like(sheet.tiles), sheet.scales, sheet.angles))
    assert (layer(element, hv.Image).dimension_values("value") == 0).all()


def test_ticks_name_scales_and_angles(sheet):
    state = drawn(SheetFigure().element(sheet))
    assert state.xaxis[0].major_label_overrides == {0.5: "0°", 2.5: "120°"}
    assert state.yaxis[0].major_label_overrides == {0.5: "fine", 1.5: "coarse"}
    assert (state.xaxis[0].axis_label, state.yaxis[0].axis_label) == ("angle θ", "scale")
    assert (state.y_range.start, state.y_range.end) == (2, 0)


def test_the_selected_tile_is_framed(sheet):
    figure = SheetFigure()
    element = figure.element(sheet)
    assert layer(element, hv.Rectangles).array().tolist() == [[2, 1, 3, 2]]
    figure.choose((0, 1))
    assert layer(element, hv.Rectangles).array().tolist() == [[1, 0, 2, 1]]
    assert layer(element, hv.Image)[2.875, 1.875] == 1  # the pixels stay


def test_an_empty_sheet_has_no_frame_and_no_tile(sheet):
    figure = SheetFigure()
    element = figure.element(sheet)
    figure.send(None)
    assert len(layer(element, hv.Rectangles)) == 0
    assert figure.at(0.5, 0.5) is None


@pytest.mark.parametrize("point", [(-0.1, 0.5), (3.0, 0.5), (0.5, 2.0), (None, None)])
def test_a_click_beside_the_tiles_selects_none(sheet, point):
    figure = SheetFigure()
    figure.send(sheet)
    assert figure.at(*point) is None


# ---- the meter -------------------------------------------------------------------------------


def test_bars_have_the_height_of_their_change():
    figure = MeterFigure()
    changes = pd.DataFrame(
        {"order": [0, 1, 2], "label": ["ρ̃(u)", "S₁ j=0", "S₂ j=0"], "change": [0.4, 1e-5, 0.0]}
    )
    element = figure.element(changes["label"])
    figure.send(changes)
    bars = layer(element, hv.Rectangles)
    tops = bars.dimension_values(3)
    assert tops == pytest.approx([0.4, 1e-5, 1.5 * figure.FLOOR])
    assert bars.dimension_values("change").tolist() == [0.4, 1e-5, 0.0]
    assert len(set(bars.dimension_values("colour"))) == 3
    state = drawn(element)
    assert state.xaxis[0].major_label_overrides == {0: "ρ̃(u)", 1: "S₁ j=0", 2: "S₂ j=0"}
    assert state.yaxis[0].axis_label == "relative change |ΔΦ| / |Φ|"


def test_an_empty_meter_draws():
    assert drawn(MeterFigure().element(["a"]))


# ---- molecules -------------------------------------------------------------------------------


def test_bonds_join_neighbours_only():
    assert sorted(map(tuple, WATER.bonds.tolist())) == [(0, 1), (0, 2)]
    assert Planar().bonds.shape == (0, 2)
    assert Planar(("C",), np.zeros((1, 2))).bonds.shape == (0, 2)
    far = Planar(("C", "C"), np.array([[0, 0], [3.0, 0]]))
    assert len(far.bonds) == 0


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("atoms", [Planar(), WATER], ids=["none", "water"])
def test_a_molecule_is_letters_and_lines(atoms, dark):
    figure = MoleculeFigure()
    element = figure.element(dark)
    figure.send(atoms)
    bonds = layer(element, hv.Segments)
    assert len(bonds) == len(atoms.bonds)
    if len(atoms.symbols):
        assert bonds.array()[0] == pytest.approx([0, 0, 0.76, 0.59])
    state = drawn(element)
    letters = [r for r in state.renderers if "text" in r.data_source.data]
    assert all(list(r.data_source.data["text"]) == list(atoms.symbols) for r in letters)


def test_axes_are_made_equal_once():
    """The browser fits the ranges to the frame; the hook must not pile up."""
    figure = FieldFigure()
    plot = hv.renderer("bokeh").get_plot(figure.element())
    callbacks = plot.state.js_property_callbacks["change:inner_width"]
    figure.send(ramp(), WATER)
    plot.refresh()
    assert len(plot.state.js_property_callbacks["change:inner_width"]) == len(callbacks) == 1
    assert plot.state.tags.count("equal-axes") == 1
