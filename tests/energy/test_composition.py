"""Counting atoms, and composing the count with a dictionary."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline, make_union

from appkit.energy.composition import Composition
from appkit.energy.coulomb_matrix import CoulombMatrix
from appkit.regression import ResidualRegressor

NAMES = ("CH4", "H2O", "C2H6", "CH3OH", "CO2", "C6H6")


@pytest.fixture
def molecules():
    return [molecule(name) for name in NAMES]


def test_counts(molecules):
    model = Composition().fit(molecules)
    assert list(model.get_feature_names_out()) == ["n_H", "n_C", "n_O"]
    np.testing.assert_array_equal(model.transform(molecules)[[1, 4]], [[2, 0, 1], [0, 1, 2]])


def test_given_elements_come_in_the_order_of_their_charge(molecules):
    model = Composition(["S", "O", "C", "H"])
    assert model.fit_transform(molecules).shape == (6, 4)
    assert model.elements_ == ["H", "C", "O", "S"]


def test_baseline_of_a_residual_model(molecules):
    """An additive energy is explained by the composition alone."""
    energies = Composition().fit_transform(molecules) @ [-50.0, -120.0, -70.0]
    model = make_pipeline(
        make_union(Composition(), CoulombMatrix()),
        ResidualRegressor(LinearRegression(), Ridge(), n_baseline=3),
    )
    np.testing.assert_allclose(model.fit(molecules, energies).predict(molecules), energies)


def test_bad_input(molecules):
    with pytest.raises(ValueError, match=r"Molecule 1 \(CH4S\) contains S; .* counts H, C, O"):
        Composition().fit(molecules).transform([molecules[0], molecule("CH3SH")])
    with pytest.raises(ValueError, match="Qq: no such element"):
        Composition(["C", "Qq"]).fit(molecules)
    with pytest.raises(ValueError, match="the list is empty"):
        Composition().fit([])
    for wrong, message in (
        ([molecules[0], Atoms()], "Molecule 1 is empty"),
        ([Atoms("C", [[np.nan, 0, 0]])], "not a finite number"),
        ([Atoms("X")], "without a nuclear charge"),
        (["CO"], "Molecule 0 is a str"),
    ):
        with pytest.raises(ValueError, match=message):
            Composition(["C", "O"]).fit(wrong)
