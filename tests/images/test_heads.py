"""Heads by gradient descent: batch norm folded is batch norm, shapes are the authors', W = W₁W₂."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from appkit.images.heads import HEADS, NormConv, simple_patch
from appkit.images.pictures import as_batch
from appkit.images.simple_patch import SimplePatch
from appkit.images.trained import PositionClassifier
from tests.images.conftest import natural

DIGITS = load_digits()
DRAWN = np.random.default_rng(0).permutation(1797)
X, Y = DIGITS.images[DRAWN] / 16, DIGITS.target[DRAWN]
SMALL = {"patch_size": 3, "n_patches": 64, "pooling": (2, 1)}


def trained(head, epochs=8, **more):
    options = {"head": head, **SMALL} | ({} if head == "linear" else {"width": 32})
    return PositionClassifier("simple-patch", options, epochs, **more)


@pytest.mark.parametrize("kernel", [1, 3])
def test_folded_is_batch_norm_and_convolution(kernel):
    torch.manual_seed(0)
    folded = NormConv(12, 5, kernel).double()
    norm, plain = nn.BatchNorm2d(12).double(), nn.Conv2d(12, 5, kernel).double()
    with torch.no_grad():
        plain.weight.copy_(folded.weight)
        plain.bias.copy_(folded.bias)
        for ours, theirs in ((folded.gain, norm.weight), (folded.shift, norm.bias)):
            ours.copy_(torch.randn(12))
            theirs.copy_(ours)
    for _ in range(2):
        x = torch.rand(4, 12, 5, 6, dtype=torch.float64)
        one, other = folded(x), plain(norm(x))
        assert torch.allclose(one, other, atol=1e-10)
        one.square().sum().backward()
        other.square().sum().backward()
    pairs = [(folded.weight, plain.weight), (folded.bias, plain.bias), (folded.gain, norm.weight)]
    for ours, theirs in [*pairs, (folded.shift, norm.bias)]:
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-8)
    for layer in (folded, norm, plain):
        layer.eval()
    assert torch.allclose(folded(x), plain(norm(x)), atol=1e-10)


@pytest.mark.parametrize(
    ("head", "windows", "between", "positions", "field"),
    [("linear", 9, None, 4, 25), ("low-rank", 9, 128, 4, 25), ("hidden", 13, 2048, 5, 24)],
)
def test_shapes_are_the_authors(head, windows, between, positions, field):
    net = simple_patch((3, 32, 32), 10, head=head, n_patches=16)
    pictures = as_batch(natural(2, 32))
    net.fit(pictures)
    codes = net.front(torch.from_numpy(pictures))
    assert codes.shape == (2, 32, windows, windows)
    assert net.positions(torch.from_numpy(pictures)).shape == (2, 10, positions, positions)
    assert net.body[0].out_channels == (between or 10)
    assert net.field == field


@pytest.mark.parametrize("head", HEADS)
def test_digits_are_learned_and_evidence_adds_up(head):
    model = trained(head).fit(X[:900], Y[:900])
    assert model.score(X[900:], Y[900:]) > 0.93
    logits = model.decision_function(X[900:])
    assert np.allclose(model.evidence(X[900:]).sum((2, 3)), logits, atol=1e-4)


@pytest.mark.parametrize("head", ["linear", "low-rank"])
def test_a_linear_head_is_a_simple_patch_with_evidence_of_every_patch(head):
    model = trained(head, 2).fit(X[:300], Y[:300])
    patches = SimplePatch.of(model)
    logits = model.decision_function(X[:20])
    assert np.allclose(patches.decision_function(X[:20]), logits, atol=1e-3)
    evidence = patches.evidence(X[:20])
    assert evidence.shape == (20, 10, 6, 6)
    assert np.allclose(evidence.sum((2, 3)) + patches.intercept_, logits, atol=1e-3)
    rank = 32 if head == "low-rank" else 10
    window = patches.coef_[3].reshape(-1, 10)
    assert np.linalg.matrix_rank(window, tol=1e-4 * np.abs(window).max()) <= min(rank, 10)
    assert list(patches.predict(X[:20])) == list(model.predict(X[:20]))


def test_a_hidden_layer_is_no_simple_patch():
    with pytest.raises(ValueError, match="only a linear head"):
        SimplePatch.of(trained("hidden", 1).fit(X[:100], Y[:100]))
    with pytest.raises(ValueError, match="only a linear head"):
        SimplePatch.of(
            PositionClassifier("bagnet", {"field": 5, "width": 8}, 1).fit(X[:50], Y[:50])
        )


def test_the_dictionary_is_drawn_from_the_pictures_and_resumed(tmp_path):
    path = str(tmp_path / "state")
    asked = []

    def stop():
        asked.append(1)
        return len(asked) > 5

    with pytest.raises(Exception, match="Stopped after 1 of 3"):
        trained("low-rank", 3, checkpoint=path, cancelled=stop).fit(X[:200], Y[:200])
    resumed = trained("low-rank", 3, checkpoint=path).fit(X[:200], Y[:200])
    whole = trained("low-rank", 3).fit(X[:200], Y[:200])
    assert np.array_equal(resumed.decision_function(X[:9]), whole.decision_function(X[:9]))
    other = trained("low-rank", 3).fit(X[200:400], Y[200:400])
    assert not np.array_equal(whole.net_.front.encoder.patches_, other.net_.front.encoder.patches_)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"head": "deep"}, "The head is linear, low-rank, hidden, not 'deep'"),
        ({"head": "linear", "width": 3}, "The linear head has no width"),
        ({"width": 0}, "width must be a whole number from 1 up"),
        ({"n_patches": 8, "k": 9}, "K = 9 nearest of N = 8"),
        ({"patch_size": 9}, "Patches of 9 × 9 pixels do not fit into pictures of 8 × 8"),
        ({"pooling": (9, 1)}, "asks for more than the 6 × 6 positions"),
        ({"colour": 1}, "An option of simple-patch is unknown"),
    ],
)
def test_bad_options(options, said):
    with pytest.raises(ValueError, match=said):
        PositionClassifier("simple-patch", SMALL | options).fit(X[:50], Y[:50])
