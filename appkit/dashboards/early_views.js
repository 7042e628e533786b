// Views that hear of a change before they are drawn. On a page that is swapped in, on a card that is
// not visible or in another theme, views are built and not drawn; what they do then throws, and what
// the server sent with it is lost. Once drawn they read their models, so nothing is missed here.
{
  // Bokeh 3.9 measures every figure that was built, at each resize.
  const figure = Bokeh.Models.get("Figure").prototype.default_view.prototype
  for (const step of ["_measure_layout", "_after_layout"]) {
    const original = figure[step]
    figure[step] = function () {
      if (this.layout != null) original.call(this)
    }
  }

  // It asks a colour bar to lay itself out again whenever its ticks change.
  const bar = Object.getPrototypeOf(Bokeh.Models.get("ColorBar").prototype.default_view).prototype
  const build = bar.lazy_initialize
  bar.lazy_initialize = async function () {
    await build.call(this)
    const parent = this._axis_view.parent
    const request = parent.request_layout
    parent.request_layout = () => {
      if (this.layout != null) request()
    }
  }
}

// Panel 1.9 hands a table's changes to a view that has not built its table. Its models come later
// than this script.
document.addEventListener("DOMContentLoaded", () => {
  const model = Bokeh.Models.get("panel.models.tabulator.DataTabulator")
  if (model == null) return
  const table = model.prototype.default_view.prototype
  const connect = table.connect_signals
  table.connect_signals = function () {
    const on_change = this.on_change
    this.on_change = (properties, handle) =>
      on_change.call(this, properties, (...change) => {
        if (this.tabulator != null) handle(...change)
      })
    connect.call(this)
    delete this.on_change
  }
})
