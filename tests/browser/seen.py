"""What a person sees of a page, as numbers: the pixels of figures, the rows of tables."""

_FIND = """([kind, place]) => {
    const figures = Array.from(Bokeh.documents[0]?.all_models ?? [])
        .filter(m => m.type == "Figure" && m.renderers.some(r => r.glyph.type == kind))
    const found = figures[place]?.renderers.find(r => r.glyph.type == kind)
    if (found == null) return null
    const data = found.data_source.data
    return data instanceof Map ? Object.fromEntries(data) : data
}"""
_SUM = f"""(where) => {{
    const column = ({_FIND})(where)?.image?.[0]
    return column == null ? null : Array.from(column).reduce((s, v, k) => s + v * (k % 97), 0)
}}"""

DENSITY, MODULUS, FIRST, SECOND = range(4)


def picture(page, place: int) -> float | None:
    """A number that two different images of the figure at ``place`` do not share; NaN if empty."""
    return page.evaluate(_SUM, ["Image", place])


def changed(page, place: int, before: float | None) -> float:
    """Wait for another image than ``before`` in a figure; its number."""
    script = f"([where, old]) => {{ const s = ({_SUM})(where); return s > 0 && s !== old }}"
    page.wait_for_function(script, arg=[["Image", place], before])
    return picture(page, place)


def drawn(page) -> None:
    """Wait until density, modulus and both sheets of the density page are drawn."""
    for place in (DENSITY, MODULUS, FIRST, SECOND):
        changed(page, place, 0)


def press(page, label: str, key: str, times: int = 1) -> None:
    """Move a slider by the keyboard."""
    slider = page.get_by_label(label, exact=True)
    slider.focus()
    for _ in range(times):
        slider.press(key)
