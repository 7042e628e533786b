"""Cells of a table as lines of Markdown and as columns of a terminal."""

from __future__ import annotations

from collections.abc import Sequence

#: A cell without a figure.
NONE = "–"


def line(cells: Sequence[str]) -> str:
    """One line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def columns(lines: Sequence[Sequence[str]]) -> list[str]:
    """Lines of columns of even width, the first to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        for cells in lines
    ]
