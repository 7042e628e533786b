"""The invariance meter: sliders that move a molecule, bars of how much each invariant changed."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import panel as pn
import panel_material_ui as pmui
import param

from appkit.dashboards.components.card import card, figure, hint
from appkit.dashboards.components.slider import slider
from appkit.figures.density import MeterFigure


class Meter(pn.viewable.Viewer):
    """A card with a slider for each of ``moves``, a sentence and the bars.

    Parameters
    ----------
    moves : numbers of a page that move its molecule.
    sentence : what the bars mean.
    """

    def __init__(self, moves: Sequence[param.Number], sentence: str) -> None:
        super().__init__()
        self._moves, self._sentence = moves, sentence
        self._figure, self._pane = MeterFigure(), figure()
        self._shown: tuple[tuple[str, ...], bool] | None = None  # labels and theme of the bars
        self.says = hint("Move the molecule.")

    def draw(self, changes: pd.DataFrame, words: str, dark: bool) -> None:
        """Relative changes (columns ``label``, ``change``, ``order``), and the same in words."""
        shown = tuple(changes["label"]), dark
        self._figure.send(changes)
        if shown != self._shown:
            self._shown = shown
            self._pane.object = self._figure.element(*shown)
        self.says.object = f"<p>{words}</p>"

    def __panel__(self) -> pn.viewable.Viewable:
        size = {"xs": 12, "sm": 4} if len(self._moves) == 3 else {"xs": 12, "sm": 6, "lg": 3}
        return card(
            "Invariance meter",
            pmui.Grid(
                *(pmui.Grid(slider(pmui.FloatSlider, move), size=size) for move in self._moves),
                container=True,
                spacing=1.5,
                margin=0,
            ),
            self.says,
            self._pane,
            sentence=self._sentence,
        )


def percent(value: float) -> str:
    """A relative change in words."""
    if value < 1e-6:
        return "less than 0.0001 %"
    return f"{100 * value:.0f} %" if value >= 0.1 else f"{100 * value:.2g} %"
