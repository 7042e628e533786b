"""SchNet: its symmetries, its gradient, that it learns, and that a stopped training goes on."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from scipy.spatial.transform import Rotation

from appkit.data.molecules import load_molecules
from appkit.energy.neighbours import MoleculeStack
from appkit.energy.schnet import SchNet, SchNetRegressor, ShiftedSoftplus
from appkit.regression import Cancelled

SMALL = {"n_features": 16, "n_blocks": 2, "n_gaussians": 25, "device": "cpu"}


@pytest.fixture(scope="module")
def data():
    return load_molecules().subset(np.random.default_rng(0).permutation(1852)[:40])


@pytest.fixture(scope="module")
def fitted(data):
    return SchNetRegressor(**SMALL, epochs=10).fit(data.atoms, data.energies)


def random_net(seed=0):
    """A network whose last layer is not zero, as before training."""
    torch.manual_seed(seed)
    net = SchNet(3, 16, 2, 25, cutoff=4.0).double()
    torch.nn.init.normal_(net.readout[2].weight)
    return net


def net_energy(net, atoms):
    batch = MoleculeStack([atoms], ["H", "C", "O"], 4.0, torch.float64).batch([0])
    return net(batch).item()


def test_shifted_softplus():
    x = torch.linspace(-5, 5, 11, dtype=torch.float64)
    expected = torch.log(0.5 * torch.exp(x) + 0.5)
    torch.testing.assert_close(ShiftedSoftplus()(x), expected)


def test_invariant_to_motion_reflection_and_order(fitted, data):
    rng = np.random.default_rng(1)
    for atoms in data.atoms[:5]:
        turn = Rotation.random(rng=rng).as_matrix() * rng.choice([-1, 1])
        order = rng.permutation(len(atoms))
        moved = Atoms(atoms.numbers[order], (atoms.positions @ turn + [3.0, -20.0, 7.0])[order])
        assert fitted.predict([moved])[0] == pytest.approx(fitted.predict([atoms])[0], rel=1e-12)


def test_molecules_apart_add_up_and_do_not_see_each_other():
    net = random_net()
    one, other = molecule("CH3CH2OH"), molecule("C6H6")
    far = other.copy()
    far.translate([30.0, 0, 0])
    total = net_energy(net, one) + net_energy(net, other)
    assert net_energy(net, one + far) == pytest.approx(total, rel=1e-12)
    near = other.copy()
    near.translate([4.0, 0, 0])
    assert abs(net_energy(net, one + near) - total) > 1e-3


def test_a_batch_gives_what_each_molecule_gives(fitted, data):
    alone = [fitted.predict([atoms])[0] for atoms in data.atoms]
    np.testing.assert_allclose(fitted.predict(data.atoms), alone, rtol=1e-12)


def test_a_pair_by_hand():
    """Two equal atoms: the formulas of the paper written out."""
    net, distance = random_net(), 1.3
    parts = [net.blocks[i] for i in range(2)]
    spacing = 4.0 / 24
    e = torch.exp(
        -0.5 * ((distance - torch.arange(25, dtype=torch.float64) * spacing) / spacing) ** 2
    )
    end = 0.5 * (np.cos(np.pi * distance / 4.0) + 1)
    x = net.embedding.weight[1]
    for part in parts:
        x = x + part.after((part.before.weight @ x) * part.filters(e) * end)
    atoms = Atoms("C2", [[0, 0, 0], [distance, 0, 0]])
    assert net_energy(net, atoms) == pytest.approx(2 * net.readout(x).item(), rel=1e-6)


def test_energy_is_smooth_at_the_cutoff():
    """Its slope goes to zero there, so that forces do not jump."""
    net = random_net()

    def energy(r):
        return net_energy(net, Atoms("CO", [[0, 0, 0], [r, 0, 0]]))

    beyond = energy(4.5)
    steps = np.array([energy(4.0 - d) - beyond for d in (0.1, 0.01, 0.001)])
    assert abs(steps[0]) > 1e-8
    np.testing.assert_allclose(steps[:-1] / steps[1:], 100.0, rtol=0.5)


def test_gradient_is_that_of_finite_differences(fitted, data):
    atoms = data.atoms[3]
    positions = torch.tensor(atoms.positions, requires_grad=True)
    energy = fitted.energy(positions, atoms)
    (gradient,) = torch.autograd.grad(energy, positions)
    assert energy.item() == pytest.approx(fitted.predict([atoms])[0], rel=1e-12)
    step = 1e-4
    for k, axis in ((0, 0), (2, 1), (len(atoms) - 1, 2)):
        moved = [atoms.copy(), atoms.copy()]
        for sign, one in zip((1, -1), moved, strict=True):
            one.positions[k, axis] += sign * step
        up, down = fitted.predict(moved)
        expected = (up - down) / (2 * step)
        assert gradient[k, axis].item() == pytest.approx(expected, rel=1e-6, abs=1e-6)
    np.testing.assert_allclose(gradient.sum(0), 0, atol=1e-8)


def test_learns_more_than_the_composition():
    every = load_molecules()
    order = np.random.default_rng(2).permutation(len(every))
    training, test = every.subset(order[:200]), every.subset(order[200:400])
    model = SchNetRegressor(**SMALL, epochs=60, batch_size=10, learning_rate=5e-3)
    model.fit(training.atoms, training.energies)
    baseline = model.baseline_.predict(model.composition_.transform(test.atoms))
    error = np.abs(model.predict(test.atoms) - test.energies).mean()
    assert error < 0.65 * np.abs(baseline - test.energies).mean()
    assert model.history_.held_out.min() == model.history_.held_out[model.best_epoch_]
    assert model.history_.loss.iloc[-1] < 0.5 * model.history_.loss.iloc[0]


def test_the_same_seed_gives_the_same_model(fitted, data):
    state = torch.random.get_rng_state()
    again = SchNetRegressor(**SMALL, epochs=10).fit(data.atoms, data.energies)
    assert torch.equal(torch.random.get_rng_state(), state)
    np.testing.assert_allclose(again.predict(data.atoms), fitted.predict(data.atoms), rtol=1e-9)
    other = SchNetRegressor(**SMALL, epochs=10, seed=1).fit(data.atoms, data.energies)
    assert not np.allclose(other.predict(data.atoms), fitted.predict(data.atoms), rtol=1e-9)


def test_a_stopped_training_goes_on_where_it_was(fitted, data, tmp_path):
    model = SchNetRegressor(**SMALL, epochs=10, checkpoint=str(tmp_path / "run.pt"))
    done = []
    with pytest.raises(Cancelled, match="Stopped after 4 of 10 epochs"):
        model.fit(
            data.atoms,
            data.energies,
            progress=lambda *told: done.append(told),
            cancelled=lambda: len(done) == 4,
        )
    model.fit(data.atoms, data.energies, progress=lambda *told: done.append(told))
    assert done == [(epoch, 10) for epoch in range(1, 11)]
    np.testing.assert_allclose(model.predict(data.atoms), fitted.predict(data.atoms), rtol=1e-9)
    model.fit(data.atoms, data.energies, progress=lambda *told: done.append(told))
    assert len(done) == 10
    with pytest.raises(ValueError, match="belongs to a training with other molecules"):
        model.fit(data.atoms, data.energies + 1.0 * np.arange(40))
    with pytest.raises(ValueError, match="belongs to a training with other n_features"):
        model.set_params(n_features=8).fit(data.atoms, data.energies)


def test_single_atoms_and_no_spread():
    atoms = [molecule(name) for name in ("H", "C", "O", "H2O", "CO")]
    energies = np.array([-1.0, -2.0, -3.0, -5.0, -5.0])  # additive
    model = SchNetRegressor(**SMALL, epochs=2).fit(atoms, energies)
    np.testing.assert_allclose(model.predict(atoms), energies, atol=1e-6)


PAIR = [molecule("H2O"), molecule("CO")]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_features": 1}, "n_features must be a whole number from 2 up, not 1"),
        ({"n_blocks": True}, "n_blocks must be a whole number from 1 up, not True"),
        ({"n_gaussians": 1}, "n_gaussians must be a whole number from 2 up, not 1"),
        ({"epochs": 0}, "epochs must be a whole number from 1 up, not 0"),
        ({"batch_size": 2.5}, "batch_size must be a whole number from 1 up, not 2.5"),
        ({"cutoff": -1.0}, "cutoff must be a positive number in Å, not -1.0"),
        ({"learning_rate": np.inf}, "learning_rate must be a positive number, not inf"),
        ({"held_out": 1.0}, "held_out = 1.0 must lie between 0 and 1"),
        ({"device": "abacus"}, "There is no device 'abacus' here"),
        (
            {"batch_size": 10**8},
            r"100000000 molecules with up to 3 pairs of atoms nearer than 5 Å needs 1,152.0 GB, "
            "over 16 GB: take a smaller batch_size or cutoff",
        ),
    ],
)
def test_impossible_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        SchNetRegressor(**{**SMALL, "n_features": 32, "n_blocks": 3, **parameters}).fit(
            PAIR, [1, 2]
        )


@pytest.mark.parametrize(
    ("energies", "message"),
    [
        ([1.0], r"There are 2 molecules, but y has shape \(1,\)"),
        ([1.0, np.nan], "The energy of molecule 1 is not finite"),
    ],
)
def test_impossible_energies(energies, message):
    with pytest.raises(ValueError, match=message):
        SchNetRegressor(**SMALL).fit(PAIR, energies)


def test_one_molecule_is_not_enough():
    with pytest.raises(ValueError, match="One molecule cannot be split"):
        SchNetRegressor(**SMALL).fit(PAIR[:1], [1.0])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([], "the list is empty"),
        ([Atoms()], "Molecule 0 is empty"),
        ([Atoms("H", [[np.nan, 0, 0]])], "not a finite number"),
        ([Atoms("H", cell=[3, 3, 3], pbc=True)], r"Molecule 0 \(H\) is periodic"),
        ([Atoms("H2")], r"atoms 0 \(H\) and 1 \(H\) coincide"),
        ([molecule("SiH4")], r"Molecule 0 \(H4Si\) contains Si; the composition counts H, C"),
    ],
)
def test_bad_molecules(fitted, bad, message):
    with pytest.raises(ValueError, match=message):
        fitted.predict(bad)


def test_a_gradient_where_atoms_coincide_is_refused(fitted):
    with pytest.raises(ValueError, match="coincide"):
        fitted.energy(torch.zeros(2, 3), molecule("CO"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same(fitted, data):
    on_gpu = SchNetRegressor(**{**SMALL, "device": "cuda"}, epochs=10)
    on_gpu.fit(data.atoms, data.energies)
    np.testing.assert_allclose(
        on_gpu.predict(data.atoms), fitted.predict(data.atoms), rtol=1e-3, atol=1e-2
    )
