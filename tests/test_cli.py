"""The command line: every verb reaches its room with the right arguments, errors are one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

import appkit
from appkit import cli
from appkit.data import ChecksumError, MissingFileError


def run(*arguments: str) -> int:
    return cli.main(arguments)


def test_version(capsys):
    with pytest.raises(SystemExit) as stopped:
        run("--version")
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"appkit {appkit.__version__}\n"


def test_help_imports_nothing_heavy():
    """`appkit --help` answers at once: no library that takes seconds to import."""
    script = (
        "import sys; from appkit import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'panel', 'numpy', 'ase', 'scipy', 'holoviews', 'rdkit'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for verb in ("serve", "lab", "data", "run"):
        assert verb in done.stdout


def test_the_installed_command_answers():
    done = subprocess.run(
        [Path(sys.executable).with_name("appkit"), "data", "where", "no_such_set"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("appkit: there is no data set called 'no_such_set'; known:")
    assert done.stderr.count("\n") == 1


@pytest.fixture
def served(monkeypatch):
    """What ``appkit serve`` hands to the dashboard."""
    from appkit.dashboards import app

    options: dict = {}
    monkeypatch.setattr(app, "serve", lambda **given: options.update(given))
    monkeypatch.delenv("APPKIT_BASIC_AUTH", raising=False)
    return options


def test_serve_defaults_to_this_machine_only(served):
    assert run("serve") == 0
    assert served == {
        "port": 5006,
        "address": "localhost",
        "show": True,
        "origins": [],
        "num_procs": 1,
    }


def test_serve_hands_on_its_options(served):
    options = "--port 0 --address 0.0.0.0 --no-show --num-procs 2 --origin a.org --origin b.org:80"
    assert run("serve", *options.split()) == 0
    assert served["port"] == 0
    assert served["address"] == "0.0.0.0"
    assert not served["show"]
    assert served["num_procs"] == 2
    assert served["origins"] == ["a.org", "b.org:80"]


def test_a_password_comes_with_a_cookie_secret_of_its_own(served, monkeypatch):
    monkeypatch.delenv("APPKIT_COOKIE_SECRET", raising=False)
    run("serve", "--basic-auth", "open sesame")
    first = served["cookie_secret"]
    assert served["basic_auth"] == "open sesame"
    assert len(first) >= 32
    run("serve", "--basic-auth", "open sesame")
    assert served["cookie_secret"] != first
    monkeypatch.setenv("APPKIT_COOKIE_SECRET", "shared by two servers")
    run("serve", "--basic-auth", "open sesame")
    assert served["cookie_secret"] == "shared by two servers"


def test_the_password_may_come_from_the_environment(served, monkeypatch):
    """So that it does not stand in the list of processes."""
    monkeypatch.setenv("APPKIT_BASIC_AUTH", "secret")
    run("serve")
    assert served["basic_auth"] == "secret"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("serve --port 70000", "'70000' is no port; ports are 0 to 65535"),
        ("serve --port http", "'http' is no port"),
        ("serve --origin *", "'*' would let any site use the server"),
        ("serve --num-procs 0", "'0' is no whole number above zero"),
        ("run planar-energy --dataset qm8", "invalid choice: 'qm8'"),
        ("run planar-energy --J 2.5", "'2.5' is no whole number above zero"),
        ("run planar-energy --step 0", "'0' is no length in angstrom above zero"),
        ("run planar-energy --step nan", "'nan' is no length in angstrom above zero"),
        ("run planar-energy --step wide", "'wide' is no length"),
        ("run planar-energy --channels dirac,,core", "has an empty name"),
        ("data", "the following arguments are required: ACTION"),
        ("", "the following arguments are required: VERB"),
    ],
)
def test_bad_arguments_are_named(capsys, arguments, message):
    with pytest.raises(SystemExit) as stopped:
        run(*arguments.split())
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_what_the_machine_cannot_do_is_one_line_too(capsys, monkeypatch):
    from appkit.experiments import planar_energy

    for error, message in (
        (MemoryError(), "appkit: MemoryError: not enough memory"),
        (
            RuntimeError("CUDA out of memory.\nTried 3 GB"),
            "appkit: RuntimeError: CUDA out of memory.",
        ),
    ):
        monkeypatch.setattr(planar_energy, "run", Mock(side_effect=error))
        assert run("run", "planar-energy") == 1
        assert capsys.readouterr().err == f"{message} (--traceback says where)\n"
    with pytest.raises(RuntimeError):
        run("--traceback", "run", "planar-energy")


@pytest.fixture
def experiment(monkeypatch):
    """What ``appkit run planar-energy`` hands to the experiment."""
    from appkit.experiments import planar_energy

    given: dict = {}

    def compute(**options):
        given.update(options)
        for done in range(4):
            options["progress"]("features", done, 3)
        options["progress"]("folds", 5, 5)
        return "the result"

    monkeypatch.setattr(planar_energy, "run", compute)
    monkeypatch.setattr(planar_energy, "report", lambda result: f"the table of {result}")
    return given


def test_run_leaves_what_is_not_given_to_the_preset(experiment, capsys):
    assert run("run", "planar-energy") == 0
    experiment.pop("progress")
    assert experiment == {"dataset": "embedded"}
    shown = capsys.readouterr()
    assert shown.out == "the table of the result\n"
    assert "features: 100%" in shown.err
    assert "folds: 100%" in shown.err


def test_run_hands_on_every_option(experiment):
    options = (
        "--dataset qm7_2d --preset paper --channels dirac,core --J 5 --L 8 --step 0.2 --terms 100 "
        "--bags 3 --seed 7 --device cuda --cluster tcp://host:1 --rows fourier --workers 2"
    )
    assert run("run", "planar-energy", *options.split()) == 0
    experiment.pop("progress")
    assert experiment == {
        "dataset": "qm7_2d",
        "preset": "paper",
        "channels": ("dirac", "core"),
        "J": 5,
        "L": 8,
        "step": 0.2,
        "terms": 100,
        "bags": 3,
        "seed": 7,
        "device": "cuda",
        "cluster": "tcp://host:1",
        "rows": ("fourier",),
        "workers": 2,
    }


def test_the_experiment_knows_every_option():
    """The names that the command line hands on are parameters of the experiment."""
    import inspect

    from appkit.experiments import planar_energy

    options = vars(cli._parser().parse_args(["run", "planar-energy"])).keys()
    known = inspect.signature(planar_energy.run).parameters.keys()
    assert options - {"verb", "traceback"} <= known


def fails_with(error: BaseException):
    def verb(**_):
        raise error

    return verb


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ValueError("J = 20 is too large"), 2, "appkit: J = 20 is too large\n"),
        (MissingFileError("a file is missing"), 2, "appkit: a file is missing\n"),
        (PermissionError(13, "Permission denied"), 2, "appkit: [Errno 13] Permission denied\n"),
        (
            KeyboardInterrupt(),
            130,
            "appkit: stopped; what was finished is kept, the same command goes on from there\n",
        ),
    ],
)
def test_errors_are_one_line(monkeypatch, capsys, error, status, said):
    monkeypatch.setattr(cli, "data_list", fails_with(error))
    assert run("data", "list") == status
    assert capsys.readouterr().err == said


def test_a_traceback_for_who_asks(monkeypatch):
    monkeypatch.setattr(cli, "data_list", fails_with(ValueError("why")))
    with pytest.raises(ValueError, match="why"):
        run("--traceback", "data", "list")


def test_a_mistake_of_ours_is_not_dressed_up_as_the_users(monkeypatch):
    monkeypatch.setattr(cli, "data_list", fails_with(TypeError("bug")))
    with pytest.raises(TypeError):
        run("data", "list")


def test_data_list_shows_every_set_and_where_it_stands(monkeypatch, capsys):
    from appkit import data

    def where(name: str):
        if name == "mnist":
            raise ChecksumError(Path("mnist.gz"), "a", "b")
        return {"file": Path("file") if name == "qm7_2d" else None}

    monkeypatch.setattr(data, "where", where)
    assert run("data", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(data.entries())
    here = {line.split()[0]: line.split()[3] for line in lines[1:]}
    assert here["qm7_2d"] == "yes"
    assert here["mnist"] == "corrupt"
    assert here["qm_2d"] == "no"
    assert "Apache-2.0" in lines[1]


def test_data_list_fits_the_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    run("data", "list")
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


def test_data_get_and_where(real_data, capsys):
    assert run("data", "get", "qm7_2d") == 0
    assert run("data", "where", "qm7_2d") == 0
    path = str(real_data / "qm2d" / "qm7_2d.mat")
    assert capsys.readouterr().out.splitlines() == [path, path]


def test_data_where_says_what_is_not_here(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("APPKIT_DATA", str(tmp_path))
    assert run("data", "where", "qm_2d") == 1
    assert capsys.readouterr().out == "not here: qm2d/qm_2d.mat\n"


def test_a_reader_that_goes_away_is_no_error():
    """`appkit data list | head -1` ends in silence."""
    command = f'"{sys.executable}" -m appkit.cli data list | head -n 1'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout.startswith("NAME")
    assert done.stderr == ""


@pytest.fixture
def launched(monkeypatch):
    """The command and environment of the JupyterLab that ``appkit lab`` would start."""
    seen: dict = {}

    def start(command, env, check):
        seen.update(command=command, env=env)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(subprocess, "run", start)
    return seen


def test_lab_opens_a_folder_and_works_offline(launched, tmp_path):
    assert run("lab", "--folder", str(tmp_path), "--", "--no-browser") == 3
    command = launched["command"]
    assert command[1:4] == ["-m", "jupyterlab", f"--notebook-dir={tmp_path}"]
    assert command[-1] == "--no-browser"
    assert "--LabApp.news_url=None" in command
    assert launched["env"]["PANEL_INLINE"] == "true"
    assert launched["env"]["PATH"] == os.environ["PATH"]


def test_lab_of_a_wheel_copies_the_notebooks_once(monkeypatch, tmp_path):
    """Installed notebooks are nobody's to edit: a person gets a copy, and keeps changes to it."""
    shipped = tmp_path / "site-packages" / "appkit"
    (shipped / "notebooks").mkdir(parents=True)
    (shipped / "notebooks" / "01.ipynb").write_text("shipped")
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.chdir(own)
    monkeypatch.setattr(cli, "__file__", str(shipped / "cli.py"))
    folder = cli._notebooks()
    assert (folder / "01.ipynb").read_text() == "shipped"
    (folder / "01.ipynb").write_text("mine")
    assert (cli._notebooks() / "01.ipynb").read_text() == "mine"
    assert folder.parent == own
