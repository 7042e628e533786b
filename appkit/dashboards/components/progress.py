"""A button that starts long work, its progress, and a button that ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui

from appkit.dashboards.jobs import Jobs, Task


class LongWork(pn.viewable.Viewer):
    """Start, progress and cancel of one slot of `Jobs`.

    Parameters
    ----------
    jobs, slot : where the work runs.
    label : what the start button says.
    work, done : as for `Jobs.submit`; ``work`` is asked for when the button is pressed.
    icon : on the start button.
    turned : called when the work has started and when it has ended.
    """

    def __init__(
        self,
        jobs: Jobs,
        slot: str,
        label: str,
        work: Callable[[], Callable[[Task], Any]],
        done: Callable[[Any], None],
        icon: str = "play_arrow",
        turned: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self._jobs, self._slot, self._work, self._done = jobs, slot, work, done
        self._turned = turned
        self._start = pmui.Button(
            label=label,
            variant="contained",
            color="primary",
            icon=icon,
            margin=(4, 8, 4, 0),
        )
        self._cancel = pmui.Button(
            label="Cancel", variant="outlined", color="primary", margin=(4, 8, 4, 0), visible=False
        )
        self._bar = pmui.LinearProgress(value=0, sizing_mode="stretch_width", margin=(8, 0, 2, 0))
        self._state = pn.pane.Str(
            "", margin=0, styles={"color": "var(--mui-palette-text-secondary)"}
        )
        self._running = pmui.Column(
            self._bar, self._state, sizing_mode="stretch_width", margin=0, visible=False
        )
        self._start.on_click(lambda event: self.start())
        self._cancel.on_click(lambda event: self.cancel())

    def start(self) -> None:
        """Submit the work; an older run of the same slot is stopped."""
        try:
            work = self._work()
        except ValueError as error:
            self._jobs.say(self._slot, str(error))
            return
        self._show(True)
        self._jobs.submit(
            self._slot,
            work,
            self._done,
            long=True,
            progress=self._progress,
            ended=self._ended,
        )

    def cancel(self) -> None:
        """Stop the work at its next step."""
        self._state.object = "Stopping…"
        self._jobs.cancel(self._slot)

    def _progress(self, fraction: float, text: str) -> None:
        self._bar.value = round(100 * min(max(fraction, 0), 1))
        self._state.object = text

    def _ended(self) -> None:
        if not self._jobs.busy(self._slot):  # by a newer run, which shows itself
            self._show(False)

    def _show(self, running: bool) -> None:
        # Not disabled: a button that is drawn in the same message would not hear of it.
        self._start.visible = not running
        self._cancel.visible = self._running.visible = running
        if running:
            self._progress(0, "Waiting for a worker; others may come first…")
        self._turned()

    def __panel__(self) -> pn.viewable.Viewable:
        return pmui.Column(
            pmui.Row(self._start, self._cancel, margin=0, sx={"flexWrap": "wrap"}),
            self._running,
            sizing_mode="stretch_width",
            margin=0,
        )
