"""Closed sessions leave nothing behind."""

import asyncio
import gc
import time

import pytest
from bokeh.models import ImportedStyleSheet
from seen import drawn

from appkit.dashboards.page import AppPage
from appkit.dashboards.shell import Shell


def alive() -> list[str]:
    gc.collect()
    return [repr(thing) for thing in gc.get_objects() if isinstance(thing, Shell | AppPage)]


def close(pages, server) -> None:
    """Close them, and wait until the server has let go of them."""
    for page in pages:
        page.close()
    end = time.monotonic() + 30
    while alive() and time.monotonic() < end:
        server.end_sessions()
        time.sleep(0.2)


def test_closed_sessions_are_collected(visit, server):
    pages = [visit("?page=density"), visit()]
    drawn(pages[0])
    pages[1].get_by_role("button", name="Open regression").click()
    pages[1].locator("h1", has_text="Regression").wait_for()
    assert len(alive()) >= 5  # two shells, and three pages that were opened
    close(pages, server)
    assert alive() == []


@pytest.mark.parametrize("slug", ["density", "solid", "regression", "forces"])
def test_a_session_that_is_closed_in_the_midst_of_its_work_is_collected(watched, server, slug):
    page = watched()
    page.goto(f"{server.address}/?page={slug}")
    assert alive() != []
    close([page], server)
    assert alive() == []


def test_a_session_that_a_websocket_makes_anew_asks_no_other_host(server):
    """As for a browser that was so slow that its first session has died."""
    context = server.running._tornado._applications["/"]

    async def styles():
        session = await context.create_session_if_needed("made-by-a-websocket")
        return [sheet.url for sheet in session.document.select({"type": ImportedStyleSheet})]

    loop = server.running.io_loop.asyncio_loop
    urls = asyncio.run_coroutine_threadsafe(styles(), loop).result(60)
    assert urls
    assert [url for url in urls if url.startswith("http")] == []
