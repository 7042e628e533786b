// Bokeh 3.9 gives a figure its layout once it is drawn, but its parent measures every child that it
// has built, at each resize. On a page that is swapped in, or on a card that is not visible, figures
// are built and not drawn: measuring one throws, and what the server sent with it is lost.
{
  const figure = Bokeh.Models.get("Figure").prototype.default_view.prototype
  for (const step of ["_measure_layout", "_after_layout"]) {
    const original = figure[step]
    figure[step] = function () {
      if (this.layout != null) original.call(this)
    }
  }
}
