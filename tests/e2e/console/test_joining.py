"""Joining by links that work once: the set-up, invitations, and other passwords."""

import pytest
from playwright.sync_api import expect

from tests.e2e.console.browsing import Windows
from tests.e2e.console.site import COOKIE, HERE, PASSWORD, Site
from tests.e2e.console.watching import Axe
from tests.e2e.gateway_process import Operator
from zai_gateway.accounts.actor import Role, operator

NEW = {"name": "Someone", "password": PASSWORD}


def invited(site: Site, email: str, role: Role = Role.MEMBER) -> str:
    """The path of an invitation into the first workspace."""
    with site.accounts() as accounts:
        member = accounts.members.add(operator(), site.workspace.id, email.partition("@")[0], email, role)
        return accounts.people.invite(operator(), site.workspace.id, member.id).path


def elsewhere(site: Site, email: str) -> str:
    """The session of a person who is in another workspace only."""
    place = site.another_workspace(f"Place of {email}")
    return site.join(Role.OWNER, place.id, email, email.partition("@")[0])


def test_the_first_owner_sets_up(
    windows: Windows, tmp_path_factory: pytest.TempPathFactory, axe: Axe
) -> None:
    owner = Operator(tmp_path_factory.mktemp("new") / "data")
    with owner.serving() as gateway:
        fresh = Site(owner, gateway)
        with fresh.accounts() as accounts:
            link = accounts.people.setup_link()
        assert link is not None
        page = windows.blank()
        page.goto(f"{fresh.url}/sign-in")
        expect(page.get_by_text("Nobody has signed up here yet.")).to_be_visible()
        page.goto(f"{fresh.url}{link.path}")
        axe(page)
        page.get_by_label("Workspace").fill("Engines")
        page.get_by_label("Your name").fill("Ada")
        page.get_by_label("E-mail").fill("ada@example.com")
        page.get_by_label("Password").fill("ada@example.com")
        page.get_by_role("button", name="Make my account").click()
        expect(page.get_by_text("Your own name or e-mail is no secret")).to_be_visible()
        expect(page.get_by_label("Workspace")).to_have_value("Engines")
        axe(page)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Make my account").click()
        expect(page.get_by_text("You are the owner of this workspace.")).to_be_visible()
        expect(page.locator(".switcher > summary")).to_contain_text("Engines")
        again = fresh.post(link.path, {**NEW, "email": "eve@example.com", "workspace": "Evil"})
        assert again.status == 404
        assert "set this gateway up already" in again.text
        assert len(fresh.operator.rows("person")) == 1


def test_an_invitation_makes_an_account(windows: Windows, site: Site, axe: Axe) -> None:
    page = windows.blank()
    page.goto(invited(site, "mary@example.com"))
    expect(page.get_by_label("E-mail")).to_have_value("mary@example.com")
    axe(page)
    page.get_by_label("Your name").fill("Mary")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make my account and join").click()
    expect(page).to_have_url(f"{site.url}{site.path()}")
    expect(page.locator(".person > summary")).to_contain_text("Mary")


def test_one_who_is_known_signs_in_and_joins(windows: Windows, site: Site, axe: Axe) -> None:
    elsewhere(site, "joan@example.com")
    page = windows.blank()
    page.goto(invited(site, "joan@example.com", Role.ADMIN))
    page.get_by_role("link", name="Sign in to join").click()
    expect(page.get_by_label("E-mail")).to_have_value("joan@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    axe(page)
    page.get_by_role("button", name="Join the workspace").click()
    expect(page).to_have_url(f"{site.url}{site.path()}")
    page.locator(".switcher > summary").click()
    page.get_by_role("link", name="Place of joan@example.com").click()
    expect(page.locator(".switcher > summary")).to_contain_text("Place of joan@example.com")


def test_an_invitation_of_somebody_else(windows: Windows, site: Site, axe: Axe) -> None:
    token = elsewhere(site, "lise@example.com")
    path = invited(site, "other@example.com")
    refused = site.send("POST", f"{path}/accept", token, {})
    assert refused.status == 403
    page = windows.blank(token)
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_have_text("This invitation is for somebody else")
    axe(page)
    page.get_by_role("button", name="Sign out and go on").click()
    expect(page.get_by_role("button", name="Make my account and join")).to_be_visible()


def test_an_invitation_works_once(site: Site) -> None:
    path = invited(site, "once@example.com")
    assert site.post(path, NEW).status == 303
    again = site.post(path, NEW)
    assert again.status == 404
    assert "does not hold any more" in again.text
    assert site.ask(path).status == 404


def test_a_link_of_one_kind_opens_no_other_door(site: Site) -> None:
    token = invited(site, "door@example.com").rpartition("/")[2]
    answers = [site.ask(f"/{kind}/{token}") for kind in ("setup", "reset")]
    answers += [
        site.post(f"/{kind}/{token}", {**NEW, "email": "x@example.com"}) for kind in ("setup", "reset")
    ]
    assert [each.status for each in answers] == [404] * 4
    assert all("does not hold any more" in each.text for each in answers)
    assert not any(each.cookies for each in answers)


def test_joining_asks_for_the_session_and_its_form(site: Site) -> None:
    token = elsewhere(site, "ida@example.com")
    path = invited(site, "ida@example.com")
    assert site.post(f"{path}/accept", {}).location == "/sign-in"
    assert site.send("POST", f"{path}/accept", token, [("csrf", "nonsense")]).status == 403
    assert site.send("POST", f"{path}/accept", token, {}).location == site.path()


def test_another_password_by_a_link(windows: Windows, site: Site, axe: Axe) -> None:
    before = elsewhere(site, "emmy@example.com")
    with site.accounts() as accounts:
        path = accounts.people.reset_link(operator(), "emmy@example.com").path
    page = windows.blank()
    page.goto(path)
    axe(page)
    page.get_by_label("Password").fill("too short")
    page.get_by_label("Password").evaluate("field => field.removeAttribute('minlength')")
    page.get_by_role("button", name="Set it and sign in").click()
    expect(page.get_by_text("A password has 10 to 256 characters")).to_be_visible()
    page.get_by_label("Password").fill("other plain words")
    page.get_by_role("button", name="Set it and sign in").click()
    expect(page.get_by_text("Your password is set")).to_be_visible()
    assert site.send("GET", "/account", before).status == 303
    with site.accounts() as accounts:
        assert accounts.people.sign_in("emmy@example.com", "other plain words", HERE)
    page.goto(path)
    expect(page.get_by_text("zai admin person reset-password")).to_be_visible()
    axe(page)


def test_no_page_tells_a_password_or_keeps_a_token(site: Site) -> None:
    path = invited(site, "quiet@example.com")
    wrong = site.post(path, {"name": "", "password": "a secret that is typed"})
    assert wrong.status == 422
    assert "a secret that is typed" not in wrong.text
    assert wrong.headers["cache-control"] == "no-store"
    assert wrong.headers["referrer-policy"] == "same-origin"
    assert not any(COOKIE in each for each in wrong.cookies)
