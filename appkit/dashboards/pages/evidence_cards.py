"""Cards of the evidence page that live by themselves: the picture, dimensions, results."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from numpy.typing import NDArray

from appkit.dashboards import evidence_scene as scene
from appkit.dashboards.components import LongWork, card, figure, hideable, hint, slider, stack
from appkit.dashboards.components.files import CheckedFileInput
from appkit.dashboards.components.tables import frame_table
from appkit.dashboards.evidence_models import SUBJECTS, WITH_DICTIONARY, Setting
from appkit.dashboards.jobs import Jobs, Task
from appkit.dashboards.pages import evidence_views as views
from appkit.figures.dimension import dimensions, spectra
from appkit.images.dimension import PatchDimensions

_WIDE: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": (6, 0)}
_WRAPPED = {scene.ROW: {"type": "textarea"}}
#: Bytes of the largest picture that a person may bring.
MAX_PICTURE = 20 * 2**20


def reading(page: Any) -> pmui.Grid:
    """The picture, its decision, the patch that is looked at, and the most convincing ones."""
    stage = card(
        "What each patch says",
        page.says,
        page.stage,
        page.quarters,
        sentence="Cool patches speak for the class in front, warm ones against it. Small maps: "
        "all classes; press one to bring it to the front.",
    )
    decision = card(
        "The decision",
        page.scores,
        sentence="Drag over the picture to hide patches: their evidence leaves the sum.",
    )
    best = card(
        "Most convincing patches",
        page.best,
        sentence="For the class in front, less the mean of all classes; one of each of the first "
        f"{scene.N_CONVINCING} pictures at most.",
    )
    patch = card("The patch you look at", page.patch, page.near_part)
    return pmui.Grid(
        pmui.Grid(stage, size={"xs": 12, "lg": 7}),
        pmui.Grid(stack(decision, patch), size={"xs": 12, "lg": 5}),
        pmui.Grid(best, size=12),
        container=True,
        spacing=1.5,
        margin=0,
    )


class ModelCard(pn.viewable.Viewer):
    """What is trained: the pictures, the model and its dictionary, and how it went.

    Parameters
    ----------
    page : the page, with a parameter for each choice.
    work : what trains.

    Attributes
    ----------
    stale, about : hints on the model in front.
    """

    def __init__(self, page: Any, work: LongWork) -> None:
        super().__init__()
        self._page, self._work = page, work
        self.stale, self.about = hint(""), hint("")
        self._sizes = slider(pmui.IntSlider, page.param.size, start=2)
        self._parts = {
            "patches": hideable(slider(pmui.IntSlider, page.param.patches)),
            "size": hideable(self._sizes),
            "share": hideable(slider(pmui.FloatSlider, page.param.share, start=0.01)),
            "metric": hideable(pmui.Select.from_param(page.param.metric, **_WIDE)),
            "white": hideable(slider(pmui.FloatSlider, page.param.white)),
        }

    def fit(self, side: int) -> None:
        """Offer patches that two windows of pictures of ``side`` pixels hold."""
        self._sizes.end = min(self._page.param.size.bounds[1], side - 1)

    def offer(self) -> None:
        """The widgets that have an effect."""
        page = self._page
        dictionary = page.model in WITH_DICTIONARY
        offered = {"patches", "size", "share", "metric"} if dictionary else set()
        offered |= {"white"} if dictionary and page.metric != "l2" else set()
        offered |= {"size"} if page.model == "bagnet" else set()
        for name, part in self._parts.items():
            part.visible = name in offered

    def __panel__(self) -> pn.viewable.Viewable:
        page = self._page
        return card(
            "Model",
            pmui.Select.from_param(page.param.dataset, **_WIDE),
            pmui.Select.from_param(page.param.model, **_WIDE),
            *self._parts.values(),
            self.stale,
            self._work,
            self.about,
        )


class PictureCard(pn.viewable.Viewer):
    """Which picture is read: one of the set by its number, one that is misread, or a person's.

    Parameters
    ----------
    page : an `AppPage` with ``dataset``, ``picture`` and ``tiles``.
    misread : the numbers of the pictures that the model in front misses; None without a model.
    changed : called when a person's picture has come.

    Attributes
    ----------
    brought : a person's picture, as the models read it; None for one of the set.
    """

    def __init__(
        self, page: Any, misread: Callable[[], NDArray[Any] | None], changed: Callable[[], None]
    ) -> None:
        super().__init__()
        self._page, self._misread, self._changed = page, misread, changed
        self.brought: NDArray[Any] | None = None
        self.tiles = pmui.Select.from_param(
            page.param.tiles, sizing_mode="stretch_width", margin=(6, 0)
        )
        self.note = hint("")
        self.file = CheckedFileInput(
            label="Bring a picture",
            accept="image/*",
            max_file_size=MAX_PICTURE,
            variant="outlined",
            sizing_mode="stretch_width",
            margin=(10, 0, 0, 0),
        )
        self.file.on_refused = lambda reason: page.message.say("file", reason)
        self.file.param.watch(self._uploaded, "value", onlychanged=False)

    def forget(self) -> None:
        """Back to the pictures of the set."""
        self.brought, self.note.object = None, ""
        self._page.message.clear("file")

    def offer_tiles(self, side: int) -> None:
        """Tiles that part pictures of ``side`` pixels into four or more."""
        named = {name: n for name, n in self._page.param.tiles.names.items() if 2 * n <= side}
        if self._page.tiles not in named.values():
            self._page.tiles = 0
        self.tiles.options = named

    def next_misread(self) -> None:
        """Bring the next picture to the front that the model misses."""
        page, misread = self._page, self._misread()
        if misread is None:
            return
        page.message.say("misread", "" if len(misread) else "It reads all of them right.")
        if len(misread):
            later = misread[misread > page.picture]
            page.picture = int(later[0] if len(later) else misread[0])

    def _uploaded(self, event: param.parameterized.Event) -> None:
        page, content, name = self._page, event.new or b"", self.file.filename or "The picture"
        dataset = page.dataset

        def done(pixels: NDArray[Any]) -> None:
            if dataset != page.dataset:
                return
            self.brought = pixels
            side = SUBJECTS[dataset].side
            self.note.object = (
                f"<p>{html.escape(name)}: its middle, {side} × {side} pixels, as the model was "
                "trained on.</p>"
            )
            self._changed()

        page.jobs.submit("file", lambda task: scene.brought(content, name, dataset), done)

    def __panel__(self) -> pn.viewable.Viewable:
        wrong = pmui.Button(
            label="Next one it misreads",
            icon="error_outline",
            variant="outlined",
            size="small",
            margin=(2, 6, 2, 0),
        )
        wrong.on_click(lambda event: self.next_misread())
        return card(
            "Picture",
            slider(pmui.IntSlider, self._page.param.picture),
            wrong,
            self.tiles,
            self.file,
            self.note,
        )


class DimensionCard(pn.viewable.Viewer):
    """How many dimensions patches fill: the spectrum of one size, counts for several."""

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self._jobs = jobs
        self.counted, self.spectrum, self.sizes = hint(""), figure(), figure()

    def clear(self) -> None:
        """Nothing is shown until it is drawn again."""
        self.counted.object, self.spectrum.object, self.sizes.object = "", None, None

    def draw(self, setting: Setting, dark: bool) -> None:
        """Of a setting's pictures, its P and its whitening."""
        dataset, size = setting.dataset, setting.size

        def work(task: Task) -> dict[int, PatchDimensions]:
            return scene.dimensions(dataset, setting.regularisation, size, task)

        def done(found: dict[int, PatchDimensions]) -> None:
            if not found:
                self.clear()
                return
            near = min(found, key=lambda each: abs(each - size))
            one = found[near]
            self.counted.object = views.counted(one, near, dataset)
            self.spectrum.object = spectra(one.spectrum, one.whitened_spectrum, dark)
            self.sizes.object = dimensions(list(found.values()), dark)

        self._jobs.submit("dimension", work, done, calm=0.3)

    def __panel__(self) -> pn.viewable.Viewable:
        return card(
            "How many dimensions patches fill",
            self.counted,
            pmui.Grid(
                pmui.Grid(hideable(self.spectrum), size={"xs": 12, "lg": 6}),
                pmui.Grid(hideable(self.sizes), size={"xs": 12, "lg": 6}),
                container=True,
                spacing=1.5,
                margin=0,
            ),
            sentence="Near neighbours can only be found where there are few.",
        )


class ResultsCard(pn.viewable.Viewer):
    """The records of a data set beside the published figures."""

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self._jobs = jobs
        self.table = frame_table(
            frozen_columns=[scene.ROW], widths={scene.ROW: 160}, formatters=_WRAPPED
        )
        self._place = hideable(self.table, visible=False)
        self._legend = hint("")

    def draw(self, dataset: str) -> None:
        """Read the records."""

        def done(found: tuple[Any, str]) -> None:
            self.table.value, words = found
            self._place.visible = not self.table.value.empty
            self._legend.object = f"<p>{html.escape(words)}</p>"

        self._jobs.submit("results", lambda task: scene.results(dataset), done)

    def __panel__(self) -> pn.viewable.Viewable:
        return card("Trained on all pictures, beside what was published", self._place, self._legend)
