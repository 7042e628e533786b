"""Scattering features of pictures: kymatio's coefficients, in the order of the frame."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from appkit.compat import mend_kymatio
from appkit.images import features as module
from appkit.images.features import ScatteringFeatures

DIGITS = load_digits()


@pytest.mark.parametrize("channels", [1, 3])
def test_they_are_kymatio_s(channels):
    pictures = np.random.default_rng(0).random((5, 32, 30, channels)).astype(np.float32)
    ours = ScatteringFeatures(J=2, L=4).fit(pictures)
    mend_kymatio()
    from kymatio.torch import Scattering2D

    theirs = Scattering2D(J=2, shape=(32, 30), L=4)
    expected = theirs(torch.from_numpy(pictures.transpose(0, 3, 1, 2)).contiguous()).flatten(3)
    found = ours.transform(pictures)
    # kymatio's angles count the other way: of each order and place it has the same numbers.
    paths = np.repeat([0, 1, 2], [1, 8, 16])
    for channel, order in np.ndindex(channels, 3):
        chosen = (ours.features_.channel == channel) & (ours.features_.order == order)
        theirs_too = expected[:, channel, paths == order].flatten(1).sort(dim=1).values
        close = 1e-4 * float(theirs_too.max())
        assert np.allclose(np.sort(found[:, chosen]), theirs_too, atol=close)
    assert len(ours.features_) == found.shape[1] == len(set(ours.get_feature_names_out()))


def test_the_frame_says_where_and_what():
    pictures = np.zeros((1, 16, 16, 2), np.float32)
    pictures[0, 12:, :4, 1] = 1.0  # one bright corner of the second channel
    ours = ScatteringFeatures(J=2, L=4).fit(pictures)
    values = ours.transform(pictures)[0]
    frame = ours.features_.assign(value=values)
    assert frame[frame.channel == 0].value.abs().max() < 1e-6
    top = frame[frame.order == 0].sort_values("value").iloc[-1]
    assert (top.channel, top.row, top.column) == (1, 3, 0)
    assert ours.get_feature_names_out()[0] == "S0()[0, 0, 0]"


def test_the_logarithm_forgets_contrast():
    """log of orders 1 and 2 of a picture twice as bright is shifted by log 2 everywhere."""
    pictures = DIGITS.images[:20] / 16
    ours = ScatteringFeatures(J=1, log=1e-6).fit(pictures)
    shift = ours.transform(2 * pictures) - ours.transform(pictures)
    bright = ScatteringFeatures(J=1).fit_transform(pictures) > 1e-2
    assert np.allclose(shift[bright], np.log(2), atol=1e-3)


def test_parts_and_jobs_change_nothing():
    pictures = DIGITS.images[:50]
    one = ScatteringFeatures(J=2).fit_transform(pictures)
    assert np.array_equal(ScatteringFeatures(J=2, n_jobs=2).fit_transform(pictures), one)
    alone = np.concatenate([ScatteringFeatures(J=2).fit_transform(p[None]) for p in pictures])
    assert np.allclose(alone, one, atol=1e-4)


def test_digits_are_told_apart_from_few():
    model = make_pipeline(
        ScatteringFeatures(J=1), StandardScaler(), LogisticRegression(max_iter=2000)
    )
    drawn = np.random.default_rng(0).permutation(len(DIGITS.images))
    pictures, labels = DIGITS.images[drawn] / 16, DIGITS.target[drawn]
    assert model.fit(pictures[:300], labels[:300]).score(pictures[300:], labels[300:]) > 0.97


@pytest.mark.parametrize(
    ("given", "shape", "message"),
    [
        ({"J": 4}, (2, 8, 8), "J = 4 is too large for images of 8 × 8 pixels: take J ≤ 3"),
        ({"order": 3}, (2, 8, 8), "The order of a scattering is 1 or 2, not 3"),
        ({"device": "gpu"}, (2, 8, 8), "There is no device 'gpu' here; use cpu"),
        ({"log": 0.0}, (2, 8, 8), "log is a share above 0, or None, not 0.0"),
        ({}, (0, 8, 8), "There are no pictures"),
        ({}, (8, 8), "Pictures are an array"),
    ],
)
def test_bad_input_is_said(given, shape, message):
    with pytest.raises(ValueError, match=message):
        ScatteringFeatures(**given).fit(np.zeros(shape))


def test_too_much_memory_is_refused_with_the_numbers(monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 1_000_000)
    with pytest.raises(
        ValueError, match=r"217 features of 1,797 pictures need 0.00156 GB, over 0.001 GB"
    ):
        ScatteringFeatures(J=3).fit(DIGITS.images)
    ours = ScatteringFeatures(J=3).fit(DIGITS.images[:10])
    with pytest.raises(ValueError, match="fitted to pictures of 8 × 8 with 1 channel"):
        ours.transform(np.zeros((2, 9, 8)))
