"""Panel 1.9.4 may keep a change from the browser until the next one: here it is sent at once.

What changes while a websocket writes is queued, and `panel.io.document._dispatch_msgs` writes the
queue. Something queued while that awaits its own writes has no writer of its own: the block that
the first writer lifts at its end is what the second one starts by. On a busy machine one page in
five lost the last of its pictures so.
"""

from __future__ import annotations

from bokeh.document import Document
from panel.io import document as panel_document

_dispatch = panel_document._dispatch_msgs


async def dispatch_all(document: Document) -> None:
    """Write what is queued, and then what was queued meanwhile."""
    await _dispatch(document)
    if document in panel_document._WRITE_MSGS and document not in panel_document._WRITE_BLOCK:
        panel_document._WRITE_BLOCK[document] = True
        panel_document._dispatch_write_task(document, dispatch_all, document)


def send_what_is_queued() -> None:
    """Let Panel's queue have the writer above, which Panel looks up at each use."""
    panel_document._dispatch_msgs = dispatch_all
