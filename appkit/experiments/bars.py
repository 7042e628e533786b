"""Progress bars in a terminal."""

from __future__ import annotations

from types import TracebackType

from tqdm import tqdm


class Bars:
    """A ``progress(stage, done, total)`` that draws one bar for each stage, on stderr.

    >>> with Bars() as bars:                                    # doctest: +SKIP
    ...     planar_energy.run("embedded", progress=bars)
    """

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self._bar is None or stage != self._stage:
            self.close()
            # What an earlier run had done counts from the start, not into the rate.
            self._bar, self._stage = tqdm(desc=stage, total=total, initial=done), stage
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Leave the last bar as it stands."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Bars:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
