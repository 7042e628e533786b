"""Each notebook is committed without outputs, runs from top to bottom, and shows its figures."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SECONDS = 90  # for one notebook on two idle cores; the test allows twice that on a busy machine


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_is_one_for_each_section():
    assert [path.name[:2] for path in NOTEBOOKS] == [
        f"{k:02d}" for k in range(1, len(NOTEBOOKS) + 1)
    ]
    assert len(NOTEBOOKS) >= 5


def test_it_is_committed_without_outputs(notebook):
    for cell in code_cells(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_it_starts_with_the_house(notebook):
    title, first = notebook.cells[:2]
    assert title.source.startswith("# ")
    assert first.source.startswith("import appkit\n\nappkit.notebook()")


def test_it_names_no_address_and_no_path_of_a_machine(notebook):
    text = "\n".join(cell.source for cell in notebook.cells)
    assert not re.search(r"https?://|/home/|/root/|/tmp/|C:\\", text)


@pytest.mark.timeout(2 * SECONDS)
def test_it_runs(notebook, tmp_path):
    client = NotebookClient(
        notebook, timeout=2 * SECONDS, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    figures = [o for o in outputs if "application/vnd.holoviews_exec.v0+json" in o.get("data", {})]
    assert len(figures) >= 4
    complaints = [o.text for o in outputs if o.get("name") == "stderr"]
    assert complaints == []
