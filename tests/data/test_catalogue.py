"""The catalogue: complete, honest about what is wrong, and never leaving a bad file behind."""

from __future__ import annotations

import importlib
import os
import re
import socket
from pathlib import Path

import pytest
from data_fakes import CONTENT, data_file

from appkit.data import ChecksumError, DataError, MissingFileError, catalogue, entries, get, where
from appkit.data.catalogue import cache_folder
from appkit.data.download import sha256


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("dataset", entries(), ids=lambda d: d.name)
def test_every_entry_is_complete(dataset):
    module, reader = dataset.reader.split(":")
    assert callable(getattr(importlib.import_module(module), reader))
    assert dataset.what
    assert dataset.licence
    assert dataset.citation
    assert dataset.source.startswith("http")
    for file in dataset.files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.size > 0
        assert not file.url or file.url.startswith("http")
    if not all(file.url for file in next(iter(dataset.variants.values()))):
        assert "no public address" in dataset.note


def test_no_two_files_share_a_place():
    paths = [file.path for dataset in entries() for file in dataset.files]
    assert len(paths) == len(set(paths))


def test_the_real_files_are_those_of_the_catalogue(real_data):
    """Sizes of every file that is here; checksums are checked by every reader's test."""
    here = [f for d in entries() for f in d.files if (real_data / f.path).is_file()]
    assert here
    for file in here:
        assert (real_data / file.path).stat().st_size == file.size, file.path


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(DataError, match="no data set called 'qm7_3d'; did you mean qm7_2d"):
        get("qm7_3d")
    with pytest.raises(DataError, match="no data set called 'zzz'; known: qm7_2d"):
        where("zzz")


def test_download_lands_in_the_cache_and_is_not_repeated(server, publish):
    publish(data_file(server.url))
    assert where("made_up") == {"set/file.bin": None}
    path = get("made_up")["set/file.bin"]
    assert path == cache_folder() / "set/file.bin"
    assert path.read_bytes() == CONTENT
    assert where("made_up") == {"set/file.bin": path}
    get("made_up")
    assert server.answers == 1


def test_download_shows_progress(server, publish, capfd):
    publish(data_file(server.url))
    get("made_up", progress=True)
    assert "100%" in capfd.readouterr().err


def test_download_reports_the_bytes_that_came(server, publish):
    publish(data_file(server.url))
    reports = []
    get("made_up", progress=lambda done, total: reports.append((done, total)))
    assert reports[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)


