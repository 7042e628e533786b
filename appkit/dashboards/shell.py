"""The shell: one Material page for each session, a menu that swaps what it shows."""

from __future__ import annotations

from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from bokeh.document import Document

from appkit.dashboards.look import KEEP_THEME, LOGO, PAGE_SX, THEME
from appkit.dashboards.page import AppPage, typed_strings
from appkit.dashboards.pages import PAGES

TITLE = "appkit"


class Shell(param.Parameterized):
    """Navigation of one session: which page is in front, which were built, light or dark."""

    page: Any = param.Selector(default=PAGES[0].slug, objects=[page.slug for page in PAGES])

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._built: dict[str, tuple[AppPage, pn.viewable.Viewable]] = {}
        self._synced: AppPage | None = None
        self._menu = pmui.MenuList(
            items=[{"label": p.title, "icon": p.icon, "slug": p.slug} for p in PAGES],
            active=0,
            dense=False,
            sizing_mode="stretch_width",
            margin=(8, 0),
        )
        dark = _wants_dark()
        # Before the template, which would leave the figures without Material's theme otherwise.
        setattr(pn.config, "theme", "dark" if dark else "default")  # noqa: B010 (typed read-only)
        self.template = pmui.Page(
            title=TITLE,
            logo=LOGO,
            favicon=LOGO,
            sidebar=[self._menu],
            sidebar_width=228,
            sidebar_open=not _is_phone(),
            sidebar_resizable=False,
            theme_config=THEME,
            dark_theme=dark,
            meta_description="Wavelets, invariants and sparse regression you can play with",
            sx=PAGE_SX,
        )
        self._forget_busy()
        self._menu.param.watch(self._chosen, "active")
        self.template.param.watch(self._themed, "dark_theme")
        self.template.jscallback(dark_theme=KEEP_THEME)
        # What the visitor asked for; synchronising leaves out what Panel cannot read.
        self._asked = pn.state.location.search if pn.state.location else ""
        if pn.state.location:
            pn.state.location.sync(self, {"page": "page"}, on_error=self._unknown)
        # After the location's own watcher: synchronising a page reads the address, which must
        # already name the page in front.
        self.param.watch(lambda event: self._show(), "page")
        self._show()

    def _forget_busy(self) -> None:
        """Let the template not follow ``pn.state.busy``.

        It is one value for all sessions, so that a page would show another person's work, and it
        would keep closed sessions alive. Each change walks every model of the page besides, which
        takes longer than a slider's picture.
        """
        watchers = self.template._param__private.ref_watchers
        for _, watcher in watchers:
            watcher.inst.param.unwatch(watcher)
        watchers.clear()

    def go(self, slug: str) -> None:
        """Bring the page called ``slug`` to the front."""
        self.page = slug

    def _show(self) -> None:
        page, view = self._open(self.page)
        self._menu.active = self.param["page"].objects.index(self.page)
        location = pn.state.location
        if location and self._synced is not page:
            if self._synced is not None and self._synced.url:
                location.unsync(self._synced)
            if page.url:
                location.sync(page, {name: name for name in page.url}, on_error=_refuse(page))
                page.param.update(typed_strings(page, self._asked))
                self._asked = ""
            self._synced = page
        self.template.main = [view]
        page.shown()

    def _open(self, slug: str) -> tuple[AppPage, pn.viewable.Viewable]:
        if slug not in self._built:
            cls = next(cls for cls in PAGES if cls.slug == slug)
            page = cls(dark=self.template.dark_theme, go=self.go)
            self._built[slug] = page, page.__panel__()
        return self._built[slug]

    def _chosen(self, event: param.parameterized.Event) -> None:
        index = event.new[0] if isinstance(event.new, tuple) else event.new
        if index is not None:
            self.page = self.param["page"].objects[index]

    def _themed(self, event: param.parameterized.Event) -> None:
        for page, _ in self._built.values():
            page.dark = event.new

    def _unknown(self, wrong: dict[str, Any]) -> None:
        page, _ = self._open(self.page)
        known = ", ".join(self.param["page"].objects)
        page.message.say("link", f"There is no page called '{wrong.get('page')}'. Pages: {known}.")

    def close(self, document: Document | None = None) -> None:
        """The session of ``document`` has ended. Let go of all that would keep it alive.

        HoloViews lists the streams of clicks in a global table, and Panel 1.9 the areas of
        notifications; Panel's periodic work keeps the first session's document besides. A document
        that stays is left empty: without what was still to be done, and without the address.
        """
        if document is not None:
            for ref, (_, _, owner, _) in list(pn.state._views.items()):
                if owner is document:
                    del pn.state._views[ref]
            document.callbacks._session_callbacks.clear()
            pn.state._locations.pop(document, None)
            pn.state._onload.pop(document, None)
        for page, view in self._built.values():
            page.close()
            panes: Any = view.select(pn.pane.HoloViews)
            for pane in panes:
                for plot, _ in pane._plots.values():
                    plot.cleanup()
        self._built.clear()


def _wants_dark() -> bool:
    """As the address says (``?theme=dark``, for a link in slides), else as the browser prefers."""
    asked = pn.state.session_args.get("theme", [b""])[0].decode(errors="replace")
    return (asked or pn.state.cookies.get("appkit-theme")) == "dark"


def _is_phone() -> bool:
    """Phones name themselves so, and their menu would cover the page."""
    return "Mobi" in pn.state.headers.get("User-Agent", "")


def _refuse(page: AppPage) -> Any:
    """Apply what a link says parameter by parameter, and say which values cannot be.

    Until a person changes one of them.
    """

    def on_error(wrong: dict[str, Any]) -> None:
        refused = {}
        for name, value in wrong.items():
            switch = isinstance(page.param[name], param.Boolean) and value in (0, 1)
            try:
                setattr(page, name, bool(value) if switch else value)
            except (ValueError, TypeError):
                refused[name] = value
        if refused:
            asked = ", ".join(f"{name}={value}" for name, value in refused.items())
            page.message.say("link", f"This link asks for {asked}, which cannot be shown.")

            def chosen(*events: param.parameterized.Event) -> None:
                page.message.clear("link")
                page.param.unwatch(watcher)

            watcher = page.param.watch(chosen, list(refused))

    return on_error
