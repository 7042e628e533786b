"""The Coulomb matrix against dscribe, the published file of QM7-2D, and its own laws."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.units import Bohr
from scipy.io import loadmat
from scipy.spatial.transform import Rotation

from appkit.compat import mend_dscribe
from appkit.energy.coulomb_matrix import CoulombMatrix, coulomb_matrices, sort_rows, sorting_jump

NAMES = ("H2O", "C6H6", "CH3SH", "CH3CH2Cl", "C4H4O", "CO")


@pytest.fixture(scope="module")
def molecules():
    return [molecule(name) for name in NAMES]


def test_water_by_hand():
    bohr = np.array([[0.0, 0, 0], [1.8, 0, 0], [0, 1.8, 0]])
    matrix = coulomb_matrices([Atoms("OHH", bohr * Bohr)])[0]
    oh, hh = 8 / 1.8, 1 / (1.8 * np.sqrt(2))
    expected = [[0.5 * 8**2.4, oh, oh], [oh, 0.5, hh], [oh, hh, 0.5]]
    np.testing.assert_allclose(matrix, expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("permutation", "theirs"),
    [("sorted", "sorted_l2"), ("none", "none"), ("eigenspectrum", "eigenspectrum")],
)
def test_equals_dscribe(molecules, permutation, theirs):
    mend_dscribe()
    from dscribe.descriptors import CoulombMatrix as Peer

    k = max(map(len, molecules))
    # dscribe keeps the off-diagonal entries in 1/Å.
    peer = Peer(n_atoms_max=k, permutation=theirs).create(
        [Atoms(m.numbers, m.positions / Bohr) for m in molecules]
    )
    ours = CoulombMatrix(permutation).fit_transform(molecules)
    if permutation != "eigenspectrum":
        peer = peer.reshape(-1, k, k)[:, *np.triu_indices(k)]
    if permutation == "sorted":  # equal norms may be in either order
        ours, peer = np.sort(ours, axis=1), np.sort(peer, axis=1)
    np.testing.assert_allclose(ours, peer, rtol=1e-9, atol=1e-9)


def test_equals_the_published_matrices_of_qm7_2d(real_data):
    """X of the file is the matrix of the planar positions, 0 where two atoms coincide."""
    table = loadmat(real_data / "qm2d" / "qm7_2d.mat")
    atoms = [
        Atoms(z[z > 0], np.c_[r[z > 0], np.zeros((z > 0).sum())] * Bohr)
        for z, r in zip(table["Z"], table["R"], strict=True)
    ]
    ours = coulomb_matrices(atoms, 23, coincident="zero")
    np.testing.assert_allclose(ours, table["X"], rtol=1e-6, atol=1e-4)  # theirs were float32
    with pytest.raises(
        ValueError, match=r"\(H\) and \d+ \(H\) coincide, they are 0.0e\+00 Å apart"
    ):
        coulomb_matrices(atoms)


@pytest.mark.parametrize("permutation", ["sorted", "random", "eigenspectrum"])
def test_invariant_to_motion_and_to_the_order_of_listing(permutation):
    rng = np.random.default_rng(0)
    atoms = Atoms("CNOSHCl", rng.uniform(-3, 3, (6, 3)))  # no symmetry: norms differ
    shuffle = rng.permutation(6)
    rotated = atoms.positions @ Rotation.random(rng=1).as_matrix().T + [1.0, 2.0, 3.0]
    moved = Atoms(atoms.numbers[shuffle], rotated[shuffle])
    features = CoulombMatrix(permutation).fit_transform([atoms, moved])
    np.testing.assert_allclose(features[0], features[1], rtol=1e-9)


def test_sorted_norms_decrease_and_padding_is_zero(molecules):
    matrices = sort_rows(coulomb_matrices(molecules, 15))
    norms = np.linalg.norm(matrices, axis=2)
    assert (np.diff(norms, axis=1) <= 1e-9).all()
    for matrix, atoms in zip(matrices, molecules, strict=True):
        assert not matrix[len(atoms) :].any()


def test_random_copies_are_reorderings_independent_of_the_batch(molecules):
    model = CoulombMatrix("random", n_copies=5).fit(molecules)
    copies = model.transform(molecules).reshape(len(molecules), 5, -1)
    expected = CoulombMatrix("none").fit_transform(molecules)
    np.testing.assert_allclose(np.sort(copies[:, 3], axis=1), np.sort(expected, axis=1))
    assert len(np.unique(copies[1].round(9), axis=0)) > 1
    np.testing.assert_array_equal(model.transform(molecules[2:3])[0], copies[2].ravel())
    other = CoulombMatrix("random", n_copies=5, seed=1).fit(molecules).transform(molecules)
    assert not np.array_equal(other, copies.reshape(len(molecules), -1))


@pytest.mark.parametrize("permutation", ["sorted", "random", "none", "eigenspectrum"])
def test_features_are_described(molecules, permutation):
    model = CoulombMatrix(permutation, n_copies=3)
    n_features = model.fit_transform(molecules).shape[1]
    names = model.get_feature_names_out()
    assert len(model.features_) == len(set(names)) == n_features


def test_names():
    water = [molecule("H2O")]
    names = CoulombMatrix().fit(water).get_feature_names_out()
    assert list(names[:3]) == ["coulomb_0_0", "coulomb_0_1", "coulomb_0_2"]
    names = CoulombMatrix("random", n_copies=2).fit(water).get_feature_names_out()
    assert names[-1] == "coulomb_1_2_2"


def test_sorting_jumps_where_norms_cross():
    """Oxygen passes from one carbon to the other: the steps shrink, the sorted jump does not."""
    start = Atoms("CCOH", [[0, 0, 0], [1.4, 0, 0], [-0.3, 1.3, 0], [-1.1, 0, 0]])
    end = start.copy()
    end.positions[2, 0] = 1.7
    coarse, fine = sorting_jump(start, end, 100), sorting_jump(start, end, 1000)
    assert fine.crossing.sum() == 1
    assert fine.fixed.max() < 0.2 * coarse.fixed.max()
    assert fine.sorted.max() > 0.9 * coarse.sorted.max()
    assert fine.loc[fine.crossing, "sorted"].item() == fine.sorted.max() > 10 * fine.fixed.max()
    np.testing.assert_allclose(fine.fixed[~fine.crossing], fine.sorted[~fine.crossing])


def test_sorting_jump_needs_the_same_atoms():
    with pytest.raises(ValueError, match="same atoms in the same order"):
        sorting_jump(molecule("CO"), molecule("N2"))


def nan_water():
    atoms = molecule("H2O")
    atoms.positions[1, 2] = np.nan
    return atoms


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Atoms(), "Molecule 1 is empty"),
        (nan_water(), r"Molecule 1 \(H2O\) has a coordinate that is not a finite number"),
        (Atoms("XH", [[0, 0, 0], [0, 0, 1]]), "has an atom without a nuclear charge"),
        (
            Atoms("CHO", [[0, 0, 0], [1, 0, 0], [1, 0, 5e-11]]),
            r"Molecule 1 \(CHO\): atoms 1 \(H\) and 2 \(O\) coincide, they are 5.0e-11 Å apart",
        ),
    ],
)
def test_bad_molecules_are_named(bad, message):
    with pytest.raises(ValueError, match=message):
        CoulombMatrix().fit_transform([molecule("H2O"), bad])


def test_nearly_coincident_atoms_are_kept_or_counted_as_apart():
    close = [Atoms("CH", [[0, 0, 0], [0, 0, 2.5e-7]])]
    assert CoulombMatrix().fit_transform(close).max() > 1e7
    apart = CoulombMatrix(min_distance=Bohr).fit_transform(close)[0]
    np.testing.assert_allclose(apart[1], 6.0)
    same = [Atoms("CH", np.zeros((2, 3)))]
    np.testing.assert_allclose(CoulombMatrix(min_distance=Bohr).fit_transform(same)[0], apart)


def test_bad_parameters_and_batches():
    with pytest.raises(ValueError, match="permutation 'rows' is unknown; choose among sorted"):
        CoulombMatrix("rows").fit([molecule("CO")])
    with pytest.raises(ValueError, match='coincident must be "error" or "zero", not \'drop\''):
        CoulombMatrix(coincident="drop").fit([molecule("CO")])
    with pytest.raises(ValueError, match="n_copies must be at least 1, not 0"):
        CoulombMatrix("random", n_copies=0).fit([molecule("CO")])
    with pytest.raises(ValueError, match="the list is empty"):
        CoulombMatrix().fit([])
    with pytest.raises(ValueError, match=r"write \[atoms\]"):
        CoulombMatrix().fit(molecule("CO"))
    with pytest.raises(ValueError, match=r"Molecule 0 \(C6H6\) has 12 atoms, more than the 2 rows"):
        CoulombMatrix().fit([molecule("CO")]).transform([molecule("C6H6")])
