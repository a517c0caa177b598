"""API keys in a browser: issued, found, changed, rotated and revoked, with scripts and without."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.console.browsing import Windows
from tests.e2e.console.keys_of import OPERATOR, SECRET
from tests.e2e.console.site import Site
from tests.e2e.console.watching import Axe
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.records import ApiKey
from zai_gateway.accounts.terms import KeyChanges


@pytest.fixture
def ci(site: Site) -> ApiKey:
    """A key of the workspace's own, with terms of every kind."""
    terms = KeyChanges(
        name="ci", cap=5_000_000_000, allow=("demo/*", "openai/gpt-5.4"), tags=("nightly",), rpm=60
    )
    with site.accounts() as accounts:
        return accounts.api_keys.create(OPERATOR, site.workspace.id, terms).key


def issue(page: Page, site: Site, name: str) -> str:
    """Issues a key by the form, and gives its secret."""
    page.goto(site.path("/keys/new"))
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Issue API key").click()
    return page.locator(".secret code").inner_text()


def heading(page: Page, text: str | re.Pattern[str]) -> None:
    """Waits for the page with that heading."""
    expect(page.get_by_role("heading", level=1)).to_contain_text(text)


def test_a_key_is_issued_shown_once_and_works(console: Page, site: Site, axe: Axe) -> None:
    page = console
    page.get_by_role("link", name="API keys").click()
    page.get_by_role("link", name="Issue API key").click()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    axe(page)
    page.get_by_label("Name", exact=True).fill("backend")
    page.get_by_label("Spend cap").fill("five")
    page.get_by_label("Only those that I choose").check()
    page.get_by_label("Find a model").fill("DEMO echo")
    expect(page.locator("[data-model]:visible")).to_have_count(1)
    page.get_by_label("echo", exact=True).check()
    page.get_by_label("Find a model").fill("no such model")
    expect(page.get_by_text("No model of this workspace matches.")).to_be_visible()
    page.get_by_label("Find a model").press("Enter")
    page.get_by_label("Names and patterns").fill("openai/*")
    expect(page.locator(".is-matched").first).to_be_attached()
    page.get_by_role("button", name="Issue API key").click()
    # What was wrong, with everything else as it was.
    expect(page.get_by_label("Spend cap")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Spend cap")).to_have_value("five")
    expect(page.get_by_label("demo/echo", exact=True)).to_be_checked()
    axe(page)
    page.get_by_label("Spend cap").fill("5.00")
    page.get_by_label("Over").select_option("A month")
    page.get_by_role("button", name="Issue API key").click()
    heading(page, "Save the new key backend")
    axe(page)
    secret = page.locator(".secret code").inner_text()
    assert SECRET.fullmatch(secret)
    page.get_by_role("button", name="Copy key").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.get_by_role("button", name="Done").click()
    # Not before it is said to be saved.
    heading(page, "Save the new key backend")
    page.get_by_label("I have saved this key").check()
    page.get_by_role("button", name="Done").click()
    heading(page, "backend")
    expect(page.get_by_text("of $5.00 a month")).to_be_visible()
    assert secret not in page.content()
    assert site.gateway.ask("/me", secret).status == 200


def test_a_double_click_makes_one_key_and_loading_again_no_second(console: Page, site: Site) -> None:
    page = console
    page.goto(site.path("/keys/new"))
    page.get_by_label("Name", exact=True).fill("double")
    page.get_by_role("button", name="Issue API key").dblclick()
    heading(page, "Save the new key double")
    page.get_by_label("I have saved this key").check()
    # The browser sends the form again.
    page.reload()
    heading(page, "This key was issued already")
    assert not SECRET.search(page.content())
    page.get_by_role("link", name="Go to double").click()
    heading(page, "double")
    page.goto(site.path("/keys?q=double"))
    expect(page.locator("tbody tr")).to_have_count(1)


def test_the_list_is_searched_as_one_types(console: Page, site: Site, ci: ApiKey, axe: Axe) -> None:
    page = console
    issue(page, site, "other")
    page.goto(site.path("/keys"))
    axe(page)
    expect(page.get_by_role("link", name="other")).to_be_visible()
    page.get_by_role("searchbox").press_sequentially("nightly")
    expect(page.get_by_role("link", name="other")).to_have_count(0)
    expect(page).to_have_url(f"{site.url}{site.path('/keys?q=nightly')}")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.get_by_label("State").select_option("Revoked")
    expect(page.get_by_text("No key matches")).to_be_visible()
    axe(page)
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("nightly")
    expect(page.get_by_label("State")).to_have_value("revoked")
    page.get_by_label("State").select_option("Not revoked")
    page.get_by_role("row").filter(has_text=ci.prefix).get_by_role("link").click()
    heading(page, "ci")


def test_a_key_is_changed(console: Page, site: Site, ci: ApiKey, axe: Axe) -> None:
    page = console
    page.goto(site.path(f"/keys/{ci.id}"))
    axe(page)
    page.get_by_role("link", name="Edit").click()
    axe(page)
    expect(page.get_by_label("Names and patterns")).to_have_value("demo/*")
    page.get_by_label("A day").fill("1.50")
    page.get_by_label("Tags").fill("nightly weekly")
    page.get_by_label("Every model").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("The key is changed.")
    expect(page.get_by_text("of $1.50 a day")).to_be_visible()
    expect(page.get_by_text("every model")).to_be_visible()
    expect(page.get_by_text("weekly")).to_be_visible()


def test_a_key_is_rotated(console: Page, site: Site, axe: Axe) -> None:
    page = console
    before = issue(page, site, "rotating")
    page.get_by_label("I have saved this key").check()
    page.get_by_role("button", name="Done").click()
    page.get_by_role("link", name="Rotate").click()
    axe(page)
    page.get_by_role("button", name="Rotate").click()
    heading(page, "Save the new secret of rotating")
    after = page.locator(".secret code").inner_text()
    assert after != before
    assert [site.gateway.ask("/me", key).status for key in (before, after)] == [200, 200]
    page.get_by_label("I have saved this key").check()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text("Earlier secrets that still work")).to_be_visible()
    expect(page.get_by_text(f"{before[:12]}…")).to_be_visible()
    axe(page)


