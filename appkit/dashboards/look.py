"""The figures' palette as a Material theme, so page and plots are one thing."""

from __future__ import annotations

import base64
from importlib.resources import files
from typing import Any

from appkit.figures.theme import DARK, LIGHT


def _palette(colours: dict[str, str], dark: bool) -> dict[str, Any]:
    return {
        "palette": {
            "mode": "dark" if dark else "light",
            "primary": {"main": colours["accent"]},
            "secondary": {"main": colours["warm"]},
            "background": {"default": colours["ground"], "paper": colours["card"]},
            "text": {"primary": colours["ink"], "secondary": colours["muted"]},
            "divider": colours["line"],
        },
        "chart_style": "standard",
        "shape": {"borderRadius": 8},
        "components": {
            "MuiTab": {"styleOverrides": {"root": {"textTransform": "none", "minHeight": 42}}},
            "MuiToggleButton": {"styleOverrides": {"root": {"textTransform": "none"}}},
        },
    }


THEME = {"light": _palette(LIGHT, False), "dark": _palette(DARK, True)}

#: A quiet bar of the page's own surface; the ground behind the cards is a shade apart.
PAGE_SX = {
    "& .header": {
        "backgroundColor": "background.paper",
        "color": "text.primary",
        "backgroundImage": "none",
        "boxShadow": "none",
        "borderBottom": "1px solid",
        "borderColor": "divider",
    },
    "& .header .title": {
        "color": "text.primary",
        "fontSize": "1.15rem",
        "fontWeight": 600,
        "letterSpacing": "-0.01em",
    },
    "& .sidebar": {"backgroundColor": "background.paper", "backgroundImage": "none"},
    "& .main": {"backgroundColor": "background.default"},
}

LOGO = (
    "data:image/svg+xml,"
    "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 40 40'%3E"
    "%3Crect width='40' height='40' rx='9' fill='%230b7285'/%3E"
    "%3Cpath d='M4 20c3 0 3-3 5-3s2 8 4 8 2.5-17 5-17 3 24 5.500 24 2.500-17 5-17 2 8 4 8"
    " 1-3 3.500-3' fill='none' stroke='%23fff' stroke-width='2.600' stroke-linecap='round'/%3E"
    "%3C/svg%3E"
)

#: Scripts that each page loads after Bokeh's own; a data URI needs no route of its own.
SCRIPTS = {
    name: "data:text/javascript;base64,"
    + base64.b64encode(files("appkit.dashboards").joinpath(f"{name}.js").read_bytes()).decode()
    for name in ("theme_cookie", "history", "early_views", "select_keys", "narrow_menu")
}

#: Runs in the browser when a person toggles the theme: the next visit starts as this one ends.
KEEP_THEME = """
const theme = source.dark_theme ? "dark" : "light"
document.cookie = `appkit-theme=${theme}; path=/; max-age=31536000; SameSite=Lax`
"""
