"""Parts of the solid harmonics page: the molecule in space, the invariants, the motion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from appkit.dashboards.components import (
    Meter,
    SpacePane,
    card,
    figure,
    hideable,
    hint,
    on_tap,
    percent,
    slider,
    text,
)
from appkit.dashboards.solid_scene import SolidScene
from appkit.dashboards.space_scene import J, L, Shown, SpaceScene
from appkit.dashboards.volume_scene import VolumeScene
from appkit.figures.invariants import Table, TableFigure
from appkit.figures.space import space_figure

if TYPE_CHECKING:
    from appkit.dashboards.pages.solid import SolidPage

#: What stands behind each row of the table: S⁰, S¹ by scale, S² by pairs of scales.
ROWS = (
    Shown(0),
    *(Shown(1, 0, j) for j in range(J + 1)),
    *(Shown(2, 0, j, j2) for j in range(J + 1) for j2 in range(j + 1, J + 1)),
)
_NAMES = tuple(("S⁰ of ρ", f"S¹ at j = {p.j}", f"S² at {p.j} → {p.j2}")[p.order] for p in ROWS)
#: Seconds without a change after which the surface, then the table and the meter, are computed: a
#: moving slider's slice has the cores to itself.
CALM, CALMER = 0.12, 0.3
_BUTTONS: dict[str, Any] = {
    "label": "",
    "size": "small",
    "color": "primary",
    "margin": 0,
    "sx": {"& .MuiToggleButton-root": {"whiteSpace": "nowrap", "px": "14px"}},
}


class SpaceView(pn.viewable.Viewer):
    """A surface around the molecule, and the plane of the slice."""

    def __init__(self, page: SolidPage) -> None:
        super().__init__()
        self._page = page
        self._pane = SpacePane(height=372)
        self._says = hint("")
        page.param.watch(lambda event: self.draw(), ["level", "surface"])

    def draw(self) -> None:
        """Compute the surface of the field in front, or of ρ, at the page's level."""
        page = self._page
        path = Shown(0) if page.surface == "density" else page.path
        level, plane, offset, dark = page.level, page.plane, page.offset, page.dark

        def work(scene: SpaceScene) -> tuple[dict[str, Any], str]:
            mesh, peak = scene.surface(path, level)
            drawn = space_figure(
                mesh, scene.balls(), scene.corners(path, plane, offset), dark, path.order == 0
            )
            name = "U" if path.order else "ρ"
            return drawn, f"<p>Surface where {name} = <b>{level * peak:.2g} e/Å³</b>.</p>"

        page.submit("surface", work, self._drawn, CALM if self._pane.object else 0.0)

    def _drawn(self, result: tuple[dict[str, Any], str]) -> None:
        self._pane.object, self._says.object = result

    def __panel__(self) -> pn.viewable.Viewable:
        page = self._page
        of = pmui.RadioButtonGroup.from_param(page.param.surface, **_BUTTONS)
        return card(
            "In space",
            self._pane,
            pmui.Row(
                of,
                slider(pmui.FloatSlider, page.param.level),
                sizing_mode="stretch_width",
                margin=0,
                sx={"gap": "14px", "alignItems": "center"},
            ),
            self._says,
        )


