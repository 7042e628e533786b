"""What the regression page's tables say."""

from __future__ import annotations

import html

import numpy as np
import pandas as pd

from appkit.dashboards.components import signed
from appkit.dashboards.explorer import Model
from appkit.dashboards.live_models import DICTIONARIES
from appkit.dashboards.studies import Study
from appkit.experiments import Result


def term_frame(model: Model) -> pd.DataFrame:
    """The selected φ in order, as text."""
    columns = {
        "weight": "weight",  # before the rest, which a narrow card cuts off
        "channel": "channel",
        "order": "order",
        "j": "j",
        "j2": "j′",
        "l": "l",
        "l2": "l′",
        "theta": "θ′ (°)",
        "radius": "radius",
        "q": "q",
    }
    frame = model.terms.copy()
    if "theta" in frame:
        degrees = np.rad2deg(frame["theta"].astype(float))
        frame["theta"] = [f"{value:.1f}" if pd.notna(value) else "" for value in degrees]
    for whole in ("order", "j", "j2", "l", "l2", "q"):
        if whole in frame:
            frame[whole] = [f"{value:g}" if pd.notna(value) else "" for value in frame[whole]]
    if "weight" in frame:
        frame["weight"] = [signed(f"{value:,.1f}") for value in frame["weight"]]
    if "j2" in frame:
        del columns["order"]  # j and j′ tell it, and the card is narrow
    kept = [c for c in columns if c in frame and (frame[c].notna() & (frame[c] != "")).any()]
    shown = frame[kept].rename(columns=columns)
    shown.insert(0, "m", np.arange(1, len(shown) + 1))
    return shown


def residual_frame(model: Model, order: np.ndarray) -> pd.DataFrame:
    """The molecules at the places `order` of the parity figure, as text."""
    parity = model.parity
    return pd.DataFrame(
        {
            "formula": [parity.formulas[i] for i in order],
            "true": [signed(f"{value:,.1f}") for value in parity.true[order]],
            "predicted": [signed(f"{value:,.1f}") for value in parity.predicted[order]],
            "residual": [signed(f"{value:+.1f}") for value in parity.residual[order]],
        }
    )


def nothing_yet(study: Study, here: bool, size: str) -> str:
    """How a study without a record gets one; ``here``: its molecules are on this machine.

    ``size`` is that of their download, in words.
    """
    command = f"<p>The table and its figures: <code>{study.command}</code></p>"
    if not study.planar:
        return command + ("" if here else f"<p>It downloads the molecules first ({size}).</p>")
    first = "" if here else "<b>Download</b> its molecules, then press"
    return (
        f"{command}<p>{first or 'Or press'} <b>Compute this model</b> to fit one dictionary here "
        "and now.</p>"
    )


def no_such_row(study: Study, row: str, result: Result) -> str:
    """How a record gets a row that it has not."""
    command = html.escape(study.command_with(row, result))
    or_here = " Or <b>Compute this model</b>." if row in DICTIONARIES and study.planar else ""
    return f"<p>The record has no such row: <code>{command}</code> adds it.{or_here}</p>"


def other_molecules(study: Study) -> str:
    """That the file on this machine is not that which a record was computed from."""
    return (
        f"The record of {study.title} is of other molecules than the file on this machine: none "
        f"of them can be drawn. `{study.command}` makes a record of these."
    )
