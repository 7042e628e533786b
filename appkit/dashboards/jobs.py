"""Work off the event loop: one running and one waiting job a slot, the latest wins.

A page's watcher submits to a *slot* ("density", "true density"). While a job of that slot runs,
only the newest submission waits; everything between is dropped unseen. Results and messages come
back on the session's event loop; exceptions become a sentence for the page.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import panel as pn
from bokeh.document import Document

from appkit.regression import Cancelled

log = logging.getLogger(__name__)

# Two bounded pools, shared by all sessions: minutes of chemistry never delay a slider's picture.
_PICTURES = ThreadPoolExecutor(2 * max(2, os.cpu_count() or 1), thread_name_prefix="picture")
_LONG = ThreadPoolExecutor(max(1, (os.cpu_count() or 2) // 2), thread_name_prefix="long")


@dataclass(eq=False)
class Task:
    """What a job's function receives as its first argument."""

    report: Callable[[float, str], None]
    stop: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Leave the job here, by `Cancelled`, if nobody waits for its result any more."""
        if self.stop.is_set():
            raise Cancelled

    def progress(self, fraction: float, text: str = "") -> None:
        """Show how far the job is (0 to 1); also a place where it can be cancelled."""
        self.check()
        self.report(fraction, text)


@dataclass(eq=False)
class _Job:
    number: int
    task: Task
    work: Callable[[Task], Any]
    done: Callable[[Any], None]
    progress: Callable[[float, str], None]
    ended: Callable[[], None]
    calm: float
    future: Future[None] | None = None


class Jobs:
    """The jobs of one page in one session.

    Parameters
    ----------
    say : called on the event loop with a slot and one clear sentence when a job of it raised, and
        with an empty sentence when a later one went well.
    document : the session's document; without one (tests, notebooks) callbacks run in the worker.
    """

    def __init__(
        self,
        say: Callable[[str, str], None] = lambda slot, sentence: None,
        document: Document | None = None,
    ) -> None:
        self.say = say
        self._document = document if document is not None else pn.state.curdoc
        self._loop = _running_loop()
        self._running: dict[str, _Job] = {}
        self._waiting: dict[str, tuple[_Job, ThreadPoolExecutor]] = {}
        self._numbers = itertools.count()
        self._newest: dict[str, int] = {}
        self._lock = threading.RLock()
        self._closed = False

    def submit(
        self,
        slot: str,
        work: Callable[[Task], Any],
        done: Callable[[Any], None],
        *,
        long: bool = False,
        calm: float = 0.0,
        progress: Callable[[float, str], None] = lambda fraction, text: None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        """Run ``work(task)`` on a worker and hand its value to ``done`` on the event loop.

        A picture (``long=False``) that already runs may finish and be drawn as a passing frame, so
        a dragged slider keeps moving; a ``long`` job is stopped and its result dropped as soon as
        a newer one is submitted. A picture that may wait starts once ``calm`` seconds have passed
        without a newer one of its slot. ``ended`` runs last for every job that was started, also
        for one that failed or was cancelled.
        """
        task = Task(report=lambda fraction, text: self._report(job, fraction, text))
        job = _Job(next(self._numbers), task, work, done, progress, ended, calm)
        pool = _LONG if long else _PICTURES
        with self._lock:
            if self._closed:
                return
            if slot in self._running:
                self._waiting[slot] = (job, pool)
                if long or calm:
                    self._stop(slot)
            else:
                self._start(slot, job, pool)

    def cancel(self, slot: str) -> None:
        """Drop the slot's waiting job and stop its running one at its next check."""
        with self._lock:
            self._waiting.pop(slot, None)
            if slot in self._running:
                self._stop(slot)

    def busy(self, slot: str) -> bool:
        """Whether a job of this slot runs or waits."""
        with self._lock:
            return slot in self._running

    def close(self) -> None:
        """The session has gone: stop everything, deliver nothing more."""
        with self._lock:
            self._closed = True
            for slot in list(self._running):
                self.cancel(slot)
            self._document = None

    def _start(self, slot: str, job: _Job, pool: ThreadPoolExecutor) -> None:
        self._running[slot] = job
        # In a context of its own: what is set in a worker's context would keep the last session.
        job.future = pool.submit(Context().run, self._run, slot, job, pool is _LONG)

    def _stop(self, slot: str) -> None:
        """At the next check; at once where no worker has taken it, while others' jobs run."""
        job = self._running[slot]
        job.task.stop.set()
        if job.future is not None and job.future.cancel():
            self._finish(slot, job, None)

    def _run(self, slot: str, job: _Job, long: bool) -> None:
        outcome = None
        try:
            with _kept_alive(self._document) if long else _nothing():
                job.task.stop.wait(job.calm)
                job.task.check()
                value = job.work(job.task)
            outcome = partial(self._done, slot, job, value)
        except Cancelled:
            pass  # nobody waits for it
        except Exception as error:
            outcome = partial(self.say, slot, explain(error))
        finally:
            self._finish(slot, job, outcome)

    def _finish(self, slot: str, job: _Job, outcome: Callable[[], None] | None) -> None:
        """The next one of the slot begins; this one's end is told on the event loop."""
        with self._lock:
            following = self._waiting.pop(slot, None)
            del self._running[slot]
            if following and not self._closed:
                self._start(slot, *following)
        self._deliver(partial(self._end, slot, job, outcome))

    def _end(self, slot: str, job: _Job, outcome: Callable[[], None] | None) -> None:
        """The event loop may turn two results round: an older one is not drawn over a newer."""
        if outcome and not job.task.stop.is_set() and job.number > self._newest.get(slot, -1):
            self._newest[slot] = job.number
            outcome()
        job.ended()

    def _done(self, slot: str, job: _Job, value: Any) -> None:
        """A page that cannot draw says so and goes on."""
        try:
            job.done(value)
        except Exception as error:
            self.say(slot, explain(error))
        else:
            self.say(slot, "")

    def _report(self, job: _Job, fraction: float, text: str) -> None:
        def show() -> None:
            if not job.task.stop.is_set():
                job.progress(fraction, text)

        self._deliver(show)

    def _deliver(self, callback: Callable[[], None]) -> None:
        def call() -> None:
            if not self._closed:
                with pn.io.hold():
                    callback()

        document = self._document
        if document is None or document.session_context is None:
            call()
            return

        def add() -> None:
            if not self._closed:
                # Panel drops what changes before the browser has answered that the page is there.
                document.add_next_tick_callback(lambda: pn.state.onload(call))

        if self._loop is None:
            add()
        else:
            # Panel loses a callback that another thread adds while it hands on what was held.
            with suppress(RuntimeError):  # the server has stopped
                self._loop.call_soon_threadsafe(add)


def explain(error: BaseException) -> str:
    """One sentence for the person. A ValueError was written for him; the rest go to the log."""
    if isinstance(error, ValueError):
        return str(error)
    log.error("A job failed", exc_info=error)
    if isinstance(error, MemoryError):
        return "This machine has not enough memory for that: take a larger grid step."
    if isinstance(error, ImportError):
        return str(error)
    return f"Something went wrong ({type(error).__name__}: {error}). The server's log has more."


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """The server's event loop, on which a session is made."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


@contextmanager
def _kept_alive(document: Document | None) -> Iterator[None]:
    """Keep the session from expiring while a person waits for a long job."""
    context = document.session_context if document is not None else None
    sessions = [s for s in context.server_context.sessions if s.id == context.id] if context else []
    for session in sessions:
        session.block_expiration()
    try:
        yield
    finally:
        for session in sessions:
            session.unblock_expiration()


@contextmanager
def _nothing() -> Iterator[None]:
    yield
