"""Result records: what was run, the figures with their spread, and everything beside them.

A record is one JSON file. Its companion ``….details.json`` holds what a page needs to plot and a
table does not: out-of-fold predictions, selected terms, error paths. Pages, notebooks and the
README's table read these files and nothing else; no figure is typed in by hand.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from appkit.experiments.files import (
    PACKAGED_RESULTS,
    RECORDS,
    make_folder,
    results_folder,
    write_json,
)

FORMAT = 1
_DETAILS = ".details.json"


class RecordError(ValueError):
    """A record that cannot be read; the message names the file and what to do."""


@dataclass(frozen=True)
class Spread:
    """A mean and a standard deviation over folds."""

    mean: float
    sd: float


@dataclass(frozen=True)
class Row:
    """One line of the table: a dictionary and a regressor on one data set.

    Attributes
    ----------
    name, label
        The row's identifier and the words that stand in the table.
    mae, rmse
        Errors over the test folds, kcal/mol.
    terms
        M, the number of selected φ_k; None for a regressor that selects none.
    folds
        One mapping for each test fold: ``fold, n_train, n_test, mae, rmse, terms``.
    n_molecules, n_features
        Molecules in the folds; P, the size of the dictionary.
    seconds
        What it took: ``features`` and ``regression``.
    note
        What a reader must know, such as molecules left out.
    """

    name: str
    label: str
    mae: Spread
    rmse: Spread
    terms: Spread | None
    folds: list[dict[str, Any]]
    n_molecules: int
    n_features: int
    seconds: dict[str, float]
    note: str = ""


@dataclass(frozen=True)
class Result:
    """What an experiment returns.

    ``published`` are the talk's and the paper's figures for the same table, each marked with its
    ``source``; ours are in ``rows``.
    """

    experiment: str
    dataset: str
    checksum: str
    protocol: str
    parameters: dict[str, Any]
    rows: list[Row]
    published: list[dict[str, Any]]
    machine: dict[str, Any]
    versions: dict[str, str]
    commit: str | None
    seconds: float
    date: str
    format: int = FORMAT

    @property
    def key(self) -> str:
        """Eight digits of the hash of data and parameters: the same run has the same key."""
        what = [self.experiment, self.dataset, self.checksum, self.parameters]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:8]

    @property
    def filename(self) -> str:
        """The record's file; a repetition of the same run replaces it."""
        return f"{self.experiment}.{self.dataset}.{self.key}.json"

    def row(self, name: str) -> Row:
        """The row called ``name``; KeyError where the record has none."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)


@dataclass(frozen=True)
class Details:
    """The companion of a record: what a page plots.

    Attributes
    ----------
    energies, folds
        Of all molecules, in the data set's order (kcal/mol; 0-based).
    predictions
        For each row, the out-of-fold predictions (kcal/mol); None for a molecule left out.
    terms
        For each row that selects, its first φ_k fitted on all molecules: ``name``, ``weight``,
        and the columns of the dictionary's frame.
    residuals
        For each row, the molecules with the largest errors.
    paths
        For each dictionary, plain least squares without bags: ``terms`` (M), ``rmse_mean``,
        ``rmse_sd`` on the test folds and ``train_rmse_mean``.
    curves
        For each row of a learning curve: ``n_train``, ``mae``, ``rmse`` (kcal/mol), ``seconds``.
    """

    energies: list[float]
    folds: list[int]
    predictions: dict[str, list[float | None]] = field(default_factory=dict)
    terms: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    residuals: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    paths: dict[str, dict[str, Any]] = field(default_factory=dict)
    curves: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    format: int = FORMAT


def save(result: Result, details: Details | None = None, folder: Path | None = None) -> Path:
    """Write the record (and its companion first); returns the record's path.

    Each file is written beside its place and renamed, so that a reader sees the old record or the
    new one and never half of one.
    """
    folder = make_folder(folder or results_folder(), RECORDS)
    path = folder / result.filename
    if details is not None:
        write_json(_companion(path), asdict(details), compact=True)
    write_json(path, asdict(result))
    return path


def load(path: Path) -> Result:
    """Read one record.

    Raises
    ------
    RecordError
        The file is missing, is not JSON, or is not a record of this format.
    """
    content = _read(path)
    try:
        rows = [_row(row) for row in content.pop("rows")]
        result = Result(rows=rows, **content)
        datetime.fromisoformat(result.date)
        return result
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise _unreadable(path, str(error)) from error


def load_details(path: Path) -> Details:
    """Read the companion file at ``path``; RecordError as for `load`."""
    content = _read(path)
    try:
        return Details(**content)
    except TypeError as error:
        raise _unreadable(path, str(error)) from error


def results(
    experiment: str | None = None,
    dataset: str | None = None,
    *,
    folders: Iterable[Path] | None = None,
    on_error: Callable[[RecordError], None] | None = None,
) -> list[Result]:
    """All records, oldest first: those shipped in the package and those in the user's folder.

    Parameters
    ----------
    experiment, dataset
        Keep only these.
    folders
        Look here instead.
    on_error
        Called with each unreadable record, which is then passed over; without it the first
        one raises. (A page reports it and goes on.)
    """
    if folders is None:
        folders = (PACKAGED_RESULTS, results_folder())
    found: dict[str, Result] = {}
    for path in _records(folders):
        try:
            result = load(path)
        except RecordError as error:
            if on_error is None:
                raise
            on_error(error)
            continue
        newer = path.name not in found or found[path.name].date <= result.date
        if newer and experiment in (None, result.experiment) and dataset in (None, result.dataset):
            found[path.name] = result
    return sorted(found.values(), key=lambda result: result.date)


def latest(
    experiment: str,
    dataset: str,
    *,
    rows: Iterable[str] = (),
    parameters: Mapping[str, Any] = MappingProxyType({}),
    folders: Iterable[Path] | None = None,
) -> Result | None:
    """The newest record with these ``parameters``, of those that have all of ``rows`` if any has.

    None where no record has the parameters.
    """
    records = [
        record
        for record in results(experiment, dataset, folders=folders)
        if all(record.parameters.get(name) == value for name, value in parameters.items())
    ]
    wanted = set(rows)
    whole = [record for record in records if wanted <= {row.name for row in record.rows}]
    return next(reversed(whole or records), None)


def details_of(result: Result, folders: Iterable[Path] | None = None) -> Details | None:
    """The companion of a record, from the folder in which it lies; None where it has none."""
    for folder in folders or (results_folder(), PACKAGED_RESULTS):
        path = folder / result.filename
        if path.is_file() and _companion(path).is_file() and load(path).date == result.date:
            return load_details(_companion(path))
    return None


def _companion(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".json") + _DETAILS)


def _records(folders: Iterable[Path]) -> list[Path]:
    """The record files, each folder once, companions and half-written files left out."""
    paths = {
        path.resolve()
        for folder in folders
        if folder.is_dir()
        for path in folder.glob("[!.]*.json")
        if not path.name.endswith(_DETAILS)
    }
    return sorted(paths)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _unreadable(path, f"it is not of format {FORMAT}")
    return content


def _row(content: dict[str, Any]) -> Row:
    mae, rmse, terms = (content.pop(name) for name in ("mae", "rmse", "terms"))
    return Row(
        mae=_spread(mae),
        rmse=_spread(rmse),
        terms=None if terms is None else _spread(terms),
        **content,
    )


def _spread(content: dict[str, float]) -> Spread:
    spread = Spread(**content)
    if not (math.isfinite(spread.mean) and math.isfinite(spread.sd)):
        raise ValueError("a figure is not finite")
    return spread


def _unreadable(path: Path, why: str) -> RecordError:
    return RecordError(
        f"the result record {path} cannot be read ({why}); delete it, or run its experiment again"
    )
