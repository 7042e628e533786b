"""The tables of QM7 and QM9: as Markdown, and for a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from appkit.experiments import layout, published
from appkit.experiments.joined import joined, largest
from appkit.experiments.result import Result, Row
from appkit.experiments.solid_rows import ROWS

TITLES = {
    "qm7": "QM7 (PBE0)",
    "qm9": "QM9 (B3LYP, electronic)",
    "qm9_mp2": "QM9 (RI-MP2)",
}
EXPERIMENTS = ("qm7-energy", "qm9-energy", "locality")


def table(result: Result) -> list[tuple[str, ...]]:
    """The cells, head first: our rows with the published figures beside them.

    A learning curve has a column for each size of the training set.
    """
    sources = list(dict.fromkeys(figure["source"] for figure in result.published))
    if result.experiment == "qm9-energy":
        sizes = sorted({fold["n_train"] for row in result.rows for fold in row.folds})
        head = ("MAE, trained on", *(f"{size:,}" for size in sizes))
        lines = [(_label(row), *_curve(row, sizes)) for row in result.rows]
    else:
        head = ("", "MAE", "RMSE")
        lines = [(_label(row), _spread(row.mae), _spread(row.rmse)) for row in result.rows]
    names = [row.name for row in result.rows]
    beside = [[_published(result.published, name, source) for name in names] for source in sources]
    wide = [(*line, *cells) for line, *cells in zip(lines, *beside, strict=True)]
    return [(*head, *(f"{source}: MAE" for source in sources)), *wide]


def markdown(result: Result) -> str:
    """A record's table with its title, what it was computed with, and the sources."""
    head, *lines = table(result)
    text = [f"**{_title(result)}**", "", layout.line(head)]
    text += [layout.line(["---"] + ["---:"] * (len(head) - 1))]
    text += [layout.line(cells) for cells in lines]
    return "\n".join([*text, *_legend(result)])


def terminal(result: Result) -> str:
    """The same table in columns of even width."""
    sources = {figure["source"] for figure in result.published}
    told = [f"{name}: {what}" for name, what in published.SOLID_SOURCES.items() if name in sources]
    return "\n".join([_title(result), *layout.columns(table(result)), *told])


def newest(experiment: str, folder: Path | None = None) -> list[Result]:
    """For each data set the records with the most molecules, as one; of ``folder``, or of all."""
    return [joined(records, ROWS) for records in largest(experiment, folder).values()]


def _title(result: Result) -> str:
    given = result.parameters
    dates = ", ".join(given.get("records", [result.date[:10]]))
    return (
        f"{TITLES.get(result.dataset, result.dataset)}, kcal/mol, {given['molecules']:,} molecules "
        f"(σ = {given['sigma']:g} Å, J = {given['J']}, L = {given['L']}, "
        f"{', '.join(given['channels'])}), {dates}"
    )


def _legend(result: Result) -> list[str]:
    sources = dict.fromkeys(figure["source"] for figure in result.published)
    told = "; ".join(f"*{name}*: {published.SOLID_SOURCES[name]}" for name in sources)
    return ["", f"{told}."] if told else []


def _label(row: Row) -> str:
    return f"{row.label} ({row.note})" if row.note else row.label


def _curve(row: Row, sizes: list[int]) -> list[str]:
    errors = {fold["n_train"]: fold["mae"] for fold in row.folds}
    return [f"{errors[size]:.2f}" if size in errors else layout.NONE for size in sizes]


def _spread(spread: Any) -> str:
    return f"{spread.mean:.2f} ± {spread.sd:.2f}"


def _published(figures: list[dict[str, Any]], row: str, source: str) -> str:
    found = (f["mae"] for f in figures if f["row"] == row and f["source"] == source)
    value = next(found, None)
    return layout.NONE if value is None else f"{value['mean']:.2f}"
