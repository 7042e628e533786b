"""The evidence page without a browser: what it trains, shows and says."""

import io
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from appkit.dashboards import evidence_models as models
from appkit.dashboards import evidence_scene as scene
from appkit.dashboards.evidence_models import Setting
from appkit.dashboards.jobs import Task
from appkit.dashboards.pages.evidence import EvidencePage
from appkit.data import catalogue
from appkit.regression import Cancelled

TASK = Task(report=lambda fraction, text: None)
SLOTS = ("here", "results", "learn", "picture", "patch", "mask", "convincing", "dimension", "file")


def until(condition):
    """Wait for what a worker brings."""
    end = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def settled(page):
    for _ in range(2):  # what a job brings may start another
        until(lambda: not any(page.jobs.busy(slot) for slot in SLOTS))
        time.sleep(0.1)


@pytest.fixture(scope="module")
def made():
    page = EvidencePage(patches=64)
    page.__panel__()
    page.shown()
    until(lambda: page.seen is not None)
    yield page
    page.close()


@pytest.fixture
def page(made):
    """The page of the first digit, read by SimplePatch."""
    made.chooser.forget()
    made.mask = None
    made.param.update(
        dataset="digits", model="simple-patch", patches=64, size=3, share=0.4, metric="mahalanobis"
    )
    made.param.update(picture=0, front=-1, tiles=0)
    made.work.start()
    settled(made)
    made.message.clear()
    return made


def said(page):
    return " ".join(page.message._said.values())


def test_what_is_in_the_address_is_a_parameter():
    assert set(EvidencePage.url) <= set(EvidencePage.param)


def test_a_digit_is_read_and_its_evidence_adds_up(page):
    seen = page.seen
    assert seen.evidence.shape == (10, 6, 6)
    total = seen.evidence.sum((1, 2)) + page.reader.model.intercept_
    assert np.allclose(total, seen.scores, atol=1e-4)
    assert seen.best == seen.truth
    assert "and it is one" in page.says.object
    assert "misses" in page.model_card.about.object
    assert page._figures.visible
    assert not page._empty.visible
    assert "from" in page.near.object
    assert page.best.object.count("<figure>") == 12
    assert "9</b> numbers" in page.dimension.counted.object
    assert page.dimension.spectrum.object is not None
    assert not page.results.table.value.empty


def test_what_is_masked_leaves_the_sum(page):
    mask = np.zeros((8, 8), bool)
    mask[:4] = True
    page.stage.on_mask(mask)
    settled(page)
    without, again = page.left
    expected, again_expected = scene.without(page.reader, page.seen.pixels, mask)
    assert np.array_equal(without, expected)
    assert np.array_equal(again, again_expected)
    assert not np.allclose(without, page.seen.scores)
    assert "50 % of the picture is masked" in page.scores.object
    page.picture = 1  # the mask stays
    settled(page)
    assert page.left is not None
    page.stage.on_mask(np.zeros((8, 8), bool))
    settled(page)
    assert page.left is None
    assert "masked" not in page.scores.object


def test_looking_at_a_patch_shows_it_and_its_neighbours(page):
    before = page.patch.object, page.near.object
    page.stage.on_look(5, 5)
    settled(page)
    assert page.patch.object != before[0]
    assert page.near.object.count("<figure>") == 8


def test_a_class_comes_to_the_front(page):
    best = page.best.object
    page.stage.on_front(3)
    settled(page)
    assert page.front == 3
    assert "for 3" in page.patch.object
    assert page.best.object != best


def test_settings_wait_for_the_button(page):
    reader = page.reader
    page.patches = 32
    settled(page)
    assert page.reader is reader
    assert "other settings" in page.model_card.stale.object
    page.work.start()
    settled(page)
    assert page.reader.setting.patches == 32
    assert page.model_card.stale.object == ""


@pytest.mark.parametrize(
    ("model", "most"), [("votes", 80), ("bagnet-scattering", 30), ("bagnet", 50)]
)
def test_other_models_are_trained_and_explained(page, model, most, monkeypatch):
    quick = {"epochs": 4, "learning_rate": 0.1}
    small = {"bagnet-scattering": ({"J": 1, "width": 32}, quick), "bagnet": ({"width": 16}, quick)}
    digits = replace(models.SUBJECTS["digits"], networks=small)
    monkeypatch.setitem(models.SUBJECTS, "digits", digits)
    page.model = model
    settled(page)
    seen = page.seen
    assert page.reader.setting.model == model
    assert seen.evidence.shape[0] == 10
    assert page.reader.error < most
    assert page.model_card._parts["patches"].visible == (model == "votes")
    assert page.model_card._parts["size"].visible == (model != "bagnet-scattering")
    assert page.near_part.visible == (model == "votes")
    mask = np.zeros((8, 8), bool)
    mask[2:5, 2:5] = True
    page.stage.on_mask(mask)
    settled(page)
    assert page.left is not None


