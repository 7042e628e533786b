"""Patch evidence: what each patch of a picture says, and how the decision follows from it."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
from numpy.typing import NDArray

from appkit.dashboards import evidence_models, explorer
from appkit.dashboards import evidence_scene as scene
from appkit.dashboards.components import LongWork, card, hideable, hint, stack, text
from appkit.dashboards.components.evidence_stage import EvidenceStage
from appkit.dashboards.evidence_models import (
    METRICS,
    MODELS,
    N_SHOWN,
    SUBJECTS,
    USUAL_SHARES,
    Reader,
    Setting,
)
from appkit.dashboards.evidence_scene import Seen
from appkit.dashboards.jobs import Task
from appkit.dashboards.page import AppPage
from appkit.dashboards.pages import evidence_views as views
from appkit.dashboards.pages.evidence_cards import (
    DimensionCard,
    ModelCard,
    PictureCard,
    ResultsCard,
    reading,
)


class EvidencePage(AppPage):
    """A local model reads a picture patch by patch; a person looks at patches and hides some."""

    slug = "evidence"
    title = "Patch evidence"
    icon = "grid_view"
    sentence = (
        "A local model never sees a picture whole: each small patch says how much it speaks for "
        "each class, and the sum decides. So every decision can be taken apart exactly. Point at a "
        "patch, hide some, and see the decision move."
    )
    url = (
        *("dataset", "model", "patches", "size", "share", "metric", "white"),
        *("picture", "front", "tiles"),
    )

    dataset: Any = param.Selector(
        default="digits",
        objects={subject.title: name for name, subject in SUBJECTS.items()},
        label="Pictures",
    )
    model: Any = param.Selector(default="simple-patch", objects=MODELS, label="Model")
    patches = param.Integer(default=256, bounds=(16, 1024), step=16, label="Patches N")
    size = param.Integer(
        default=1, bounds=(1, 12), label="Patch size P (pixels)", doc="1: as fits the pictures."
    )
    share = param.Number(
        default=0.0,
        bounds=(0.0, 0.9),
        step=0.01,
        label="Nearest K (share of N)",
        doc="0: as suits the model.",
    )
    metric: Any = param.Selector(
        default="mahalanobis",
        objects=METRICS,
        label="Distance",
    )
    white = param.Number(default=-3, bounds=(-6, 1), step=0.1, label="Whitening log₁₀ λ")
    picture = param.Integer(default=0, bounds=(0, N_SHOWN - 1), label="Picture")
    front = param.Integer(default=-1, bounds=(-1, 9), doc="Class in front; -1: the model's.")
    tiles: Any = param.Selector(
        default=0,
        objects={"in order": 0} | {f"{n} × {n} pixels, shuffled": n for n in (2, 4, 8, 16)},
        label="Tiles",
    )

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.reader: Reader | None = None
        self.seen: Seen | None = None
        self.mask: NDArray[np.bool_] | None = None
        self.left: tuple[Any, Any] | None = None  # scores under the mask
        self._place: tuple[int, int] | None = None
        self._shown = False
        self.stage = EvidenceStage(sizing_mode="stretch_width", margin=0)
        self.stage.on_look = self._look
        self.stage.on_mask = self._masked
        self.stage.on_front = lambda index: setattr(self, "front", index)
        self.work = LongWork(
            self.jobs,
            "learn",
            "Train",
            self._start,
            self._learned,
            icon="school",
            turned=self._arrange,
        )
        self._fetcher = LongWork(
            self.jobs, "download", "Download", self._fetch, self._fetched, icon="download"
        )
        self.model_card = ModelCard(self, self.work)
        self.chooser = PictureCard(self, self._misread, self._see)
        self.dimension, self.results = DimensionCard(self.jobs), ResultsCard(self.jobs)
        self.says = hint("")
        self.patch, self.near, self.best, self.scores = (_markup() for _ in range(4))
        self._offer_text, self._missing = text(""), hint("")
        self.quarters = hint("")
        self._lay_out()

    # ---- layout ---------------------------------------------------------------------------

    def _lay_out(self) -> None:
        """The parts that are shown or hidden."""
        self._offer = card(
            "These pictures are not here yet", self._offer_text, self._fetcher, visible=False
        )
        self.near_part = hideable(
            text("<h2>Nearest patches of the dictionary</h2>"), self.near, visible=False
        )
        self._figures = hideable(reading(self), visible=False)
        self._empty = hideable(card("No model yet", self._missing), visible=False)

    def view(self) -> pn.viewable.Viewable:
        """Controls beside the picture, its decision, and what its patches are near to."""
        self._arrange()
        return pmui.Grid(
            pmui.Grid(
                stack(self._offer, self.model_card, self.chooser),
                size={"xs": 12, "md": 4, "lg": 3},
            ),
            pmui.Grid(
                stack(self._empty, self._figures, self.dimension, self.results),
                size={"xs": 12, "md": 8, "lg": 9},
            ),
            container=True,
            spacing=1.5,
            margin=0,
            sizing_mode="stretch_width",
            # On a phone the picture comes before what can be set.
            sx={
                "& > :nth-of-type(1)": {"order": {"xs": 2, "md": 1}},
                "& > :nth-of-type(2)": {"order": {"xs": 1, "md": 2}},
            },
        )

    def _arrange(self) -> None:
        """The widgets that have an effect, and whether the model in front is of their settings."""
        self.model_card.offer()
        reader = self.reader
        self._figures.visible = reader is not None
        self._empty.visible = reader is None and not self._offer.visible
        busy = self.jobs.busy("learn")
        self._missing.object = (
            "<p>It is being trained; the card Model tells how far it is.</p>"
            if busy
            else "<p>Press Train in the card Model.</p>"
        )
        stale = reader is not None and not busy and reader.setting != self.setting.plain()
        self.model_card.stale.object = (
            "<p>Shown: a model of other settings. Press Train to see these.</p>" if stale else ""
        )
        self.quarters.object = (
            "<p>SimplePatch weighs patches anew in each quarter of the picture: maps change at its "
            "middle lines.</p>"
            if self.model == "simple-patch"
            else ""
        )

    # ---- from parameters to a model --------------------------------------------------------

    @property
    def setting(self) -> Setting:
        """What the parameters describe."""
        return Setting(
            self.dataset,
            self.model,
            self.patches,
            self.size,
            round(self.share, 4),
            self.metric,
            float(f"{10**self.white:.4g}"),
        )

    def shown(self) -> None:
        """The URL has been applied: train what it names."""
        if not self._shown:
            self._fit_to_set()
            self.share = self.share or USUAL_SHARES.get(self.model, 0.4)
            self._shown = True
            self._begin()

    def _fit_to_set(self) -> None:
        """Sizes and tiles that the pictures of the set allow."""
        subject = SUBJECTS[self.dataset]
        self.model_card.fit(subject.side)
        largest = min(self.param.size.bounds[1], subject.side - 1)
        self.size = min(self.size, largest) if self.size > 1 else subject.size
        self.chooser.offer_tiles(subject.side)

    @param.depends("dataset", watch=True)
    def _another_set(self) -> None:
        if self._shown:
            self.reader = self.seen = self.mask = self._place = None
            self.model_card.about.object = self.says.object = ""
            self.dimension.clear()
            self.chooser.forget()
            self._shown = False  # what follows is one change
            self.size = SUBJECTS[self.dataset].size
            self._fit_to_set()
            self.front, self._shown = -1, True
            self._begin()

    @param.depends("model", watch=True)
    def _another_model(self) -> None:
        if self._shown:
            usual = set(USUAL_SHARES.values())
            if self.share in usual and self.model in USUAL_SHARES:
                self.share = USUAL_SHARES[self.model]
            self._begin()

    @param.depends("patches", "size", "share", "metric", "white", watch=True)
    def _another_setting(self) -> None:
        if self._shown:
            self._arrange()
            self.dimension.draw(self.setting, self.dark)

    @param.depends("dark", watch=True)
    def _themed(self) -> None:
        if self._shown:
            self.dimension.draw(self.setting, self.dark)

    def _begin(self) -> None:
        """Look whether the pictures are here; train where they are."""
        dataset = self.dataset
        self._arrange()
        self.dimension.draw(self.setting, self.dark)
        self.results.draw(dataset)
        self.jobs.submit("here", lambda task: evidence_models.here(dataset), self._found)

    def _found(self, here: bool) -> None:
        self._offer.visible = not here
        kept = evidence_models.kept(self.setting)
        if kept is not None:
            self.jobs.cancel("learn")
            self._learned(kept)
        elif here:
            self.work.start()
        else:
            name = SUBJECTS[self.dataset].catalogued
            self._offer_text.object = f"<p>{html.escape(explorer.offer(name))}</p>"
        self._arrange()

    def _fetch(self) -> Any:
        name = SUBJECTS[self.dataset].catalogued
        return lambda task: explorer.bring(name, task)

    def _fetched(self, nothing: None) -> None:
        self._begin()

    def _start(self) -> Any:
        setting = self.setting
        return lambda task: evidence_models.learn(setting, task)

    def _learned(self, reader: Reader) -> None:
        if (reader.setting.dataset, reader.setting.model) != (self.dataset, self.model):
            return
        self.reader = reader
        self.model_card.about.object = views.about(reader)
        self._arrange()
        self._see()

    def _misread(self) -> NDArray[np.intp] | None:
        return None if self.reader is None else self.reader.misread

    # ---- from a picture to evidence ---------------------------------------------------------

    @param.depends("picture", watch=True)
    def _another_picture(self) -> None:
        self.chooser.forget()
        self._see()

    @param.depends("tiles", watch=True)
    def _see(self) -> None:
        """Read the picture in front."""
        reader, index, tiles, brought = self.reader, self.picture, self.tiles, self.chooser.brought
        if reader is None:
            return

        def work(task: Task) -> tuple[Reader, Seen]:
            if brought is not None:
                return reader, scene.see(reader, scene.shuffled(brought, tiles))
            return reader, scene.see(reader, *scene.shown(reader.setting.dataset, index, tiles))

        self.jobs.submit("picture", work, lambda result: self._have_seen(*result))

    def _have_seen(self, reader: Reader, seen: Seen) -> None:
        if reader is not self.reader:
            return
        if self.seen is None or self.seen.evidence.shape != seen.evidence.shape:
            self._place = None
        self.seen, self.left = seen, None
        self.stage.lay(
            seen.pixels,
            seen.evidence,
            seen.scores,
            reader.classes,
            seen.fields,
            self._front,
            keep=True,
        )
        self.says.object = views.decision(seen, reader.classes)
        if self.mask is not None:
            self._masked(self.mask)
        else:
            self._tell_scores()
        self._look(*(self._place or seen.strongest(self._front)))
        self._convince()

    @property
    def _front(self) -> int:
        """The class in front."""
        if self.front >= 0 or self.seen is None:
            return max(0, self.front)
        return self.seen.best

    @param.depends("front", watch=True)
    def _another_front(self) -> None:
        if self.seen is not None:
            self.stage.choose(self._front)
            self._look(*(self._place or self.seen.strongest(self._front)))
            self._convince()

    def _look(self, row: int, column: int) -> None:
        """The patch at a position, and those of the dictionary that it is near to."""
        reader, seen, front = self.reader, self.seen, self._front
        if reader is None or seen is None:
            return
        self._place = row, column

        def work(task: Task) -> tuple[str, str]:
            patch = views.looked(seen, row, column, reader.classes, front)
            near = scene.near(reader, seen, row, column, front)
            return patch, views.neighbours(near, reader.classes)

        def done(told: tuple[str, str]) -> None:
            self.patch.object, self.near.object = told
            self.near_part.visible = bool(told[1])

        self.jobs.submit("patch", work, done)

    def _masked(self, mask: NDArray[np.bool_]) -> None:
        """What is left of the decision."""
        reader, seen = self.reader, self.seen
        if reader is None or seen is None or mask.shape != seen.pixels.shape[:2]:
            return
        self.mask = mask if mask.any() else None
        if self.mask is None:
            self.jobs.cancel("mask")
            self.left = None
            self._tell_scores()
            return

        def done(left: tuple[Any, Any]) -> None:
            if seen is self.seen and self.mask is not None:
                self.left = left
                self._tell_scores()

        self.jobs.submit("mask", lambda task: scene.without(reader, seen.pixels, mask), done)

    def _tell_scores(self) -> None:
        if self.reader is not None and self.seen is not None:
            share = 0.0 if self.mask is None else float(self.mask.mean())
            self.scores.object = views.scores(self.seen, self.reader.classes, self.left, share)

    def _convince(self) -> None:
        reader, front = self.reader, self._front
        if reader is not None:
            self.jobs.submit(
                "convincing",
                lambda task: views.convincing(
                    scene.convincing(reader, front, task), reader.classes
                ),
                lambda markup: setattr(self.best, "object", markup),
                calm=0.2,
            )


def _markup() -> pn.pane.HTML:
    """A pane of pictures and bars."""
    return pn.pane.HTML("", stylesheets=[views.STYLE], sizing_mode="stretch_width", margin=0)
