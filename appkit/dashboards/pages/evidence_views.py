"""What the evidence page says in words, small pictures and bars: markup of the house's own."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from appkit.dashboards.components import signed
from appkit.dashboards.evidence_models import SUBJECTS, Reader
from appkit.dashboards.evidence_scene import Near, Pixels, Seen, Values
from appkit.figures.picture import picture_png
from appkit.images.dimension import PatchDimensions

STYLE = """
:host { font-family: var(--mui-font-family, Roboto, sans-serif); }
.patches { display: grid; grid-template-columns: repeat(auto-fill, minmax(86px, 1fr)); gap: 10px;
  margin-top: 6px; }
.patches figure { margin: 0; min-width: 0; }
.patches img { display: block; width: 100%; aspect-ratio: 1; image-rendering: pixelated;
  border-radius: 5px; object-fit: contain; }
figcaption { font-size: .8rem; line-height: 1.35; margin-top: 3px; overflow-wrap: anywhere;
  color: var(--mui-palette-text-secondary); font-variant-numeric: tabular-nums; }
sup { line-height: 0; font-size: .75em; }
figcaption b { color: var(--mui-palette-text-primary); font-weight: 600; }
.for { color: var(--mui-palette-primary-main); }
.against { color: var(--mui-palette-secondary-main); }
.looked { display: flex; gap: 12px; align-items: center; }
.looked img { width: 86px; height: 86px; image-rendering: pixelated; border-radius: 5px; }
p { margin: 0; font-size: .92rem; line-height: 1.5; color: var(--mui-palette-text-secondary); }
table { border-collapse: collapse; width: 100%; font-size: .86rem;
  font-variant-numeric: tabular-nums; color: var(--mui-palette-text-primary); }
th { font-weight: 600; text-align: left; padding: 3px 6px; vertical-align: bottom;
  color: var(--mui-palette-text-secondary); }
td { padding: 2px 6px; white-space: nowrap; }
td.bar { width: 30%; }
td.bar div { position: relative; height: 15px; }
td.bar i { position: absolute; top: 2px; height: 11px; border-radius: 2px;
  background: var(--mui-palette-primary-main); opacity: .85; }
td.bar i.less { background: var(--mui-palette-secondary-main); }
td.bar u { position: absolute; top: 0; bottom: 0; width: 1px;
  background: var(--mui-palette-divider); }
