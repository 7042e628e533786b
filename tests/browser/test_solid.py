"""The solid harmonics page in the browser: slices and surfaces follow, cells open their fields."""

import re

import pytest
from seen import (
    SLICE,
    TABLE,
    VOLUME,
    changed,
    picture,
    press,
    surface,
    surface_changed,
)
from test_volume_scene import cube

METHANE = b"5\n\nC 0 0 0\nH .63 .63 .63\nH -.63 -.63 .63\nH -.63 .63 -.63\nH .63 -.63 -.63\n"


def drawn(page):
    """Wait for both slices and the surface."""
    changed(page, SLICE, 0)
    changed(page, VOLUME, 0)
    surface_changed(page, 0)


@pytest.fixture
def solid(visit):
    page = visit("?page=solid&molecule=Water", height=1700, expected="Upload error")
    drawn(page)
    return page


def test_slices_and_surface_follow_the_sliders(solid):
    page = solid
    before = [picture(page, SLICE), picture(page, VOLUME), surface(page)]
    press(page, "Degree l", "ArrowRight")
    now = changed(page, SLICE, before[0])
    around = surface_changed(page, before[2])
    assert picture(page, VOLUME) == before[1]
    page.wait_for_url(re.compile(r"l=2\b"))
    press(page, "Offset (Å)", "ArrowRight", 4)
    changed(page, SLICE, now)
    changed(page, VOLUME, before[1])
    press(page, "Level (of the peak)", "PageUp")
    surface_changed(page, around)
    page.get_by_role("button", name="ρ", exact=True).click()
    page.get_by_text("Surface where ρ").wait_for()
    assert page.locator(".js-plotly-plot canvas").first.is_visible()


def test_a_click_on_a_value_opens_its_field_and_frames_it(solid):
    page = solid
    before = picture(page, SLICE)
    place = """(name) => {
        const figures = Array.from(Bokeh.documents[0].all_models).filter(m => m.type == "Figure")
        const table = figures.find(m => m.below.some(p => p.axis_label == name))
        const view = Bokeh.index.find_one(table)
        const frame = view.frame.bbox, box = view.el.getBoundingClientRect()
        return [box.x + frame.left, box.y + frame.top, frame.width, frame.height]
    }"""
    page.wait_for_function(f"({place})('degree l')[2] > 0")
    x, y, width, height = page.evaluate(place, "degree l")
    page.mouse.click(x + 3.5 / 4 * width, y + 6.5 / 11 * height)  # S², scales 0 and 2, l = 3
    page.wait_for_url(re.compile(r"l=3\b.*j=0\b.*j2=2\b"))
    changed(page, SLICE, before)
    page.get_by_text("Second order: U").wait_for()
    frame = """() => Array.from(Bokeh.documents[0].all_models)
        .filter(m => m.type == "ColumnDataSource").map(m => m.data)
        .map(d => d instanceof Map ? Object.fromEntries(d) : d)
        .some(d => d.left?.[0] == 3 && d.bottom?.[0] == 6)"""
    page.wait_for_function(frame)
    assert picture(page, TABLE) != 0


def test_a_link_reproduces_the_view(visit, watched):
    page = visit(
        "?page=solid&way=smiles&molecule=&smiles=CO&channel=valence&direct=true&sigma=0.3&step=0.25"
        "&l=2&j=0&j2=1&q=2&plane=xz&offset=0.2&level=0.5&turn=30&dx=0.5"
    )
    shown, around = changed(page, SLICE, 0), surface_changed(page, 0)
    for label, value in {"σ (Å)": "0.3", "Degree l": "2", "Turn about z (°)": "30"}.items():
        assert page.get_by_label(label, exact=True).input_value() == value
    again = watched()
    again.goto(page.url)
    assert changed(again, SLICE, 0) == shown
    assert surface_changed(again, 0) == around


BAD = {
    "element.xyz": (b"2\n\nC 0 0 0\nUu 0 0 2\n", "Line 4: unknown element 'Uu'"),
    "far.xyz": (b"2\n\nC 0 0 0\nO 5000 0 0\n", "it is 5,000 Å. Are the coordinates in Å?"),
    "twice.xyz": (b"2\n\nC 0 0 0\nO 0 0 0.1\n", "coincide"),
    "picture.png": (b"\x89PNG\r\n\x1a\n", "The file is not text"),
    "half.cube": (b"one\ntwo\n3 0 0", "cube file"),
}


def test_bad_files_are_refused_and_a_good_one_is_drawn(solid):
    page = solid
    page.get_by_role("button", name="File", exact=True).click()
    chooser = page.locator("input[type=file]").first
    before = picture(page, VOLUME)
    for name, (content, sentence) in BAD.items():
        chooser.set_input_files({"name": name, "mimeType": "text/plain", "buffer": content})
        page.get_by_text(sentence).wait_for()
        assert picture(page, VOLUME) == before
        page.get_by_text("Still shown: Water.").wait_for()
    chooser.set_input_files({"name": "ch4.xyz", "mimeType": "text/plain", "buffer": METHANE})
    changed(page, VOLUME, before)
    page.get_by_text("coincide").wait_for(state="hidden")
    page.get_by_text("Still shown").wait_for(state="hidden")
    methane = picture(page, VOLUME)
    chooser.set_input_files({"name": "h2o.cube", "mimeType": "text/plain", "buffer": cube()})
    changed(page, VOLUME, methane)
    page.get_by_text("The density of the file").wait_for()
    page.get_by_text("A density from a file is not moved").wait_for()
    page.get_by_label("Aliasing log₁₀ ε", exact=True).wait_for(state="hidden")


def test_too_coarse_a_grid_loses_the_invariance_and_is_refused_at_last(solid):
    page = solid
    press(page, "Turn about z (°)", "PageUp", 3)
    says = page.get_by_text(re.compile(r"sums over a grid by at most [\d.e-]+ %"))

    def worst():
        return float(re.search(r"at most ([\d.e-]+) %", says.inner_text())[1])

    says.wait_for()
    fine = worst()
    press(page, "Aliasing log₁₀ ε", "End")
    page.get_by_text("ε = 0.3").wait_for()
    page.wait_for_timeout(1000)
    assert worst() > 3 * fine
    page.get_by_role("switch").nth(1).check()
    press(page, "δ (Å)", "End")
    page.get_by_text("does not resolve atoms of width").wait_for()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_on_a_phone_the_slice_stays_above_its_sliders_and_nothing_sticks_out(visit, theme):
    page = visit(f"?page=solid&molecule=Water&theme={theme}", width=390, height=844, phone=True)
    drawn(page)
    assert page.locator(".main").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    page.get_by_text("Second scale").first.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    assert 0 < page.get_by_role("heading", name="on a plane").bounding_box()["y"] < 150


def test_the_theme_reaches_the_molecule_in_space(solid):
    ground = """() => Array.from(Bokeh.documents[0].all_models)
        .find(m => m.data_sources?.length)?.layout.paper_bgcolor"""
    assert solid.evaluate(ground) == "#ffffff"
    solid.get_by_role("button", name="Toggle theme").click()
    solid.wait_for_function(f"({ground})() == '#131b23'")


def test_only_this_page_loads_what_draws_in_space(visit):
    page = visit("?page=start", height=1700)
    page.get_by_role("button", name="Solid harmonics").first.wait_for()
    assert not page.evaluate("'Plotly' in window")
    page.get_by_role("button", name="Solid harmonics").first.click()
    drawn(page)
    page.locator(".js-plotly-plot canvas").first.wait_for()
