"""What is set on the Bokeh models is what HoloViews would have drawn."""

import holoviews as hv
import numpy as np
import pandas as pd
import pytest
from bokeh.document import Document
from bokeh.models import Text

from appkit.figures import theme
from appkit.figures.density import Field, FieldFigure, MeterFigure, Sheet, SheetFigure
from appkit.figures.molecule import MoleculeFigure, Planar

WATER = Planar(("O", "H", "H"), np.array([[0, 0], [0.76, 0.59], [-0.76, 0.59]]))
BOX = (-3.0, -1.0, 3.0, 1.0)


def field(seed, low=0.0, box=BOX):
    values = np.random.default_rng(seed).uniform(low, 1 + seed, (4, 6)).astype(np.float32)
    return Field(values, box)


def turned(atoms, angle):
    c, s = np.cos(angle), np.sin(angle)
    return Planar(atoms.symbols, atoms.positions @ [[c, s], [-s, c]])


def sheet(seed, tile=(0, 1)):
    tiles = np.random.default_rng(seed).uniform(0, 1, (2, 3, 5, 5)).astype(np.float32)
    return Sheet(tiles, ("a", "b"), ("0°", "60°", "120°"), tile)


@pytest.fixture
def served(monkeypatch):
    """Draws an element as a server does: in a document that belongs to a session."""
    monkeypatch.setattr(Document, "session_context", object())
    keep = []

    def draw(element):
        plot = hv.renderer("bokeh").get_plot(element)
        document = Document()
        document.add_root(plot.state)
        keep.append((plot, document))
        return plot.state

    return draw


def shown(state):
    """Columns of every source, the ends of every colour scale, the axes' ends."""
    axes = [(r.start, r.end, r.reset_start, r.reset_end) for r in (state.x_range, state.y_range)]
    rows = [({"axes": np.array(axes)}, None)]
    for renderer in state.renderers:
        columns = {k: np.asarray(v, object) for k, v in renderer.data_source.data.items()}
        mapper = getattr(renderer.glyph, "color_mapper", None)
        rows.append((columns, None if mapper is None else (mapper.low, mapper.high)))
    return rows


def assert_same(one, other):
    assert len(one) == len(other)
    for (columns, ends), (others, other_ends) in zip(one, other, strict=True):
        assert columns.keys() == others.keys()
        for name, values in columns.items():
            assert np.array_equal(
                np.stack(values) if len(values) else values,
                np.stack(others[name]) if len(values) else others[name],
            )
        assert ends == pytest.approx(other_ends)


def count_draws(monkeypatch, cls):
    draws = []
    inner = cls._image
    monkeypatch.setattr(cls, "_image", lambda self, data: draws.append(1) or inner(self, data))
    return draws


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("box", [BOX, (-4.0, -1.5, 4.0, 1.5)])
def test_a_field_is_swapped(served, monkeypatch, signed, box):
    draws = count_draws(monkeypatch, FieldFigure)
    figure, fresh = FieldFigure(signed=signed), FieldFigure(signed=signed)
    state = served(figure.element())
    figure.send(field(1))
    before = len(draws)
    figure.send(field(2, low=-1.0, box=box))
    assert len(draws) == before  # HoloViews was not asked
    fresh.send(field(2, low=-1.0, box=box))
    assert_same(shown(state), shown(served(fresh.element())))


def test_without_a_session_holoviews_draws():
    figure = FieldFigure()
    state = hv.renderer("bokeh").get_plot(figure.element()).state
    figure.send(field(1))
    figure.send(field(2))
    [image] = [r for r in state.renderers if "image" in r.data_source.data]
    assert np.array_equal(image.data_source.data["image"][0], field(2).values)


def test_a_sheet_and_its_frame_are_swapped(served, monkeypatch):
    draws = count_draws(monkeypatch, SheetFigure)
    figure, fresh = SheetFigure(), SheetFigure()
    state = served(figure.element(sheet(1)))
    before = len(draws)
    figure.send(sheet(2, tile=(1, 2)))
    assert len(draws) == before
    other = served(fresh.element(sheet(2, tile=(1, 2))))
    assert_same(shown(state), shown(other))
    figure.choose(None)
    [frame] = [r for r in state.renderers if "top" in r.data_source.data]
    assert len(frame.data_source.data["top"]) == 0


def test_atoms_that_move_leave_the_axes_to_the_field(served):
    """Also where HoloViews draws after a swap that it did not see."""
    figure, fresh = FieldFigure(), FieldFigure()
    state = served(figure.element())
    figure.send(field(1), WATER)
    for step in range(3):
        figure.send(field(step, box=(-4.0, -1.5, 4.0, 1.5)), turned(WATER, step))
    figure.atoms.event(data=turned(WATER, 3))
    fresh.send(field(2, box=(-4.0, -1.5, 4.0, 1.5)), turned(WATER, 3))
    assert_same(shown(state), shown(served(fresh.element())))
    assert (state.x_range.start, state.x_range.end) == (-4.0, 4.0)


def test_a_molecule_is_swapped(served):
    figure, fresh = MoleculeFigure(), MoleculeFigure()
    state = served(figure.element())
    figure.send(WATER)
    figure.send(turned(WATER, 1))
    fresh.send(turned(WATER, 1))
    assert_same(shown(state), shown(served(fresh.element())))


def test_the_bars_of_the_meter_are_swapped(served):
    def changes(*values):
        rows = {"label": ["a", "b"], "order": [0, 1], "change": values}
        return pd.DataFrame(rows)

    figure, fresh = MeterFigure(), MeterFigure()
    state = served(figure.element(["a", "b"]))
    figure.send(changes(0.1, 0.2))
    figure.send(changes(1e-12, 0.5))
    fresh.send(changes(1e-12, 0.5))
    assert_same(shown(state), shown(served(fresh.element(["a", "b"]))))


def test_a_theme_that_was_left_is_not_drawn_any_more(served):
    """The figure of the other theme shows the newest data."""
    figure = FieldFigure()
    served(figure.element(dark=False))
    figure.send(field(1))
    state = served(figure.element(dark=True))
    figure.send(field(3))
    [image] = [r for r in state.renderers if "image" in r.data_source.data]
    assert np.array_equal(image.data_source.data["image"][0], field(3).values)


def test_letters_stand_on_discs_of_the_card_s_colour():
    state = hv.renderer("bokeh").get_plot(MoleculeFigure().element(dark=True)).state
    under, over = (r.glyph for r in state.renderers if isinstance(r.glyph, Text))
    assert (under.outline_shape, over.outline_shape) == ("circle", "box")
    assert under.background_fill_color == theme.DARK["card"]
    assert over.background_fill_color is None
