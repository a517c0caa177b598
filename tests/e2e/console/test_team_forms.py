"""The forms of members, budgets and settings over plain HTTP: done once, over nothing unseen, wrongs told."""

import re

import pytest

from tests.e2e.console.keys_of import hidden
from tests.e2e.console.site import PASSWORD, Site
from tests.e2e.console.team_of import (
    ADMIN_SECRET,
    LINK,
    OPERATOR,
    added,
    budget,
    management_key,
    member,
    team,
)
from zai_gateway.accounts.actor import Role, Scope
from zai_gateway.accounts.budgets import Holder
from zai_gateway.accounts.members import MemberChanges
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod
from zai_gateway.accounts.terms import WorkspaceChanges

MEANWHILE = "changed by somebody else meanwhile"


class TestMembers:
    """Inviting, changing and removing."""

    def test_an_invitation_lets_in_whom_it_names_and_is_shown_once(self, site: Site) -> None:
        fields = {"name": "Rosalind", "email": "Rosalind@Example.com", "role": "viewer", "invite": "yes"}
        shown = site.post(site.path("/members/new"), fields, Role.ADMIN)
        (path,) = set(LINK.findall(shown.text))
        assert f"{site.url}{path}" in shown.text
        # Sent again, it neither adds nor invites again, and leads to who is there.
        again = site.post(site.path("/members/new"), fields, Role.ADMIN)
        assert again.status == 422
        assert "osalind@example.com is a member already" in again.text
        assert not LINK.search(again.text)
        (rosalind,) = (each for each in team(site).members if each.email == "rosalind@example.com")
        assert f'/members/{rosalind.id}"' in again.text
        page = site.ask(site.path(f"/members/{rosalind.id}"), Role.ADMIN)
        assert "Invited" in page.text
        assert not LINK.search(page.text)
        joined = site.post(path, {"name": "Rosalind", "password": PASSWORD})
        assert joined.status == 303
        page = site.ask(site.path(f"/members/{rosalind.id}"), Role.ADMIN)
        assert "Joined" in page.text
        assert "/link" not in page.text

    def test_a_member_without_an_invitation_is_one_all_the_same(self, site: Site) -> None:
        fields = {"name": "Server", "email": "server@example.com", "role": "member"}
        assert site.post(site.path("/members/new"), fields, Role.OWNER).status == 303
        (server,) = (each for each in team(site).members if each.email == "server@example.com")
        assert server.id not in team(site).invitations
        assert "Not invited" in site.ask(site.path(f"/members/{server.id}"), Role.OWNER).text

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"name": ""}, "A name has 1 to 100"),
            ({"name": "x" * 101}, "A name has 1 to 100"),
            ({"email": "nobody"}, "is not an address"),
            ({"role": "king"}, "Choose one of the roles"),
            ({"role": ""}, "Choose one of the roles"),
        ],
    )
    def test_what_is_wrong_is_told_and_nothing_done(
        self, site: Site, wrong: dict[str, str], said: str
    ) -> None:
        of, before = added(site), team(site)
        fields = {"name": "Kept name", "email": "kept@example.com", "role": "viewer", **wrong}
        seen = hidden(site.ask(site.path(f"/members/{of.id}"), Role.OWNER), "seen")
        for path in ("/members/new", f"/members/{of.id}/edit"):
            answer = site.post(site.path(path), {**fields, "seen": seen}, Role.OWNER)
            assert answer.status == 422
            assert said in answer.text
            assert "Kept name" in answer.text or "kept@example.com" in answer.text
        with_new = [each for each in team(site).members if each not in before.members]
        assert [each for each in with_new if each.id != of.id] == []
        assert member(site, of.id) == of

    def test_a_new_link_ends_the_one_before_and_an_old_page_makes_none(self, site: Site) -> None:
        of = added(site)
        path = site.path(f"/members/{of.id}")
        links: list[str] = []
        for _ in range(2):
            fields = {"seen": link_seen(site, path)}
            links += set(LINK.findall(site.post(f"{path}/link", fields, Role.ADMIN).text))
            again = site.post(f"{path}/link", fields, Role.ADMIN)
            assert (again.status, again.location) == (303, path)
            assert not LINK.search(again.text)
        assert len(set(links)) == 2
        assert [site.ask(link).status for link in links] == [404, 200]

    def test_a_change_over_one_that_was_not_seen_is_refused(self, site: Site) -> None:
        of = added(site)
        path = site.path(f"/members/{of.id}")
        seen = hidden(site.ask(path, Role.ADMIN), "seen")
        fields = {"name": "Mine", "email": of.email, "role": "viewer", "seen": seen}
        with site.accounts() as accounts:
            accounts.members.update(OPERATOR, site.workspace.id, of.id, MemberChanges(name="Theirs"))
        for _ in range(2):
            answer = site.post(f"{path}/edit", fields, Role.ADMIN)
            assert answer.status == 422
            assert MEANWHILE in answer.text
            assert 'value="Mine"' in answer.text
        removed = site.post(f"{path}/remove", {"seen": seen}, Role.ADMIN)
        assert removed.status == 422
        assert MEANWHILE in removed.text
        assert member(site, of.id).name == "Theirs"

    def test_whoever_is_removed_is_out_at_once_and_twice_is_once(self, site: Site) -> None:
        token = site.join(Role.MEMBER, site.workspace.id, "out@example.com", "Out")
        (out,) = (each for each in team(site).members if each.email == "out@example.com")
        path = site.path(f"/members/{out.id}")
        seen = hidden(site.ask(path, Role.OWNER), "seen")
        removed = site.post(f"{path}/remove", {"seen": seen}, Role.OWNER)
        assert (removed.status, removed.location) == (303, site.path("/members"))
        assert site.post(f"{path}/remove", {"seen": seen}, Role.OWNER).status == 404
        assert site.send("GET", site.path(), token).status == 404

    def test_a_member_sees_of_others_neither_keys_nor_spend(self, site: Site) -> None:
        of = added(site)
        budget(site, of)
        page = site.ask(site.path(f"/members/{of.id}"), Role.MEMBER).text
        assert "shown to owners, admins and viewers" in page
        assert "$10" not in page
        assert of.name not in site.ask(site.path("/members/budgets"), Role.MEMBER).text
        own = site.actor(Role.MEMBER).id
        assert "0 API keys</a> of its own" in site.ask(site.path(f"/members/{own}"), Role.MEMBER).text

    def test_many_members_are_searched_and_paged(self, site: Site) -> None:
        place = site.another_workspace("Crowded")
        token = site.join(Role.OWNER, place.id, "crowd@example.com", "Crowd")
        with site.accounts() as accounts:
            for number in range(60):
                email = f"soul{number}@example.com"
                accounts.members.add(OPERATOR, place.id, f"Soul {number:02}", email, Role.MEMBER)
        path = f"/w/{place.slug}/members"

        def named(query: str) -> list[str]:
            text = site.send("GET", path + query, token).text
            return re.findall(r'<th scope="row"><a[^>]*>([^<]+)</a>', text)

        assert named("") == ["Crowd", *(f"Soul {number:02}" for number in range(49))]
        assert named("?q=&page=2") == [f"Soul {number}" for number in range(49, 60)]
        assert named("?q=SOUL7@") == ["Soul 07"]
        assert named("?q=owner") == ["Crowd"]
        for odd in ("?page=0", "?page=-1", "?page=x", "?page=9999999", "?page=%C2%B2"):
            assert len(named(odd)) == 50, odd
        assert named("?page=99999") == named("?q=&page=2")
        assert "No member matches" in site.send("GET", f"{path}?q=nobody-so-called", token).text


