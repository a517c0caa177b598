"""Usage over plain HTTP: who sees what, CSV that is no formula, and money that is confirmed once."""

import csv
import io
import re
from collections.abc import Sequence

import pytest

from tests.e2e.console.keys_of import issued
from tests.e2e.console.site import Answer, Site
from tests.e2e.console.usage_of import answered, booked, cut_off, failed, unconfirmed
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.records import ApiKey
from zai_gateway.spend.ledger import Outcome

PAGES = ("/usage", "/usage.csv", "/usage/requests", "/usage/unconfirmed")
UNCONFIRMED = "/usage/unconfirmed"
CENT = 10_000_000


@pytest.fixture(scope="module")
def shared(site: Site) -> ApiKey:
    """A key of the workspace's own that was used, with a name that a spreadsheet might carry out."""
    key = issued(site, '=HYPERLINK("http://evil.example")')
    booked(site, key, [answered(3 * CENT), answered(CENT), failed()])
    return key


@pytest.fixture(scope="module")
def own(site: Site) -> ApiKey:
    """A key of the member's own that was used."""
    key = issued(site, "katherines-own", member=site.actor(Role.MEMBER).id)
    booked(site, key, [answered(2 * CENT)], model="anthropic/claude-sonnet-5")
    return key


def csv_of(answer: Answer) -> list[dict[str, str]]:
    """The lines of a file."""
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def cut(site: Site, name: str, outcomes: Sequence[Outcome]) -> list[str]:
    """Requests of a new key that were cut off."""
    return booked(site, issued(site, name), outcomes)


def form_of(site: Site, request: str, role: Role = Role.OWNER) -> dict[str, str]:
    """What the form of an unconfirmed request carries along."""
    page = site.ask(site.path(UNCONFIRMED), role).text
    found = re.search(rf'name="request" value="{request}">.*?name="seen" value="([^"]*)"', page)
    assert found is not None
    return {"request": request, "attempt": "1", "seen": found[1]}


class TestWho:
    """Who sees what."""

    def test_nobody_is_led_to_the_sign_in(self, site: Site) -> None:
        for page in PAGES:
            answer = site.ask(site.path(page))
            assert answer.status == 303
            assert answer.location.startswith("/sign-in")
        assert site.post(site.path(UNCONFIRMED), {"request": "x"}).status == 303

    def test_every_role_sees_usage_and_members_that_of_their_keys_only(
        self, site: Site, shared: ApiKey, own: ApiKey
    ) -> None:
        for role in (Role.OWNER, Role.ADMIN, Role.VIEWER):
            page = site.ask(site.path("/usage?by=key"), role)
            assert page.status == 200
            assert own.name in page.text
            assert shared.id in page.text
        for page in PAGES:
            for query in ("?by=key", f"?by=key&key={shared.id}", "?by=key&of=requests", "?of=timeline"):
                answer = site.ask(site.path(page) + query, Role.MEMBER)
                assert answer.status == 200
                assert "HYPERLINK" not in answer.text
                assert "openai/gpt-5.5" not in answer.text
        assert own.name in site.ask(site.path("/usage?by=key"), Role.MEMBER).text
        assert "katherines-own" in site.ask(site.path("/usage/requests"), Role.MEMBER).text

    def test_a_key_of_another_workspace_or_none_is_the_same_nothing(self, site: Site) -> None:
        place = site.another_workspace("Far off").id
        theirs = issued(site, "far-off-key", place)
        booked(site, theirs, [answered(CENT)], model="mistral/far-off")
        said = [
            site.ask(site.path(f"{page}?key={id}"), Role.OWNER).text.replace(id, "")
            for page in ("/usage", "/usage/requests")
            for id in (theirs.id, f"key_{'0' * 26}")
        ]
        assert all("far-off" not in text for text in said)
        plain = [re.sub(r"req_\w+|[0-9a-f]{64}", "", text) for text in said]
        assert plain[0] == plain[1]
        assert plain[2] == plain[3]

    def test_only_owners_and_admins_confirm(self, site: Site) -> None:
        (request,) = cut(site, "guarded", [cut_off(CENT, CENT)])
        fields = form_of(site, request) | {"cost": "0.01"}
        assert "It cost that" not in site.ask(site.path(UNCONFIRMED), Role.VIEWER).text
        assert request in site.ask(site.path(UNCONFIRMED), Role.VIEWER).text
        assert request not in site.ask(site.path(UNCONFIRMED), Role.MEMBER).text
        for role in (Role.VIEWER, Role.MEMBER):
            assert site.post(site.path(UNCONFIRMED), fields, role).status == 403
        token = site.token(Role.OWNER)
        forged = site.send("POST", site.path(UNCONFIRMED), token, {**fields, "csrf": "0" * 64})
        assert forged.status == 403
        assert request in {each.request for each in unconfirmed(site)}
        assert (
            site.post(site.path(UNCONFIRMED), form_of(site, request, Role.ADMIN) | fields, Role.ADMIN).status
            == 303
        )
        assert request not in {each.request for each in unconfirmed(site)}


