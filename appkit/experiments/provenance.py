"""What a figure was computed on and with: machine, versions, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version

import psutil

from appkit.experiments.files import source_checkout

_PACKAGES = ("appkit", "torch", "numpy", "scipy", "scikit-learn", "ase", "rdkit", "dscribe")


def machine(device: str = "cpu") -> dict[str, str | int | float]:
    """The machine in general words: processors, architecture, memory; no name, no user."""
    return {
        "cpus": os.cpu_count() or 1,
        "model": platform.machine() or "unknown",
        "system": platform.system(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "device": device,
    }


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that a figure depends on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """The git commit of the source checkout ('+' where tracked files differ), None without."""
    root = source_checkout()
    if root is None:
        return None
    try:
        head = _git(root, "rev-parse", "HEAD")
        return head + ("+" if _git(root, "status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: os.PathLike[str], *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout.strip()
