"""The solid harmonics page without a browser: what its parameters mean and what it says."""

import math

import numpy as np
import pytest
from test_volume_scene import cube

from appkit.dashboards import jobs
from appkit.dashboards.components.chooser import XYZ
from appkit.dashboards.pages.solid import CHANNEL_NAMES, FILES, SolidPage
from appkit.dashboards.pages.solid_views import ROWS
from appkit.dashboards.space_scene import J, L, Shown
from appkit.dashboards.volume_scene import VolumeScene


class Inline:
    """A pool that works at once, in the thread that asks."""

    def submit(self, work, *args):
        work(*args)


@pytest.fixture(scope="module")
def made():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "_PICTURES", Inline())
        page = SolidPage(molecule="Water")
        page.__panel__()
        page.shown()
        yield page
        page.close()


@pytest.fixture
def page(made):
    """The page of water, as it starts."""
    defaults = {name: made.param[name].default for name in made.url if name != "molecule"}
    made.param.update(molecule="Water", **defaults)
    made.message.clear()
    return made


def offered(page):
    return [name for name, widget in page._offered.items() if widget.visible]


def dimmed(page):
    return [slot for slot, part in page.parts.items() if part.sx]


def said(page):
    return " ".join(page.message._said.values())


def test_what_is_in_the_address_is_a_parameter():
    assert set(SolidPage.url) <= set(SolidPage.param)


def test_every_picture_is_drawn(page):
    assert page.field.pixels.data.values.max() > 0
    assert page.density.pixels.data.values.max() > 0
    assert len(page.density.atoms.data.symbols) == 3
    surface = page.space._pane.object["data"][1]
    assert len(surface["i"]) > 100
    assert page.invariants._figure.cells.data.values.shape == (len(ROWS), L + 1)
    assert said(page) == ""


def test_sigma_and_delta_follow_the_talk_s_rules(page):
    page.param.update(overlap=0.2, aliasing=-2)
    scene = page.scene()
    assert math.exp(-((scene.distance / 2) ** 2) / (2 * scene.sigma**2)) == pytest.approx(0.2)
    assert scene.aliasing == pytest.approx(1e-2)
    page.param.update(direct=True, sigma=0.4, step=0.3)
    assert (page.scene().sigma, page.scene().step) == (0.4, 0.3)


def test_what_a_grid_needs_is_told(page):
    words = page._told.object
    n = page.scene().samples
    assert f"{n[0]} × {n[1]} × {n[2]}" in words
    assert f"{4e-6 * math.prod(n):,.1f} MB" in words
    assert f"d = {page.scene().distance:.2f} Å" in words
    page.direct = True
    assert "The talk prints" not in page._told.object


def test_a_second_scale_must_be_coarser(page):
    page.param.update(l=2, j=1, j2=3)
    assert page.path == Shown(2, 2, 1, 3)
    page.j2 = 1
    assert page.path == Shown(1, 2, 1)
    assert "j′ = 1 is not coarser than j = 1" in page._says.object


def test_a_click_on_a_value_shows_what_it_adds_up(page):
    for row, path in enumerate(ROWS):
        degree = 0 if path.order == 0 else 3
        page.invariants._tapped(degree + 0.5, row + 0.5)
        if path.order == 0:
            assert page.surface == "density"
        else:
            assert page.surface == "field"
            assert page.path == path._replace(l=3)
            assert page.invariants._figure.framed.data == (row, 3)


def test_a_click_beside_the_values_changes_nothing(page):
    before = page.path
    page.invariants._tapped(2.5, 0.5)  # S⁰ has one value
    page.invariants._tapped(None, None)
    assert page.path == before


def test_the_table_has_the_values_of_its_paths(page):
    table = page.scene().table()
    for q in (0.5, 2):
        page.q = q
        shown = page.invariants._figure.cells.data.values
        for row, path in enumerate(ROWS):
            for l in range(L + 1):
                wanted = (table["order"] == path.order) & (table["q"] == q)
                if path.order > 0:
                    wanted &= (table["j"] == path.j) & (table["l"] == l)
                if path.order > 1:
                    wanted &= table["j2"] == path.j2
                if path.order or l == 0:
                    [value] = table["value"][wanted]
                    assert shown[row, l] == pytest.approx(value)


def test_every_pair_of_scales_has_a_row():
    assert len(set(ROWS)) == len(ROWS) == 1 + (J + 1) + J * (J + 1) // 2


def test_a_motion_moves_the_picture_and_not_the_table(page):
    before = page.invariants._figure.cells.data.values.copy()
    page.param.update(turn=30.0, tilt=10.0)
    assert "changed by <b>less" not in page.motion.meter.says.object
    after = page.invariants._figure.cells.data.values
    assert np.array_equal(after, before, equal_nan=True)


