"""Frames that go with a molecule: rigid motions, gradients, linear molecules, bad input."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from scipy.spatial.transform import Rotation

from appkit.energy.frame import Frame

NAMES = ["CH3CH2OH", "CH4", "H2O", "CO2", "H2", "H"]


def shaken(atoms, size=0.1):
    other = atoms.copy()
    other.positions += np.random.default_rng(0).normal(0, size, other.positions.shape)
    return other


def turned(atoms):
    other = atoms.copy()
    matrix = Rotation.from_euler("xyz", [0.4, -1.2, 2.2]).as_matrix()
    other.positions = atoms.positions @ matrix.T + [4, -9, 2]
    return other


def laid(frame, atoms):
    return frame.lay(torch.as_tensor(atoms.positions)).numpy()


@pytest.mark.parametrize("name", NAMES)
def test_motions_leave_no_trace(name):
    atoms = molecule(name)
    frame = Frame(atoms, slack=0.3)
    expected = laid(frame, atoms)
    assert np.allclose(laid(frame, turned(atoms)), expected, atol=1e-5)
    assert np.allclose(np.abs(expected).max(0) + 0.3, np.array(frame.extent) / 2)


def test_distances_and_handedness_are_kept():
    atoms = shaken(molecule("CH3CH2OH"))
    places = laid(Frame(molecule("CH3CH2OH")), turned(atoms))
    moved = Atoms(atoms.numbers, places)
    assert np.allclose(moved.get_all_distances(), atoms.get_all_distances())
    volumes = [np.linalg.det(a.positions[1:4] - a.positions[0]) for a in (moved, atoms)]
    assert volumes[0] == pytest.approx(volumes[1])


def test_it_is_the_nearest_rotation():
    """SciPy's, which solves the same problem."""
    rest, atoms = molecule("CH3CH2OH"), turned(shaken(molecule("CH3CH2OH")))
    frame = Frame(rest)
    reference = laid(frame, rest)
    reference -= reference.mean(0)
    centred = atoms.positions - atoms.positions.mean(0)
    rotation, _ = Rotation.align_vectors(reference, centred)
    places = laid(frame, atoms)
    assert np.allclose(places - places.mean(0), rotation.apply(centred), atol=1e-5)


@pytest.mark.parametrize("bent", ["CH3CH2OH", "CH4", "H2O", "CO2"])
def test_gradients_are_finite_differences(bent):
    """CO2 too, bent from a reference that is linear."""
    frame, atoms = Frame(molecule(bent)), turned(shaken(molecule(bent)))
    weights = torch.as_tensor(np.random.default_rng(1).normal(size=(len(atoms), 3)))

    def total(positions):
        return (frame.lay(positions).sin() * weights).sum()

    positions = torch.tensor(atoms.positions, requires_grad=True)
    (gradient,) = torch.autograd.grad(total(positions), positions)
    numerical = torch.empty_like(gradient)
    for k, axis in np.ndindex(*gradient.shape):
        step = torch.zeros_like(gradient)
        step[k, axis] = 1e-5
        numerical[k, axis] = (total(positions + step) - total(positions - step)).detach() / 2e-5
    scale = gradient.abs().max()
    assert (gradient - numerical).abs().max() < 1e-6 * scale
    assert gradient.sum(0).abs().max() < 1e-9 * scale


def test_it_holds_what_lies_in_its_cuboid():
    water = molecule("H2O")
    frame = Frame(water, slack=0.3)
    assert frame.holds(water)
    assert frame.holds(turned(shaken(water)))
    far = water.copy()
    far.positions[1] += (0, 1.5, 0)
    assert not frame.holds(far)
    assert not frame.holds(molecule("SH2"))
    assert not frame.holds(molecule("CO"))


@pytest.mark.parametrize("slack", [0, -1, np.nan, np.inf])
def test_a_bad_slack(slack):
    with pytest.raises(ValueError, match=f"slack must be a positive length in Å, not {slack}"):
        Frame(molecule("H2O"), slack)
