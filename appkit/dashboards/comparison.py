"""The regression page's table: ours beside the published figures. Knows no Panel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from appkit.dashboards.studies import Study
from appkit.experiments import Result, Row, Spread, layout, published, solid_tables
from appkit.figures.regression import NAMES


def table(study: Study, result: Result | None) -> pd.DataFrame:
    """Ours, the paper's and the talk's figures, a row for each dictionary, kcal/mol.

    A column that has no figure is left out, as are ours where nothing was computed.
    """
    return _planar(study, result) if study.planar else _solid(study, result)


def sources(figures: Sequence[dict[str, Any]]) -> str:
    """What the columns of published figures are from, in words."""
    found = dict.fromkeys(figure["source"] for figure in figures)
    known = published.SOURCES | published.SOLID_SOURCES
    return "; ".join(f"{name}: {known[name]}" for name in found)


def _planar(study: Study, result: Result | None) -> pd.DataFrame:
    figures = published.planar_energies(study.dataset) if result is None else result.published
    ours = {} if result is None else {row.name: row for row in result.rows}
    # The paper has several scattering rows: the last one is that with all channels, as ours.
    theirs = {
        source: {p["row"]: p for p in figures if source in p["source"]}
        for source in ("talk", "paper")
    }
    names = dict.fromkeys([*ours, *theirs["talk"], *theirs["paper"]])
    frame = pd.DataFrame(_table_row(name, ours.get(name), theirs) for name in names)
    return frame.loc[:, (frame != "").any()]


def _solid(study: Study, result: Result | None) -> pd.DataFrame:
    if result is None:
        return _published(study, published.energies(study.dataset))
    head, *lines = solid_tables.table(result)
    ours = pd.DataFrame(lines, columns=["Dictionary", *head[1:]])
    computed = {row.name for row in result.rows}
    others = _published(study, [p for p in result.published if p["row"] not in computed])
    return pd.concat([ours, others]).fillna(layout.NONE)


def _published(study: Study, figures: Sequence[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        {"Dictionary": study.rows[p["row"]], f"{p['source']}: MAE": f"{p['mae']['mean']:.2f}"}
        for p in figures
    )


def _table_row(
    name: str, row: Row | None, theirs: dict[str, dict[str, dict[str, Any]]]
) -> dict[str, str]:
    return {
        "Dictionary": NAMES.get(name, name) if row is None else row.label,
        "RMSE": "" if row is None else _spread(row.rmse),
        "MAE": "" if row is None else _spread(row.mae),
        "M": "" if row is None or row.terms is None else _spread(row.terms, 0),
        "Talk's RMSE": _words(theirs["talk"].get(name), "rmse"),
        "Paper's RMSE": _words(theirs["paper"].get(name), "rmse"),
        "Paper's MAE": _words(theirs["paper"].get(name), "mae"),
    }


def _spread(value: Spread, digits: int = 1) -> str:
    return f"{value.mean:.{digits}f} ± {value.sd:.{digits}f}"


def _words(figure: dict[str, Any] | None, name: str) -> str:
    value = None if figure is None else figure.get(name)
    if value is None:
        return ""
    return f"{value['mean']:.1f}" + ("" if value["sd"] is None else f" ± {value['sd']:.1f}")
