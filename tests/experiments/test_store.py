"""The feature store: marks, locks, resumption, damage."""

import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from experiment_fakes import Deadly, PairPowers, molecules
from hypothesis import given, settings
from hypothesis import strategies as st

from appkit.experiments import compute
from appkit.experiments.compute import Cancelled, compute_features
from appkit.experiments.store import (
    FeatureStore,
    StoreError,
    StoreLocked,
    feature_key,
)

HOLDER = """
import sys
from pathlib import Path
from appkit.experiments.store import FeatureStore
with FeatureStore("k", Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def make(folder, n=10, width=3, batch=4, key="k"):
    store = FeatureStore(key, folder)
    with store:
        order = np.random.default_rng(1).permutation(n)
        store.create(order, [f"f{i}" for i in range(width)], batch)
    return store


@given(n=st.integers(1, 25), width=st.integers(1, 6), batch=st.integers(1, 9), data=st.data())
@settings(max_examples=15, deadline=None)
def test_what_is_written_is_read_and_the_rest_is_missing(tmp_path_factory, n, width, batch, data):
    store = make(tmp_path_factory.mktemp("store"), n, width, batch)
    features = np.random.default_rng(0).normal(size=(n, width))
    written = data.draw(st.sets(st.integers(0, store.n_batches - 1)))
    with store:
        for b in written:
            store.write(b, features[store.members(b)])
    again = FeatureStore("k", store.folder)
    assert set(again.missing()) == set(range(store.n_batches)) - written
    if again.missing():
        with pytest.raises(StoreError, match=f"lacks {len(again.missing())} of {store.n_batches}"):
            again.read()
    else:
        np.testing.assert_array_equal(again.read(), features)


def test_batch_without_its_mark_does_not_count(tmp_path):
    store = make(tmp_path)
    store._array("features")[4:8] = 1.0  # stopped before the mark was written
    assert store.missing() == [0, 1, 2]


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
def test_damaged_chunk_is_computed_again(tmp_path, damage):
    x = molecules(12)
    whole = compute_features(FeatureStore("k", tmp_path), PairPowers(), x, batch=4)
    chunk = tmp_path / "k.zarr" / "features" / "c" / "1" / "0"
    content = chunk.read_bytes()
    if damage == "truncate":
        chunk.write_bytes(content[: len(content) // 2])
    elif damage == "flip":
        chunk.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    else:
        chunk.unlink()
    store = FeatureStore("k", tmp_path)
    assert store.missing() == [1]
    with pytest.raises(StoreError, match="lacks 1 of 3 batches"):
        store.read()
    seen = []
    again = compute_features(
        store, PairPowers(), x, batch=4, progress=lambda s, done, n: seen.append((done, n))
    )
    assert seen == [(2, 3), (3, 3)]
    np.testing.assert_array_equal(again, whole)


def test_damaged_metadata_is_named(tmp_path):
    store = make(tmp_path)
    (store.path / "zarr.json").write_text("{")
    with pytest.raises(StoreError, match=r"k\.zarr is damaged .* delete that folder"):
        FeatureStore("k", tmp_path).missing()


@pytest.mark.parametrize("name", ["order", "marks"])
def test_damaged_list_of_batches_is_named(tmp_path, name):
    compute_features(FeatureStore("k", tmp_path), PairPowers(), molecules(4), batch=4)
    (tmp_path / "k.zarr" / name / "c" / "0").write_bytes(b"?")
    with pytest.raises(StoreError, match=r"k\.zarr is damaged"):
        FeatureStore("k", tmp_path).read()


def test_second_process_is_told_who_writes_and_where(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline().strip() == "held"
        with (
            pytest.raises(
                StoreLocked, match=rf"k\.zarr is being written by process {holder.pid} on "
            ),
            FeatureStore("k", tmp_path),
        ):
            pass
        holder.kill()
        holder.wait()
    with FeatureStore("k", tmp_path):  # the system has released a dead writer's lock
        pass


def test_second_job_of_this_process_is_refused_too(tmp_path):
    with FeatureStore("k", tmp_path), pytest.raises(StoreLocked), FeatureStore("k", tmp_path):
        pass


def test_writing_wants_the_lock(tmp_path):
    store = make(tmp_path)
    with pytest.raises(StoreError, match="only under its lock"):
        store.write(0, np.zeros((4, 3)))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.zeros((4, 2)), r"shape \(4, 2\), expected \(4, 3\)"),
        (np.array([[0, 0, 0], [0, np.nan, 0], [0, 0, 0], [0, 0, 0]]), "molecule 2 are not finite"),
    ],
)
def test_wrong_features_are_refused(tmp_path, features, message):
    store = make(tmp_path)
    with store, pytest.raises(StoreError, match=message):
        store.write(1, features)


def test_other_data_under_the_same_key_is_refused(tmp_path):
    store = make(tmp_path)
    with store, pytest.raises(StoreError, match="holds 10 × 3 features, not 11 × 3"):
        store.create(range(11), ["a", "b", "c"], 4)


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"cannot write features .*file.*name another folder"):
        FeatureStore("k", tmp_path / "file" / "features")


def test_key_follows_data_parameters_and_code():
    a, b = molecules(3), molecules(3, seed=1)
    keys = {
        feature_key(a, PairPowers(), "v1"),
        feature_key(b, PairPowers(), "v1"),
        feature_key(a[:2], PairPowers(), "v1"),
        feature_key(a, PairPowers(n_features=6), "v1"),
        feature_key(a, PairPowers(), "v2"),
    }
    assert len(keys) == 5
    assert feature_key(molecules(3), PairPowers(), "v1") in keys


@given(stops=st.lists(st.integers(1, 4), max_size=3))
@settings(max_examples=4, deadline=None)
def test_stopped_and_resumed_is_bit_identical(tmp_path_factory, stops):
    """However often a run is cancelled, its features are those of an uninterrupted run."""
    folder, x = tmp_path_factory.mktemp("stops"), molecules(30)
    for after in stops:
        cancel, seen = threading.Event(), []

        def progress(stage, done, total, after=after, cancel=cancel, seen=seen):
            seen.append(done)
            if len(seen) > after:
                cancel.set()

        try:
            compute_features(
                FeatureStore("k", folder), PairPowers(), x, batch=5,
                workers=0, progress=progress, cancel=cancel,
            )  # fmt: skip
        except Cancelled:
            assert len(FeatureStore("k", folder).missing()) < 6
    resumed = compute_features(FeatureStore("k", folder), PairPowers(), x, batch=5, workers=0)
    assert resumed.tobytes() == PairPowers().fit(x).transform(x).tobytes()


def test_worker_processes_give_the_same_bits(tmp_path):
    x = molecules(40)
    features = compute_features(
        FeatureStore("k", tmp_path), PairPowers(), x, batch=8, workers=1, label="pairs"
    )
    store = FeatureStore("k", tmp_path)
    assert features.tobytes() == PairPowers().fit(x).transform(x).tobytes()
    assert store.names[0] == "pair0"
    assert store.frame["j"] == [0, 1, 2, 3, 4]


def test_ctrl_c_is_left_to_the_process_that_started_the_workers():
    with compute._client(None, 1) as client:
        answers = client.run(signal.getsignal, signal.SIGINT)
    assert list(answers.values()) == [signal.SIG_IGN]


def test_scheduler_that_does_not_answer_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(compute, "_CONNECT_SECONDS", 0.5)
    with pytest.raises(ValueError, match=r"no dask scheduler answers at 'tcp://127.0.0.1:9'"):
        compute_features(
            FeatureStore("k", tmp_path), PairPowers(), molecules(3), cluster="tcp://127.0.0.1:9"
        )


def test_scheduler_without_workers_is_told(tmp_path, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr(compute, "_CONNECT_SECONDS", 0.5)
    with LocalCluster(n_workers=0, processes=False, dashboard_address=None) as idle:
        address, store = idle.scheduler_address, FeatureStore("k", tmp_path)
        with pytest.raises(ValueError, match="has no workers: start some with `dask worker"):
            compute_features(store, PairPowers(), molecules(3), cluster=address)


def test_scheduler_elsewhere_is_the_same_path(tmp_path):
    from distributed import LocalCluster

    x = molecules(30)
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as elsewhere:
        features = compute_features(
            FeatureStore("k", tmp_path),
            PairPowers(),
            x,
            batch=5,
            cluster=elsewhere.scheduler_address,
        )
    assert features.tobytes() == PairPowers().fit(x).transform(x).tobytes()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_goes_on_when_a_worker_is_lost(tmp_path, workers):
    """Also when it was the last one; every batch is written once, and as it would have been."""
    lives = tmp_path / "lives"
    lives.write_text("once")
    x, seen = molecules(24), []
    features = compute_features(
        FeatureStore("k", tmp_path),
        Deadly(str(lives)),
        x,
        batch=4,
        workers=workers,
        progress=lambda stage, done, total: seen.append(done),
    )
    assert not lives.read_text()
    assert seen == list(range(7))
    assert features.tobytes() == PairPowers().fit(x).transform(x).tobytes()


def test_a_batch_that_kills_every_worker_is_named(tmp_path):
    lives = tmp_path / "lives"
    lives.write_text("\n".join(["again"] * 100))
    with pytest.raises(RuntimeError, match=r"several workers died .* molecules \d+ to \d+"):
        compute_features(
            FeatureStore("k", tmp_path), Deadly(str(lives)), molecules(24), batch=4, workers=2
        )


def test_store_from_other_settings_is_refused_by_what_it_recorded(tmp_path):
    x = molecules(12)
    compute_features(FeatureStore("k", tmp_path), PairPowers(), x, batch=4)
    with pytest.raises(StoreError, match="was written with n_features = 5, not 6: name another"):
        compute_features(FeatureStore("k", tmp_path), PairPowers(n_features=6), x, batch=4)
    deadly = Deadly(str(tmp_path))
    with pytest.raises(StoreError, match=r"with transformer = .*PairPowers, not .*Deadly"):
        compute_features(FeatureStore("k", tmp_path), deadly, x, batch=4)
