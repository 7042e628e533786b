"""Forces of fitted models: finite differences, motions, trajectories and minima of the teacher."""

import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.build import bulk, molecule
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS
from scipy.spatial.transform import Rotation
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import VarianceThreshold
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from appkit.energy import InvariantCalculator, SolidHarmonicScattering
from appkit.energy.frame import Frame
from appkit.regression import KernelRegression, OrthogonalLeastSquares

tblite = pytest.importorskip("tblite.ase", reason="tblite (extra test) is not installed")


def invariants():
    """Logarithms, standardised, without what changes less than the grid's error."""
    return FunctionTransformer(np.log), VarianceThreshold(1e-8), StandardScaler()


REGRESSORS = {
    "linear": make_pipeline(*invariants(), RidgeCV(np.logspace(-10, 0, 11))),
    "kernel": make_pipeline(*invariants(), KernelRegression("gaussian")),
    "sparse": TransformedTargetRegressor(  # centred energies: it has no intercept
        make_pipeline(*invariants(), OrthogonalLeastSquares(25)), transformer=StandardScaler()
    ),
}


def teacher():
    """Extended tight binding, GFN2-xTB."""
    return tblite.TBLite(method="GFN2-xTB", accuracy=0.01, verbosity=0)


def shaken(atoms, n, size=0.05, seed=0):
    rng = np.random.default_rng(seed)
    copies = [atoms.copy() for _ in range(n)]
    for copy in copies:
        copy.positions += rng.normal(0, size, copy.positions.shape)
    return copies


WATER = molecule("H2O")
WATER.calc = teacher()
BFGS(WATER, logfile=None).run(fmax=1e-3)
MOLECULES = shaken(WATER, 80)
ENERGIES = np.array([teacher().get_potential_energy(atoms) for atoms in MOLECULES])
DICTIONARY = SolidHarmonicScattering(
    ("nuclear", "valence"), sigma=0.3, J=1, L=2, powers=(1, 2), tolerance=1e-2
).fit(MOLECULES)
FRAME = Frame(WATER)
with torch.no_grad():
    FEATURES = np.stack([
        DICTIONARY.invariants(torch.as_tensor(atoms.positions), atoms, FRAME) for atoms in MOLECULES
    ])  # fmt: skip
LINEAR = REGRESSORS["linear"].fit(FEATURES, ENERGIES)


@pytest.fixture(params=REGRESSORS)
def calculator(request):
    regressor = REGRESSORS[request.param].fit(FEATURES, ENERGIES)
    return InvariantCalculator(DICTIONARY, regressor, FEATURES, 1.0, MOLECULES, FRAME)


def linear(**options):
    return InvariantCalculator(DICTIONARY, LINEAR, FEATURES, **({"unit": 1.0} | options))


def forces(atoms, calculator):
    atoms = atoms.copy()
    atoms.calc = calculator
    return atoms.get_forces()


def differences(atoms, calculator, step=1e-4):
    """−ΔE / Δr of every coordinate."""
    atoms = atoms.copy()
    atoms.calc = calculator
    values = np.empty((len(atoms), 3))
    rest = atoms.positions.copy()
    for index in np.ndindex(values.shape):
        ends = []
        for sign in (1, -1):
            atoms.positions = rest
            atoms.positions[index] += sign * step
            ends.append(atoms.get_potential_energy())
        values[index] = (ends[1] - ends[0]) / (2 * step)
    return values


def trajectory(calculator, steps=60):
    """Kinetic and total energies of water at 600 K, in steps of half a femtosecond."""
    atoms = WATER.copy()
    atoms.calc = calculator
    thermalize_momenta(atoms, temperature_K=600, rng=np.random.default_rng(0))
    run = VelocityVerlet(atoms, 0.5 * units.fs)
    energies = []
    for _ in range(steps):
        run.run(1)
        energies.append((atoms.get_kinetic_energy(), atoms.get_total_energy()))
    return np.array(energies).T


def test_forces_are_finite_differences_of_the_energy(calculator):
    atoms = shaken(WATER, 1, seed=1)[0]
    exact = forces(atoms, calculator)
    assert np.abs(exact).max() > 0.3
    assert np.abs(exact - differences(atoms, calculator)).max() < 1e-5 * np.abs(exact).max()


def test_forces_are_the_teacher_s(calculator):
    for atoms in shaken(WATER, 5, seed=2):
        expected = teacher().get_forces(atoms)
        assert np.abs(forces(atoms, calculator) - expected).max() < 0.05 * np.abs(expected).max()


def test_forces_turn_with_the_molecule(calculator):
    atoms = shaken(WATER, 1, seed=1)[0]
    matrix = Rotation.from_euler("xyz", [0.4, -1.2, 2.2]).as_matrix()
    turned = atoms.copy()
    turned.positions = atoms.positions @ matrix.T + [1, 2, 3]
    expected = forces(atoms, calculator) @ matrix.T
    assert np.abs(forces(turned, calculator) - expected).max() < 2e-5 * np.abs(expected).max()


@pytest.mark.parametrize("name", ["H2O", "CO2", "CH4"])
def test_there_is_no_net_force_and_no_torque(name):
    """Of a linear molecule and of one without principal axes too, in frames of their own."""
    atoms = shaken(molecule(name), 1)[0]
    values = forces(atoms, linear())
    torque = np.cross(atoms.positions - atoms.positions.mean(0), values).sum(0)
    assert np.abs(values.sum(0)).max() < 1e-9 * np.abs(values).max()
    assert np.abs(torque).max() < 1e-6 * np.abs(values).max()


