"""The digest of a transformer's code: what it reaches by imports, and nothing else."""

import pytest
from experiment_fakes import PairPowers

from appkit.energy import CoulombMatrix, PlanarScattering, SolidHarmonicScattering
from appkit.experiments import code


def reached(transformer):
    return {name.removeprefix("appkit.") for name in code._reached(transformer)}


def test_reached_modules_are_those_that_the_features_need():
    solid = reached(SolidHarmonicScattering)
    assert {
        "energy.solid_harmonic",
        "energy.bonds",
        "scattering.solid_harmonic",
        "scattering.harmonics",
        "scattering.powers",
    } <= solid
    assert "energy.coulomb_matrix" not in solid
    assert "scattering.planar" in reached(PlanarScattering)
    assert "scattering.planar" not in reached(CoulombMatrix)
    assert reached(PairPowers) == {"experiment_fakes"}


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A class in a module of its own, and a function that writes it again and digests it."""
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "digested.py"
    path.write_text("class Features:\n    value = 1\n")
    from digested import Features

    def digest(text):
        path.write_text(text)
        code.code_version.cache_clear()
        return code.code_version(Features)

    yield digest
    code.code_version.cache_clear()


def test_a_changed_value_changes_the_digest_and_a_comment_does_not(module):
    before = module("class Features:\n    value = 1\n")
    assert len(before) == 64
    assert module('class Features:\n    """Words."""\n\n    value = 1  # more\n') == before
    assert module("class Features:\n    value = 2\n") != before


def test_a_class_without_a_source_is_still_digested():
    assert len(code.code_version(type("Made", (), {"__module__": "__main__"}))) == 64
