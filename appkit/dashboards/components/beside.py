"""Controls beside pictures."""

from __future__ import annotations

from typing import Any

import panel_material_ui as pmui

_COLUMNS = {
    "sm": "repeat(2, minmax(0, 1fr))",
    "md": "repeat(3, minmax(0, 1fr))",
    "lg": "minmax(0, 2fr) repeat(2, minmax(0, 3fr))",
}


def beside(controls: Any, first: Any, second: Any, rest: Any) -> pmui.Grid:
    """Controls on the left, two pictures and then the rest on the right.

    On a narrow page the pictures come first. On a phone all stand one under the other, and the
    second picture stays in sight while the controls under it are moved.
    """
    return pmui.Grid(
        *(pmui.Grid(part, size=12) for part in (controls, first, second, rest)),
        container=True,
        spacing=1.5,
        margin=0,
        sizing_mode="stretch_width",
        # The parts' own sx is not taken, so their places are told here.
        sx={
            "display": {"xs": "flex", "sm": "grid"},
            "gridTemplateColumns": _COLUMNS,
            "gridTemplateRows": {"md": "auto 1fr"},
            "& > :nth-of-type(1)": {
                "order": {"xs": 3, "md": 1},
                "gridColumn": {"sm": "1 / -1", "md": "auto"},
                "gridRow": {"md": "1 / span 2"},
            },
            "& > :nth-of-type(2)": {"order": {"xs": 1, "md": 2}},
            "& > :nth-of-type(3)": {
                "order": {"xs": 2, "md": 3},
                "@media (max-width: 599px) and (min-height: 720px)": {
                    "position": "sticky",
                    "top": 0,
                    "zIndex": 2,
                },
            },
            "& > :nth-of-type(4)": {
                "order": 4,
                "gridColumn": {"sm": "1 / -1", "md": "2 / -1"},
            },
        },
    )
