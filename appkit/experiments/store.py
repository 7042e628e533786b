"""A chunked, resumable, single-writer store of features.

One Zarr array (n, P) of float64 for each (molecules, transformer, code of the features), a chunk
for each batch of molecules. A batch counts as done only when its mark, a digest of its bytes, has
been written after it; the digest is checked when the store is opened, so that a half-written or
damaged batch is computed again and never read.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import zarr
from ase import Atoms
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from appkit.experiments.code import code_version
from appkit.experiments.files import FEATURES, features_folder, make_folder, write_json


class StoreError(ValueError):
    """A feature store that cannot be used; the message names it and says what to do."""


class StoreLocked(StoreError):  # noqa: N818 (says what is the case)
    """Another process (or another job of this one) is writing the store."""


def feature_key(molecules: list[Atoms], transformer: Any, code: str | None = None) -> str:
    """The store's name: a hash of molecules, transformer (class and parameters) and code."""
    what = [
        molecules_digest(molecules),
        *recorded_settings(transformer).values(),
        code_version(type(transformer)) if code is None else code,  # type: ignore[arg-type]
    ]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:20]


def molecules_digest(molecules: list[Atoms]) -> str:
    """A hash of the elements, positions and cells of molecules."""
    data = hashlib.sha256()
    for x in molecules:
        data.update(np.ascontiguousarray(x.numbers, dtype="<i8").tobytes())
        data.update(np.ascontiguousarray(x.positions, dtype="<f8").tobytes())
        if x.pbc.any():
            data.update(x.pbc.tobytes() + np.ascontiguousarray(x.cell[:], dtype="<f8").tobytes())
    return data.hexdigest()


def recorded_settings(transformer: Any) -> dict[str, Any]:
    """The transformer's class and parameters, as they stand in a store."""
    return {
        "transformer": f"{type(transformer).__module__}.{type(transformer).__qualname__}",
        "parameters": {n: repr(value) for n, value in sorted(transformer.get_params().items())},
    }


