"""``appkit serve``: the routes, the limits and the session's life."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterable
from typing import Any

import panel as pn
import torch
from panel.io.resources import LOCAL_DIST
from tornado.websocket import WebSocketClosedError

import appkit.figures.theme  # noqa: F401 - sets the plots' backend before the first session
from appkit.dashboards.components import defer_plotly
from appkit.dashboards.look import SCRIPTS
from appkit.dashboards.pages import PAGES
from appkit.dashboards.pages.home import steps
from appkit.dashboards.shell import TITLE, Shell
from appkit.dashboards.unsent import send_what_is_queued

#: Largest websocket message, bytes. Uploads arrive in smaller chunks.
MAX_MESSAGE = 20_000_000
#: Largest upload, bytes; pages check again what they were given.
MAX_UPLOAD = 5_000_000
#: A session whose browser is gone is freed after this many milliseconds.
SESSION_LIFETIME = 15_000


def routes() -> dict[str, Callable[[], Any]]:
    """What is served where. Every page is a view of one route, so sessions share the shell."""
    return {"/": session}


def session() -> Any:
    """The document of a new session."""
    document = pn.state.curdoc
    if document is not None:
        # Panel says where its styles are when it writes the page. A browser whose session died
        # meanwhile gets a new one by its websocket, without a page: it would ask another host.
        document.template_variables["dist_url"] = LOCAL_DIST
    shell = Shell()
    if document is not None and document.session_context is not None:
        document.on_session_destroyed(lambda context: shell.close(document))
    return shell.template


def prepare() -> None:
    """Load the browser's parts, all from this package: nothing is fetched from another host."""
    defer_plotly()
    send_what_is_queued()
    torch.set_num_threads(1)  # as `one_thread` says; a page's jobs have threads of their own
    pn.extension("tabulator", "plotly", js_files=SCRIPTS, notifications=True, reconnect=True)
    pn.config.disconnect_notification = "The server has gone. Reload when it is back."
    logging.getLogger("asyncio").addFilter(_is_no_farewell)


def _is_no_farewell(record: logging.LogRecord) -> bool:
    """A browser that closes while a picture is on its way is no error, and Panel logs it as one.

    The record's traceback would keep the session too, where something keeps records.
    """
    return not (record.exc_info and isinstance(record.exc_info[1], WebSocketClosedError))


def warm_up() -> None:
    """Build each page once and drop it: the first visitor finds filters, classes and sets ready."""
    shell = Shell()
    _build(shell.template)
    shell.close()
    for cls in PAGES:
        page = cls()
        _build(page.__panel__())
        page.close()
    steps(dark=False)


def _build(view: Any) -> None:
    """Make a view's Bokeh models and let go of them again; Panel keeps those of no session."""
    root = view.get_root()
    view._cleanup(root)
    pn.state._views.pop(root.ref["id"], None)


def serve(
    port: int = 5006,
    address: str = "localhost",
    show: bool = True,
    *,
    origins: Iterable[str] = (),
    basic_auth: str | None = None,
    warm: bool = True,
    start: bool = True,
    **options: Any,
) -> Any:
    """Serve the dashboard; blocks until interrupted unless ``start`` is False.

    Parameters
    ----------
    port, address : where to listen; the address ``0.0.0.0`` is every network of this machine.
    show : open a browser.
    origins : other hosts (``name:port``) whose pages may open a websocket; never ``*``.
    basic_auth : a password, or a JSON file of user names and passwords.
    warm : build every page once before listening.
    options : further arguments of `panel.serve`.

    Raises
    ------
    ValueError
        If the port cannot be used, or an origin is ``*``.
    """
    allowed = [f"localhost:{port}", f"127.0.0.1:{port}", f"{address}:{port}", *origins]
    if "*" in allowed or "*:*" in allowed:
        raise ValueError("An origin '*' would let any web page use this server: name the hosts.")
    if basic_auth is not None:
        options["basic_auth"] = basic_auth
    prepare()
    if warm:
        warm_up()
    try:
        return pn.serve(
            routes(),
            port=port,
            address=address,
            show=show,
            start=start,
            title=TITLE,
            websocket_origin=allowed if port else None,
            websocket_max_message_size=MAX_MESSAGE,
            check_unused_sessions_milliseconds=SESSION_LIFETIME // 3,
            unused_session_lifetime_milliseconds=SESSION_LIFETIME,
            **options,
        )
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise ValueError(
                f"Port {port} of {address} cannot be used ({error.strerror}): another program may "
                "listen there. Choose another one, for example --port 5007."
            ) from error
        raise
