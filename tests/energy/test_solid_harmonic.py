"""Solid harmonic scattering as a scikit-learn transformer of molecules."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import fcc111, molecule
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from appkit.energy import JointSolidHarmonic, SolidHarmonicScattering
from appkit.energy.bonds import bonds
from appkit.energy.channels import CHANNELS, gaussians

ETHANOL, WATER = molecule("CH3CH2OH"), molecule("H2O")


def test_turned_and_shifted_molecules_have_the_same_features():
    """Nearly to rounding: they are turned to their principal axes first."""
    moved = ETHANOL.copy()
    moved.rotate(73, (1, 2, 3))
    moved.positions += (4, -9, 2)
    rest, other = SolidHarmonicScattering().fit_transform([ETHANOL, moved])
    assert np.abs(other / rest - 1).max() < 1e-4


def test_invariants_are_the_features_with_a_gradient():
    dictionary = SolidHarmonicScattering(J=1, L=1).fit([ETHANOL])
    positions = torch.tensor(ETHANOL.positions, requires_grad=True)
    values = dictionary.invariants(positions, ETHANOL)
    assert np.allclose(values.detach().numpy(), dictionary.transform([ETHANOL])[0])
    (gradient,) = torch.autograd.grad(values.sum(), positions)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().max() > 0


def test_channels_add_up_to_the_nuclear_charge():
    dictionary = SolidHarmonicScattering(powers=(1,), order=1).fit([ETHANOL])
    values = dictionary.features_.assign(value=dictionary.transform([ETHANOL])[0])
    counts = values[values["order"] == 0].set_index("channel")["value"]
    assert counts["nuclear"] == pytest.approx(26, rel=1e-4)  # 2 C, 6 H, 1 O
    assert counts["valence"] == pytest.approx(20, rel=1e-4)
    assert counts["core"] == pytest.approx(6, rel=1e-4)


def test_features_are_named_and_counted():
    """Channels × powers × (1 + (L + 1)(J + 1)(J + 2) / 2), as in the paper with order 0."""
    dictionary = SolidHarmonicScattering(J=3, L=2).fit([WATER])
    assert len(dictionary.features_) == 3 * 4 * (1 + 3 * 10)
    names = dictionary.get_feature_names_out()
    assert len(set(names)) == len(names)
    assert names[0] == "nuclear|q=0.5"
    assert names[-1] == "core|j=2|l=2|j2=3|l2=2|q=3"


def test_bonds_are_a_channel_of_their_own():
    """Its charge is twice the sum of the bond orders; one atom alone has none."""
    dictionary = SolidHarmonicScattering(("bond", "valence"), powers=(1,), order=1)
    rows = dictionary.fit([ETHANOL, Atoms("He")]).features_
    ethanol, helium = dictionary.transform([ETHANOL, Atoms("He")])
    charge = ethanol[(rows["channel"] == "bond") & (rows["order"] == 0)]
    electrons = bonds(torch.as_tensor(ETHANOL.positions), ETHANOL.numbers)[1]
    assert charge == pytest.approx(float(electrons.sum()), rel=1e-4)
    assert (helium[rows["channel"] == "bond"] == 0).all()
    assert (helium[rows["channel"] == "valence"][:3] > 0).all()
    alone = SolidHarmonicScattering(("valence",), powers=(1,), order=1).fit_transform([ETHANOL])
    assert np.allclose(ethanol[rows["channel"] == "valence"], alone)


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_energies_of_a_channel_are_those_of_its_gaussians(channel):
    """∫ρ² is a sum over pairs of Gaussians: c c' e^{−r²/4σ²} / (4πσ²)^{3/2}."""
    positions, charges = gaussians(ETHANOL, channel)
    squares = (positions[:, None] - positions).square().sum(-1)
    expected = float((charges.T * charges * torch.exp(-squares / (4 * 0.25**2))).sum())
    dictionary = SolidHarmonicScattering([channel], J=0, L=0, powers=(2,), order=1)
    value = dictionary.fit_transform([ETHANOL])[0, 0]
    assert value == pytest.approx(expected / (4 * np.pi * 0.25**2) ** 1.5, rel=1e-3)


