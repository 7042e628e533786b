"""What the stage of evidence tells the browser, and what it makes of what a browser tells it."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from appkit.dashboards.components.evidence_stage import EvidenceStage
from appkit.images.fields import Fields

PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
FIELDS = Fields(2, 1, (0, 0), (3, 3), (4, 4))
EVIDENCE = np.arange(-9, 9, dtype=float).reshape(2, 3, 3)


@pytest.fixture
def stage(monkeypatch):
    stage = EvidenceStage()
    stage.sent, stage.told = [], []
    monkeypatch.setattr(stage, "_send_msg", stage.sent.append)
    stage.on_look = lambda *place: stage.told.append(place)
    stage.on_mask = lambda mask: stage.told.append(mask)
    stage.on_front = lambda index: stage.told.append(index)
    stage.lay(PIXELS, EVIDENCE, [1.0, 2.0], ["a", "b"], FIELDS, front=1)
    return stage


def test_a_picture_is_told_with_all_that_is_drawn(stage):
    [told] = stage.sent
    content = base64.b64decode(told["picture"].partition(",")[2])
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), PIXELS)
    assert (told["rows"], told["columns"], told["width"], told["height"]) == (3, 3, 4, 4)
    assert np.allclose(np.reshape(told["maps"], EVIDENCE.shape), EVIDENCE)
    assert told["names"] == ["a", "b"]
    assert told["front"] == 1
    assert told["top"] == pytest.approx(np.percentile(np.abs(EVIDENCE[EVIDENCE != 0]), 99))


def test_looks_masks_and_choices_are_handed_on(stage):
    stage._handle_msg({"kind": "at", "number": 1, "row": 2, "column": 0})
    stage._handle_msg({"kind": "front", "number": 1, "index": 0})
    stage._handle_msg({"kind": "mask", "number": 1, "pixels": [0, 15]})
    place, index, mask = stage.told
    assert (place, index) == ((2, 0), 0)
    assert [tuple(at) for at in np.argwhere(mask)] == [(0, 0), (3, 3)]


def test_a_browser_that_has_just_come_is_told_all(stage):
    stage.choose(0)
    assert stage.sent[-1] == {"kind": "front", "index": 0}
    stage._handle_msg({"kind": "hello"})
    assert stage.sent[-1]["kind"] == "picture"
    assert stage.sent[-1]["front"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "hello",
        {"kind": "at", "number": 0, "row": 0, "column": 0},
        {"kind": "at", "number": 1, "row": 3, "column": 0},
        {"kind": "at", "number": 1, "row": -1, "column": 0},
        {"kind": "at", "number": 1, "row": 0.5, "column": 0},
        {"kind": "at", "number": 1, "row": True, "column": 0},
        {"kind": "front", "number": 1, "index": 2},
        {"kind": "front", "number": 1},
        {"kind": "mask", "number": 1, "pixels": "all"},
        {"kind": "mask", "number": 2, "pixels": [0]},
    ],
)
def test_what_makes_no_sense_is_dropped(stage, wrong):
    stage._handle_msg(wrong)
    assert stage.told == []


def test_pixels_outside_of_the_picture_are_left_out_of_a_mask(stage):
    stage._handle_msg({"kind": "mask", "number": 1, "pixels": [-1, 3, 16, "x", None]})
    assert np.argwhere(stage.told[0]).tolist() == [[0, 3]]


def test_evidence_of_nothing_has_a_scale(stage):
    stage.lay(PIXELS, 0 * EVIDENCE, [0.0, 0.0], ["a", "b"], FIELDS, front=0)
    assert stage.sent[-1]["top"] == 1
