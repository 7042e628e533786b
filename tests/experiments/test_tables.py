"""The README's table: made from records, the published figures marked as such."""

from dataclasses import replace

import pytest
from test_result import record

from appkit.experiments import published, tables
from appkit.experiments.planar_rows import settings_for
from appkit.experiments.result import save

README = "Before\n<!-- table:planar-energy -->\nold\n<!-- /table:planar-energy -->\nAfter\n"


def planar(dataset, **changes):
    given = {"preset": "default", "molecules": 454, "J": 7, "L": 16, "step": 0.1}
    channels = ["dirac", "core", "valence"]
    made = record(
        dataset,
        rows=("fourier", "wavelet", "coulomb", "scattering"),
        **(given | {"channels": channels} | changes),
    )
    made.published[:] = published.planar_energies(dataset)
    return made


def test_ours_stands_beside_the_talk_and_the_paper(tmp_path):
    save(planar("qm7_2d"), folder=tmp_path)
    filled = tables.fill(README, folder=tmp_path)
    assert filled.startswith("Before\n<!--")
    assert filled.endswith("-->\nAfter\n")
    assert "old" not in filled
    line = next(line for line in filled.splitlines() if line.startswith("| Scattering"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:4] == ["3.2 ± 0.1", "4.5 ± 0.2", "107 ± 41"]
    assert cells[4] == "9.0"
    assert cells[5:] == ["3.5 ± 0.2", "5.0 ± 0.6", "97 ± 45"]
    assert tables.fill(filled, folder=tmp_path) == filled


def test_a_newer_run_with_other_parameters_does_not_take_the_table(tmp_path):
    """Who plays with J in a checkout leaves the published table as it is."""
    own = settings_for("qm7_2d").parameters()
    save(planar("qm7_2d", **own), folder=tmp_path)
    save(replace(planar("qm7_2d", **own | {"J": 2}), date="2999-01-01T00:00:00"), folder=tmp_path)
    assert tables.standard_record("qm7_2d", folders=[tmp_path]).parameters["J"] == 7
    assert tables.standard_record("qm7_2d", "paper", folders=[tmp_path]) is None
    paper = settings_for("qm7_2d", "paper").parameters()
    save(planar("qm7_2d", **paper), folder=tmp_path)
    assert tables.standard_record("qm7_2d", "paper", folders=[tmp_path]).parameters["J"] == 9
    filled = tables.fill(README, folder=tmp_path)
    assert filled.count("**QM7-2D") == 2
    assert filled.index("preset default") < filled.index("preset paper")


def test_paper_is_matched_by_channels():
    row = tables.table(planar("qm7_2d", channels=["core", "valence"]), PAPER_7)[4]
    assert row[5:] == ("3.2 ± 0.1", "4.5 ± 0.2", "107 ± 41")
    row = tables.table(planar("qm7_2d", channels=["gaussian"]), PAPER_7)[4]
    assert row[5:] == ("–", "–", "–")


PAPER_7 = published.planar_energies("qm7_2d")


def test_set_that_was_never_published_on_has_our_columns_alone(tmp_path):
    text = tables.markdown("embedded", planar("embedded"))
    assert "| MAE | RMSE | M |" in text
    assert "paper" not in text


def test_published_figures_stand_where_ours_are_not_computed(tmp_path):
    filled = tables.fill(README, folder=tmp_path)
    assert filled.count("ours not yet computed") == 2
    assert "16.7" in filled
    assert "Embedded" not in filled


def test_every_published_figure_has_a_source():
    for dataset in ("qm7_2d", "qm_2d"):
        figures = published.planar_energies(dataset)
        assert {figure["source"] for figure in figures} == set(published.SOURCES)
        assert len(figures) == 12
    assert published.planar_energies("embedded") == []


@pytest.mark.parametrize("text", ["no anchors", README + README])
def test_anchors_are_needed_once(text):
    with pytest.raises(ValueError, match="one pair of anchors <!-- table:planar-energy -->"):
        tables.fill(text)


def test_command_fills_a_file_and_names_one_that_it_cannot(tmp_path, capsys):
    file = tmp_path / "README.md"
    file.write_text(README)
    assert tables.main([str(file)]) == 0
    assert "| Fourier |" in file.read_text()
    assert tables.main([str(tmp_path / "absent.md")]) == 2
    assert "absent.md" in capsys.readouterr().err
    assert tables.main([]) == 2
