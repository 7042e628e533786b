"""The density page in the browser: pictures follow sliders, bad molecules are refused, links."""

import re

import pytest
from seen import DENSITY, FIRST, MODULUS, SECOND, changed, drawn, figure, picture, press, room

AMMONIA = b"4\n\nN 0 0 0.3\nH 0.94 0 0\nH -0.47 0.81 0\nH -0.47 -0.81 0\n"
WATER = b"3\n\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n"


@pytest.fixture
def density(visit):
    page = visit("?page=density", height=1700, expected="Upload error")
    drawn(page)
    return page


def test_a_slider_changes_the_picture_and_the_address(density):
    before = [picture(density, place) for place in (DENSITY, MODULUS, SECOND)]
    press(density, "Angle θ", "ArrowRight")
    changed(density, MODULUS, before[1])
    changed(density, SECOND, before[2])
    assert picture(density, DENSITY) == before[0]
    density.get_by_text("along 22.5°").wait_for()
    density.wait_for_url(re.compile(r"angle=1\b"))
    press(density, "Grid step (Å)", "ArrowRight")
    changed(density, DENSITY, before[0])
    for place in (DENSITY, MODULUS):
        assert room(density, place) > -0.01


def test_fewer_scales_keep_the_wavelet_within_the_bank(density):
    press(density, "Scale j", "End")
    density.get_by_text("is the coarsest scale").wait_for()
    press(density, "Number of scales J", "ArrowLeft")
    density.wait_for_url(re.compile(r"J=4.*j=3\b|j=3\b.*J=4"))


def test_a_click_on_a_tile_brings_its_wavelet_to_the_front(density):
    before = picture(density, SECOND)
    sheet = figure(density, FIRST)
    box = sheet.bounding_box()
    sheet.click(position={"x": box["width"] * 0.56, "y": box["height"] * 0.09})
    density.wait_for_url(re.compile(r"j=0\b.*angle=[34]\b"))
    changed(density, SECOND, before)


def test_a_click_on_the_modulus_asks_for_one_point(density):
    before = picture(density, SECOND)
    modulus = figure(density, MODULUS)
    box = modulus.bounding_box()
    modulus.click(position={"x": box["width"] * 0.55, "y": box["height"] * 0.4})
    density.get_by_text("at the point").wait_for()
    changed(density, SECOND, before)


def test_a_link_reproduces_the_view(visit, watched):
    link = (
        "?page=density&way=smiles&molecule=&smiles=C%3DC&project=false&channel=gaussian&sigma=0.3"
        "&step=0.06&J=4&L=6&j=2&angle=5&turn=30&dx=0.5&dy=-0.25&tab=1"
    )
    page = visit(link)
    page.get_by_text("The picture changed by").wait_for()
    shown = changed(page, MODULUS, 0)
    for label, value in {"σ (Å)": "0.3", "Scale j": "2", "Turn (°)": "30"}.items():
        assert page.get_by_label(label, exact=True).input_value() == value
    page.get_by_text("along 150°").wait_for()
    assert page.get_by_label("SMILES, then Enter").input_value() == "C=C"
    again = watched()
    again.goto(page.url)
    again.get_by_text("The picture changed by").wait_for()
    assert changed(again, MODULUS, 0) == shown


def test_a_link_with_impossible_values_says_which(visit):
    page = visit("?page=density&L=999&channel=dark&j=1")
    says = page.get_by_text(re.compile("This link asks for .*(L=999|channel=dark)"))
    says.wait_for()
    press(page, "Grid step (Å)", "ArrowRight")
    page.wait_for_url(re.compile("step="))
    assert says.is_visible()
    press(page, "Number of angles L", "ArrowRight")
    says.wait_for(state="hidden")


UPLOADS = {
    "nothing.xyz": (b"", "The file is empty."),
    "no_atoms.xyz": (b"0\n\n", "it has no atoms"),
    "element.xyz": (b"2\n\nC 0 0 0\nU 0 0 2\n", "Unknown element U (first at atom 2)"),
    "script.xyz": (b"1\n\n<img/src=x/onerror=alert(1)> 0 0 0\n", "unknown element '<img/src=x"),
    "nan.xyz": (b"2\n\nC 0 0 0\nO nan 0 0\n", "Atom 2 (O) has a coordinate that is not"),
    "twice.xyz": (b"2\n\nC 0 0 0\nO 0 0 0\n", "coincide"),
    "many.xyz": (b"1000000\n\n" + b"C 0 0 0\n" * 1000, "1,000,000 atoms; the limit is 200"),
    "picture.png": (b"\x89PNG\r\n\x1a\n", "The file is not text"),
    "huge.xyz": (b"1\n\nH 0 0 0\n" * 200_000, "exceeds maximum file size of 1 MB"),
}


