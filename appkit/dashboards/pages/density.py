"""Density and wavelets: from a molecule to ρ̃, to |ρ∗ψ_{j,θ}|, to what a motion leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from ase import Atoms

from appkit.dashboards import library
from appkit.dashboards.components import (
    LAYOUT,
    beside,
    card,
    figure,
    hideable,
    hint,
    on_tap,
    prompt,
    slider,
)
from appkit.dashboards.molecule_page import CHOICE, MoleculePage
from appkit.dashboards.pages.density_truth import TruthView
from appkit.dashboards.pages.density_views import MeterView, SheetView
from appkit.dashboards.scene import Scene
from appkit.energy.density import CHANNELS
from appkit.energy.geometry import NotPlanarError
from appkit.energy.molecules import check_elements
from appkit.figures.density import FieldFigure
from appkit.figures.picture import field_png

CHANNEL_NAMES = {
    "Valence electrons": "valence",
    "All electrons": "atomic",
    "Core electrons": "core",
    "Gaussians of width σ": "gaussian",
    "Point charges": "dirac",
}
assert set(CHANNEL_NAMES.values()) == set(CHANNELS)


class DensityPage(MoleculePage):
    """The molecule, its planar density and what wavelets make of it."""

    slug = "density"
    title = "Density and wavelets"
    icon = "blur_on"
    sentence = (
        "Choose a molecule. Its electrons become a density ρ̃ in the plane, a wavelet ψ of one "
        "scale and one angle reads it, and averages of |ρ̃∗ψ| no longer know where the molecule "
        "lies or how it is turned."
    )
    url = (
        *CHOICE,
        *("project", "channel", "sigma", "step"),
        *("J", "L", "j", "angle", "turn", "dx", "dy", "tab"),
    )

    project = param.Boolean(default=False, label="Project onto the best plane")
    channel: Any = param.Selector(default="valence", objects=CHANNEL_NAMES, label="Density of")
    sigma = param.Number(default=0.25, bounds=(0.05, 1.0), step=0.01, label="σ (Å)")
    step = param.Number(default=0.05, bounds=(0.005, 0.2), step=0.005, label="Grid step (Å)")
    J = param.Integer(default=5, bounds=(2, 10), label="Number of scales J")
    L = param.Integer(default=8, bounds=(4, 16), label="Number of angles L")
    j = param.Integer(default=1, bounds=(0, 9), label="Scale j")
    angle = param.Integer(default=0, bounds=(0, 15), label="Angle θ")
    turn = param.Number(default=0.0, bounds=(-180, 180), step=1, label="Turn (°)")
    dx = param.Number(default=0.0, bounds=(-1, 1), step=0.01, label="Shift x (Å)")
    dy = param.Number(default=0.0, bounds=(-1, 1), step=0.01, label="Shift y (Å)")
    tab = param.Integer(default=0, bounds=(0, 2), doc="Which tab is in front.")

    def __init__(self, **params: Any) -> None:
        params.setdefault("molecule", library.example())
        super().__init__(**params)
        self.density = FieldFigure("ρ̃", "e/Å²")
        self.modulus = FieldFigure("|ρ̃∗ψ|", "e/Å²", gamma=0.8)
        self.sheet = SheetView(self)
        self.meter = MeterView(self)
        self.truth = TruthView(self)
        self._density_pane = figure(self.density.element(self.dark))
        self._modulus_pane = figure(self.modulus.element(self.dark))
        on_tap(self.modulus.tap, self.sheet.point)

    # ---- what is shown -------------------------------------------------------------------

    def view(self) -> pn.viewable.Viewable:
        """Controls beside pictures; on a phone, under them."""
        controls = pmui.Column(
            card("Molecule", self.chooser, self._project_switch()),
            card("Density", *self._density_widgets()),
            card("Wavelet", *self._wavelet_widgets()),
            sizing_mode="stretch_width",
            margin=0,
            sx={"gap": "12px"},
        )
        tabs = pmui.Tabs(
            ("Scales × angles", self.sheet),
            ("Invariance meter", self.meter),
            ("True density", self.truth),
            active=self.tab,
            sizing_mode="stretch_width",
            margin=0,
        )
        tabs.link(self, active="tab", bidirectional=True)
        self.parts = {
            "density": hideable(card("Density ρ̃", self._density_pane)),
            "modulus": hideable(card("Modulus |ρ̃∗ψ|", self._modulus_pane)),
            "rest": hideable(tabs),
        }
        density, modulus, rest = self.parts.values()
        return beside(controls, hideable(density, self.have_not), modulus, rest)

    def _project_switch(self) -> pmui.Switch:
        return pmui.Switch.from_param(self.param.project, margin=(6, 0, 0, 0))

    def _density_widgets(self) -> list[Any]:
        sigma = slider(pmui.FloatSlider, self.param.sigma)
        sigma.visible = self.channel == "gaussian"
        self.param.watch(
            lambda event: setattr(sigma, "visible", event.new == "gaussian"), "channel"
        )
        channel = pmui.Select.from_param(
            self.param.channel, sizing_mode="stretch_width", margin=(6, 0)
        )
        return [channel, sigma, slider(pmui.FloatSlider, self.param.step, format="0.000")]

    def _wavelet_widgets(self) -> list[Any]:
        self._j = slider(pmui.IntSlider, self.param.j)
        self._angle = _angle_slider(self)
        self._says = hint("")
        return [
            self._j,
            self._angle,
            self._says,
            slider(pmui.IntSlider, self.param.J),
            slider(pmui.IntSlider, self.param.L),
        ]

    @param.depends("dark", watch=True)
    def _themed(self) -> None:
        self._density_pane.object = self.density.element(self.dark)
        self._modulus_pane.object = self.modulus.element(self.dark)
        self.sheet.themed()
        self.meter.draw()
        self.draw_modulus()
        self.truth.themed()

    # ---- from a choice to a scene --------------------------------------------------------

    def shown(self) -> None:
        """The URL has been applied: load what it names."""
        if self.rest is None:
            self._bank()  # a link may name a scale or an angle that its bank has not
        super().shown()

    @param.depends("project", watch=True)
    def _project(self) -> None:
        self.load()

    def lay(self) -> Callable[[Atoms], Scene]:
        """Into its plane, or onto the best one."""
        return partial(self._laid, project=self.project)

    @staticmethod
    def _laid(atoms: Atoms, project: bool) -> Scene:
        try:
            return Scene.of(check_elements(atoms), project=project)
        except NotPlanarError as error:
            raise ValueError(
                f"{error} The switch 'Project onto the best plane' does it here."
            ) from error

    def _loaded(self, rest: Scene) -> None:
        if self.rest not in (None, rest):
            self.truth.forget()
        super()._loaded(rest)

    def scene(self) -> Scene | None:
        """What the parameters describe; None before a molecule was chosen."""
        if self.rest is None:
            return None
        return Scene(
            self.rest.symbols,
            self.rest.positions,
            channel=self.channel,
            sigma=self.sigma,
            step=self.step,
            J=self.J,
            L=self.L,
            turn=self.turn,
            shift=(self.dx, self.dy),
        )

    # ---- from a scene to pictures --------------------------------------------------------

    @param.depends("channel", "sigma", "step", "turn", "dx", "dy", watch=True)
    def draw(self) -> None:
        """All that depends on the density."""
        self.submit("density", lambda scene: (scene.picture(), scene.atoms), self._drawn)
        self.draw_modulus()
        self.sheet.draw()
        self.meter.draw()

    def draw_modulus(self) -> None:
        """The modulus and the wavelet in front."""
        j, angle, dark = self.j, self.angle, self.dark

        def work(scene: Scene) -> tuple[Any, ...]:
            still = replace(scene, turn=0.0, shift=(0.0, 0.0))
            return scene.modulus(j, angle), scene.atoms, _wavelet(still, j, angle, dark)

        self.submit("modulus", work, self._drawn_modulus)

    @param.depends("j", "angle", watch=True)
    def _wavelet_moved(self) -> None:
        self.draw_modulus()
        self.sheet.draw_second()

    @param.depends("tab", watch=True)
    def _tab(self) -> None:
        """What was not drawn while it was behind."""
        self.sheet.draw()
        self.meter.draw()

    @param.depends("J", "L", watch=True)
    def _bank(self) -> None:
        self.param.j.bounds = (0, self.J - 1)
        self.param.angle.bounds = (0, self.L - 1)
        self._j.end = self.J - 1
        self.param.update(j=min(self.j, self.J - 1), angle=min(self.angle, self.L - 1))
        self.draw_modulus()
        self.sheet.draw()
        self.meter.draw()

    def _drawn(self, result: Any) -> None:
        self.density.send(*result)

    def _drawn_modulus(self, result: Any) -> None:
        field, atoms, self._says.object = result
        self.modulus.send(field, atoms)


def _angle_slider(page: DensityPage) -> pmui.DiscreteSlider:
    """The angle in degrees; the page and its address count steps of 180° / L."""

    def steps() -> dict[str, int]:
        return {f"{180 * step / page.L:g}°": step for step in range(page.L)}

    angle = prompt(
        pmui.DiscreteSlider(label="Angle θ", options=steps(), value=page.angle, **LAYOUT)
    )
    angle.param.watch(lambda event: setattr(page, "angle", event.new), "value")

    def follow(*events: param.parameterized.Event) -> None:
        angle.param.update(options=steps(), value=min(page.angle, page.L - 1))

    page.param.watch(follow, ["angle", "L"])
    return angle


@lru_cache(maxsize=64)
def _wavelet(scene: Scene, j: int, angle: int, dark: bool) -> str:
    """The wavelet in front and what it is."""
    values, length = scene.wavelet(j, angle).values, scene.bank.wavelength(j)
    centre = values.shape[0] // 2
    half = min(round(2 * length / scene.step), centre)
    part = slice(centre - half, centre + half)
    picture = field_png(values[part, part], dark, signed=True, size=112)
    return (
        f"<div style='display:flex;gap:14px;align-items:center'>"
        f"<img src='{picture}' alt='wavelet' width='84' height='84' style='border-radius:6px;"
        f"border:1px solid var(--mui-palette-divider)'><p>ψ of scale j = {j} oscillates once in "
        f"<b>{length:.2g} Å</b> along <b>{180 * angle / scene.L:g}°</b>. The picture is "
        f"{2 * half * scene.step:.2g} Å wide.</p></div>"
    )
