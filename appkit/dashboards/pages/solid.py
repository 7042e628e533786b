"""Solid harmonics: a molecule in space, its wavelets' fields, what they pool, what it is worth."""

from __future__ import annotations

import html
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from ase import Atoms

from appkit.dashboards import library
from appkit.dashboards.components import Files, beside, card, figure, hideable, hint, slider
from appkit.dashboards.molecule_page import CHOICE, MoleculePage
from appkit.dashboards.pages.solid_views import InvariantsView, MotionView, SpaceView
from appkit.dashboards.solid_scene import SolidScene
from appkit.dashboards.space_scene import PLANES, POWERS, J, L, Shown, SpaceScene
from appkit.dashboards.volume_scene import VolumeScene
from appkit.energy import Sampling, VolumetricDensity
from appkit.energy.molecules import MAX_ATOMS, from_xyz
from appkit.figures.density import FieldFigure

CHANNEL_NAMES = {
    "All electrons": "nuclear",
    "Valence electrons": "valence",
    "Core electrons": "core",
    "Bonds": "bond",
}
#: Largest cube file, bytes: 100³ samples have 13 MB. Browsers count MB of 2²⁰ bytes.
MAX_CUBE = 20 * 2**20
POWER_NAMES = dict(zip(("½", "1", "2", "3"), POWERS, strict=True))


def _read(content: bytes, name: str) -> Atoms | VolumetricDensity:
    """A molecule, or the density of a file that is named as cube files are."""
    if name.lower().endswith((".cube", ".cub")):
        return VolumetricDensity.from_cube(io.StringIO(content.decode(errors="replace")))
    return from_xyz(content)


FILES = Files(
    "Choose an xyz or cube file",
    f"A molecule of up to {MAX_ATOMS} atoms, in Å, or a density on a grid (Gaussian's .cube, "
    f"e/bohr³) of up to {MAX_CUBE // 2**20} MB. It stays here.",
    MAX_CUBE,
    _read,
)


def _laid(chosen: Atoms | VolumetricDensity) -> SpaceScene:
    if isinstance(chosen, VolumetricDensity):
        return VolumeScene.of(chosen)
    return SolidScene.of(chosen)


