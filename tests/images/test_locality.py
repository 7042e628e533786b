"""Receptive fields by perturbation, evidence taken out exactly, and what shuffling changes."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from appkit.images.fields import Box, Fields
from appkit.images.locality import (
    convincing_patches,
    mask_pixels,
    masked_scores,
    shuffle_outside,
    shuffle_tiles,
)
from appkit.images.simple_patch import SimplePatch
from appkit.images.trained import PositionClassifier
from tests.images.conftest import natural

DIGITS = load_digits()
X, Y = DIGITS.images / 16, DIGITS.target
WIDE = natural(40, 32, 1)[..., 0] / 255
SIDE = 16
KINDS = {
    "patches": lambda: SimplePatch(64, 3, alphas=[1e-2]),
    "bagnet": lambda: PositionClassifier("bagnet", {"field": 5, "width": 8}, epochs=2),
    "bagnet-scattering": lambda: PositionClassifier(options={"J": 1, "width": 16}, epochs=2),
    "hybrid": lambda: PositionClassifier("hybrid", {"J": 1, "width": 8, "layers": 2}, epochs=2),
}
LOCAL = ("patches", "bagnet", "bagnet-scattering")


@pytest.fixture(scope="module")
def models():
    return {name: make().fit(X[:300], Y[:300]) for name, make in KINDS.items()}


@pytest.fixture(scope="module")
def wide():
    """On pictures that are larger than any field, with few parameters."""
    return {
        name: make().fit(WIDE[:, :SIDE, :SIDE], np.arange(40) % 2) for name, make in KINDS.items()
    }


def single(picture, by):
    """Copies of a picture (side, side), in each of which one pixel is moved."""
    n = picture.size
    changed = np.repeat(picture[None], n, axis=0)
    changed.reshape(n, n)[range(n), range(n)] += by
    return changed


@pytest.mark.parametrize("name", ["patches", "bagnet"])
def test_a_position_sees_the_pixels_of_its_box_and_no_other(wide, name):
    model, picture = wide[name], WIDE[0, :SIDE, :SIDE]
    fields = model.fields
    before = model.evidence(picture[None])
    # A small move may pass unnoticed by codes of ones and zeros, and by a ReLU.
    moved = [np.abs(model.evidence(single(picture, by)) - before).max(1) for by in (-3, 1, 3)]
    seen = np.max(moved, axis=0) > 1e-6 * np.abs(before).max()
    for row, column in ((0, 0), (7, 9), (fields.shape[0] - 1, 3)):
        inside = np.zeros(picture.shape, bool)
        inside[fields.box(row, column).slices] = True
        assert np.array_equal(seen[:, row, column].reshape(picture.shape), inside)


@pytest.mark.parametrize(
    ("side", "options"),
    [(32, {"J": 2, "neighbours": 2}), (30, {"J": 2, "layers": 0}), (21, {"J": 1})],
)
def test_the_field_of_wavelets_holds_all_but_a_hundredth(side, options):
    """Also where 2^J does not divide the picture, which moves the samples."""
    pictures = WIDE[:, :side, :side]
    model = PositionClassifier(options={"width": 16, "L": 4} | options, epochs=1)
    model.fit(pictures, np.arange(40) % 2)
    fields = model.fields
    moved = model.evidence(single(pictures[0], 0.3)) - model.evidence(pictures[:1])
    rows, columns = fields.shape
    energies = (moved**2).sum(1).reshape(side, side, rows, columns)
    for row, column in ((0, 0), (rows // 2, columns // 2), (rows - 1, columns - 1)):
        energy = energies[:, :, row, column]
        box = fields.box(row, column)
        # At an edge the reflected half counts twice.
        share = 0.97 if 0 in (row, column) or row == rows - 1 else 0.99
        assert energy[box.slices].sum() > share * energy.sum()
    middle = energies[:, :, rows // 2, columns // 2]
    mass = middle / middle.sum()
    at = [(mass.sum(1 - axis) * np.arange(side)).sum() for axis in (0, 1)]
    expected = [c[m // 2] for c, m in zip(fields.centres(), fields.shape, strict=True)]
    assert np.allclose(at, expected, atol=1.5)


@pytest.mark.parametrize("name", KINDS)
def test_evidence_is_taken_out_exactly(models, name):
    model = models[name]
    none, all_ = np.zeros((8, 8), bool), np.ones((8, 8), bool)
    whole = model.decision_function(X[400:401])[0]
    assert np.array_equal(masked_scores(model, X[400], none), whole)
    left = getattr(model, "intercept_", np.zeros(10))
    assert np.allclose(masked_scores(model, X[400], all_), left, atol=1e-5)
    half = none.copy()
    half[:, :4] = True
    parts = masked_scores(model, X[400], half) + masked_scores(model, X[400], ~half)
    assert np.allclose(parts, whole + left, atol=1e-5)
    several = masked_scores(model, X[400:403], np.stack([none, half, all_]))
    assert several.shape == (3, 10)
    assert np.allclose(several[0], whole)


@pytest.mark.parametrize("name", ["patches", "bagnet"])
def test_what_is_left_has_seen_no_hidden_pixel(models, name):
    """By the rule "any", whatever the hidden pixels are."""
    hidden = np.zeros((8, 8), bool)
    hidden[6:, 5:] = True
    other = mask_pixels(X[400], hidden, 0.7)
    one, two = (masked_scores(models[name], x, hidden, "any") for x in (X[400], other))
    assert np.allclose(one, two, atol=1e-5)
    one, two = (masked_scores(models[name], x, hidden) for x in (X[400], other))
    assert not np.allclose(one, two, atol=1e-3)


def test_pixels_are_masked_by_grey_or_what_is_given():
    picture = natural(1, 8)[0]
    mask = np.zeros((8, 8), bool)
    mask[2:4] = True
    grey = mask_pixels(picture, mask)
    assert grey.dtype == np.uint8
    assert np.all(grey[2:4] == round(picture.mean()))
    assert np.array_equal(grey[~mask], picture[~mask])
    assert mask_pixels(picture, mask, (255, 0, 0))[2, 5].tolist() == [255, 0, 0]
    assert mask_pixels(X[0], mask)[3, 3] == pytest.approx(X[0].mean())
    with pytest.raises(ValueError, match=r"The mask is \(3, 3\); the picture is \(8, 8\)"):
        mask_pixels(X[0], np.zeros((3, 3)))


def test_tiles_are_all_there_in_another_order():
    picture = natural(1, 16)[0]
    mixed = shuffle_tiles(picture, 4, 1)
    tiles = [
        sorted(p[r : r + 4, c : c + 4].tobytes() for r in range(0, 16, 4) for c in range(0, 16, 4))
        for p in (picture, mixed)
    ]
    assert tiles[0] == tiles[1]
    assert not np.array_equal(picture, mixed)
    assert np.array_equal(mixed, shuffle_tiles(picture, 4, 1))
    assert shuffle_tiles(X[0], 2).shape == (8, 8)
    assert np.array_equal(shuffle_tiles(picture, 16), picture)


@pytest.mark.parametrize("tile", [3, 0, 2.0, True, 16])
def test_tiles_that_do_not_part_the_picture_are_refused(tile):
    with pytest.raises(ValueError, match=r"do not part a picture of 8 × 12: take 1, 2, 4\."):
        shuffle_tiles(np.zeros((8, 12)), tile)


def moves(model, picture, row, column):
    """How much a position's evidence moves when all that it cannot see is shuffled, of its size."""
    box = model.fields.box(row, column)
    others = [shuffle_outside(picture, box, seed) for seed in range(5)]
    assert all(np.array_equal(other[box.slices], picture[box.slices]) for other in others)
    own = model.evidence(np.stack([picture, *others]))[:, :, row, column]
    return np.abs(own[1:] - own[0]).max() / np.abs(own[0]).max()


