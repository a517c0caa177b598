"""Entering the console: signing in and out, by whoever may."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.console.browsing import Windows
from tests.e2e.console.site import COOKIE, PASSWORD, Site, email_of
from tests.e2e.console.watching import Axe
from zai_gateway.accounts.actor import Role

OWNER = {"email": email_of(Role.OWNER), "password": PASSWORD}


def test_signing_in_leads_to_where_one_wanted_to_go(windows: Windows, site: Site, axe: Axe) -> None:
    page = windows.blank()
    page.goto("/account")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    axe(page)
    page.get_by_label("E-mail").fill(email_of(Role.OWNER))
    page.get_by_label("Password").fill("not this one at all")
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    expect(page.get_by_label("E-mail")).to_have_value(email_of(Role.OWNER))
    axe(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    expect(page).to_have_url(f"{site.url}/account")
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def test_signing_in_and_out_without_scripts(windows: Windows, site: Site) -> None:
    page = windows.of(None, scripts=False)
    page.get_by_label("E-mail").fill(email_of(Role.OWNER))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{site.url}{site.path()}")
    expect(page.get_by_role("link", name="Usage")).to_be_visible()
    page.locator(".person > summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{site.url}/sign-in")


def test_the_menus_work_by_the_keyboard_alone(console: Page) -> None:
    person = console.locator(".person > summary")
    person.focus()
    console.keyboard.press("Enter")
    switch = console.get_by_role("button", name="Light or dark")
    expect(switch).to_be_visible()
    console.keyboard.press("Escape")
    expect(switch).to_be_hidden()
    expect(person).to_be_focused()


def test_the_menu_of_a_phone_opens_and_closes(windows: Windows) -> None:
    page = windows.of(Role.OWNER, phone=True)
    usage = page.get_by_role("link", name="Usage")
    expect(usage).to_be_hidden()
    page.get_by_text("Menu").click(force=True)
    expect(usage).to_be_visible()
    page.keyboard.press("Escape")
    expect(usage).to_be_hidden()


def test_the_chosen_look_stays(console: Page) -> None:
    console.locator(".person > summary").click()
    console.get_by_role("button", name="Light or dark").click()
    expect(console.locator("html")).to_have_attribute("data-theme", "dark")
    console.reload()
    expect(console.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/w/",
        "//evil.example/w/",
        "/w//evil.example",
        "/\\evil.example",
        "/w/\\evil.example",
        "/w/\n/evil.example",
        "javascript:alert(1)",
        "/api/openapi.json",
        "/sign-out",
    ],
)
def test_no_link_leads_away_from_the_console(site: Site, wanted: str) -> None:
    token = site.token(Role.OWNER)
    came = site.post("/sign-in", {**OWNER, "next": wanted})
    assert (came.status, came.location) == (303, "/")
    assert site.send("GET", "/", token).location == site.path()


def test_a_path_of_the_console_is_where_one_comes_to(site: Site) -> None:
    asked = site.ask(f"{site.path()}?status=revoked&q=a%20b")
    assert asked.location == f"/sign-in?next={site.path()}%3Fstatus%3Drevoked%26q%3Da%2520b"
    came = site.post("/sign-in", {**OWNER, "next": f"{site.path()}?status=revoked&q=a%20b"})
    assert came.location == f"{site.path()}?status=revoked&q=a%20b"


def test_wrong_words_are_the_same_for_all(site: Site) -> None:
    known = site.post("/sign-in", {"email": email_of(Role.OWNER), "password": "not this one at all"})
    unknown = site.post("/sign-in", {"email": "nobody@example.com", "password": "not this one at all"})
    assert known.status == unknown.status == 422
    assert known.text.replace(email_of(Role.OWNER), "X") == unknown.text.replace("nobody@example.com", "X")
    assert not known.cookies
    assert "not this one at all" not in known.text


def test_after_many_tries_the_page_says_when_to_try_again(site: Site) -> None:
    wrong = {"email": "forgetful@example.com", "password": "not this one at all"}
    answers = [site.post("/sign-in", wrong) for _ in range(6)]
    assert [each.status for each in answers] == [422] * 5 + [429]
    last = answers[-1]
    assert 0 < int(last.headers["retry-after"]) <= 30
    assert "You can try again <time" in last.text


def test_a_session_that_ended_elsewhere_ends_here_too(site: Site) -> None:
    token = site.join(Role.VIEWER, site.workspace.id, "edith@example.com", "Edith")
    assert site.send("GET", site.path(), token).status == 200
    assert site.send("POST", "/account/sign-out-everywhere", token, {}).location == "/sign-in"
    looked = site.send("GET", site.path(), token)
    assert (looked.status, looked.location) == (303, f"/sign-in?next={site.path()}")
    did = site.send("POST", "/account/name", token, {"name": "Somebody"})
    assert (did.status, did.location) == (303, "/sign-in")
    assert any(each.startswith(f'{COOKIE}=""') for each in did.cookies)
    asked = {"hx-request": "true", "hx-current-url": f"{site.url}{site.path()}?range=7d"}
    part = site.send("GET", site.path(), token, headers=asked)
    assert part.headers["hx-redirect"] == f"/sign-in?next={site.path()}%3Frange%3D7d"


def test_nothing_is_posted_from_elsewhere(site: Site) -> None:
    token = site.token(Role.OWNER)
    evil = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    foreign = site.send("POST", "/account/name", token, {"name": "Mallory"}, evil)
    same_host = site.send(
        "POST", "/account/name", token, {"name": "Mallory"}, {"sec-fetch-site": "same-site"}
    )
    forged = site.send("POST", "/account/name", token, {"name": "Mallory", "csrf": "0" * 64})
    bare = site.send("POST", "/account/name", token, [("name", "Mallory"), ("csrf", "")])
    assert [each.status for each in (foreign, same_host, forged, bare)] == [403] * 4
    rebound = site.send("GET", "/account", token, headers={"host": "evil.example"})
    assert rebound.status == 421
    assert "Mallory" not in site.send("GET", "/account", token).text


def test_refusals_are_pages(windows: Windows, site: Site, axe: Axe) -> None:
    page = windows.of(Role.VIEWER)
    page.goto(site.path("/nowhere"))
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    expect(page.get_by_role("link", name="Usage")).to_be_visible()
    axe(page)
    page.goto("/w/not-mine")
    expect(page.get_by_text("There is no such workspace, or you are no member of it.")).to_be_visible()
    axe(page)


def test_the_door_itself_refuses_a_browser_with_a_page(site: Site) -> None:
    token, reads = site.token(Role.OWNER), {"accept": "text/html,application/xhtml+xml"}
    rebound = site.send("GET", "/sign-in", headers={**reads, "host": "evil.example"})
    large = site.send("POST", "/account/name", token, {"name": "x" * 2_000_000}, reads)
    program = site.send("GET", "/sign-in", headers={"host": "evil.example"})
    assert (rebound.status, large.status, program.status) == (421, 413, 421)
    assert all(each.text.startswith("<!doctype html>") for each in (rebound, large))
    assert "default-src 'none'" in rebound.headers["content-security-policy"]
    assert program.headers["content-type"] == "application/json"
