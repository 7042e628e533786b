// A molecule in space, projected on the screen: atoms can be dragged, the view can be turned, and
// forces are drawn as arrows. Positions are in Å, forces in eV/Å; nothing is fetched.

const SVG = "http://www.w3.org/2000/svg"
const STEP = 0.02 // Å of an arrow key; five times that with Shift
const TURN = 5 // degrees of an arrow key
const WAIT = 1000 // ms after which an answer counts as lost
const BARS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500] // eV/Å that 1 Å of the drawing may stand for

const node = (name, attributes = {}, ...children) => {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  made.append(...children)
  return made
}
const place = (made, attributes) => {
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
}
const times = (m, v) => m.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2])
const back = (m, v) => [0, 1, 2].map((k) => m[0][k] * v[0] + m[1][k] * v[1] + m[2][k] * v[2])
const length = (v) => Math.hypot(...v)

// Turned by a (radians) about the screen's vertical axis and by b about its horizontal one.
const turned = (m, a, b) => {
  const [ca, sa, cb, sb] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)]
  const [x, y, z] = m
  const right = x.map((_, k) => ca * x[k] + sa * z[k])
  const near = x.map((_, k) => ca * z[k] - sa * x[k])
  return [right, y.map((_, k) => cb * y[k] - sb * near[k]), y.map((_, k) => sb * y[k] + cb * near[k])]
}

const STYLE = `
:host { display: block; }
svg { display: block; width: 100%; height: 100%; touch-action: pan-y; user-select: none;
  -webkit-user-select: none; cursor: grab; border-radius: 8px; outline: none;
  font-family: var(--mui-font-family, Roboto, sans-serif); }
svg:focus-visible { box-shadow: inset 0 0 0 2px var(--mui-palette-primary-main, #0b7285); }
.bond { stroke: var(--mui-palette-text-secondary, #55636f); stroke-linecap: round; opacity: .55; }
.ball { stroke: var(--mui-palette-background-paper, #fff); stroke-width: 1.5; }
.symbol { font-weight: 600; text-anchor: middle; dominant-baseline: central; }
.number { text-anchor: middle; dominant-baseline: central; }
.number, .bar text { fill: var(--mui-palette-text-secondary, #55636f); font-size: 11px; }
.bar line { stroke: var(--mui-palette-text-secondary, #55636f); stroke-width: 2; }
.force { fill: none; stroke: var(--mui-palette-primary-main, #0b7285); stroke-width: 3;
  stroke-linecap: round; stroke-linejoin: round; }
.teacher { fill: none; stroke: var(--mui-palette-secondary-main, #b4511a); stroke-width: 9;
  stroke-linecap: round; stroke-linejoin: round; opacity: .5; }
.grip { fill: transparent; touch-action: none; cursor: move; outline: none; }
.grip:focus { stroke: var(--mui-palette-primary-main, #0b7285); stroke-width: 2.5;
  stroke-dasharray: 5 4; }
`

