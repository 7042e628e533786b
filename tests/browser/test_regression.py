"""The regression page in the browser: records, clicks, a model computed live, links."""

import re
import threading

import pytest
from seen import press
from solid_records import own_records, solid_molecules, write_solid_records

from appkit.dashboards import explorer, library
from appkit.data.download import MissingFileError

POINT = """() => {
    for (const m of Bokeh.documents[0]?.all_models ?? []) {
        if (m.type != "Figure") continue
        for (const r of m.renderers) {
            if (r.data_source == null) continue  // a line across the figure
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
    settled(page)
    return page


def settled(page):
    """The first point of the parity figure, once tables and figures have found their places."""
    page.wait_for_function(POINT)
    before = None
    while before != (now := page.evaluate(POINT)):
        before = now
        page.wait_for_timeout(700)
    return now


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


# ---- molecules in space ----------------------------------------------------------------------


@pytest.fixture
def solid(visit, server, monkeypatch, tmp_path):
    """``solid(address)`` opens a page that has made-up records of QM7 and QM9 and their molecules.

    Without ``molecules``, their files are not on this machine; without ``records``, there are none.
    """

    def open_page(address, molecules=True, records=True, **options):
        own_records(monkeypatch, tmp_path)
        found = solid_molecules if molecules else lambda name: None
        monkeypatch.setattr(explorer, "molecules_or_none", found)
        if records:
            write_solid_records(tmp_path)
        return visit(f"?page=regression&{address}", **options)

    return open_page


def test_qm7_a_click_on_a_point_shows_its_molecule_projected(solid):
    page = solid("dataset=qm7&dictionary=kernel", height=1500)
    page.get_by_text("From the record of 2099-01-02").wait_for()
    page.get_by_role("heading", name="Locality").wait_for()
    page.get_by_role("heading", name="Error against M").wait_for()
    point = settled(page)
    assert point["n"] == 60
    page.mouse.click(point["x"], point["y"])
    page.wait_for_url(re.compile(r"molecule=\d+"))
    page.get_by_role("heading", name="Molecule").wait_for()
    assert page.get_by_role("button", name="Compute this model").count() == 0


def test_qm7_a_molecule_that_is_not_flat_says_so(solid):
    index = next(i for i, m in enumerate(solid_molecules("qm7").atoms) if len(m) > 6)
    page = solid(f"dataset=qm7&molecule={index}")
    page.get_by_text("Projected on its best plane, from which atoms stand up to").wait_for()


def test_the_rows_of_a_set_are_chosen_by_the_keyboard(solid):
    page = solid("dataset=qm7")
    page.get_by_text("From the record of 2099-01-02").wait_for()
    page.get_by_label("Dictionary").press("Enter")
    page.get_by_role("menuitem", name="Joint moments, kernel").press("Enter")
    page.wait_for_url(re.compile("dictionary=joint-kernel"))
    page.get_by_label("Data set").press("ArrowDown")
    page.get_by_role("menuitem", name="QM9").press("Enter")
    page.get_by_role("heading", name="Learning curves").wait_for()
    page.wait_for_url(re.compile("dataset=qm9"))
    assert "dictionary=joint-kernel" in page.url


def test_qm9_shows_learning_curves_on_a_phone_and_in_the_dark(solid):
    page = solid(
        "dataset=qm9&dictionary=joint-kernel&theme=dark", width=390, height=900, phone=True
    )
    page.get_by_role("heading", name="Learning curves").wait_for()
    page.get_by_text("thesis defence: L. Thiry").wait_for()
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    for name in ("Learning curves", "Predicted against true", "Largest residuals"):
        box = page.get_by_role("heading", name=name).bounding_box()
        assert box["x"] + box["width"] <= 390


def test_qm9_that_is_not_here_says_its_size_and_its_command(solid):
    page = solid("dataset=qm9", molecules=False, records=False)
    page.get_by_text("86.1 MB, CC0-1.0").wait_for()
    page.get_by_text("appkit run qm9-energy --molecules 10000").wait_for()
    page.get_by_role("button", name="Download").wait_for()
    page.get_by_text("talk: thesis defence: MAE").wait_for()


def test_links_to_sets_and_rows_that_do_not_exist_are_said(solid):
    page = solid("dataset=qm8&dictionary=fourier")
    page.get_by_text("This link asks for dataset=qm8, which cannot be shown.").wait_for()
    page.goto(page.url.split("?")[0] + "?page=regression&dataset=qm7&dictionary=fourier")
    page.get_by_text("QM7 has no row called 'fourier'. Rows: linear, bilinear").wait_for()
    page.get_by_text("From the record of 2099-01-02").wait_for()
