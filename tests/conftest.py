"""What every test shares: where real data lie, a cache of its own, one thread."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


def _real_data() -> Path | None:
    """The folder of real data: APPKIT_DATA, else shared/data beside the checkout."""
    named = os.environ.get("APPKIT_DATA")
    folder = Path(named) if named else _BESIDE
    return folder if folder.is_dir() else None


@pytest.fixture
def real_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of real data, with APPKIT_DATA pointing at it; skips where there is none."""
    folder = _real_data()
    if folder is None:
        pytest.skip("needs real data: set APPKIT_DATA to a folder that holds them")
    monkeypatch.setenv("APPKIT_DATA", str(folder))
    return folder


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory):
    """Downloads of the tests go into a folder of their own, never into the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("APPKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
