"""The first page: what this is, in ten seconds, with one molecule walked through every step."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from appkit.dashboards import library
from appkit.dashboards.components import card, signed
from appkit.dashboards.page import AppPage
from appkit.dashboards.scene import Scene
from appkit.dashboards.studies import STUDIES
from appkit.figures import theme
from appkit.figures.picture import bars_svg, field_png, molecule_svg, mosaic

_STYLE = """
.hero h1 { font-size: clamp(1.7rem, 3.4vw, 2.5rem); line-height: 1.15; letter-spacing: -0.025em;
           font-weight: 650; margin: 0 0 10px; color: var(--mui-palette-text-primary);
           text-wrap: balance; }
.hero p { font-size: 1.08rem; line-height: 1.55; max-width: 66ch; margin: 0;
          color: var(--mui-palette-text-secondary); text-wrap: pretty; }
.steps { display: grid; grid-template-columns: repeat(5, 1fr); gap: 12px; margin-top: 26px; }
figure { margin: 0; border: 1px solid var(--mui-palette-divider); border-radius: 10px;
         background: var(--mui-palette-background-paper); padding: 14px; position: relative;
         display: flex; flex-direction: column; }
figure:not(:last-child)::after { content: "→"; position: absolute; right: -12.5px; top: 40%;
         width: 12px; text-align: center; color: var(--mui-palette-text-secondary); }
.picture { aspect-ratio: 1; display: flex; align-items: center; justify-content: center;
           overflow: hidden; }
.picture img, .picture svg { width: 100%; height: 100%; display: block; }
.picture .energy { text-align: center; color: var(--mui-palette-text-primary); }
.energy b { font-size: clamp(1.4rem, 2.3vw, 2rem); letter-spacing: -0.02em; display: block;
            font-variant-numeric: tabular-nums; color: var(--mui-palette-primary-main); }
figcaption { font-size: .88rem; line-height: 1.4; margin-top: 10px;
             color: var(--mui-palette-text-secondary); }
figcaption b { display: block; font-size: .98rem; font-weight: 600;
               color: var(--mui-palette-text-primary); }
@media (max-width: 900px) { .steps { grid-template-columns: repeat(2, 1fr); }
  figure:not(:last-child)::after { content: none; }
  figure:last-child { grid-column: span 2; } figure:last-child .picture { aspect-ratio: 3; } }
"""

_HERO = """
<div class="hero"><h1>The energy of a molecule, read by wavelets</h1>
<p>A few hundred numbers that do not change when a molecule is moved or turned are enough to
predict its quantum energy. Here each step is in your hands: take a molecule, watch its density
and its wavelets, and see how well the numbers predict.</p></div>
"""


class Home(AppPage):
    """A title, a walk through the five steps with one molecule, and two doors."""

    slug = "start"
    title = "Start"
    icon = "home"
    sentence = ""

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._steps = pn.pane.HTML(
            _HERO, stylesheets=[_STYLE], sizing_mode="stretch_width", margin=0
        )

    def view(self) -> pn.viewable.Viewable:
        """The hero, then a card for each of the other pages."""
        doors = [
            self._door(
                "density",
                "Take a molecule apart",
                "Pick one, type a SMILES or bring a file. See its density, every wavelet's view of "
                "it, and turn it: the invariants hold still.",
                "Open density and wavelets",
            ),
            self._door(
                "solid",
                "See it in space",
                "Wavelets that turn with the molecule: slices and surfaces of |ρ∗ψ|, the widths "
                "and grids that the sampling rules ask for, any density from a cube file.",
                "Open solid harmonics",
            ),
            self._door(
                "regression",
                "See how well it works",
                "The error against the number of terms, each molecule's prediction, the terms that "
                "were chosen, and the published tables beside ours.",
                "Open regression",
            ),
            self._door(
                "forces",
                "Pull at an atom",
                "A model of invariants knows its slope: drag an atom and see the predicted energy "
                "and the forces follow, let it relax, let it move.",
                "Open forces",
            ),
            self._door(
                "evidence",
                "Ask each patch of a picture",
                "Pictures by the same wavelets, or by nothing but their nearest patches: point at "
                "a patch to see what it votes for, hide some, and watch the decision move.",
                "Open patch evidence",
            ),
        ]
        return pmui.Column(
            self._steps,
            pmui.Grid(
                *(pmui.Grid(door, size={"xs": 12, "md": 6}) for door in doors),
                container=True,
                spacing=1.5,
                margin=(14, 0, 0, 0),
            ),
            sizing_mode="stretch_width",
            margin=0,
        )

    def heading(self) -> list[Any]:
        """The hero is this page's heading."""
        return []

    @param.depends("dark", watch=True)
    def shown(self) -> None:
        """Draw the five steps once they have been computed."""
        dark = self.dark
        self.jobs.submit("steps", lambda task: steps(dark), self._drawn)

    def _drawn(self, markup: str) -> None:
        self._steps.object = _HERO + markup

    def _door(self, slug: str, title: str, sentence: str, label: str) -> pmui.Paper:
        button = pmui.Button(
            label=label, variant="contained", end_icon="arrow_forward", margin=(8, 0, 2, 0)
        )
        button.on_click(lambda event: self.go(slug))
        return card(title, button, sentence=sentence)


@lru_cache(maxsize=2)
def steps(dark: bool) -> str:
    """The five pictures of one molecule, computed by the same code as the pages."""
    molecules = library.molecules()
    index = molecules.labels.index(library.example())
    scene = Scene.of(molecules.atoms[index])
    sheet = scene.sheet((0, 0))
    values = scene.invariants().groupby(["order", "j"])["value"].mean()
    energy, says = _energy(index, float(molecules.energies[index]))
    density = field_png(scene.picture().values, dark)
    tiles = field_png(mosaic(sheet.tiles[1:5, ::2]), dark, gamma=0.75)
    bars = bars_svg(list(values**0.35), theme.DICTIONARY_COLOURS["scattering"])
    return f"""
<div class="steps">
<figure><div class="picture">{molecule_svg(scene.atoms)}</div>
<figcaption><b>A molecule x</b>{scene.formula}, its atoms in a plane</figcaption></figure>
<figure><div class="picture"><img src="{density}" alt="density"></div>
<figcaption><b>Its density ρ̃</b>a sum of the isolated atoms' electrons</figcaption></figure>
<figure><div class="picture"><img src="{tiles}" alt="wavelet moduli"></div>
<figcaption><b>Wavelets |ρ̃∗ψ|</b>at each scale and angle</figcaption></figure>
<figure><div class="picture">{bars}</div>
<figcaption><b>Invariants Φ(x)</b>averages that forget place and direction</figcaption></figure>
<figure><div class="picture"><div class="energy"><b>{energy}</b>kcal/mol</div></div>
<figcaption><b>Its energy f(x)</b>{says}</figcaption>
</figure></div>
"""


def _energy(index: int, true: float) -> tuple[str, str]:
    """What the invariants say, by a model that never saw the molecule, and what is true."""
    found = STUDIES["embedded"].record()
    rows = found[1].predictions.get("scattering", []) if found is not None else []
    predicted = rows[index] if index < len(rows) else None
    if predicted is None:
        return signed(f"{true:,.0f}"), "from quantum chemistry; a few invariants come near it"
    return (
        signed(f"{predicted:,.0f}"),
        "a sum of a few invariants, each with a weight, learned from other molecules; quantum "
        f"chemistry says {signed(f'{true:,.0f}')}",
    )
