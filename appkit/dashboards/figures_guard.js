// Bokeh 3.9 gives a figure and its colour bar a layout once they are drawn, but measures every child
// that was built, and asks a bar to lay itself out again whenever its ticks change. On a page that
// is swapped in, on a card that is not visible or in another theme, they are built and not drawn:
// it throws, and what the server sent with it is lost.
{
  const figure = Bokeh.Models.get("Figure").prototype.default_view.prototype
  for (const step of ["_measure_layout", "_after_layout"]) {
    const original = figure[step]
    figure[step] = function () {
      if (this.layout != null) original.call(this)
    }
  }
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
