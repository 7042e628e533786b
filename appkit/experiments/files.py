"""Where records and features live, and how a file is written so that it is whole or absent."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import platformdirs

from appkit.data.catalogue import cache_folder

#: What stands in a message about a folder, and the variable that names another.
RECORDS = "result records (APPKIT_RESULTS)"
FEATURES = "features (APPKIT_FEATURES)"

PACKAGED_RESULTS = Path(__file__).parent / "results"


def source_checkout() -> Path | None:
    """The root of the source checkout that this package runs from, None where it is installed."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / ".git").exists() else None


def results_folder() -> Path:
    """Where new records go.

    The folder named by ``APPKIT_RESULTS``; else the package's own folder in a source checkout
    (there the records are committed); else the user's data folder, for the records of an
    installed package are read-only.
    """
    if named := os.environ.get("APPKIT_RESULTS"):
        return Path(named).expanduser()
    if source_checkout() is not None:
        return PACKAGED_RESULTS
    return Path(platformdirs.user_data_dir("appkit", appauthor=False)) / "results"


def features_folder() -> Path:
    """Where feature stores go: ``APPKIT_FEATURES``, else beside what is downloaded."""
    if named := os.environ.get("APPKIT_FEATURES"):
        return Path(named).expanduser()
    return cache_folder() / "features"


def make_folder(path: Path, what: str) -> Path:
    """Create ``path`` where it is missing.

    Raises
    ------
    ValueError
        The folder cannot be created or written; ``what`` names its purpose and its variable.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path, prefix=".writable-"):
            pass
    except OSError as error:
        raise ValueError(
            f"cannot write {what} in {path}: {error.strerror or error}; name another folder"
        ) from error
    return path


def write_json(path: Path, content: dict[str, Any], *, compact: bool = False) -> None:
    """Write JSON to a temporary file beside ``path``, flush it to disk, then rename it."""
    layout: dict[str, Any] = {"separators": (",", ":")} if compact else {"indent": 1}
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, **layout) + "\n"
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
