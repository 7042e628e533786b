"""Networks of positions as classifiers: digits in seconds, resumed bit for bit, explained."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score

from appkit.images import trained
from appkit.images.trained import PositionClassifier
from appkit.regression import Cancelled

DIGITS = load_digits()
DRAWN = np.random.default_rng(0).permutation(1797)
X, Y = DIGITS.images[DRAWN] / 16, DIGITS.target[DRAWN]
SMALL = {"options": {"field": 5, "width": 8}, "architecture": "bagnet", "epochs": 3}


def same(one, other):
    pairs = zip(one.net_.state_dict().values(), other.net_.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("bagnet-scattering", {"J": 1, "width": 64}),
        ("bagnet", {"field": 5, "width": 32}),
        ("hybrid", {"J": 1, "width": 32, "layers": 2}),
    ],
)
def test_digits_are_learned_and_evidence_adds_up(architecture, options):
    model = PositionClassifier(architecture, options, epochs=8).fit(X[:900], Y[:900])
    assert model.score(X[900:], Y[900:]) > 0.94
    assert model.history_["loss"].iloc[-1] < model.history_["loss"].iloc[0] / 3
    logits = model.decision_function(X[900:])
    evidence = model.evidence(X[900:])
    assert np.allclose(evidence.sum((2, 3)), logits, atol=1e-4)
    assert np.allclose(model.predict_proba(X[900:]).sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("drawn", [{}, {"crop": 1, "flip": True}])
def test_a_training_that_was_stopped_resumes_bit_for_bit(tmp_path, drawn):
    asked = []

    def stop():
        asked.append(1)
        return len(asked) == 2 * 4 + 1  # in the third epoch of four steps each

    path = str(tmp_path / "state")
    torch.manual_seed(5)  # which must not matter
    with pytest.raises(Cancelled, match="Stopped after 2 of 4 epochs"):
        PositionClassifier(**SMALL | {"epochs": 4}, **drawn, checkpoint=path, cancelled=stop).fit(
            X[:200], Y[:200]
        )
    torch.manual_seed(6)
    resumed = PositionClassifier(**SMALL | {"epochs": 4}, **drawn, checkpoint=path)
    resumed.fit(X[:200], Y[:200])
    whole = PositionClassifier(**SMALL | {"epochs": 4}, **drawn).fit(X[:200], Y[:200])
    assert same(resumed, whole)
    assert resumed.history_.equals(whole.history_)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    path = str(tmp_path / "state")
    PositionClassifier(**SMALL, checkpoint=path).fit(X[:100], Y[:100])
    with pytest.raises(ValueError, match="belongs to a training with other learning_rate"):
        PositionClassifier(**SMALL, learning_rate=0.2, checkpoint=path).fit(X[:100], Y[:100])
    with pytest.raises(ValueError, match="belongs to a training with other pictures"):
        PositionClassifier(**SMALL, checkpoint=path).fit(X[100:200], Y[100:200])


def test_seeds_and_drawing_matter():
    one, other = (PositionClassifier(**SMALL, seed=s).fit(X[:100], Y[:100]) for s in (0, 1))
    assert not same(one, other)
    mirrored = PositionClassifier(**SMALL, flip=True).fit(X[:100], Y[:100])
    assert not same(one, mirrored)


def test_features_that_do_not_fit_are_computed_anew(monkeypatch):
    options = {"options": {"J": 1, "L": 4, "width": 8, "layers": 1}, "epochs": 2}
    kept = PositionClassifier(**options).fit(X[:100], Y[:100])
    monkeypatch.setattr(trained, "KEPT_BYTES", 0)
    anew = PositionClassifier(**options).fit(X[:100], Y[:100])
    for a, b in zip(kept.net_.state_dict().values(), anew.net_.state_dict().values(), strict=True):
        assert torch.allclose(a.float(), b.float(), atol=1e-4)


def test_it_is_a_scikit_learn_classifier():
    model = PositionClassifier(**SMALL)
    assert clone(model).get_params() == model.get_params()
    assert cross_val_score(model, X[:200], Y[:200], cv=2).shape == (2,)
    words = np.array(["even", "odd"])[Y % 2]
    assert set(PositionClassifier(**SMALL).fit(X[:80], words[:80]).predict(X)) <= {"even", "odd"}


@pytest.mark.parametrize(
    ("given", "labels", "message"),
    [
        ({"architecture": "vgg"}, Y, "There is no architecture 'vgg'; there are bagnet-scat"),
        ({"learning_rate": 1e30}, Y, r"The loss is no finite number any more, in epoch \d of 3"),
        ({"options": {"depth": 3}}, Y, "An option of bagnet is unknown: .*depth"),
        ({"device": "gpu"}, Y, "There is no device 'gpu' here; use cpu"),
        ({"epochs": 0}, Y, "epochs must be a whole number from 1 up, not 0"),
        ({"batch_size": 1}, Y, "batch_size must be a whole number from 2 up, not 1"),
        ({"learning_rate": np.nan}, Y, "learning_rate must be a number from 0 up, not nan"),
        ({}, Y[:3], r"20 pictures need as many labels, not \(3,\)"),
        ({}, np.zeros(20), "A classifier needs two classes or more, not 1"),
    ],
)
def test_bad_input_is_said(given, labels, message):
    labels = labels[:20] if len(labels) > 20 else labels
    with pytest.raises(ValueError, match=message):
        PositionClassifier(**SMALL | given).fit(X[:20], labels)


def test_pictures_of_another_size_are_refused():
    model = PositionClassifier(**SMALL).fit(X[:60], Y[:60])
    with pytest.raises(ValueError, match="fitted to pictures of 8 × 8 with 1 channel"):
        model.predict(np.zeros((2, 9, 9)))


def test_a_step_over_the_memory_is_refused_with_the_numbers(monkeypatch):
    monkeypatch.setenv("APPKIT_MEMORY_GB", "0.001")
    wide = SMALL | {"options": {"field": 5, "width": 256}}
    with pytest.raises(ValueError, match=r"A step on 20 pictures of 8 × 8 pixels needs .* GB"):
        PositionClassifier(**wide).fit(X[:20], Y[:20])
    with pytest.raises(ValueError, match="A step on 64 pictures of 100,000 × 100,000 pixels needs"):
        PositionClassifier(**SMALL).check((3, 100_000, 100_000), 10, 1000)
    monkeypatch.setenv("APPKIT_MEMORY_GB", "0.01")
    with pytest.raises(ValueError, match="A step on 64 pictures of 64 × 64 pixels needs"):
        PositionClassifier(**SMALL).check((3, 64, 64), 10, 1000)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"options": {"field": 5, "width": 10**6}}, "The weights of a layer need 4,000 GB"),
        ({"crop": 9}, "crop is at most the 8 pixels of a picture's side, not 9"),
    ],
)
def test_what_would_fill_the_memory_is_refused_with_the_numbers(given, said):
    with pytest.raises(ValueError, match=said):
        PositionClassifier(**SMALL | given).fit(X[:20], Y[:20])