class InvariantsView(pn.viewable.Viewer):
    """S⁰, S¹ and S² of the chosen exponent; a click brings the field that a value adds up."""

    def __init__(self, page: SolidPage) -> None:
        super().__init__()
        self._page = page
        self._figure = TableFigure()
        self._pane = figure()
        self._frame: pd.DataFrame | None = None
        self._dark: bool | None = None  # the theme in which it was drawn
        on_tap(self._figure.tap, self._tapped)
        page.param.watch(lambda event: self._show(), "q")

    def draw(self) -> None:
        """Compute the table of the page's molecule."""
        self._page.submit("table", lambda s: s.at_rest.table(), self._drawn, CALMER)

    def themed(self) -> None:
        """Draw again in the page's other theme."""
        self._show()

    def frame(self) -> None:
        """Frame the value of the field in front."""
        path = self._page.path
        self._figure.choose((ROWS.index(path._replace(l=0)), path.l))

    def _drawn(self, invariants: pd.DataFrame) -> None:
        self._frame = invariants
        self._show()

    def _show(self) -> None:
        page = self._page
        if self._frame is None:
            return
        table = _table(self._frame, page.q)
        if self._dark == page.dark:
            self._figure.send(table)
            return
        self._dark = page.dark
        self.frame()
        rules = 1, J + 2  # above S¹ and S²
        self._pane.object = self._figure.element(table, page.dark, "degree l", rules)

    def _tapped(self, x: float | None, y: float | None) -> None:
        cell = self._figure.at(x, y)
        if cell is None:
            return
        path = ROWS[cell[0]]
        if path.order == 0:
            self._page.surface = "density"
        else:
            self._page.param.update(l=cell[1], j=path.j, j2=path.j2, surface="field")

    def __panel__(self) -> pn.viewable.Viewable:
        power = pmui.RadioButtonGroup.from_param(self._page.param.q, **_BUTTONS)
        return card(
            "Invariants S = ∫ U<sup>q</sup> du",
            pmui.Row(
                text("<p><i>q</i> =</p>", sizing_mode=None),
                power,
                margin=0,
                sx={"gap": "10px", "alignItems": "center"},
            ),
            self._pane,
            sentence=(
                "Each value adds up one field over all space, in (e/Å³)<sup>q</sup> Å³, which is e "
                "for q = 1. Click it to see the field; the sliders l, j and j′ choose the same. "
                "q = ½ asks where there is anything, 1 how much, 2 its energy, 3 its peaks."
            ),
        )


def _table(invariants: pd.DataFrame, q: float) -> Table:
    """The invariants of one exponent, a row for each of `ROWS` and a column for each degree."""
    chosen = invariants[invariants["q"] == q].fillna(0)
    keys = zip(chosen["order"], chosen["l"], chosen["j"], chosen["j2"], strict=True)
    place = {tuple(map(int, key)): v for key, v in zip(keys, chosen["value"], strict=True)}
    values = np.array(
        [[place.get((p.order, l, p.j, p.j2), np.nan) for l in range(L + 1)] for p in ROWS]
    )
    return Table(values, _NAMES, tuple(f"{l}" for l in range(L + 1)))


class MotionView(pn.viewable.Viewer):
    """Turn, tilt and shift the molecule; see which sums on a grid notice."""

    def __init__(self, page: SolidPage) -> None:
        super().__init__()
        self._page = page
        self.meter = Meter(
            (page.param.turn, page.param.tilt, page.param.dx, page.param.dy),
            "Move the molecule, then make δ coarser (ε larger) and move it again: sums over too "
            "coarse a grid notice. S¹<sub>j</sub> is the largest relative change over l at the "
            "chosen q, E<sub>j</sub> that of the exact sum over pairs of atoms, for q = 2.",
        )
        self._box = hideable(self.meter)
        self._unmoved = hideable(
            card(
                "Invariance meter",
                sentence="A density from a file is not moved: its samples would have to be taken "
                "anew between those of the file. Choose a molecule to see what a motion changes.",
            ),
            visible=False,
        )
        page.param.watch(lambda event: self.draw(), "q")

    def draw(self) -> None:
        """Measure the page's scene; samples of a file are not moved."""
        q = self._page.q
        volume = isinstance(self._page.rest, VolumeScene)
        self._box.visible, self._unmoved.visible = not volume, volume
        if volume:
            self._page.jobs.cancel("meter")
            self._page.message.clear("meter")
            return
        self._page.submit("meter", lambda s: (s, s.meter(q)), self._drawn, CALMER)

    def _drawn(self, result: tuple[SolidScene, pd.DataFrame]) -> None:
        scene, changes = result
        worst = changes.groupby("order")["change"].max()
        words = (
            f"The density in its place changed by <b>{percent(worst[0])}</b>, sums over a grid by "
            f"at most <b>{percent(worst[1])}</b>, the exact energies by <b>{percent(worst[2])}</b>."
            f" The grid of scale j has the step 2<sup>j</sup>δ, δ = {scene.step:.2f} Å."
        )
        self.meter.draw(changes, words, self._page.dark)

    def __panel__(self) -> pn.viewable.Viewable:
        return pmui.Column(self._box, self._unmoved, sizing_mode="stretch_width", margin=0)
