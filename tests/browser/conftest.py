"""Pages in the system's Chromium, against a real server in this process.

Every test fails on a request that leaves the host and on an error in the browser's console.
"""

from __future__ import annotations

import asyncio
import logging
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from driver import launched, running

TIMEOUT = 45_000  # ms; a machine that is busy with other tests is slow
PHONE = {"user_agent": "Mozilla/5.0 (Linux; Android 16) Mobile", "is_mobile": True}
HOST = re.compile(r"^(http|ws)://(localhost|127\.0\.0\.1):|^(data|blob|about):")
# Software rendering complains about itself; that is no fault of a page.
NOISE = re.compile(r"GPU stall|WebGL|GL Driver")


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """The browser, started once."""
    with launched() as browser:
        yield browser.new_context()  # one cache for all tests: the scripts are loaded once


def few_molecules(name: str):
    """60 molecules of the embedded set, 12 of each fold: features of them take seconds."""
    import numpy as np

    from appkit.data.molecules import load_molecules

    if name != "embedded":
        return load_molecules(name)
    whole = load_molecules(name)
    size = np.array([len(atoms) for atoms in whole.atoms])
    folds = [np.flatnonzero(whole.folds == k) for k in range(5)]
    return whole.subset(np.sort(np.concatenate([f[size[f].argsort()[:12]] for f in folds])))


def learn_quickly(patch: pytest.MonkeyPatch) -> None:
    """The forces page learns from few geometries and few invariants, in a second or two."""
    from appkit.dashboards import forces_scene
    from appkit.energy import SolidHarmonicScattering
    from appkit.energy.teach import teach

    small = SolidHarmonicScattering(
        ("nuclear", "valence"), sigma=0.3, J=1, L=2, powers=(1, 2), tolerance=3e-2
    )
    patch.setattr(forces_scene, "teach", lambda *args, **more: teach(*args, small, **more))
    for name, value in {"FEWEST": 100, "PER_ATOM": 20, "N_TEST": 8}.items():
        patch.setattr(forces_scene, name, value)


@dataclass
class Server:
    """A running dashboard: its address, and a way to end the sessions that have no browser."""

    address: str
    running: Any

    def end_sessions(self) -> None:
        """What the server does by itself after `app.SESSION_LIFETIME`."""
        contexts = self.running._tornado._applications.values()
        for context in contexts:
            asyncio.run_coroutine_threadsafe(
                context._cleanup_sessions(0), self.running.io_loop.asyncio_loop
            ).result(20)


@pytest.fixture(scope="session", autouse=True)
def few_records() -> None:
    """pytest keeps what is logged, and records of Panel's events keep whole sessions alive."""
    logging.getLogger("panel").setLevel(logging.WARNING)


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Server]:
    """A running dashboard of few molecules, with records and features of its own."""
    from appkit.dashboards import app, library
    from tests.browser.record import write_record

    folder = tmp_path_factory.mktemp("server")
    patch = pytest.MonkeyPatch()
    patch.setenv("APPKIT_RESULTS", str(folder / "results"))
    patch.setenv("APPKIT_FEATURES", str(folder / "features"))
    patch.setattr(library, "load_molecules", few_molecules)
    learn_quickly(patch)
    library.molecules.cache_clear()
    library.names.cache_clear()
    write_record(folder / "results")
    with running(lambda: app.serve(port=0, show=False, start=False)) as started:
        address = f"http://localhost:{started.port}"
        urllib.request.urlopen(address + "/favicon.ico").close()
        yield Server(address, started)
    patch.undo()
    library.molecules.cache_clear()
    library.names.cache_clear()


@pytest.fixture
def watched(chromium, server) -> Iterator:
    """``watched(width=…, height=…)`` opens a page whose requests and errors are watched.

    ``expected`` is a pattern of what the browser may complain about.
    """
    pages, faults = [], []

    def open_page(width: int = 1400, height: int = 1000, expected: str = "$^", phone: bool = False):
        page = chromium.browser.new_context(**PHONE).new_page() if phone else chromium.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.set_default_timeout(TIMEOUT)
        page.on("request", lambda r: HOST.match(r.url) or faults.append(f"left the host: {r.url}"))
        page.on(
            "websocket", lambda w: HOST.match(w.url) or faults.append(f"left the host: {w.url}")
        )
        page.on("response", lambda r: r.status < 400 or faults.append(f"{r.status}: {r.url}"))
        page.on("pageerror", lambda error: faults.append(f"error in the page: {error}"))
        page.on(
            "console",
            lambda m: (
                (m.type == "error" and not NOISE.search(m.text) and not re.search(expected, m.text))
                and faults.append(f"console: {m.text}")
            ),
        )
        return page

    yield open_page
    for page in pages:
        page.close()
    assert faults == []


@pytest.fixture
def visit(watched, server):
    """``visit("?page=density")`` opens an address of the dashboard and waits for its heading."""

    def go(address: str = "", **options):
        page = watched(**options)
        page.goto(f"{server.address}/{address}")
        page.locator("h1").first.wait_for()
        return page

    return go
