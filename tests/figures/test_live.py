"""What is set on the Bokeh models is what HoloViews would have drawn."""

import holoviews as hv
import numpy as np
import pytest
from bokeh.document import Document

from appkit.figures.density import Field, FieldFigure, Sheet, SheetFigure

BOX = (-3.0, -1.0, 3.0, 1.0)


def field(seed, low=0.0, box=BOX):
    values = np.random.default_rng(seed).uniform(low, 1 + seed, (4, 6)).astype(np.float32)
    return Field(values, box)


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


def test_a_theme_that_was_left_is_not_drawn_any_more(served):
    """The figure of the other theme shows the newest data."""
    figure = FieldFigure()
    served(figure.element(dark=False))
    figure.send(field(1))
    state = served(figure.element(dark=True))
    figure.send(field(3))
    [image] = [r for r in state.renderers if "image" in r.data_source.data]
    assert np.array_equal(image.data_source.data["image"][0], field(3).values)
