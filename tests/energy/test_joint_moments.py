"""Joint moments as a scikit-learn transformer of molecules."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from appkit.energy import JointSolidHarmonic, SolidHarmonicScattering

ETHANOL, WATER = molecule("CH3CH2OH"), molecule("H2O")
SMALL = {"J": 1, "Q": 1, "L": 1}


def test_turned_and_shifted_molecules_have_the_same_features():
    moved = ETHANOL.copy()
    moved.rotate(73, (1, 2, 3))
    moved.positions += (4, -9, 2)
    rest, other = JointSolidHarmonic(**SMALL).fit_transform([ETHANOL, moved])
    assert np.abs(other / rest - 1).max() < 1e-4


def test_features_are_named_and_counted():
    dictionary = JointSolidHarmonic(**SMALL).fit([WATER])
    n = 4 * 2
    assert len(dictionary.features_) == 2 * (n + n * (n + 1) // 2 + n * n)
    names = dictionary.get_feature_names_out()
    assert len(set(names)) == len(names)
    assert names[0] == "nuclear|j=0|l=0|q=1"
    assert names[-1] == "bond|j=1|l=1|q=2|channel2=bond|l2=1|q2=1"


@pytest.mark.parametrize("channel", ["nuclear", "bond"])
def test_a_channel_with_itself_is_the_first_order_of_the_scattering(channel):
    """Whatever the order in which the channels were named."""
    joint = JointSolidHarmonic(("bond", "nuclear"), **SMALL).fit([ETHANOL])
    rows = joint.features_.assign(value=joint.transform([ETHANOL])[0])
    alone = rows[(rows["channel"] == channel) & rows["channel2"].isna()]
    plain = SolidHarmonicScattering((channel,), **SMALL, powers=(1,), order=1).fit([ETHANOL])
    expected = plain.features_.assign(value=plain.transform([ETHANOL])[0]).query("order == 1")
    assert np.allclose(alone["value"], expected["value"], rtol=1e-3)


def test_a_molecule_without_bonds_has_zeros_there():
    dictionary = JointSolidHarmonic(**SMALL).fit([WATER])
    helium = dictionary.transform([Atoms("He")])[0]
    frame = dictionary.features_
    with_bonds = (frame["channel"] == "bond") | (frame["channel2"] == "bond")
    assert (helium[with_bonds] == 0).all()
    assert (helium[~with_bonds & (frame["channel"] == "nuclear")] > 0).any()


def test_invariants_have_a_gradient():
    dictionary = JointSolidHarmonic(**SMALL).fit([WATER])
    positions = torch.tensor(WATER.positions, requires_grad=True)
    values = dictionary.invariants(positions, WATER)
    assert np.allclose(values.detach(), dictionary.transform([WATER])[0])
    (gradient,) = torch.autograd.grad(values.sum(), positions)
    assert torch.isfinite(gradient).all()


def test_it_goes_into_a_pipeline():
    model = make_pipeline(JointSolidHarmonic(**SMALL), Ridge()).fit([ETHANOL, WATER], [1.0, 2.0])
    assert model.predict([ETHANOL]).shape == (1,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"channels": ("spin",)}, "Unknown channel spin: choose among nuclear"),
        ({"channels": ()}, r"Unknown channel \(none\)"),
        ({"J": 1.5}, "J must be a whole number from 0 up, not 1.5"),
        ({"Q": 0}, "Q must be a whole number from 1 up, not 0"),
        ({"L": 9}, "degree L must lie between 0 and 8"),
        ({"sigma": -1.0}, "σ must be a positive length"),
        ({"device": "quantum"}, "no device 'quantum' here"),
    ],
)
def test_bad_parameters(given, message):
    with pytest.raises(ValueError, match=message):
        JointSolidHarmonic(**given).fit([WATER])


@pytest.mark.parametrize(
    ("molecules", "message"),
    [
        ([bulk("NaCl", "rocksalt", a=5.6)], "is periodic"),
        ([Atoms("HH", [[0, 0, 0], [0, 0, 0]])], "coincide"),
        ([Atoms("H", [[np.nan, 0, 0]])], "finite"),
        ([], "no molecules"),
    ],
)
def test_bad_molecules(molecules, message):
    with pytest.raises(ValueError, match=message):
        JointSolidHarmonic(**SMALL).fit(molecules)


def test_a_molecule_too_large_for_the_memory_is_refused():
    torn = Atoms("HHH", [[0, 0, 0], [0, 0, 3000], [0, 3000, 0]])
    dictionary = JointSolidHarmonic(**SMALL).fit([torn])
    with pytest.raises(ValueError, match=r"needs .* GB at σ = 0.25 Å"):
        dictionary.transform([torn])
