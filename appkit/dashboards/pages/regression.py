"""Regression: how well each dictionary reads energies, term by term, molecule by molecule."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param

from appkit.dashboards import comparison, explorer, live_models
from appkit.dashboards.components import LongWork, card, figure, hideable, hint, on_tap, stack, text
from appkit.dashboards.components.tables import frame_table
from appkit.dashboards.explorer import Model
from appkit.dashboards.front import Front
from appkit.dashboards.live_models import Live
from appkit.dashboards.page import AppPage
from appkit.dashboards.pages.regression_tables import (
    no_such_row,
    nothing_yet,
    other_molecules,
    residual_frame,
    term_frame,
)
from appkit.dashboards.pages.regression_views import (
    CurvesCard,
    MoleculeCard,
    ParityCard,
    power_slider,
    row,
    row_select,
)
from appkit.dashboards.studies import ALL_ROWS, STUDIES, Study
from appkit.data import MoleculeSet
from appkit.energy import CHANNELS
from appkit.figures import curves
from appkit.figures.regression import ErrorFigure

_WIDE: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": (6, 0)}


class RegressionPage(AppPage):
    """Errors, predictions, terms and residuals of the energy experiments."""

    slug = "regression"
    title = "Regression"
    icon = "query_stats"
    sentence = (
        "A model reads the energy of a molecule from invariants φ<sub>k</sub>: from all of them, "
        "or from a few chosen one after another, f(x) = Σ w<sub>k</sub> φ<sub>k</sub>(x). See how "
        "its error on unseen molecules falls as it takes more of them or learns from more "
        "molecules, and which molecules it reads wrong."
    )
    url = ("dataset", "dictionary", "channels", "M", "live", "molecule")

    dataset: Any = param.Selector(
        default="embedded",
        objects={study.title: name for name, study in STUDIES.items()},
        label="Data set",
        doc="Set of molecules.",
    )
    dictionary: Any = param.Selector(
        default="scattering", objects=ALL_ROWS, doc="Row of the data set's record."
    )
    channels = param.ListSelector(
        default=["dirac", "core", "valence"], objects=list(CHANNELS)[:4], label="Channels"
    )
    M = param.Integer(default=64, bounds=(1, 4096), label="Terms M")
    live = param.Boolean(default=False, doc="The model in front was computed here for these M.")
    molecule = param.Integer(default=-1, bounds=(-1, None), doc="Index of the chosen molecule.")

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.front = Front(self.study)
        self._drawn_set = ""
        self._asked_live = False
        self._model: Model | None = None
        self.errors, self._errors_pane = ErrorFigure(), figure()
        self.parity, self.chosen = ParityCard(), MoleculeCard()
        self._source, self._protocol, self._sentence = hint(""), hint(""), hint("")
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
        self.residuals = frame_table(height=340, widths={"formula": 92})
        wrapped = {"Dictionary": {"type": "textarea"}}
        self.comparison = frame_table(widths={"Dictionary": 150}, formatters=wrapped)
        self.residuals.on_click(lambda event: self._choose(self._places[event.row]))
        self._places: np.ndarray = np.zeros(0, int)
        on_tap(self.parity.figure.selection, self._clicked)
        self._shown = False

    @property
    def study(self) -> Study:
        """The experiment on the chosen data set."""
        return STUDIES[self.dataset]

    # ---- layout ---------------------------------------------------------------------------

    def view(self) -> pn.viewable.Viewable:
        """Controls and the chosen molecule beside the figures."""
        controls = card(
            "Model",
            pmui.Select.from_param(self.param.dataset, **_WIDE),
            row_select(self, **_WIDE),
            self._source,
        )
        self._own = card(
            "Try your own",
            pmui.MultiChoice.from_param(self.param.channels, **_WIDE),
            power_slider(self),
            self.work,
            sentence="Other channels, any M: computed here, kept for the next time.",
        )
        self._errors = card("Error against M", self._errors_pane)
        self._learning = CurvesCard(
            "Learning curves",
            "The chosen model is drawn strong. Dashed: published figures, in their model's "
            "colour; dotted: chemical accuracy. Touch a line to read it.",
            curves.learning_curves,
        )
        self._reach = CurvesCard(
            "Locality",
            "Wavelets up to a width are kept. Bonds are local: fine scales carry most of the "
            "energy, coarse ones add what is far apart. Dotted: chemical accuracy.",
            curves.locality,
        )
        self._chosen_terms = card(
            "Selected φ in order",
            self._terms,
            self._no_terms,
            sentence="Weights in the orthonormal basis, kcal/mol.",
        )
        self._residuals = card(
            "Largest residuals", self.residuals, sentence="Click a row to see the molecule."
        )
        self._figures = stack(
            row(self._errors, self._learning.card, self.parity.card),
            row(self._chosen_terms, self._residuals, self._reach.card),
        )
        self._comparison = card(
            "Ours beside the published figures", self._sentence, self.comparison, self._protocol
        )
        left = stack(controls, self._offer, self._own, self.chosen)
        right = stack(self._empty, self._figures, self._comparison)
        return pmui.Grid(
            pmui.Grid(left, size={"xs": 12, "md": 4, "lg": 3}),
            pmui.Grid(right, size={"xs": 12, "md": 8, "lg": 9}),
            container=True,
            spacing=1.5,
            margin=0,
            sizing_mode="stretch_width",
        )

    # ---- records and molecules ------------------------------------------------------------

    def shown(self) -> None:
        """Read the records once the URL has been applied."""
        if not self._shown:
            self._shown = True
            self._read()

    @param.depends("dataset", watch=True)
    def _read(self) -> None:
        """The record first, which is quick; then the molecules, which may be many."""
        if not self._shown:
            return
        study = self.study
        if self._drawn_set not in ("", study.dataset):
            self.molecule = -1
        self.jobs.submit(
            "record",
            lambda task: Front.recorded(study),
            self._have_record,
            # A record that cannot be read leaves none of another data set in front.
            ended=lambda: None if self._drawn else self._have_record(Front(study)),
        )

    @property
    def _drawn(self) -> bool:
        """Whether what is shown is of the chosen data set: its record may be on its way."""
        return self._drawn_set == self.dataset

    def _have_record(self, front: Front) -> None:
        if front.study is not self.study:
            return
        self._choose_row()
        self.front, self._model, self._drawn_set = front, None, self.dataset
        self._asked_live, self.live = self.live, False
        self._show()
        self.jobs.submit("molecules", lambda task: front.with_molecules(), self._have_molecules)

    def _choose_row(self) -> None:
        """The study's first row in place of one that it has not; of a link that is said.

        Not before the page is there: the address would be read again and win.
        """
        asked, rows = self.dictionary, self.study.rows
        if asked in rows:
            return
        if not self._drawn_set and asked != self.param.dictionary.default:
            known = f"Rows: {', '.join(rows)}."
            self.message.say("link", f"{self.study.title} has no row called '{asked}'. {known}")
        self.dictionary = self.study.first

    def _have_molecules(self, front: Front) -> None:
        if front.study is not self.study:
            return
        self.front = front
        self._offer.visible = front.molecules is None
        if self._offer.visible:
            self._offer_text.object = f"<p>{html.escape(explorer.offer(self.dataset))}</p>"
        self.message.say("others", other_molecules(front.study) if front.mistaken else "")
        self._say_empty()
        self._model_changed()
        if self._asked_live:
            self._asked_live = False
            self.work.start()

    def _fetch(self) -> Any:
        dataset = self.dataset
        return lambda task: explorer.download(dataset, task)

    def _fetched(self, molecules: MoleculeSet | None) -> None:
        """Drawn again with formulas and molecules, whichever data set is in front by now."""
        self._read()

    def _start(self) -> Any:
        if self.front.molecules is None:
            raise ValueError(
                f"The molecules of {self.dataset} are not on this machine: press Download, or "
                f"run `appkit data get {self.dataset}` and reload."
            )
        dataset, name, channels = self.dataset, *self._choice
        return lambda task: live_models.explore(dataset, name, channels, task)

    def _explored(self, live: Live) -> None:
        self.front = replace(self.front, live=live)
        self._show()
        self.live = self._live is not None

    # ---- figures --------------------------------------------------------------------------

    @property
    def _choice(self) -> tuple[str, tuple[str, ...]]:
        return self.dictionary, tuple(self.channels)

    @property
    def _live(self) -> Live | None:
        """The live model, where it is that of the choice."""
        return self.front.fitting(*self._choice)

    @param.depends("dictionary", "channels", "dark", watch=True)
    def _show(self) -> None:
        """All figures: from the live model where it fits the choice, else from the record."""
        if not self._drawn:
            return
        self._own.visible = self.study.planar
        if self._live is None and self.front.live is not None:
            self.live = False
        self._figures.visible = self._live is not None or self.front.record is not None
        self._say_empty()
        self._show_comparison()
        self._show_reach()
        if not self._figures.visible:
            self._source.object, self._model = "<p>No record yet.</p>", None
            self.chosen.hide()
            return
        self._show_errors()
        self.parity.frame(self.front.energies(self._live), self.dark)
        self.chosen.themed(self.dark)
        self._model_changed()

    def _say_empty(self) -> None:
        self._empty.visible = not self._figures.visible
        here = self.front.molecules is not None
        self._empty_text.object = nothing_yet(self.study, here, explorer.size(self.dataset))

    def _show_comparison(self) -> None:
        result = self.front.result
        self.comparison.value = comparison.table(self.study, result)
        self._comparison.visible = not self.comparison.value.empty
        self._sentence.object = (
            f"<p>kcal/mol, {self.study.errors}; others' as they were published.</p>"
        )
        words = [] if result is None else [result.protocol, comparison.sources(result.published)]
        self._protocol.object = "".join(f"<p>{html.escape(each)}</p>" for each in words if each)

    def _show_reach(self) -> None:
        """The error against the largest scale, where it is followed."""
        found = self.front.locality_curves()
        without = "Not computed yet: <code>appkit run locality</code>" if self.study.local else ""
        self._reach.draw(found, self.dark, self.dictionary, without)

    def _show_errors(self) -> None:
        """The error against M, or against the number of molecules trained on."""
        paths = self.front.paths(*self._choice)
        self._errors.visible = bool(paths)
        if paths:
            self._errors_pane.object = self.errors.element(paths, self.dark)
        self._learning.draw(self.front.learning_curves(), self.dark, self.dictionary)

    @param.depends("M", watch=True)
    def _model_changed(self) -> None:
        """Points, terms and residuals of the model in front."""
        if not self._drawn:
            return
        try:
            self._model = self.front.model(*self._choice, self.M)
        except ValueError as error:
            self.message.say("terms", str(error))
            return
        self.message.clear("terms")
        model, result = self._model, self.front.result
        self.parity.card.visible = self._residuals.visible = model is not None
        if model is None:
            self._chosen_terms.visible = False
            self.chosen.hide()
            if result is not None:
                self._source.object = no_such_row(self.study, self.dictionary, result)
            return
        self._source.object = (
            f"<p>RMSE <b>{model.rmse:.2f}</b>, MAE <b>{model.mae:.2f}</b> kcal/mol over "
            f"{len(model.parity.true):,} molecules together. {html.escape(model.source)}</p>"
        )
        self.parity.figure.send(model.parity)
        self.terms.value = term_frame(model)
        self._terms.visible = self.terms.value.shape[1] > 1
        self._no_terms.visible = not self._terms.visible
        self._chosen_terms.visible = self.study.planar or self._terms.visible
        order = np.argsort(-np.abs(model.parity.residual))[:50]
        self._places = model.parity.index[order]
        self.residuals.value = residual_frame(model, order)
        self._mark(model)
        self._show_molecule()

    def _mark(self, model: Model) -> None:
        path = model.path
        if path is None:
            return
        m = self.M if self._live is not None else int(path.terms[path.rmse.argmin()])
        place = int(np.abs(path.terms - m).argmin())
        self.errors.send(model.name, int(path.terms[place]), float(path.rmse[place]))

    # ---- one molecule ---------------------------------------------------------------------

    def _clicked(self, index: list[int]) -> None:
        if index and self._model is not None:
            self._choose(self._model.parity.index[index[0]])

    def _choose(self, molecule: int) -> None:
        self.molecule = int(molecule)

    @param.depends("molecule", watch=True)
    def _show_molecule(self) -> None:
        model = self._model
        if model is None:
            return
        n = len(self.front.energies(self._live))
        wrong = f"There is no molecule {self.molecule} in this set: they go from 0 to {n - 1}."
        self.message.say("molecule", wrong if self.molecule >= n else "")
        place = np.flatnonzero(model.parity.index == self.molecule)
        self.parity.figure.choose(int(place[0]) if place.size else None)
        if not place.size:
            self.chosen.hide()
            return
        at = int(place[0])
        true, predicted = float(model.parity.true[at]), float(model.parity.predicted[at])
        seen = self.front.seen(self._live)
        if seen is None:
            self.chosen.put(true, predicted)
        else:
            name = explorer.describe(seen, self.molecule)
            self.chosen.put(true, predicted, name, seen.atoms[self.molecule])
