"""Members, budgets, audit and settings over plain HTTP: every route by every role, and things of others."""

import pytest

from tests.e2e.console.site import Site
from tests.e2e.console.team_of import OPERATOR, added, budget, elsewhere, forms, management_key, plain, team
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.members import MemberChanges
from zai_gateway.accounts.records import Workspace
from zai_gateway.accounts.sights import sight

ADMINS = {Role.OWNER, Role.ADMIN}
READERS = ADMINS | {Role.VIEWER}
PAGES = {
    "/members": set(Role),
    "/members/new": ADMINS,
    "/members/budgets": set(Role),
    "/members/budgets/set": ADMINS,
    "/members/{id}": set(Role),
    "/audit": READERS,
    "/audit.csv": READERS,
    "/settings": set(Role),
    "/settings/management-keys/new": ADMINS,
}
SHOWN_ONCE = ("/members/new", "/link", "/settings/management-keys/new")
"""What answers with a page of its own, that is shown once."""


def here(site: Site) -> Workspace:
    return team(site).workspace


@pytest.mark.parametrize("role", Role)
def test_who_sees_which_page(site: Site, role: Role) -> None:
    of = added(site)
    for page, roles in PAGES.items():
        answer = site.ask(site.path(page.format(id=of.id)), role)
        assert answer.status == (200 if role in roles else 403), page
        assert of.email not in answer.text or role in roles
        if role not in ADMINS:
            for offered in ("/members/new", "/edit", "/remove", "/link", "/settings/name", "/revoke"):
                assert f'{offered}"' not in answer.text, (page, offered)
            assert 'name="seen"' not in answer.text


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_who_may_change_nothing_changes_nothing(site: Site, role: Role) -> None:
    of, key = added(site), management_key(site)
    sent = forms(of, budget(site, of), key, here(site))
    before = team(site)
    for path, fields in sent.items():
        assert site.post(site.path(path), fields, role).status == 403, path
    assert team(site) == before


@pytest.mark.parametrize("role", sorted(ADMINS))
@pytest.mark.parametrize("number", range(10))
def test_each_form_does_one_thing(site: Site, role: Role, number: int) -> None:
    site.token(role)
    of, key = added(site), management_key(site)
    limit = budget(site, of)
    before = team(site)
    sent = forms(of, limit, key, before.workspace)
    assert len(sent) == 10
    path, fields = list(sent.items())[number]
    answer = site.post(site.path(path), fields, role)
    assert answer.status == (200 if path.endswith(SHOWN_ONCE) else 303), answer.text
    after = team(site)
    changed = {name for name in after.__struct_fields__ if getattr(after, name) != getattr(before, name)}
    done = path.removeprefix(f"/members/{of.id}").removeprefix(f"/settings/management-keys/{key.id}")
    assert (
        changed
        == {
            "/members/new": {"members", "invitations"},
            "/members/budgets/set": {"budgets"},
            "/members/budgets/remove": {"budgets"},
            "/edit": {"members"},
            "/link": {"invitations"},
            "/remove": {"members", "budgets"},
            "/settings/name": {"workspace"},
            "/settings/rates": {"workspace"},
            "/settings/management-keys/new": {"keys"},
            "/revoke": {"keys"},
        }[done]
    )


def test_nobody_is_led_to_the_sign_in(site: Site) -> None:
    of, key = added(site), management_key(site)
    sent = forms(of, budget(site, of), key, here(site))
    before = team(site)
    for page in PAGES:
        answer = site.ask(site.path(page.format(id=of.id)))
        assert answer.status == 303
        assert answer.location.startswith("/sign-in?next=")
    for path, fields in sent.items():
        answer = site.post(site.path(path), fields)
        assert (answer.status, answer.location) == (303, "/sign-in"), path
    assert team(site) == before


@pytest.mark.parametrize("role", Role)
def test_nothing_of_another_workspace_is_there(site: Site, role: Role) -> None:
    place = elsewhere(site)
    theirs, their_key = added(site, workspace=place.id), management_key(site, place.id)
    their_budget = budget(site, theirs)
    before, ours = team(site, place.id), team(site)
    allowed = role in ADMINS
    for path, fields in forms(theirs, their_budget, their_key, before.workspace).items():
        # Under their own address there is nothing at all, also for owners of other workspaces.
        assert site.post(f"/w/{place.slug}{path}", fields, role).status == 404, path
        if theirs.id not in f"{path} {fields}" and their_key.id not in path:
            continue
        answer = site.post(site.path(path), fields, role)
        refused = {422} if path.endswith("budgets/set") else {404}
        assert answer.status in (refused if allowed else {403, 404}), path
        assert theirs.name not in answer.text
        assert their_key.name not in answer.text
    for page in PAGES:
        assert site.ask(f"/w/{place.slug}{page.format(id=theirs.id)}", role).status == 404
    answer, unknown = (site.ask(site.path(f"/members/{id}"), role) for id in (theirs.id, f"mem_{'0' * 26}"))
    assert (answer.status, unknown.status) == (404, 404)
    assert plain(answer).replace(theirs.id, "") == plain(unknown).replace(f"mem_{'0' * 26}", "")
    assert (team(site, place.id), team(site)) == (before, ours)


