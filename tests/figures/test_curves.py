"""Learning curves and locality as figures."""

import holoviews as hv
import numpy as np
import pytest

from appkit.figures import theme
from appkit.figures.curves import CHEMICAL_ACCURACY, Errors, learning_curves, locality

CURVES = [
    Errors("linear", "Linear", [1000, 2000, 5000], [9.0, 7.5, 6.1]),
    Errors("kernel", "Kernel", [1000, 2000, 5000], [5.0, 3.5, 2.2]),
    Errors("kernel", "Talk", [1000, 5000], [0.41, 0.41], level=True),
]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("draw", [learning_curves, locality])
def test_every_error_lies_inside_the_axes(draw, dark):
    figure = hv.render(draw(CURVES, dark))
    low, high = figure.y_range.start, figure.y_range.end
    assert low < 0.41
    assert high > 9.0
    assert figure.x_range.start < 1000
    assert figure.x_range.end > 5000
    assert low < CHEMICAL_ACCURACY < high


def test_points_carry_their_figures_and_colours_their_model():
    figure = learning_curves(CURVES)
    points = next(layer for layer in figure if isinstance(layer, hv.Points))
    assert np.allclose(points["MAE"], [9.0, 7.5, 6.1])
    assert points.opts.get("style").kwargs["fill_color"] == theme.MODEL_COLOURS["linear"]


def test_a_model_on_joint_moments_has_its_model_s_colour_and_hollow_points():
    figure = learning_curves([CURVES[1], Errors("joint-kernel", "Joint", [1000], [0.9])])
    full, hollow = (
        points.opts.get("style").kwargs for points in figure if isinstance(points, hv.Points)
    )
    assert full["line_color"] == hollow["line_color"] == theme.MODEL_COLOURS["kernel"]
    assert full["fill_color"] == full["line_color"]
    assert hollow["fill_color"] == theme.LIGHT["card"]


def test_the_model_in_front_is_drawn_strong():
    def inks(front):
        figure = learning_curves(CURVES, front=front)
        return [c.opts.get("style").kwargs["alpha"] for c in figure if isinstance(c, hv.Curve)]

    assert inks("linear") == [1.0, 0.5, 0.5]
    assert inks(None) == inks("not computed") == [1.0, 1.0, 1.0]


def test_many_models_have_a_legend_or_none():
    many = [Errors("kernel", f"Model {k}", [1000, 2000], [3.0 + k, 2.0]) for k in range(20)]
    assert len(hv.render(learning_curves(many)).legend[0].items) == 20
    assert not any(box.items for box in hv.render(learning_curves(many, legend=False)).legend)


def test_ticks_are_short_and_levels_stay_out_of_the_legend():
    figure = hv.render(learning_curves(CURVES))
    assert figure.xaxis[0].major_label_overrides == {1000: "1k", 2000: "2k", 5000: "5k"}
    assert [item.label.value for item in figure.legend[0].items] == ["Linear", "Kernel"]