def test_the_next_one_that_is_misread(page):
    page.chooser.next_misread()
    settled(page)
    assert page.picture in page.reader.misread
    assert "it is <b>" in page.says.object


def test_tiles_are_shuffled(page):
    before = page.seen.pixels
    page.tiles = 4
    settled(page)
    assert not np.array_equal(before, page.seen.pixels)
    assert np.array_equal(np.sort(before, axis=None), np.sort(page.seen.pixels, axis=None))
    page.tiles = 16
    settled(page)
    assert "16" in said(page)


def png(array):
    content = io.BytesIO()
    Image.fromarray(array).save(content, "PNG")
    return content.getvalue()


def test_a_person_brings_a_picture(page):
    light = np.full((40, 60, 3), 255, np.uint8)
    light[10:30, 25:35] = 0
    page.chooser.file.filename = "one.png"
    page.chooser.file.value = png(light)
    settled(page)
    assert page.seen.pixels.shape == (8, 8)
    assert page.seen.truth is None
    assert page.seen.pixels.max() > 0.9  # the dark stroke is light now
    assert page.seen.pixels.min() < 0.1
    assert "one.png: its middle, 8 × 8 pixels" in page.chooser.note.object
    page.picture = 5
    settled(page)
    assert page.seen.truth is not None
    assert page.chooser.note.object == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"no picture", "is no picture that can be read"), (b"", "is no picture that can be read")],
)
def test_a_file_that_is_no_picture_is_said(page, content, message):
    before = page.seen
    page.chooser.file.filename = "notes.txt"
    page.chooser.file.value = content
    settled(page)
    assert message in said(page)
    assert page.seen is before


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"size": 12}, "Patches of 12 × 12 pixels do not fit into pictures of 8 × 8"),
        (
            {"patches": 16, "share": 0.02},
            "K = 0.02 of N = 16 patches is less than one: take a share of 0.062",
        ),
        ({"size": 8}, "asks for more than the 1 × 1 positions"),
    ],
)
def test_settings_that_do_not_fit_are_said(page, changed, message):
    page.param.update(**changed)
    page.work.start()
    settled(page)
    assert message in said(page)


def test_pictures_that_are_not_here_are_offered(page, monkeypatch):
    monkeypatch.setattr(catalogue, "where", lambda name: {"file": None})
    page.dataset = "cifar10"
    settled(page)
    assert page._offer.visible
    assert "MB" in page._offer_text.object
    assert not page._figures.visible
    assert not page._empty.visible
    page.work.start()
    settled(page)
    assert "cifar10 is not on this machine: press Download" in said(page)
    page.dataset = "digits"
    settled(page)
    assert not page._offer.visible
    assert page._figures.visible


def test_a_setting_knows_what_its_model_reads():
    one = Setting("digits", "bagnet", patches=64, size=4, metric="l2")
    assert one.plain() == Setting("digits", "bagnet", patches=512, size=5).plain()
    assert Setting("digits", "votes", metric="l2", regularisation=1.0).plain() == (
        Setting("digits", "votes", metric="l2").plain()
    )


def test_the_released_codes_scaling_is_another_model():
    setting = Setting("digits", "simple-patch", patches=48, metric="released")
    exact = models.learn(replace(setting, metric="mahalanobis"), TASK).model
    released = models.learn(setting, TASK).model
    assert (exact.scaling, released.scaling) == ("exact", "released")
    assert replace(setting, model="votes").plain().metric == "mahalanobis"


def test_a_model_is_trained_once_and_forgets_who_asked():
    setting = Setting("digits", "simple-patch", patches=48)
    reader = models.learn(setting, TASK)
    assert models.learn(setting, TASK) is reader
    assert reader.model.progress is None


def test_a_training_can_be_stopped():
    task = Task(report=lambda fraction, text: task.stop.set())
    with pytest.raises(Cancelled):
        models.learn(Setting("digits", "simple-patch", patches=40), task)
    assert Setting("digits", "simple-patch", patches=40) not in models._trained


def test_a_link_without_them_has_the_sizes_that_fit():
    page = EvidencePage(dataset="mnist", model="votes", tiles=16)
    page.jobs.close()  # nothing is trained
    page.shown()
    assert (page.size, page.share, page.tiles) == (6, 0.04, 16)
    page.dataset = "digits"
    assert (page.size, page.tiles) == (3, 0)
    other = EvidencePage(dataset="digits", size=12, share=0.3)
    other.jobs.close()
    other.shown()
    assert (other.size, other.share) == (7, 0.3)


def test_another_set_leaves_nothing_of_the_last_one(page, monkeypatch):
    assert "1,300" in page.model_card.about.object
    monkeypatch.setattr(catalogue, "where", lambda name: {"file": None})
    page.dataset = "mnist"
    settled(page)
    assert page.model_card.about.object == ""
    assert page.dimension.counted.object == ""
    assert not page._figures.visible
    page.dataset = "digits"
    settled(page)
    assert page._figures.visible