class SolidPage(MoleculePage):
    """Fields |ρ∗ψ_{l,j}| on a plane and in space, their invariants, and the grid's rules."""

    slug = "solid"
    title = "Solid harmonics"
    icon = "view_in_ar"
    sentence = (
        "Each atom becomes a small cloud of width σ. A wavelet ψ of degree l and scale j reads the "
        "density ρ of a molecule from all sides at once: added up over space, |ρ∗ψ| no longer "
        "knows how the molecule lies."
    )
    url = (
        *CHOICE,
        *("channel", "direct", "overlap", "aliasing", "sigma", "step", "l", "j", "j2", "q"),
        *("plane", "offset", "sampled", "level", "surface", "turn", "tilt", "dx", "dy"),
    )

    channel: Any = param.Selector(default="nuclear", objects=CHANNEL_NAMES, label="Density of")
    direct = param.Boolean(default=False, label="Set σ and δ myself")
    overlap = param.Number(default=0.1, bounds=(0.01, 0.6), step=0.01, label="Overlap α")
    aliasing = param.Number(default=-3, bounds=(-6, -0.5), step=0.1, label="Aliasing log₁₀ ε")
    sigma = param.Number(default=0.25, bounds=(0.1, 1.0), step=0.01, label="σ (Å)")
    step = param.Number(default=0.2, bounds=(0.02, 1.0), step=0.01, label="δ (Å)")
    l = param.Integer(default=1, bounds=(0, L), label="Degree l")
    j = param.Integer(default=1, bounds=(0, J), label="Scale j")
    j2 = param.Integer(default=0, bounds=(0, J), label="Second scale j′ (0: none)")
    q: Any = param.Selector(default=1, objects=POWER_NAMES, label="Exponent q")
    plane: Any = param.Selector(default="xy", objects=list(PLANES), label="")
    offset = param.Number(default=0.0, bounds=(-5, 5), step=0.05, label="Offset (Å)")
    sampled = param.Boolean(default=False, label="Only the grid's samples")
    level = param.Number(default=0.3, bounds=(0.1, 0.9), step=0.01, label="Level (of the peak)")
    surface: Any = param.Selector(
        default="field", objects={"U": "field", "ρ": "density"}, label="Surface of"
    )
    turn = param.Number(default=0.0, bounds=(-180, 180), step=1, label="Turn about z (°)")
    tilt = param.Number(default=0.0, bounds=(-90, 90), step=1, label="Tilt about x (°)")
    dx = param.Number(default=0.0, bounds=(-1, 1), step=0.01, label="Shift x (Å)")
    dy = param.Number(default=0.0, bounds=(-1, 1), step=0.01, label="Shift y (Å)")

    def __init__(self, **params: Any) -> None:
        params.setdefault("molecule", "Caffeine")
        super().__init__({"shelf": library.spatial(), "flat": False, "files": FILES}, **params)
        self.density = FieldFigure("ρ", "e/Å³")
        self.field = FieldFigure("U", "e/Å³", gamma=0.8)
        self._density_pane, self._field_pane = figure(), figure()
        self._told, self._says, self._which = hint(""), hint(""), hint("")
        self.space = SpaceView(self)
        self.invariants = InvariantsView(self)
        self.motion = MotionView(self)
        self._framed()

    # ---- what is shown -------------------------------------------------------------------

    def view(self) -> pn.viewable.Viewable:
        """Controls beside the molecule in space and a slice; then ρ, the invariants, the meter."""
        controls = pmui.Column(
            card("Molecule", self.chooser),
            card("Wavelet", *self._wavelet_widgets()),
            card("Slice", *self._slice_widgets()),
            card("Density and grid", *self._sampling_widgets()),
            sizing_mode="stretch_width",
            margin=0,
            sx={"gap": "12px"},
        )
        self.parts = {
            "surface": hideable(self.space),
            "field": hideable(card("U = |ρ∗ψ| on a plane", self._field_pane, self._which)),
            "density": hideable(card("Density ρ on the same plane", self._density_pane)),
            "table": hideable(self.invariants),
            "meter": hideable(self.motion),
        }
        space, field, density, table, meter = self.parts.values()
        below = pmui.Grid(
            pmui.Grid(density, size={"xs": 12, "md": 6}),
            pmui.Grid(table, size={"xs": 12, "md": 6}),
            pmui.Grid(meter, size=12),
            container=True,
            spacing=1.5,
            margin=0,
        )
        return beside(controls, hideable(space, self.have_not), field, hideable(below))

    def _sampling_widgets(self) -> list[Any]:
        channel = pmui.Select.from_param(
            self.param.channel, sizing_mode="stretch_width", margin=(6, 0)
        )
        numbers = self.param.overlap, self.param.aliasing, self.param.sigma, self.param.step
        self._offered = {"channel": hideable(channel)}
        self._offered |= {p.name: hideable(slider(pmui.FloatSlider, p)) for p in numbers}
        self._switch = pmui.Switch.from_param(self.param.direct, margin=(6, 0, 0, 0))
        self._offer()
        return [*self._offered.values(), self._switch, self._told]

    @param.depends("direct", watch=True)
    def _offer(self) -> None:
        """Show the widgets that have an effect; the samples of a file are what they are."""
        volume = isinstance(self.rest, VolumeScene)
        self._switch.label = "Set σ myself" if volume else self.param.direct.label
        offered = {"sigma"} if self.direct else {"overlap"} if self._follows(self.rest) else set()
        if not volume:
            offered |= {"channel", "step" if self.direct else "aliasing"}
        for name, widget in self._offered.items():
            widget.visible = name in offered

    def _follows(self, scene: SpaceScene | None) -> bool:
        """Whether σ changes with α: not where a file's samples are too coarse for the rule's."""
        if not isinstance(scene, VolumeScene):
            return True
        widest = self.param.overlap.bounds[1]
        return scene.distance is not None and (
            Sampling(scene.distance, widest).sigma > scene.least_sigma
        )

    def _loaded(self, rest: SpaceScene) -> None:
        super()._loaded(rest)
        self._offer()

    def _wavelet_widgets(self) -> list[Any]:
        scales = (self.param.l, self.param.j, self.param.j2)
        return [*(slider(pmui.IntSlider, p) for p in scales), self._says]

    def _slice_widgets(self) -> list[Any]:
        plane = pmui.RadioButtonGroup.from_param(
            self.param.plane, size="small", color="primary", sizing_mode="stretch_width", margin=0
        )
        switch = pmui.Switch.from_param(self.param.sampled, margin=(6, 0, 0, 0))
        return [plane, slider(pmui.FloatSlider, self.param.offset), switch]

    @param.depends("dark", "plane", watch=True)
    def _framed(self) -> None:
        """Axes have the plane's names."""
        names = dict(zip(("xlabel", "ylabel"), (f"{axis} (Å)" for axis in self.plane), strict=True))
        self._density_pane.object = self.density.element(self.dark, **names)
        self._field_pane.object = self.field.element(self.dark, **names)

    @param.depends("dark", watch=True)
    def _themed(self) -> None:
        self.space.draw()
        self.invariants.themed()
        self.motion.draw()

    # ---- from a choice to a scene --------------------------------------------------------

    def lay(self) -> Callable[[Atoms | VolumetricDensity], SpaceScene]:
        """A molecule lies along its principal axes, a density as it came."""
        return _laid

    def scene(self) -> SpaceScene | None:
        """What the parameters describe; ValueError where a rule cannot be applied."""
        rest = self.rest
        if isinstance(rest, VolumeScene):
            return replace(rest, sigma=self.sigma if self.direct else self._narrowest(rest))
        if not isinstance(rest, SolidScene):
            return None
        sigma, step = self.sigma, self.step
        if not self.direct:
            sampling = self.sampling(rest)
            sigma, step = sampling.sigma, sampling.step
        return replace(
            rest,
            channel=self.channel,
            sigma=sigma,
            step=step,
            turn=self.turn,
            tilt=self.tilt,
            shift=(self.dx, self.dy),
        )

    def sampling(self, scene: SpaceScene) -> Sampling:
        """The talk's rules for the molecule."""
        if scene.distance is None:
            raise ValueError(
                "A single atom has no distance from which a width could follow: switch to 'Set σ "
                "and δ myself'."
            )
        return Sampling(scene.distance, self.overlap, 10**self.aliasing)

    def _narrowest(self, scene: VolumeScene) -> float:
        """By the talk's rule where there are atoms, but no less than the grid resolves."""
        least = scene.least_sigma
        return least if scene.distance is None else max(least, self.sampling(scene).sigma)

    @property
    def path(self) -> Shown:
        """The field in front; of the second order where j′ is coarser than j."""
        return Shown(2, self.l, self.j, self.j2) if self.j2 > self.j else Shown(1, self.l, self.j)

    # ---- from a scene to pictures --------------------------------------------------------

    @param.depends("channel", "direct", "overlap", "sigma", watch=True)
    def draw(self) -> None:
        """All that depends on the density."""
        self._moved()
        self.tell()
        self.invariants.draw()

    @param.depends("turn", "tilt", "dx", "dy", watch=True)
    def _moved(self) -> None:
        self._cut()
        self.motion.draw()

    @param.depends("plane", "offset", watch=True)
    def _cut(self) -> None:
        self.draw_slices()
        self.space.draw()

    @param.depends("l", "j", "j2", watch=True)
    def _chosen(self) -> None:
        self.invariants.frame()
        self.draw_field()
        self.space.draw()

    @param.depends("aliasing", "step", watch=True)
    def _sampled_otherwise(self) -> None:
        self.tell()
        self.motion.draw()
        if self.sampled:
            self.draw_slices()

    @param.depends("sampled", watch=True)
    def draw_slices(self) -> None:
        """The field in front and ρ on the plane."""
        self.draw_field()
        where = self.plane, self.offset, self.sampled
        self.submit("density", lambda s: s.slice(Shown(0), *where), lambda r: self.density.send(*r))

    def draw_field(self) -> None:
        """The field in front on the plane."""
        path, where = self.path, (self.plane, self.offset, self.sampled)
        self.submit("field", lambda s: (s, path, s.slice(path, *where)), self._drawn_field)

    def _drawn_field(self, result: tuple[SpaceScene, Shown, Any]) -> None:
        scene, path, picture = result
        self.field.send(*picture)
        self._which.object = _in_words(path)
        self._says.object = _wavelet(scene, path, self.j2)

    def tell(self) -> None:
        """What σ and δ ask for, before anything is computed on a grid."""
        rules = None if self.direct else self.sampling

        def words(scene: SolidScene | VolumeScene) -> str:
            return _told(scene, rules) if isinstance(scene, SolidScene) else _told_volume(scene)

        if not self.submit("told", words, lambda told: setattr(self._told, "object", told)):
            self._told.object = ""


