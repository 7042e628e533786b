"""QM7's table, QM9's learning curves and locality on a few small molecules."""

import re
import threading

import numpy as np
import pytest
from experiment_fakes import molecules

from appkit import cli
from appkit.data import MoleculeSet
from appkit.energy import SOAPKernel
from appkit.experiments import (
    curve,
    job,
    locality,
    qm7_energy,
    qm9_energy,
    solid_rows,
    solid_tables,
    tables,
)
from appkit.experiments.compute import Cancelled
from appkit.experiments.curve import Split
from appkit.experiments.result import details_of, results
from appkit.experiments.solid_rows import ROWS
from appkit.memory import OverBudget

SMALL = {
    "J": 1,
    "L": 1,
    "joint": (1, 1),
    "models": 2,
    "powers": (1, 2),
    "tolerance": 0.02,
    "channels": ("nuclear",),
}
RUN = SMALL | {"workers": 0}


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("APPKIT_FEATURES", str(tmp_path / "features"))
    monkeypatch.setenv("APPKIT_RESULTS", str(tmp_path / "results"))


def clusters(n=40, name="clusters"):
    """Random clusters whose energy is a pair sum: something that can be learned."""
    atoms = molecules(n)
    pairs = [np.outer(x.numbers, x.numbers) * np.exp(-x.get_all_distances()) for x in atoms]
    energies = np.array([-p.sum() for p in pairs])
    labels = [x.get_chemical_formula() for x in atoms]
    return MoleculeSet(name, atoms, energies, np.arange(n) % 4, labels, "0" * 64, "none")


def test_rows_of_qm7_are_computed_by_the_folds():
    data = clusters()
    result = qm7_energy.run(data, rows=["linear", "kernel", "coulomb"], **RUN)
    assert [row.name for row in result.rows] == ["linear", "kernel", "coulomb"]
    assert results("qm7-energy", "clusters") == [result]
    details = details_of(result)
    for row in result.rows:
        predicted = np.array(details.predictions[row.name])
        errors = np.abs(predicted - data.energies)
        by_fold = [errors[data.folds == k].mean() for k in range(4)]
        assert row.mae.mean == pytest.approx(np.mean(by_fold), abs=1e-3)
        assert row.mae.mean < data.energies.std()
    assert result.parameters["sigma"] == 0.25
    assert "Coulomb" in qm7_energy.report(result)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_every_row_learns_something(name):
    data = clusters(60)
    given = {"rows": [name], "bags": 2}
    row = qm7_energy.run(data, **(RUN | given)).row(name)
    assert row.mae.mean < data.energies.std()


def test_rows_that_were_computed_are_not_computed_again(monkeypatch):
    first = qm7_energy.run(clusters(), rows=["linear"], **RUN)
    predictions = details_of(first).predictions
    monkeypatch.setattr(job, "evaluate", lambda *given, **more: pytest.fail("fitted again"))
    again = qm7_energy.run(clusters(), rows=["linear"], **RUN)
    assert again.row("linear") == first.row("linear")
    assert details_of(again).predictions == predictions
    with pytest.raises(pytest.fail.Exception, match="fitted again"):
        qm7_energy.run(clusters(), rows=["kernel"], **RUN)


def test_a_mean_of_rows_takes_their_fits():
    data = clusters()
    names = ["joint-trilinear", "joint-kernel", "joint-mean"]
    details = details_of(qm7_energy.run(data, rows=names, **RUN))
    one, other, both = (np.array(details.predictions[name]) for name in names)
    assert both == pytest.approx((one + other) / 2, abs=2e-3)
    curve = qm9_energy.run(data, rows=names, **RUN)
    told = details_of(curve).predictions
    one, other, both = (np.array(told[name]) for name in names)
    assert both == pytest.approx((one + other) / 2, abs=2e-3)
    assert curve.row("joint-mean").n_features == curve.row("joint-kernel").n_features


def test_the_time_is_told_before_anything_is_computed(monkeypatch):
    monkeypatch.setattr("appkit.energy.cost.operations_per_second", lambda: 3e6)
    told = []
    qm7_energy.run(clusters(), rows=["linear"], progress=lambda *now: told.append(now), **RUN)
    assert re.match(r"linear: batches of 16 molecules, about [\d,]+ min on one core", told[0][0])


