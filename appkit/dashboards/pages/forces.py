"""Forces: a calculator learns a molecule, then a person drags its atoms and sees it answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
from ase import Atoms
from numpy.typing import NDArray

from appkit.dashboards import forces_scene, library
from appkit.dashboards.components import LongWork, card, hideable, hint
from appkit.dashboards.components.stage import MoleculeStage
from appkit.dashboards.forces_scene import MAX_ATOMS, STEP, TEACHERS, Answer, Pupil, check_small
from appkit.dashboards.molecule_page import CHOICE, MoleculePage
from appkit.dashboards.pages.forces_views import TraceView, in_words, layout, lesson
from appkit.dashboards.pages.forces_views import warned as as_warning

_BUTTON: dict[str, Any] = {"variant": "outlined", "size": "small", "margin": (2, 6, 2, 0)}


class ForcesPage(MoleculePage):
    """Energy and forces of a small molecule while its atoms are dragged, relax or move."""

    slug = "forces"
    title = "Forces"
    icon = "open_with"
    sentence = (
        "A model of invariants learns the energy of a molecule from a few hundred distorted "
        "geometries. Nobody told it forces: they are −∇f of what it learned. Drag an atom and see "
        "the molecule pull back."
    )
    url = (*CHOICE, "teacher", "compare")

    teacher: Any = param.Selector(default="mmff", objects=TEACHERS, label="Teacher")
    compare = param.Boolean(default=False, label="Show the teacher")

    def __init__(self, **params: Any) -> None:
        params.setdefault("molecule", "Water")
        chooser = {"shelf": _small(library.spatial()), "flat": False}
        super().__init__(chooser, **params)
        self.pupil: Pupil | None = None
        self.positions: NDArray[np.float64] = np.zeros((0, 3))
        self.refused = False  # the geometry in front, by the calculator
        self.stage = MoleculeStage(height=400, sizing_mode="stretch_width", margin=0)
        self.stage.on_moved = self._moved
        self.trace = TraceView(self)
        self.work = LongWork(self.jobs, "learn", "Learn", self._start, self._learned, icon="school")
        self._lesson, self._says, self._warning = hint(""), hint(""), hint("")
        self._buttons = {
            "relax": pmui.Button(label="Relax", icon="south", **_BUTTON),
            "run": pmui.Button(label="Run dynamics", icon="animation", **_BUTTON),
            "stop": pmui.Button(label="Stop", icon="stop", disabled=True, **_BUTTON),
            "reset": pmui.Button(label="Reset", icon="restart_alt", **_BUTTON),
        }
        self._buttons["relax"].on_click(lambda event: self.relax())
        self._buttons["run"].on_click(lambda event: self.run())
        self._buttons["stop"].on_click(lambda event: self.jobs.cancel("run"))
        self._buttons["reset"].on_click(lambda event: self.reset())

    # ---- what is shown -------------------------------------------------------------------

    def view(self) -> pn.viewable.Viewable:
        """Molecule and teacher beside the stage and the trace; on a phone, under them."""
        choice = card(
            "Molecule", self.chooser, hint(f"Up to {MAX_ATOMS} atoms, hydrogens included.")
        )
        teacher = card(
            "Teacher",
            pmui.Select.from_param(self.param.teacher, sizing_mode="stretch_width", margin=(6, 0)),
            pmui.Switch.from_param(self.param.compare, margin=(6, 0, 0, 0)),
            hint("Its energy and forces at the same geometry, in the other colour."),
        )
        stage = card(
            "Drag an atom",
            self.stage,
            pmui.Row(*self._buttons.values(), margin=0, sx={"flexWrap": "wrap"}),
            self._says,
            self._warning,
            sentence=(
                "Drag elsewhere to turn the molecule. With the keyboard: Tab or a number brings an "
                "atom, arrow keys and PageUp/PageDown move it by 0.02 Å, with Shift by 0.1 Å."
            ),
        )
        self._learning = hideable(
            card(
                "Learning the molecule",
                self.work,
                sentence="The teacher computes energies of distorted geometries, the model learns "
                "them from the invariants of |ρ∗ψ|, and is tested on geometries it never saw.",
            ),
            visible=False,
        )
        taught = card("What it has learned", self._lesson)
        self._playing = [hideable(part, visible=False) for part in (stage, self.trace, taught)]
        self._arrange()
        return layout((choice, teacher), (self._learning, self.have_not), *self._playing)

    def _arrange(self) -> None:
        """The stage where there is a pupil, else what is missing."""
        for part in self._playing:
            part.visible = self.pupil is not None
        self._learning.visible = self.rest is not None and self.pupil is None
        self.have_not.visible = self.rest is None

    def _settled(self) -> None:
        self._arrange()

    @param.depends("dark", watch=True)
    def _themed(self) -> None:
        self.trace.draw()

    # ---- from a choice to a pupil --------------------------------------------------------

    def lay(self) -> Callable[[Atoms], Atoms]:
        """Small molecules alone."""
        return check_small

    def load(self) -> None:
        """What was said of the last molecule's motion goes."""
        self.message.clear("run")
        super().load()

    @param.depends("teacher", watch=True)
    def draw(self) -> None:
        """Learn the molecule from the teacher."""
        if self.rest is None:
            return
        for slot in ("run", "answer"):
            self.jobs.cancel(slot)
        self.pupil = None
        self._arrange()
        self.work.start()

    def _start(self) -> Any:
        atoms, teacher = self.rest, self.teacher
        return lambda task: forces_scene.learn(atoms, teacher, task)

    def _learned(self, pupil: Pupil) -> None:
        self.pupil = pupil
        self._lesson.object = lesson(pupil)
        self.stage.lay(pupil.rest)
        self.reset()
        self._arrange()

    # ---- questions and answers -----------------------------------------------------------

    def reset(self) -> None:
        """Back to the relaxed geometry."""
        if self.pupil is not None:
            self.trace.begin("drag")
            self._ask(self.pupil.rest.positions, None)

    def _moved(self, positions: NDArray[np.float64], serial: int) -> None:
        """A person moved an atom."""
        if self.trace.kind != "drag":
            self.trace.begin("drag")
        self._ask(positions, serial)

    @param.depends("compare", watch=True)
    def _compared(self) -> None:
        self.trace.draw()
        if self.pupil is not None and not self.jobs.busy("run"):
            self._ask(self.positions, None)

    def _ask(self, positions: NDArray[np.float64], serial: int | None) -> None:
        pupil, compare = self.pupil, self.compare
        if pupil is None:
            return
        self.jobs.cancel("run")
        self.message.clear("run")
        self.positions = positions
        self.jobs.submit(
            "answer",
            lambda task: (pupil, serial, forces_scene.answer(pupil, positions, compare)),
            lambda result: self._answered(*result),
        )

    def _answered(self, pupil: Pupil, serial: int | None, answer: Answer) -> None:
        if pupil is self.pupil:
            self._show(answer, serial)
            if self.trace.kind == "drag":
                self.trace.add([answer])

    def relax(self) -> None:
        """Down the predicted energy, step by step."""
        self._animate("relax", forces_scene.relax, lambda step: f"Relaxing, step {step}")

    def run(self) -> None:
        """Dynamics from where the atoms are."""
        self._animate("run", forces_scene.run, lambda step: f"Dynamics, {step * STEP:g} fs")

    def _animate(self, kind: str, steps: Any, said: Callable[[int], str]) -> None:
        """Show the answers of a worker as they come."""
        pupil, start = self.pupil, self.positions
        if pupil is None or self.refused:
            return
        self.jobs.cancel("answer")
        fresh: list[Answer] = []  # not yet shown

        def work(task: Any) -> None:
            for i, answer in enumerate(steps(pupil, start, lambda: self.compare)):
                fresh.append(answer)
                task.progress(0, said(i))

        def show(fraction: float = 0, state: str = "") -> None:
            new = fresh[:]
            del fresh[: len(new)]
            if new and pupil is self.pupil:
                self.positions = new[-1].positions
                self._show(new[-1], None, state)
                self.trace.add(new)

        self.trace.begin(kind)
        self._says.object, self._warning.object = "<p>Waiting for a worker…</p>", ""
        self.jobs.submit(
            "run",
            work,
            lambda value: show(),
            long=True,
            progress=show,
            ended=self._offer,
        )
        self._offer()

    def _offer(self) -> None:
        """The buttons that make sense now: no motion starts where there are no forces."""
        busy = self.jobs.busy("run")
        self._buttons["stop"].disabled = not busy
        self._buttons["relax"].disabled = self._buttons["run"].disabled = busy or self.refused

    def _show(self, answer: Answer, serial: int | None, state: str = "") -> None:
        self.stage.answer(answer.positions, answer.forces, answer.true_forces, serial)
        assert self.pupil is not None
        self._says.object = in_words(self.pupil, answer, state)
        self._warning.object = as_warning(answer.warning)
        self.refused = answer.energy is None
        self._offer()


def _small(shelf: library.Shelf) -> library.Shelf:
    """What this page can learn."""
    atoms = {label: a for label, a in shelf.atoms.items() if 1 < len(a) <= MAX_ATOMS}
    return library.Shelf(
        {name: label for name, label in shelf.names.items() if label in atoms}, atoms
    )
