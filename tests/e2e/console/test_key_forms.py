"""The forms and the list of API keys over plain HTTP: what is wrong, and what is sought."""

import re

import pytest

from tests.e2e.console.keys_of import OPERATOR, SECRET, hidden, issued, kept, named
from tests.e2e.console.site import Site
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.records import BudgetPeriod
from zai_gateway.accounts.terms import KeyChanges

KEY_PAGES = ("", "/edit", "/rotate")


class TestForms:
    """What is wrong stands beside its field, what was typed is kept, and nothing is changed."""

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("name", "", "1 to 100 printable characters"),
            ("name", "x" * 101, "1 to 100 printable characters"),
            ("cap", "abc", "not an amount in USD"),
            ("cap", "-1", "not an amount in USD"),
            ("cap", "99999999999", "more than the books can hold"),
            ("period", "hourly", "Choose one of the list"),
            ("patterns", "x" * 201, "not a pattern"),
            ("fallback", "gpt", "not a model"),
            ("expires", "yesterday", "neither a time from now"),
            ("expires", "day", "neither a time from now"),
            ("rpm", "1.5", "A whole number belongs here"),
            ("tpm", "0", "A whole number from 1"),
            ("concurrency", "9" * 16, "A whole number from 1"),
            ("tags", " ".join(str(number) for number in range(21)), "At most 20"),
            ("near_cap", "panic", "Choose one of the list"),
            ("allowance", "1e3", "not an amount in USD"),
            ("member", f"mem_{'0' * 26}", "not in the workspace any more"),
        ],
    )
    def test_a_wrong_field_is_told_of(self, site: Site, field: str, value: str, said: str) -> None:
        form = site.ask(site.path("/keys/new"), Role.OWNER)
        fields = {"id": hidden(form, "id"), "name": "never-made", "models": "some", "patterns": "demo/*"}
        answer = site.post(site.path("/keys/new"), {**fields, field: value}, Role.OWNER)
        assert answer.status == 422
        wrong = re.search(rf'id="e-{field}">.*?<span>(.*?)</span>', answer.text, re.DOTALL)
        assert wrong is not None, answer.text
        assert said in wrong[1]
        # Whoever cannot see the page is told of it with the field.
        (tag,) = re.findall(rf'<(?:input|select|textarea) id="f-{field}"[^>]*>', answer.text)
        assert 'aria-invalid="true"' in tag
        assert re.search(rf'aria-describedby="[^"]*\be-{field}"', tag)
        day = answer.text.partition('id="f-expires_on"')[2].partition(">")[0]
        assert ("aria-invalid" in day) == ((field, value) == ("expires", "day"))
        assert hidden(answer, "id") == fields["id"]
        assert named(site, "never-made") == ()

    def test_choosing_no_model_does_not_allow_them_all(self, site: Site) -> None:
        key = issued(site, "narrow", allow=("demo/*",))
        path = site.path(f"/keys/{key.id}/edit")
        fields = {"seen": hidden(site.ask(path, Role.OWNER), "seen"), "name": "narrow", "models": "some"}
        answer = site.post(path, fields, Role.OWNER)
        assert answer.status == 422
        assert "Choose a model at least" in answer.text
        assert kept(site, key.id).allow == ("demo/*",)

    def test_all_terms_come_to_the_books(self, site: Site) -> None:
        with site.accounts() as accounts:
            katherine = accounts.members.add(
                OPERATOR, site.workspace.id, "Dorothy", "dorothy@example.com", Role.MEMBER
            )
        fields = [
            ("id", hidden(site.ask(site.path("/keys/new"), Role.OWNER), "id")),
            *(("name", " all-terms "), ("cap", "$1,250.50"), ("period", "monthly"), ("models", "some")),
            *(("allow", "demo/echo"), ("allow", "openai/gpt-5.4"), ("fallback", "demo/echo")),
            ("patterns", "anthropic/claude-4.5-sonnet\r\nopenai/*,\r\n"),
            *(("expires", "day"), ("expires_on", "2999-12-31"), ("tags", "a, b b")),
            *(("rpm", "1,000"), ("tpm", "2000"), ("concurrency", "3"), ("near_cap", "refuse")),
            *(("member", katherine.id), ("allowance", "0.5")),
        ]
        assert site.post(site.path("/keys/new"), fields, Role.OWNER).status == 200
        (key,) = named(site, "all-terms")
        assert (key.name, key.cap, key.fallback) == ("all-terms", None, "demo/echo")
        assert key.allow == ("demo/echo", "openai/gpt-5.4", "anthropic/claude-sonnet-4-5", "openai/*")
        assert (key.tags, key.rpm, key.tpm, key.concurrency) == (("a", "b"), 1_000, 2_000, 3)
        assert (key.member, key.unbounded_allowance) == (katherine.id, 500_000_000)
        assert key.expires_ms == 32_503_680_000_000
        with site.accounts() as accounts:
            limits = accounts.api_keys.look(OPERATOR, site.workspace.id, key.id).limits
        assert limits == {BudgetPeriod.MONTHLY: 1_250_500_000_000}

    def test_a_form_that_is_sent_as_it_came_changes_nothing(self, site: Site) -> None:
        key = issued(
            site,
            "as-it-is",
            cap=7_000_000_001,
            allow=("demo/echo", "openai/*"),
            fallback="demo/echo",
            expires_ms=32_503_680_000_000,
            tags=("a", "b"),
            rpm=5,
            limits={BudgetPeriod.DAILY: 3},
        )
        path = site.path(f"/keys/{key.id}/edit")
        page = site.ask(path, Role.OWNER).text
        typed = re.findall(r'<input id="f-\w+" name="(\w+)"[^>]*? value="([^"]*)"', page)
        chosen = re.findall(
            r'name="(\w+)"[^>]*>(?:\s|<option[^>]*>[^<]*</option>)*?'
            r'\s*<option value="([^"]*)" selected',
            page,
        )
        ticked = re.findall(r'name="(models|allow)" value="([^"]*)" checked', page)
        (patterns,) = re.findall(r'name="patterns"[^>]*>([^<]*)<', page)
        seen = ("seen", hidden(site.ask(path, Role.OWNER), "seen"))
        answer = site.post(path, [*typed, *chosen, *ticked, ("patterns", patterns), seen], Role.OWNER)
        assert answer.status == 303, answer.text
        assert kept(site, key.id) == key
        with site.accounts() as accounts:
            assert accounts.api_keys.look(OPERATOR, site.workspace.id, key.id).limits == {
                BudgetPeriod.DAILY: 3
            }


