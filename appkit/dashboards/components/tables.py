"""Tables of figures; cells are text, so names in them cannot run."""

from __future__ import annotations

from typing import Any

import pandas as pd
import panel as pn

_CELLS = """
.tabulator .tabulator-header .tabulator-col .tabulator-col-content { padding: 8px 7px; }
.tabulator .tabulator-row .tabulator-cell { padding: 6px 7px; height: auto; }
.pnx-tabulator.tabulator .tabulator-tableholder .tabulator-table .tabulator-row:hover,
.pnx-tabulator.tabulator .tabulator-tableholder .tabulator-table
  .tabulator-row.tabulator-selectable:hover {
  background: var(--mui-palette-action-hover); color: inherit; }
"""


def frame_table(**options: Any) -> pn.widgets.Tabulator:
    """An empty read-only table that fills its card; assign ``value`` to fill it."""
    options.setdefault("stylesheets", [_CELLS])
    return pn.widgets.Tabulator(
        pd.DataFrame(),
        show_index=False,
        disabled=True,
        selectable=False,
        layout="fit_data_stretch",
        sizing_mode="stretch_width",
        margin=0,
        header_align="left",
        configuration={"columnDefaults": {"headerSort": False}},
        **options,
    )
