"""Result records: a round trip, atomic writing, corrupt files, folders."""

import json
import os

import pytest

from appkit.experiments import files
from appkit.experiments.result import (
    Details,
    RecordError,
    Result,
    Row,
    Spread,
    details_of,
    latest,
    load,
    results,
    save,
)


def record(dataset="embedded", date="2026-01-01T00:00:00+00:00", rows=("wavelet",), **parameters):
    return Result(
        experiment="planar-energy",
        dataset=dataset,
        checksum="0" * 64,
        protocol="five folds",
        parameters={"seed": 0, **parameters},
        rows=[
            Row(
                name=name,
                label=name.title(),
                mae=Spread(3.2, 0.1),
                rmse=Spread(4.5, 0.2),
                terms=None if name == "coulomb" else Spread(107.0, 41.0),
                folds=[{"fold": 0, "mae": 3.2, "rmse": 4.5}],
                n_molecules=454,
                n_features=60,
                seconds={"features": 1.0, "regression": 2.0},
            )
            for name in rows
        ],
        published=[{"row": "wavelet", "source": "talk", "rmse": 15.4}],
        machine={"cpus": 2},
        versions={"python": "3.11"},
        commit=None,
        seconds=3.0,
        date=date,
    )


def test_round_trip(tmp_path):
    details = Details(energies=[-1.0], folds=[0], predictions={"wavelet": [-1.5]})
    result = record(rows=("wavelet", "coulomb"))
    assert load(save(result, details, tmp_path)) == result
    assert details_of(result, [tmp_path]) == details


def test_same_run_replaces_its_record_and_another_does_not(tmp_path):
    save(record(), folder=tmp_path)
    save(record(date="2026-01-02T00:00:00+00:00"), folder=tmp_path)
    save(record(seed=1), folder=tmp_path)
    assert [r.date[:10] for r in results(folders=[tmp_path])] == ["2026-01-01", "2026-01-02"]


def test_filters_and_latest(tmp_path):
    save(record(rows=("wavelet", "coulomb")), folder=tmp_path)
    save(record(seed=1, date="2026-01-02T00:00:00+00:00"), folder=tmp_path)
    save(record("qm7_2d"), folder=tmp_path)
    assert len(results("planar-energy", "embedded", folders=[tmp_path])) == 2
    assert results("another", folders=[tmp_path]) == []
    newest = latest("planar-energy", "embedded", folders=[tmp_path])
    assert newest.parameters["seed"] == 1
    whole = latest("planar-energy", "embedded", rows=["coulomb"], folders=[tmp_path])
    assert whole.parameters["seed"] == 0
    assert latest("planar-energy", "qm_2d", folders=[tmp_path]) is None


def test_failed_write_leaves_the_old_record(tmp_path):
    path = save(record(), folder=tmp_path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="Out of range float"):
        files.write_json(path, {"rmse": float("nan")})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda text: text[: len(text) // 2], "JSON|Expecting|Unterminated"),
        (lambda text: "[]", "format 1"),
        (lambda text: json.dumps({"format": 99}), "format 1"),
        (lambda text: json.dumps({"format": 1}), "rows"),
        (lambda text: text.replace('"sd": 0.2', '"sd": NaN'), "not finite"),
        (lambda text: text.replace('"date": "2026', '"date": "soon'), "isoformat"),
    ],
)
def test_corrupt_record_is_named_and_can_be_passed_over(tmp_path, damage, why):
    save(record(seed=1), folder=tmp_path)
    path = save(record(), folder=tmp_path)
    path.write_text(damage(path.read_text()))
    with pytest.raises(RecordError, match=why) as caught:
        results(folders=[tmp_path])
    assert str(path) in str(caught.value)
    assert "delete it" in str(caught.value)
    reported = []
    assert len(results(folders=[tmp_path], on_error=reported.append)) == 1
    assert len(reported) == 1


def test_corrupt_companion_is_named(tmp_path):
    result = record()
    path = save(result, Details(energies=[], folds=[]), tmp_path)
    companion = path.with_name(path.stem + ".details.json")
    companion.write_text("{}")
    with pytest.raises(RecordError, match=r"details\.json"):
        details_of(result, [tmp_path])


def test_new_records_go_where_they_may(tmp_path, monkeypatch):
    monkeypatch.setenv("APPKIT_RESULTS", str(tmp_path / "mine"))
    save(record())
    assert [r.dataset for r in results("planar-energy", "embedded")][-1:] == ["embedded"]
    assert (tmp_path / "mine" / record().filename).is_file()
    monkeypatch.delenv("APPKIT_RESULTS")
    monkeypatch.setattr(files, "source_checkout", lambda: None)
    monkeypatch.setattr(files.platformdirs, "user_data_dir", lambda *a, **k: str(tmp_path / "user"))
    assert files.results_folder() == tmp_path / "user" / "results"
    monkeypatch.setattr(files, "source_checkout", lambda: tmp_path)
    assert files.results_folder() == files.PACKAGED_RESULTS


def test_unwritable_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"cannot write result records .*file"):
        save(record(), folder=tmp_path / "file")
