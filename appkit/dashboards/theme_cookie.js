// The server draws light or dark before the browser can say what it prefers. The first visit asks
// the browser, keeps the answer in a cookie, and loads once more where that is dark.
{
  const name = "appkit-theme"
  if (!document.cookie.includes(`${name}=`)) {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches
    document.cookie = `${name}=${dark ? "dark" : "light"}; path=/; max-age=31536000; SameSite=Lax`
    const kept = document.cookie.includes(`${name}=dark`)
    if (kept && !new URLSearchParams(location.search).has("theme")) location.reload()
  }
}
