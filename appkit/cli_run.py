"""``appkit run``: the experiments and their options."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from appkit.options import length, names, positive, sizes, whole


def run(name: str, **options: Any) -> None:
    """Compute a table; print it beside the published figures."""
    from importlib import import_module

    from appkit.experiments.bars import Bars

    module = import_module(f"appkit.experiments.{name}")
    given = {key: value for key, value in options.items() if value is not None}
    with Bars() as bars:
        result = module.run(**given, progress=bars)
    print(module.report(result))


def add_run(verbs: argparse._SubParsersAction) -> None:
    """The verb ``run`` with a parser for each experiment."""
    experiments = verbs.add_parser("run", help="compute a table of the talks").add_subparsers(
        required=True, metavar="EXPERIMENT"
    )
    parser = _experiment(
        experiments,
        "planar-energy",
        help="energies of planar molecules: Fourier, wavelet, Coulomb, scattering",
        description="Options that are not given have the preset's values.",
    )
    parser.add_argument(
        "--dataset", choices=["embedded", "qm7_2d", "qm_2d"], default="embedded", help="molecules"
    )
    parser.add_argument("--preset", choices=["default", "paper"], help="grid, scales and angles")
    parser.add_argument(
        "--channels",
        type=names,
        metavar="NAME[,NAME]",
        help="densities: dirac, core, valence, atomic, gaussian",
    )
    parser.add_argument("--J", type=positive, help="number of scales")
    parser.add_argument("--L", type=positive, help="number of angles")
    parser.add_argument("--step", type=length, help="grid step, angstrom")
    _add_solid(experiments)
    _add_pictures(experiments)


def _add_solid(experiments: argparse._SubParsersAction) -> None:
    """The experiments in three dimensions, which share their options."""
    what = {
        "qm7-energy": "energies of QM7: solid harmonic scattering and other descriptors",
        "qm9-energy": "learning curves on QM9; can be stopped and resumed",
        "locality": "error on QM7 against the largest scale that is kept",
    }
    for name, text in what.items():
        parser = _experiment(experiments, name, help=text)
        if name == "qm9-energy":
            parser.add_argument(
                "--dataset", choices=["qm9", "qm9_mp2"], default="qm9", help="molecules"
            )
            parser.add_argument(
                "--molecules", type=positive, help="how many of them (default: all)"
            )
        parser.add_argument(
            "--channels",
            type=names,
            metavar="NAME[,NAME]",
            help="densities: nuclear, valence, core, bond; of isolated atoms (scattering rows): "
            "atomic, atomic_core, atomic_valence",
        )
        parser.add_argument("--sigma", type=length, help="width of the atoms, angstrom")
        parser.add_argument("--J", type=whole, help="coarsest scale: 2^J times sigma")
        parser.add_argument("--Q", type=positive, help="scales in an octave")
        parser.add_argument("--L", type=whole, help="largest degree of the solid harmonics")
        parser.add_argument(
            "--tolerance", type=length, help="aimed at relative error of the invariants"
        )


def _add_pictures(experiments: argparse._SubParsersAction) -> None:
    """Errors of classifiers as the training set grows."""
    what = {
        "digits": "scikit-learn's digits",
        "mnist": "MNIST",
        "cifar10-scattering": "CIFAR-10",
    }
    for name, text in what.items():
        parser = experiments.add_parser(
            name, help=f"{text}: scattering and pixels; can be stopped and resumed"
        )
        parser.set_defaults(verb=partial(run, "scattering_pictures", experiment=name))
        parser.add_argument("--rows", type=names, metavar="NAME[,NAME]", help="rows of the table")
        parser.add_argument("--train", type=positive, help="most pictures to train on")
        _add_machine(parser)
    parser = experiments.add_parser(
        "cifar10-patches",
        help="CIFAR-10 by the nearest of N patches; can be stopped and resumed",
    )
    parser.set_defaults(verb=partial(run, "cifar10_patches"))
    parser.add_argument("--patches", type=positive, help="largest dictionary N (default: 2048)")
    parser.add_argument("--rows", type=names, metavar="NAME[,NAME]", help="rows of the table")
    parser.add_argument("--epochs", type=positive, help="of heads by gradient descent (24)")
    _add_machine(parser)
    parser = experiments.add_parser(
        "bagnet", help="BagNet-Scattering and its ablations; can be stopped and resumed"
    )
    parser.set_defaults(verb=partial(run, "bagnet"))
    parser.add_argument(
        "--dataset", metavar="digits|cifar10|FOLDER", help="pictures (default: digits)"
    )
    parser.add_argument("--rows", type=names, metavar="NAME[,NAME]", help="rows of the table")
    parser.add_argument("--epochs", type=positive, help="passes over the pictures")
    parser.add_argument("--batch", type=positive, help="pictures of a step; fewer need less memory")
    parser.add_argument("--side", type=positive, help="pixels of a folder's pictures (224)")
    parser.add_argument("--most", type=positive, help="pictures of each class of a folder")
    _add_machine(parser, workers=False)
    parser = experiments.add_parser(
        "encodings",
        help="scattering and a sparse code, soft threshold or phase collapse; can be resumed",
    )
    parser.set_defaults(verb=partial(run, "encodings"))
    parser.add_argument("--dataset", choices=["digits", "mnist"], default="digits", help="pictures")
    parser.add_argument("--rows", type=names, metavar="NAME[,NAME]", help="rows of the table")
    parser.add_argument("--train", type=positive, help="most pictures to train on")
    _add_machine(parser)
    parser = experiments.add_parser(
        "patch-dimension", help="how many dimensions the patches of pictures fill"
    )
    parser.set_defaults(verb=partial(run, "patch_dimension"))
    parser.add_argument(
        "--dataset", metavar="cifar10|digits|FOLDER", help="pictures (default: cifar10)"
    )
    parser.add_argument("--sizes", type=sizes, metavar="P[,P]", help="pixels of the patches")
    parser.add_argument("--most", type=positive, help="pictures (default: 2000)")
    parser.add_argument("--patches", type=positive, help="patches with neighbours (500)")
    parser.add_argument("--side", type=positive, help="pixels of a folder's pictures (128)")
    parser.add_argument("--seed", type=int, help="seed of all that is drawn")


def _add_machine(parser: argparse.ArgumentParser, workers: bool = True) -> None:
    """What every experiment has."""
    parser.add_argument("--seed", type=whole, help="seed of all that is drawn")
    parser.add_argument("--device", help="torch device: cpu, cuda")
    if workers:
        parser.add_argument(
            "--workers", type=positive, help="local processes (default: one a core)"
        )


def _experiment(experiments: argparse._SubParsersAction, name: str, **told: Any) -> Any:
    """The parser of one experiment, with what all of them have."""
    parser = experiments.add_parser(name, **told)
    parser.set_defaults(verb=partial(run, name.replace("-", "_")))
    parser.add_argument("--rows", type=names, metavar="NAME[,NAME]", help="rows of the table")
    parser.add_argument("--terms", type=positive, help="most terms M of the sparse regression")
    parser.add_argument("--bags", type=positive, help="number of bags")
    parser.add_argument("--cluster", metavar="ADDRESS", help="dask scheduler to work on")
    _add_machine(parser)
    return parser
