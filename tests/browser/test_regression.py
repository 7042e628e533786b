"""The regression page in the browser: records, clicks, a model computed live, links."""

import re
import threading

import pytest
from seen import press

from appkit.dashboards import explorer, library
from appkit.data.download import MissingFileError

POINT = """() => {
    for (const m of Bokeh.documents[0]?.all_models ?? []) {
        if (m.type != "Figure") continue
        for (const r of m.renderers) {
            const data = r.data_source.data
            const column = k => data instanceof Map ? data.get(k) : data[k]
            if (r.glyph.type != "Scatter" || !column("formula")?.length) continue
            const view = Bokeh.index.find_one(m)
            const [x, y] = [column("true")[0], column("predicted")[0]]
            const {left, top} = view.el.getBoundingClientRect()
            return {
                n: column("true").length,
                x: left + view.frame.x_scale.compute(x),
                y: top + view.frame.y_scale.compute(y),
            }
        }
    }
    return null
}"""


@pytest.fixture
def regression(visit):
    page = visit("?page=regression", height=1500)
    page.get_by_text("From the record of 2099-01-01").wait_for()
    page.wait_for_function(POINT)
    before = None
    while before != (now := page.evaluate(POINT)):  # tables and figures still find their places
        before = now
        page.wait_for_timeout(700)
    return page


def test_a_click_on_a_point_shows_its_molecule(regression):
    point = regression.evaluate(POINT)
    assert point["n"] == 60
    regression.mouse.click(point["x"], point["y"])
    regression.get_by_text("residual", exact=False).nth(1).wait_for()
    regression.wait_for_url(re.compile(r"molecule=\d+"))
    regression.get_by_role("heading", name="Molecule").wait_for()


def test_a_click_on_a_residual_shows_its_molecule(regression):
    residuals = regression.locator(".tabulator").nth(1)
    residuals.locator(".tabulator-row").nth(1).click()
    regression.wait_for_url(re.compile(r"molecule=\d+"))
    regression.get_by_role("heading", name="Molecule").wait_for()


def test_a_link_reproduces_the_view(visit):
    page = visit("?page=regression&dictionary=fourier&molecule=3")
    page.get_by_role("heading", name="Molecule").wait_for()
    page.get_by_text("From the record of 2099-01-01").wait_for()
    assert "dictionary=fourier" in page.url
    assert "molecule=3" in page.url


def test_a_model_is_computed_here_and_now(visit):
    link = "?page=regression&dictionary=fourier&channels=%5B%22valence%22%5D&M=8"
    page = visit(link)
    page.get_by_text("From the record of 2099-01-01").wait_for()
    page.get_by_role("button", name="Compute this model").click()
    page.get_by_text("Computed here by orthogonal least squares: M = 8").wait_for(timeout=60_000)
    press(page, "Terms M", "ArrowRight")
    page.get_by_text("M = 11").wait_for()
    press(page, "Terms M", "End")
    page.get_by_text(re.compile(r"M = 1024 is larger than the \d+ terms")).wait_for()


def test_a_link_to_a_model_computed_here_computes_it_again(visit):
    page = visit("?page=regression&dictionary=fourier&channels=%5B%22valence%22%5D&M=8&live=true")
    page.get_by_text("Computed here by orthogonal least squares: M = 8").wait_for(timeout=60_000)
    page.wait_for_url(re.compile("live=true"))
    page.get_by_label("Dictionary").click()
    page.get_by_role("menuitem", name="Wavelet").click()
    page.get_by_text("From the record of 2099-01-01").wait_for()
    page.wait_for_url(lambda url: "live=true" not in url)


def test_a_molecule_that_is_not_there_is_said(visit):
    page = visit("?page=regression&molecule=99999")
    page.get_by_text("There is no molecule 99999 in this set: they go from 0 to 59.").wait_for()


def test_a_kernel_regression_has_no_terms_to_compute(visit):
    page = visit("?page=regression&dictionary=coulomb")
    page.get_by_text("From the record of 2099-01-01").wait_for()
    page.get_by_role("button", name="Compute this model").click()
    page.get_by_text("is a kernel regression: it selects no terms").wait_for()


def test_a_set_that_is_not_here_says_how_to_get_it(visit, monkeypatch, tmp_path):
    monkeypatch.setenv("APPKIT_DATA", str(tmp_path))
    page = visit("?page=regression&dataset=qm_2d")
    page.get_by_text("3.1 MB, Apache-2.0").wait_for()
    page.get_by_text("5.4 ± 2.5").wait_for()  # the paper's Coulomb row
    page.get_by_role("button", name="Compute this model").click()
    page.get_by_text("The molecules of qm_2d are not on this machine: press Download").wait_for()


def test_a_set_is_downloaded_when_asked(visit, monkeypatch):
    """First without a network, then with one: the page says why not, and then goes on."""
    came, online = threading.Event(), threading.Event()

    def here(dataset):
        return library.molecules("embedded") if came.is_set() else None

    def get(name, progress):
        progress(1_000_000, 3_000_000)
        if not online.is_set():
            raise MissingFileError("https://example.org could not be downloaded (ConnectionError)")
        came.set()

    monkeypatch.setattr(explorer, "molecules_or_none", here)
    monkeypatch.setattr(explorer.catalogue, "get", get)
    page = visit("?page=regression&dataset=qm_2d")
    download = page.get_by_role("button", name="Download")
    download.click()
    page.get_by_text("https://example.org could not be downloaded").wait_for()
    online.set()
    download.click()
    download.wait_for(state="hidden")
    page.get_by_text("https://example.org could not be downloaded").wait_for(state="hidden")
    page.get_by_text("Compute this model").first.wait_for()
