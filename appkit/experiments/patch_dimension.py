"""How many dimensions the patches of pictures fill, against their size.

Directions that hold 95% of the variance, and the dimension that nearest neighbours see, before and
after whitening. Source: Thiry, Arbel, Belilovsky, Oyallon, ICLR 2021, arXiv:2101.07528, section
4.2; figures of github.com/louity/patches.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appkit.experiments import layout, provenance, published
from appkit.experiments.compute import Progress
from appkit.experiments.files import RECORDS, make_folder, results_folder, write_json
from appkit.experiments.picture_sets import cifar10, digits
from appkit.experiments.result import RecordError
from appkit.experiments.score_tables import TITLES
from appkit.experiments.scores import teller
from appkit.images.dimension import PatchDimensions
from appkit.images.reading import read_picture, square

EXPERIMENT = "patch-dimension"
PROTOCOL = (
    "Covariance of all patches of {n:,} pictures; covariance dimension: directions with 95 % of "
    "the variance. Nearest neighbours: the maximum likelihood of Levina and Bickel from the {k:,} "
    "nearest among all patches, averaged over {patches:,} random ones; whitened patches have norm "
    "1. Whitening with λ = {regularisation:g}."
)
REGULARISATION = 1e-4
#: Sizes P where none are asked for.
SIZES = {"cifar10": (2, 4, 6, 10, 14, 20), "digits": (2, 3, 4, 5), "": (2, 4, 6, 8, 10)}
_FOLDER = "dimensions"
FORMAT = 1


@dataclass(frozen=True)
class Dimensions:
    """The record of one data set.

    Attributes
    ----------
    dataset, checksum : which pictures, and sha256 of those that were read.
    protocol, parameters : what was done, and all that it depends on.
    sizes : for each P a mapping size, extrinsic, covariance, whitened_covariance, neighbours,
        whitened_neighbours, and spectrum, the variances before whitening, descending.
    note : what a reader must know of the pictures.
    """

    dataset: str
    checksum: str
    protocol: str
    parameters: dict[str, Any]
    sizes: list[dict[str, Any]]
    note: str = ""
    experiment: str = EXPERIMENT
    machine: dict[str, Any] = field(default_factory=provenance.machine)
    versions: dict[str, str] = field(default_factory=provenance.versions)
    commit: str | None = field(default_factory=provenance.commit)
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    format: int = FORMAT

    @property
    def filename(self) -> str:
        """The record's file; a repetition of the same run replaces it."""
        what = json.dumps([self.dataset, self.checksum, self.parameters], sort_keys=True)
        return f"{EXPERIMENT}.{hashlib.sha256(what.encode()).hexdigest()[:8]}.json"


