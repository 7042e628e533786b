"""Plots in JupyterLab with the network cable pulled out.

HoloViews and Panel fetch their scripts from the web unless told otherwise. Told so once, Panel puts
them into the notebook's page, and every HoloViews object is drawn through a Panel pane.
"""

from __future__ import annotations

import os
import warnings
from typing import Any


def set_up() -> None:
    """Load Panel's scripts inline and draw HoloViews objects and layouts through Panel.

    Outside IPython it only prepares Panel, so that scripts made from notebooks run.
    """
    # pooch asks tqdm for a bar of ipywidgets; the plain one is what we want.
    warnings.filterwarnings("ignore", message="IProgress not found")
    os.environ["PANEL_INLINE"] = "true"  # Panel has no other switch for it
    import holoviews as hv
    import holoviews.plotting.bokeh
    import panel as pn
    from IPython import get_ipython

    pn.extension()
    hv.Store.set_current_backend("bokeh")
    shell = get_ipython()
    if shell is not None:
        bundles = shell.display_formatter.mimebundle_formatter
        bundles.for_type(hv.core.Dimensioned, _drawn_by_panel)


def _drawn_by_panel(plot: Any, include: Any = None, exclude: Any = None) -> Any:
    import panel as pn

    return pn.pane.HoloViews(plot)._repr_mimebundle_(include, exclude)