def test_shuffling_far_pixels_changes_no_logit_of_a_local_model(wide):
    found = {name: moves(wide[name], WIDE[3, :SIDE, :SIDE], 1, 1) for name in KINDS}
    assert found["patches"] == 0
    assert found["bagnet"] < 1e-6
    assert found["bagnet-scattering"] < 0.05


def test_a_network_that_is_not_local_changes_where_the_others_do_not(wide):
    """In the field of the plain BagNet, a corner; all else is shuffled for all models."""
    box = wide["bagnet"].fields.box(0, 0)
    picture = WIDE[3, :SIDE, :SIDE]
    pair = np.stack([picture, shuffle_outside(picture, Box(0, box.bottom, 0, box.right))])
    moved = {}
    for name in ("patches", "bagnet", "hybrid"):
        one, two = wide[name].evidence(pair)[:, :, 0, 0]
        moved[name] = np.abs(one - two).max() / np.abs(one).max()
    assert moved["patches"] == 0
    assert moved["bagnet"] < 1e-6
    assert moved["hybrid"] > 1e-3


@pytest.mark.parametrize("name", LOCAL)
def test_convincing_patches_are_the_largest_evidence_one_of_each_picture(models, name):
    model, some = models[name], X[300:400]
    done = []
    found = convincing_patches(model, some, 3, 5, progress=lambda *at: done.append(at))
    assert done == [(64, 100), (100, 100)]
    maps = model.evidence(some)
    own = maps[:, 3] - maps.mean(1)
    assert found[0].evidence == pytest.approx(own.max(), rel=1e-5)
    assert len({patch.picture for patch in found}) == 5
    values = [patch.evidence for patch in found]
    assert values == sorted(values, reverse=True)
    for patch in found:
        assert own[patch.picture, patch.row, patch.column] == pytest.approx(patch.evidence)
        assert np.array_equal(patch.pixels, some[patch.picture][patch.box.slices])
    assert len(convincing_patches(model, some[:2], 3, 5)) == 2