def test_energy_is_kept_along_a_trajectory(calculator):
    kinetic, total = trajectory(calculator)
    expected, expected_total = trajectory(teacher())
    assert np.ptp(kinetic) > 0.03
    assert np.ptp(total) < 0.02 * np.ptp(kinetic)
    assert np.ptp(total) < 2 * np.ptp(expected_total)
    assert np.abs(kinetic - expected).max() < 0.1 * np.ptp(expected)


def test_relaxed_geometries_are_the_teacher_s(calculator):
    atoms = shaken(WATER, 1, seed=3)[0]
    atoms.calc = calculator
    assert BFGS(atoms, logfile=None).run(fmax=1e-3, steps=100)
    assert np.abs(atoms.get_all_distances() - WATER.get_all_distances()).max() < 0.01


def test_a_dragged_atom_renews_the_frame_until_it_is_back():
    atoms, calculator = WATER.copy(), linear(frame=FRAME)
    atoms.calc = calculator
    atoms.get_potential_energy()
    assert calculator.frame is FRAME
    atoms.positions[1] += (0, 1.2, 0)
    assert np.isfinite(atoms.get_forces()).all()
    assert calculator.frame is not FRAME
    exact = forces(atoms, calculator)
    assert np.abs(exact - differences(atoms, calculator)).max() < 1e-5 * np.abs(exact).max()
    atoms.positions = WATER.positions
    atoms.get_potential_energy()
    assert calculator.frame is FRAME


def test_units_are_those_of_the_target():
    """kcal/mol unless told otherwise."""
    plain, other = WATER.copy(), WATER.copy()
    plain.calc = linear()
    other.calc = InvariantCalculator(DICTIONARY, LINEAR, FEATURES)
    ratio = units.kcal / units.mol
    assert other.get_potential_energy() == pytest.approx(ratio * plain.get_potential_energy())
    other.positions = plain.positions = MOLECULES[0].positions
    assert np.allclose(other.get_forces(), ratio * plain.get_forces())


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (Atoms(), "is empty"),
        (bulk("Fe"), "is periodic"),
        (Atoms("OH2", [[0, 0, 0], [0, 0, np.nan], [0, 1, 0]]), "not a finite number"),
        (Atoms("OH2", [[0, 0, 0], [0, 0, 0], [0, 1, 0]]), r"atoms 0 \(O\) and 1 \(H\) coincide"),
        (
            Atoms("OH2", [[0, 0, 0], [0, 0, 0.2], [0, 1, 0]]),
            r"Atoms 0 \(O\) and 1 \(H\) are 0.20 Å apart, nearer than 0.4 Å",
        ),
        (Atoms("OH2", [[0, 0, 0], [0, 0, 400], [0, 500, 0]]), "GB for its forces"),
        (molecule("SH2"), r"trained on molecules of H, O: it does not know S \(first at atom 0\)"),
        (molecule("H2"), "trained on H2O alone: it knows nothing of H2"),
    ],
)
def test_bad_molecules(atoms, message):
    atoms.calc = linear(trained_on=MOLECULES)
    with pytest.raises(ValueError, match=message):
        atoms.get_potential_energy()


def test_no_molecule():
    with pytest.raises(ValueError, match=r"has no molecule: set atoms\.calc"):
        linear().get_potential_energy()


def test_a_known_element_in_a_new_molecule_is_welcome_where_there_were_several():
    atoms = molecule("H2O2")
    atoms.calc = linear(trained_on=[*MOLECULES, molecule("H2")])
    assert np.isfinite(atoms.get_potential_energy())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"regressor": LinearRegression().fit(FEATURES[:, 1:], ENERGIES)}, "on 39 features, the"),
        ({"features": FEATURES[:, 1:]}, r"finite numbers \(n, 40\), .* array \(80, 39\)"),
        ({"features": np.full((2, 40), np.nan)}, "must be finite numbers"),
        ({"trained_on": []}, "the list is empty"),
        ({"slack": -1}, "slack must be a positive length in Å, not -1"),
    ],
)
def test_bad_parts(options, message):
    parts = {"dictionary": DICTIONARY, "regressor": LINEAR, "features": FEATURES}
    with pytest.raises(ValueError, match=message):
        InvariantCalculator(**(parts | options))


def test_unfitted_parts():
    with pytest.raises(NotFittedError, match="SolidHarmonicScattering instance is not fitted"):
        InvariantCalculator(SolidHarmonicScattering(), LINEAR, FEATURES)
    with pytest.raises(NotFittedError, match="RidgeCV instance is not fitted"):
        InvariantCalculator(DICTIONARY, RidgeCV(), FEATURES)


def test_a_regressor_of_two_targets_is_refused():
    two = LinearRegression().fit(FEATURES, np.stack([ENERGIES, ENERGIES], axis=1))
    atoms = WATER.copy()
    atoms.calc = InvariantCalculator(DICTIONARY, two, FEATURES)
    with pytest.raises(ValueError, match=r"predicts an array \(1, 2\) for 1 molecules"):
        atoms.get_potential_energy()
