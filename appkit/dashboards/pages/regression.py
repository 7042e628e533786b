"""Regression: how well each dictionary reads energies, term by term, molecule by molecule."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param

from appkit.dashboards import explorer
from appkit.dashboards.components import (
    LAYOUT,
    LongWork,
    card,
    figure,
    hideable,
    hint,
    on_tap,
    prompt,
    quote,
    signed,
    text,
)
from appkit.dashboards.components.tables import frame_table
from appkit.dashboards.explorer import Live, Model
from appkit.dashboards.page import AppPage
from appkit.dashboards.pages.regression_tables import nothing_yet, residual_frame, term_frame
from appkit.data import MoleculeSet
from appkit.energy import CHANNELS
from appkit.energy.geometry import planar_positions
from appkit.figures.molecule import MoleculeFigure, Planar
from appkit.figures.regression import NAMES, ErrorFigure, ErrorPath, ParityFigure

ROW_NAMES = {label: name for name, label in NAMES.items()}


class RegressionPage(AppPage):
    """Error against M, predictions, terms and residuals of the planar-energy experiment."""

    slug = "regression"
    title = "Regression"
    icon = "query_stats"
    sentence = (
        "A few invariants φ<sub>k</sub>, chosen one after another, add up to the energy of a "
        "molecule: f(x) = Σ w<sub>k</sub> φ<sub>k</sub>(x). See how the error on unseen molecules "
        "falls with their number M, and which molecules are read wrong."
    )
    url = ("dataset", "dictionary", "channels", "M", "live", "molecule")

    dataset: Any = param.Selector(
        default="embedded", objects=explorer.DATASETS, label="Data set", doc="Set of molecules."
    )
    dictionary: Any = param.Selector(default="scattering", objects=ROW_NAMES, label="Dictionary")
    channels = param.ListSelector(
        default=["dirac", "core", "valence"], objects=list(CHANNELS)[:4], label="Channels"
    )
    M = param.Integer(default=64, bounds=(1, 4096), label="Terms M")
    live = param.Boolean(default=False, doc="The model in front was computed here for these M.")
    molecule = param.Integer(default=-1, bounds=(-1, None), doc="Index of the chosen molecule.")

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._record: Any = None
        self._molecules: MoleculeSet | None = None
        self._live: Live | None = None
        self._model: Model | None = None
        self.errors, self.parity, self.drawing = ErrorFigure(), ParityFigure(), MoleculeFigure()
        self._errors_pane, self._parity_pane, self._drawing_pane = (figure() for _ in range(3))
        self._source, self._energies, self._protocol = hint(""), text(""), hint("")
        self._label = quote("")
        self._picture = hideable(self._drawing_pane, self._label)
        self._empty_text = text("")
        self._empty = card("No results for this data set yet", self._empty_text, visible=False)
        self.work = LongWork(
            self.jobs, "explore", "Compute this model", self._start, self._explored
        )
        fetch = LongWork(
            self.jobs, "download", "Download", self._fetch, self._fetched, icon="download"
        )
        self._offer_text = text("")
        self._offer = card(
            "These molecules are not here yet", self._offer_text, fetch, visible=False
        )
        self.terms = frame_table(height=340)
        self._terms = hideable(self.terms)
        self._no_terms = hideable(hint("This model selects no terms."), visible=False)
        self.residuals = frame_table(height=340)
        wrapped = {"Dictionary": {"type": "textarea"}}
        self.comparison = frame_table(widths={"Dictionary": 150}, formatters=wrapped)
        self.residuals.on_click(lambda event: self._choose(self._rows[event.row]))
        self._rows: np.ndarray = np.zeros(0, int)
        on_tap(self.parity.selection, self._clicked)
        self._shown = False

    # ---- layout ---------------------------------------------------------------------------

    def view(self) -> pn.viewable.Viewable:
        """Controls and the chosen molecule beside the figures."""
        wide = {"sizing_mode": "stretch_width", "margin": (6, 0)}
        controls = card(
            "Model",
            pmui.Select.from_param(self.param.dataset, **wide),
            pmui.Select.from_param(self.param.dictionary, **wide),
            self._source,
        )
        live = card(
            "Try your own",
            pmui.MultiChoice.from_param(self.param.channels, **wide),
            _power_slider(self),
            self.work,
            sentence="Other channels, any M: computed here, kept for the next time.",
        )
        self._chosen_card = card("Molecule", self._picture, self._energies, visible=False)
        left = _stack(controls, self._offer, live, self._chosen_card)
        self._figures = _stack(
            _pair(
                card("Error against M", self._errors_pane),
                card("Predicted against true", self._parity_pane),
            ),
            _pair(
                card(
                    "Selected φ in order",
                    self._terms,
                    self._no_terms,
                    sentence="Weights in the orthonormal basis, kcal/mol.",
                ),
                card(
                    "Largest residuals", self.residuals, sentence="Click a row to see the molecule."
                ),
            ),
        )
        self._comparison = card(
            "Ours, the talk's and the paper's",
            self.comparison,
            self._protocol,
            sentence="kcal/mol, mean ± spread over five folds; others' as they were published.",
        )
        right = _stack(self._empty, self._figures, self._comparison)
        return pmui.Grid(
            pmui.Grid(left, size={"xs": 12, "md": 4, "lg": 3}),
            pmui.Grid(right, size={"xs": 12, "md": 8, "lg": 9}),
            container=True,
            spacing=1.5,
            margin=0,
            sizing_mode="stretch_width",
        )

    # ---- records --------------------------------------------------------------------------

    def shown(self) -> None:
        """Read the records once the URL has been applied."""
        if not self._shown:
            self._shown = True
            self._read()

    @param.depends("dataset", watch=True)
    def _read(self) -> None:
        dataset = self.dataset
        if not self._shown:
            return

        def work(task: Any) -> Any:
            return explorer.record(dataset), explorer.molecules_or_none(dataset)

        self.jobs.submit("record", work, self._have)

    def _have(self, result: Any) -> None:
        self._record, self._molecules = result
        asked, self.live, self._live = self.live, False, None
        self._offer.visible = self._molecules is None
        if self._molecules is None:
            self._offer_text.object = f"<p>{html.escape(explorer.offer(self.dataset))}</p>"
        self._show()
        if asked:
            self.work.start()

    def _fetch(self) -> Any:
        dataset = self.dataset
        return lambda task: explorer.download(dataset, task)

    def _fetched(self, molecules: MoleculeSet | None) -> None:
        """Drawn again with formulas and molecules, whichever data set is in front by now."""
        self._read()

    def _start(self) -> Any:
        if self._molecules is None:
            raise ValueError(
                f"The molecules of {self.dataset} are not on this machine: press Download, or "
                f"run `appkit data get {self.dataset}` and reload."
            )
        dataset, name, channels = self.dataset, self.dictionary, tuple(self.channels)
        return lambda task: explorer.explore(dataset, name, channels, task)

    def _explored(self, live: Live) -> None:
        self._live = live
        self._show()
        self.live = self._fitting_live() is not None

    # ---- figures --------------------------------------------------------------------------

    @param.depends("dictionary", "channels", "dark", watch=True)
    def _show(self) -> None:
        """All figures: from the live model where it fits the choice, else from the record."""
        paths = explorer.paths(*self._record) if self._record else []
        live = self._fitting_live()
        if live is not None:
            paths = [p for p in paths if p.name != live.name] + [live.path]
        elif self._live is not None:
            self.live = False
        self._figures.visible = bool(paths) or self._record is not None
        self._empty.visible = not self._figures.visible
        self._empty_text.object = nothing_yet(self.dataset, self._molecules is not None)
        self.comparison.value = explorer.table(
            self.dataset, self._record[0] if self._record else None
        )
        self._comparison.visible = not self.comparison.value.empty
        if not self._figures.visible:
            self._source.object, self._protocol.object = "<p>No record yet.</p>", ""
            return
        if paths:
            self._errors_pane.object = self.errors.element(paths, self.dark)
        protocol = self._record[0].protocol if self._record else ""
        self._protocol.object = f"<p>{html.escape(protocol)}</p>"
        self._limits()
        self._model_changed()

    @param.depends("M", watch=True)
    def _model_changed(self) -> None:
        """Points, terms and residuals of the model in front."""
        try:
            self._model = self._current()
        except ValueError as error:
            self.message.say("terms", str(error))
            return
        self.message.clear("terms")
        model = self._model
        if model is None:
            self._source.object = (
                "<p>The record has no such row. <b>Compute this model</b> to see it.</p>"
            )
            return
        self._source.object = (
            f"<p>RMSE <b>{model.rmse:.2f}</b>, MAE <b>{model.mae:.2f}</b> kcal/mol over "
            f"{len(model.parity.true):,} molecules together. {html.escape(model.source)}</p>"
        )
        self.parity.send(model.parity)
        self.terms.value = term_frame(model)
        self._terms.visible = self.terms.value.shape[1] > 1
        self._no_terms.visible = not self._terms.visible
        order = np.argsort(-np.abs(model.parity.residual))[:50]
        self._rows = model.parity.index[order]
        self.residuals.value = residual_frame(model, order)
        self._mark(model)
        self._show_molecule()

    def _current(self) -> Model | None:
        live = self._fitting_live()
        if live is not None:
            return live.model(self.M)
        if self._record is None or self.dictionary not in self._record[1].predictions:
            return None
        names = explorer.formulas(self._molecules) if self._molecules is not None else None
        result, details = self._record
        return explorer.recorded(result, details, self.dictionary, names)

    def _fitting_live(self) -> Live | None:
        live = self._live
        fits = live is not None and (live.name, live.channels) == (
            self.dictionary,
            tuple(self.channels),
        )
        return live if fits else None

    def _mark(self, model: Model) -> None:
        path: ErrorPath | None = model.path
        if path is None:
            return
        m = self.M if self._fitting_live() is not None else int(path.terms[path.rmse.argmin()])
        place = int(np.abs(path.terms - m).argmin())
        self.errors.send(model.name, int(path.terms[place]), float(path.rmse[place]))

    def _limits(self) -> None:
        energies = self._all_energies()
        room = 0.04 * np.ptp(energies)
        limits = float(energies.min() - room), float(energies.max() + room)
        self._parity_pane.object = self.parity.element(limits, self.dark)
        self._drawing_pane.object = self.drawing.element(self.dark)

    # ---- one molecule ---------------------------------------------------------------------

    def _clicked(self, index: list[int]) -> None:
        if index and self._model is not None:
            self._choose(self._model.parity.index[index[0]])

    def _choose(self, molecule: int) -> None:
        self.molecule = int(molecule)

    def _all_energies(self) -> np.ndarray:
        """Of every molecule of the set, kcal/mol; there are none before a record or molecules."""
        if self._molecules is not None:
            return self._molecules.energies
        return np.asarray(self._record[1].energies)

    def _check_molecule(self) -> None:
        n = len(self._all_energies())
        wrong = f"There is no molecule {self.molecule} in this set: they go from 0 to {n - 1}."
        self.message.say("molecule", wrong if self.molecule >= n else "")

    @param.depends("molecule", watch=True)
    def _show_molecule(self) -> None:
        model = self._model
        if model is None:
            return
        self._check_molecule()
        place = np.flatnonzero(model.parity.index == self.molecule)
        self._chosen_card.visible = bool(place.size)
        self.parity.choose(int(place[0]) if place.size else None)
        if not place.size:
            return
        at = int(place[0])
        true, predicted = model.parity.true[at], model.parity.predicted[at]
        self._energies.object = signed(
            f"<p>true <b>{true:.1f}</b> · predicted <b>{predicted:.1f}</b> · "
        ) + signed(f"residual <b>{predicted - true:+.1f}</b> kcal/mol</p>")
        if self._molecules is not None:
            atoms = self._molecules.atoms[self.molecule]
            self._label.object = html.escape(explorer.describe(self._molecules, self.molecule))
            symbols = tuple(atoms.get_chemical_symbols())
            self.drawing.send(Planar(symbols, planar_positions(atoms, project=True)))
        self._picture.visible = self._molecules is not None


def _power_slider(page: RegressionPage) -> Any:
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


def _stack(*content: Any) -> pmui.Column:
    return pmui.Column(*content, sizing_mode="stretch_width", margin=0, sx={"gap": "12px"})


def _pair(left: Any, right: Any) -> pmui.Grid:
    return pmui.Grid(
        pmui.Grid(left, size={"xs": 12, "lg": 6}),
        pmui.Grid(right, size={"xs": 12, "lg": 6}),
        container=True,
        spacing=1.5,
        margin=0,
    )
