"""The lower half of the density page: the sheet with its second order, and the meter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import panel as pn
import panel_material_ui as pmui

from appkit.dashboards.components import Meter, card, figure, hideable, hint, on_tap, percent
from appkit.figures.density import Sheet, SheetFigure

if TYPE_CHECKING:
    from appkit.dashboards.pages.density import DensityPage


class SheetView(pn.viewable.Viewer):
    """All |ρ̃∗ψ_{j,θ}| on one sheet; below it, the second order of the tile or point clicked."""

    def __init__(self, page: DensityPage) -> None:
        super().__init__()
        self._page = page
        self.first = SheetFigure()
        self.second = SheetFigure()
        self._first_pane = figure()
        self._second_pane = figure()
        self._second_box = hideable(self._second_pane)
        self._where = hint("")
        self._shapes: dict[str, tuple] = {}
        self._point: tuple[float, float] | None = None
        on_tap(self.first.tap, self._tapped)

    def draw(self) -> None:
        """Compute both sheets for the page's scene, if they are in front."""
        page = self._page
        if page.tab != 0:
            page.message.clear("sheet")
            page.message.clear("second")
            return
        selected = (page.j, page.angle)
        page.submit("sheet", lambda scene: scene.sheet(selected), self._drawn, self._calm)
        self.draw_second()

    def draw_second(self) -> None:
        """Frame the wavelet in front, and compute what lies below it."""
        page = self._page
        if page.tab != 0:
            return
        selected, point = (page.j, page.angle), self._point
        self.first.choose(selected)

        def work(scene: Any) -> Sheet | None:
            return scene.point_sheet(*selected, *point) if point else scene.second_sheet(*selected)

        page.submit("second", work, self._drawn_second, self._calm)

    @property
    def _calm(self) -> float:
        """Seconds that sheets leave to a moving slider's picture, once they were drawn."""
        return 0.15 if self._shapes else 0.0

    def themed(self) -> None:
        """Draw again in the page's other theme."""
        self._shapes.clear()
        self.draw()

    def point(self, x: float | None, y: float | None) -> None:
        """A click on the picture of the modulus: its second order at that point."""
        if x is not None and y is not None:
            self._point = (x, y)
            self.draw_second()

    def _tapped(self, x: float | None, y: float | None) -> None:
        tile = self.first.at(x, y)
        if tile is not None:
            had, self._point = self._point, None
            self._page.param.update(j=tile[0], angle=tile[1])
            if had:
                self.draw_second()  # also where the tile was in front already

    def _drawn(self, first: Sheet) -> None:
        self._put("first", self.first, self._first_pane, first)
        self.first.choose((self._page.j, self._page.angle))

    def _drawn_second(self, second: Sheet | None) -> None:
        page = self._page
        degrees = f"{180 * page.angle / page.L:g}°"
        if second is None:
            self._second_box.visible = False
            self._where.object = (
                f"<p>j = {page.j} is the coarsest scale: nothing lies below it. Click a tile of a "
                "finer scale.</p>"
            )
            return
        self._second_box.visible = True
        self._put("second", self.second, self._second_pane, second)
        at = (
            f"at the point ({self._point[0]:.2f}, {self._point[1]:.2f}) Å"
            if self._point
            else "everywhere"
        )
        self._where.object = (
            f"<p>||ρ̃∗ψ|∗ψ′| below j = {page.j}, θ = {degrees}, {at}: what coarser wavelets see "
            "of that tile. Click a point of the modulus above for one place only.</p>"
        )

    def _put(self, name: str, figure: SheetFigure, pane: Any, sheet: Sheet) -> None:
        shape = (sheet.scales, sheet.angles, self._page.dark)
        if self._shapes.get(name) == shape:
            figure.send(sheet)
        else:
            pane.object = figure.element(sheet, self._page.dark)
            self._shapes[name] = shape

    def __panel__(self) -> pn.viewable.Viewable:
        return pmui.Column(
            card(
                "First order: |ρ̃∗ψ| at every scale and angle",
                self._first_pane,
                sentence="Each row is divided by its largest value. Click a tile.",
            ),
            card("Second order", self._where, self._second_box),
            sizing_mode="stretch_width",
            margin=0,
            sx={"gap": "12px"},
        )


class MeterView(pn.viewable.Viewer):
    """Turn and shift the molecule; see by how much each invariant moves."""

    def __init__(self, page: DensityPage) -> None:
        super().__init__()
        self._page = page
        self._meter = Meter(
            (page.param.turn, page.param.dx, page.param.dy),
            "Turn and shift the molecule and watch. Each bar is the largest relative change of the "
            "averages of one order and scale; lower is more invariant.",
        )

    def draw(self) -> None:
        """Measure the page's scene, if the meter is in front."""
        if self._page.tab == 1:
            self._page.submit("meter", lambda scene: scene.meter(), self._drawn)
        else:
            self._page.message.clear("meter")

    def _drawn(self, changes: Any) -> None:
        pixels = changes.loc[changes["order"] == 0, "change"].iloc[0]
        worst = np.nanmax(changes.loc[changes["order"] > 0, "change"])
        words = (
            f"The picture changed by <b>{percent(pixels)}</b>, the invariants by at most "
            f"<b>{percent(worst)}</b>."
        )
        self._meter.draw(changes, words, self._page.dark)

    def __panel__(self) -> pn.viewable.Viewable:
        return self._meter.__panel__()
