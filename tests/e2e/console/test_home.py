"""Home: steps that tick themselves off, how to connect, and what is shown when all is done."""

import json
import os
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.console.browsing import Windows
from tests.e2e.console.site import Site
from tests.e2e.console.watching import Axe
from tests.e2e.gateway_process import PATIENCE, until
from zai_gateway.accounts.actor import Role, operator
from zai_gateway.accounts.api_keys import KeySearch
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.records import Health, ProviderKey
from zai_gateway.accounts.terms import KeyChanges

_EDITORS = {
    "VS Code": '"url": "{base}/chat/completions"',
    "Cursor": "{base}",
    "Claude Code": "export ANTHROPIC_BASE_URL={root}\n",
    "Codex": 'base_url = "{base}"',
    "Continue": 'apiBase: "{base}"',
}
"""What stands in the set-up of each."""


class Place:
    """A workspace of one test's own, with providers and an owner, and whoever else is asked for."""

    def __init__(self, site: Site, stub_url: str) -> None:
        self.site = site
        self.workspace = site.another_workspace(f"Place {os.urandom(4).hex()}")
        self.path = f"/w/{self.workspace.slug}"
        with site.accounts() as accounts:
            for each in (
                NewProviderKey(provider="demo", secret=""),
                NewProviderKey(provider="openai", secret="sk-upstream-4b1d", base_url=stub_url),
            ):
                accounts.provider_keys.add(operator(), self.workspace.id, each)

    def join(self, role: Role) -> str:
        """The session of a new person."""
        return self.site.join(role, self.workspace.id, f"{os.urandom(6).hex()}@example.com", "Somebody")

    def break_provider(self) -> None:
        """As a test that the provider refuses does."""

        def refused(_key: ProviderKey, _secret: str) -> Health:
            return Health(at_ms=1_700_000_000_001, ok=False, said="your account is closed", status=401)

        with self.site.accounts() as accounts:
            accounts.provider_keys.test(operator(), self.workspace.id, "openai", refused)

    def remove_provider(self) -> None:
        """The only one that is not the demo."""
        with self.site.accounts() as accounts:
            accounts.provider_keys.remove(operator(), self.workspace.id, "openai")

    def revoke(self, name: str) -> None:
        """An API key."""
        with self.site.accounts() as accounts:
            (key,) = accounts.api_keys.list(operator(), self.workspace.id, KeySearch(text=name))
            accounts.api_keys.revoke(operator(), self.workspace.id, key.id)

    def test_provider(self) -> None:
        """With a probe of the test's own."""

        def taken(_key: ProviderKey, _secret: str) -> Health:
            return Health(
                at_ms=1_700_000_000_000, ok=True, said="it takes the key", status=200, latency_ms=87
            )

        with self.site.accounts() as accounts:
            accounts.provider_keys.test(operator(), self.workspace.id, "openai", taken)

    def issue(self, name: str, *allow: str) -> str:
        """A new API key."""
        with self.site.accounts() as accounts:
            wanted = KeyChanges(name=name, allow=allow)
            return accounts.api_keys.create(operator(), self.workspace.id, wanted).secret

    def ask(self, key: str, model: str, status: int = 200) -> None:
        """A request that is answered with this status."""
        body = {"model": model, "messages": [{"role": "user", "content": "Hello."}]}
        assert self.site.gateway.ask("/chat/completions", key, body).status == status


@pytest.fixture
def place(site: Site, stub_url: str) -> Place:
    return Place(site, stub_url)


def test_steps_tick_themselves_off(windows: Windows, place: Place, axe: Axe) -> None:
    page = windows.blank(place.join(Role.OWNER))
    page.goto(place.path)
    expect(page.get_by_text("1 of 4 done")).to_be_visible()
    expect(page.get_by_role("link", name="Test it")).to_be_visible()
    choose(page, "Python")
    axe(page)
    place.test_provider()
    expect(page.get_by_text("2 of 4 done")).to_be_visible()
    expect(page.get_by_text("openai answered in 87 ms.")).to_be_visible()
    key = place.issue("editor")
    expect(page.get_by_text("3 of 4 done")).to_be_visible()
    # What the reader chose below is not lost when the steps above are replaced.
    expect(page.locator("#way-python")).to_be_checked()
    place.ask(key, "openai/gpt-4o-mini")
    expect(page.get_by_text("Your first request is here.")).to_be_visible()
    expect(page.get_by_text("Get started")).to_be_hidden()
    row = page.get_by_role("row").filter(has_text="editor")
    expect(row).to_contain_text("openai/gpt-4o-mini")
    axe(page)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")
    expect(page.get_by_role("heading", name="Connect")).to_be_hidden()
    page.get_by_role("link", name="Connect a tool").click()
    choose(page, "VS Code")
    axe(page)


def test_a_request_to_the_demo_counts_and_is_said_to_be_one(windows: Windows, place: Place) -> None:
    page = windows.blank(place.join(Role.OWNER))
    page.goto(place.path)
    place.ask(place.issue("for the demo", "demo/*"), "demo/echo")
    expect(page.get_by_text("demo/echo answered, which is the demo.")).to_be_visible()
    expect(page.get_by_text("The demo answered: demo/echo.")).to_be_visible()
    expect(page.get_by_text("2 of 4 done")).to_be_visible()


def test_a_request_that_failed_is_no_first_request(windows: Windows, place: Place) -> None:
    page = windows.blank(place.join(Role.OWNER))
    page.goto(place.path)
    key = place.issue("for the demo", "demo/*")
    expect(page.get_by_text("1 of 4 done")).to_be_visible()
    place.ask(key, "demo/nowhere", status=404)
    expect(page.get_by_text("The last one failed: upstream_refused.")).to_be_visible()
    expect(page.get_by_text("1 of 4 done")).to_be_visible()
    place.ask(key, "demo/echo")
    expect(page.get_by_text("The demo answered: demo/echo.")).to_be_visible()