class TestList:
    """What is sought stands in the URL."""

    def test_filters_are_kept_and_hold(self, site: Site) -> None:
        issued(site, "sought-one", tags=("findme",))
        revoked = issued(site, "sought-two", tags=("findme",))
        with site.accounts() as accounts:
            accounts.api_keys.revoke(OPERATOR, site.workspace.id, revoked.id)
        page = site.ask(site.path("/keys?q=FINDME"), Role.OWNER).text
        assert "sought-one" in page
        assert "sought-two" not in page
        assert 'value="FINDME"' in page
        page = site.ask(site.path("/keys?q=findme&status=revoked"), Role.OWNER).text
        assert "sought-one" not in page
        assert "sought-two" in page
        assert '<option value="revoked" selected>' in page
        assert (
            "No key matches"
            in site.ask(site.path("/keys?q=findme&member=workspace&status=near"), Role.OWNER).text
        )

    def test_the_search_gets_the_table_alone_and_its_address(self, site: Site) -> None:
        issued(site, "part-of-it")
        headers = {"hx_request": "true", "hx_request_type": "partial"}
        part = site.ask(site.path("/keys?q=part-of&status=&sort=name"), Role.OWNER, **headers)
        assert part.text.lstrip().startswith('<div id="keys"')
        assert part.headers["hx-replace-url"] == site.path("/keys?q=part-of&sort=name")

    @pytest.mark.parametrize(
        "query",
        [
            *("page=0", "page=99999", "page=1e9", "page=%D9%A3", "status=x", "sort=x", "member=x"),
            *("q=%00", "q=%ff", f"q={'x' * 5_000}"),
        ],
    )
    def test_what_makes_no_sense_is_left_out(self, site: Site, query: str) -> None:
        assert site.ask(site.path(f"/keys?{query}"), Role.OWNER).status == 200

    def test_no_page_shows_what_opens_a_key(self, site: Site) -> None:
        form = site.ask(site.path("/keys/new"), Role.OWNER)
        answer = site.post(
            site.path("/keys/new"), {"id": hidden(form, "id"), "name": "secretive"}, Role.OWNER
        )
        (secret,) = set(SECRET.findall(answer.text))
        assert answer.headers["cache-control"] == "no-store"
        (key,) = named(site, "secretive")
        pages = ("/keys", "", *(f"/keys/{key.id}{rest}" for rest in KEY_PAGES))
        for page in pages:
            text = site.ask(site.path(page), Role.OWNER).text
            assert secret not in text
            assert not SECRET.search(text)
            assert key.digest.hex() not in text
        assert secret not in site.gateway.log.read_text()


def test_a_page_has_fifty_keys_and_leads_to_the_next(site: Site) -> None:
    place = site.another_workspace("Crowded")
    token = site.join(Role.OWNER, place.id, "crowd@example.com", "Crowd")
    with site.accounts() as accounts:
        for number in range(120):
            accounts.api_keys.create(OPERATOR, place.id, KeyChanges(name=f"crowd-{number:03d}"))
    seen: list[str] = []
    path = f"/w/{place.slug}/keys?sort=name"
    while path:
        text = site.send("GET", path, token).text
        rows = re.findall(r">(crowd-\d+)<", text)
        assert len(rows) == min(50, 120 - len(seen))
        seen += rows
        following = re.search(r'href="([^"]*)">Next<', text)
        path = following[1].replace("&amp;", "&") if following else ""
    assert seen == [f"crowd-{number:03d}" for number in range(120)]