def test_a_download_that_is_left_leaves_nothing(server, publish):
    publish(data_file(server.url))

    def leave(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get("made_up", progress=leave)
    assert files_below(cache_folder()) == []


@pytest.mark.parametrize("damage", ["corrupt", "short", "cut"])
def test_a_bad_download_leaves_nothing(server, publish, damage):
    """Other bytes, too few of them, or a connection that ends before the announced length."""
    if damage == "corrupt":
        server.body = CONTENT[::-1]
    else:
        server.body = CONTENT[:5000]
        server.length = len(CONTENT) if damage == "cut" else 5000
    file = publish(data_file(server.url)).files[0]
    with pytest.raises(MissingFileError) as caught:
        get("made_up")
    assert server.url in str(caught.value)
    assert file.sha256 in str(caught.value)
    assert str(cache_folder() / file.path) in str(caught.value)
    assert files_below(cache_folder()) == []


def test_a_corrupt_file_in_the_cache_is_fetched_again(server, publish):
    publish(data_file(server.url))
    stale = cache_folder() / "set/file.bin"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(CONTENT[:100])
    assert get("made_up")["set/file.bin"].read_bytes() == CONTENT


def test_a_corrupt_file_in_the_cache_does_not_stay_when_there_is_no_network(publish):
    publish(data_file(f"http://127.0.0.1:{free_port()}/file.bin"))
    stale = cache_folder() / "set/file.bin"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(CONTENT[:100])
    with pytest.raises(MissingFileError):
        get("made_up")
    assert not stale.exists()


def test_offline_the_error_says_address_checksum_and_folder(publish, monkeypatch, tmp_path):
    file = publish(data_file(f"http://127.0.0.1:{free_port()}/file.bin")).files[0]
    monkeypatch.setenv("APPKIT_DATA", str(tmp_path))
    with pytest.raises(MissingFileError) as caught:
        get("made_up")
    for part in (file.url, file.sha256, str(tmp_path / file.path), "could not be downloaded"):
        assert part in str(caught.value)


def test_a_server_that_says_no_is_named(publish, server):
    """An HTTP error is a failed download, not a file."""
    server.RequestHandlerClass = type(
        "Refusing", (server.RequestHandlerClass,), {"do_GET": lambda self: self.send_error(404)}
    )
    publish(data_file(server.url))
    with pytest.raises(MissingFileError, match="could not be downloaded"):
        get("made_up")
    assert files_below(cache_folder()) == []


def test_the_data_folder_comes_first(server, publish, monkeypatch, tmp_path):
    publish(data_file(server.url))
    own = tmp_path / "own" / "set" / "file.bin"
    own.parent.mkdir(parents=True)
    own.write_bytes(CONTENT)
    monkeypatch.setenv("APPKIT_DATA", str(tmp_path / "own"))
    assert get("made_up") == {"set/file.bin": own}
    assert server.answers == 0


def test_a_wrong_file_in_the_data_folder_is_named_and_kept(server, publish, monkeypatch, tmp_path):
    """It is the user's file: not overwritten, not passed over in silence."""
    file = publish(data_file(server.url)).files[0]
    own = tmp_path / "own" / "set" / "file.bin"
    own.parent.mkdir(parents=True)
    own.write_bytes(CONTENT[:-1])
    monkeypatch.setenv("APPKIT_DATA", str(tmp_path / "own"))
    with pytest.raises(ChecksumError) as caught:
        get("made_up")
    for part in (str(own), file.sha256, sha256(own), "wrong checksum"):
        assert part in str(caught.value)
    assert own.read_bytes() == CONTENT[:-1]
    assert server.answers == 0


def test_a_data_folder_that_is_none_is_an_error(publish, monkeypatch, tmp_path):
    publish(data_file())
    monkeypatch.setenv("APPKIT_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"APPKIT_DATA names .*nowhere, which is not a folder"):
        where("made_up")


def test_a_file_without_address_says_where_to_put_it(publish):
    file = publish(data_file(), note="An extract; no public address serves it.").files[0]
    with pytest.raises(MissingFileError, match="no public address") as caught:
        get("made_up")
    assert file.sha256 in str(caught.value)
    assert str(cache_folder() / file.path) in str(caught.value)


def test_a_cache_that_cannot_be_written_is_named(server, publish, monkeypatch, tmp_path):
    publish(data_file(server.url))
    (tmp_path / "plain").write_text("a file where a folder is wanted")
    monkeypatch.setenv("APPKIT_CACHE", str(tmp_path / "plain"))
    with pytest.raises(MissingFileError, match="cannot be written"):
        get("made_up")


def test_a_complete_variant_here_beats_a_download(server, publish, monkeypatch, tmp_path):
    publish(data_file(server.url, "set/canonical.bin", "canonical"), data_file(path="set/own.bin"))
    own = tmp_path / "own" / "set" / "own.bin"
    own.parent.mkdir(parents=True)
    own.write_bytes(CONTENT)
    monkeypatch.setenv("APPKIT_DATA", str(tmp_path / "own"))
    assert get("made_up") == {"set/own.bin": own}
    own.unlink()
    assert list(get("made_up")) == ["set/canonical.bin"]


def test_checksums_are_computed_once_but_follow_changes(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    first = sha256(path)
    assert sha256(path) == first
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert sha256(path) != first


def free_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_catalogue_file_is_read_once():
    assert catalogue.entry("qm7_2d") is catalogue.entry("qm7_2d")
