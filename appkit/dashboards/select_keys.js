// panel-material-ui 0.16 opens a drop-down list on a click alone: keys open it too.
document.addEventListener("keydown", (event) => {
  const target = event.composedPath()[0]
  if (!target.matches?.('.MuiSelect-select[aria-expanded="false"]:not([aria-disabled="true"])')) return
  if (![" ", "Enter", "ArrowDown", "ArrowUp"].includes(event.key)) return
  event.preventDefault()
  target.click()
}, {capture: true})
