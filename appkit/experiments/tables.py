"""The table of a record beside the published figures: as Markdown, and for a terminal.

``python -m appkit.experiments.tables README.md`` writes the tables of the committed records between
the anchors ``<!-- table:planar-energy -->`` and ``<!-- /table:planar-energy -->`` of a file, and in
the same way those of the other experiments.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from appkit.experiments import layout, published, score_tables, solid_tables
from appkit.experiments.files import PACKAGED_RESULTS
from appkit.experiments.planar_rows import settings_for
from appkit.experiments.result import Result, Row, latest
from appkit.experiments.scores import Scores, table_of

EXPERIMENT = "planar-energy"
DATASETS = {
    "embedded": "Embedded planar set (GFN2-xTB)",
    "qm7_2d": "QM7-2D (PBE0)",
    "qm_2d": "QM2D (PBE0)",
}
_STANDARD = {
    "fourier": "Fourier",
    "wavelet": "Wavelet",
    "coulomb": "Coulomb",
    "scattering": "Scattering",
}
_HEAD = ("", "MAE", "RMSE", "M", "talk: RMSE", "paper v1: MAE", "paper v1: RMSE", "paper v1: M")


def table(result: Result | None, figures: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The cells, head first: our rows, and the published figures beside those they belong to.

    Parameters
    ----------
    result
        The record; None leaves our columns empty.
    figures
        As `published.planar_energies` returns them; the paper's are matched by channels.
    """
    rows: dict[str, Row | None] = {row.name: row for row in (result.rows if result else [])}
    rows |= {name: None for name in _STANDARD if name not in rows}
    channels = set(result.parameters["channels"]) if result else {"dirac", "core", "valence"}
    lines: list[tuple[str, ...]] = [_HEAD]
    for name, row in rows.items():
        if row is None and not any(figure["row"] == name for figure in figures):
            continue
        talk = _find(figures, name, published.TALK, None)
        paper = _find(figures, name, published.PAPER, channels)
        lines.append(
            (
                _label(row) if row else _STANDARD[name],
                *(_ours(row, figure) for figure in ("mae", "rmse", "terms")),
                _published(talk, "rmse"),
                *(_published(paper, figure) for figure in ("mae", "rmse", "terms")),
            )
        )
    return lines


def markdown(dataset: str, result: Result | None) -> str:
    """A data set's table with its title and what it was computed with."""
    figures = result.published if result else published.planar_energies(dataset)
    head, *lines = table(result, figures)
    # A column in which nothing stands is left out: the embedded set was never published on.
    used = [i for i in range(len(head)) if i < 3 or any(line[i] != layout.NONE for line in lines)]
    text = [f"**{DATASETS.get(dataset, dataset)}**, kcal/mol, {_made(result)}", ""]
    text += [
        layout.line([head[i] for i in used]),
        layout.line(["---"] + ["---:"] * (len(used) - 1)),
    ]
    text += [layout.line([line[i] for i in used]) for line in lines]
    return "\n".join(text)


def terminal(result: Result) -> str:
    """The same table in columns of even width."""
    title = f"{DATASETS.get(result.dataset, result.dataset)}, kcal/mol, {_made(result)}"
    sources = [f"{name}: {what}" for name, what in published.SOURCES.items()]
    text = layout.columns(table(result, result.published))
    return "\n".join([title, *text, *(sources if result.published else [])])


def fill(text: str, folder: Path = PACKAGED_RESULTS) -> str:
    """``text`` with the tables of the newest committed records between the anchors.

    Raises
    ------
    ValueError
        The anchors are missing, or stand more than once.
    """
    bodies: dict[str, Callable[[Path], list[str]]] = {EXPERIMENT: _planar}
    bodies |= {name: partial(_solid, name) for name in solid_tables.EXPERIMENTS}
    bodies |= {name: partial(_scores, name) for name in score_tables.EXPERIMENTS}
    bodies["patch-dimension"] = _dimensions
    found = {name: len(_anchored(name).findall(text)) for name in bodies}
    wrong = [name for name, n in found.items() if n > 1]
    if wrong or not any(found.values()):
        opening, closing = _anchors((wrong or [EXPERIMENT])[0])
        raise ValueError(f"one pair of anchors {opening} … {closing} is needed")
    for name in [name for name, n in found.items() if n]:
        opening, closing = _anchors(name)
        filled = f"{opening}\n" + "\n\n".join(bodies[name](folder)) + f"\n{closing}"
        text = _anchored(name).sub(filled.replace("\\", r"\\"), text)
    return text


def _anchors(experiment: str) -> tuple[str, str]:
    return f"<!-- table:{experiment} -->", f"<!-- /table:{experiment} -->"


