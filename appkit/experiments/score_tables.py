"""The tables of classifications: errors against the number of training pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from appkit.experiments import layout, published
from appkit.experiments.scores import Scores

TITLES = {"digits": "Digits of scikit-learn", "mnist": "MNIST", "cifar10": "CIFAR-10"}
EXPERIMENTS = (
    "digits",
    "mnist",
    "cifar10-scattering",
    "cifar10-patches",
    "bagnet",
    "encodings-digits",
    "encodings-mnist",
)


def table(found: Sequence[Scores], figures: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The cells, head first: our rows, then the published ones, a column for each size."""
    sizes = {point.size for scores in found for point in scores.points}
    sizes |= {size for figure in figures for size in figure["errors"]}
    columns = sorted(sizes)
    lines = [(f"errors in %, {found[0].axis}", *(f"{size:,}" for size in columns))]
    for scores in found:
        points = [scores.at(size) for size in columns]
        cells = ["" if p is None else f"{p.error:.2f}" for p in points]
        lines.append((scores.label, *(cell or layout.NONE for cell in cells)))
    for figure in figures:
        errors = [figure["errors"].get(size) for size in columns]
        cells = [layout.NONE if e is None else f"{e:g}" for e in errors]
        lines.append((f"{figure['label']} [{figure['source']}]", *cells))
    return lines


def markdown(found: Sequence[Scores], figures: Sequence[dict[str, Any]]) -> str:
    """The table with its title, the protocol and the sources."""
    head, *lines = table(found, figures)
    text = [f"**{_title(found)}**", "", layout.line(head)]
    text += [layout.line(["---"] + ["---:"] * (len(head) - 1))]
    return "\n".join([*text, *map(layout.line, lines), "", *legend(found, figures)])


def terminal(found: Sequence[Scores], figures: Sequence[dict[str, Any]]) -> str:
    """The same table in columns of even width."""
    text = layout.columns(table(found, figures))
    return "\n".join([_title(found), *text, *legend(found, figures)])


def _title(found: Sequence[Scores]) -> str:
    first = found[0]
    dates = sorted({scores.date[:10] for scores in found})
    return f"{TITLES.get(first.dataset, first.dataset)}, {', '.join(dates)}"


def legend(found: Sequence[Scores], figures: Sequence[dict[str, Any]]) -> list[str]:
    """The rows' protocols, how sure their errors are, and the sources of the figures."""
    worst = max((s.standard_error(s.points[-1]) for s in found if s.points), default=0.0)
    protocols = " ".join(dict.fromkeys(scores.protocol for scores in found))
    told = [f"{protocols} Standard error at the largest at most {worst:.2f} %."]
    sources = dict.fromkeys(figure["source"] for figure in figures)
    told += [f"{name}: {published.PICTURE_SOURCES[name]}." for name in sources]
    beside = published.elsewhere(found[0].experiment)
    return told + [beside] * bool(beside)
