"""A button for a file, which says why the browser refused one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel_material_ui as pmui


class CheckedFileInput(pmui.FileInput):
    """Tells when the browser refused a file, which the widget itself takes for an error of ours.

    Not a private name: Bokeh sends no definition of a class whose name starts with "_".
    """

    on_refused: Callable[[str], None]

    def _handle_msg(self, msg: Any) -> None:
        if msg.get("status") == "error":
            self.on_refused(f"{msg.get('error', 'The file was refused')}.")
        else:
            super()._handle_msg(msg)
