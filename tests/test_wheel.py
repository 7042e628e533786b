"""The wheel holds everything: installed into an empty folder, the app runs from it alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built offline by the build backend itself."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("appkit-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> dict[str, str]:
    """Environment of a process that sees the unpacked wheel before the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return {k: v for k, v in os.environ.items() if not k.startswith("APPKIT")} | {
        "PYTHONPATH": str(folder),
        "HOME": str(folder),
    }


def test_every_file_of_the_package_is_in_the_wheel(wheel):
    """Data, scripts and styles included; tests and the rest of the checkout are not."""
    with zipfile.ZipFile(wheel) as archive:
        members = set(archive.namelist())
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "appkit").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    notebooks = {f"appkit/notebooks/{book.name}" for book in (ROOT / "notebooks").glob("*.ipynb")}
    assert notebooks
    assert (package | notebooks) - members == set()
    for needed in ("data/datasets.toml", "data/embedded/planar.npz", "cli.py"):
        assert f"appkit/{needed}" in members
    assert {name.split("/")[0] for name in members} <= {"appkit"} | {
        name.split("/")[0] for name in members if ".dist-info/" in name
    }
    assert any(name.endswith("licenses/LICENSE") for name in members)
    assert any(name.endswith("entry_points.txt") for name in members)


def test_the_wheel_pins_torch_and_stays_small(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        assert "Requires-Dist: torch==2.13.0" in archive.read(metadata).decode()
    assert wheel.stat().st_size < 10_000_000


def test_installed_data_are_read(installed, tmp_path):
    script = (
        "import appkit, appkit.data as data\n"
        f"assert appkit.__file__.startswith({installed['PYTHONPATH']!r}), appkit.__file__\n"
        "print(len(data.entries()), len(data.load_molecules('embedded')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=installed, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[1]) >= 1000


def test_installed_app_serves(installed, tmp_path):
    """`appkit serve` in an empty folder answers with the page, on a port that the system picks."""
    command = [sys.executable, "-u", "-m", "appkit.cli", "serve", "--port", "0", "--no-show"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=installed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            said = []
            for line in server.stdout:
                said.append(line)
                if found := re.search(r"https?://localhost:(\d+)", line):
                    break
            else:
                pytest.fail(f"the server ended: {''.join(said)}")
            url = f"http://127.0.0.1:{found.group(1)}/"
            with urllib.request.urlopen(url, timeout=60) as answer:
                assert answer.status == 200
                assert b"bokeh" in answer.read().lower()
        finally:
            server.terminate()
    assert list(tmp_path.iterdir()) == []
