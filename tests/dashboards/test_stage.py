"""What the stage tells the browser, and what it makes of what a browser tells it."""

import math

import numpy as np
import pytest
from ase.build import molecule

from appkit.dashboards.components.stage import MoleculeStage
from appkit.figures.theme import contrast


@pytest.fixture
def stage(monkeypatch):
    stage = MoleculeStage()
    stage.sent, stage.moves = [], []
    monkeypatch.setattr(stage, "_send_msg", stage.sent.append)
    stage.on_moved = lambda positions, serial: stage.moves.append((positions, serial))
    stage.lay(molecule("H2O"))
    return stage


def moved(stage, **changed):
    message = {"kind": "moved", "number": 1, "serial": 7, "positions": [[0.0, 0, 0]] * 3}
    stage._handle_msg(message | changed)


def test_a_molecule_is_told_with_all_that_is_drawn(stage):
    [told] = stage.sent
    assert told["symbols"] == ["O", "H", "H"]
    assert told["bonds"] == [[0, 1], [0, 2]]
    assert np.shape(told["positions"]) == (3, 3)
    for ink, ball in zip(told["inks"], told["colours"], strict=True):
        assert contrast(ink, ball) > 3


def test_a_move_is_handed_on(stage):
    moved(stage, positions=[[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    [(positions, serial)] = stage.moves
    assert positions.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert serial == 7


def test_an_answer_to_a_move_leaves_the_atoms_where_the_person_has_them(stage):
    stage.answer(np.zeros((3, 3)), np.ones((3, 3)), serial=7)
    assert "positions" not in stage.sent[-1]
    assert stage.sent[-1]["forces"] == [[1.0] * 3] * 3
    stage.answer(np.zeros((3, 3)), None)
    assert stage.sent[-1]["positions"] == [[0.0] * 3] * 3
    assert stage.sent[-1]["forces"] is None


def test_a_browser_that_has_just_come_is_told_all(stage):
    stage.answer(np.zeros((3, 3)), np.ones((3, 3)), serial=7)
    del stage.sent[:]
    stage._handle_msg({"kind": "hello"})
    assert [message["kind"] for message in stage.sent] == ["molecule", "answer"]
    assert stage.sent[1]["positions"] == [[0.0] * 3] * 3


def test_a_move_of_a_molecule_that_has_gone_is_dropped(stage):
    stage.lay(molecule("NH3"))
    moved(stage)
    assert stage.moves == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"positions": None},
        {"positions": [[0, 0, 0]]},
        {"positions": [["a", 0, 0]] * 3},
        {"positions": [[math.nan, 0, 0]] * 3},
        {"positions": [[1e9, 0, 0]] * 3},
        {"positions": [[0, 0], [0], [0]]},
        {"serial": "x"},
        {"serial": None},
    ],
)
def test_what_is_no_move_is_answered_by_the_present_state(stage, wrong):
    moved(stage, **wrong)
    assert stage.moves == []
    assert [message["kind"] for message in stage.sent[1:]] == ["molecule"]


@pytest.mark.parametrize("message", [None, "x", [], {}, {"kind": "other"}])
def test_other_messages_are_dropped(stage, message):
    stage._handle_msg(message)
    assert len(stage.sent) == 1
    assert stage.moves == []