def run(
    dataset: str = "cifar10",
    *,
    sizes: Sequence[int] | None = None,
    most: int = 2000,
    patches: int = 500,
    side: int = 128,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    folder: Path | None = None,
) -> Dimensions:
    """Measure the dimensions at each size, write the record, and return it.

    Parameters
    ----------
    dataset
        "cifar10", "digits", or a folder of photographs, in any folders below it.
    sizes
        P in pixels; None is the data set's own.
    most
        Pictures, drawn at random.
    patches
        Random patches whose neighbours are measured.
    side
        Of a folder: pixels along a side that its pictures are cut and scaled to.
    seed
        Of all that is drawn.
    progress, cancel
        Called after each size; looked at between them.
    folder
        Where the record goes, by default `appkit.experiments.files.results_folder`.

    Raises
    ------
    ValueError
        An unknown data set, a folder without pictures, patches larger than them, too few patches.
    Cancelled
        ``cancel`` was set.
    """
    name, pictures, note = _read(dataset, most, side, seed)
    wanted = SIZES.get(dataset, SIZES[""]) if sizes is None else tuple(sizes)
    k = max(20, len(pictures) // 25)
    parameters = {
        "pictures": len(pictures),
        "patches": patches,
        "k": k,
        "regularisation": REGULARISATION,
        "seed": seed,
        "sizes": list(wanted),
    }
    tell = teller("patch dimension: sizes", progress, cancel)
    rows: list[dict[str, Any]] = []
    for size in wanted:
        tell(len(rows), len(wanted))
        found = PatchDimensions.of(
            pictures,
            size,
            regularisation=REGULARISATION,
            n_patches=patches,
            k=k,
            unit=True,
            among="all",
            seed=seed,
        )
        rows.append(_row(size, found))
    tell(len(rows), len(wanted))
    checksum = hashlib.sha256(np.ascontiguousarray(pictures).tobytes()).hexdigest()
    protocol = PROTOCOL.format(n=len(pictures), **parameters)
    record = Dimensions(name, checksum, protocol, parameters, rows, note)
    path = make_folder((folder or results_folder()) / _FOLDER, RECORDS) / record.filename
    write_json(path, asdict(record))
    return record


def report(record: Dimensions) -> str:
    """The table for a terminal, beside the published figures."""
    return "\n".join([_title(record), *layout.columns(table(record)), *_legend(record)])


def markdown(record: Dimensions) -> str:
    """The same as Markdown."""
    head, *lines = table(record)
    text = [f"**{_title(record)}**", "", layout.line(head)]
    text += [layout.line(["---"] + ["---:"] * (len(head) - 1))]
    return "\n".join([*text, *map(layout.line, lines), "", *_legend(record)])


def table(record: Dimensions) -> list[tuple[str, ...]]:
    """The cells, head first: a column for each size."""
    told = {
        "numbers of a patch": "extrinsic",
        "covariance": "covariance",
        "covariance, whitened": "whitened_covariance",
        "nearest neighbours": "neighbours",
        "nearest neighbours, whitened": "whitened_neighbours",
    }
    sizes = [row["size"] for row in record.sizes]
    lines = [("dimensions, patches P × P", *map(str, sizes))]
    for label, key in told.items():
        lines.append((label, *(f"{row[key]:.4g}" for row in record.sizes)))
    theirs = published.PATCH_DIMENSIONS.get(record.dataset, {})
    for number, label in enumerate(list(told)[-2:] if theirs else []):
        cells = [f"{theirs[P][number]:g}" if P in theirs else layout.NONE for P in sizes]
        lines.append((f"{label} [authors' code]", *cells))
    return lines


def newest(folder: Path) -> list[Dimensions]:
    """The newest record of each data set below a folder of results, by name.

    Raises
    ------
    RecordError
        One cannot be read.
    """
    found: dict[str, Dimensions] = {}
    for path in sorted((folder / _FOLDER).glob(f"{EXPERIMENT}.*.json")):
        record = _load(path)
        if record.dataset not in found or found[record.dataset].date < record.date:
            found[record.dataset] = record
    return [found[name] for name in sorted(found)]


def _load(path: Path) -> Dimensions:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"it is not of format {FORMAT}")
        return Dimensions(**content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(
            f"the record {path} cannot be read ({error}); delete it, or run its experiment again"
        ) from error


def _row(size: int, found: PatchDimensions) -> dict[str, Any]:
    return {
        "size": size,
        "extrinsic": found.extrinsic,
        "covariance": found.covariance,
        "whitened_covariance": found.whitened_covariance,
        "neighbours": round(found.neighbours, 2),
        "whitened_neighbours": round(found.whitened_neighbours, 2),
        "spectrum": [float(f"{value:.4g}") for value in found.spectrum],
    }


def _read(dataset: str, most: int, side: int, seed: int) -> tuple[str, NDArray[Any], str]:
    """Name, pictures and a note."""
    draw = np.random.default_rng(seed)
    if dataset in ("cifar10", "digits"):
        pictures = {"cifar10": cifar10, "digits": digits}[dataset]().train[0]
        return dataset, pictures[np.sort(draw.permutation(len(pictures))[:most])], ""
    root = Path(dataset)
    if not root.is_dir():
        raise ValueError(f"There is no data set {dataset!r}: it is cifar10, digits, or a folder.")
    files = sorted(f for f in root.rglob("*") if f.is_file() and f.name[0] != ".")
    chosen = [files[i] for i in np.sort(draw.permutation(len(files))[:most])]
    found, skipped = [], []
    for file in chosen:
        try:
            found.append(square(read_picture(file), side))
        except ValueError:
            skipped.append(file.name)
    if not found:
        raise ValueError(f"{root} has no pictures that can be read, of {len(files)} files.")
    note = f"{len(skipped)} files were skipped, such as {skipped[0]}." if skipped else ""
    return root.resolve().name, np.stack(found), note


def _title(record: Dimensions) -> str:
    return f"{TITLES.get(record.dataset, record.dataset)}, {record.date[:10]}"


def _legend(record: Dimensions) -> list[str]:
    told = [" ".join(filter(None, [record.protocol, record.note]))]
    if record.dataset in published.PATCH_DIMENSIONS:
        told.append(
            "Authors' code: github.com/louity/patches, the 2,000 nearest of 1,000 patches among "
            "those of all 50,000 pictures."
        )
    return told
