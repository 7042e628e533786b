"""Where torch computes."""

from __future__ import annotations

import torch


def check_device(device: str) -> None:
    """Raise ``ValueError`` unless torch computes on this device here: cpu, cuda, or cuda:N."""
    try:
        named = torch.device(device)
    except (RuntimeError, TypeError):  # no device of torch's, or none at all
        named = None
    cards = torch.cuda.device_count()
    there = named is not None and (
        named.type == "cpu" or (named.type == "cuda" and (named.index or 0) < cards)
    )
    if device is None or not there:
        raise ValueError(
            f"There is no device '{device}' here; use cpu, or cuda where there is one."
        )