def test_an_unknown_channel_has_no_gaussians():
    with pytest.raises(ValueError, match="Unknown channel dark: choose among nuclear"):
        gaussians(ETHANOL, "dark")


def test_scales_in_an_octave():
    dictionary = SolidHarmonicScattering(J=1, Q=2, L=0, order=1, powers=(1,)).fit([WATER])
    assert dictionary.features_["j"].dropna().unique().tolist() == [0, 0.5, 1]
    coarse = SolidHarmonicScattering(J=1, L=0, order=1, powers=(1,)).fit_transform([WATER])
    assert np.allclose(dictionary.transform([WATER])[0, ::2][[0]], coarse[0, [0]])


def test_it_is_a_scikit_learn_transformer():
    pipeline = make_pipeline(SolidHarmonicScattering(order=1, J=0), Ridge())
    assert cross_val_predict(pipeline, [ETHANOL, WATER] * 2, [1.0, 2, 1, 2], cv=2).shape == (4,)
    assert clone(SolidHarmonicScattering(L=2)).get_params()["L"] == 2


def test_memory_grows_with_the_molecule():
    torn = Atoms("CONF", 10 * np.eye(4, 3))
    dictionary = SolidHarmonicScattering()
    assert dictionary.memory([torn]) > 3 * dictionary.memory([ETHANOL])