tr.best td:first-child { font-weight: 700; }
@media (max-width: 599px) { td.bar { display: none; } th.bar { display: none; } }
"""


def about(reader: Reader) -> str:
    """How the model in front was made and how well it reads."""
    n = len(reader.predicted)
    spread = np.sqrt(reader.error * (100 - reader.error) / n)
    return (
        f"<p>Trained on {reader.n_train:,} pictures in {max(reader.seconds, 0.1):.1f} s; it misses "
        f"<b>{reader.error:.1f} ± {spread:.1f} %</b> of {n:,} others.</p>"
    )


def decision(seen: Seen, names: Sequence[str]) -> str:
    """What the model says of the picture, and what it is."""
    words = f"The model says <b>{html.escape(names[seen.best])}</b>"
    if seen.truth is None:
        return f"<p>{words}.</p>"
    truth = html.escape(names[seen.truth])
    right = seen.truth == seen.best
    return f"<p>{words}, and it is one.</p>" if right else f"<p>{words}; it is <b>{truth}</b>.</p>"


def scores(
    seen: Seen, names: Sequence[str], masked: tuple[Values, Values] | None, share: float
) -> str:
    """A row for each class: its score, and what is left of it under a mask."""
    columns = [("All patches", seen.scores)]
    if masked is not None:
        columns += [("Without masked patches", masked[0]), ("Masked pixels grey", masked[1])]
    whole = np.concatenate([values for _, values in columns])
    low, high = min(0.0, float(whole.min())), max(0.0, float(whole.max()))
    head = "".join(f"<th colspan='2'>{title}</th>" for title, _ in columns)
    lines = []
    for k, name in enumerate(names):
        cells = "".join(
            _cell(float(values[k]), low, high, k == int(values.argmax())) for _, values in columns
        )
        mark = " class='best'" if k == seen.best else ""
        lines.append(f"<tr{mark}><td>{html.escape(name)}</td>{cells}</tr>")
    said = ""
    if masked is not None:
        told = [html.escape(names[int(values.argmax())]) for values in masked]
        said = (
            f"<p>{100 * share:.0f} % of the picture is masked. What the other patches said adds up "
            f"to <b>{told[0]}</b>; reading the picture again, grey where masked, gives "
            f"<b>{told[1]}</b>.</p>"
        )
    return f"{said}<table><tr><th></th>{head}</tr>{''.join(lines)}</table>"


def _cell(value: float, low: float, high: float, best: bool) -> str:
    span = max(high - low, 1e-12)
    zero, end = 100 * (0 - low) / span, 100 * (value - low) / span
    left, width = min(zero, end), abs(end - zero)
    less = " class='less'" if value < 0 else ""
    number = signed(f"{value:+.2f}")
    return (
        f"<td>{f'<b>{number}</b>' if best else number}</td><td class='bar'><div>"
        f"<u style='left:{zero:.1f}%'></u><i{less} style='left:{left:.1f}%;width:{width:.1f}%'></i>"
        "</div></td>"
    )


def looked(seen: Seen, row: int, column: int, names: Sequence[str], front: int) -> str:
    """The patch under the pointer and what it says, class by class."""
    said = seen.evidence[:, row, column]
    order = np.argsort(-said)
    strongest = [(int(k), "for") for k in order[:2]] + [(int(order[-1]), "against")]
    told = ", ".join(
        f"<span class='{kind}'>{html.escape(names[k])} {_small(said[k])}</span>"
        for k, kind in strongest
    )
    pixels = seen.pixels[seen.fields.box(row, column).slices]
    return (
        f"<div class='looked'>{_image(pixels, 'the patch')}<p>Of this patch's "
        f"evidence <b>{_small(said[front])}</b> is for {html.escape(names[front])}. Most: {told}."
        "</p></div>"
    )


def neighbours(found: Sequence[Near], names: Sequence[str]) -> str:
    """The nearest patches of the dictionary, from what they were cut, and their votes."""
    figures = [
        f"<figure>{_image(each.pixels, 'a patch of the dictionary')}<figcaption><b>from "
        f"{html.escape(names[each.label])}</b><br>distance {each.distance:.2g}<br>"
        f"{_vote(each.vote)}</figcaption></figure>"
        for each in found
    ]
    return f"<div class='patches'>{''.join(figures)}</div>" if figures else ""


def convincing(patches: Sequence[tuple[Pixels, float, int]], names: Sequence[str]) -> str:
    """Patches of the shown pictures: pixels, evidence, and of what picture."""
    figures = [
        f"<figure>{_image(pixels, 'a patch')}<figcaption><b class='for'>{_small(evidence)}</b><br>"
        f"in: {html.escape(names[label])}</figcaption></figure>"
        for pixels, evidence, label in patches
    ]
    return f"<div class='patches'>{''.join(figures)}</div>"


def counted(found: PatchDimensions, size: int, dataset: str) -> str:
    """The dimensions, beside the numbers of a patch."""
    title = html.escape(SUBJECTS[dataset].title)
    most = max(found.neighbours, found.whitened_neighbours)
    beyond = " More than there are numbers: so small a cloud tells no better." * (
        most > found.extrinsic
    )
    return (
        f"<p>{title}: patches of {size} × {size} pixels have <b>{found.extrinsic}</b> numbers. "
        f"95 % of their variance lie in <b>{found.covariance}</b> directions, whitened in "
        f"<b>{found.whitened_covariance}</b>; by their neighbours they fill "
        f"<b>{found.neighbours:.1f}</b> dimensions, whitened "
        f"<b>{found.whitened_neighbours:.1f}</b>.{beyond}</p>"
    )


def _vote(vote: float) -> str:
    """Nothing is said by a patch that is near everywhere: its code is the same in all pictures."""
    if abs(vote) < 1e-7:
        return "says nothing"
    return f"<span class='{'for' if vote > 0 else 'against'}'>{_small(vote)}</span>"


def _image(pixels: Pixels, words: str) -> str:
    return f"<img src='{picture_png(pixels)}' alt='{words}'>"


def _small(value: float) -> str:
    """Two digits, with its sign: +0.012; of small ones with a power of ten."""
    if value and abs(value) < 1e-3:
        number, power = f"{value:+.1e}".split("e")
        return f"{signed(number)}·10<sup>{signed(str(int(power)))}</sup>"
    return signed(f"{value:+.2g}")
