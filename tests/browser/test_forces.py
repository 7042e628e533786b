"""The forces page in the browser: atoms follow mouse and keys, energy and arrows follow atoms."""

import re

import pytest

ENERGY = re.compile(r"Predicted: ([−\d.]+) kcal/mol")


@pytest.fixture
def forces(visit):
    page = visit("?page=forces", height=1300)
    ready(page)
    return page


def ready(page):
    page.get_by_text(ENERGY).wait_for(timeout=120_000)
    page.locator(".ball").nth(2).wait_for()


def energy(page):
    return float(ENERGY.search(page.get_by_text(ENERGY).inner_text())[1].replace("−", "-"))


def otherwise(page, before):
    """Wait for another energy."""
    words = page.get_by_text(
        re.compile(r"Predicted: (?!" + f"{before:.2f}".replace("-", "−") + ")")
    )
    words.wait_for()
    return energy(page)


def middle(page, atom):
    box = page.locator(".grip").nth(atom).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, atom, dx, dy):
    x, y = middle(page, atom)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=8)


def test_an_atom_that_is_dragged_changes_the_energy_and_is_pulled_back(forces):
    before = energy(forces)
    x, y = middle(forces, 1)
    drag(forces, 1, 30, 12)
    assert middle(forces, 1) == pytest.approx((x + 30, y + 12), abs=1.5)
    assert otherwise(forces, before) > before
    forces.locator("path.force[data-atom='2']").wait_for()
    forces.mouse.up()
    forces.get_by_text("eV/Å predicted").wait_for()
    at_end = middle(forces, 1)
    forces.mouse.move(*middle(forces, 0))
    assert middle(forces, 1) == at_end  # let go


def test_the_molecule_turns_where_no_atom_is(forces):
    before, old = energy(forces), middle(forces, 1)
    box = forces.locator("svg[role=group]").bounding_box()
    forces.mouse.move(box["x"] + 20, box["y"] + 20)
    forces.mouse.down()
    forces.mouse.move(box["x"] + 90, box["y"] + 20, steps=5)
    forces.mouse.up()
    assert middle(forces, 1) != old
    assert energy(forces) == before


def test_arrow_keys_move_an_atom_by_two_hundredths(forces):
    before, (x, y) = energy(forces), middle(forces, 2)
    forces.locator("svg[role=group]").focus()
    forces.keyboard.press("3")
    label = forces.locator(".grip:focus")
    assert label.get_attribute("aria-label").startswith("Atom 3, H")
    for _ in range(5):
        forces.keyboard.press("ArrowUp")
    otherwise(forces, before)
    angstrom = forces.locator(".bar line").evaluate(
        "line => line.x2.baseVal.value - line.x1.baseVal.value"
    )
    assert middle(forces, 2) == pytest.approx((x, y - 0.1 * angstrom), abs=1)
    forces.keyboard.press("Tab")
    assert forces.locator(".grip:focus").count() == 0
    forces.keyboard.press("Shift+Tab")
    assert forces.locator(".grip:focus").count() == 1


def test_relax_lowers_the_energy_and_reset_brings_all_back(forces):
    start = middle(forces, 1)
    drag(forces, 1, 25, 0)
    forces.mouse.up()
    forces.get_by_text(re.compile(r"Predicted: [1-9]\d*\.\d\d kcal/mol")).wait_for()
    forces.get_by_role("button", name="Relax").click()
    forces.get_by_text("down the predicted energy").wait_for()
    forces.get_by_text(re.compile(r"Predicted: −?0\.\d\d kcal/mol")).wait_for()
    forces.get_by_role("button", name="Reset").click()
    forces.get_by_text("each place where the atom was").wait_for()
    forces.wait_for_timeout(500)
    assert middle(forces, 1) == pytest.approx(start, abs=1)


