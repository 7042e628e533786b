"""The state of a training on disk, so that a run which was stopped goes on."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch


class Checkpoint:
    """One file with the state after the last epoch and the settings it belongs to.

    Parameters
    ----------
    path : of the file; None: nothing is read or written
    settings : what the state depends on; a file with other settings is refused
    """

    def __init__(self, path: str | os.PathLike[str] | None, settings: dict[str, str]) -> None:
        self._path = None if path is None else Path(path)
        self._settings = settings

    def read(self) -> dict[str, Any] | None:
        """The state written last, None where there is no file.

        Raises ValueError for a file that is no checkpoint or has other settings.
        """
        if self._path is None or not self._path.exists():
            return None
        try:
            content = torch.load(self._path, map_location="cpu", weights_only=True)
            settings, state = content["settings"], content["state"]
        except (RuntimeError, EOFError, pickle.UnpicklingError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self._path} is no whole checkpoint of a training. Remove it, or name another "
                "file."
            ) from error
        names = sorted(set(settings) | set(self._settings))
        different = [n for n in names if settings.get(n) != self._settings.get(n)]
        if different:
            raise ValueError(
                f"{self._path} belongs to a training with other {', '.join(different)}. Remove it, "
                "or name another file."
            )
        return state

    def write(self, **state: Any) -> None:
        """Replace the file by this state; a crash leaves the old or the new one whole."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_name(f"{self._path.name}.part")
        torch.save({"settings": self._settings, "state": state}, unfinished)
        unfinished.replace(self._path)
