"""What a person sees of a page, as numbers: the pixels of figures, the rows of tables."""

# A figure is found by what it says, since models are made in whatever order their data arrive.
_FIGURE = """(name) => {
    const parts = m => [...m.below, ...m.left].map(p => p.title?.text ?? p.title ?? p.axis_label)
    const dict = d => d instanceof Map ? Object.fromEntries(d) : d ?? {}
    const first = m => Object.values(dict(m.left[0]?.major_label_overrides))[0] ?? ""
    const named = {
        density: m => parts(m).includes("ρ̃ (e/Å²)"),
        modulus: m => parts(m).includes("|ρ̃∗ψ| (e/Å²)"),
        first: m => first(m).startsWith("j=0"),
        slice: m => parts(m).includes("U (e/Å³)"),
        volume: m => parts(m).includes("ρ (e/Å³)"),
        table: m => parts(m).includes("degree l"),
        second: m => first(m).startsWith("j=") && !first(m).startsWith("j=0"),
    }[name]
    const figures = Array.from(Bokeh.documents[0]?.all_models ?? [])
    return figures.find(m => m.type == "Figure" && named(m))
}"""
_FIND = f"""(name) => {{
    const found = ({_FIGURE})(name)?.renderers.find(r => r.glyph.type == "Image")
    if (found == null) return null
    const data = found.data_source.data
    return data instanceof Map ? Object.fromEntries(data) : data
}}"""
_ROOM = f"""(name) => {{
    const [x, image] = [({_FIGURE})(name).x_range, ({_FIND})(name)]
    return Math.min(image.x[0] - x.start, x.end - image.x[0] - image.dw[0])
}}"""
_SUM = f"""(name) => {{
    const column = ({_FIND})(name)?.image?.[0]
    return column == null ? null : Array.from(column).reduce((s, v, k) => s + v * (k % 97), 0)
}}"""

_SURFACE = """() => {
    const space = Array.from(Bokeh.documents[0]?.all_models ?? []).find(m => m.data_sources?.length)
    const data = space?.data_sources[1]?.data
    const columns = data instanceof Map ? Object.fromEntries(data) : data
    return columns?.x == null ? null : Array.from(columns.x[0]).reduce((s, v) => s + v * v, 0)
}"""

#: The figures of the solid harmonics page.
SLICE, VOLUME, TABLE = "slice", "volume", "table"

#: The figures of the density page, in their order on it.
FIGURES = DENSITY, MODULUS, FIRST, SECOND = "density", "modulus", "first", "second"


def figure(page, name: str):
    """A figure of the density page, to click on."""
    return page.locator(".bk-Figure").nth(FIGURES.index(name))


def picture(page, name: str) -> float | None:
    """A number that two different images of a figure do not share; None if empty."""
    return page.evaluate(_SUM, name)


def changed(page, name: str, before: float | None) -> float:
    """Wait for another image than ``before`` in a figure; its number."""
    script = f"([name, old]) => {{ const s = ({_SUM})(name); return s > 0 && s !== old }}"
    page.wait_for_function(script, arg=[name, before])
    return picture(page, name)


def drawn(page) -> None:
    """Wait until density, modulus and both sheets of the density page are drawn."""
    for name in FIGURES:
        changed(page, name, 0)


def room(page, name: str) -> float:
    """Å between the image of a figure and the ends of its x axis; negative where it is cut off."""
    return page.evaluate(_ROOM, name)


def press(page, label: str, key: str, times: int = 1) -> None:
    """Move a slider by the keyboard."""
    slider = page.get_by_label(label, exact=True)
    slider.wait_for()  # a hidden one takes no keys
    slider.focus()
    for _ in range(times):
        slider.press(key)


def surface(page) -> float | None:
    """A number that two different surfaces in space do not share; None before the first."""
    return page.evaluate(_SURFACE)


def surface_changed(page, before: float | None) -> float:
    """Wait for another surface in space; its number."""
    script = f"old => {{ const s = ({_SURFACE})(); return s > 0 && s !== old }}"
    page.wait_for_function(script, arg=before)
    return surface(page)
