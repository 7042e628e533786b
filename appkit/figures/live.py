"""Figures whose data change many times a second.

HoloViews answers each ``Pipe.send`` by drawing the whole overlay again, and Bokeh then walks every
model of the document: 30 ms and more on a page of widgets, where a slider's whole way has 120.
Other pixels, or a frame that moves, need neither. A `LivePipe` sets the columns of its layers on
the Bokeh models themselves, and leaves everything else (the first picture, other ticks, a notebook
without a server) to HoloViews.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakSet, ref

import holoviews as hv
from holoviews.streams import Pipe

Box = tuple[float, float, float, float]


class LivePipe(Pipe):
    """A stream of data that are drawn as one layer or several.

    Parameters
    ----------
    data : what is shown first.
    still : whether two data differ in nothing that HoloViews must draw anew, such as ticks.
    """

    def __init__(
        self, data: Any, still: Callable[[Any, Any], bool] = lambda old, new: True
    ) -> None:
        super().__init__(data=data)
        self._still = still
        self._layers: WeakSet[Layer] = WeakSet()

    def layer(
        self,
        draw: Callable[[Any], hv.Element],
        columns: Callable[[Any], Mapping[str, Any]],
        box: Callable[[Any], Box] | None = None,
        limits: Callable[[Any], tuple[float, float]] | None = None,
    ) -> Layer:
        """Draw the data as one more element, see `Layer`. All that follows the pipe must be one."""
        layer = Layer(self, draw, columns, box, limits)
        self._layers.add(layer)
        return layer

    def send(self, data: Any) -> None:
        """Show ``data``; in a server's session, with the document's lock."""
        layers = list(self._layers)
        served = [(layer, plot) for layer in layers for plot in layer.plots if _served(plot)]
        if (
            not served
            or not all(layer.drawn for layer in layers)
            or not self._still(self.data, data)
        ):
            super().send(data)
            return
        old = self.data
        self.update(data=data)
        self._on_trigger()  # what HoloViews keeps of the old data is out of date
        for layer, plot in served:
            layer.swap(plot, old, data)


class Layer:
    """One element that follows a pipe.

    Parameters
    ----------
    pipe : see `LivePipe.layer`, which makes layers.
    draw : from data to the element.
    columns : from data to the columns of the element's Bokeh source that change with them.
    box : from data to the ends of the axes, left, bottom, right, top; None where they are fixed.
    limits : from data to the ends of the colour scale; None where they are fixed or there is none.
    """

    def __init__(
        self,
        pipe: LivePipe,
        draw: Callable[[Any], hv.Element],
        columns: Callable[[Any], Mapping[str, Any]],
        box: Callable[[Any], Box] | None,
        limits: Callable[[Any], tuple[float, float]] | None,
    ) -> None:
        self._pipe, self._draw, self._columns = pipe, draw, columns
        self._box, self._limits = box, limits
        self.plots: WeakSet[Any] = WeakSet()
        self.drawn = False  # once and for all: the plots of a theme that was left are gone

    def element(self) -> hv.DynamicMap:
        """The element; `hook` must be among its options' hooks."""
        return hv.DynamicMap(self._element, streams=[self._pipe])

    def _element(self, data: Any) -> hv.Element:
        """A method of the layer, so that the layer lives as long as the map that draws it."""
        return self._draw(data)

    @property
    def hook(self) -> Callable[[Any, Any], None]:
        """For HoloViews to call when it has drawn the layer: this remembers where.

        It knows the layer weakly, since HoloViews keeps options in a global table.
        """
        layer = ref(self)

        def drawn(plot: Any, element: Any) -> None:
            if (alive := layer()) is not None:
                alive.drawn = True
                alive.plots.add(plot)
                alive._colours(plot)

        return drawn

    def swap(self, plot: Any, old: Any, new: Any) -> None:
        """Set the new data on the models of a plot that shows the old ones."""
        source = plot.handles["source"]
        source.data = dict(source.data) | dict(self._columns(new))
        self._colours(plot)
        if self._box is not None and self._box(old) != self._box(new):
            left, bottom, right, top = self._box(new)
            for name, low, high in (("x_range", left, right), ("y_range", bottom, top)):
                plot.handles[name].update(start=low, end=high, reset_start=low, reset_end=high)

    def _colours(self, plot: Any) -> None:
        if self._limits is not None:
            low, high = self._limits(self._pipe.data)
            plot.handles["color_mapper"].update(low=low, high=high)


def _served(plot: Any) -> bool:
    """Whether a plot is in a document of a running server's session."""
    document = plot.state.document
    return document is not None and document.session_context is not None
