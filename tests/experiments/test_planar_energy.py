"""The experiment of the planar energies on a few small molecules: laws, records, bad input."""

import os
import threading

import numpy as np
import pytest
import torch
from ase import Atoms
from experiment_fakes import molecules

from appkit import cli
from appkit.data import MoleculeSet
from appkit.experiments import planar_energy, tables
from appkit.experiments.compute import Cancelled
from appkit.experiments.planar_rows import OVERLAP, ROWS, apart, settings_for
from appkit.experiments.result import details_of, results
from appkit.experiments.store import FeatureStore, feature_key
from appkit.memory import OverBudget

SMALL = {"rows": ["wavelet", "scattering"], "J": 2, "L": 4, "step": 0.3, "bags": 2, "workers": 0}


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("APPKIT_FEATURES", str(tmp_path / "features"))
    monkeypatch.setenv("APPKIT_RESULTS", str(tmp_path / "results"))


def clusters(n=40, overlap=False):
    """Random planar clusters whose energy is a pair sum: something that can be learned."""
    atoms = molecules(n)
    if overlap:
        atoms[0] = Atoms("CO", positions=[[0, 0, 0], [OVERLAP - 0.01, 0, 0]])
    pairs = [np.outer(x.numbers, x.numbers) * np.exp(-x.get_all_distances()) for x in atoms]
    energies = np.array([-p.sum() for p in pairs])
    labels = [x.get_chemical_formula() for x in atoms]
    return MoleculeSet("clusters", atoms, energies, np.arange(n) % 4, labels, "0" * 64, "none")


def test_record_holds_what_was_run_and_what_a_page_plots(tmp_path):
    data, stages = clusters(), []
    result = planar_energy.run(
        data, progress=lambda stage, done, total: stages.append((stage, done, total)), **SMALL
    )
    assert [row.name for row in result.rows] == ["wavelet", "scattering"]
    assert result.parameters["J"] == 2
    assert results("planar-energy", "clusters") == [result]
    assert ("scattering: folds", 4, 4) in stages
    details = details_of(result)
    row = result.row("scattering")
    assert row.n_molecules == 40
    assert [fold["n_test"] for fold in row.folds] == [10] * 4
    predicted = np.array(details.predictions["scattering"])
    by_fold = [
        np.sqrt(np.mean((predicted - data.energies)[data.folds == k] ** 2)) for k in range(4)
    ]
    np.testing.assert_allclose([fold["rmse"] for fold in row.folds], by_fold, atol=1e-3)
    assert row.rmse.mean == pytest.approx(np.mean(by_fold), abs=1e-3)
    first = details.terms["scattering"][0]
    assert {"name", "channel", "q", "weight", "rmse"} <= first.keys()
    errors = [abs(worst["error"]) for worst in details.residuals["scattering"]]
    assert errors == sorted(errors, reverse=True)
    path = details.paths["wavelet"]
    assert path["terms"][0] == 1
    assert len(path["terms"]) == len(path["rmse_mean"]) == len(path["rmse_sd"])
    assert np.all(np.diff(path["train_rmse_mean"]) <= 1e-9)
    assert "Scattering" in planar_energy.report(result)


def test_same_seed_gives_the_same_record_and_features_are_kept():
    first = planar_energy.run(clusters(), **SMALL)
    counts = []
    again = planar_energy.run(
        clusters(), progress=lambda stage, done, total: counts.append(stage), **SMALL
    )
    assert [row.rmse for row in again.rows] == [row.rmse for row in first.rows]
    assert [row.folds for row in again.rows] == [row.folds for row in first.rows]
    assert not any("batches" in stage for stage in counts)
    assert len(results()) >= 1
    other = planar_energy.run(clusters(), seed=1, **SMALL)
    assert other.row("wavelet").folds != first.row("wavelet").folds


@pytest.mark.parametrize("stop_at", ["wavelet: batches", "scattering: batches", "wavelet: folds"])
def test_cancelled_run_goes_on_where_it_stopped(stop_at, tmp_path, monkeypatch):
    cancel = threading.Event()

    def progress(stage, done, total):
        if stage.startswith(stop_at) and done == 1:
            cancel.set()

    with pytest.raises(Cancelled):
        planar_energy.run(clusters(), progress=progress, cancel=cancel, **SMALL)
    assert not [r for r in results() if r.dataset == "clusters"]
    resumed = planar_energy.run(clusters(), **SMALL)
    monkeypatch.setenv("APPKIT_FEATURES", str(tmp_path / "fresh"))
    whole = planar_energy.run(clusters(), **SMALL)
    assert [row.folds for row in resumed.rows] == [row.folds for row in whole.rows]


