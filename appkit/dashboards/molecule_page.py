"""A page of one molecule: chosen, laid on a worker into a scene, and drawn from there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import param

from appkit.dashboards.components import MoleculeChooser, card, hideable
from appkit.dashboards.components.chooser import Asked
from appkit.dashboards.page import AppPage, UrlString

#: The parameters that say which molecule, for a page's ``url``.
CHOICE = ("way", "molecule", "smiles")
_DIMMED = {"opacity": 0.35, "filter": "grayscale(1)"}


class MoleculePage(AppPage):
    """Base of the pages that draw one molecule.

    A page says what it wants of its `MoleculeChooser`, lays the chosen molecule into a scene of its
    own (`lay`), draws all of it (`draw`), and keeps in ``parts`` what is hidden while there is no
    molecule, each by the slot of its picture.
    """

    way: Any = param.Selector(default="library", objects=["library", "smiles", "file"])
    molecule = UrlString(default="", doc="Label in the set.")
    smiles = UrlString(default="", doc="SMILES typed by a person.")

    def __init__(self, chooser: Mapping[str, Any] | None = None, **params: Any) -> None:
        super().__init__(**params)
        self.rest: Any = None  # the scene as it was laid
        self.parts: dict[str, Any] = {}
        self._seen: set[str] = set()  # slots whose picture was drawn
        self._asked: Asked | None = None  # the choice that `rest` came from
        self._note = ""
        self.chooser = MoleculeChooser(
            **(chooser or {}), way=self.way, molecule=self.molecule, smiles=self.smiles
        )
        self.have_not = hideable(
            card(
                "No molecule yet", sentence="Choose one of the set, type a SMILES or bring a file."
            ),
            visible=False,
        )
        for name in CHOICE:
            self.chooser.param.watch(lambda event: setattr(self, event.name, event.new), name)
        self.chooser.param.watch(lambda event: self.load(), "chosen")

    def lay(self) -> Callable[[Any], Any]:
        """From what was chosen to a scene, on a worker; ValueError for one that cannot be shown."""
        raise TypeError(f"{type(self).__name__} must define lay().")

    def scene(self) -> Any:
        """What the parameters describe; None before a molecule was chosen."""
        raise TypeError(f"{type(self).__name__} must define scene().")

    def draw(self) -> None:
        """All that depends on the molecule."""
        raise TypeError(f"{type(self).__name__} must define draw().")

    def shown(self) -> None:
        """The URL has been applied: load what it names."""
        if self.rest is None:
            self.load()

    @param.depends(*CHOICE, watch=True)
    def _follow_url(self) -> None:
        self.chooser.param.update(molecule=self.molecule, smiles=self.smiles, way=self.way)

    def load(self) -> None:
        """Lay the chosen molecule, and let the chooser say what is shown if that was refused."""
        lay, asked = self.lay(), self.chooser.asked

        def work(task: Any) -> Any:
            chosen = self.chooser.load()
            return None if chosen is None else (lay(chosen), note(chosen))

        def done(laid: Any) -> None:
            if laid is not None:
                rest, self._note = laid
                self._asked = asked
                self._loaded(rest)

        def ended() -> None:
            self.chooser.tell(self._asked, self._note)
            self._settled()

        self.jobs.submit("molecule", work, done, ended=ended)

    def _loaded(self, rest: Any) -> None:
        self.rest = rest
        self.draw()

    def _settled(self) -> None:
        """A refused molecule leaves the last one in place; without one there is nothing to show."""
        for part in self.parts.values():
            part.visible = self.rest is not None
        self.have_not.visible = self.rest is None

    def submit(
        self,
        slot: str,
        work: Callable[[Any], Any],
        done: Callable[[Any], None],
        calm: float = 0.0,
    ) -> bool:
        """Compute ``work(scene)`` on a worker and hand it to ``done``, see `Jobs.submit`.

        False, and nothing is computed, where the parameters describe no scene.
        """
        try:
            scene = self.scene()
        except ValueError as error:
            self.message.say(slot, str(error))
            self._ended(slot)
            return False
        if scene is None:
            return False

        def finished(value: Any) -> None:
            done(value)
            self._seen.add(slot)

        ended = partial(self._ended, slot)
        self.jobs.submit(slot, lambda task: work(scene), finished, calm=calm, ended=ended)
        return True

    def _ended(self, slot: str) -> None:
        """What was refused leaves the last picture, which is dimmed, or no empty axes."""
        if slot in self.parts and not self.jobs.busy(slot):
            self.parts[slot].visible = slot in self._seen
            self.parts[slot].sx = _DIMMED if self.message.says(slot) else {}


def note(chosen: Any) -> str:
    """What a person should know of a molecule from a file."""
    frames = getattr(chosen, "info", {}).get("frames", 1)
    return f"The first of {frames:,} frames is shown." if frames > 1 else ""
