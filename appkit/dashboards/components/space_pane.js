// Loads Plotly's script once for a window, then tells Python.

export async function render({ model, el }) {
  el.textContent = "Loading the view in space…"
  try {
    if (!window.Plotly)
      await new Promise((done, failed) => {
        const script = document.createElement("script")
        Object.assign(script, { src: model.url, onload: done, onerror: failed })
        document.head.append(script)
      })
    model.state = "ready"
  } catch {
    el.textContent = "The view in space could not be loaded. Reload the page to try again."
  }
}
