"""The table of invariants: a value stands in its cell, a click finds it, ink is read on colour."""

import holoviews as hv
import numpy as np
import pytest
from bokeh.document import Document
from bokeh.models import Text

from appkit.figures import theme
from appkit.figures.invariants import Table, TableFigure, written


@pytest.fixture
def table():
    values = np.array([[1000.0, np.nan], [10.0, 1.0], [0.1, 2e-3]])
    return Table(values, ("S⁰", "S¹", "S²"), ("0", "1"))


def layer(element, kind):
    [found] = element[()].traverse(lambda e: e, [kind])
    return found


def test_a_value_has_its_logarithm_as_colour(table):
    image = layer(TableFigure().element(table), hv.Image)
    assert image[0.5, 0.5] == 3
    assert image[0.5, 1.5] == 1
    assert image[1.5, 2.5] == pytest.approx(np.log10(2e-3))
    assert np.isnan(image[1.5, 0.5])


@pytest.mark.parametrize("dark", [False, True])
def test_values_are_written_in_ink_that_is_read(table, dark):
    words = layer(TableFigure().element(table, dark), hv.Labels)
    assert words.dimension_values("text").tolist() == ["1000", "10", "1", "0.1", "2.0·10⁻³"]
    assert words.dimension_values("x").tolist() == [0.5, 0.5, 1.5, 0.5, 1.5]
    for ink, ground in zip(words.dimension_values("text_color"), grounds(table, dark), strict=True):
        assert theme.contrast(ink, ground) > 3


def grounds(table, dark):
    """The colour under each value."""
    colours = theme.sequential(dark)[20:235]
    logs = np.log10(table.values[np.isfinite(table.values)])
    share = (logs - logs.min()) / np.ptp(logs)
    return [colours[round(part * (len(colours) - 1))] for part in share]


@pytest.mark.parametrize("dark", [False, True])
def test_values_are_read_on_every_colour(dark):
    table = Table(np.logspace(-3, 3, 200)[:, None], ("",) * 200, ("0",))
    inks = layer(TableFigure().element(table, dark), hv.Labels).dimension_values("text_color")
    least = min(map(theme.contrast, inks, grounds(table, dark)))
    assert least > 3.8


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("in_a_session", [False, True])
def test_other_values_bring_their_ink(table, dark, in_a_session, monkeypatch):
    figure = TableFigure()
    state = hv.renderer("bokeh").get_plot(figure.element(table, dark)).state
    if in_a_session:
        monkeypatch.setattr(Document, "session_context", object())
    document = Document()
    document.add_root(state)
    other = Table(table.values[::-1].copy(), table.rows, table.columns)
    figure.send(other)
    [words] = [r for r in state.renderers if isinstance(r.glyph, Text)]
    inks = words.data_source.data[words.glyph.text_color.field]
    assert list(words.data_source.data["text"]) == ["0.1", "2.0·10⁻³", "10", "1", "1000"]
    for ink, ground in zip(inks, grounds(other, dark), strict=True):
        assert theme.contrast(ink, ground) > 3


def test_a_click_finds_its_cell(table):
    figure = TableFigure()
    assert figure.at(0.5, 0.5) is None
    figure.element(table)
    assert figure.at(0.5, 0.5) == (0, 0)
    assert figure.at(1.9, 2.1) == (2, 1)
    for nowhere in [(1.5, 0.5), (-0.1, 1.5), (2.1, 1.5), (0.5, 3.0), (None, None)]:
        assert figure.at(*nowhere) is None


def test_the_chosen_cell_is_framed(table):
    figure = TableFigure()
    element = figure.element(table)
    assert len(layer(element, hv.Rectangles)) == 0
    figure.choose((1, 0))
    assert layer(element, hv.Rectangles).array().tolist() == [[0, 1, 1, 2]]


def test_other_values_come_without_other_names(table):
    figure = TableFigure()
    element = figure.element(table)
    figure.send(Table(table.values * 10, table.rows, table.columns))
    assert layer(element, hv.Image)[0.5, 0.5] == 4


def test_a_table_of_one_value_draws():
    one = Table(np.array([[0.0]]), ("a",), ("b",))
    assert hv.renderer("bokeh").get_plot(TableFigure().element(one)).state is not None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.034, "0.034"), (1.23, "1.2"), (26, "26"), (412.3, "412"), (4.1e5, "4.1·10⁵")],
)
def test_values_are_short(value, text):
    assert written(value) == text
