"""Pictures, evidence over them, bars and curves of errors."""

import holoviews as hv
import numpy as np
import pytest

from appkit.figures import pictures, theme


def channels(figure):
    return np.stack([figure.dimension_values(k, flat=False) for k in (2, 3, 4)], axis=-1)[::-1]


def test_grey_bytes_and_numbers_are_drawn_as_they_are():
    grey = np.array([[0, 255], [51, 0]], np.uint8)
    found = channels(pictures.picture(grey))
    assert np.allclose(found, np.repeat((grey / 255)[..., None], 3, axis=2))
    assert np.allclose(channels(pictures.picture(grey / 255)), found)
    colours = np.random.default_rng(0).random((3, 4, 3))
    assert np.allclose(channels(pictures.picture(colours)), colours)
    assert channels(pictures.picture(2 * colours)).max() <= 1


def test_evidence_is_cool_for_and_warm_against():
    values = np.array([[1.0, 0.0], [0.0, -1.0]])
    found = channels(pictures.evidence(np.full((8, 8), 0.5), values))
    red, blue = found[..., 0], found[..., 2]
    assert (blue[:4, :4] > red[:4, :4]).all()
    assert (red[4:, 4:] > blue[4:, 4:]).all()
    assert np.allclose(found[:4, 4:], 0.55)  # nothing said: the grey picture, fainter
    inside = channels(pictures.evidence(np.full((8, 8), 0.5), values, margin=2))
    assert np.allclose(inside[:2], 0.55)
    assert not np.allclose(inside[2, 2], 0.55)


def test_heat_ends_where_it_is_told():
    field = np.array([[2.0, -2.0]])
    strong = channels(pictures.heat(field))
    faint = channels(pictures.heat(field, top=20.0))
    ground = np.array([255, 255, 255]) / 255
    assert np.abs(strong - ground).sum() > 2 * np.abs(faint - ground).sum()
    assert np.allclose(channels(pictures.heat(np.zeros((2, 2)))), ground)
    assert theme.diverging()[127] == "#ffffff"


def test_bars_keep_their_order_and_say_their_numbers():
    figure = pictures.bars({"first": 1.25, "second": 10.0}, "title")
    drawn, numbers = figure
    assert list(drawn.dimension_values(0)) == ["second", "first"]
    assert list(numbers.dimension_values(2)) == ["10", "1.25"]
    assert hv.render(figure).title.text == "title"


def test_bars_show_a_spread_and_leave_room_for_it():
    figure = pictures.bars({"first": 1.0, "second": 2.0}, spread={"first": 0.5, "second": 3.0})
    whiskers = figure.get(2)
    assert list(whiskers.dimension_values(2)) == [3.0, 0.5]
    assert hv.render(figure).x_range.end > 5


def test_clouds_have_a_colour_and_a_name_for_each_label():
    points = np.random.default_rng(0).normal(size=(10, 2))
    labels = np.repeat([3, 8], 5)
    *clouds, words = pictures.clouds(points, labels, "title")
    assert len({layer.opts.get("style").kwargs["color"] for layer in clouds}) == 2
    assert list(words["Label"]) == ["3", "8"]
    assert np.allclose(words.array([0, 1]).astype(float)[1], np.median(points[5:], axis=0))


@pytest.mark.parametrize("levels", [None, {"published": ([100, 1000], [9.0, 0.4])}])
def test_curves_lie_inside_their_axes(levels):
    curves = {"ours": ([100, 300], [5.0, 2.0]), "theirs": ([100], [7.0])}
    figure = hv.render(pictures.error_curves(curves, "pictures", levels))
    assert figure.y_range.start < (0.4 if levels else 2.0)
    assert figure.y_range.end > 7.0
    assert figure.x_range.start < 100
    assert len(figure.legend.items) == (3 if levels else 2)


def test_a_gallery_has_all():
    tiles = [pictures.picture(np.zeros((2, 2)), f"{k}") for k in range(5)]
    assert len(pictures.gallery(tiles, columns=3)) == 5


def test_ticks_of_a_logarithmic_axis_have_room():
    epochs = np.arange(1, 41)
    drawn = pictures.error_curves({"training": (epochs, 1 / epochs)}, "epoch")
    ticks = [at for at, _ in drawn.opts.get("plot").kwargs["xticks"]]
    assert ticks[-1] == 40
    assert np.diff(np.log(ticks)).min() >= 0.05 * np.log(40) - 1e-9
    assert {1.0, 2.0, 3.0} <= set(ticks)
