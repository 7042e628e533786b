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
    points = figure.get(("Points", "I"))
    assert np.allclose(points["MAE"], [9.0, 7.5, 6.1])
    assert points.opts.get("style").kwargs["color"] == theme.MODEL_COLOURS["linear"]
    assert {line.label for line in figure if isinstance(line, hv.Curve)} == {
        "Linear",
        "Kernel",
        "Talk",
    }