def test_bad_uploads_are_refused_and_the_page_goes_on(density):
    density.get_by_role("button", name="File", exact=True).click()
    chooser = density.locator("input[type=file]").first
    before = picture(density, DENSITY)
    for name, (content, sentence) in UPLOADS.items():
        chooser.set_input_files({"name": name, "mimeType": "text/plain", "buffer": content})
        density.get_by_text(sentence).wait_for()
        assert picture(density, DENSITY) == before
    chooser.set_input_files({"name": "water.xyz", "mimeType": "text/plain", "buffer": WATER})
    changed(density, DENSITY, before)
    density.get_by_text("exceeds maximum file size").wait_for(state="hidden")


def test_a_molecule_that_is_not_flat_is_offered_its_projection(density):
    before = picture(density, DENSITY)
    density.get_by_role("button", name="File", exact=True).click()
    file = {"name": "ammonia.xyz", "mimeType": "text/plain", "buffer": AMMONIA}
    density.locator("input[type=file]").first.set_input_files(file)
    density.get_by_text("an atom lies 0.225 Å from the best plane").wait_for()
    assert picture(density, DENSITY) == before
    density.get_by_role("switch").check()
    changed(density, DENSITY, before)


def test_a_smiles_is_drawn_and_a_wrong_one_is_refused(density):
    before = picture(density, DENSITY)
    density.get_by_role("button", name="SMILES", exact=True).click()
    field = density.get_by_label("SMILES, then Enter")
    field.fill("c1ccsc1Cl(")
    field.press("Enter")
    density.get_by_text("is not a SMILES that RDKit can read").wait_for()
    field.fill("c1ccsc1")
    field.press("Enter")
    changed(density, DENSITY, before)


def test_a_bank_that_does_not_fit_is_refused_with_what_does(density):
    press(density, "Number of scales J", "End")
    density.get_by_text("J = 10 is too large for this grid").wait_for()
    press(density, "Number of scales J", "Home")
    density.get_by_text("is too large for this grid").wait_for(state="hidden")


def test_the_meter_sees_the_picture_move_and_the_invariants_rest(density):
    density.get_by_role("tab", name="Invariance meter").click()
    press(density, "Turn (°)", "PageUp", 2)
    says = density.get_by_text(re.compile(r"picture changed by [\d.]+ %"))
    moved, worst = (float(v) for v in re.findall(r"([\d.e+-]+) %", says.inner_text()))
    assert moved > 20
    assert worst < 0.1 * moved


def test_the_true_density_is_computed_beside_the_atoms(visit):
    pytest.importorskip("pyscf")
    page = visit("?page=density&way=smiles&smiles=%22%5BH%5D%5BH%5D%22&tab=2")
    changed(page, DENSITY, 0)
    page.get_by_role("button", name="Compute the PBE density").click()
    page.get_by_text("When the molecule forms").wait_for(timeout=60_000)
    page.locator(".bk-Figure").nth(4).wait_for()
    page.get_by_role("button", name="Cancel").wait_for(state="hidden")
    field = page.get_by_label("SMILES, then Enter")
    field.fill("C=C")
    field.press("Enter")
    page.get_by_text("When the molecule forms").wait_for(state="hidden")


def test_a_smiles_typed_into_the_address_is_drawn(visit):
    """Brackets would be a list to Panel; the page writes them in quotation marks."""
    page = visit("?page=density&way=smiles&smiles=[H][H]")
    changed(page, DENSITY, 0)


def test_a_first_picture_that_is_refused_leaves_no_empty_axes(visit):
    page = visit("?page=density&J=10&step=0.005&L=16")
    page.get_by_text("asks for a grid of").wait_for()
    page.get_by_role("heading", name="Density ρ̃").wait_for(state="hidden")
    page.get_by_role("heading", name="Modulus").wait_for(state="hidden")
    press(page, "Number of scales J", "Home")
    press(page, "Grid step (Å)", "End")
    page.get_by_role("heading", name="Density ρ̃").wait_for()
