"""Watching pages: a browser's complaints, of which there must be none, and what axe finds in every look."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeAlias

from playwright.sync_api import ConsoleMessage, Page, Request

from tests.e2e.vercel_client import installed

DESKTOP: Final = {"width": 1280, "height": 900}
PHONE: Final = {"width": 390, "height": 844}
Axe: TypeAlias = Callable[[Page], None]
_AXE = "(() => axe.run(document, {resultTypes: ['violations']}).then((result) => result.violations))()"
_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Complaints:
    """What a page's browser had to complain about: errors of scripts, and what its rules kept out."""

    def __init__(self, page: Page) -> None:
        self.all: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.all.append(f"{error.name}: {error.message}"))
        page.on("request", self._asked)
        self._page = page

    def _said(self, message: ConsoleMessage) -> None:
        # A refusal is an answer like another: the test that caused it looks at its page.
        refused = message.text.startswith("Failed to load resource: the server responded with a status of 4")
        if message.type in ("error", "warning") and not refused:
            self.all.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        own = self._page.url.split("/", 3)[:3]
        if own[0] in ("http:", "https:") and request.url.split("/", 3)[:3] != own:
            self.all.append(f"asked another site: {request.url}")


@cache
def _axe_source() -> str:
    return (installed() / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def check_accessible(page: Page) -> None:
    """Looks at the page as it stands in light and in dark, on a desk and on a phone, with axe-core."""
    size = page.viewport_size or {"width": 1280, "height": 900}
    found: list[str] = []
    for colours in ("light", "dark"):
        page.emulate_media(color_scheme=colours)
        for screen in (DESKTOP, PHONE):
            page.set_viewport_size({"width": screen["width"], "height": screen["height"]})
            found += [f"{colours}, {screen['width']} wide: {each}" for each in _violations(page)]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": size["width"], "height": size["height"]})
    assert found == [], "\n".join(found)


def _violations(page: Page) -> list[str]:
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_axe_source())
    found: list[dict[str, Any]] = page.evaluate(_AXE)
    said = [
        f"{each['id']}: {node['html'][:200]} {json.dumps(node['any'][:1])[:300]}"
        for each in found
        for node in each["nodes"]
    ]
    over = page.evaluate(_TOO_WIDE)
    return [*said, f"wider than the screen by {over} px"] if over > 0 else said