#: Prints what a chain of carbon atoms is said to need, and by how much the process grew.
_GROWTH = """
import re
from pathlib import Path
from ase import Atoms
from ase.build import molecule
from appkit.energy import SolidHarmonicScattering
grown = lambda: 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
SolidHarmonicScattering(("nuclear",), J=1).fit_transform([molecule("H2O")])
chain = Atoms("C80", [[1.3 * i, 0.3 * (i % 2), 0] for i in range(80)])
dictionary = SolidHarmonicScattering(("nuclear",), sigma=0.08, J=2, L=2).fit([chain])
told, before = dictionary.memory([chain]), grown()
dictionary.transform([chain])
print(told, grown() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's own count")
def test_no_more_memory_is_taken_than_was_told():
    done = subprocess.run([sys.executable, "-c", _GROWTH], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told, taken = map(int, done.stdout.split())
    assert 1e8 < taken < told < 5 * taken


def test_two_atoms_far_apart_on_a_fine_grid_are_refused_with_the_numbers():
    far = Atoms("H2", [[0, 0, 0], [400, 300, 200]])
    dictionary = SolidHarmonicScattering(("nuclear",), sigma=0.02, J=1, L=1, powers=(1, 2))
    with pytest.raises(ValueError, match=r"needs \d+\.\d GB at σ = 0.02 Å, over"):
        dictionary.fit_transform([far])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"channels": ("spin",)}, "Unknown channel spin: choose among nuclear"),
        ({"channels": ()}, r"Unknown channel \(none\)"),
        ({"J": -1}, "J must be a whole number from 0 up, not -1"),
        ({"Q": 0}, "Q must be a whole number from 1 up, not 0"),
        ({"J": 1.5}, "J must be a whole number from 0 up, not 1.5"),
        ({"sigma": -0.1}, "σ must be a positive length"),
        ({"sigma": "0.25"}, "σ must be a positive length, not '0.25'"),
        ({"channels": "nuclear"}, r"list of names, not 'nuclear': write \(\"nuclear\",\)"),
        ({"channels": None}, "Channels are a list of names, not None"),
        ({"powers": 2}, r"Powers q are a list of numbers, not 2: write \(2,\)"),
        ({"powers": ("1",)}, "Powers q must be positive numbers up to 16"),
        ({"powers": (1e-310,)}, "Powers q must be positive numbers up to 16"),
        ({"powers": (1, 2, 1.0)}, r"powers q \(1, 2, 1.0\) name one more than once"),
        ({"channels": ("core", "core")}, "The channel core is asked for more than once"),
        ({"L": "3"}, "degree L must lie between 0 and 8, not '3'"),
        ({"L": 2.5}, "degree L must lie between 0 and 8, not 2.5"),
        ({"tolerance": None}, "tolerance must lie between 1e-6 and 0.1, not None"),
        ({"device": "tpu"}, "no device 'tpu' here"),
    ],
)
def test_bad_parameters(given, message):
    with pytest.raises(ValueError, match=message):
        SolidHarmonicScattering(**given).fit([WATER])


@pytest.mark.parametrize(
    ("molecules", "message"),
    [
        ([], "no molecules"),
        (None, "Expected a list of molecules, not a NoneType"),
        ((atoms for atoms in [WATER]), "Expected a list of molecules, not a generator"),
        ([Atoms()], "Molecule 0 is empty"),
        (
            [WATER, fcc111("Al", (1, 1, 3), vacuum=5)],
            r"Molecule 1 \(Al3\) is periodic along a and b",
        ),
        ([Atoms("H2", [[0, 0, 0], [0, 0, 1e-5]])], r"atoms 0 \(H\) and 1 \(H\) coincide"),
        ([Atoms("X", [[0, 0, 0]])], "without a nuclear charge"),
        ([Atoms("H", [[0, 0, np.nan]])], "not a finite number"),
    ],
)
def test_bad_molecules(molecules, message):
    with pytest.raises(ValueError, match=message):
        SolidHarmonicScattering().fit(molecules)


def test_a_molecule_over_the_memory_is_refused():
    torn = Atoms("CONF", 300 * np.eye(4, 3))
    with pytest.raises(ValueError, match=r"needs .* GB at σ = 0.25 Å, over 16 GB: take a larger σ"):
        SolidHarmonicScattering().fit([torn]).transform([torn])


def test_small_powers_are_named_where_they_take_the_memory():
    torn = Atoms("CONF", 100 * np.eye(4, 3))
    dictionary = SolidHarmonicScattering(powers=(0.3, 1), sigma=0.1).fit([torn])
    with pytest.raises(ValueError, match=r"over 16 GB: .* or powers from 0.5 up: q = 0.3 asks for"):
        dictionary.transform([torn])


@pytest.mark.parametrize("dictionary", [SolidHarmonicScattering, JointSolidHarmonic])
def test_molecules_at_once_share_the_memory(monkeypatch, dictionary):
    given = {"channels": ("nuclear",), "J": 0, "L": 0}
    one = dictionary(**given).memory([ETHANOL])
    assert dictionary(**given).memory([WATER]) < one
    monkeypatch.setattr("appkit.energy.dictionary.MOLECULE_BYTES", 1.5 * one)
    molecules = [ETHANOL, WATER, ETHANOL, ETHANOL]
    assert len(dictionary(**given).fit_transform(molecules)) == 4
    assert len(dictionary(**given, n_jobs=3).fit_transform([ETHANOL])) == 1
    message = "With n_jobs = 3 the 3 largest of the list may be computed at once .* take n_jobs = 1"
    with pytest.raises(ValueError, match=message):
        dictionary(**given, n_jobs=3).fit_transform(molecules)


@pytest.mark.parametrize("channel", ["nuclear", "atomic"])
def test_powers_that_feel_rounding_are_refused(channel):
    """Those of isolated atoms, which are transformed, in the first order already."""
    message = r"The power q = 0.1 is too small in free space: .* Take q ≥ 0.286\.$"
    with pytest.raises(ValueError, match=message):
        SolidHarmonicScattering((channel,), powers=(0.1, 1)).fit([WATER])
    first = SolidHarmonicScattering((channel,), powers=(0.1, 1), order=1)
    if channel == "nuclear":
        assert len(first.fit([WATER]).features_) == 2 * (1 + 3 * 4)
    else:
        with pytest.raises(ValueError, match=message):
            first.fit([WATER])


def test_molecules_at_once_have_the_same_features():
    molecules = [molecule(name) for name in ("H2O", "CH4", "NH3", "CO2")]
    one = SolidHarmonicScattering(("nuclear",), J=1, L=1).fit_transform(molecules)
    assert (
        SolidHarmonicScattering(("nuclear",), J=1, L=1, n_jobs=2).fit_transform(molecules) == one
    ).all()


def test_threads_of_torch_are_left_as_they_were():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    SolidHarmonicScattering(("nuclear",), J=0, L=0).fit_transform([molecule("H2O")])
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
