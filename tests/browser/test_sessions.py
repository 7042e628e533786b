"""Closed sessions leave nothing behind."""

import gc
import time

from seen import drawn

from appkit.dashboards.page import AppPage
from appkit.dashboards.shell import Shell


def alive() -> list[str]:
    gc.collect()
    return [repr(thing) for thing in gc.get_objects() if isinstance(thing, Shell | AppPage)]


def test_closed_sessions_are_collected(visit, server):
    pages = [visit("?page=density"), visit()]
    drawn(pages[0])
    pages[1].get_by_role("button", name="Open regression").click()
    pages[1].locator("h1", has_text="Regression").wait_for()
    assert len(alive()) >= 5  # two shells, and three pages that were opened
    for page in pages:
        page.close()
    end = time.monotonic() + 20
    while alive() and time.monotonic() < end:
        server.end_sessions()
        time.sleep(0.2)
    assert alive() == []
