"""The command ``appkit``: thin, one function a verb.

Heavy libraries are imported inside the verbs, so that ``appkit --help`` answers at once. What a
person got wrong arrives as a ValueError and leaves as one line on stderr with exit status 2; what
the machine cannot do leaves as one line with status 1.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from appkit import __version__
from appkit.cli_run import add_run
from appkit.options import origin, port, positive, whole

_NO_UPDATES = "jupyterlab.handlers.announcements.NeverCheckForUpdate"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (default: the process's own); the exit status."""
    arguments = vars(_parser().parse_args(argv))
    verb, traceback = arguments.pop("verb"), arguments.pop("traceback")
    try:
        status = verb(**arguments) or 0
        sys.stdout.flush()  # here, where a reader that has gone is noticed
        return status
    except (ValueError, OSError) as error:
        if traceback:
            raise
        if isinstance(error, BrokenPipeError):  # the reader of `appkit ... | head` has gone
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        print(f"appkit: {error}", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:  # torch's are RuntimeErrors
        if traceback:
            raise
        what = str(error).splitlines()[0] if str(error) else "not enough memory"
        print(f"appkit: {type(error).__name__}: {what} (--traceback says where)", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        told = "stopped; what was finished is kept, the same command goes on from there"
        print(f"appkit: {told}", file=sys.stderr)
        return 130


def serve(basic_auth: str | None, **options: Any) -> None:
    """Open the dashboard."""
    from appkit.dashboards import app

    if basic_auth:
        options["basic_auth"] = basic_auth
        options["cookie_secret"] = os.environ.get("APPKIT_COOKIE_SECRET") or secrets.token_hex()
    app.serve(**options)


def lab(folder: Path | None, arguments: list[str]) -> int:
    """Open JupyterLab on the notebooks; plots show without a network."""
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={folder or _notebooks()}"]
    command += ["--LabApp.news_url=None", f"--LabApp.check_for_updates_class={_NO_UPDATES}"]
    environment = os.environ | {"PANEL_INLINE": "true"}
    return subprocess.run([*command, *arguments], env=environment, check=False).returncode


def data_list() -> None:
    """Print every data set: name, size, whether it is here, licence, what it is."""
    from appkit.data import ChecksumError, entries, where

    rows = [("NAME", "SIZE", "HERE", "LICENCE", "WHAT")]
    for dataset in entries():
        try:
            here = "yes" if all(where(dataset.name).values()) else "no"
        except ChecksumError:
            here = "corrupt"
        rows.append((dataset.name, _size(dataset.size), here, dataset.licence, dataset.what))
    _print_table(rows)


def data_get(names: list[str]) -> None:
    """Download what is missing of the data sets and print where their files lie."""
    from appkit.data import get

    for name in names:
        for path in get(name, progress=True).values():
            print(path)


def data_where(name: str) -> int:
    """Print where each file of a data set lies; status 1 if one is not here."""
    from appkit.data import where

    located = where(name)
    for wanted, path in located.items():
        print(path or f"not here: {wanted}")
    return 0 if all(located.values()) else 1


def sampling(molecule: str, overlap: float, aliasing: float, J: int, L: int) -> None:
    """Print what the talk's rules make of a molecule: width, step, grid, memory and time."""
    from appkit.energy import Sampling, SolidHarmonicScattering
    from appkit.energy.cost import GridCost, estimated_seconds, nearest

    atoms, left_out = _brought(molecule)
    rules = Sampling(nearest(atoms), overlap, aliasing)
    dictionary = SolidHarmonicScattering(sigma=rules.sigma, J=J, L=L).fit([atoms])
    plain = GridCost.of(atoms, rules, J, L)
    print(
        f"{atoms.get_chemical_formula()}: {len(atoms)} atoms, the nearest {rules.distance:.3f} Å "
        f"apart{left_out}\n"
        f"α = {overlap:g}: σ = d / √(−8 ln α) = {rules.sigma:.3f} Å\n"
        f"ε = {aliasing:g}: δ = πσ / √(−2 ln ε) = {rules.step:.3f} Å, the bound that is used; the "
        f"talk prints −σ² / (π² ln ε) = {rules.talk_step:.2g}, which is no length\n"
        f"plain grid: N = {' × '.join(map(str, plain.shape))}, {plain.fields} fields for J = {J}, "
        f"L = {L}: {plain.bytes / 1e9:.2g} GB\n"
        f"a grid for each scale: {dictionary.memory([atoms]) / 1e6:,.0f} MB, about "
        f"{estimated_seconds(dictionary, [atoms]):.1g} s on one core"
    )


def _brought(given: str) -> tuple[Any, str]:
    """The atoms of a SMILES or a file, and a word on what of the file is not looked at."""
    from appkit.energy import VolumetricDensity
    from appkit.energy.molecules import MoleculeError, check_molecule, from_smiles, from_xyz

    kind = Path(given).suffix.lower()
    if os.path.isfile(given):  # also where it is longer than a path may be
        if kind in (".cube", ".cub"):
            density = VolumetricDensity.from_cube(given)  # refuses what is no density
            if density.atoms is None:
                raise ValueError(f"'{given}' has no atoms, from whose distances σ would follow.")
            shape = " × ".join(map(str, density.shape))
            own = f"; the file's density, on a grid of {shape}, is not that of these σ and δ"
            return check_molecule(density.atoms), own
        content = Path(given).read_bytes()
        atoms = from_xyz(content)
        if b"Lattice=" in content.splitlines()[1]:
            return atoms, "; the file's cell is not looked at: all is of these atoms in free space"
        return atoms, ""
    if kind in (".xyz", ".extxyz", ".cube", ".cub"):
        raise ValueError(f"There is no file '{given}'.")
    try:
        return from_smiles(given), ""
    except MoleculeError as error:
        if "/" not in given:
            raise
        raise ValueError(f"There is no file '{given}', and read as a SMILES: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="appkit",
        description="Wavelets, invariants and local methods: pages, notebooks, data, experiments.",
    )
    parser.add_argument("--version", action="version", version=f"appkit {__version__}")
    parser.add_argument("--traceback", action="store_true", help="show where an error came from")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    _add_serve(verbs)
    _add_lab(verbs)
    _add_data(verbs)
    _add_sampling(verbs)
    add_run(verbs)
    return parser


def _add_serve(verbs: argparse._SubParsersAction) -> None:
    parser = verbs.add_parser("serve", help="open the dashboard in the browser")
    parser.set_defaults(verb=serve)
    parser.add_argument("--port", type=port, default=5006, help="default: %(default)s")
    parser.add_argument(
        "--address", default="localhost", help="interface to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--show",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="open a browser window (default: yes)",
    )
    parser.add_argument(
        "--basic-auth",
        metavar="PASSWORD|FILE",
        default=os.environ.get("APPKIT_BASIC_AUTH"),
        help="ask for this password, or for a user and password of this JSON file "
        "(default: the environment's APPKIT_BASIC_AUTH)",
    )
    parser.add_argument(
        "--origin",
        dest="origins",
        type=origin,
        action="append",
        default=[],
        metavar="HOST[:PORT]",
        help="another host name under which browsers reach the server; may be given again",
    )
    parser.add_argument(
        "--num-procs", type=positive, default=1, help="worker processes (default: %(default)s)"
    )


def _add_lab(verbs: argparse._SubParsersAction) -> None:
    parser = verbs.add_parser("lab", help="open the notebooks in JupyterLab")
    parser.set_defaults(verb=lab)
    parser.add_argument("--folder", type=Path, help="folder to open instead of the notebooks")
    parser.add_argument(
        "arguments", nargs="*", help="handed to JupyterLab, after --: appkit lab -- --no-browser"
    )


def _add_data(verbs: argparse._SubParsersAction) -> None:
    actions = verbs.add_parser("data", help="public data sets").add_subparsers(
        required=True, metavar="ACTION"
    )
    actions.add_parser("list", help="what there is").set_defaults(verb=data_list)
    getter = actions.add_parser("get", help="download what is missing")
    getter.set_defaults(verb=data_get)
    getter.add_argument("names", nargs="+", metavar="NAME")
    finder = actions.add_parser("where", help="where the files lie")
    finder.set_defaults(verb=data_where)
    finder.add_argument("name", metavar="NAME")


def _add_sampling(verbs: argparse._SubParsersAction) -> None:
    parser = verbs.add_parser(
        "sampling", help="what a molecule's density asks for: width, grid step, memory, time"
    )
    parser.set_defaults(verb=sampling)
    parser.add_argument("molecule", metavar="SMILES|FILE.xyz|FILE.cube")
    parser.add_argument(
        "--overlap", type=float, default=0.1, help="alpha, half-way between the nearest atoms"
    )
    parser.add_argument(
        "--aliasing", type=float, default=1e-3, help="epsilon, beyond the highest frequency"
    )
    parser.add_argument("--J", type=whole, default=2, help="coarsest scale: 2^J times sigma")
    parser.add_argument("--L", type=whole, default=3, help="largest degree")


def _notebooks() -> Path:
    """The checkout's notebooks, or a copy of those in the wheel beside the person's own files."""
    package = Path(__file__).parent
    checkout = package.parent / "notebooks"
    if (package.parent / "pyproject.toml").is_file() and checkout.is_dir():
        return checkout
    own = Path.cwd() / "appkit-notebooks"
    if not own.exists() and (package / "notebooks").is_dir():
        shutil.copytree(package / "notebooks", own)
    return own if own.is_dir() else Path.cwd()


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e5 else f"{n_bytes / 1e3:.0f} kB"


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Columns padded to their widest entry, lines cut to the terminal's width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[3] = min(widths[3], 24)
    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
    for row in rows:
        cells = (cell[:w].ljust(w) for cell, w in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip()[:limit])


if __name__ == "__main__":
    sys.exit(main())