class FeatureStore:
    """Features of n molecules, written batch by batch.

    Parameters
    ----------
    key
        Names the store, see `feature_key`.
    folder
        Where stores lie; by default `features_folder()`.

    Use it as a context manager to write: this takes the lock, which the operating system
    releases if the process dies.

    >>> with FeatureStore(key) as store:                           # doctest: +SKIP
    ...     store.create(range(454), names, batch=16)
    ...     for b in store.missing():
    ...         store.write(b, transformer.transform([atoms[i] for i in store.members(b)]))
    >>> store.read().shape                                         # doctest: +SKIP
    (454, 2004)

    Raises
    ------
    StoreLocked
        On entering, where another writer holds the store.
    ValueError
        The folder cannot be written.
    """

    def __init__(self, key: str, folder: Path | None = None) -> None:
        self.key = key
        self.folder = make_folder(folder or features_folder(), FEATURES)
        self.path = self.folder / f"{key}.zarr"
        self._owner = self.folder / f"{key}.owner.json"
        self._lock = FileLock(self.folder / f"{key}.lock", timeout=0, thread_local=False)
        self._group: zarr.Group | None = None

    # -- the lock ---------------------------------------------------------------------------

    def __enter__(self) -> FeatureStore:
        try:
            self._lock.acquire()
        except Timeout:
            raise StoreLocked(self._locked()) from None
        started = datetime.now(UTC).isoformat(timespec="seconds")
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": started}
        write_json(self._owner, owner)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._owner.unlink(missing_ok=True)
        self._lock.release()

    def _locked(self) -> str:
        try:
            owner = json.loads(self._owner.read_text(encoding="utf-8"))
            who = f"process {owner['pid']} on {owner['host']} (since {owner['since']})"
        except (OSError, ValueError, KeyError):
            who = "another process"
        return (
            f"the feature store {self.path} is being written by {who}; "
            "wait for it to end or stop it, then run this again: what is done is kept"
        )

    def _must_hold_lock(self) -> None:
        if not self._lock.is_locked:
            raise StoreError(f"the feature store {self.path} is written only under its lock")

    # -- shape ------------------------------------------------------------------------------

    def exists(self) -> bool:
        """True where the store has been created; its batches may be missing."""
        return self.path.is_dir()

    def create(
        self,
        order: Sequence[int],
        names: list[str],
        batch: int,
        frame: dict[str, list[Any]] | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        """Make the arrays for n molecules and P = len(names) features; keep them where they are.

        Parameters
        ----------
        order
            The n molecules in the order in which they are computed (like sizes together).
        names, frame
            The dictionary's feature names, and its frame as columns.
        batch
            Molecules in a batch, one chunk.
        settings
            What `recorded_settings` says of the transformer.
        """
        n = len(order)
        self._must_hold_lock()
        if self.exists():
            if self.shape != (n, len(names)):
                raise StoreError(
                    f"the feature store {self.path} holds {self.shape[0]} × {self.shape[1]} "
                    f"features, not {n} × {len(names)}; delete that folder and run again"
                )
            return
        # Built aside and renamed: a store that exists has all its metadata.
        aside = self.path.with_suffix(".making")
        shutil.rmtree(aside, ignore_errors=True)
        told = {"names": names, "frame": frame or {}, "settings": settings or {}}
        group = zarr.create_group(aside, attributes=told)
        group.create_array("order", data=np.asarray(order, dtype=np.int64))
        group.create_array(
            "features", shape=(n, len(names)), chunks=(batch, len(names)), dtype="f8"
        )
        for name, kind in (("seconds", "f8"), ("marks", "u8")):
            group.create_array(name, shape=(math.ceil(n / batch),), chunks=(1,), dtype=kind)
        aside.rename(self.path)

    def check(self, settings: dict[str, Any]) -> None:
        """Refuse a store that was written with other settings.

        Raises
        ------
        StoreError
            The message has the first parameter that differs.
        """
        kept: Any = self._zarr.attrs.get("settings", {})
        if not kept or kept == settings:
            return
        here, there = (
            {"transformer": s["transformer"]} | s["parameters"] for s in (settings, kept)
        )
        name = next(n for n in {**here, **there} if here.get(n) != there.get(n))
        raise StoreError(
            f"the feature store {self.path} was written with {name} = {there.get(name)}, not "
            f"{here.get(name)}: name another folder (APPKIT_FEATURES), or delete that one"
        )

    @property
    def _zarr(self) -> zarr.Group:
        if self._group is None:
            try:
                self._group = zarr.open_group(self.path, mode="r+")
            except Exception as error:  # zarr raises its own and the operating system's errors
                raise self._damaged(error) from error
        return self._group

    def _array(self, name: str) -> zarr.Array[Any]:
        try:
            array = self._zarr[name]
        except (KeyError, ValueError) as error:
            raise self._damaged(error) from error
        assert isinstance(array, zarr.Array)
        return array

    def _whole(self, name: str) -> NDArray[Any]:
        try:
            return np.asarray(self._array(name)[:])
        except Exception as error:  # a damaged chunk: the codec that meets it raises what it likes
            raise self._damaged(error) from error

    def _damaged(self, error: BaseException) -> StoreError:
        return StoreError(
            f"the feature store {self.path} is damaged ({error}); delete that folder and run again"
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(n, P)."""
        n, width = self._array("features").shape
        return n, width

    @property
    def names(self) -> list[str]:
        """The feature names."""
        return list(self._zarr.attrs["names"])  # type: ignore[arg-type]

    @property
    def frame(self) -> dict[str, list[Any]]:
        """The dictionary's frame as columns: order, channel, j, θ, …"""
        return dict(self._zarr.attrs["frame"])  # type: ignore[arg-type]

    @property
    def seconds(self) -> float:
        """Core seconds that the features took, over all runs that computed some of them."""
        return float(self._whole("seconds").sum())

    @property
    def n_batches(self) -> int:
        return int(self._array("marks").shape[0])

    def members(self, batch: int) -> NDArray[np.int64]:
        """The molecules of a batch."""
        return self._whole("order")[self._rows(batch)]

    def _rows(self, batch: int) -> slice:
        size = self._array("features").chunks[0]
        return slice(batch * size, min((batch + 1) * size, self.shape[0]))

    # -- batches ----------------------------------------------------------------------------

    def write(self, batch: int, features: NDArray[np.float64], seconds: float = 0.0) -> None:
        """Write a batch and the seconds that it took one core, then its mark.

        Raises
        ------
        StoreError
            The features have the wrong shape or are not finite, or the lock is not held.
        """
        self._must_hold_lock()
        rows = self._rows(batch)
        expected = (rows.stop - rows.start, self.shape[1])
        if features.shape != expected:
            raise StoreError(f"batch {batch} has shape {features.shape}, expected {expected}")
        if not np.isfinite(features).all():
            first = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
            raise StoreError(
                f"the features of molecule {self.members(batch)[first]} are not finite"
            )
        self._array("features")[rows] = features
        self._array("seconds")[batch] = seconds
        self._array("marks")[batch] = _digest(features)

    def missing(self) -> list[int]:
        """The batches still to compute: never written, half written, or damaged since."""
        marks = self._whole("marks")
        return [b for b in range(self.n_batches) if marks[b] == 0 or not self._intact(b, marks[b])]

    def _intact(self, batch: int, mark: np.uint64) -> bool:
        return (features := self._read(batch)) is not None and _digest(features) == mark

    def _read(self, batch: int) -> NDArray[np.float64] | None:
        try:
            return np.asarray(self._array("features")[self._rows(batch)])
        except Exception:  # damaged, as in `_whole`: it will be computed again
            return None

    def read(self) -> NDArray[np.float64]:
        """All features (n, P), in the order of the data set.

        Raises
        ------
        StoreError
            A batch is missing or damaged; the message counts them.
        """
        if missing := self.missing():
            raise StoreError(
                f"the feature store {self.path} lacks {len(missing)} of {self.n_batches} batches "
                "(stopped or damaged); run its experiment again to compute them"
            )
        features = np.empty(self.shape)
        features[self._whole("order")] = self._array("features")[:]
        return features


def _digest(features: NDArray[np.float64]) -> np.uint64:
    """A digest of the bytes, never 0 (which means: not written)."""
    data = np.ascontiguousarray(features, dtype="<f8").tobytes()
    value = int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
    return np.uint64(value or 1)