class TestBudgets:
    """Setting and removing."""

    def test_a_budget_is_set_changed_and_removed(self, site: Site) -> None:
        of = added(site)
        where = f"/members/budgets/set?of={of.id}&period=weekly"
        for limit in ("$1,000.50", "0"):
            form = site.ask(site.path(where), Role.ADMIN)
            fields = {"of": of.id, "period": "weekly", "limit": limit, "seen": hidden(form, "seen")}
            for _ in range(2):
                assert site.post(site.path("/members/budgets/set"), fields, Role.ADMIN).status == 303
        (standing,) = (each for each in team(site).budgets if each.owner == of.id)
        assert (standing.period, standing.limit) == (BudgetPeriod.WEEKLY, 0)
        table = site.ask(site.path("/members/budgets"), Role.ADMIN).text
        row = table[table.index(of.name) :]
        (seen,) = re.findall(
            r'name="period" value="weekly"><input type="hidden" name="seen" value="(\w+)"', row
        )[:1]
        fields = {"of": of.id, "period": "weekly", "seen": seen}
        for _ in range(2):
            assert site.post(site.path("/members/budgets/remove"), fields, Role.ADMIN).status == 303
        assert [each for each in team(site).budgets if each.owner == of.id] == []

    def test_the_workspace_has_budgets_too(self, site: Site) -> None:
        fields = {"of": "workspace", "period": "daily", "limit": "5", "seen": ""}
        assert site.post(site.path("/members/budgets/set"), fields, Role.OWNER).status == 303
        (standing,) = (each for each in team(site).budgets if each.owner == site.workspace.id)
        assert (standing.owner_kind, standing.limit) == (BudgetOwner.WORKSPACE, 5_000_000_000)
        assert "the whole workspace" in site.ask(site.path("/members/budgets"), Role.VIEWER).text

    def test_nothing_unseen_is_overwritten(self, site: Site) -> None:
        of = added(site)
        standing = budget(site, of)
        fields = {"of": of.id, "period": "monthly", "limit": "7", "seen": ""}
        answer = site.post(site.path("/members/budgets/set"), fields, Role.OWNER)
        assert answer.status == 422
        assert "There is such a budget already" in answer.text
        form = site.ask(site.path(f"/members/budgets/set?of={of.id}&period=monthly"), Role.OWNER)
        fields["seen"] = hidden(form, "seen")
        with site.accounts() as accounts:
            holder = Holder(BudgetOwner.MEMBER, of.id)
            accounts.budgets.set(OPERATOR, site.workspace.id, holder, BudgetPeriod.MONTHLY, 8)
        for act in ("set", "remove"):
            answer = site.post(site.path(f"/members/budgets/{act}"), fields, Role.OWNER)
            assert answer.status == 422
            assert MEANWHILE in answer.text
        assert next(each.limit for each in team(site).budgets if each.id == standing.id) == 8

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"limit": ""}, "limit"),
            ({"limit": "five"}, "limit"),
            ({"limit": "-1"}, "limit"),
            ({"limit": "9" * 60}, "limit"),
            ({"of": "mem_none"}, "Choose whose budget it is"),
            ({"of": ""}, "Choose whose budget it is"),
            ({"period": "yearly"}, "Choose whose budget it is"),
        ],
    )
    def test_what_is_wrong_is_told_beside_its_field(
        self, site: Site, wrong: dict[str, str], said: str
    ) -> None:
        before = team(site).budgets
        fields = {"of": added(site).id, "period": "monthly", "limit": "5", "seen": "", **wrong}
        answer = site.post(site.path("/members/budgets/set"), fields, Role.OWNER)
        assert answer.status == 422
        assert f'id="e-{said}"' in answer.text or said in answer.text
        assert team(site).budgets == before


