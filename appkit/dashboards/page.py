"""What a page is: one class with a title, an icon, its parameters and a ``view()``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

import panel as pn
import panel_material_ui as pmui
import param
from panel.util import parse_query

from appkit.dashboards.components import Message, heading
from appkit.dashboards.jobs import Jobs


class UrlString(param.String):
    """A string that an address gives back as it was.

    Panel reads a value that starts with a bracket, as the SMILES ``[H][H]`` does, as a list, and
    drops it where it is none. Such strings stand in quotation marks.
    """

    @classmethod
    def serialize(cls, value: str) -> str:
        """In quotation marks where Panel would not take it for a string."""
        return value if _is_plain(value) and value[:1] != '"' else json.dumps(value)

    @classmethod
    def deserialize(cls, value: Any) -> Any:
        """Without quotation marks."""
        quoted = isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"'
        try:
            return json.loads(value) if quoted else value
        except ValueError:
            return value


def _is_plain(value: str) -> bool:
    """Whether Panel takes it for a string."""
    return not value or parse_query("?" + urlencode({"v": value})) == {"v": value}


def typed_strings(page: AppPage, search: str) -> dict[str, str]:
    """The strings of an address that a person typed, where Panel took them for something else."""
    asked = dict(parse_qsl(search.lstrip("?")))
    return {
        name: asked[name]
        for name in page.url
        if isinstance(page.param[name], UrlString) and not _is_plain(asked.get(name, ""))
    }


class AppPage(pn.viewable.Viewer):
    """Base of all pages. The shell makes one for each session, at the first visit.

    A page sets the class attributes, declares its state as parameters (unit and bounds in the
    declaration) and returns its content from `view`. Parameters named in ``url`` are kept in the
    address, so that a link reproduces the view.
    """

    slug: ClassVar[str]
    title: ClassVar[str]
    icon: ClassVar[str]
    sentence: ClassVar[str]
    url: ClassVar[tuple[str, ...]] = ()

    dark = param.Boolean(default=False, precedence=-1, doc="Whether the page is shown dark.")

    def __init__(self, go: Callable[[str], None] = lambda slug: None, **params: Any) -> None:
        super().__init__(**params)
        self.go = go
        self.message = Message()
        self.jobs = Jobs(say=self.message.say)

    def heading(self) -> list[Any]:
        """What stands above the content."""
        return [heading(self.title, self.sentence)]

    def view(self) -> pn.viewable.Viewable:
        """The page's content under its heading."""
        raise TypeError(f"{type(self).__name__} must define view().")

    def shown(self) -> None:
        """Called each time the page comes to the front, after the URL was applied."""

    def close(self) -> None:
        """Called when the session has ended: let go of all that outlives a page."""
        self.jobs.close()

    def __panel__(self) -> pn.viewable.Viewable:
        return pmui.Column(
            *self.heading(),
            self.message,
            self.view(),
            sizing_mode="stretch_width",
            margin=0,
            sx={"padding": {"xs": "12px 12px 40px", "md": "20px 28px 56px"}, "gap": "12px"},
        )
