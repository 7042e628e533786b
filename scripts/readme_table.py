"""Fill the README's tables from the result records: ``python scripts/readme_table.py [README.md]``.

A table stands between the comments ``<!-- table:NAME -->`` and ``<!-- /table:NAME -->``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from appkit.experiments import planar_energy

TABLES: dict[str, Callable[[], str]] = {"planar-energy": planar_energy.readme_table}


def filled(text: str, name: str, table: str) -> str:
    """``text`` with the table called ``name`` put between its comments."""
    start, end = f"<!-- table:{name} -->", f"<!-- /table:{name} -->"
    before, found, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"the README has no pair of comments {start} … {end}")
    return f"{before}{start}\n{table.strip()}\n{end}{after}"


def main(readme: Path) -> None:
    text = readme.read_text("utf-8")
    for name, table in TABLES.items():
        text = filled(text, name, table())
    readme.write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "README.md"))
