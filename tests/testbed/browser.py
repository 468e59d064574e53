"""The system's own Chromium, headless, driven by Playwright (which downloads nothing)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, Playwright, expect, sync_playwright

from tests.testbed.process import StartFailed
from tests.testbed.system import browser as browser_program

# What is expected of a page comes, or not, however busy the machine is.
PATIENCE_MS = 30_000
# Nothing but the page's own requests: no update checks, no look-ups at the maker's servers.
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
    "--no-pings",
]


class Browser:
    """One Chromium. Each `page()` is a profile of its own: no cookies from another one."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._chromium: Chromium | None = None

    def start(self) -> Self:
        """Raises StartFailed when there is no Chromium."""
        if (program := browser_program()) is None:
            raise StartFailed("there is no Chromium here: python -m tests.testbed.system browser")
        expect.set_options(timeout=PATIENCE_MS)
        self._playwright = sync_playwright().start()
        self._chromium = self._playwright.chromium.launch(executable_path=program, args=_FLAGS)
        return self

    def stop(self) -> None:
        """Safe to call twice."""
        if self._chromium is not None:
            self._chromium.close()
            self._chromium = None
        if self._playwright is not None:
            self._playwright.stop()
            self._playwright = None

    @contextmanager
    def page(self, cookies: dict[str, str] | None = None, url: str = "", **context: Any) -> Iterator[Page]:
        """A page in a fresh profile. `cookies` are set for `url`; `context` goes to Playwright's new_context
        (viewport={"width": 390, "height": 844}, color_scheme="dark", …).

        Nothing moves unless `reduced_motion="no-preference"` is said: without a graphics card, a dot that turns is
        painted by the processor, sixty times a second.
        """
        context.setdefault("reduced_motion", "reduce")
        if self._chromium is None:
            raise StartFailed("the browser is not running")
        profile = self._chromium.new_context(**context)
        try:
            if cookies:
                profile.add_cookies([{"name": n, "value": v, "url": url} for n, v in cookies.items()])
            yield profile.new_page()
        finally:
            profile.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def screenshot(page: Page, path: Path, full_page: bool = True) -> Path:
    """A PNG of the page as it stands once fonts and pictures are there; returns `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")
    page.screenshot(path=path, full_page=full_page, animations="disabled")
    return path
