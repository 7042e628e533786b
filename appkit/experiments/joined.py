"""Records that differ in nothing but their rows, read as one.

Rows of a table may take minutes or a night, so that they are not always computed in one run. Where
two records of one experiment agree in data, protocol and parameters, they are one table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from appkit.experiments.result import Details, Result, details_of, results

#: Parameters that say what was computed, or on what, and change no figure.
_BESIDE = ("rows", "device")


def largest(experiment: str, folder: Path | None = None) -> dict[str, list[Result]]:
    """For each data set the records of the most molecules that agree, oldest first.

    Of a ``folder``, or of all. Of several settings, those with the most rows: a trial with others
    does not take the table's place. Of as many, the newest.
    """
    by_dataset: dict[str, list[Result]] = {}
    for result in results(experiment, folders=None if folder is None else [folder]):
        by_dataset.setdefault(result.dataset, []).append(result)
    found = {}
    for dataset, records in by_dataset.items():
        most = max(record.parameters["molecules"] for record in records)
        groups = [
            [other for other in records if _agree(other, record)]
            for record in reversed(records)
            if record.parameters["molecules"] == most
        ]
        found[dataset] = max(groups, key=lambda group: len({r.name for x in group for r in x.rows}))
    return found


def joined(records: Sequence[Result], order: Iterable[str] = ()) -> Result:
    """One record with all rows, in this ``order``; the newest of a row that several have.

    Seconds are added up; ``parameters["records"]`` has the dates of all, the rest is the newest's.
    """
    if len(records) == 1:
        return records[0]
    rows = {row.name: row for record in records for row in record.rows}
    names = [name for name in order if name in rows]
    names += [name for name in rows if name not in names]
    dates = list(dict.fromkeys(record.date[:10] for record in records))
    newest = records[-1]
    return replace(
        newest,
        rows=[rows[name] for name in names],
        parameters=newest.parameters | {"rows": names, "records": dates},
        seconds=round(sum(record.seconds for record in records), 1),
    )


def joined_details(records: Sequence[Result]) -> Details | None:
    """Companions of the records as one; None where one is missing or of other molecules."""
    parts = [details_of(record) for record in records]
    whole = [part for part in parts if part is not None]
    if len(whole) < len(records):
        return None
    first = whole[0]
    if any((part.energies, part.folds) != (first.energies, first.folds) for part in whole):
        return None
    by_row = [
        field.name for field in fields(Details) if isinstance(getattr(first, field.name), dict)
    ]
    merged: dict[str, Any] = {name: {} for name in by_row}
    for part in whole:
        for name in by_row:
            merged[name] |= getattr(part, name)
    return replace(first, **merged)


def _agree(one: Result, other: Result) -> bool:
    def what(record: Result) -> tuple[Any, ...]:
        given = {k: v for k, v in record.parameters.items() if k not in _BESIDE}
        return record.checksum, record.protocol, given

    return what(one) == what(other)