def test_bad_input_is_said(models):
    model = models["patches"]
    with pytest.raises(ValueError, match="The label 11 is none of the classes"):
        convincing_patches(model, X[:5], 11)
    with pytest.raises(ValueError, match="1 or more, not 0"):
        convincing_patches(model, X[:5], 1, 0)
    with pytest.raises(ValueError, match="The rule is centre or any, not 'all'"):
        masked_scores(model, X[0], np.zeros((8, 8)), "all")
    with pytest.raises(ValueError, match=r"The mask is \(9, 9\); pictures are 8 × 8"):
        masked_scores(model, X[0], np.zeros((9, 9)))
    with pytest.raises(ValueError, match="2 pictures need as many masks, not 3"):
        masked_scores(model, X[:2], np.zeros((3, 8, 8)))
    with pytest.raises(IndexError, match=r"no position \(6, 0\) on a map of 6 × 6"):
        model.fields.box(6, 0)


def test_boxes_end_with_the_picture():
    fields = Fields(size=4, stride=2, start=(-1, -2), shape=(4, 5), picture=(8, 8))
    assert fields.box(0, 0) == (0, 3, 0, 2)
    assert fields.box(3, 4) == (5, 8, 6, 8)
    rows, columns = fields.centres()
    assert rows.tolist() == [1, 3, 5, 7]
    assert columns.tolist() == [0, 2, 4, 6, 7]


def test_patches_that_say_little_can_be_dropped(models):
    model = models["patches"]
    spread = model.patch_spread()
    assert spread.shape == (64,)
    every = model.filtered(64)
    assert np.allclose(*(m.decision_function(X[:50]) for m in (model, every)), atol=1e-5)
    few = model.filtered(40)
    dropped = np.abs(few.coef_).sum((0, 1, 3)) == 0
    assert dropped.sum() == 24
    assert spread[dropped].max() <= spread[~dropped].min()
    rest = few.evidence(X[300:340]).sum((2, 3)) + few.intercept_
    assert np.allclose(rest, few.decision_function(X[300:340]), atol=1e-4)
    # The intercepts keep the mean scores of the training pictures.
    means = [m.decision_function(X[:300]).mean(0) for m in (model, few)]
    assert np.allclose(*means, atol=1e-3)
    scores = [m.score(X[300:], Y[300:]) for m in (model, model.filtered(56), model.filtered(2))]
    assert scores[1] > scores[0] - 0.1
    assert scores[2] < scores[0] - 0.2
    assert np.abs(model.coef_).sum((0, 1, 3)).min() > 0
    with pytest.raises(ValueError, match="Of 64 patches 1 or more are kept, not 65"):
        model.filtered(65)
