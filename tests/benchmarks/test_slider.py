"""How fast a slider's new picture appears, and how many a second while it is dragged.

Headless Chromium with software rendering, 256² grid (56³ for a surface), warm. From the key's event
in the browser to the frame after the figure painted the new pixels, so the key's way to Python and
back is in it. Beside it a page of one slider and one precomputed HoloViews image, which is what
Panel, HoloViews and Bokeh take by themselves.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from driver import launched, running

STEP = 0.055  # Å: 256² samples around the first molecule
KEYS = 40
RUN = 7  # keys in one direction, which is what the angle's slider allows
DRAG_SECONDS = 3.0

#: Stamps each paint of new pixels of a figure, as milliseconds since the last key.
WATCH = """(place) => {
    const figures = Bokeh.documents[0].all_models
    const images = Array.from(figures)
        .filter(m => m.type == "Figure" && m.renderers.some(r => r.glyph.type == "Image"))
    const renderer = images[place].renderers.find(r => r.glyph.type == "Image")
    const glyph = Bokeh.index.find_one(renderer).glyph
    const seen = window.seen = {key: null, dirty: false, after: [], frames: []}
    addEventListener("keydown", () => { seen.key = performance.now() }, true)
    renderer.data_source.properties.data.change.connect(() => { seen.dirty = true })
    const paint = glyph.paint
    glyph.paint = function (...args) {
        paint.apply(this, args)
        if (!seen.dirty) return
        seen.dirty = false
        requestAnimationFrame(() => {
            const now = performance.now()
            seen.frames.push(now)
            if (seen.key != null) seen.after.push(now - seen.key)
            seen.key = null
        })
    }
}"""


#: The same of a surface in space, which Plotly says it has drawn.
WATCH_SURFACE = """element => {
    const seen = window.seen = {key: null, after: [], frames: []}
    addEventListener("keydown", () => { seen.key = performance.now() }, true)
    element.on("plotly_afterplot", () => requestAnimationFrame(() => {
        const now = performance.now()
        seen.frames.push(now)
        if (seen.key != null) seen.after.push(now - seen.key)
        seen.key = null
    }))
}"""


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


def plain():
    """One slider that swaps between precomputed pictures: no mathematics, no thread, no address."""
    import holoviews as hv
    import numpy as np
    import panel as pn
    import panel_material_ui as pmui

    import appkit.figures.theme  # noqa: F401 - the plots' backend

    pictures = np.random.default_rng(0).random((96, 256, 256), dtype=np.float32)
    pipe = hv.streams.Pipe(data=pictures[0])
    image = hv.DynamicMap(lambda data: hv.Image(data, bounds=(-7, -7, 7, 7)), streams=[pipe])
    slider = pmui.IntSlider(label="Picture", start=0, end=95)
    slider.param.watch(lambda event: pipe.send(pictures[event.new]), "value")
    options = hv.opts.Image(responsive=True, aspect=0.87, colorbar=True, framewise=True)
    return pmui.Column(slider, pn.pane.HoloViews(image.opts(options), sizing_mode="stretch_width"))


def key_to_paint(page, case: Case, keys: int) -> list[float]:
    """Milliseconds from each of ``keys`` presses to the frame that shows its picture."""
    slider = page.get_by_label(case.slider, exact=True)
    slider.press("Home")
    page.wait_for_timeout(1500)
    if case.place is None:
        page.locator(".js-plotly-plot").evaluate(WATCH_SURFACE)
    else:
        page.evaluate(WATCH, case.place)
    for number in range(keys):
        slider.press("ArrowRight" if number // RUN % 2 == 0 else "ArrowLeft")
        page.wait_for_function("n => window.seen.after.length > n", arg=number, polling=10)
    return page.evaluate("window.seen.after")


def dragged(page, case: Case, seconds: float) -> float:
    """Pictures a second while the slider's thumb goes to and fro."""
    page.evaluate("window.seen.frames.length = 0")
    thumb = page.get_by_label(case.slider, exact=True).locator("xpath=..").bounding_box()
    rail = page.get_by_label(case.slider, exact=True).locator("xpath=../..").bounding_box()
    y = thumb["y"] + thumb["height"] / 2
    page.mouse.move(thumb["x"] + thumb["width"] / 2, y)
    page.mouse.down()
    start, now, number = page.evaluate("performance.now()"), 0.0, 0
    while now < 1e3 * seconds:
        phase = number / 60 % 2
        share = phase if phase < 1 else 2 - phase
        page.mouse.move(rail["x"] + share * rail["width"], y)
        page.wait_for_timeout(16)
        now, number = page.evaluate("performance.now()") - start, number + 1
    page.mouse.up()
    return page.evaluate("window.seen.frames.length") / (1e-3 * now)


def plain_server():
    import panel as pn

    return pn.serve(plain, port=0, show=False, start=False)


def dashboard():
    from appkit.dashboards import app

    return app.serve(port=0, show=False, start=False)


@dataclass(frozen=True)
class Case:
    """A page, one of its sliders, and the place of the picture that follows it.

    The place is that among the figures with pixels; None is the surface in space.
    """

    server: Callable[[], Any]
    slider: str
    place: int | None
    query: str = ""


DENSITY = f"page=density&step={STEP}"
SOLID = "page=solid&direct=true"
SLICE = 0
CASES = {
    "plain HoloViews": Case(plain_server, "Picture", 0),
    "density page, angle": Case(dashboard, "Angle θ", 1, DENSITY),
    "density page, σ": Case(dashboard, "σ (Å)", 0, DENSITY + "&channel=gaussian"),
    "solid harmonics page, slice": Case(dashboard, "σ (Å)", SLICE, SOLID),
    "solid harmonics page, surface": Case(dashboard, "σ (Å)", None, SOLID),
}
MEDIANS: dict[str, float] = {}


@pytest.mark.benchmark(group="slider: key to paint at 256²")
@pytest.mark.parametrize("name", CASES)
def test_a_slider_moves_the_picture(benchmark, browser, name):
    if not benchmark.enabled:
        pytest.skip("a benchmark in the browser: `make bench`")
    case = CASES[name]
    with running(case.server) as server:
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"http://localhost:{server.port}/?{case.query}")
        page.locator(".bk-Figure").nth(0).wait_for()
        page.wait_for_timeout(4000)
        key_to_paint(page, case, 10)  # warm: filters, spectra, the browser's code
        page.reload()
        page.locator(".bk-Figure").nth(0).wait_for()
        page.wait_for_timeout(4000)
        times: list[float] = []
        benchmark.pedantic(
            lambda: times.extend(key_to_paint(page, case, KEYS)), rounds=1, iterations=1
        )
        rate = dragged(page, case, DRAG_SECONDS)
        page.close()
    ordered = sorted(times)
    median, late = statistics.median(ordered), ordered[int(0.95 * len(ordered))]
    benchmark.extra_info |= {"median_ms": median, "p95_ms": late, "frames_a_second": rate}
    MEDIANS[name] = median
    ratio = median / MEDIANS["plain HoloViews"] if "plain HoloViews" in MEDIANS else float("nan")
    print(
        f"\n{name}: {median:.0f} ms (95%: {late:.0f} ms), {ratio:.2f} × plain HoloViews; "
        f"{rate:.0f} pictures a second while dragged"
    )
    assert len(times) == KEYS
