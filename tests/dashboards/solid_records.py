"""Small made-up records of QM7, QM9 and locality, on molecules that ASE knows."""

from pathlib import Path

import numpy as np
from ase.build import molecule
from ase.collections import g2

from appkit.dashboards.jobs import Task
from appkit.data import MoleculeSet
from appkit.experiments import Details, Result, Row, Spread, published, save
from appkit.experiments.curve import Split
from appkit.experiments.solid_rows import ROWS, SolidSettings

#: kcal/mol; SchNet was not computed.
ERRORS = {"linear": 3.0, "kernel": 1.0, "bagged": 2.5, "joint-kernel": 0.8, "coulomb": 4.0}
N_DRAWN, SEED = 50, 3


class Watched(Task):
    """A task whose reports are kept."""

    def __init__(self):
        self.reports = []
        super().__init__(report=lambda fraction, text: self.reports.append((fraction, text)))


def own_records(monkeypatch, folder: Path) -> None:
    """Records are written to and read from ``folder`` alone."""
    monkeypatch.setenv("APPKIT_RESULTS", str(folder))
    monkeypatch.setattr("appkit.experiments.result.PACKAGED_RESULTS", folder / "shipped")


def solid_molecules(name: str) -> MoleculeSet:
    """Sixty molecules of a few light elements; their energies are made up."""
    known = (molecule(each) for each in g2.names)
    light = [m for m in known if len(m) > 1 and {1, 6, 7, 8, 9, 16, 17}.issuperset(m.numbers)]
    atoms = light[:60]
    energies = np.array([-100.0 * len(m) - 0.1 * m.numbers.sum() for m in atoms])
    labels = [m.get_chemical_formula() for m in atoms]
    return MoleculeSet(name, atoms, energies, np.arange(60) % 5, labels, "0" * 64, "none")


def qm7() -> tuple[Result, Details]:
    """Every row's predictions; the sparse one has terms and a path."""
    whole = solid_molecules("qm7")
    rows = [_row(name, error, len(whole)) for name, error in ERRORS.items()]
    term = {"name": "valence|j=1|l=2|q=1", "channel": "valence", "order": 1, "j": 1.0, "l": 2.0}
    details = Details(
        whole.energies.tolist(),
        whole.folds.tolist(),
        _predictions(whole.energies),
        terms={"bagged": [term | {"q": 1.0, "weight": -50.0}]},
        paths={"bagged": {"terms": [1, 2, 4], "rmse_mean": [30, 9, 4], "rmse_sd": [3, 1, 0.5]}},
    )
    return _result("qm7-energy", whole, rows), details


def qm7_locality() -> Result:
    """Errors that fall to a third with each scale."""
    rows = [
        _row(name, error, 60, label=f"{name}|j={j}")
        for name, errors in {"linear": (27.0, 9.0, 3.0), "kernel": (9.0, 3.0, 1.0)}.items()
        for j, error in enumerate(errors)
    ]
    return _result("locality", solid_molecules("qm7"), rows)


def qm9() -> tuple[Result, Details]:
    """Learning curves on 20 and 40 of 50 drawn molecules; ten are tested on."""
    whole = solid_molecules("qm9")
    split = Split.drawn(whole, N_DRAWN, SEED)
    tested = split.molecules.energies[: split.n_test]
    curves, rows = {}, []
    for name, error in ERRORS.items():
        maes = [2 * error, error]
        curves[name] = {"n_train": [20, 40], "mae": maes, "rmse": maes, "seconds": [1.0, 2.0]}
        folds = [{"n_train": n, "mae": mae} for n, mae in zip((20, 40), maes, strict=True)]
        rows.append(_row(name, error, N_DRAWN, folds=folds))
    details = Details(tested.tolist(), [0] * split.n_test, _predictions(tested), curves=curves)
    return _result("qm9-energy", whole, rows, molecules=N_DRAWN, seed=SEED), details


def write_solid_records(folder: Path | None = None) -> None:
    """All three, where records go or in ``folder``."""
    for record in (qm7(), qm9(), (qm7_locality(), None)):
        save(*record, folder)


def _row(name: str, error: float, n: int, *, label: str = "", folds: tuple | list = ()) -> Row:
    return Row(
        name=label or name,
        label=label or ROWS[name].label,
        mae=Spread(error, 0.1),
        rmse=Spread(1.6 * error, 0.2),
        terms=Spread(2, 1) if name == "bagged" else None,
        folds=list(folds),
        n_molecules=n,
        n_features=300,
        seconds={"features (one core)": 1860.0, "regression": 62.0},
    )


def _predictions(energies: np.ndarray) -> dict[str, list[float]]:
    rng = np.random.default_rng(0)
    return {
        name: (energies + rng.normal(0, error, len(energies))).tolist()
        for name, error in ERRORS.items()
    }


def _result(experiment: str, whole: MoleculeSet, rows: list[Row], **given: int) -> Result:
    return Result(
        experiment=experiment,
        dataset=whole.name,
        checksum=whole.checksum,
        protocol="Made up for a test.",
        parameters=SolidSettings().parameters() | {"molecules": len(whole)} | given,
        rows=rows,
        published=published.energies(whole.name) if experiment != "locality" else [],
        machine={},
        versions={},
        commit=None,
        seconds=1.0,
        date="2099-01-02T00:00:00+00:00",
    )
