"""The true PBE density of the page's molecule beside the sum of its isolated atoms."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import torch
from ase import Atoms

from appkit.dashboards.components import LongWork, card, figure, hideable, hint
from appkit.dashboards.jobs import Task
from appkit.dashboards.scene import Scene
from appkit.figures.density import FieldFigure

if TYPE_CHECKING:
    from appkit.dashboards.pages.density import DensityPage

STEP = 0.08  # Å: DFT densities are smooth beyond the nuclei
TOP = 3.0  # e/Å²: where the colours end; bonds have about 2, a sulphur's core some hundreds
CYCLES = 12  # a self-consistent field of a small molecule takes about as many


class TruthView(pn.viewable.Viewer):
    """Runs DFT when asked; three pictures: true, isolated atoms, difference."""

    def __init__(self, page: DensityPage) -> None:
        super().__init__()
        self._page = page
        self._figures = (
            FieldFigure("∫ρ dz", "e/Å²", top=TOP),
            FieldFigure("∫ρ̃ dz", "e/Å²", top=TOP),
            FieldFigure("difference", "e/Å²", signed=True),
        )
        self._panes = tuple(figure() for _ in self._figures)
        self._pictures = hideable(self._grid(), visible=False)
        self._drawn = False
        self._says = hint("")
        self.work = LongWork(page.jobs, "truth", "Compute the PBE density", self._start, self._done)

    def themed(self) -> None:
        """Draw again in the page's other theme."""
        if self._drawn:
            self._put()

    def forget(self) -> None:
        """Another molecule stands above: what belongs to the last one goes."""
        self._page.jobs.cancel("truth")
        self._says.object = ""
        self._pictures.visible = False

    def _put(self) -> None:
        for pane, fig in zip(self._panes, self._figures, strict=True):
            pane.object = fig.element(self._page.dark)

    def _start(self) -> Any:
        scene = self._page.scene()
        if scene is None:
            raise ValueError("Choose a molecule first.")
        return lambda task: true_density(scene, task)

    def _done(self, result: tuple[Scene, float, np.ndarray, np.ndarray]) -> None:
        scene, energy, true, atoms = result
        pictures = (true, atoms, true - atoms)
        for fig, values in zip(self._figures, pictures, strict=True):
            fig.send(scene.shown(torch.as_tensor(values)), scene.atoms)
        if not self._drawn:
            self._drawn = True
            self._put()
        self._pictures.visible = True
        moved = np.abs(true - atoms).sum() * scene.step**2 / 2
        self._says.object = (
            f"<p>{scene.formula}, PBE / def2-SVP: total energy {energy:.4f} Eh. When the molecule "
            f"forms, <b>{moved:.2f} electrons</b> move: into the bonds, and towards the more "
            f"electronegative atoms. Colours end at {TOP:g} e/Å²; nuclei rise higher.</p>"
        )

    def _grid(self) -> pmui.Grid:
        titles = ("True density", "Sum of isolated atoms", "True − atoms")
        return pmui.Grid(
            *(
                pmui.Grid(hint(f"<b>{title}</b>"), pane, size={"xs": 12, "sm": 4})
                for title, pane in zip(titles, self._panes, strict=True)
            ),
            container=True,
            spacing=1.5,
            margin=0,
        )

    def __panel__(self) -> pn.viewable.Viewable:
        return card(
            "How far is ρ̃ from the truth?",
            self.work,
            self._says,
            self._pictures,
            sentence=(
                "ρ̃ adds up isolated atoms; DFT lets their electrons move. Both are seen from above "
                "here (integrated over z), since a molecule has no centre to condense around. "
                "Needs PySCF; a small molecule takes some seconds."
            ),
        )


def true_density(scene: Scene, task: Task) -> tuple[Scene, float, np.ndarray, np.ndarray]:
    """The scene on a coarser grid, the energy (Eh), ∫ρ dz of the molecule and of its atoms.

    Raises as `appkit.energy.dft.solve`; leaves where the task was cancelled.
    """
    from appkit.energy import dft

    scene = replace(scene, step=STEP, turn=0.0, shift=(0.0, 0.0), channel="atomic")
    flat = np.column_stack([np.array(scene.positions), np.zeros(len(scene.symbols))])

    def progress(cycle: int, energy: float) -> None:
        done = 0.7 * min(cycle / CYCLES, 1)
        task.progress(done, f"self-consistent field: cycle {cycle}, {energy:.4f} Eh")

    density = dft.solve(Atoms(list(scene.symbols), flat), progress=progress)
    task.progress(0.75, "the molecule's density on the grid")
    true = density.integrated(scene.grid)
    task.progress(0.9, "the isolated atoms' density on the grid")
    atoms = density.isolated_atoms().integrated(scene.grid)
    assert density.energy is not None  # a molecule that was solved has one
    return scene, density.energy, true, atoms
