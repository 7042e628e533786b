"""Classifiers of codes: scikit-learn's checks, constraints after training, resumed bit for bit."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.preprocessing import Normalizer
from sklearn.utils.estimator_checks import parametrize_with_checks

from appkit.images.nonlinear import ENCODERS
from appkit.images.nonlinear_classifier import EncodedClassifier
from appkit.regression import Cancelled

DATA, Y = load_digits(return_X_y=True)
X = Normalizer().fit_transform(DATA - DATA.mean(0))
SMALL = {"atoms": 96, "epochs": 3}


@parametrize_with_checks([EncodedClassifier(atoms=32, epochs=10, batch_size=16)])
def test_scikit_learn_s_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", list(ENCODERS))
def test_digits_are_learned_and_atoms_keep_their_constraint(name):
    model = EncodedClassifier(name, atoms=128, epochs=8).fit(X[:1200], Y[:1200])
    assert model.score(X[1200:], Y[1200:]) > 0.88
    codes = model.encoded(X[1200:])
    assert codes.shape == (597, 64 if name == "none" else 128)
    if name == "sparse":
        assert torch.allclose(model.encoder_.atoms.norm(dim=1), torch.ones(128))
        assert (codes >= 0).all()
        assert (codes == 0).mean() > 0.5
    elif name != "none":
        real = name == "soft-threshold"
        frame = model.encoder_.atoms if real else model.encoder_.frame
        assert ((frame.mH @ frame) - torch.eye(64)).abs().max() < 1e-5


def test_logits_are_linear_in_the_codes():
    model = EncodedClassifier(**SMALL).fit(X[:400], Y[:400])
    codes, logits = model.encoded(X[400:900]), model.decision_function(X[400:900])
    linear = np.c_[codes, np.ones(500)]
    weights = np.linalg.lstsq(linear, logits, rcond=None)[0]
    assert np.allclose(linear @ weights, logits, atol=1e-3)
    assert np.allclose(model.predict_proba(X[400:]).sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("name", list(ENCODERS))
def test_a_training_that_was_stopped_resumes_bit_for_bit(tmp_path, name):
    asked = []

    def stop():
        asked.append(1)
        return len(asked) == 2 * 4 + 1  # in the third epoch of four steps each

    path = str(tmp_path / "state")
    given = SMALL | {"encoder": name, "epochs": 4}
    torch.manual_seed(5)  # which must not matter
    with pytest.raises(Cancelled, match="Stopped after 2 of 4 epochs"):
        EncodedClassifier(**given, checkpoint=path, cancelled=stop).fit(X[:200], Y[:200])
    torch.manual_seed(6)
    told = []
    resumed = EncodedClassifier(
        **given, checkpoint=path, progress=lambda *pair: told.append(pair)
    ).fit(X[:200], Y[:200])
    assert told[0] == (9, 16)
    assert told[-1] == (16, 16)
    whole = EncodedClassifier(**given).fit(X[:200], Y[:200])
    assert np.array_equal(resumed.decision_function(X), whole.decision_function(X))
    assert resumed.history_.equals(whole.history_)
    with pytest.raises(ValueError, match="belongs to a training with other learning_rate"):
        EncodedClassifier(**given, learning_rate=1.0, checkpoint=path).fit(X[:200], Y[:200])
    with pytest.raises(ValueError, match="belongs to a training with other samples"):
        EncodedClassifier(**given, checkpoint=path).fit(X[200:400], Y[200:400])


def test_seeds_matter():
    one, other = (EncodedClassifier(**SMALL, seed=s).fit(X[:100], Y[:100]) for s in (0, 1))
    assert not np.allclose(one.decision_function(X), other.decision_function(X))


@pytest.mark.parametrize(
    ("given", "labels", "message"),
    [
        ({"encoder": "relu"}, Y, "no encoder 'relu'; there are none, sparse, soft-threshold"),
        ({"options": {"steps": 3}}, Y, "An option of soft-threshold is unknown: .*steps"),
        ({"options": {"threshold": -1}}, Y, "The threshold is a number from 0 up, not -1"),
        ({"atoms": 32}, Y, "A tight frame of 64 features needs as many atoms or more, not 32"),
        ({"encoder": "sparse", "atoms": 0}, Y, "atoms must be a whole number from 1 up, not 0"),
        ({"epochs": 0}, Y, "epochs must be a whole number from 1 up, not 0"),
        ({"batch_size": 1}, Y, "batch_size must be a whole number from 2 up, not 1"),
        ({"learning_rate": -1}, Y, "learning_rate must be a number from 0 up, not -1"),
        ({"weight_decay": np.inf}, Y, "weight_decay must be a number from 0 up, not inf"),
        ({}, np.zeros_like(Y), "A classifier needs two classes or more, not 1"),
        ({}, Y[:3], "inconsistent numbers of samples"),
    ],
)
def test_bad_input_is_said(given, labels, message):
    with pytest.raises(ValueError, match=message):
        EncodedClassifier(**SMALL | given).fit(X, labels)


def test_more_atoms_than_the_memory_holds_are_refused_with_the_numbers():
    with pytest.raises(ValueError, match=r"The weights of a layer need [\d,]+ GB"):
        EncodedClassifier(**SMALL | {"encoder": "sparse", "atoms": 10**11}).fit(X[:50], Y[:50])
