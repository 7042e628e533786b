"""Records that agree in all but their rows are one table; others are not mixed with them."""

from dataclasses import replace

import pytest

from appkit.experiments import Details, solid_tables
from appkit.experiments.joined import joined, joined_details, largest
from appkit.experiments.result import save
from tests.experiments.test_result import record


def run(rows, day, **parameters):
    given = {"molecules": 100, "rows": list(rows), "device": "cpu", "seed": 0, **parameters}
    made = record(dataset="qm9", date=f"2026-01-{day:02}T00:00:00+00:00", rows=rows)
    return replace(made, experiment="qm9-energy", parameters=given)


def details(rows, energies=(-1.0, -2.0)):
    return Details(list(energies), [0] * len(energies), {name: [-1.5, -2.5] for name in rows})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("APPKIT_RESULTS", str(tmp_path))
    return tmp_path


def test_rows_of_several_runs_stand_in_one_table_in_the_order_of_the_experiment(folder):
    for made in (run(["soap", "linear"], 1), run(["kernel"], 2, device="cuda")):
        save(made, details(made.parameters["rows"]), folder)
    (result,) = solid_tables.newest("qm9-energy", folder)
    assert [row.name for row in result.rows] == ["linear", "kernel", "soap"]
    assert result.parameters["records"] == ["2026-01-01", "2026-01-02"]
    assert result.seconds == 6.0
    assert set(joined_details(largest("qm9-energy", folder)["qm9"]).predictions) == {
        *("linear", "kernel", "soap")
    }


@pytest.mark.parametrize(
    "other",
    [{"seed": 1}, {"molecules": 50}, {"tolerance": 1e-2}],
)
def test_other_settings_are_not_mixed_in(folder, other):
    save(run(["kernel"], 1, **other), folder=folder)
    save(run(["linear"], 2), folder=folder)
    (result,) = solid_tables.newest("qm9-energy", folder)
    assert [row.name for row in result.rows] == ["linear"]


def test_a_trial_of_one_row_does_not_take_the_place_of_the_table(folder):
    save(run(["linear"], 1), folder=folder)
    save(run(["soap"], 2), folder=folder)
    save(run(["kernel"], 3, sigma=0.4), folder=folder)
    (result,) = solid_tables.newest("qm9-energy", folder)
    assert [row.name for row in result.rows] == ["linear", "soap"]


def test_of_a_row_that_was_computed_twice_the_newer_counts():
    old, new = run(["linear", "kernel"], 1), run(["linear"], 2)
    new = replace(new, rows=[replace(new.rows[0], n_features=7)])
    assert joined([old, new]).row("linear").n_features == 7
    assert joined([old]) is old


def test_details_of_other_molecules_or_none_are_not_joined(folder):
    first, second = run(["linear"], 1), run(["kernel"], 2)
    save(first, details(["linear"]), folder)
    save(second, folder=folder)
    assert joined_details([first, second]) is None
    save(second, details(["kernel"], energies=[-1.0, -3.0]), folder)
    assert joined_details([first, second]) is None
