"""Features of many molecules: one path from a laptop's cores to a cluster's scheduler.

A cancelled computation raises `Cancelled`, and keeps what was done.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import islice
from typing import Any

import cloudpickle
import dask.config
import numpy as np
from ase import Atoms
from distributed import Client, KilledWorker, LocalCluster, WorkerPlugin, as_completed
from numpy.typing import NDArray

from appkit.experiments.store import FeatureStore, recorded_settings
from appkit.regression import Cancelled
from appkit.scattering.threads import one_thread

__all__ = ["Cancelled", "Progress", "compute_features", "n_local_workers"]

Progress = Callable[[str, int, int], None]
"""``progress(stage, done, total)``: called from the thread that computes."""

# Below this many batches, starting processes takes longer than computing.
_FEW_BATCHES = 4

_CONNECT_SECONDS = 10.0

# Of the worker processes. Giving each array's pages back to the system, which dask asks of glibc,
# and mapping large arrays anew each time doubles to triples the time of a small transform.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": 1,
    "MKL_NUM_THREADS": 1,
    "OPENBLAS_NUM_THREADS": 1,
    "MALLOC_TRIM_THRESHOLD_": 2**30,
    "MALLOC_MMAP_THRESHOLD_": 2**30,
}


def compute_features(
    store: FeatureStore,
    transformer: Any,
    molecules: list[Atoms],
    *,
    batch: int = 16,
    cluster: str | None = None,
    workers: int | None = None,
    label: str = "features",
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> NDArray[np.float64]:
    """Features (n, P) of the molecules, computing only the batches that the store lacks.

    Parameters
    ----------
    store
        Where batches are kept; it is locked while there is something to compute.
    transformer
        A scikit-learn transformer over lists of `ase.Atoms`; fitted here, in this process.
    batch
        Molecules in a task and in a chunk.
    cluster
        Address of a dask scheduler; None starts a `LocalCluster`.
    workers
        Local processes of one thread each, by default one for each core; 0 is a worker inside
        this process, which a GPU and work of a few batches get anyway.
    progress, cancel
        Called after each batch; looked at between batches.

    Raises
    ------
    Cancelled
        ``cancel`` was set.
    StoreLocked
        Another process is computing the same features.
    StoreError
        The store was written with other settings, or is damaged.
    RuntimeError
        A batch killed every worker that took it.

    Notes
    -----
    Local workers are started by *spawn*: a script that calls this needs the usual
    ``if __name__ == "__main__":``.
    """
    settings = recorded_settings(transformer)
    if store.exists():
        store.check(settings)
        if not store.missing():
            return store.read()
    with store:
        fitted = transformer.fit(molecules)
        names = [str(name) for name in fitted.get_feature_names_out()]
        store.create(_by_size(molecules), names, batch, _columns(fitted), settings)
        missing = store.missing()
        done, total = store.n_batches - len(missing), store.n_batches
        if progress is not None:
            progress(label, done, total)
        if len(missing) <= _FEW_BATCHES or _on_gpu(transformer):
            workers = 0
        with _client(cluster, workers) as client:
            for index, batch_done in _batches(client, fitted, store, molecules, missing, cancel):
                store.write(index, *batch_done)
                done += 1
                if progress is not None:
                    progress(label, done, total)
        return store.read()


def _batches(
    client: Client,
    fitted: Any,
    store: FeatureStore,
    molecules: list[Atoms],
    missing: list[int],
    cancel: threading.Event | None,
) -> Iterator[tuple[int, tuple[NDArray[np.float64], float]]]:
    """Yield (batch, (features, seconds)) as they end; a few tasks run ahead, and no more.

    A worker that is lost takes its running batches with it; dask gives them to others. Each task
    carries the transformer, so that no worker keeps the only copy.
    """
    waiting = iter(missing)
    packed = cloudpickle.dumps(fitted)
    running: dict[Any, int] = {}

    def submit(index: int) -> Any:
        members = [molecules[i] for i in store.members(index)]
        task = client.submit(_transform, packed, members, pure=False)
        running[task] = index
        return task

    ahead = 2 * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
    first = [submit(index) for index in islice(waiting, ahead)]
    ended = as_completed(first, loop=client.loop)
    try:
        for task in ended:
            index = running.pop(task)
            try:
                computed = task.result()
            except KilledWorker as error:
                raise RuntimeError(_killed(store, index, molecules)) from error
            yield index, computed
            if cancel is not None and cancel.is_set():
                raise Cancelled
            if (following := next(waiting, None)) is not None:
                ended.add(submit(following))
    finally:
        client.cancel(list(running))


def _killed(store: FeatureStore, index: int, molecules: list[Atoms]) -> str:
    members = store.members(index)
    largest = max((molecules[i] for i in members), key=len).get_chemical_formula()
    return (
        f"several workers died while they computed molecules {members.min()} to {members.max()} "
        f"(the largest: {largest}), perhaps for want of memory: take fewer workers or a coarser "
        "grid and run this again; what is done is kept"
    )


def _transform(packed: bytes, molecules: list[Atoms]) -> tuple[NDArray[np.float64], float]:
    """One task: features, and the seconds that they took.

    One torch thread: parallelism is over molecules, and sums keep their order.
    """
    fitted = _unpacked(packed)
    started = time.perf_counter()
    with one_thread():
        features = np.asarray(fitted.transform(molecules), dtype=np.float64)
    return features, time.perf_counter() - started


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> Any:
    """The transformer, which keeps its filters from batch to batch."""
    return cloudpickle.loads(packed)


def n_local_workers(workers: int | None) -> int:
    """How many local workers ``workers`` means: one for each core where it is None."""
    if workers is not None and workers < 0:
        raise ValueError(f"workers must be a whole number from 0 up, not {workers}")
    return max(1, (os.cpu_count() or 1) if workers is None else workers)


@contextmanager
def _client(cluster: str | None, workers: int | None) -> Iterator[Client]:
    """A client of the scheduler at ``cluster``, or of workers started for this run alone."""
    if cluster is not None:
        with _connected(cluster) as client:
            yield client
        return
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": _ENVIRONMENT}),
        LocalCluster(
            n_workers=n_local_workers(workers),
            threads_per_worker=1,
            processes=workers != 0,
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            memory_limit=None,
            silence_logs="ERROR",
        ) as local,
        Client(local, set_as_default=False) as client,
    ):
        if workers != 0:
            with suppress(OSError):  # a worker was lost: the one in its place is given it
                client.register_plugin(_Undisturbed())
        yield client


class _Undisturbed(WorkerPlugin):
    """Ctrl-C reaches every process of a terminal: the run ends at it, and then its workers."""

    def setup(self, worker: Any) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _connected(address: str) -> Client:
    try:
        client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"no dask scheduler answers at '{address}' ({error}); start one with `dask scheduler` "
            "and workers with `dask worker ADDRESS --nthreads 1`"
        ) from error
    try:
        client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
    except TimeoutError as error:
        client.close()
        raise ValueError(
            f"the dask scheduler at '{address}' has no workers: start some with `dask worker "
            f"{address} --nthreads 1`"
        ) from error
    return client


def _by_size(molecules: list[Atoms]) -> list[int]:
    """Molecules of like size together: they share the filters of a dictionary's grid."""
    sizes = [tuple(np.ceil(np.ptp(x.positions, axis=0))) for x in molecules]
    return sorted(range(len(molecules)), key=lambda i: (sizes[i], len(molecules[i]), i))


def _on_gpu(transformer: Any) -> bool:
    return str(transformer.get_params().get("device", "cpu")) != "cpu"


def _columns(fitted: Any) -> dict[str, list[Any]]:
    """The dictionary's frame as plain columns, an empty cell as None."""
    frame = getattr(fitted, "features_", None)
    if frame is None:
        return {}
    return {
        name: [None if value != value else value for value in frame[name].tolist()]
        for name in frame.columns
    }
