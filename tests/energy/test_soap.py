"""SOAP kernels on landmarks against dscribe's exact kernels, and the regression with them."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from scipy.spatial.transform import Rotation
from sklearn.kernel_ridge import KernelRidge

from appkit.compat import mend_dscribe
from appkit.data.molecules import load_molecules
from appkit.energy.composition import Composition
from appkit.energy.soap import SOAPKernel, SOAPRegressor
from appkit.regression import KernelRegression

SMALL = {"n_max": 3, "l_max": 2}
MOLECULES = [molecule(name) for name in ("CH3CH2OH", "H2O", "C6H6", "CO2", "CH4", "H2CO")]


def exact_sum_kernel(molecules, zeta):
    """Σ_ij (p_i · p_j)^ζ, pair by pair of molecules, from dscribe's power spectra."""
    mend_dscribe()
    from dscribe.descriptors import SOAP

    elements = Composition().fit(molecules).elements_
    soap = SOAP(r_cut=3.0, n_max=3, l_max=2, sigma=0.3, species=elements)
    spectra = [soap.create(atoms) for atoms in molecules]
    spectra = [p / np.linalg.norm(p, axis=1, keepdims=True) for p in spectra]
    return np.array([[((p @ q.T) ** zeta).sum() for q in spectra] for p in spectra])


@pytest.mark.parametrize("zeta", [1.0, 2.0, 3.5])
def test_with_all_landmarks_it_is_the_kernel(zeta):
    features = SOAPKernel(zeta=zeta, **SMALL).fit_transform(MOLECULES)
    np.testing.assert_allclose(features @ features.T, exact_sum_kernel(MOLECULES, zeta), rtol=1e-5)


def test_the_average_kernel_is_that_of_dscribe():
    mend_dscribe()
    from dscribe.descriptors import SOAP
    from dscribe.kernels import AverageKernel

    soap = SOAP(r_cut=3.0, n_max=3, l_max=2, sigma=0.3, species=["H", "C", "O"])
    spectra = [soap.create(atoms) for atoms in MOLECULES]
    unit = [p / np.linalg.norm(p, axis=1, keepdims=True) for p in spectra]
    theirs = AverageKernel(
        metric="polynomial",
        degree=2,
        gamma=1.0,
        coef0=0.0,
        normalize_kernel=False,
    ).create(unit)
    features = SOAPKernel("average", **SMALL).fit_transform(MOLECULES)
    np.testing.assert_allclose(features @ features.T, theirs, rtol=1e-5)


def test_fewer_landmarks_come_near_from_below():
    """The kernel on a subspace never overestimates a molecule's own similarity."""
    exact = np.diag(exact_sum_kernel(MOLECULES, 2.0))
    nearest = 0.0
    for n_landmarks in (2, 8, 20, 34):
        features = SOAPKernel(n_landmarks=n_landmarks, **SMALL).fit_transform(MOLECULES)
        share = (features**2).sum(1) / exact
        assert share.max() < 1 + 1e-6
        assert share.mean() > nearest
        nearest = share.mean()
    assert nearest > 0.999


def test_every_element_has_landmarks():
    many = [*[molecule("C6H6")] * 20, molecule("CH3SH")]
    model = SOAPKernel(n_landmarks=9, **SMALL).fit(many)
    assert model.landmarks_.shape == (9, model.n_entries)
    alone = SOAPKernel(**SMALL).fit([molecule("CH3SH"), molecule("C6H6")])
    mend_dscribe()
    from dscribe.descriptors import SOAP

    soap = SOAP(r_cut=3.0, n_max=3, l_max=2, sigma=0.3, species=alone.elements_)
    sulphur = soap.create(molecule("CH3SH"), centers=[1])[0]
    products = model.landmarks_ @ sulphur / np.linalg.norm(sulphur)
    assert products.max() == pytest.approx(1.0)


def test_extensive_and_invariant():
    model = SOAPKernel(**SMALL).fit(MOLECULES)
    features = model.transform(MOLECULES)
    far = MOLECULES[1].copy()
    far.translate([50.0, 0, 0])
    both = model.transform([MOLECULES[0] + far])[0]
    np.testing.assert_allclose(both, features[0] + features[1], atol=1e-5)
    rng = np.random.default_rng(0)
    for atoms, expected in zip(MOLECULES, features, strict=True):
        order = rng.permutation(len(atoms))
        positions = (atoms.positions @ Rotation.random(rng=rng).as_matrix() + 3.0)[order]
        moved = model.transform([Atoms(atoms.numbers[order], positions)])[0]
        np.testing.assert_allclose(moved, expected, atol=1e-4 * np.abs(features).max())


def test_parts_of_the_molecules_give_what_all_give(monkeypatch):
    model = SOAPKernel(**SMALL).fit(MOLECULES)
    features = model.transform(MOLECULES)
    monkeypatch.setattr("appkit.energy.soap._CHUNK_BYTES", 8 * model.n_entries * 10)
    np.testing.assert_allclose(model.transform(MOLECULES), features, atol=1e-9)
    again = SOAPKernel(**SMALL).fit(MOLECULES)
    np.testing.assert_array_equal(again.landmarks_, model.landmarks_)