export function render({ model, el }) {
  const layers = ["bonds", "balls", "arrows", "grips", "bars"].map((name) => node("g", { class: name }))
  const [bonds, balls, arrows, grips, bars] = layers
  const svg = node("svg", { role: "group", tabindex: "0" }, ...layers)
  svg.setAttribute("aria-label", "The molecule: Tab brings an atom, arrow keys move it or the view.")
  const style = document.createElement("style")
  style.textContent = STYLE
  el.append(style, svg)

  let shown = null // the molecule: symbols, radii, colours, inks, bonds, positions at rest, numbers
  let positions = []
  let forces = null
  let teacher = null
  let view = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
  let size = { width: 0, height: 0, scale: 1 }
  let bar = 0 // index in BARS
  let held = null // by a pointer: {pointer, atom, x, y}, where it was less where the atom is
  let serial = 0
  let asked = 0 // the serial that is not answered yet, and since when
  let since = 0
  let waiting = null // the atom that moved since

  // ---- drawing ------------------------------------------------------------------------------

  const at = (k) => {
    const [x, y, z] = times(view, positions[k])
    return [size.width / 2 + x * size.scale, size.height / 2 - y * size.scale, z]
  }
  const radius = (k, depth) => {
    const near = 1 + 0.05 * Math.max(-4, Math.min(4, depth))
    return Math.max(9, Math.min(26, 0.46 * shown.radii[k] * size.scale)) * near
  }

  const fit = () => {
    const { width, height } = svg.getBoundingClientRect()
    if (!(width > 0 && height > 0) || shown == null) return
    const reach = Math.max(...shown.rest.map(length)) + 1.2
    size = { width, height, scale: Math.min(width, height) / 2 / reach }
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`)
    draw()
  }

  // The bar follows the longest arrow, but not each wag of it.
  const choose = () => {
    const longest = Math.max(0, ...[...(forces ?? []), ...(teacher ?? [])].map(length))
    while (bar < BARS.length - 1 && longest > 1.6 * BARS[bar]) bar += 1
    while (bar > 0 && longest < 0.25 * BARS[bar]) bar -= 1
  }

  const arrow = (k, force, kind) => {
    const unit = size.scale / BARS[bar]
    const [dx, dy] = times(view, force).slice(0, 2).map((v, i) => (i ? -v : v) * unit)
    const long = Math.hypot(dx, dy)
    if (long < 3) return []
    const [mx, my, depth] = at(k)
    const r = radius(k, depth) // from the ball's rim, so that its letter can be read
    const [x, y] = [mx + (r * dx) / long, my + (r * dy) / long]
    const [ux, uy, head] = [dx / long, dy / long, Math.min(9, 0.6 * long)]
    const [tx, ty] = [x + dx, y + dy]
    const wing = (s) => `${tx - head * (ux - 0.55 * s * uy)},${ty - head * (uy + 0.55 * s * ux)}`
    const d = `M${x},${y}L${tx},${ty}M${wing(1)}L${tx},${ty}L${wing(-1)}`
    return [node("path", { class: kind, d, "data-atom": k + 1 })]
  }

  const ruler = (y, kind, words) => {
    const [x, unit] = [14, size.scale]
    const line = kind ? node("path", { class: kind, d: `M${x},${y}h${unit}` })
      : node("line", { x1: x, y1: y, x2: x + unit, y2: y })
    const text = node("text", { x: x + unit + 8, y: y + 4 })
    text.textContent = words
    return node("g", { class: "bar" }, line, text)
  }

  // On the screen, away from an atom's bonds.
  const aside = (k, seen) => {
    let [right, down] = [0, 0]
    for (const bond of shown.bonds.filter((bond) => bond.includes(k))) {
      const [dx, dy] = [0, 1].map((i) => seen[k][i] - seen[bond[0] + bond[1] - k][i])
      const long = Math.hypot(dx, dy) || 1
      right += dx / long
      down += dy / long
    }
    const long = Math.hypot(right, down)
    return long > 0.1 ? [right / long, down / long] : [Math.SQRT1_2, Math.SQRT1_2]
  }

  const draw = () => {
    if (shown == null || size.width === 0) return
    const seen = positions.map((_, k) => at(k))
    const order = seen.map((_, k) => k).sort((a, b) => seen[a][2] - seen[b][2])
    bonds.replaceChildren(...shown.bonds.map(([a, b]) => {
      const [x1, y1, x2, y2] = [...seen[a].slice(0, 2), ...seen[b].slice(0, 2)]
      return node("line", { class: "bond", x1, y1, x2, y2, "stroke-width": 0.09 * size.scale })
    }))
    balls.replaceChildren(...order.flatMap((k) => {
      const [x, y, z] = seen[k]
      const r = radius(k, z)
      const symbol = node("text", { class: "symbol", x, y, fill: shown.inks[k], "font-size": r })
      symbol.textContent = shown.symbols[k]
      const [right, down] = aside(k, seen)
      const number = node("text", { class: "number", x: x + (r + 8) * right, y: y + (r + 8) * down })
      number.textContent = k + 1
      return [node("circle", { class: "ball", cx: x, cy: y, r, fill: shown.colours[k] }), symbol, number]
    }))
    arrows.replaceChildren(
      ...(teacher ?? []).flatMap((f, k) => arrow(k, f, "teacher")),
      ...(forces ?? []).flatMap((f, k) => arrow(k, f, "force")),
    )
    shown.grips.forEach((grip, k) => {
      const [cx, cy, z] = seen[k]
      place(grip, { cx, cy, r: Math.max(18, radius(k, z) + 4) })
      const size = forces == null ? "" : `, force ${length(forces[k]).toFixed(2)} eV/Å`
      grip.setAttribute("aria-label", `Atom ${k + 1}, ${shown.symbols[k]}${size}`)
    })
    const bottom = size.height - 14
    bars.replaceChildren(
      ruler(bottom, null, "1 Å"),
      ...(forces ? [ruler(bottom - 20, "force", `${BARS[bar]} eV/Å predicted`)] : []),
      ...(teacher ? [ruler(bottom - 40, "teacher", `${BARS[bar]} eV/Å teacher`)] : []),
    )
  }

  // ---- what the server says -----------------------------------------------------------------

  const show = (molecule) => {
    shown = molecule
    shown.grips = molecule.symbols.map(() => node("circle", { class: "grip", tabindex: "0", role: "button" }))
    grips.replaceChildren(...shown.grips)
    shown.grips.forEach((grip, k) => {
      grip.addEventListener("pointerdown", (event) => grasp(event, k))
      grip.addEventListener("keydown", (event) => nudge(event, k))
    })
    positions = molecule.positions
    ;[forces, teacher, held, waiting, asked, bar] = [null, null, null, null, 0, 0]
    fit()
  }

  // An answer to a move has forces alone: the atoms may have gone on meanwhile. Others lay the atoms,
  // as steps of a relaxation do; a move that was not sent before them would end it.
  const told = (answer) => {
    if (shown == null || answer.number !== shown.number) return
    ;({ forces, teacher } = answer)
    if (answer.serial == null && held?.atom == null) [positions, waiting] = [answer.positions, null]
    asked = 0
    choose()
    draw()
    if (waiting != null) tell(waiting)
  }

  const listen = (message) => (message.kind === "molecule" ? show(message) : told(message))
  model.on("msg:custom", listen)

  // ---- what the person does -----------------------------------------------------------------

  // One question at a time: the newest place is asked for when the last one was answered.
  const tell = (atom) => {
    if (asked && performance.now() - since < WAIT) {
      waiting = atom
      return
    }
    waiting = null
    asked = serial += 1
    since = performance.now()
    model.send_msg({ kind: "moved", number: shown.number, serial, positions, atom })
  }

  // Moved by a vector of the screen, Å, and kept within sight.
  const shift = (k, [dx, dy, dz]) => {
    const [x, y, z] = times(view, positions[k])
    const [wide, high] = [size.width, size.height].map((s) => Math.max(0.2, (s / 2 - 16) / size.scale))
    const clip = (v, most) => Math.max(-most, Math.min(most, v))
    const there = [clip(x + dx, wide), clip(y + dy, high), clip(z + dz, wide)]
    positions = positions.map((p, i) => (i === k ? back(view, there) : p))
    draw()
    tell(k)
  }

  // Of grips that overlap, the one whose middle is nearest.
  const grasp = (event, k) => {
    const box = svg.getBoundingClientRect()
    const [x, y] = [event.clientX - box.left, event.clientY - box.top]
    const off = positions.map((_, i) => Math.hypot(at(i)[0] - x, at(i)[1] - y))
    const nearest = off.indexOf(Math.min(...off))
    hold(event, off[nearest] < off[k] ? nearest : k)
  }

  const hold = (event, atom) => {
    if (held != null || event.button > 0) return
    event.preventDefault()
    event.stopPropagation()
    const [x, y] = atom == null ? [0, 0] : at(atom)
    held = { pointer: event.pointerId, atom, x: event.clientX - x, y: event.clientY - y }
    svg.setPointerCapture(event.pointerId)
    ;(atom == null ? svg : shown.grips[atom]).focus({ preventScroll: true })
  }

  svg.addEventListener("pointerdown", (event) => hold(event, null))
  svg.addEventListener("pointermove", (event) => {
    if (held == null || event.pointerId !== held.pointer || shown == null) return
    // An atom stays under the pointer, also when that comes back from out of sight.
    const [x, y] = held.atom == null ? [0, 0] : at(held.atom)
    const [dx, dy] = [event.clientX - held.x - x, event.clientY - held.y - y]
    if (held.atom != null) {
      shift(held.atom, [dx / size.scale, -dy / size.scale, 0])
      return
    }
    Object.assign(held, { x: event.clientX, y: event.clientY })
    view = turned(view, 0.01 * dx, 0.01 * dy)
    draw()
  })
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
    svg.addEventListener(end, (event) => {
      if (event.pointerId === held?.pointer) held = null
    })

  const ARROWS = { ArrowLeft: [-1, 0, 0], ArrowRight: [1, 0, 0], ArrowUp: [0, 1, 0],
    ArrowDown: [0, -1, 0], PageUp: [0, 0, 1], PageDown: [0, 0, -1] }

  const nudge = (event, k) => {
    const way = ARROWS[event.key]
    if (way == null) return
    event.preventDefault()
    event.stopPropagation()
    shift(k, way.map((v) => v * STEP * (event.shiftKey ? 5 : 1)))
  }

  svg.addEventListener("keydown", (event) => {
    const way = ARROWS[event.key]
    const chosen = shown?.grips[Number(event.key) - 1]
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === "Escape") svg.focus()
    else if (chosen != null) chosen.focus()
    else if (way != null && way[2] === 0) {
      event.preventDefault()
      view = turned(view, (way[0] * TURN * Math.PI) / 180, (-way[1] * TURN * Math.PI) / 180)
      draw()
    }
  })

  const watcher = new ResizeObserver(fit)
  watcher.observe(svg)
  model.on("remove", () => watcher.disconnect())
  model.send_msg({ kind: "hello" })
}
