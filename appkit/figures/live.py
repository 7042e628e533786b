"""Layers of a figure whose data change many times a second.

HoloViews answers each ``Pipe.send`` by drawing the whole overlay again, and Bokeh then walks every
model of the document: 30 ms and more on a page of widgets, where a slider's whole way has 120.
Other pixels, or a frame that moves, need neither. A `LivePipe` sets them on the Bokeh models
themselves, and leaves everything else (the first picture, other ticks, a notebook without a
server) to HoloViews.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakSet, ref

import holoviews as hv
from holoviews.streams import Pipe


class LivePipe(Pipe):
    """A stream whose newest data are drawn as one element.

    Parameters
    ----------
    draw : from data to the element.
    data : what is shown first.
    columns : from data to the columns of the element's Bokeh source that change with them.
    still : whether two data differ in nothing that HoloViews must draw anew, such as ticks.
    box : from data to the ends of the axes, left, bottom, right, top; None where they are fixed.
    limits : from data to the ends of the colour scale; None where they are fixed or there is none.
    """

    def __init__(
        self,
        draw: Callable[[Any], hv.Element],
        data: Any,
        columns: Callable[[Any], Mapping[str, Sequence[Any]]],
        still: Callable[[Any, Any], bool] = lambda old, new: True,
        box: Callable[[Any], tuple[float, float, float, float]] | None = None,
        limits: Callable[[Any], tuple[float, float]] | None = None,
    ) -> None:
        super().__init__(data=data)
        self._draw, self._columns, self._still = draw, columns, still
        self._box, self._limits = box, limits
        self._plots: WeakSet[Any] = WeakSet()

    def element(self) -> hv.DynamicMap:
        """The layer; `hook` must be among its options' hooks."""
        return hv.DynamicMap(self._draw, streams=[self])

    @property
    def hook(self) -> Callable[[Any, Any], None]:
        """For HoloViews to call when it has drawn the layer: this remembers where.

        It knows the pipe weakly, since HoloViews keeps options in a global table.
        """
        pipe = ref(self)

        def drawn(plot: Any, element: Any) -> None:
            if (alive := pipe()) is not None:
                alive._plots.add(plot)
                alive._colours(plot)

        return drawn

    def send(self, data: Any) -> None:
        """Show ``data``; in a server's session, with the document's lock."""
        served = [plot for plot in self._plots if _served(plot)]
        if not served or not self._still(self.data, data):
            super().send(data)
            return
        moved = self._box is not None and self._box(self.data) != self._box(data)
        self.update(data=data)
        columns = self._columns(data)
        for plot in served:
            source = plot.handles["source"]
            source.data = dict(source.data) | dict(columns)
            self._colours(plot)
            if moved:
                self._axes(plot)

    def _colours(self, plot: Any) -> None:
        if self._limits is not None:
            low, high = self._limits(self.data)
            plot.handles["color_mapper"].update(low=low, high=high)

    def _axes(self, plot: Any) -> None:
        if self._box is not None:
            left, bottom, right, top = self._box(self.data)
            for name, low, high in (("x_range", left, right), ("y_range", bottom, top)):
                plot.handles[name].update(start=low, end=high, reset_start=low, reset_end=high)


def _served(plot: Any) -> bool:
    """Whether a plot is in a document of a running server's session."""
    document = plot.state.document
    return document is not None and document.session_context is not None
