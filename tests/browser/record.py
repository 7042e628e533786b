"""A small record of the planar-energy experiment on the embedded set, for pages to read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from appkit.dashboards import library
from appkit.experiments import Details, Result, Row, Spread, save
from appkit.experiments.planar_rows import settings_for


def write_record(folder: Path) -> Path:
    """Predictions with an error that each dictionary makes smaller; every figure is made up.

    It has the preset's parameters and a date later than that of any record in the package, since
    pages take the newest of those.
    """
    molecules = library.molecules()
    rng = np.random.default_rng(0)
    errors = {"fourier": 9.0, "wavelet": 8.0, "coulomb": 14.0, "scattering": 4.0}
    terms = np.array([1, 2, 4, 8, 16])
    rows, predictions, chosen, paths = [], {}, {}, {}
    for name, error in errors.items():
        wrong = rng.normal(0, error, len(molecules))
        predictions[name] = list(molecules.energies + wrong)
        spread = Spread(error, 0.1 * error)
        sparse = name != "coulomb"
        rows.append(
            Row(
                name=name,
                label=name.capitalize(),
                mae=spread,
                rmse=spread,
                terms=Spread(16, 2) if sparse else None,
                folds=[],
                n_molecules=len(molecules),
                n_features=60,
                seconds={"features": 1.0, "regression": 1.0},
            )
        )
        if sparse:
            rmse = error * (1 + 64.0 / terms)
            paths[name] = {
                "terms": terms.tolist(),
                "rmse_mean": rmse.tolist(),
                "rmse_sd": (0.1 * rmse).tolist(),
                "train_rmse_mean": rmse.tolist(),
            }
            chosen[name] = [
                {"name": f"valence|j={k}|q=1", "weight": 100.0 / (k + 1), "channel": "valence"}
                | {"order": 1, "j": k, "q": 1}
                for k in range(4)
            ]
    details = Details(
        energies=list(molecules.energies),
        folds=molecules.folds.tolist(),
        predictions=predictions,
        terms=chosen,
        paths=paths,
    )
    result = Result(
        experiment="planar-energy",
        dataset="embedded",
        checksum=molecules.checksum,
        protocol="Made up for a test.",
        parameters=settings_for("embedded").parameters(),
        rows=rows,
        published=[],
        machine={},
        versions={},
        commit=None,
        seconds=1.0,
        date="2099-01-01T00:00:00+00:00",
    )
    return save(result, details, folder)
