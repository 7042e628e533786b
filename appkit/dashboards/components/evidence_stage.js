// A picture under what each of its patches says for one class. The pointer looks at a patch, a drag
// masks pixels, and small maps of all classes choose which one lies over the picture. Positions are
// (row, column) of the evidence; boxes and masks are in pixels of the picture. Nothing is fetched.

const make = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  made.append(...children)
  return made
}
const clip = (v, low, high) => Math.max(low, Math.min(high, v))
const signed = (v) => (v < 0 ? "\u2212" : "+") + Math.abs(v).toPrecision(2)

const STYLE = `
:host { display: block; font-family: var(--mui-font-family, Roboto, sans-serif); }
.stage { position: relative; width: 100%; max-width: 520px; margin: 0 auto; }
.stage canvas { display: block; width: 100%; touch-action: none; cursor: crosshair; outline: none;
  border-radius: 6px; }
.stage canvas.look { touch-action: pan-y; }
.stage canvas:focus-visible { box-shadow: 0 0 0 3px var(--mui-palette-primary-main, #0b7285); }
.tools { display: flex; flex-wrap: wrap; gap: 6px; margin: 8px 0 2px; align-items: center; }
.tools button { font: inherit; font-size: .82rem; padding: 5px 11px; border-radius: 6px; cursor: pointer;
  border: 1px solid var(--mui-palette-divider, #ccc); background: transparent;
  color: var(--mui-palette-text-primary, #222); }
.tools button[aria-pressed=true] { border-color: var(--mui-palette-primary-main, #0b7285);
  color: var(--mui-palette-primary-main, #0b7285); font-weight: 600; }
.tools button:disabled { opacity: .45; cursor: default; }
.says { min-height: 1.4em; margin: 4px 0 0; font-size: .88rem; line-height: 1.4;
  color: var(--mui-palette-text-secondary, #55636f); font-variant-numeric: tabular-nums; }
.classes { display: grid; grid-template-columns: repeat(auto-fill, minmax(72px, 1fr)); gap: 8px;
  margin-top: 10px; }
.classes button { font: inherit; padding: 4px; border-radius: 8px; cursor: pointer; text-align: left;
  border: 2px solid transparent; background: transparent; color: var(--mui-palette-text-primary, #222);
  min-width: 0; }
.classes button[aria-pressed=true] { border-color: var(--mui-palette-primary-main, #0b7285); }
.classes .whole { padding: 6px; min-width: 0; color: var(--mui-palette-text-secondary, #55636f); }
.classes canvas { display: block; width: 100%; border-radius: 4px; image-rendering: pixelated; }
.classes span { display: block; font-size: .8rem; line-height: 1.3; overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap; font-variant-numeric: tabular-nums; }
.classes .score { color: var(--mui-palette-text-secondary, #55636f); }
.classes .best { font-weight: 700; color: var(--mui-palette-text-primary, #222); }
`

