"""Histograms of distances, angles and dihedrals against ASE's own measures, and by hand."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.data import covalent_radii
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from appkit.data.molecules import load_molecules
from appkit.energy import hdad as module
from appkit.energy.composition import Composition
from appkit.energy.hdad import HDAD, measures
from appkit.regression import KernelRegression

ETHANOL = molecule("CH3CH2OH")
MOLECULES = [molecule(name) for name in ("CH3CH2OH", "H2O", "C6H6", "CH3SH", "C2H6NH", "CO2")]


def bonded(atoms, factor=1.25):
    radii = covalent_radii[atoms.numbers]
    near = atoms.get_all_distances() < factor * (radii[:, None] + radii)
    return near & ~np.eye(len(atoms), dtype=bool)


def by_elements(measured, molecule):
    """Sorted values for each code."""
    own = measured.molecule == molecule
    code, value = measured.code[own], measured.value[own]
    return {int(c): np.sort(value[code == c]) for c in np.unique(code)}


def expected_measures(atoms):
    """By ASE, atom by atom."""
    bonds, n, z = bonded(atoms), len(atoms), atoms.numbers
    found = {"distance": {}, "angle": {}, "dihedral": {}}

    def add(kind, elements, value):
        elements = min(tuple(elements), tuple(elements[::-1]))
        code = sum(int(e) * 128**k for k, e in enumerate(reversed(elements)))
        found[kind].setdefault(code, []).append(value)

    for i in range(n):
        for j in range(i + 1, n):
            add("distance", z[[i, j]], atoms.get_distance(i, j))
        for j in np.flatnonzero(bonds[i]):
            for k in np.flatnonzero(bonds[j]):
                if k > i:
                    add("angle", z[[i, j, k]], atoms.get_angle(i, j, k))
                for l in np.flatnonzero(bonds[k]):
                    straight = 180 - 1e-3
                    if i < l and len({i, j, k, l}) == 4:
                        angles = atoms.get_angle(i, j, k), atoms.get_angle(j, k, l)
                        if max(angles) < straight:
                            value = atoms.get_dihedral(i, j, k, l)
                            add("dihedral", z[[i, j, k, l]], min(value, 360 - value))
    return {kind: {c: np.sort(v) for c, v in codes.items()} for kind, codes in found.items()}


def test_measures_are_those_of_ase():
    measured = measures(MOLECULES)
    for i, atoms in enumerate(MOLECULES):
        for kind, expected in expected_measures(atoms).items():
            ours = by_elements(measured[kind], i)
            assert ours.keys() == expected.keys()
            for code, values in expected.items():
                np.testing.assert_allclose(ours[code], values, atol=1e-5)
    assert measured["dihedral"].value.size > 50


def test_water_by_hand():
    model = HDAD().fit([molecule("H2O")])
    assert list(model.features_.kind) == ["distance", "distance", "angle"]
    assert list(model.features_.elements) == ["H-H", "H-O", "H-O-H"]
    np.testing.assert_allclose(model.transform([molecule("H2O")]), [[1, 2, 1]])
    centres = [*molecule("H2O").get_distances(0, [1])]
    assert model.features_.centre[1] == pytest.approx(centres[0], abs=0.02)
    assert model.get_feature_names_out()[2].startswith("angle|H-O-H|10")


def test_a_value_between_two_centres_counts_for_both():
    pairs = [Atoms("CO", [[0, 0, 0], [r, 0, 0]]) for r in (1.0, 2.0)]
    model = HDAD(("distance",), distance_width=0.01).fit(pairs)
    low, high = model.features_.centre
    between = [Atoms("CO", [[0, 0, 0], [r, 0, 0]]) for r in (low, 0.75 * low + 0.25 * high, 0.4, 9)]
    np.testing.assert_allclose(
        model.transform(between), [[1, 0], [0.75, 0.25], [1, 0], [0, 1]], atol=1e-9
    )


def test_parts_of_the_molecules_give_what_all_give(monkeypatch):
    model = HDAD().fit(MOLECULES)
    counts = model.transform(MOLECULES)
    monkeypatch.setattr(module, "_CHUNK", 40)
    np.testing.assert_array_equal(model.transform(MOLECULES), counts)
    np.testing.assert_array_equal(HDAD().fit_transform(MOLECULES), counts)


def test_a_molecule_too_large_for_the_memory_is_refused():
    grid = np.stack(np.meshgrid(*[np.arange(25.0)] * 3), axis=-1).reshape(-1, 3)
    with pytest.raises(ValueError, match=r"needs 18.3 GB for its 122,062,500 pairs of atoms, over"):
        HDAD().fit([Atoms(f"C{len(grid)}", 1.5 * grid)])


def test_every_value_counts_as_one_and_features_are_continuous():
    model = HDAD().fit(MOLECULES)
    counts = model.transform(MOLECULES)
    n_atoms = np.array([len(atoms) for atoms in MOLECULES])
    distances = counts[:, model.features_.kind == "distance"].sum(1)
    np.testing.assert_allclose(distances, n_atoms * (n_atoms - 1) / 2)
    moved = [atoms.copy() for atoms in MOLECULES]
    for atoms in moved:
        atoms.rattle(1e-6, seed=1)
    assert np.abs(model.transform(moved) - counts).max() < 1e-3


def test_invariant_to_motion_and_order():
    rng = np.random.default_rng(0)
    model = HDAD().fit(MOLECULES)
    for atoms in MOLECULES:
        order = rng.permutation(len(atoms))
        positions = atoms.positions @ Rotation.random(rng=rng).as_matrix() + [5.0, -3.0, 1.0]
        moved = Atoms(atoms.numbers[order], positions[order])
        np.testing.assert_allclose(
            model.transform([moved]), model.transform([atoms]), rtol=0, atol=1e-6
        )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_two_molecules_apart_share_distances_alone(seed):
    rng = np.random.default_rng(seed)
    one, other = (MOLECULES[k] for k in rng.integers(0, len(MOLECULES), 2))
    far = other.copy()
    far.translate([100.0, 0, 0])
    model = HDAD(("angle", "dihedral")).fit(MOLECULES)
    np.testing.assert_allclose(
        model.transform([one + far])[0], model.transform([one, other]).sum(0), atol=1e-6
    )


def test_bins_come_from_the_training_molecules_alone():
    """What a molecule's features are does not depend on the others transformed with it."""
    model = HDAD().fit(MOLECULES[:3])
    together = model.transform([*MOLECULES[:3], molecule("CH3OH")])
    np.testing.assert_array_equal(model.transform([molecule("CH3OH")])[0], together[3])
    np.testing.assert_array_equal(model.transform(MOLECULES[:3]), together[:3])


