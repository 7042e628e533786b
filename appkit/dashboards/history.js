// One entry in the browser's history for each page that is opened. Panel 1.9 adds one for each
// change of a parameter, so that Back would go through the positions of every slider, and it does
// not follow Back.
{
  // An address without a page is that of the first one.
  const page = (url) => new URL(url, location.href).searchParams.get("page") ?? "start"
  const push = history.pushState.bind(history)
  history.pushState = (state, title, url) => {
    if (page(url) === page(location.href)) history.replaceState(state, title, url)
    else push(state, title, url)
  }
  // The address holds all that a page is made from.
  addEventListener("popstate", () => location.reload())
}
