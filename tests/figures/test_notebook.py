"""``appkit.notebook()``: plots show in a notebook, and nothing is fetched from the web."""

from __future__ import annotations

import re
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

OUTSIDE = re.compile(r"""(?:src|href)=["'](?:https?:)?//""")


@pytest.fixture(scope="module")
def outputs() -> list[list]:
    """Outputs of each cell of a small notebook that was executed here."""
    cells = [
        "import appkit\nappkit.notebook()",
        "import holoviews as hv\nimport numpy as np\nhv.Curve([1, 4, 9], label='squares')",
        "hv.Curve([1, 2]) + hv.Image(np.eye(3))",
        "hv.HoloMap({k: hv.Curve([k, 2 * k]) for k in (1, 2)})",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(book, timeout=120, kernel_name="python3").execute()
    return [cell.outputs for cell in book.cells]


def html(outputs: list) -> str:
    parts = [output.get("data", {}) for output in outputs]
    return "".join(part.get("text/html", "") for part in parts)


@pytest.mark.parametrize("cell", [1, 2, 3], ids=["element", "layout", "map with a slider"])
def test_plots_are_drawn_by_panel(outputs, cell):
    shown = [output for output in outputs[cell] if output.output_type == "execute_result"]
    assert len(shown) == 1
    assert "application/vnd.holoviews_exec.v0+json" in shown[0].data
    assert "Bokeh" in html(outputs[cell])


def test_no_script_or_style_comes_from_elsewhere(outputs):
    """The scripts themselves are put into the page."""
    for cell in outputs:
        assert not OUTSIDE.search(html(cell))
    scripts = "".join(o.get("data", {}).get("application/javascript", "") for o in outputs[0])
    assert len(scripts + html(outputs[0])) > 500_000
    assert not re.search(r"""js_urls = \[["']http""", scripts)


def test_it_runs_outside_a_notebook():
    done = subprocess.run(
        [sys.executable, "-c", "import appkit; appkit.notebook()"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
