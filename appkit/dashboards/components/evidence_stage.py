"""A picture under what its patches say: looked at patch by patch, masked with mouse or finger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from panel.custom import JSComponent

from appkit.figures import theme
from appkit.figures.picture import picture_png
from appkit.images.fields import Fields


class EvidenceStage(JSComponent):
    """Draws by itself, and tells where a person looks, what is masked, and which class is chosen.

    Messages of an older picture are not listened to.

    Attributes
    ----------
    on_look : called with a position (row, column) of the evidence.
    on_mask : called with a mask (H, W) of pixels, True where hidden.
    on_front : called with the number of the class whose evidence lies over the picture.
    """

    _esm = Path(__file__).with_name("evidence_stage.js")

    on_look: Callable[[int, int], None]
    on_mask: Callable[[NDArray[np.bool_]], None]
    on_front: Callable[[int], None]

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.on_look = lambda row, column: None
        self.on_mask = lambda mask: None
        self.on_front = lambda index: None
        self._number = 0
        self._shown: dict[str, Any] | None = None

    def lay(
        self,
        pixels: NDArray[Any],
        evidence: NDArray[np.floating],
        scores: Sequence[float] | NDArray[np.floating],
        names: Sequence[str],
        fields: Fields,
        front: int,
        keep: bool = False,
    ) -> None:
        """Another picture, or another reading of it.

        Parameters
        ----------
        pixels : as in `appkit.figures.picture.picture_png`.
        evidence : (classes, rows, columns).
        scores : of the classes, with what no position says.
        names : of the classes.
        fields : which pixels each position sees.
        front : the class whose evidence lies over the picture.
        keep : the mask stays where it is.
        """
        self._number += 1
        classes, rows, columns = evidence.shape
        height, width = pixels.shape[:2]
        there = np.abs(evidence[evidence != 0])
        self._shown = {
            "kind": "picture",
            "number": self._number,
            "picture": picture_png(pixels),
            "width": width,
            "height": height,
            "rows": rows,
            "columns": columns,
            "maps": [
                [float(f"{v:.3g}") for v in values] for values in evidence.reshape(classes, -1)
            ],
            "top": float(np.percentile(there, 99)) if there.size else 1.0,
            "scores": [float(score) for score in scores],
            "names": list(names),
            "boxes": {
                "offset": list(fields.start),
                "stride": fields.stride,
                "side": fields.size,
            },
            "colours": list(theme.diverging()),
            "front": front,
            "keep": keep,
        }
        self._send_msg(self._shown)

    def choose(self, front: int) -> None:
        """Bring a class to the front."""
        if self._shown is not None and self._shown["front"] != front:
            self._shown["front"] = front
            self._send_msg({"kind": "front", "index": front})

    def _handle_msg(self, data: Any) -> None:
        if not isinstance(data, dict) or self._shown is None:
            return
        kind, shown = data.get("kind"), self._shown
        if kind == "hello":
            self._send_msg(shown | {"keep": False})
        if data.get("number") != self._number:
            return
        if kind == "at":
            if _within(data.get("row"), shown["rows"]) and _within(
                data.get("column"), shown["columns"]
            ):
                self.on_look(data["row"], data["column"])
        elif kind == "front" and _within(data.get("index"), len(shown["names"])):
            shown["front"] = data["index"]
            self.on_front(data["index"])
        elif kind == "mask" and isinstance(data.get("pixels"), list):
            mask = np.zeros(shown["height"] * shown["width"], bool)
            mask[[pixel for pixel in data["pixels"] if _within(pixel, mask.size)]] = True
            self.on_mask(mask.reshape(shown["height"], shown["width"]))


def _within(number: Any, n: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < n