class TestConfirming:
    """Saying what an unconfirmed request cost."""

    def test_it_is_booked_once_however_often_it_is_sent(self, site: Site) -> None:
        (request,) = cut(site, "sent-twice", [cut_off(CENT, 5 * CENT)])
        fields = form_of(site, request) | {"cost": "0.0132"}
        first, second = (site.post(site.path(UNCONFIRMED), fields, Role.OWNER) for _ in range(2))
        assert (first.status, second.status) == (303, 303)
        with site.accounts() as accounts:
            key = next(
                each
                for each in accounts.api_keys.list(site.actor(Role.OWNER), site.workspace.id)
                if each.name == "sent-twice"
            )
            (standing,) = (
                each
                for each in accounts.usage.standings(site.actor(Role.OWNER), site.workspace.id).values()
                if each.owner == key.id
            )
        assert (standing.spent, standing.risk) == (13_200_000, 0)
        assert "correction" in site.ask(site.path(f"/usage/requests?key={key.id}"), Role.OWNER).text

    def test_it_cost_nothing(self, site: Site) -> None:
        (request,) = cut(site, "for-nothing", [cut_off(0, CENT)])
        fields = form_of(site, request) | {"cost": "", "nothing": "yes"}
        assert site.post(site.path(UNCONFIRMED), fields, Role.OWNER).status == 303
        assert request not in {each.request for each in unconfirmed(site)}

    @pytest.mark.parametrize("cost", ["", "five", "-1", "1e3", "0.0000000001", "99999999999"])
    def test_what_is_no_amount_is_told_beside_it_and_changes_nothing(self, site: Site, cost: str) -> None:
        (request,) = cut(site, "no-amount", [cut_off(CENT, CENT)])
        answer = site.post(site.path(UNCONFIRMED), form_of(site, request) | {"cost": cost}, Role.OWNER)
        assert answer.status == 422
        assert 'aria-invalid="true"' in answer.text
        assert not cost or f'value="{cost}"' in answer.text
        assert request in {each.request for each in unconfirmed(site)}

    def test_amounts_that_were_not_seen_are_not_overwritten(self, site: Site) -> None:
        (request,) = cut(site, "unseen", [cut_off(CENT, CENT)])
        fields = form_of(site, request) | {"cost": "0.02", "seen": "1:1"}
        answer = site.post(site.path(UNCONFIRMED), fields, Role.OWNER)
        assert answer.status == 422
        assert "changed since you saw it" in answer.text
        assert request in {each.request for each in unconfirmed(site)}


class TestCsv:
    """What spreadsheets get."""

    def test_sums_by_key_have_names_that_are_no_formulas(self, site: Site, shared: ApiKey) -> None:
        answer = site.ask(site.path("/usage.csv?by=key"), Role.OWNER)
        assert re.fullmatch(
            r'attachment; filename="usage-breakdown-key-[0-9-]+\.csv"', answer.headers["content-disposition"]
        )
        (row,) = (each for each in csv_of(answer) if each["key"] == shared.id)
        assert row["key_name"] == f"'{shared.name}"
        assert (row["requests"], row["errors"], row["cost_micro_usd"]) == ("3", "1", "40000")

    def test_every_table_has_its_file(self, site: Site, shared: ApiKey) -> None:
        only = f"&key={shared.id}"
        timeline = csv_of(site.ask(site.path(f"/usage.csv?of=timeline{only}"), Role.OWNER))
        assert sum(int(each["cost_micro_usd"]) for each in timeline) == 40_000
        latency = csv_of(site.ask(site.path(f"/usage.csv?of=latency{only}"), Role.OWNER))
        assert sum(int(each["answers"]) for each in latency) == 2
        requests = csv_of(site.ask(site.path(f"/usage.csv?of=requests{only}"), Role.OWNER))
        assert [each["failure"] for each in requests] == ["upstream_failed", "", ""]
        assert {each["key_name"] for each in requests} == {f"'{shared.name}"}

    @pytest.mark.parametrize(
        "query", ["of=all", "range=custom&from=2026-02-30", "range=custom&from=2026-03-02&to=2026-03-01"]
    )
    def test_what_cannot_be_told_is_refused(self, site: Site, query: str) -> None:
        assert site.ask(site.path(f"/usage.csv?{query}"), Role.OWNER).status == 400


class TestAsking:
    """What a URL may say."""

    @pytest.mark.parametrize(
        ("days", "said"),
        [
            ("from=2026-03-02&to=2026-03-01", "comes before the first"),
            ("from=2024-01-01&to=2026-03-01", "at most 400"),
            ("from=yesterday&to=2026-03-01", "The first day"),
            ("from=2026-03-01", "The last day"),
        ],
    )
    def test_days_that_make_no_time_are_told_and_kept(self, site: Site, days: str, said: str) -> None:
        for page in ("/usage", "/usage/requests"):
            answer = site.ask(site.path(f"{page}?range=custom&{days}"), Role.OWNER)
            assert answer.status == 422
            assert said in answer.text
            assert 'value="2026-03-01"' in answer.text

    def test_whatever_else_is_odd_takes_nothing_away(self, site: Site, shared: ApiKey) -> None:
        odd = "range=x&by=x&key=%00&sort=x&page=x&span=x&model=%00&before="
        for page in ("/usage", "/usage/requests"):
            answer = site.ask(site.path(f"{page}?{odd}"), Role.OWNER)
            assert answer.status == 200
            assert "openai/gpt-5.5" in answer.text
        assert site.ask(site.path("/usage/requests?before=nothing"), Role.OWNER).status == 400
        assert shared.id in site.ask(site.path(f"/usage?by=key&page=99999&{odd}"), Role.OWNER).text

    def test_a_model_is_escaped_wherever_it_stands(self, site: Site) -> None:
        answer = site.ask(site.path("/usage?model=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"), Role.OWNER)
        assert answer.status == 200
        assert "<script>alert" not in answer.text
