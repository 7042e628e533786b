"""A change that is queued while another one is being written reaches the browser."""

import asyncio

import pytest
from bokeh.document import Document
from panel.io import document as panel_document

from appkit.dashboards import unsent


class Socket:
    """Of a kind that Panel knows by `extra_socket_handlers`."""


class Connection:
    """Writes each event as a message; the next one is queued just as the first was written."""

    def __init__(self, document, events):
        self._socket, self.protocol = Socket(), self
        self.document, self.events, self.written = document, list(events), []

    def create(self, kind, events):
        return events[0]

    def queue(self):
        if self.events:
            panel_document.schedule_write_events(self.document, [self], [self.events.pop(0)])

    def write(self, message):
        self.written.append(message)
        future = asyncio.get_running_loop().create_future()

        def end():
            future.set_result(None)
            self.queue()

        asyncio.get_running_loop().call_later(0.01, end)
        return [future]


async def written(events):
    """What of the events is sent within a moment."""
    document = Document()
    connection = Connection(document, events)
    connection.queue()
    await asyncio.sleep(0.2)
    return connection.written


@pytest.mark.parametrize("mended", [False, True])
def test_what_is_queued_meanwhile_is_sent(mended, monkeypatch):
    """Where Panel sends all by itself, the first case fails: `unsent` can go."""
    writer = unsent.dispatch_all if mended else unsent._dispatch
    monkeypatch.setattr(panel_document, "_dispatch_msgs", writer)
    handlers = panel_document.extra_socket_handlers
    monkeypatch.setitem(handlers, Socket, lambda connection, msg: connection.write(msg))
    events = ["density", "modulus", "sheet"]
    assert asyncio.run(written(events)) == (events if mended else events[:1])
