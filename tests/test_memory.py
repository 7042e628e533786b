"""The memory budget."""

import pytest

from appkit import memory


def test_over_budget_is_refused_with_both_numbers(monkeypatch):
    monkeypatch.setenv("APPKIT_MEMORY_GB", "6")
    memory.require(int(5.9e9), "a grid", "take a larger step")
    with pytest.raises(memory.OverBudget, match=r"a grid needs 60 GB .* budget is 6 GB"):
        memory.require(int(60e9), "a grid", "take a larger step")


@pytest.mark.parametrize("named", ["much", "-1", "0", "nan"])
def test_bad_budget_is_named(monkeypatch, named):
    monkeypatch.setenv("APPKIT_MEMORY_GB", named)
    with pytest.raises(ValueError, match=f"APPKIT_MEMORY_GB is '{named}'"):
        memory.budget()


def test_budget_without_a_name_is_what_the_machine_has(monkeypatch):
    monkeypatch.delenv("APPKIT_MEMORY_GB", raising=False)
    assert 0 < memory.budget() < 1e15


def test_a_limit_is_never_more_than_the_budget(monkeypatch):
    monkeypatch.setenv("APPKIT_MEMORY_GB", "2")
    assert memory.limit(int(1e9)) == int(1e9)
    assert memory.limit(int(8e9)) == int(2e9)


@pytest.mark.parametrize(
    ("n_bytes", "told"),
    [
        (16e9, "16 GB"),
        (2.86e9, "2.9 GB"),
        (1.2e13, "12,000 GB"),
        (10**400, "1e+291 GB"),
        (1e3, "1e-06 GB"),
    ],
)
def test_bytes_in_words(n_bytes, told):
    assert memory.gigabytes(n_bytes) == told
