import asyncio
import threading
from types import SimpleNamespace

import pytest

from appkit.dashboards.jobs import _LONG, Jobs, explain
from appkit.regression import Cancelled


class Gate:
    """A job that tells when it has started and ends when it is let go."""

    def __init__(self, value):
        self.value, self.started, self.go = value, threading.Event(), threading.Event()

    def __call__(self, task):
        self.started.set()
        assert self.go.wait(10)
        return self.value


@pytest.fixture
def seen():
    return []


def finish(jobs, slot="s"):
    end = threading.Event()
    jobs.submit(slot, lambda task: end.set(), lambda value: None)
    assert end.wait(10)


def test_of_many_pictures_the_running_and_the_last_are_drawn(seen):
    jobs, gate = Jobs(), Gate(0)
    jobs.submit("s", gate, seen.append)
    assert gate.started.wait(10)
    last = threading.Event()
    for number in range(1, 50):
        jobs.submit("s", lambda task, n=number: n, lambda n: (seen.append(n), last.set()))
    gate.go.set()
    assert last.wait(10)
    assert seen == [0, 49]


def test_a_newer_long_job_drops_the_older_result(seen):
    jobs, old, new = Jobs(), Gate("old"), Gate("new")
    jobs.submit("s", old, seen.append, long=True)
    assert old.started.wait(10)
    ended = threading.Event()
    jobs.submit("s", new, seen.append, long=True, ended=ended.set)
    old.go.set()
    new.go.set()
    assert ended.wait(10)
    assert seen == ["new"]


def test_slots_do_not_wait_for_each_other(seen):
    jobs, gate = Jobs(), Gate("slow")
    jobs.submit("slow", gate, seen.append)
    assert gate.started.wait(10)
    finish(jobs, "quick")
    assert jobs.busy("slow")
    gate.go.set()


def test_cancel_stops_at_the_next_check_and_says_it_ended(seen):
    jobs, started, ended = Jobs(), threading.Event(), threading.Event()
    outcome = []

    def work(task):
        started.set()
        try:
            while True:
                task.progress(0.5, "half")
        except Cancelled:
            outcome.append("stopped")
            raise

    jobs.submit("s", work, seen.append, ended=ended.set)
    assert started.wait(10)
    jobs.cancel("s")
    assert ended.wait(10)
    assert (outcome, seen) == (["stopped"], [])
    assert not jobs.busy("s")


@pytest.mark.parametrize("newer", [False, True], ids=["cancelled", "replaced"])
def test_a_job_that_no_worker_has_taken_is_dropped_at_once(seen, newer):
    others, jobs, ended = Jobs(), Jobs(), []
    gates = [Gate(k) for k in range(_LONG._max_workers)]
    for k, gate in enumerate(gates):
        others.submit(f"{k}", gate, lambda value: None, long=True)
        assert gate.started.wait(10)
    jobs.submit("s", lambda task: "old", seen.append, long=True, ended=lambda: ended.append("old"))
    if newer:
        jobs.submit("s", lambda task: "new", seen.append, long=True)
    else:
        jobs.cancel("s")
        assert not jobs.busy("s")
    assert ended == ["old"]
    for gate in gates:
        gate.go.set()
    finish(jobs)
    assert seen == (["new"] if newer else [])


def test_progress_arrives_in_order():
    jobs, shown, ended = Jobs(), [], threading.Event()

    def work(task):
        for step in range(4):
            task.progress(step / 4, f"fold {step}")

    jobs.submit("s", work, print, progress=lambda f, t: shown.append((f, t)), ended=ended.set)
    assert ended.wait(10)
    assert shown == [(0.0, "fold 0"), (0.25, "fold 1"), (0.5, "fold 2"), (0.75, "fold 3")]


def test_an_exception_becomes_a_sentence_and_the_slot_goes_on(seen):
    said, ended = [], threading.Event()
    jobs = Jobs(say=lambda slot, sentence: said.append(sentence))

    def work(task):
        raise ValueError("J is too large.")

    jobs.submit("s", work, seen.append, ended=ended.set)
    assert ended.wait(10)
    assert said == ["J is too large."]
    finish(jobs)
    assert said == ["J is too large.", ""]


def test_an_error_while_drawing_is_said_too():
    said, ended = [], threading.Event()
    jobs = Jobs(say=lambda slot, sentence: said.append(sentence))
    jobs.submit("s", lambda task: 1, lambda value: {}["missing"], ended=ended.set)
    assert ended.wait(10)
    assert "KeyError" in said[0]


def test_a_closed_session_hears_nothing(seen):
    jobs, gate = Jobs(), Gate("late")
    jobs.submit("s", gate, seen.append)
    assert gate.started.wait(10)
    jobs.close()
    gate.go.set()
    jobs.submit("s", lambda task: "later", seen.append)
    assert seen == []


def test_callbacks_are_added_on_the_event_loop_s_thread():
    """Panel loses one that another thread adds while it hands on what was held."""
    threads = []

    async def session():
        added = asyncio.Event()

        def add(callback):
            threads.append(threading.get_ident())
            added.set()

        document = SimpleNamespace(session_context=object(), add_next_tick_callback=add)
        jobs = Jobs(document=document)
        jobs.submit("s", lambda task: threads.append(threading.get_ident()), print)
        await asyncio.wait_for(added.wait(), 10)

    asyncio.run(session())
    worker, adder = threads
    assert adder == threading.get_ident() != worker


def test_explain_never_shows_a_traceback():
    assert explain(MemoryError()).startswith("This machine has not enough memory")
    assert "ZeroDivisionError" in explain(ZeroDivisionError("division by zero"))