def test_locality_has_a_row_for_each_scale_and_more_features_in_each():
    result = locality.run(clusters(), rows=["linear"], **RUN)
    assert [row.name for row in result.rows] == ["linear|j=0", "linear|j=1"]
    few, more = (row.n_features for row in result.rows)
    n_composition = few - (2 + 2 * 2)  # order 0, and two degrees at one scale, of two powers
    assert more - n_composition == 2 + 2 * 2 * 3
    alone = qm7_energy.run(clusters(), rows=["linear"], **RUN).row("linear")
    assert result.rows[-1].mae == alone.mae
    assert "scales up to 0.5 Å" in locality.report(result)


class TestLearningCurves:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch):
        monkeypatch.setattr(curve, "SIZES", (8, 16))
        monkeypatch.setattr(curve, "EDGES", (15, 30, 45))

    def test_training_sets_are_nested_and_never_tested_on(self):
        data = clusters(50)
        for seed in (0, 1):
            few, many = Split.drawn(data, 20, seed), Split.drawn(data, 40, seed)
            assert few.n_test == 4
            assert many.sizes() == [8, 16, 32]
            assert many.sizes(most=16) == [8, 16]
            drawn = [id(x) for x in many.molecules.atoms]
            assert drawn[:20] == [id(x) for x in few.molecules.atoms]
            assert len(set(drawn)) == 40

    def test_a_curve_has_an_error_for_each_size(self):
        data = clusters(50)
        result = qm9_energy.run(data, rows=["linear", "coulomb"], **RUN)
        details = details_of(result)
        assert details.curves["linear"]["n_train"] == [8, 16, 40]
        row, truth = result.row("linear"), np.array(details.energies)
        assert len(truth) == 10
        errors = np.abs(np.array(details.predictions["linear"]) - truth)
        assert row.mae.mean == pytest.approx(errors.mean(), abs=1e-3)
        assert row.mae.sd == pytest.approx(errors.std() / np.sqrt(10), abs=1e-3)
        assert [fold["n_train"] for fold in row.folds] == [8, 16, 40]
        assert row.folds[-1]["mae"] == pytest.approx(row.mae.mean, abs=1e-3)
        text = qm9_energy.report(result)
        assert "16" in text.splitlines()[1].split()

    def test_a_matrix_is_as_wide_as_the_largest_molecule_of_all(self, monkeypatch):
        monkeypatch.setattr(curve, "EDGES", (1,))
        data = clusters(50)
        sizes = [len(atoms) for atoms in Split.drawn(data, None, 0).molecules.atoms]
        assert sizes[0] < max(sizes)
        result = qm9_energy.run(data, rows=["coulomb"], **RUN)
        width = max(sizes) * (max(sizes) + 1) // 2
        assert result.row("coulomb").n_features == len(job.ELEMENTS) + width

    def test_a_row_may_end_before_the_others(self, monkeypatch):
        monkeypatch.setattr(solid_rows, "MOST_POINTS", 16)
        result = qm9_energy.run(clusters(50), rows=["linear", "coulomb"], **RUN)
        assert details_of(result).curves["coulomb"]["n_train"] == [8, 16]
        assert result.row("coulomb").note == "trained on 16"

    @pytest.mark.parametrize("stage", ["linear: batches", "linear: training sets"])
    def test_a_stopped_run_goes_on_and_more_molecules_take_what_fewer_had(self, stage, tmp_path):
        cancel = threading.Event()

        def progress(at, done, total):
            if at.startswith(stage) and done == 1:
                cancel.set()

        data = clusters(50)
        with pytest.raises(Cancelled):
            qm9_energy.run(data, rows=["linear"], progress=progress, cancel=cancel, **RUN)
        kept = stores(tmp_path)
        seen = []
        whole = qm9_energy.run(
            data, rows=["linear"], progress=lambda at, done, n: seen.append((at, done)), **RUN
        )
        assert kept <= stores(tmp_path)
        computed = [done for at, done in seen if at.startswith("linear: batches") and done]
        assert len(computed) == (3 if "batches" in stage else 0)  # of four blocks of one batch
        before = stores(tmp_path)
        qm9_energy.run(data, molecules=30, rows=["linear"], **RUN)
        assert {p for p in stores(tmp_path) if p.suffix == ".zarr"} <= before
        assert whole.row("linear").folds

    def test_fits_are_not_repeated(self, monkeypatch):
        data = clusters(50)
        first = qm9_energy.run(data, rows=["linear"], **RUN)
        monkeypatch.setattr(curve, "clone", lambda model: pytest.fail("fitted again"))
        again = qm9_energy.run(data, rows=["linear"], **RUN)
        assert again.row("linear").folds == first.row("linear").folds

    @pytest.mark.parametrize("n", [3, 51])
    def test_a_number_of_molecules_that_cannot_be_drawn(self, n):
        with pytest.raises(ValueError, match=f"needs 10 to 50 molecules of clusters, not {n}"):
            qm9_energy.run(clusters(50), molecules=n, **RUN)