def test_what_breaks_later_is_no_beginning_again_and_is_told(
    windows: Windows, place: Place, axe: Axe
) -> None:
    key = place.issue("editor")
    place.ask(key, "openai/gpt-4o-mini")
    place.break_provider()
    place.revoke("editor")
    page = windows.blank(place.join(Role.OWNER))

    def at_home() -> None:
        page.goto(place.path)
        expect(page.get_by_role("heading", level=1)).to_have_text("Home")
        expect(page.get_by_role("heading", name="Get started")).to_have_count(0)
        expect(page.get_by_role("link", name="New API key")).to_be_visible()
        expect(page.locator("#home[hx-trigger]")).to_have_count(0)

    at_home()
    expect(page.get_by_text("Your account is closed")).to_be_visible()
    axe(page)
    page.get_by_role("main").get_by_role("link", name="openai", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("openai")
    place.remove_provider()
    at_home()
    page.get_by_role("link", name="Add a provider key").click()
    expect(page.get_by_role("heading", name="Add a provider")).to_be_visible()
    viewer = place.site.send("GET", place.path, place.join(Role.VIEWER)).text
    assert ("An owner or admin can add one." in viewer, "providers/new" in viewer) == (True, False)
    member = place.site.send("GET", place.path, place.join(Role.MEMBER)).text
    assert "No provider key is left" not in member


def test_many_requests_to_the_demo_hide_no_answer_of_a_provider(site: Site, place: Place) -> None:
    token, key = place.join(Role.OWNER), place.issue("for all")
    for _ in range(50):
        place.ask(key, "demo/echo")
    place.break_provider()
    assert "Get started" in site.send("GET", place.path, token).text
    place.ask(key, "openai/gpt-4o-mini")
    for _ in range(50):
        place.ask(key, "demo/echo")
    # Sums come a moment after the requests.
    until(False, lambda: "Get started" in site.send("GET", place.path, token).text)


def test_a_page_that_looks_as_it_should_is_left_alone(site: Site, place: Place) -> None:
    token = place.join(Role.VIEWER)
    home = site.send("GET", place.path, token)
    path = home.text.partition('hx-get="')[2].partition('"')[0].replace("&amp;", "&")
    assert site.send("GET", path, token).status == 204
    other = site.send("GET", f"{place.path}/tick?mark=another", token)
    assert (other.status, 'id="home"' in other.text) == (200, True)
    assert site.send("GET", path, site.token(Role.OWNER)).status == 404


def test_a_member_sees_its_own_steps_only(windows: Windows, place: Place, axe: Axe) -> None:
    place.issue("of somebody else")
    page = windows.blank(place.join(Role.MEMBER))
    page.goto(place.path)
    expect(page.get_by_text("0 of 2 done")).to_be_visible()
    expect(page.get_by_text("Add a provider key")).to_be_hidden()
    axe(page)


def test_a_viewer_is_offered_nothing_that_is_refused(windows: Windows, place: Place) -> None:
    page = windows.blank(place.join(Role.VIEWER))
    page.goto(place.path)
    expect(page.locator(".steps > li")).to_have_count(4)
    expect(page.locator(".steps .button")).to_have_count(0)


def test_every_way_to_connect_has_this_gateway_filled_in(windows: Windows, place: Place) -> None:
    page = windows.blank(place.join(Role.MEMBER), scripts=False)
    page.goto(f"{place.path}/connect")
    base = place.site.gateway.base_url
    for name, part in _EDITORS.items():
        choose(page, name)
        text = "\n".join(page.locator(".way:visible pre").all_inner_texts())
        assert part.format(base=base, root=base.removesuffix("/v1")) in text, name
        assert "YOUR_API_KEY" in text, name
        assert "openai/" in text, name


def test_what_is_copied_works(windows: Windows, place: Place) -> None:
    page = windows.blank(place.join(Role.MEMBER))
    page.goto(place.path)
    key = place.issue("for the terminal")
    command = shown(page, "curl", 0).replace("YOUR_API_KEY", key)
    program = shown(page, "Python", 1).replace("YOUR_API_KEY", key)
    assert json.loads(ran(["sh", "-c", f"{command} --silent"]))["object"] == "chat.completion"
    assert ran([sys.executable, "-c", program]).strip()


def test_copying_says_that_it_copied(windows: Windows, place: Place) -> None:
    page = windows.blank(place.join(Role.MEMBER))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{place.path}/connect")
    button = page.locator(".way:visible [data-copies]")
    button.click()
    expect(button).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == button.get_attribute("data-copies")


@pytest.mark.parametrize("rest", ["", "/tick", "/connect"])
def test_who_sees_a_home(site: Site, place: Place, rest: str) -> None:
    assert site.send("GET", place.path + rest).location.startswith("/sign-in?next=/w/")
    for role in Role:
        assert site.send("GET", place.path + rest, place.join(role)).status == 200
        assert site.send("GET", place.path + rest, site.token(role)).status == 404
        assert site.send("POST", place.path + rest, site.token(role), {}).status == 404


def choose(page: Page, way: str) -> None:
    page.locator(".ways > label").get_by_text(way, exact=True).click()


def shown(page: Page, way: str, piece: int) -> str:
    choose(page, way)
    return page.locator(".way:visible [data-copies]").nth(piece).get_attribute("data-copies") or ""


def ran(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