def test_tuples_of_known_elements_that_were_not_met_are_left_out():
    model = HDAD().fit([molecule("CO2"), molecule("H2O")])
    assert "C-H" not in set(model.features_.elements)
    counts = model.transform([molecule("CH4")])
    assert counts[:, model.features_.elements == "H-H"].sum() == 6
    assert counts.sum() == 6


def test_learns_more_than_the_composition():
    every = load_molecules()
    order = np.random.default_rng(0).permutation(len(every))
    training, test = every.subset(order[:400]), every.subset(order[400:600])
    errors = []
    for dictionary in (HDAD(), Composition()):
        features = dictionary.fit_transform(training.atoms)
        model = KernelRegression("gaussian").fit(features, training.energies)
        errors.append(model.predict(dictionary.transform(test.atoms)) - test.energies)
    ours, theirs = (np.abs(error).mean() for error in errors)
    assert ours < 0.65 * theirs


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kinds": ("bond",)}, "kinds must be some of distance, angle, dihedral, not"),
        ({"kinds": ()}, "kinds must be some of"),
        ({"kinds": "angle"}, "kinds must be some of .* not 'angle'"),
        ({"angle_width": 0.0}, "angle_width must be a positive number, not 0.0"),
        ({"bond_factor": np.nan}, "bond_factor must be a positive number, not nan"),
    ],
)
def test_impossible_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        HDAD(**parameters).fit(MOLECULES)


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
        HDAD().fit(MOLECULES).transform(bad)


def test_single_atoms_have_nothing_to_count():
    with pytest.raises(ValueError, match="no distance and no angle and no dihedral: there is"):
        HDAD().fit([molecule("H"), molecule("O")])
    counts = HDAD().fit(MOLECULES).transform([molecule("O")])
    assert not counts.any()