def test_dynamics_keep_their_sum_and_can_be_stopped(forces):
    start = middle(forces, 1)
    forces.get_by_role("button", name="Run dynamics").click()
    forces.get_by_text("The sum stays within").wait_for()
    forces.get_by_text(re.compile(r"Dynamics, [2-9]")).wait_for()
    forces.get_by_role("button", name="Stop").click()
    forces.get_by_role("button", name="Relax").and_(forces.locator(":enabled")).wait_for()
    assert middle(forces, 1) != start


def test_far_away_it_says_that_it_extrapolates(forces):
    drag(forces, 1, 400, -20)  # beyond the rim, where it stays in sight
    forces.get_by_text(re.compile("Extrapolated: O1 and H2 are [12].")).wait_for()
    forces.mouse.move(*middle(forces, 0), steps=4)
    forces.get_by_text("where nothing was learned: pull them apart").wait_for()
    forces.mouse.up()
    forces.get_by_role("button", name="Reset").click()
    forces.get_by_text("pull them apart").wait_for(state="hidden")


def test_the_teacher_is_shown_where_asked_for_and_the_link_keeps_it(forces):
    forces.get_by_text("MMFF94 force field").first.wait_for()
    forces.get_by_text(re.compile("On 8 others that it never saw")).wait_for()
    drag(forces, 1, 25, 0)
    forces.mouse.up()
    forces.get_by_label("Show the teacher").check()
    forces.get_by_text("forces differ by").wait_for()
    forces.locator("path.teacher[data-atom='2']").wait_for()
    forces.wait_for_url(re.compile("compare=true"))


def test_a_link_names_its_molecule_and_a_wrong_smiles_is_refused(visit):
    page = visit("?page=forces&way=smiles&smiles=N&molecule=", height=1300)
    ready(page)
    assert page.locator(".ball").count() == 4
    field = page.get_by_label("SMILES, then Enter")
    for smiles, sentence in {
        "N((": "is not a SMILES that RDKit can read",
        "CCCCCC": "20 atoms, hydrogens included",
    }.items():
        field.fill(smiles)
        field.press("Enter")
        page.get_by_text(sentence).wait_for()
        assert page.locator(".ball").count() == 4


def test_learning_can_be_cancelled_and_begun_again(visit, monkeypatch):
    from appkit.dashboards import forces_scene

    monkeypatch.setattr(forces_scene, "FEWEST", forces_scene.MOST)
    page = visit("?page=forces&way=smiles&smiles=C%23N&molecule=")
    page.get_by_text(re.compile(r"Learning from geometry \d+ of 800")).wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel").wait_for(state="hidden")
    monkeypatch.setattr(forces_scene, "FEWEST", 30)
    page.get_by_role("button", name="Learn").click()
    page.get_by_text(ENERGY).wait_for()


def test_on_a_phone_the_stage_comes_first_and_a_finger_drags(visit):
    page = visit("?page=forces", width=390, height=844, phone=True)
    ready(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    stage = page.get_by_role("heading", name="Drag an atom").bounding_box()
    choice = page.get_by_role("heading", name="Molecule", exact=True).bounding_box()
    assert stage["y"] < choice["y"]
    before, (x, y) = energy(page), middle(page, 1)
    client = page.context.new_cdp_session(page)
    for kind, points in {
        "touchStart": [{"x": x, "y": y}],
        "touchMove": [{"x": x + 20, "y": y + 15}],
        "touchEnd": [],
    }.items():
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert otherwise(page, before) > before
    assert middle(page, 1) == pytest.approx((x + 20, y + 15), abs=2)


def test_another_molecule_is_learned_once(forces, monkeypatch):
    from appkit.dashboards import forces_scene

    monkeypatch.setattr(forces_scene, "FEWEST", forces_scene.MOST)  # long enough to be seen
    forces.get_by_role("button", name="SMILES").click()
    forces.get_by_role("textbox").last.fill("N")
    forces.keyboard.press("Enter")
    forces.get_by_role("button", name="Cancel").wait_for()
    assert not forces.get_by_role("button", name="Learn", exact=True).is_visible()
    forces.locator(".ball").nth(3).wait_for(timeout=120_000)
