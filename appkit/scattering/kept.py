"""Tensors that are computed once and kept, up to a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps

from torch import Tensor


def kept(most_bytes: int) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """A decorator: keeps what a function of hashable arguments returned, the newest used first.

    As ``functools.lru_cache``, but matrices of large boxes, of which few fit the memory, and those
    of small ones, of which thousands do, share one budget.
    """

    def decorate(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
        found: OrderedDict[tuple[Hashable, ...], Tensor] = OrderedDict()
        lock, held = threading.Lock(), 0

        @wraps(make)
        def get(*key: Hashable) -> Tensor:
            nonlocal held
            with lock:
                if key in found:
                    found.move_to_end(key)
                    return found[key]
            tensor = make(*key)
            with lock:
                if key not in found:
                    found[key] = tensor
                    held += tensor.nbytes
                while held > most_bytes:
                    held -= found.popitem(last=False)[1].nbytes
            return tensor

        return get

    return decorate
