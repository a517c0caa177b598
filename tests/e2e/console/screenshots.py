"""Pictures of every screen, light and dark, on a desk and on a phone, of a believable site."""

import argparse
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.e2e.console.believable import fill
from tests.e2e.console.browsing import Windows, launched
from tests.e2e.console.site import Site
from tests.e2e.gateway_process import Operator
from tests.upstreams.processes import openai_stub
from zai_gateway.accounts.actor import Role, operator

_FIRST = ("/w/{slug}", "/w/{slug}/keys", "/w/{slug}/providers", "/w/{slug}/usage", "/w/{slug}/members")
"""While nothing is there but what the first start made."""
FILLED = (
    "/w/{slug}",
    "/w/{slug}/keys",
    "/w/{slug}/keys/new",
    "/w/{slug}/keys/{key}",
    "/w/{slug}/keys/{key}/edit",
    "/w/{slug}/keys/{key}/rotate",
    "/w/{slug}/providers",
    "/w/{slug}/providers/new",
    "/w/{slug}/providers/new?provider=anthropic",
    "/w/{slug}/providers/new?provider=custom",
    "/w/{slug}/providers/{id}",
    "/w/{slug}/models",
    "/w/{slug}/models/one?model=openai/gpt-5.4",
    "/w/{slug}/models/prices",
    "/w/{slug}/models/names",
    "/w/{slug}/models/names/edit",
    "/w/{slug}/usage",
    "/w/{slug}/usage?range=24h&by=key",
    "/w/{slug}/usage/requests",
    "/w/{slug}/usage/unconfirmed",
    "/w/{slug}/members",
    "/w/{slug}/members/new",
    "/w/{slug}/members/{id}",
    "/w/{slug}/members/budgets",
    "/w/{slug}/members/budgets/set",
    "/w/{slug}/audit",
    "/w/{slug}/settings",
    "/w/{slug}/settings/management-keys/new",
    "/w/{slug}/connect",
    "/account",
    "/w/{slug}/nowhere",
)
_OF_MEMBERS = FILLED[:4]
_DONE: tuple[tuple[str, str, dict[str, str], str], ...] = (
    ("key-refused", "/w/{slug}/keys/new", {"Name": "backend", "Spend cap": "five"}, "Issue API key"),
    ("key-shown-once", "/w/{slug}/keys/new", {"Name": "for {look}"}, "Issue API key"),
    (
        "provider-refused",
        "/w/{slug}/providers/new?provider=custom",
        {"Prefix": "box", "Address": "nonsense"},
        "Add and test",
    ),
    (
        "price-refused",
        "/w/{slug}/models/one?model=openai/gpt-5.4",
        {"Input": "much", "Output": "1"},
        "Set the price",
    ),
)
"""What a picture is called, the page of a form, what is filled in, and the button that is pressed."""
_OF_NOBODY = ("/sign-in", "/setup/{setup}", "/invitation/{invitation}", "/reset/{reset}", "/setup/none")


def main() -> None:
    """Writes them, and says where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=Path("screenshots"), help="a directory; it is made")
    parser.add_argument("--only", default="", help="only paths that contain this")
    asked = parser.parse_args()
    asked.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, openai_stub() as stub, sync_playwright() as playwright:
        runs = Operator(Path(folder) / "data", ZAI_ALLOW_PRIVATE_ADDRESSES="yes")
        with runs.serving() as gateway, launched(playwright) as browser:
            site = Site(runs, gateway)
            windows = Windows(browser, site)
            links = _links(site)
            _take(windows, [path for path in _OF_NOBODY if "{setup}" in path], None, "way-in", links, asked)
            _take(windows, _FIRST, Role.OWNER, "first", links, asked)
            runs.add_openai(stub)
            fill(site)
            links = _links(site)
            _take(
                windows, [path for path in _OF_NOBODY if "{setup}" not in path], None, "way-in", links, asked
            )
            _take(windows, FILLED, Role.OWNER, "owner", links, asked)
            _take_done(windows, links, asked)
            _take(windows, _OF_MEMBERS[:2], Role.MEMBER, "member", links, asked)
            _take(windows, _OF_MEMBERS, Role.VIEWER, "viewer", links, asked)
            windows.close()
    print(f"in {asked.to}")


def _links(site: Site) -> dict[str, str]:
    """What stands in the paths."""
    with site.accounts() as accounts:
        setup = accounts.people.setup_link()
        place = accounts.the_workspace()
        keys = accounts.api_keys.list(operator(), place.id)
        providers = accounts.provider_keys.list(operator(), place.id)
        invited = accounts.members.list(operator(), place.id)
        links = {
            "slug": place.slug,
            "key": keys[min(1, len(keys) - 1)].id,
            "providers/id": providers[-1].id,
            "members/id": invited[-1].id if invited else "",
        }
        if setup is not None:
            return {**links, "setup": setup.token}
        waiting = next((each for each in invited if each.person is None), None)
        if waiting is None:
            return links
        return {
            **links,
            "invitation": accounts.people.invite(operator(), place.id, waiting.id).token,
            "reset": accounts.people.reset_link(operator(), "hedy@example.com").token,
        }


def _take_done(windows: Windows, links: dict[str, str], asked: argparse.Namespace) -> None:
    """What a form is answered with: what is wrong with it, and what is shown once."""
    for dark in (False, True):
        for phone in (False, True):
            look = f"{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}"
            page = windows.blank(windows.site.token(Role.OWNER), dark, phone)
            for label, path, typed, button in _DONE:
                if asked.only not in path:
                    continue
                page.goto(_filled(path, links))
                for name, value in typed.items():
                    page.get_by_label(name, exact=True).fill(value.replace("{look}", look))
                page.get_by_role("button", name=button).click()
                page.wait_for_load_state()
                _keep(page, asked, f"done-{label}-{look}")
            page.context.close()


def _filled(path: str, links: dict[str, str]) -> str:
    for thing in ("providers", "members"):
        path = path.replace(f"/{thing}/{{id}}", f"/{thing}/{links.get(f'{thing}/id')}")
    return path.format_map(links)


def _keep(page: Page, asked: argparse.Namespace, name: str) -> None:
    page.screenshot(path=asked.to / f"{name}.png", full_page=True)


def _take(
    windows: Windows,
    paths: Sequence[str],
    role: Role | None,
    label: str,
    links: dict[str, str],
    asked: argparse.Namespace,
) -> None:
    for dark in (False, True):
        for phone in (False, True):
            look = f"{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}"
            page = windows.blank(None if role is None else windows.site.token(role), dark, phone)
            for path in paths:
                if asked.only not in path:
                    continue
                page.goto(_filled(path, links))
                name = re.sub(
                    r"[^a-z-]+", "-", re.sub(r"\{(\w+)\}", r"\1", path.replace("/w/{slug}", "/home"))
                ).strip("-")
                _keep(page, asked, f"{label}-{name}-{look}")
            page.context.close()


if __name__ == "__main__":
    main()
