"""The evidence page in the browser: looking, masking and choosing with mouse, keys and finger."""

import re

import pytest

LOOKED = re.compile(r"Patch at row (\d+), column (\d+): [+−]")


@pytest.fixture
def evidence(visit):
    page = visit("?page=evidence&patches=64", height=1300)
    ready(page)
    return page


def ready(page):
    page.get_by_text("and it is one").wait_for(timeout=120_000)
    page.locator(".classes button").nth(9).wait_for()
    page.locator(".stage canvas").scroll_into_view_if_needed()


def at(page, x, y):
    box = page.locator(".stage canvas").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(page, start, end):
    page.mouse.move(*at(page, *start))
    page.mouse.down()
    page.mouse.move(*at(page, *end), steps=6)
    page.mouse.up()


def test_the_pointer_looks_at_patches(evidence):
    evidence.mouse.move(*at(evidence, 0.5, 0.5))
    said = evidence.locator(".says")
    evidence.get_by_text(LOOKED).wait_for()
    one = said.inner_text()
    evidence.mouse.move(*at(evidence, 0.05, 0.95))
    evidence.get_by_text("Patch at row 6, column 1").wait_for()
    assert said.inner_text() != one
    evidence.get_by_text("Of this patch's evidence").wait_for()
    evidence.locator(".patches figure").nth(7).wait_for()


def test_a_drag_masks_and_the_decision_moves(evidence):
    drag(evidence, (0.2, 0.2), (0.8, 0.5))
    evidence.get_by_text(re.compile(r"\d+ % of the picture is masked")).wait_for()
    evidence.get_by_text("Without masked patches").wait_for()
    evidence.get_by_role("button", name="Clear the mask").click()
    evidence.get_by_text("Without masked patches").wait_for(state="detached")


def test_a_click_masks_a_little(evidence):
    evidence.mouse.click(*at(evidence, 0.44, 0.56))
    evidence.get_by_text(re.compile(r"^\d % of the picture is masked")).wait_for()


def test_keys_look_mask_and_clear(evidence):
    evidence.locator(".stage canvas").focus()
    evidence.keyboard.press("ArrowRight")
    evidence.get_by_text("Patch at row 4, column 4").wait_for()
    evidence.keyboard.press("Shift+ArrowRight")
    evidence.get_by_text("Patch at row 4, column 6").wait_for()
    evidence.keyboard.press("Space")
    evidence.get_by_text("14 % of the picture is masked").wait_for()  # 9 of 64
    evidence.keyboard.press("Backspace")
    evidence.get_by_text("14 % of the picture is masked").wait_for(state="detached")
    evidence.keyboard.press("Space")
    evidence.get_by_text("14 % of the picture is masked").wait_for()
    evidence.keyboard.press("Escape")
    evidence.get_by_text("14 % of the picture is masked").wait_for(state="detached")


def test_a_small_map_brings_its_class_to_the_front(evidence):
    chosen = evidence.locator(".classes button").nth(3)
    chosen.click()
    evidence.get_by_text(re.compile("is for 3")).wait_for()
    assert chosen.get_attribute("aria-pressed") == "true"
    assert "front=3" in evidence.url


def test_a_link_shows_the_same(visit):
    page = visit("?page=evidence&patches=64&picture=4&front=7&tiles=4")
    page.get_by_text(re.compile("is for 7")).wait_for(timeout=120_000)
    assert page.locator(".classes button[aria-pressed=true]").inner_text().startswith("7")


def test_on_a_phone_a_finger_scrolls_until_it_is_told_to_mask(visit):
    page = visit("?page=evidence&patches=64", width=390, height=844, phone=True)
    ready(page)
    canvas = page.locator(".stage canvas")
    modes = {name: page.get_by_role("button", name=name, exact=True) for name in ("Look", "Mask")}
    touch = canvas.evaluate("c => getComputedStyle(c).touchAction")
    assert touch in ("pan-y", "none")
    modes["Mask"].click()
    assert canvas.evaluate("c => getComputedStyle(c).touchAction") == "none"
    modes["Look"].click()
    assert canvas.evaluate("c => getComputedStyle(c).touchAction") == "pan-y"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
