"""Figures of the theory: what they show is what came in, and they render."""

import holoviews as hv
import numpy as np
import pandas as pd
import pytest
from ase.build import molecule

from appkit.experiments import coulomb_terms
from appkit.figures import theory


@pytest.fixture(scope="module")
def terms():
    return coulomb_terms.run(molecule("H2O"), finest=4)


def labels(overlay):
    return [element.label for element in overlay.traverse(lambda e: e, [hv.Scatter, hv.Curve])]


def renders(element):
    return hv.renderer("bokeh").get_plot(element) is not None


def test_coulomb_errors_show_both_sums_and_their_slopes(terms):
    figure = theory.coulomb_errors(terms, "point")
    assert renders(figure)
    words = " ".join(labels(figure))
    slope = terms.slopes.set_index(["density", "sum"]).loc[("point", "fourier"), "slope"]
    assert f"M^({slope:.2f})" in words
    assert "wavelet scales" in words


def test_coulomb_octaves_and_scales(terms):
    assert renders(theory.coulomb_octaves(terms))
    bars = theory.coulomb_scales(terms, "gaussian")
    assert renders(bars)
    kept = terms.scales.query("density == 'gaussian' and 1/64 <= length <= 64")
    np.testing.assert_allclose(bars.dimension_values(1), kept["energy"])


def test_loglog_fits_the_slope_it_prints():
    x = np.array([0.01, 0.1, 1.0])
    frame = pd.DataFrame({"strength": x, "name": "wavelet", "distance": 3 * x**1.5})
    figure = theory.loglog(frame, "strength", "name", {"wavelet": "wavelets", "absent": "none"})
    assert renders(figure)
    assert "wavelets (slope 1.50)" in labels(figure)
    assert not any("none" in label for label in labels(figure))


def test_path_and_bars():
    figure = theory.path({"a": ([1, 2], [3, 4]), "b": ([1, 2], [4, 3])}, xlabel="x", ylabel="y")
    assert renders(figure)
    assert labels(figure) == ["a", "b"]
    bars = theory.bars({"one": 1.0, "two": 2.0}, xlabel="name", ylabel="value")
    assert renders(bars)
    np.testing.assert_array_equal(bars.dimension_values(1), [1, 2])


@pytest.mark.parametrize("signed", [False, True])
def test_field_puts_row_zero_at_the_bottom(signed):
    values = np.zeros((4, 6))
    values[0, 5] = 2.0  # low y, high x
    image = theory.field(values, (4.0, 6.0), signed=signed)
    assert renders(image)
    assert image[2.5, -1.5] == 2.0


def test_field_with_atoms():
    water = molecule("H2O")
    assert renders(theory.field(np.ones((4, 4)), (4.0, 4.0), atoms=water))


def test_molecule():
    assert renders(theory.molecule(molecule("H2CO"), "formaldehyde"))


def test_forces_are_arrows_from_their_atoms():
    water = molecule("H2O")
    pull = np.array([[0.0, 0.0, 3.0], [1.0, 2.0, 0.0], [0.0, -4.0, 0.0]])
    figure = theory.forces(water, {"teacher": pull, "pupil": 0.5 * pull}, length=0.5)
    assert renders(figure)
    fields = {field.label: field for field in figure.traverse(lambda e: e, [hv.VectorField])}
    assert list(fields) == ["teacher", "pupil"]
    for name, scale in (("teacher", 0.5), ("pupil", 0.25)):
        columns = (fields[name].dimension_values(i) for i in range(4))
        x, y, angle, size = columns
        np.testing.assert_allclose(np.column_stack([x, y]), water.positions[:, :2])
        ends = size[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
        np.testing.assert_allclose(ends, scale * pull[:, :2], atol=1e-12)
    bar = figure.traverse(lambda e: e, [hv.Segments])[0]
    x, _, x1, _ = (bar.dimension_values(i)[0] for i in range(4))
    assert x1 - x == pytest.approx(5 * 0.5)


def test_forces_by_one_name_are_narrow_arrows():
    figure = theory.forces(molecule("H2O"), {"predicted": np.ones((3, 3))})
    assert renders(figure)
    (field,) = figure.traverse(lambda e: e, [hv.VectorField])
    assert field.opts.get("style").kwargs["line_width"] < 3
