// The menu lies over the page where a window is narrow: it starts closed there. Phones name
// themselves to the server, which draws them so; windows do not.
if (matchMedia("(max-width: 599.95px)").matches) {
  const close = () => {
    const roots = Bokeh.documents.flatMap((document) => document.roots())
    const pages = roots.filter((root) => root.data?.attributes?.sidebar_open != null)
    for (const page of pages) page.data.setv({sidebar_open: false})
    if (pages.length === 0) requestAnimationFrame(close)
  }
  document.addEventListener("DOMContentLoaded", close)
}
