"""Parts of the forces page: the trace of energies, what is said, and where it stands."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import panel as pn
import panel_material_ui as pmui

from appkit.dashboards.components import card, figure, hint, signed
from appkit.dashboards.forces_scene import STEP, TEACHERS, TEMPERATURE, Answer, Pupil
from appkit.figures.trace import Trace, TraceFigure

if TYPE_CHECKING:
    from appkit.dashboards.pages.forces import ForcesPage

#: Moves that are kept; older ones leave the figure.
KEPT = 300

_ALONG = {"drag": "moves", "relax": "steps of BFGS", "run": "time (fs)"}
_SAYS = {
    "drag": "Energy at each place where the atom was.",
    "relax": "Relaxing: down the predicted energy until no force exceeds 0.02 eV/Å.",
    "run": (
        f"Dynamics from velocities of {TEMPERATURE} K, in steps of {STEP} fs: potential and "
        "kinetic energy are exchanged, their sum stays, since forces are minus the gradient of "
        "the very energy that is drawn."
    ),
}


class TraceView(pn.viewable.Viewer):
    """Energies of the answers, in their order."""

    def __init__(self, page: ForcesPage) -> None:
        super().__init__()
        self._page = page
        self._figure = TraceFigure()
        self._pane = figure()
        self._says = hint("")
        self._drift = hint("")
        self.kind = ""
        self._first = 0
        self._answers: list[Answer] = []

    def begin(self, kind: str) -> None:
        """Forget what was drawn; ``kind`` is a drag, a relaxation or a run of dynamics."""
        self.kind, self._first, self._answers = kind, 0, []
        self._says.object, self._drift.object = f"<p>{_SAYS[kind]}</p>", ""
        self.draw()

    def add(self, answers: Sequence[Answer]) -> None:
        """Go on with newer answers."""
        if not self.kind:
            return
        self._answers += answers
        left_out = max(0, len(self._answers) - KEPT)
        self._first += left_out
        del self._answers[:left_out]
        trace = self.trace()
        self._figure.send(trace)
        if self.kind == "run":
            total = np.array(trace.values[trace.names.index("total")])
            self._drift.object = f"<p>The sum stays within <b>{np.ptp(total):.2g} kcal/mol</b>.</p>"

    def draw(self) -> None:
        """The figure anew, in the page's theme."""
        if self.kind:
            self._pane.object = self._figure.element(self.trace(), self._page.dark)

    def trace(self) -> Trace:
        """The answers as curves."""
        unit = STEP if self.kind == "run" else 1
        x = unit * (self._first + np.arange(len(self._answers)))
        energy = [_number(a.energy) for a in self._answers]
        names, values = ["potential" if self.kind == "run" else "predicted"], [energy]
        if self._page.compare:
            names.append("teacher")
            values.append([_number(a.true_energy) for a in self._answers])
        if self.kind == "run":
            kinetic = [_number(a.kinetic) for a in self._answers]
            names += ["kinetic", "total"]
            values += [kinetic, np.add(energy, kinetic).tolist()]
        return Trace(_ALONG[self.kind], tuple(names), x.tolist(), values)

    def __panel__(self) -> pn.viewable.Viewable:
        return card("Energy above the relaxed geometry", self._pane, self._says, self._drift)


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _written(energy: float) -> str:
    return signed(f"{round(energy, 2) + 0.0:.2f} kcal/mol")  # + 0.0: no minus before a zero


def in_words(pupil: Pupil, answer: Answer, state: str = "") -> str:
    """Energy and largest force, and the teacher's beside them where they were asked for."""
    if answer.energy is None or answer.forces is None:
        return "<p>No energy and no forces here.</p>"
    sizes = np.linalg.norm(answer.forces, axis=1)
    k = int(sizes.argmax())
    words = (
        f"Predicted: <b>{_written(answer.energy)}</b> above the relaxed geometry, "
        f"largest force <b>{sizes[k]:.2f} eV/Å</b> on {pupil.rest[k].symbol}{k + 1}."
    )
    if answer.true_energy is not None and answer.true_forces is not None:
        off = 1000 * np.sqrt(np.mean((answer.forces - answer.true_forces) ** 2))
        words += f" Teacher: <b>{_written(answer.true_energy)}</b>; "
        words += f"forces differ by {off:.0f} meV/Å (RMS)."
    return f"<p>{words}</p>" + (f"<p>{state}</p>" if state else "")


def warned(sentence: str) -> str:
    """A sentence that a person should not overlook; empty for none."""
    if not sentence:
        return ""
    return f"<p style='color:var(--mui-palette-secondary-main)'>{html.escape(sentence)}</p>"


def lesson(pupil: Pupil) -> str:
    """Who taught it, how much, and how well it learned."""
    name = next(name for name, key in TEACHERS.items() if key == pupil.teacher)
    formula = pupil.rest.get_chemical_formula("hill")
    return (
        f"<p>Energies of <b>{pupil.n_geometries} geometries</b> of {formula} by the teacher "
        f"<b>{html.escape(name)}</b>; no forces. All atoms are shaken (along each axis by a "
        "standard deviation of up to 0.1 Å), one of them is moved by up to 0.5 Å besides.</p>"
        f"<p>On {pupil.n_tests} others that it never saw: energy wrong by "
        f"<b>{pupil.energy_error:.2g} kcal/mol</b> on average (energies vary by "
        f"{pupil.energy_spread:.0f}), force components by "
        f"<b>{pupil.force_error:.0f} meV/Å</b> (RMS; forces are {pupil.force_size:,.0f}).</p>"
        "<p>The teacher is not nature: the page shows how well invariants learn an energy surface, "
        "whichever it is.</p>"
    )


def layout(left: Sequence[Any], first: Sequence[Any], *right: Any) -> pmui.Grid:
    """Choices on the left; on a phone the stage comes first and they come last."""
    stage, trace, taught = right
    gap = {"sizing_mode": "stretch_width", "margin": 0, "sx": {"gap": "12px"}}
    return pmui.Grid(
        pmui.Grid(pmui.Column(*left, **gap), size={"xs": 12, "md": 4, "lg": 3}),
        pmui.Grid(pmui.Column(*first, stage, **gap), size={"xs": 12, "md": 8, "lg": 5}),
        pmui.Grid(pmui.Column(trace, taught, **gap), size={"xs": 12, "lg": 4}),
        container=True,
        spacing=1.5,
        margin=0,
        sizing_mode="stretch_width",
        sx={"& > :nth-of-type(1)": {"order": {"xs": 3, "md": 0}}},
    )
