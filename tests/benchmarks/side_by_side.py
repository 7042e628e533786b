"""Times of calls that are compared: taken in turns, so that all meet what else the machine does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def fastest(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Least processor seconds of each call, after one that is not counted; on one thread."""
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.process_time()
            call()
            times[name].append(time.process_time() - started)
    return {name: min(taken) for name, taken in times.items()}