export function render({ model, el }) {
  const style = make("style")
  style.textContent = STYLE
  const canvas = make("canvas", { tabindex: "0", role: "group" })
  canvas.setAttribute(
    "aria-label",
    "The picture: arrow keys choose a patch, Space masks it, Backspace unmasks it, Escape clears.",
  )
  const says = make("p", { class: "says", "aria-live": "polite" })
  const tools = make("div", { class: "tools", role: "toolbar", "aria-label": "Mask" })
  const classes = make("div", { class: "classes", role: "group", "aria-label": "Classes" })
  el.append(style, make("div", { class: "stage" }, canvas), tools, says, classes)

  let shown = null // the last picture message, with its image and its maps as coloured pictures
  let cursor = null // [row, column]
  let mask = new Set() // pixels, row · width + column
  // A finger scrolls the page unless it was told to mask.
  let mode = window.matchMedia("(pointer: coarse)").matches ? "look" : "mask"
  let bare = false
  let held = null // {pointer, x, y, moved}
  let pending = null // a message that waits for its turn

  const button = (words, pressed) => {
    const made = make("button", { type: "button" })
    made.textContent = words
    if (pressed != null) made.setAttribute("aria-pressed", String(pressed))
    tools.append(made)
    return made
  }
  const modes = Object.entries({ look: "Look", mask: "Mask", unmask: "Unmask" }).map(([name, words]) => {
    const made = button(words, false)
    made.addEventListener("click", () => {
      mode = name
      pressed()
    })
    return [name, made]
  })
  const clear = button("Clear the mask")
  const plain = button("Picture alone", false)
  const pressed = () => {
    for (const [name, made] of modes) made.setAttribute("aria-pressed", String(mode === name))
    plain.setAttribute("aria-pressed", String(bare))
    clear.disabled = mask.size === 0
    canvas.classList.toggle("look", mode === "look")
  }
  plain.addEventListener("click", () => {
    bare = !bare
    pressed()
    draw()
  })
  clear.addEventListener("click", () => {
    mask.clear()
    masked()
  })

  // ---- geometry -----------------------------------------------------------------------------

  // The box that a position sees, and the cell in its middle that stands for it.
  const box = ([row, column]) => {
    const { side, stride, offset } = shown.boxes
    return [offset[1] + stride * column, offset[0] + stride * row, side, side]
  }
  const cell = ([row, column]) => {
    const [x, y, side] = box([row, column])
    const { stride } = shown.boxes
    return [x + (side - stride) / 2, y + (side - stride) / 2, stride, stride]
  }
  const nearest = (x, y) => {
    const { side, stride, offset } = shown.boxes
    const place = (v, from, n) => clip(Math.round((v - from - side / 2) / stride), 0, n - 1)
    return [place(y, offset[0], shown.rows), place(x, offset[1], shown.columns)]
  }

  // ---- drawing ------------------------------------------------------------------------------

  const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16))

  // A map as a picture with a pixel for each position; cool is for the class, warm against it.
  const coloured = (values) => {
    const made = make("canvas", { width: shown.columns, height: shown.rows })
    const context = made.getContext("2d")
    const data = context.createImageData(shown.columns, shown.rows)
    values.forEach((value, i) => {
      const share = clip(value / shown.top, -1, 1)
      const colour = shown.palette[Math.round(((share + 1) / 2) * (shown.palette.length - 1))]
      data.data.set([...colour, 255 * 0.85 * Math.abs(share) ** 0.6], 4 * i)
    })
    context.putImageData(data, 0, 0)
    return made
  }

  const paint = (context, width, height, map) => {
    context.imageSmoothingEnabled = false
    context.clearRect(0, 0, width, height)
    const faint = map != null
    context.filter = faint ? "grayscale(1)" : "none"
    context.drawImage(shown.image, 0, 0, width, height)
    context.filter = "none"
    if (!faint) return
    context.fillStyle = "rgba(128,128,128,.35)"
    context.fillRect(0, 0, width, height)
    const [x, y] = cell([0, 0])
    const [sx, sy] = [width / shown.width, height / shown.height]
    const { stride } = shown.boxes
    context.drawImage(map, x * sx, y * sy, shown.columns * stride * sx, shown.rows * stride * sy)
  }

  const draw = () => {
    if (shown?.image == null) return
    const wide = Math.max(120, canvas.getBoundingClientRect().width)
    const scale = wide / shown.width
    const dense = window.devicePixelRatio || 1
    canvas.width = Math.round(wide * dense)
    canvas.height = Math.round(scale * shown.height * dense)
    const context = canvas.getContext("2d")
    paint(context, canvas.width, canvas.height, bare ? null : shown.drawn[shown.front])
    const s = canvas.width / shown.width
    context.fillStyle = "rgba(20,24,28,.78)"
    for (const pixel of mask) {
      const [x, y] = [pixel % shown.width, Math.floor(pixel / shown.width)]
      context.fillRect(Math.floor(x * s), Math.floor(y * s), Math.ceil(s), Math.ceil(s))
    }
    if (cursor == null) return
    const [x, y, w, h] = box(cursor).map((v) => v * s)
    context.lineWidth = 4 * dense
    context.strokeStyle = "rgba(255,255,255,.9)"
    context.strokeRect(x, y, w, h)
    context.lineWidth = 2 * dense
    context.strokeStyle = "#14181c"
    context.strokeRect(x, y, w, h)
  }

  const gallery = () => {
    const best = shown.scores.indexOf(Math.max(...shown.scores))
    const whole = make("canvas", { width: 3 * shown.width, height: 3 * shown.height })
    if (shown.image != null) paint(whole.getContext("2d"), whole.width, whole.height, null)
    const words = make("span")
    words.textContent = "the picture"
    classes.replaceChildren(make("div", { class: "whole" }, whole, words), ...shown.names.map((name, k) => {
      const small = make("canvas", { width: 3 * shown.width, height: 3 * shown.height })
      if (shown.image != null)
        paint(small.getContext("2d"), small.width, small.height, shown.drawn[k])
      const title = make("span", k === best ? { class: "best" } : {})
      title.textContent = name
      const score = make("span", { class: "score" })
      score.textContent = signed(shown.scores[k])
      const made = make("button", { type: "button", title: name }, small, title, score)
      made.setAttribute("aria-pressed", String(k === shown.front))
      made.addEventListener("click", () => {
        shown.front = k
        model.send_msg({ kind: "front", number: shown.number, index: k })
        for (const [i, other] of buttons().entries())
          other.setAttribute("aria-pressed", String(i === k))
        draw()
        tell()
      })
      return made
    }))
  }
  const buttons = () => [...classes.querySelectorAll("button")]

  const tell = () => {
    if (shown == null) return
    if (cursor == null) {
      says.textContent = "Point at the picture, or choose a patch with the arrow keys."
      return
    }
    const value = shown.maps[shown.front][cursor[0] * shown.columns + cursor[1]]
    says.textContent = `Patch at row ${cursor[0] + 1}, column ${cursor[1] + 1}: `
      + `${signed(value)} for “${shown.names[shown.front]}”`
  }

  // ---- what the server says -----------------------------------------------------------------

  const show = (message) => {
    const kept = shown != null && shown.width === message.width && shown.height === message.height
    if (!message.keep || !kept) mask = new Set()
    const same = kept && shown.rows === message.rows && shown.columns === message.columns
    if (!same) cursor = null
    const image = new Image()
    shown = message
    shown.palette = message.colours.map(rgb)
    shown.drawn = message.maps.map(coloured)
    image.onload = () => {
      if (shown !== message) return
      shown.image = image
      gallery()
      draw()
    }
    image.src = message.picture
    gallery()
    pressed()
    tell()
  }
  model.on("msg:custom", (message) => {
    if (message.kind === "picture") show(message)
    else if (message.kind === "front" && shown != null && message.index < shown.names.length) {
      shown.front = message.index
      gallery()
      draw()
      tell()
    }
  })

  // ---- what the person does -----------------------------------------------------------------

  // At most one message a frame, the newest of its kind.
  const send = (message) => {
    const first = pending == null
    pending = { ...(pending ?? {}), [message.kind]: message }
    if (first)
      requestAnimationFrame(() => {
        for (const each of Object.values(pending)) model.send_msg(each)
        pending = null
      })
  }

  const look = (position) => {
    if (cursor != null && cursor[0] === position[0] && cursor[1] === position[1]) return
    cursor = position
    draw()
    tell()
    send({ kind: "at", number: shown.number, row: position[0], column: position[1] })
  }

  const masked = () => {
    pressed()
    draw()
    send({ kind: "mask", number: shown.number, pixels: [...mask] })
  }

  const stroke = (x, y, without) => {
    const reach = Math.max(0.5, shown.width / 20)
    for (let row = Math.floor(y - reach); row <= y + reach; row++)
      for (let column = Math.floor(x - reach); column <= x + reach; column++) {
        if (row < 0 || column < 0 || row >= shown.height || column >= shown.width) continue
        if (Math.hypot(column + 0.5 - x, row + 0.5 - y) > reach + 0.3) continue
        const pixel = row * shown.width + column
        if (without) mask.delete(pixel)
        else mask.add(pixel)
      }
  }

  const point = (event) => {
    const area = canvas.getBoundingClientRect()
    const x = ((event.clientX - area.left) / area.width) * shown.width
    const y = ((event.clientY - area.top) / area.height) * shown.height
    return [x, y]
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (shown?.image == null || event.button > 0) return
    const [x, y] = point(event)
    held = { pointer: event.pointerId, x, y, moved: false }
    canvas.setPointerCapture(event.pointerId)
    look(nearest(x, y))
  })
  canvas.addEventListener("pointermove", (event) => {
    if (shown?.image == null) return
    const [x, y] = point(event)
    if (held == null) {
      if (event.pointerType !== "touch") look(nearest(x, y))
      return
    }
    if (event.pointerId !== held.pointer) return
    if (mode === "look") {
      look(nearest(x, y))
      return
    }
    const far = Math.hypot(x - held.x, y - held.y)
    if (!held.moved && far < shown.width / 64) return
    const steps = Math.max(1, Math.ceil(2 * far))
    for (let i = held.moved ? 1 : 0; i <= steps; i++)
      stroke(held.x + ((x - held.x) * i) / steps, held.y + ((y - held.y) * i) / steps, mode === "unmask")
    Object.assign(held, { x, y, moved: true })
    masked()
  })
  canvas.addEventListener("pointerup", (event) => {
    if (event.pointerId !== held?.pointer || held.moved || mode === "look" || shown == null) return
    stroke(held.x, held.y, mode === "unmask")
    masked()
  })
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
    canvas.addEventListener(end, (event) => {
      if (event.pointerId === held?.pointer) held = null
    })

  const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }
  canvas.addEventListener("keydown", (event) => {
    if (shown?.image == null || event.ctrlKey || event.metaKey || event.altKey) return
    const way = ARROWS[event.key]
    const from = cursor ?? [Math.floor(shown.rows / 2), Math.floor(shown.columns / 2)]
    if (way != null) {
      const step = event.shiftKey ? 5 : 1
      look(cursor == null ? from : [
        clip(from[0] + step * way[0], 0, shown.rows - 1),
        clip(from[1] + step * way[1], 0, shown.columns - 1),
      ])
    } else if (event.key === " " || event.key === "Backspace" || event.key === "Delete") {
      const [x, y, w, h] = box(from)
      for (let row = Math.max(0, Math.round(y)); row < Math.min(shown.height, y + h); row++)
        for (let column = Math.max(0, Math.round(x)); column < Math.min(shown.width, x + w); column++) {
          if (event.key === " ") mask.add(row * shown.width + column)
          else mask.delete(row * shown.width + column)
        }
      masked()
    } else if (event.key === "Escape") {
      mask.clear()
      masked()
    } else return
    event.preventDefault()
  })

  const watcher = new ResizeObserver(draw)
  watcher.observe(canvas)
  model.on("remove", () => watcher.disconnect())
  pressed()
  model.send_msg({ kind: "hello" })
}
