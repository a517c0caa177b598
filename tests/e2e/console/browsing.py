"""Browsing: Debian's Chromium, and windows in which somebody has signed in."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from tests.e2e.console.site import COOKIE, Site
from tests.e2e.console.watching import DESKTOP, PHONE, Complaints
from zai_gateway.accounts.actor import Role

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE = 60_000
"""Milliseconds after which what a test waits for will not come."""


@contextmanager
def launched(playwright: Playwright) -> Generator[Browser]:
    """The machine's Chromium. Fails where there is none: Playwright's own is not in any lock."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    assert found is not None, (
        "The console's tests need Chromium, and there is none on the PATH: install it with your system's "
        "package tool (Debian: apt-get install chromium)."
    )
    browser = playwright.chromium.launch(
        executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"]
    )
    try:
        yield browser
    finally:
        browser.close()


class Windows:
    """Windows of one browser onto one site, each with cookies of its own."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self._browser = browser
        self.site = site
        self._contexts: list[BrowserContext] = []
        self._complaints: list[Complaints] = []

    def of(self, role: Role | None, *, dark: bool = False, phone: bool = False, scripts: bool = True) -> Page:
        """A window at home, as the person with that role; of nobody: at the sign-in."""
        page = self.blank(None if role is None else self.site.token(role), dark, phone, scripts)
        page.goto(self.site.path() if role is not None else "/sign-in")
        return page

    def blank(
        self, token: str | None = None, dark: bool = False, phone: bool = False, scripts: bool = True
    ) -> Page:
        """A window that shows nothing yet, with the session of `token`; paths are those of the site."""
        size = PHONE if phone else DESKTOP
        context = self._browser.new_context(
            base_url=self.site.url,
            viewport={"width": size["width"], "height": size["height"]},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="Europe/Berlin",
            java_script_enabled=scripts,
        )
        context.set_default_timeout(_PATIENCE)
        if token is not None:
            context.add_cookies([{"name": COOKIE, "value": token, "url": self.site.url, "sameSite": "Lax"}])
        self._contexts.append(context)
        page = context.new_page()
        self._complaints.append(Complaints(page))
        return page

    def close(self) -> None:
        """Closes them all. Fails where one of them complained."""
        for context in self._contexts:
            context.close()
        said = [each for page in self._complaints for each in page.all]
        assert said == [], "\n".join(said)
