"""The memory budget: a grid that does not fit is refused, with the numbers, before any work."""

from __future__ import annotations

import os

import psutil


class OverBudget(ValueError):  # noqa: N818 (says what is the case)
    """The work would not fit into the memory budget; the message gives both numbers."""


def budget() -> int:
    """Bytes that a computation may take.

    ``APPKIT_MEMORY_GB`` where it is set, else 80% of what the machine has free now.
    """
    if named := os.environ.get("APPKIT_MEMORY_GB"):
        try:
            limit = float(named)
        except ValueError:
            limit = float("nan")
        if not limit > 0:
            raise ValueError(f"APPKIT_MEMORY_GB is '{named}', not a positive number of gigabytes")
        return int(limit * 1e9)
    return int(0.8 * psutil.virtual_memory().available)


def require(needed: int, what: str, remedy: str) -> None:
    """Refuse ``needed`` bytes over the budget.

    Raises
    ------
    OverBudget
        Names what needs the memory, how much, the budget, and the remedy.
    """
    allowed = budget()
    if needed > allowed:
        raise OverBudget(
            f"{what} needs {needed / 1e9:.1f} GB of memory, the budget is {allowed / 1e9:.1f} GB; "
            f"{remedy} (APPKIT_MEMORY_GB sets the budget)"
        )
