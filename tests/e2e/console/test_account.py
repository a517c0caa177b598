"""The account of whoever is signed in."""

from playwright.sync_api import expect

from tests.e2e.console.browsing import Windows
from tests.e2e.console.site import HERE, PASSWORD, Site, email_of
from tests.e2e.console.watching import Axe
from zai_gateway.accounts.actor import Role, operator


def test_name_and_password_are_changed(windows: Windows, site: Site, axe: Axe) -> None:
    token = site.join(Role.MEMBER, site.workspace.id, "rosa@example.com", "Rosa")
    with site.accounts() as accounts:
        elsewhere = accounts.people.sign_in("rosa@example.com", PASSWORD, HERE).token
    page = windows.blank(token)
    page.goto("/account")
    expect(page.get_by_text("this one")).to_be_visible()
    axe(page)
    page.get_by_label("Your name").fill("Rosa Luxemburg")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_text("Your name is changed.")).to_be_visible()
    page.get_by_label("The one you have").fill("not this one at all")
    page.get_by_label("A new one").fill("other plain words")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("This is not your password.")).to_be_visible()
    axe(page)
    page.get_by_label("The one you have").fill(PASSWORD)
    page.get_by_label("A new one").fill("other plain words")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password is changed")).to_be_visible()
    assert site.send("GET", "/account", elsewhere).status == 303
    assert site.send("GET", "/account", token).status == 200


def test_signing_out_everywhere_asks_first(windows: Windows, site: Site, axe: Axe) -> None:
    token = site.join(Role.MEMBER, site.workspace.id, "nina@example.com", "Nina")
    page = windows.blank(token)
    page.goto("/account")
    page.get_by_role("button", name="Sign out everywhere").click()
    axe(page)
    page.get_by_role("button", name="Cancel").click()
    assert site.send("GET", "/account", token).status == 200
    page.get_by_role("button", name="Sign out everywhere").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_text("You are signed out everywhere: 1 session ended.")).to_be_visible()
    assert site.send("GET", "/account", token).status == 303


def test_a_person_who_is_in_no_workspace(windows: Windows, site: Site, axe: Axe) -> None:
    token = site.join(Role.MEMBER, site.workspace.id, "vera@example.com", "Vera")
    assert site.send("GET", site.path(), token).status == 200
    with site.accounts() as accounts:
        accounts.members.remove(operator(), site.workspace.id, "vera@example.com")
    # A role that was taken away holds at the next click.
    assert site.send("GET", site.path(), token).status == 404
    page = windows.blank(token)
    page.goto("/")
    expect(page.get_by_text("You are in no workspace at the moment.")).to_be_visible()
    axe(page)


def test_the_look_is_chosen_without_scripts(windows: Windows, site: Site) -> None:
    page = windows.of(Role.OWNER, scripts=False)
    page.goto("/account")
    page.get_by_label("Dark").check()
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_label("As my system has it").check()
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("html")).not_to_have_attribute("data-theme", "dark")


def test_names_are_checked_and_kept_in_the_form(site: Site) -> None:
    long = "x" * 300
    refused = site.post("/account/name", {"name": long}, Role.OWNER)
    assert refused.status == 422
    assert long in refused.text
    assert email_of(Role.OWNER) in refused.text