def _in_words(path: Shown) -> str:
    """Which field is shown, as a formula."""
    l, j, j2 = path.l, path.j, path.j2
    if path.order == 1:
        return f"<p>U = (Σ<sub>m</sub> |ρ∗ψ<sub>{l},m,{j}</sub>|²)<sup>½</sup></p>"
    return (
        f"<p>Second order: U = (Σ<sub>m</sub> |U<sub>{l},{j}</sub>∗ψ<sub>{l},m,{j2}</sub>|²)"
        "<sup>½</sup></p>"
    )


def _wavelet(scene: SpaceScene, path: Shown, j2: int) -> str:
    """What the sliders chose."""
    words = (
        f"ψ of degree {path.l} has {2 * path.l + 1} orientations m, which are added up, and the "
        f"width 2<sup>{path.j}</sup>σ = <b>{scene.scale(path.j):.2f} Å</b>."
    )
    if path.order == 2:
        words += f" ψ′ reads the result with the width <b>{scene.scale(path.j2):.2f} Å</b>."
    elif j2:
        words += f" j′ = {j2} is not coarser than j = {path.j}: the first order is shown."
    return f"<p>{words}</p>"


def _told(scene: SolidScene, rules: Callable[[SolidScene], Sampling] | None) -> str:
    """σ, δ, N, memory and time; the meter refuses what would not fit."""
    n, sides = scene.samples, scene.sides
    words = (
        f"<p>σ = <b>{scene.sigma:.3f} Å</b>, δ = <b>{scene.step:.3f} Å</b> (ε = "
        f"{scene.aliasing:.2g}). N = L/δ: a box of {sides[0]:.0f} × {sides[1]:.0f} × "
        f"{sides[2]:.0f} Å takes <b>{n[0]} × {n[1]} × {n[2]}</b> samples and "
        f"{4e-6 * n[0] * n[1] * n[2]:,.1f} MB a field; the meter, about {_seconds(scene)}."
        "</p>"
    )
    if rules is None:
        return words
    talk = rules(scene).talk_step
    return words + (
        f"<p>σ = d/√(−8 ln α) from the nearest atoms, d = {scene.distance:.2f} Å, and δ = "
        f"πσ/√(−2 ln ε). The talk prints −σ²/(π² ln ε) = {talk:.4f}, which is no length.</p>"
    )


def _seconds(scene: SolidScene) -> str:
    """Of the meter, to one digit: 0.3 s, 20 s."""
    rounded = float(f"{scene.seconds():.1g}")
    return f"{rounded:g} s" if rounded < 1 else f"{rounded:,.0f} s"


def _told_volume(scene: VolumeScene) -> str:
    """What is known of a density on a grid."""
    density, n = scene.density, scene.density.shape
    return (
        f"<p>The density of the file: <b>{n[0]} × {n[1]} × {n[2]}</b> samples, at most "
        f"{scene.step:.2f} Å apart, {density.electrons[0]:.4g} electrons. Wavelets have the width "
        f"σ = <b>{scene.sigma:.2f} Å</b> and wider; these samples resolve "
        f"{scene.least_sigma:.2f} Å. {html.escape(density.note)}</p>"
    )
