"""The memory budget: what does not fit is refused, with the numbers, before any work."""

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


def limit(most: int) -> int:
    """Bytes that one call may take here: ``most``, or the budget where that is less."""
    return min(most, budget())


def share(most: int) -> int:
    """Bytes that may stay in use: ``most``, or a quarter of a smaller machine's memory.

    The same at all times, for what a result depends on to the last bit.
    """
    return min(most, psutil.virtual_memory().total // 4)


def gigabytes(n_bytes: float) -> str:
    """Such as ``16 GB``, ``2.9 GB`` or ``8.45e+19 GB``."""
    size = min(n_bytes, 10**300) / 1e9  # a larger whole number is no float
    if size >= 1e6 or size < 0.05:
        return f"{size:.3g} GB"
    return f"{f'{size:,.1f}'.removesuffix('.0')} GB"


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
            f"{what} needs {gigabytes(needed)} of memory, the budget is {gigabytes(allowed)}; "
            f"{remedy} (APPKIT_MEMORY_GB sets the budget)"
        )
