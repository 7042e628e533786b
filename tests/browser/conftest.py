"""Pages in the system's Chromium, against a real server in this process.

Every test fails on a request that leaves the host and on an error in the browser's console.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import urllib.request
from collections.abc import Iterator

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
HOST = re.compile(r"^(http|ws)://(localhost|127\.0\.0\.1):|^(data|blob|about):")
# Software rendering complains about itself; that is no fault of a page.
NOISE = re.compile(r"GPU stall|WebGL|GL Driver")


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """The browser, started once."""
    if CHROMIUM is None:
        pytest.skip("no Chromium was found: `apt-get install chromium` gets one")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[str]:
    """The address of a running dashboard, with records and features of its own."""
    import panel as pn

    from appkit.dashboards import app
    from tests.browser.record import write_record

    folder = tmp_path_factory.mktemp("server")
    before = dict(os.environ)
    os.environ["APPKIT_RESULTS"] = str(folder / "results")
    os.environ["APPKIT_FEATURES"] = str(folder / "features")
    write_record(folder / "results")
    started: dict = {}

    def run() -> None:
        started["server"] = app.serve(port=0, show=False, start=False)
        started["server"].start()
        ready.set()
        started["server"].io_loop.start()

    ready = threading.Event()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(60)
    address = f"http://localhost:{started['server'].port}"
    urllib.request.urlopen(address + "/favicon.ico").close()
    yield address
    started["server"].io_loop.add_callback(started["server"].io_loop.stop)
    thread.join(20)
    pn.state.reset()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def watched(chromium, server) -> Iterator:
    """``watched(width=…, height=…)`` opens a page whose requests and errors are watched."""
    contexts, faults = [], []

    def open_page(width: int = 1400, height: int = 1000):
        context = chromium.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("request", lambda r: HOST.match(r.url) or faults.append(f"left the host: {r.url}"))
        page.on(
            "websocket", lambda w: HOST.match(w.url) or faults.append(f"left the host: {w.url}")
        )
        page.on("response", lambda r: r.status < 400 or faults.append(f"{r.status}: {r.url}"))
        page.on("pageerror", lambda error: faults.append(f"error in the page: {error}"))
        page.on(
            "console",
            lambda m: (
                (m.type == "error" and not NOISE.search(m.text))
                and faults.append(f"console: {m.text}")
            ),
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def visit(watched, server):
    """``visit("?page=density")`` opens an address of the dashboard and waits for its heading."""

    def go(address: str = "", width: int = 1400, height: int = 1000):
        page = watched(width, height)
        page.goto(f"{server}/{address}")
        page.locator("h1").first.wait_for()
        return page

    return go