def test_too_coarse_a_grid_is_refused_and_pictures_go_on(page):
    before = page.field.pixels.data
    page.param.update(direct=True, step=1.0, sigma=0.2)
    assert "does not resolve atoms of width" in said(page)
    assert page.field.pixels.data is not before
    assert "σ = <b>0.200 Å</b>, δ = <b>1.000 Å</b>" in page._told.object
    assert dimmed(page) == ["meter"]
    page.step = 0.2
    assert said(page) == ""
    assert dimmed(page) == []


def test_a_single_atom_asks_for_lengths(page):
    page.param.update(smiles="[Cl-]", way="smiles")
    assert "A single atom has no distance" in said(page)
    assert page._told.object == ""
    assert dimmed(page) == list(page.parts)
    page.direct = True
    assert said(page) == ""
    assert dimmed(page) == []
    assert len(page.density.atoms.data.symbols) == 1


@pytest.mark.parametrize("smiles", ["CBr", "F[Xe]F", "C[Si](C)(C)C"])
def test_any_element_is_drawn_in_every_channel(page, smiles):
    page.param.update(smiles=smiles, way="smiles")
    assert said(page) == ""
    for channel in CHANNEL_NAMES.values():
        before = page.density.pixels.data
        page.channel = channel
        assert said(page) == ""
        assert channel == "nuclear" or page.density.pixels.data is not before


def test_an_empty_channel_is_said(page):
    page.param.update(smiles="[He]", way="smiles", direct=True, channel="core")
    assert "The channel 'core' is empty for this molecule" in said(page)


def test_a_cube_file_is_drawn_and_not_moved(page):
    page.chooser._content, page.chooser._name = cube(), "water.cube"
    page.chooser._announce("file")
    assert "samples, at most 0.25 Å apart, 10 electrons" in page._told.object
    assert isinstance(page.scene(), VolumeScene)
    assert not page.motion._box.visible
    assert page.motion._unmoved.visible
    assert offered(page) == ["overlap"]
    assert page._switch.label == "Set σ myself"
    assert page.density.atoms.data.symbols
    assert page.invariants._figure.cells.data.values[0, 0] == pytest.approx(10, rel=0.01)
    page.param.update(direct=True, sigma=0.1)
    assert "too narrow for samples 0.25 apart" in said(page)
    assert offered(page) == ["sigma"]
    page.molecule = "Methane"
    assert page.motion._box.visible
    assert not page.motion._unmoved.visible
    assert offered(page) == ["channel", "sigma", "step"]
    page.direct = False
    assert offered(page) == ["channel", "overlap", "aliasing"]


def test_a_molecule_that_is_not_in_the_set_is_said(page):
    page.molecule = "Unobtainium"
    wrong = "'Unobtainium' is not in this set: type it as a SMILES instead."
    assert wrong in said(page)


def test_what_is_still_shown_is_said_beside_what_was_refused(page):
    page.param.update(smiles="C1CC", way="smiles")
    assert "not a SMILES" in said(page)
    assert "Still shown: Water." in page.chooser._says.object
    page.smiles = ""
    assert said(page) == ""
    assert "Still shown: Water." in page.chooser._says.object
    page.smiles = "C"
    assert page.chooser._says.object == ""
    page.smiles = "<b>"
    assert "Still shown: C." in page.chooser._says.object
    page.molecule = "Methane"
    assert page.chooser._says.object == ""


def upload(page, content, name):
    page.chooser._file.param.update(value=content, filename=name)


def test_a_bad_file_leaves_the_name_of_the_good_one(page):
    upload(page, b"2\n\nH 0 0 0\nH 0 0 0.74\n", "h2.xyz")
    assert page.chooser._says.object == ""
    upload(page, b"2\n\nH 0 0 0\nH 0 0 nan\n", "h2.xyz")
    assert "not a finite number" in said(page)
    assert "Still shown: h2.xyz." in page.chooser._says.object
    page.chooser._refused("too large")
    assert "Still shown: h2.xyz." in page.chooser._says.object


def test_the_first_of_several_frames_is_said_to_be_shown(page):
    frame = b"2\n\nH 0 0 0\nH 0 0 0.74\n"
    upload(page, 3 * frame, "three.xyz")
    assert "The first of 3 frames is shown." in page.chooser._says.object
    upload(page, frame, "one.xyz")
    assert page.chooser._says.object == ""


@pytest.mark.parametrize(("files", "most"), [(FILES, "20 MB"), (XYZ, "1 MB")])
def test_the_limit_of_a_file_is_told_as_browsers_count_it(files, most):
    assert most in files.hint
    assert files.most == int(most.split()[0]) * 2**20