@pytest.fixture(scope="module")
def split():
    every = load_molecules()
    order = np.random.default_rng(0).permutation(len(every))
    return every.subset(order[:120]), every.subset(order[120:180])


def test_the_regression_is_kernel_ridge_regression(split):
    """With all environments as landmarks it predicts what scikit-learn does by the exact kernel."""
    training, test = split[0].subset(np.arange(12)), split[0].subset(np.arange(12, 16))
    model = SOAPRegressor([2.0], n_landmarks=10_000, **SMALL)
    model.fit(training.atoms, training.energies)
    kernel = exact_sum_kernel([*training.atoms, *test.atoms], 2.0)
    centring = np.eye(12) - 1 / 12  # the intercept is not penalised
    K, k = kernel[:12, :12], kernel[12:, :12]
    ridge = KernelRidge(alpha=model.ridge_, kernel="precomputed")
    ridge.fit(centring @ K @ centring, training.energies - training.energies.mean())
    expected = training.energies.mean() + ridge.predict((k - K.mean(0)) @ centring)
    np.testing.assert_allclose(model.predict(test.atoms), expected, rtol=1e-3)


@pytest.mark.parametrize("kernel", ["sum", "average"])
def test_learns_more_than_the_composition(split, kernel):
    training, test = split
    model = SOAPRegressor(kernel=kernel, n_landmarks=300, **SMALL)
    error = model.fit(training.atoms, training.energies).predict(test.atoms) - test.energies
    counts = Composition().fit(training.atoms)
    baseline = KernelRegression("gaussian").fit(counts.transform(training.atoms), training.energies)
    theirs = baseline.predict(counts.transform(test.atoms)) - test.energies
    assert np.abs(error).mean() < 0.6 * np.abs(theirs).mean()
    assert model.errors_[model.zeta_] == min(model.errors_.values())
    assert list(model.errors_) == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kernel": "best"}, "kernel must be one of sum, average, not 'best'"),
        ({"zeta": 0.0}, "zeta must be a positive number, not 0.0"),
        ({"cutoff": np.nan}, "cutoff must be a positive number in Å, not nan"),
        ({"cutoff": 0.9}, "cutoff = 0.9 Å holds no neighbour: take more than 1 Å"),
        ({"sigma": -1.0}, "sigma must be a positive number in Å, not -1.0"),
        ({"n_max": 0}, "n_max must be a whole number from 1 to 20, not 0"),
        ({"l_max": 2.0}, "l_max must be a whole number from 0 to 20, not 2.0"),
        ({"n_landmarks": 0}, "n_landmarks must be a whole number from 1 to 100000, not 0"),
    ],
)
def test_impossible_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        SOAPKernel(**parameters).fit(MOLECULES)


def test_spectra_beyond_the_memory_are_refused(monkeypatch):
    monkeypatch.setattr("appkit.energy.soap.MOLECULE_BYTES", 1_000_000_000)
    with pytest.raises(
        ValueError,
        match=r"3,600 landmarks with 38,430 entries each, and their kernel, need 1\.4 GB, "
        r"over 1 GB: take a smaller n_max, l_max or n_landmarks",
    ):
        SOAPKernel(n_max=20, l_max=20, n_landmarks=5000).fit(MOLECULES * 100)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([], "the list is empty"),
        ([Atoms()], "Molecule 0 is empty"),
        ([Atoms("H", [[np.inf, 0, 0]])], "not a finite number"),
        ([Atoms("CO", [[0, 0, 0], [1, 0, 0]], cell=[3, 3, 3], pbc=True)], "is periodic"),
        ([Atoms("H2")], r"atoms 0 \(H\) and 1 \(H\) coincide"),
        ([molecule("CH3Cl")], r"Molecule 0 \(CH3Cl\) contains Cl; the composition counts H, C"),
    ],
)
def test_bad_molecules(bad, message):
    with pytest.raises(ValueError, match=message):
        SOAPKernel(**SMALL).fit(MOLECULES).transform(bad)


@pytest.mark.parametrize(
    ("zetas", "energies", "message"),
    [
        ([], np.arange(6.0), "zetas must be one or more positive numbers"),
        ([-1.0], np.arange(6.0), "zetas must be one or more positive numbers"),
        ([1.0], np.arange(5.0), r"There are 6 molecules, but y has shape \(5,\)"),
        ([1.0], np.array([1, 2, np.nan, 3, 4, 5]), "The energy of molecule 2 is not finite"),
    ],
)
def test_impossible_regressions(zetas, energies, message):
    with pytest.raises(ValueError, match=message):
        SOAPRegressor(zetas, **SMALL).fit(MOLECULES, energies)


def test_features_have_names():
    kernel = SOAPKernel(n_max=2, l_max=2, n_landmarks=4).fit([molecule("H2O"), molecule("CH4")])
    names = kernel.get_feature_names_out()
    assert len(names) == kernel.transform([molecule("H2O")]).shape[1]
    assert names[0] == "soap0"