def test_a_revocation_is_asked_for_and_undone(console: Page, site: Site, ci: ApiKey, axe: Axe) -> None:
    page = console
    page.goto(site.path(f"/keys/{ci.id}"))
    revoke = page.get_by_role("button", name="Revoke")
    revoke.click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(revoke).to_be_focused()
    revoke.click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status")).to_contain_text("ci is revoked.")
    expect(page.get_by_role("link", name="Edit")).to_have_count(0)
    axe(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("ci works again.")
    expect(page.get_by_role("link", name="Edit")).to_be_visible()


def test_all_of_it_works_without_scripts(windows: Windows, site: Site) -> None:
    page = windows.of(Role.MEMBER, scripts=False)
    page.goto(site.path("/keys"))
    page.get_by_role("link", name="Issue the first one").click()
    expect(page.get_by_label("Find a model")).to_be_hidden()
    page.get_by_label("Name", exact=True).fill("plain")
    page.get_by_label("Only those that I choose").check()
    page.get_by_label("echo", exact=True).check()
    page.get_by_role("button", name="Issue API key").click()
    assert SECRET.fullmatch(page.locator(".secret code").inner_text())
    page.get_by_label("I have saved this key").check()
    page.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("it opens nothing any more")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("plain works again.")).to_be_visible()
    page.goto(site.path("/keys"))
    page.get_by_role("searchbox").fill("plain")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name="plain")).to_be_visible()


def test_who_was_signed_out_meanwhile_is_led_to_sign_in_and_nothing_is_made(
    windows: Windows, site: Site
) -> None:
    token = site.join(Role.ADMIN, site.workspace.id, "mary@example.com", "Mary")
    page = windows.blank(token)
    page.goto(site.path("/keys/new"))
    site.send("POST", "/account/sign-out-everywhere", token, {})
    page.get_by_label("Name", exact=True).fill("after-the-end")
    page.get_by_role("button", name="Issue API key").click()
    heading(page, "Sign in")
    with site.accounts() as accounts:
        names = [key.name for key in accounts.api_keys.list(OPERATOR, site.workspace.id)]
    assert "after-the-end" not in names


def test_a_workspace_without_keys_is_told_what_they_are(windows: Windows, site: Site, axe: Axe) -> None:
    place = site.another_workspace("Empty")
    page = windows.blank(site.join(Role.OWNER, place.id, "empty@example.com", "Emmy"))
    page.goto(f"/w/{place.slug}/keys")
    expect(page.get_by_text("No API keys yet")).to_be_visible()
    axe(page)
    page.get_by_role("link", name="Issue the first one").click()
    page.get_by_label("Only those that I choose").check()
    expect(page.get_by_text("This workspace has no models to choose from yet")).to_be_visible()
    axe(page)
