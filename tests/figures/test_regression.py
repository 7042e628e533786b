"""Figures of sparse regression: points are molecules, axes are log₂ with units, clicks select."""

from dataclasses import replace

import holoviews as hv
import numpy as np
import pytest

from appkit.figures import theme
from appkit.figures.regression import NAMES, ErrorFigure, ErrorPath, Parity, ParityFigure, colour_of

PATHS = [
    ErrorPath("fourier", np.array([1, 2, 4, 8]), np.array([70.0, 30, 12, 9]), np.full(4, 2.0)),
    ErrorPath("scattering", np.array([1, 2, 4]), np.array([60.0, 20, 5]), np.full(3, 1.0)),
]
PARITY = Parity(
    np.array([4, 7, 9]),
    np.array([-500.0, -800, -1000]),
    np.array([-510.0, -795, -1000]),
    ("CO", "C2H2", "CH2O"),
)
LIMITS = (-1100.0, -400.0)


def drawn(element):
    return hv.renderer("bokeh").get_plot(element).state


def layers(element, kind):
    """The layers of a kind in what a figure shows now."""
    return [e for e in element[()].traverse(lambda e: e, [kind]) if type(e) is kind]


# ---- error against M -------------------------------------------------------------------------


def test_curves_are_the_paths_in_log2():
    curves = layers(ErrorFigure().element(PATHS), hv.Curve)
    assert [c.label for c in curves] == ["Fourier", "Scattering"]
    for curve, path in zip(curves, PATHS, strict=True):
        assert 2 ** curve.dimension_values("m") == pytest.approx(path.terms)
        assert 2 ** curve.dimension_values("e") == pytest.approx(path.rmse)
        assert curve.dimension_values("RMSE") == pytest.approx(path.rmse)


def test_bands_are_one_standard_deviation():
    bands = layers(ErrorFigure().element(PATHS), hv.Area)
    assert 2 ** bands[0].dimension_values("high") == pytest.approx(PATHS[0].rmse + 2)
    assert 2 ** bands[0].dimension_values("low") == pytest.approx(PATHS[0].rmse - 2)


def test_a_spread_above_the_mean_still_has_a_logarithm():
    wide = ErrorPath("fourier", np.array([1, 2]), np.array([1.0, 2.0]), np.array([3.0, 3.0]))
    [band] = layers(ErrorFigure().element([wide]), hv.Area)
    assert np.isfinite(band.dimension_values("low")).all()


def test_axes_carry_units_and_enclose_everything():
    state = drawn(ErrorFigure().element(PATHS))
    assert state.xaxis[0].axis_label == "terms M, log₂ scale"
    assert state.yaxis[0].axis_label == "RMSE on unseen molecules (kcal/mol), log₂ scale"
    assert state.x_range.start < 0 < np.log2(8) < state.x_range.end
    assert state.y_range.start <= np.log2(5) < np.log2(70) <= state.y_range.end
    assert state.xaxis[0].major_label_overrides == {0: "1", 2: "4"}
    assert state.yaxis[0].major_label_overrides[6] == "64"


def test_the_model_in_front_is_marked():
    figure = ErrorFigure()
    element = figure.element(PATHS)
    [mark] = layers(element, hv.Points)
    assert len(mark) == 0
    figure.send("scattering", 4, 5.0)
    [mark] = layers(element, hv.Points)
    assert mark.array([0, 1]).tolist() == [[2.0, np.log2(5)]]
    assert mark.dimension_values("colour").tolist() == [theme.DICTIONARY_COLOURS["scattering"]]
    figure.send("coulomb", 1, None)
    assert len(layers(element, hv.Points)[0]) == 0


@pytest.mark.parametrize("rmse", [0.0, np.nan])
def test_an_error_without_a_logarithm_is_left_out(rmse):
    """A target that few terms reproduce exactly."""
    exact = ErrorPath("fourier", np.array([1, 2, 3]), np.array([4.0, 2.0, rmse]), np.zeros(3))
    figure = ErrorFigure()
    element = figure.element([exact])
    assert layers(element, hv.Curve)[0].dimension_values("M").tolist() == [1, 2]
    figure.send("fourier", 3, rmse)
    assert len(layers(element, hv.Points)[0]) == 0
    state = drawn(element)
    assert np.isfinite([state.y_range.start, state.y_range.end]).all()
    nothing = replace(exact, rmse=np.full(3, rmse))
    assert drawn(ErrorFigure().element([nothing]))


def test_every_dictionary_has_its_colour():
    assert len({colour_of(name) for name in NAMES}) == len(NAMES)
    assert colour_of("scattering-angular") == colour_of("scattering")
    assert colour_of("another") == theme.DICTIONARY_COLOURS["beyond"]
    assert ErrorPath("own", *[np.ones(1)] * 3).label == "own"


# ---- predicted against true ------------------------------------------------------------------


def test_each_point_is_a_molecule():
    figure = ParityFigure()
    element = figure.element(LIMITS)
    figure.send(PARITY)
    points, ring = layers(element, hv.Points)
    frame = points.dframe()
    assert frame["true"].tolist() == PARITY.true.tolist()
    assert frame["predicted"].tolist() == PARITY.predicted.tolist()
    assert frame["residual"].tolist() == [-10, 5, 0]
    assert frame["size"].tolist() == [10, 5, 0]
    assert frame["formula"].tolist() == ["CO", "C2H2", "CH2O"]
    assert len(ring) == 0


@pytest.mark.parametrize("dark", [False, True])
def test_both_axes_have_units_and_the_same_limits(dark):
    state = drawn(ParityFigure().element(LIMITS, dark))
    assert state.xaxis[0].axis_label == "true energy (kcal/mol)"
    assert state.yaxis[0].axis_label == "predicted energy (kcal/mol)"
    for axis in (state.x_range, state.y_range):
        assert (axis.start, axis.end) == LIMITS


def test_the_diagonal_is_perfect_prediction():
    [line] = layers(ParityFigure().element(LIMITS), hv.Curve)
    assert line.array().tolist() == [[LIMITS[0]] * 2, [LIMITS[1]] * 2]


def test_the_chosen_molecule_is_ringed():
    figure = ParityFigure()
    element = figure.element(LIMITS)
    figure.choose(1)  # nothing is shown yet
    assert len(layers(element, hv.Points)[1]) == 0
    figure.send(PARITY)
    figure.choose(1)
    assert layers(element, hv.Points)[1].array().tolist() == [[-800, -795]]
    figure.choose(None)
    assert len(layers(element, hv.Points)[1]) == 0


def test_a_new_model_keeps_the_plot():
    figure = ParityFigure()
    plot = hv.renderer("bokeh").get_plot(figure.element(LIMITS))
    before = plot.state
    figure.send(PARITY)
    assert plot.state is before
    sizes = [r.data_source.data.get("size") for r in plot.state.renderers]
    assert any(s is not None and list(s) == [10, 5, 0] for s in sizes)
