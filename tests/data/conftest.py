"""A catalogue of one made-up data set, and a server on this machine that misbehaves on demand."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from data_fakes import CONTENT, dataset

from appkit.data import catalogue
from appkit.data.catalogue import DataFile, Dataset


class Server(ThreadingHTTPServer):
    """Serves ``body`` for every path, announcing ``length`` bytes; counts its answers."""

    body = CONTENT
    length = len(CONTENT)
    answers = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/set/file.bin"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.answers += 1
        self.send_response(200)
        self.send_header("Content-Length", str(self.server.length))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *arguments) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), _Handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Replace the catalogue by the given files; data folder unset, cache in ``tmp_path/cache``."""
    monkeypatch.delenv("APPKIT_DATA", raising=False)
    monkeypatch.setenv("APPKIT_CACHE", str(tmp_path / "cache"))

    def put(*files: DataFile, note: str = "") -> Dataset:
        made_up = dataset(*files, note=note)
        monkeypatch.setattr(catalogue, "_catalogue", lambda: {"made_up": made_up})
        return made_up

    return put