def test_coulomb_row_stands_also_without_what_the_projection_damages():
    rows = {"rows": ["coulomb", "coulomb-apart"]}
    assert (~apart(clusters(24, overlap=True))).any()
    damaged = clusters(24, overlap=True)
    result = planar_energy.run(damaged, **rows)
    left_out = int((~apart(damaged)).sum())
    assert result.row("coulomb").n_molecules == 24
    assert result.row("coulomb-apart").n_molecules == 24 - left_out
    assert f"{left_out} of 24 molecules left out" in planar_energy.report(result)
    assert details_of(result).predictions["coulomb-apart"][0] is None
    whole = planar_energy.run(damaged.subset(apart(damaged)), **rows)
    assert [row.name for row in whole.rows] == ["coulomb"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"channels": ["core", "colour"]}, "no channel called 'colour'; channels are dirac, core"),
        ({"channels": []}, "channels must be one or more"),
        ({"J": 8}, r"J = 8 is too large .* box of 22 Å; take J up to 7"),
        ({"J": 5000}, "J = 5000 is too large"),
        ({"step": 30.0}, "J = 2 is too large for the grid"),
        ({"J": 0}, "J must be a whole number above zero, not 0"),
        ({"L": -3}, "L must be a whole number above zero, not -3"),
        ({"J": 2.5}, "J must be a whole number above zero, not 2.5"),
        ({"step": float("nan")}, "step must be a length in Å above zero, not nan"),
        ({"step": -0.1}, "step must be a length in Å above zero, not -0.1"),
        ({"terms": 31}, "M = 31 terms are more than the 30 molecules of the smallest training set"),
        ({"terms": -1}, "terms must be a whole number above zero"),
        ({"bags": 0}, "bags must be a whole number above zero"),
        ({"fraction": 1.0}, "fraction must lie between 0 and 1"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"device": "cuda:99"}, "There is no device 'cuda:99' here"),
        ({"device": "quantum"}, "There is no device 'quantum' here"),
        ({"preset": "best"}, "there is no preset called 'best'"),
        ({"rows": ["wavelets"]}, "rows are fourier, wavelet, .*; not wavelets"),
        ({"workers": -1}, "workers must be a whole number from 0 up"),
    ],
)
def test_bad_parameters_are_refused_before_any_work(given, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        planar_energy.run(clusters(), **(SMALL | given))
    assert not (tmp_path / "features").exists()
    assert not (tmp_path / "results").exists()


def test_unknown_data_set_is_named():
    with pytest.raises(ValueError, match=r"'qm8'; known: embedded"):
        planar_energy.run("qm8")


def test_grid_over_the_budget_is_refused_with_numbers(monkeypatch, tmp_path):
    monkeypatch.setenv("APPKIT_MEMORY_GB", "0.5")
    with pytest.raises(OverBudget, match=r"step 0\.001 Å.* needs .* GB .* budget is 0\.5 GB"):
        planar_energy.run(clusters(), **(SMALL | {"step": 0.001, "rows": ["scattering"]}))
    assert not (tmp_path / "features").exists()


def test_molecule_out_of_the_plane_is_named():
    data = clusters()
    data.atoms[7].positions[:] = np.random.default_rng(0).normal(size=data.atoms[7].positions.shape)
    data.atoms[7] += Atoms("C3", positions=[[1, 2, 3], [3, 1, -2], [0, 2, 5]])
    with pytest.raises(ValueError, match="not planar"):
        planar_energy.run(data, **SMALL)


def test_unwritable_results_are_named_before_the_work(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("APPKIT_RESULTS", str(tmp_path / "file"))
    with pytest.raises(ValueError, match="cannot write result records"):
        planar_energy.run(clusters(), **SMALL)
    assert not (tmp_path / "features").exists()


def test_presets_follow_the_paper_where_they_say_so():
    assert settings_for("qm7_2d").fraction == 0.9
    assert settings_for("qm_2d").fraction == settings_for("embedded").fraction == 0.8
    paper = settings_for("qm7_2d", "paper")
    assert (paper.J, paper.L, paper.step) == (9, 16, 22 / 512)
    assert settings_for("qm7_2d", "paper", J=5).J == 5
    assert paper.device == ("cuda" if torch.cuda.is_available() else "cpu")
    assert settings_for("qm7_2d", "paper", device="cpu").device == "cpu"
    same = {"preset": "default", "fraction": 0.8, "box": 22.0}
    assert all(
        getattr(settings_for(name), key) == value
        for name in ("embedded", "qm_2d")
        for key, value in same.items()
    )


def test_every_row_has_words():
    assert all(row.label and row.name == name for name, row in ROWS.items())
    assert set(tables._STANDARD) <= set(ROWS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--J", "40"], "appkit: J = 40 is too large for the grid"),
        (["--channels", "core,colour"], "appkit: there is no channel called 'colour'"),
        (["--terms", "100000"], "appkit: M = 100000 terms are more than the"),
        (["--device", "quantum"], "appkit: There is no device 'quantum' here"),
    ],
)
def test_command_line_answers_bad_input_in_one_line(arguments, message, capsys):
    assert cli.main(["run", "planar-energy", "--dataset", "embedded", *arguments]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(message)
    assert errors.count("\n") == 1


def test_command_line_says_who_writes_the_store(capsys):
    data = planar_energy.load_molecules("embedded")
    key = feature_key(data.atoms, ROWS["fourier"].dictionary(settings_for("embedded")))
    with FeatureStore(key):
        assert cli.main(["run", "planar-energy", "--dataset", "embedded"]) == 2
    assert f"is being written by process {os.getpid()} on " in capsys.readouterr().err