@pytest.mark.parametrize("role", sorted(READERS))
def test_the_audit_of_another_workspace_is_not_reached_by_any_filter(site: Site, role: Role) -> None:
    place = elsewhere(site)
    theirs = added(site, workspace=place.id)
    with site.accounts() as accounts:
        last = accounts.audit.list(OPERATOR, place.id)[0]
    for query in (f"object={theirs.id}", f"q={theirs.name}", "actor=operator", f"before={last.id}", "deed=x"):
        for page in ("/audit", "/audit.csv"):
            answer = site.ask(site.path(f"{page}?{query}".replace(" ", "%20")), role)
            assert answer.status == 200
            assert f">{theirs.name}<" not in answer.text
            assert theirs.email not in answer.text


def test_owners_are_beyond_admins(site: Site) -> None:
    owner = next(each for each in team(site).members if each.role is Role.OWNER)
    before = team(site)
    page = site.ask(site.path(f"/members/{owner.id}"), Role.ADMIN)
    assert page.status == 200
    assert "changed and removed by owners only" in page.text
    assert 'value="owner"' not in site.ask(site.path("/members/new"), Role.ADMIN).text
    edit = {"name": "Low", "email": owner.email, "role": "viewer", "seen": ""}
    new = {"name": "High", "email": "high@example.com", "role": "owner"}
    for path, fields in (
        (f"/members/{owner.id}/edit", edit),
        (f"/members/{owner.id}/remove", {}),
        ("/members/new", new),
    ):
        answer = site.post(site.path(path), {"seen": "", **fields}, Role.ADMIN)
        assert answer.status in (403, 422), path
    assert team(site) == before


def test_the_last_owner_stays(site: Site) -> None:
    owner = next(each for each in team(site).members if each.role is Role.OWNER)
    path = site.path(f"/members/{owner.id}")
    page = site.ask(path, Role.OWNER)
    assert "You are the last owner of this workspace" in page.text
    assert f'{path}/remove"' not in page.text
    lower = {"name": owner.name, "email": owner.email, "role": "member", "seen": sight(owner)}
    for act, fields in (("/edit", lower), ("/remove", {"seen": sight(owner)})):
        answer = site.post(path + act, fields, Role.OWNER)
        assert answer.status == 422
        assert "is the last owner of this workspace: make somebody else an owner first" in answer.text
    assert next(each for each in team(site).members if each.id == owner.id) == owner


def test_a_role_that_was_taken_away_meanwhile_changes_nothing(site: Site) -> None:
    token = site.join(Role.ADMIN, site.workspace.id, "leaves@example.com", "Leaves")
    of, key = added(site), management_key(site)
    sent = forms(of, budget(site, of), key, here(site))
    with site.accounts() as accounts:
        changes = MemberChanges(role=Role.VIEWER)
        accounts.members.update(OPERATOR, site.workspace.id, "leaves@example.com", changes)
    before = team(site)
    assert {site.send("POST", site.path(path), token, fields).status for path, fields in sent.items()} == {
        403
    }
    with site.accounts() as accounts:
        accounts.members.remove(OPERATOR, site.workspace.id, "leaves@example.com")
    gone = team(site)
    assert {site.send("POST", site.path(path), token, fields).status for path, fields in sent.items()} == {
        404
    }
    assert {site.send("GET", site.path(page.format(id=of.id)), token).status for page in PAGES} == {404}
    assert team(site) == gone
    assert gone.budgets == before.budgets


def test_no_form_of_another_page_or_site_is_taken(site: Site) -> None:
    of, key = added(site), management_key(site)
    sent = forms(of, budget(site, of), key, here(site))
    before = team(site)
    for path, fields in sent.items():
        assert site.post(site.path(path), {**fields, "csrf": "0" * 64}, Role.OWNER).status == 403
        assert site.post(site.path(path), fields, Role.OWNER, sec_fetch_site="cross-site").status == 403
    assert team(site) == before