def stores(folder):
    return set((folder / "features").glob("*.zarr")) | set((folder / "features").glob("fits/*"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"channels": ("spin",)}, "Unknown channel spin"),
        ({"sigma": -1.0}, "σ must be a positive length"),
        ({"J": -1}, "J must be a whole number from 0 up"),
        ({"rows": ["linea"]}, "rows are linear, .*; not linea"),
        ({"bags": 0}, "bags must be a whole number above zero"),
        ({"terms": 31}, "M = 31 terms are more than the 30 molecules"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"device": "quantum"}, "no device 'quantum' here"),
        ({"workers": -1}, "workers must be a whole number from 0 up"),
    ],
)
@pytest.mark.parametrize("experiment", [qm7_energy, locality])
def test_bad_parameters_are_refused_before_any_work(experiment, given, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        experiment.run(clusters(), **(RUN | {"rows": ["linear"]} | given))
    assert not (tmp_path / "features").exists()
    assert not (tmp_path / "results").exists()


def test_a_batch_over_the_memory_budget_is_refused_with_the_numbers(monkeypatch):
    monkeypatch.setenv("APPKIT_MEMORY_GB", "0.0001")
    with pytest.raises(OverBudget, match=r"linear dictionary of clusters at σ = 0.25 Å, .* budget"):
        qm7_energy.run(clusters(), rows=["linear"], **RUN)


def test_command_line_runs_them_and_names_what_is_wrong(monkeypatch, capsys):
    seen = {}

    def run(**given):
        seen.update(given)
        raise ValueError("enough")

    monkeypatch.setattr(qm9_energy, "run", run)
    line = "run qm9-energy --molecules 2000 --rows linear,kernel --J 2 --sigma 0.3"
    assert cli.main(line.split()) == 2
    assert seen["molecules"] == 2000
    assert seen["rows"] == ("linear", "kernel")
    assert (seen["J"], seen["sigma"]) == (2, 0.3)
    assert "appkit: enough" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["run", "qm9-energy", "--molecules", "none"])
    assert "'none' is no whole number above zero" in capsys.readouterr().err


def test_readme_shows_the_newest_record_with_the_most_molecules(tmp_path):
    qm7_energy.run(clusters(name="qm7"), rows=["linear"], **RUN)
    larger = qm7_energy.run(clusters(48, name="qm7"), rows=["linear", "coulomb"], **RUN)
    text = "<!-- table:qm7-energy -->stale<!-- /table:qm7-energy -->"
    filled = tables.fill(text, tmp_path / "results")
    assert "48 molecules" in filled
    assert "stale" not in filled
    assert "| 2.75 |" in filled  # kymatio's example
    assert "kymatio's example: MAE" in filled
    assert tables.fill(filled, tmp_path / "results") == filled
    assert len(solid_tables.table(larger)[0]) == 4


def test_a_table_that_was_never_computed_says_so(tmp_path):
    text = "<!-- table:locality --><!-- /table:locality -->"
    assert "Not yet computed." in tables.fill(text, tmp_path)


def test_the_soap_row_is_kernel_ridge_regression_beyond_the_composition():
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.linear_model import LinearRegression
    from sklearn.preprocessing import KernelCenterer

    molecules = clusters(30)
    counts = job.composition(molecules.atoms)
    features = SOAPKernel(n_max=3, l_max=2, n_landmarks=10_000).fit_transform(molecules.atoms)
    X, y = np.hstack([counts, features]), molecules.energies
    model = solid_rows.kernel_ridge(solid_rows.SolidSettings()).fit(X[:24], y[:24])
    linear = LinearRegression().fit(counts[:24], y[:24])
    kernel, centre = features @ features.T, KernelCenterer()
    dual = KernelRidge(alpha=model.model_.alpha_, kernel="precomputed")
    dual.fit(centre.fit_transform(kernel[:24, :24]), y[:24] - linear.predict(counts[:24]))
    theirs = linear.predict(counts[24:]) + dual.predict(centre.transform(kernel[24:, :24]))
    assert model.predict(X[24:]) == pytest.approx(theirs, abs=1e-4 * np.ptp(y))
