"""The system's Chromium, and a server in a thread of this process."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def launched() -> Iterator[Any]:
    """A headless browser; the test skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium was found: `apt-get install chromium` gets one")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def running(make: Callable[[], Any]) -> Iterator[Any]:
    """The server that ``make()`` gives, in a thread with an event loop of its own."""
    import panel as pn

    started: dict[str, Any] = {}
    ready = threading.Event()

    def run() -> None:
        started["server"] = make()
        started["server"].start()
        ready.set()
        started["server"].io_loop.start()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(60)
    server = started["server"]
    yield server
    server.io_loop.add_callback(server.io_loop.stop)
    thread.join(20)
    pn.state.reset()
