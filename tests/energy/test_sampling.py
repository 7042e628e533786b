"""The rules for σ, δ and N against what a sampled Gaussian does."""

import math

import numpy as np
import pytest

from appkit.energy.sampling import Sampling


@pytest.mark.parametrize("overlap", [0.01, 0.1, 0.5])
def test_the_width_makes_the_nearest_atoms_overlap_as_asked(overlap):
    rule = Sampling(1.08, overlap)
    assert math.exp(-((1.08 / 2) ** 2) / (2 * rule.sigma**2)) == pytest.approx(overlap)


@pytest.mark.parametrize("aliasing", [1e-2, 1e-3, 1e-5])
def test_the_step_folds_over_as_much_as_asked(aliasing):
    """The error of band-limited interpolation between samples is of the order of ε, not of δ²."""
    rule = Sampling(1.08, aliasing=aliasing)
    h, sigma = rule.step, rule.sigma
    k = np.arange(-60, 61)
    points = np.linspace(-2, 2, 401) * sigma
    samples = np.exp(-((k * h) ** 2) / (2 * sigma**2))
    between = np.sinc(points[:, None] / h - k) @ samples
    error = np.abs(between - np.exp(-(points**2) / (2 * sigma**2))).max()
    assert 0.05 * aliasing < error < 2 * aliasing


def test_the_rule_of_the_kymatio_example():
    """σ = 2 steps: ε is 3e-9, as measured for the literature's settings."""
    rule = Sampling(1.08, aliasing=math.exp(-((2 * math.pi) ** 2) / 2))
    assert rule.step == pytest.approx(rule.sigma / 2)
    assert rule.aliasing == pytest.approx(2.7e-9, rel=0.02)


def test_the_step_follows_the_unit_and_the_talks_does_not():
    here, there = Sampling(1.0), Sampling(10.0)
    assert there.step == pytest.approx(10 * here.step)
    assert there.talk_step == pytest.approx(100 * here.talk_step)


def test_samples_and_memory():
    rule = Sampling(1.08)
    n = rule.samples(10)
    assert n * rule.step >= 10 > (n - 1) * rule.step
    assert rule.memory((10, 10, 10), fields=16) == 4 * 16 * n**3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((0,), "smallest distance must be a length in Å, not 0"),
        ((math.inf,), "smallest distance must be"),
        ((1, 0), "overlap α must lie between 0 and 1, not 0"),
        ((1, 0.1, 1), "aliasing ε must lie between 0 and 1, not 1"),
    ],
)
def test_bad_rules(given, message):
    with pytest.raises(ValueError, match=message):
        Sampling(*given)
