"""Members, budgets and settings in a browser: invited, changed, limited, removed; and without scripts."""

import re

from playwright.sync_api import Page, expect

from tests.e2e.console.browsing import Windows
from tests.e2e.console.site import PASSWORD, Site
from tests.e2e.console.team_of import ADMIN_SECRET, OPERATOR, added, budget, management_key, team
from tests.e2e.console.watching import Axe
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.members import MemberChanges


def heading(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(text)


def test_somebody_is_invited_by_a_link_that_is_handed_on(
    windows: Windows, console: Page, site: Site, axe: Axe
) -> None:
    page = console
    page.get_by_role("link", name="Members").click()
    axe(page)
    page.get_by_role("link", name="Invite a member").first.click()
    page.get_by_label("Name", exact=True).fill("Rosalind")
    page.get_by_label("E-mail").fill("ada@example.com")
    axe(page)
    page.get_by_role("button", name="Add the member").click()
    expect(page.get_by_label("E-mail")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Rosalind")
    axe(page)
    page.get_by_label("E-mail").fill("rosalind@example.com")
    page.get_by_label("Role").select_option("viewer")
    page.get_by_role("button", name="Add the member").dblclick()
    heading(page, "Hand this link to Rosalind")
    axe(page)
    link = page.locator(".secret code").inner_text()
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.get_by_label("I have copied this link").check()
    page.get_by_role("button", name="Done").click()
    heading(page, "Rosalind")
    expect(page.get_by_text("Invited", exact=True)).to_be_visible()
    axe(page)
    assert len([each for each in team(site).members if each.name == "Rosalind"]) == 1
    guest = windows.blank()
    guest.goto(link)
    guest.get_by_label("Password").fill(PASSWORD)
    guest.get_by_role("button").last.click()
    expect(guest.get_by_role("status")).to_contain_text("You are in")
    page.reload()
    expect(page.get_by_text("Joined", exact=True)).to_be_visible()


def test_a_member_is_changed_and_removed_after_a_question(console: Page, site: Site, axe: Axe) -> None:
    page, of = console, added(site)
    page.goto(site.path(f"/members/{of.id}"))
    page.get_by_label("Name", exact=True).fill("Renamed")
    page.get_by_label("Role").select_option("admin")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("The member is changed.")
    heading(page, "Renamed")
    axe(page)
    remove = page.get_by_role("button", name="Remove")
    remove.click()
    expect(page.get_by_role("dialog")).to_contain_text("revoked at once")
    page.keyboard.press("Escape")
    expect(remove).to_be_focused()
    remove.click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_contain_text("Renamed is removed")
    expect(page.get_by_role("link", name="Renamed")).to_have_count(0)


def test_a_budget_is_set_seen_and_removed(console: Page, site: Site, axe: Axe) -> None:
    page, of = console, added(site)
    page.goto(site.path("/members/budgets"))
    axe(page)
    page.get_by_role("link", name="Set a budget").click()
    page.get_by_label("Whose").select_option(of.name)
    page.get_by_label("Limit").fill("lots")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Limit")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Whose")).to_have_value(of.id)
    axe(page)
    page.get_by_label("Limit").fill("25")
    page.get_by_role("button", name="Save").click()
    row = page.get_by_role("row").filter(has_text=of.name)
    expect(row).to_contain_text("of $25.00 a month")
    axe(page)
    row.get_by_role("link", name="Change").click()
    expect(page.get_by_label("Limit")).to_have_value("25.00")
    page.get_by_label("Limit").fill("30")
    page.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("of $30.00 a month")
    page.goto(site.path("/members"))
    expect(page.get_by_role("row").filter(has_text=of.name)).to_contain_text("of $30.00 a month")
    page.goto(site.path("/members/budgets"))
    row.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_contain_text("The budget is removed.")
    expect(row).to_have_count(0)


def test_settings_are_changed_and_a_management_key_is_made(console: Page, site: Site, axe: Axe) -> None:
    page = console
    page.goto(site.path("/settings"))
    axe(page)
    page.get_by_label("Requests a minute").fill("some")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Requests a minute")).to_have_attribute("aria-invalid", "true")
    axe(page)
    page.get_by_label("Requests a minute").fill("600")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("The rate limits are set.")
    expect(page.get_by_label("Requests a minute")).to_have_value("600")
    page.get_by_role("link", name="Make a management key").click()
    page.get_by_label("Name", exact=True).fill("terraform")
    axe(page)
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_text("Choose what it may do")).to_be_visible()
    axe(page)
    page.get_by_label("API keys: read").check()
    page.get_by_label("Usage: read").check()
    page.get_by_role("button", name="Make the key").click()
    heading(page, "Save the new management key terraform")
    axe(page)
    secret = page.locator(".secret code").inner_text()
    assert ADMIN_SECRET.fullmatch(secret)
    page.get_by_label("I have saved this key").check()
    page.reload()
    heading(page, "This management key was made already")
    page.get_by_role("link", name="Go to the settings").click()
    row = page.get_by_role("row").filter(has_text="terraform")
    expect(row).to_contain_text("usage:read")
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("Revoked")
    expect(row.get_by_role("button")).to_have_count(0)
    axe(page)


def test_all_of_it_works_without_scripts(windows: Windows, site: Site) -> None:
    page, of = windows.of(Role.ADMIN, scripts=False), added(site)
    page.goto(site.path(f"/members/{of.id}"))
    page.get_by_role("button", name="Make an invitation link").click()
    heading(page, f"Hand this link to {of.name}")
    page.get_by_label("I have copied this link").check()
    page.get_by_role("button", name="Done").click()
    page.get_by_role("link", name="Set a budget").click()
    page.get_by_label("Limit").fill("1.5")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("of $1.50 a month")).to_be_visible()
    page.goto(site.path(f"/members/{of.id}"))
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_contain_text(f"{of.name} is removed")
    page.goto(site.path("/audit"))
    page.get_by_label("What was done").select_option("Removed the member …")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".deed").first).to_contain_text(f"Grace removed the member {of.name}")


def test_a_page_that_is_old_by_now_says_so(console: Page, site: Site, axe: Axe) -> None:
    page, of = console, added(site)
    page.goto(site.path(f"/members/{of.id}"))
    page.get_by_label("Name", exact=True).fill("Unseen")
    with site.accounts() as accounts:
        accounts.members.update(OPERATOR, site.workspace.id, of.id, MemberChanges(role=Role.ADMIN))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("changed by somebody else meanwhile")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Unseen")
    axe(page)
    page.get_by_role("link", name="See the member as it is now").click()
    heading(page, of.name)


def test_a_viewer_and_a_member_read_only(windows: Windows, site: Site, axe: Axe) -> None:
    of = added(site)
    budget(site, of)
    management_key(site)
    for role in (Role.VIEWER, Role.MEMBER):
        page = windows.of(role)
        for path in ("/members", f"/members/{of.id}", "/members/budgets", "/settings"):
            page.goto(site.path(path))
            expect(page.locator("main form")).to_have_count(0)
            axe(page)
