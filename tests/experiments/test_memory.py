"""The memory budget."""

import pytest

from appkit.experiments import memory


def test_over_budget_is_refused_with_both_numbers(monkeypatch):
    monkeypatch.setenv("APPKIT_MEMORY_GB", "6")
    memory.require(int(5.9e9), "a grid", "take a larger step")
    with pytest.raises(memory.OverBudget, match=r"a grid needs 60\.0 GB .* budget is 6\.0 GB"):
        memory.require(int(60e9), "a grid", "take a larger step")


@pytest.mark.parametrize("named", ["much", "-1", "0", "nan"])
def test_bad_budget_is_named(monkeypatch, named):
    monkeypatch.setenv("APPKIT_MEMORY_GB", named)
    with pytest.raises(ValueError, match=f"APPKIT_MEMORY_GB is '{named}'"):
        memory.budget()


def test_budget_without_a_name_is_what_the_machine_has(monkeypatch):
    monkeypatch.delenv("APPKIT_MEMORY_GB", raising=False)
    assert 0 < memory.budget() < 1e15
