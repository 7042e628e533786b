"""A digest of the code that a transformer's features are computed with."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Features depend on the modules of these rooms that a transformer's own reach by their imports,
# and on the atoms' densities.
_ROOMS = ("appkit.scattering", "appkit.energy")
_DATA = ("appkit.data", "embedded/atomic_densities.npz")


@cache  # what this process has imported, though a file be edited meanwhile
def code_version(transformer: type) -> str:
    """A digest of the code and tables that the features of a class are computed with.

    The syntax trees are hashed, without docstrings, so that a comment or a line break does not
    throw hours of features away, and a changed formula always does.
    """
    digest = _digest(_reached(transformer))
    table = files(_DATA[0]).joinpath(_DATA[1])
    if table.is_file():
        digest.update(table.read_bytes())
    return digest.hexdigest()


@cache
def package_version(package: str) -> str:
    """A digest of all modules of a package, in the same way."""
    found = (p for p in files(package).iterdir() if p.name.endswith(".py"))
    trees = {p.name: ast.parse(p.read_text(encoding="utf-8")) for p in found}
    return _digest(trees).hexdigest()


def _digest(trees: dict[str, ast.Module]) -> Any:
    digest = hashlib.sha256()
    for name, tree in sorted(trees.items()):
        digest.update(name.encode())
        digest.update(ast.dump(_bare(tree)).encode())
    return digest


def _reached(transformer: type) -> dict[str, ast.Module]:
    """Names and syntax trees of the modules of a class, its bases, and what they import."""
    found: dict[str, ast.Module] = {}
    waiting = [base.__module__ for base in transformer.__mro__]
    waiting = [name for name in waiting if _is_ours(name) or name == transformer.__module__]
    while waiting:
        name = waiting.pop()
        if name not in found and (source := _source(name)) is not None:
            found[name] = ast.parse(source.read_text(encoding="utf-8"))
            waiting += [imported for imported in _imports(found[name]) if _is_ours(imported)]
    return found


def _is_ours(name: str) -> bool:
    return name.startswith(tuple(f"{room}." for room in _ROOMS)) or name in _ROOMS


def _source(name: str) -> Path | None:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):  # a script's __main__, a name that is no module
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def _imports(tree: ast.Module) -> Iterator[str]:
    """What a module imports: modules, and names that may be modules of a package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _bare(tree: ast.Module) -> ast.Module:
    """Without docstrings."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [line for line in body if not _is_text(line)]  # type: ignore[attr-defined]
    return tree


def _is_text(line: ast.AST) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
