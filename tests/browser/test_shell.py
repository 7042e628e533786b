"""The shell in the browser: navigation, links, light and dark, phone width, offline."""

import re

import pytest
from seen import drawn, press

PAGES = {
    "start": "The energy of a molecule, read by wavelets",
    "density": "Density and wavelets",
    "solid": "Solid harmonics",
    "regression": "Regression",
    "forces": "Forces",
}


@pytest.mark.parametrize("slug", PAGES)
def test_a_link_opens_its_page(visit, slug):
    page = visit(f"?page={slug}")
    assert page.locator("h1").first.inner_text() == PAGES[slug]
    page.wait_for_timeout(1500)  # late requests would be noticed by the fixture


def test_the_menu_swaps_pages_and_the_address_follows(visit):
    page = visit()
    page.get_by_text("Regression", exact=True).click()
    page.locator("h1", has_text="Regression").wait_for()
    page.wait_for_url(re.compile("page=regression"))
    page.get_by_text("Density and wavelets", exact=True).first.click()
    page.locator("h1", has_text="Density and wavelets").wait_for()
    page.wait_for_url(re.compile("page=density"))
    assert "dataset" not in page.url


def test_back_and_forward_follow_the_pages(visit):
    """One step a page, however many parameters were moved on it."""
    page = visit()
    page.get_by_text("Density and wavelets", exact=True).first.click()
    page.locator("h1", has_text="Density and wavelets").wait_for()
    drawn(page)
    press(page, "Scale j", "ArrowRight", times=2)
    page.wait_for_url(re.compile("j=3"))
    page.get_by_text("Regression", exact=True).first.click()
    page.locator("h1", has_text="Regression").wait_for()
    page.wait_for_url(re.compile("page=regression"))
    page.go_back()
    page.locator("h1", has_text="Density and wavelets").wait_for()
    page.get_by_text("ψ of scale j = 3").wait_for()
    page.go_back()
    page.locator("h1", has_text="The energy of a molecule").wait_for()
    page.go_forward()
    page.locator("h1", has_text="Density and wavelets").wait_for()


@pytest.mark.parametrize("slug", [slug for slug in PAGES if slug != "start"])
def test_the_doors_of_the_first_page_open(visit, slug):
    page = visit()
    page.get_by_role("button", name=f"Open {PAGES[slug].lower()}").click()
    page.locator("h1", has_text=PAGES[slug]).wait_for()


def test_an_unknown_page_is_said(visit):
    page = visit("?page=nowhere")
    page.get_by_text("There is no page called 'nowhere'").wait_for()


def test_a_name_in_a_link_cannot_run(visit):
    page = visit("?page=<img src=x onerror=document.title='run'>")
    page.get_by_text("There is no page called").wait_for()
    assert page.title() != "run"


def ground(page) -> int:
    """Brightness of the page behind its cards, 0 to 765."""
    colour = page.locator(".main").evaluate("e => getComputedStyle(e).backgroundColor")
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3])


def test_dark_reaches_page_and_plots_and_back(visit):
    page = visit("?page=density&theme=dark")
    assert ground(page) < 100
    figures = """() => Array.from(Bokeh.documents[0].all_models)
        .filter(m => m.type == 'Figure').map(m => m.background_fill_color)"""
    page.wait_for_function(f"({figures})().length >= 3")
    assert {tuple(c) if isinstance(c, list) else c for c in page.evaluate(figures)} == {"#131b23"}
    page.get_by_role("button", name="Toggle theme").click()
    page.locator(".main").and_(page.locator(".mui-light *")).first.wait_for()
    page.wait_for_function(f"({figures})().every(c => [c].flat()[0] == '#ffffff')")
    assert ground(page) > 700


def test_a_browser_that_prefers_dark_gets_dark_plots(chromium, server):
    """The first visit already, by the cookie; what the theme says of a colour bar shows it."""
    grounds = """() => Array.from(Bokeh.documents[0]?.all_models ?? [])
        .filter(m => m.type == 'ColorBar').map(m => m.background_fill_alpha)"""
    context = chromium.browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(f"{server.address}/?page=density")
    page.wait_for_function(f"({grounds})().length >= 2", timeout=60_000)
    assert ground(page) < 100
    assert set(page.evaluate(grounds)) == {0}
    context.close()


def test_on_a_phone_the_picture_stays_above_its_sliders(visit):
    page = visit("?page=density", width=390, height=844, phone=True)
    modulus = page.get_by_role("heading", name="Modulus")
    drawn(page)
    page.get_by_text("Number of angles").first.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    assert page.get_by_role("heading", name="Density ρ̃").bounding_box()["y"] < 0
    assert 0 < modulus.bounding_box()["y"] < 150


def test_the_menu_of_a_narrow_window_starts_closed(visit):
    """The window names no phone; an open menu would lie over the page."""
    page = visit(width=560, height=900)
    page.get_by_text("Regression", exact=True).wait_for(state="hidden")
    page.get_by_role("button", name=re.compile("drawer")).click()
    page.get_by_text("Regression", exact=True).wait_for()


def test_on_a_phone_the_drawer_is_closed_and_nothing_sticks_out(visit):
    page = visit("?page=density", width=390, height=844, phone=True)
    page.locator(".bk-Figure").first.wait_for()
    menu = page.get_by_role("button", name=re.compile("drawer"))
    assert not page.get_by_text("Regression", exact=True).is_visible()
    assert page.locator(".main").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    menu.click()
    page.get_by_text("Regression", exact=True).click()
    page.locator("h1", has_text="Regression").wait_for()