class TestSettings:
    """The workspace and its management keys."""

    def test_rates_are_set_taken_away_and_not_overwritten_unseen(self, site: Site) -> None:
        path = site.path("/settings/rates")
        seen = hidden(site.ask(site.path("/settings"), Role.ADMIN), "seen")
        wanted = {"rpm": "1,200", "tpm": "", "concurrency": "8", "seen": seen}
        for _ in range(2):
            assert site.post(path, wanted, Role.ADMIN).status == 303
        now = team(site).workspace
        assert (now.rpm, now.tpm, now.concurrency) == (1_200, None, 8)
        with site.accounts() as accounts:
            accounts.workspaces.update(OPERATOR, now.id, WorkspaceChanges(rpm=5))
        answer = site.post(path, {**wanted, "rpm": "9"}, Role.ADMIN)
        assert answer.status == 422
        assert MEANWHILE in answer.text
        assert team(site).workspace.rpm == 5

    @pytest.mark.parametrize("wrong", ["0", "-1", "many", "1.5", "60,0", "9" * 17, "9" * 14])
    def test_what_is_no_rate_is_told_beside_it(self, site: Site, wrong: str) -> None:
        before = team(site).workspace
        seen = hidden(site.ask(site.path("/settings"), Role.ADMIN), "seen")
        answer = site.post(site.path("/settings/rates"), {"tpm": wrong, "seen": seen}, Role.ADMIN)
        assert answer.status == 422
        assert 'id="e-tpm"' in answer.text
        assert f'value="{wrong}"' in answer.text
        assert team(site).workspace == before

    def test_a_name_of_another_workspace_is_refused(self, site: Site) -> None:
        site.another_workspace("Taken")
        seen = hidden(site.ask(site.path("/settings"), Role.OWNER), "seen")
        answer = site.post(site.path("/settings/name"), {"name": "Taken", "seen": seen}, Role.OWNER)
        assert answer.status == 422
        assert 'id="e-name"' in answer.text

    def test_a_form_makes_one_management_key_and_shows_it_once(self, site: Site) -> None:
        path = site.path("/settings/management-keys/new")
        id = hidden(site.ask(path, Role.ADMIN), "id")
        fields = [
            ("id", id),
            ("name", "once"),
            ("scope", "keys:read"),
            ("scope", "usage:read"),
            ("expires", "7d"),
        ]
        first, second = (site.post(path, fields, Role.ADMIN) for _ in range(2))
        assert (first.status, second.status) == (200, 409)
        (secret,) = set(ADMIN_SECRET.findall(first.text))
        assert not ADMIN_SECRET.search(second.text)
        (key,) = (each for each in team(site).keys if each.name == "once")
        assert (key.id, key.scopes) == (id, (Scope.KEYS_READ, Scope.USAGE_READ))
        assert key.made_by == site.actor(Role.ADMIN).id
        with site.accounts() as accounts:
            assert accounts.management_keys.actor(secret, None).id == id
        assert secret not in site.ask(site.path("/settings"), Role.OWNER).text

    def test_the_last_day_counts_whole(self, site: Site) -> None:
        path = site.path("/settings/management-keys/new")
        fields = {"id": hidden(site.ask(path, Role.ADMIN), "id"), "name": "dated", "scope": "keys:read"}
        wrong = site.post(path, {**fields, "expires": "day", "expires_on": "2020-01-01"}, Role.ADMIN)
        assert wrong.status == 422
        assert 'id="e-expires"' in wrong.text
        assert 'value="2020-01-01"' in wrong.text
        assert (
            site.post(path, {**fields, "expires": "day", "expires_on": "2099-12-31"}, Role.ADMIN).status
            == 200
        )
        (key,) = (each for each in team(site).keys if each.name == "dated")
        assert key.expires_ms == 4_102_444_800_000

    @pytest.mark.parametrize(
        "wrong", [{"scope": ""}, {"scope": "all"}, {"expires": ""}, {"name": ""}, {"id": "x"}]
    )
    def test_what_is_wrong_makes_no_key(self, site: Site, wrong: dict[str, str]) -> None:
        path, before = site.path("/settings/management-keys/new"), team(site).keys
        fields = {"id": hidden(site.ask(path, Role.ADMIN), "id"), "name": "wrong", "scope": "keys:read"}
        assert site.post(path, {**fields, "expires": "7d", **wrong}, Role.ADMIN).status == 422
        assert team(site).keys == before

    def test_one_is_revoked_for_good(self, site: Site) -> None:
        key = management_key(site)
        path = site.path(f"/settings/management-keys/{key.id}/revoke")
        for _ in range(2):
            assert site.post(path, {}, Role.ADMIN).location == site.path("/settings")
        ended = next(each for each in team(site).keys if each.id == key.id)
        assert ended.revoked_ms is not None
        by_name = site.path(f"/settings/management-keys/{key.name.replace(' ', '%20')}/revoke")
        assert site.post(by_name, {}, Role.ADMIN).status == 404


def link_seen(site: Site, path: str) -> str:
    """What the form that makes a link carries along."""
    page = site.ask(path, Role.ADMIN).text
    found = re.search(r'/link".*?name="seen" value="(\w*)"', page, re.DOTALL)
    assert found is not None
    return found[1]
