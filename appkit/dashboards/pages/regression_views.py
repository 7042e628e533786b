"""Parts of the regression page: the chosen molecule, figures of curves, a slider, the layout."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
from ase import Atoms
from numpy.typing import NDArray

from appkit.dashboards.components import (
    LAYOUT,
    card,
    figure,
    hideable,
    hint,
    prompt,
    quote,
    signed,
    text,
)
from appkit.energy.geometry import planar_positions
from appkit.figures.curves import Errors
from appkit.figures.molecule import MoleculeFigure, Planar
from appkit.figures.regression import ParityFigure
from appkit.figures.theme import JOINT, model_colour

#: Å; what stands further out of the plane of the drawing is said.
_FLAT = 0.05


def projected(atoms: Atoms) -> Planar:
    """A molecule on its best plane, with its atoms' heights over it (Å): bonds are in space."""
    centred = atoms.positions - atoms.positions.mean(0)
    heights = centred @ np.linalg.svd(centred)[2][2]
    symbols = tuple(atoms.get_chemical_symbols())
    return Planar(symbols, planar_positions(atoms, project=True), heights)


class MoleculeCard(pn.viewable.Viewer):
    """One molecule with its energies, or nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._figure = MoleculeFigure()
        self._dark: bool | None = None
        self._pane, self._label = figure(), quote("")
        self._energies, self._plane = text(""), hint("")
        self._picture = hideable(self._pane, self._label, self._plane)
        self._card = card("Molecule", self._picture, self._energies, visible=False)

    def themed(self, dark: bool) -> None:
        """Draw for a light or a dark page."""
        if self._dark is not dark:
            self._dark = dark
            self._pane.object = self._figure.element(dark)

    def hide(self) -> None:
        """No molecule is chosen."""
        self._card.visible = False

    def put(
        self, true: float, predicted: float, name: str = "", atoms: Atoms | None = None
    ) -> None:
        """A molecule with its energies (kcal/mol); without ``atoms`` there is no picture."""
        self._energies.object = signed(
            f"<p>true <b>{true:.1f}</b> · predicted <b>{predicted:.1f}</b> · "
            f"residual <b>{predicted - true:+.1f}</b> kcal/mol</p>"
        )
        if atoms is not None:
            molecule = projected(atoms)
            self._figure.send(molecule)
            self._label.object = html.escape(name)
            out = np.abs(molecule.heights).max()
            self._plane.object = (
                f"<p>Projected on its best plane, from which atoms stand up to {out:.1f} Å.</p>"
                if out > _FLAT
                else ""
            )
        self._picture.visible = atoms is not None
        self._card.visible = True

    def __panel__(self) -> pn.viewable.Viewable:
        return self._card


class ParityCard(pn.viewable.Viewer):
    """Predicted against true energies; axes are drawn again only where they change."""

    def __init__(self) -> None:
        super().__init__()
        self.figure, self._pane = ParityFigure(), figure()
        self._drawn: tuple[float, float, bool] | None = None
        self.card = card("Predicted against true", self._pane)

    def frame(self, energies: NDArray[np.float64], dark: bool) -> None:
        """Axes that hold all ``energies`` (kcal/mol), for a light or a dark page."""
        room = 0.04 * np.ptp(energies)
        limits = float(energies.min() - room), float(energies.max() + room)
        if self._drawn != (*limits, dark):
            self._drawn = (*limits, dark)
            self._pane.object = self.figure.element(limits, dark)

    def __panel__(self) -> pn.viewable.Viewable:
        return self.card


class CurvesCard(pn.viewable.Viewer):
    """Errors as curves over a key that wraps, or a sentence where there are none.

    ``plot`` is called with the curves, whether the page is dark, and the name of the model in
    front.
    """

    def __init__(self, title: str, sentence: str, plot: Callable[..., Any]) -> None:
        super().__init__()
        self._plot, self._pane, self._words = plot, figure(), hint("")
        self._drawn: tuple[Any, ...] = ()
        self._picture = hideable(self._pane)
        self.card = card(title, self._picture, self._words, sentence=sentence, visible=False)

    def draw(self, curves: Sequence[Errors], dark: bool, front: str, without: str = "") -> None:
        """The curves; where there are none say ``without``, or hide the card."""
        strong = front if any(curve.name == front for curve in curves) else None
        if curves and self._drawn != (curves, dark, strong):
            self._drawn = curves, dark, strong
            self._pane.object = self._plot(curves, dark, strong, legend=False)
        self._picture.visible = bool(curves)
        self._words.object = f"<p>{key(curves, front) if curves else without}</p>"
        self.card.visible = bool(curves or without)

    def __panel__(self) -> pn.viewable.Viewable:
        return self.card


def key(curves: Sequence[Errors], front: str) -> str:
    """What the colours mean; the page's theme makes Bokeh's own legend too large for a phone."""
    entries = []
    for curve in curves:
        dot = "○" if curve.name.startswith(JOINT) else "●"
        label = f"<b>{curve.label}</b>" if curve.name == front else curve.label
        mark = f'<span style="color: {model_colour(curve.name)}">{dot}</span>'
        entries.append(f'<span style="display: inline-block">{mark} {label}&ensp;</span>')
    return "".join(e for e, curve in zip(entries, curves, strict=True) if not curve.level)


def power_slider(page: Any) -> Any:
    """M in powers of √2, as the figure's axis has it; a link may ask for any M between."""
    steps = sorted({round(2 ** (k / 2)) for k in range(21)})

    def nearest(m: int) -> int:
        return min(steps, key=lambda step: abs(step - m))

    slider = prompt(
        pmui.DiscreteSlider(label="Terms M", options=steps, value=nearest(page.M), **LAYOUT)
    )

    def moved(event: param.parameterized.Event) -> None:
        if nearest(page.M) != event.new:
            page.M = event.new

    slider.param.watch(moved, "value")
    page.param.watch(lambda event: setattr(slider, "value", nearest(event.new)), "M")
    return slider


def row_select(page: Any, **options: Any) -> Any:
    """The rows of the page's study by their labels; the page's ``dictionary`` is the chosen one."""

    def labels() -> dict[str, str]:
        return {label: name for name, label in page.study.rows.items()}

    select = pmui.Select(label="Dictionary", options=labels(), value=page.dictionary, **options)

    def follow(*events: param.parameterized.Event) -> None:
        if page.dictionary in page.study.rows:
            select.param.update(options=labels(), value=page.dictionary)

    def choose(event: param.parameterized.Event) -> None:
        if event.new in page.study.rows:
            page.dictionary = event.new

    page.param.watch(follow, ["dataset", "dictionary"])
    select.param.watch(choose, "value")
    return select


def row(*cards: Any) -> pmui.Row:
    """Cards side by side where there is room; those that are hidden leave theirs to the others."""
    return pmui.Row(
        *cards,
        sizing_mode="stretch_width",
        margin=0,
        sx={
            "flexWrap": "wrap",
            "gap": "12px",
            "alignItems": "flex-start",
            "& > .child-wrapper > *": {"flex": "1 1 min(100%, 380px) !important"},
        },
    )