def _anchored(experiment: str) -> re.Pattern[str]:
    opening, closing = _anchors(experiment)
    return re.compile(re.escape(opening) + ".*?" + re.escape(closing), re.DOTALL)


def _planar(folder: Path) -> list[str]:
    return [*_tables(folder), _legend()]


def _solid(experiment: str, folder: Path) -> list[str]:
    found = solid_tables.newest(experiment, folder)
    return [solid_tables.markdown(result) for result in found] or ["Not yet computed."]


def _scores(experiment: str, folder: Path) -> list[str]:
    rows = in_order(experiment, table_of(experiment, [folder]))
    if not rows:
        return ["Not yet computed."]
    return [score_tables.markdown(rows, published.errors(experiment))]


def in_order(experiment: str, found: Mapping[str, Scores]) -> list[Scores]:
    """The rows of a classification's table as its experiment has them."""
    # Here, since pages read this module too and need no networks.
    from appkit.experiments import bagnet, cifar10_patches, encodings, picture_rows

    orders: dict[str, Iterable[str]] = {
        "bagnet": bagnet.ROWS,
        "cifar10-patches": cifar10_patches.NAMES,
        "encodings-digits": encodings.ROWS,
        "encodings-mnist": encodings.ROWS,
    }
    order = orders.get(experiment, picture_rows.ROWS)
    return [found[name] for name in order if name in found]


def _dimensions(folder: Path) -> list[str]:
    # Here for the same reason.
    from appkit.experiments import patch_dimension

    found = patch_dimension.newest(folder)
    return [patch_dimension.markdown(record) for record in found] or ["Not yet computed."]


def standard_record(
    dataset: str, preset: str = "default", folders: Iterable[Path] | None = None
) -> Result | None:
    """The newest record of the planar energies with a preset's own parameters, or None.

    Where there is none with the default preset's, the newest of all.
    """
    own = settings_for(dataset, preset).parameters()
    del own["device"]  # it changes the seconds only
    found = latest(EXPERIMENT, dataset, rows=_STANDARD, parameters=own, folders=folders)
    if found is None and preset == "default":
        return latest(EXPERIMENT, dataset, rows=_STANDARD, folders=folders)
    return found


def _tables(folder: Path) -> list[str]:
    records = [
        (dataset, preset, standard_record(dataset, preset, [folder]))
        for dataset in DATASETS
        for preset in ("default", "paper")
    ]
    return [
        markdown(dataset, record)
        for dataset, preset, record in records
        if record or (preset == "default" and published.planar_energies(dataset))
    ]


def _legend() -> str:
    sources = "; ".join(f"*{name}*: {what}" for name, what in published.SOURCES.items())
    return f"Columns without a source are ours. {sources}."


def _made(result: Result | None) -> str:
    if result is None:
        return "ours not yet computed"
    parameters = result.parameters
    return (
        f"{parameters['molecules']} molecules, preset {parameters['preset']} "
        f"(J = {parameters['J']}, L = {parameters['L']}, step {parameters['step']:.3g} Å, "
        f"{', '.join(parameters['channels'])}), {result.date[:10]}"
    )


def _label(row: Row) -> str:
    return f"{row.label} ({row.note})" if row.note else row.label


def _find(
    figures: Sequence[dict[str, Any]], row: str, source: str, channels: set[str] | None
) -> dict[str, Any] | None:
    for figure in figures:
        same = channels is None or not figure["channels"] or set(figure["channels"]) == channels
        if figure["row"] == row and figure["source"] == source and same:
            return figure
    return None


def _published(figure: dict[str, Any] | None, name: str) -> str:
    return _spread(name, **figure[name]) if figure and figure[name] else layout.NONE


def _ours(row: Row | None, name: str) -> str:
    spread = row and getattr(row, name)
    return _spread(name, spread.mean, spread.sd) if spread else layout.NONE


def _spread(name: str, mean: float, sd: float | None) -> str:
    """Errors to a tenth of a kcal/mol as in the paper, M to whole terms; the talk has no spread."""
    places = 0 if name == "terms" else 1
    return f"{mean:.{places}f}" + ("" if sd is None else f" ± {sd:.{places}f}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the anchors of the files named on the command line."""
    names = sys.argv[1:] if arguments is None else list(arguments)
    if not names:
        print("usage: python -m appkit.experiments.tables FILE.md …", file=sys.stderr)
        return 2
    for name in names:
        path = Path(name)
        try:
            path.write_text(fill(path.read_text(encoding="utf-8")), encoding="utf-8")
        except (OSError, ValueError) as error:
            print(f"appkit: {path}: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
