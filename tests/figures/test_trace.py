"""Curves of energies as they come."""

import holoviews as hv
import numpy as np
import pytest

from appkit.figures.trace import Trace, TraceFigure

NAN = float("nan")


def trace(*values, names=("predicted", "teacher")):
    return Trace("moves", names, list(range(len(values[0]))), values)


def test_curves_grow_with_their_values():
    figure = TraceFigure()
    element = figure.element(trace([1.0], [NAN]))
    figure.send(trace([1.0, 2.0, 4.0], [NAN, 2.1, 4.2]))
    models = hv.render(element).renderers
    drawn = [m.data_source.data["y"] for m in models if m.glyph.__class__.__name__ == "Line"]
    np.testing.assert_allclose(drawn, [[1, 2, 4], [NAN, 2.1, 4.2]])


@pytest.mark.parametrize("dark", [False, True])
def test_axes_have_names_and_units(dark):
    drawn = hv.render(TraceFigure().element(trace([0.0, 1.0], [0.0, 1.0]), dark))
    assert (drawn.xaxis.axis_label, drawn.yaxis.axis_label) == ("moves", "energy (kcal/mol)")
    assert [item.label.value for item in drawn.legend.items] == ["predicted", "teacher"]


def test_the_axes_hold_what_is_known():
    left, bottom, right, top = trace([NAN, 3.0, 60.0], [NAN] * 3).box
    assert (left, right) == (0, 10)
    assert -6 < bottom < 3
    assert 60 < top < 75
    empty = Trace("moves", ("predicted",), [], [[]]).box
    assert empty == pytest.approx((0, -0.25, 10, 0.25))
    later = Trace("moves", ("predicted",), [40, 41, 90], [[1.0, 1.0, 1.0]]).box
    assert later == pytest.approx((40, 0.75, 90, 1.25))
