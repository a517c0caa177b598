"""The audit log in the console: in words, filtered by its URL, page by page, and as a file."""

import csv
import io
import re
from html import unescape
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.console.keys_of import OPERATOR, SECRET, issued
from tests.e2e.console.site import Site, name_of
from tests.e2e.console.team_of import added, budget
from tests.e2e.console.watching import Axe
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.members import MemberChanges
from zai_gateway.accounts.terms import KeyChanges

FORMULA = '=HYPERLINK("http://127.0.0.1/","x")'


def sentences(site: Site, query: str = "", role: Role = Role.OWNER) -> list[str]:
    """What the page tells, newest first: a line for each record."""
    text = site.ask(site.path(f"/audit{query}"), role).text
    said = re.findall(r'<p class="deed-what">(.*?)</p>', text, re.DOTALL)
    return [" ".join(unescape(re.sub("<[^>]+>", "", each)).split()) for each in said]


def changes(site: Site, query: str) -> list[str]:
    """What the newest record says that changed."""
    text = site.ask(site.path(f"/audit{query}"), Role.OWNER).text
    first = text[text.index('class="deed"') :].split("</li>")[0]
    rows = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", first, re.DOTALL)
    return [" ".join(unescape(re.sub("<[^>]+>", "", f"{name}: {value}")).split()) for name, value in rows]


def rows(site: Site, query: str = "", role: Role = Role.OWNER) -> list[dict[str, str]]:
    """The file's."""
    answer = site.ask(site.path(f"/audit.csv{query}"), role)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_deeds_are_told_in_words_with_what_changed(site: Site) -> None:
    key = issued(site, "told", cap=5_000_000_000)
    with site.accounts() as accounts:
        terms = KeyChanges(cap=10_000_000_000, rpm=60, expires_ms=4_102_444_800_000)
        accounts.api_keys.update(site.actor(Role.ADMIN), site.workspace.id, key.id, terms)
    assert sentences(site, f"?object={key.id}") == [
        "Grace changed the API key told",
        "operator (on the host) issued the API key told",
    ]
    assert changes(site, f"?object={key.id}") == [
        "Expires: was none → is now 2100-01-01 00:00 UTC",
        "Requests a minute: was none → is now 60",
        "Spend cap: was 5.00 USD → is now 10.00 USD",
    ]


def test_members_are_told_by_their_names(site: Site) -> None:
    of = added(site)
    budget(site, of)
    assert sentences(site, f"?object={of.id}&deed=budget.set") == [
        f"operator (on the host) set a budget of {of.name}"
    ]
    assert changes(site, f"?object={of.id}&deed=budget.set") == ["Limit: 10.00 USD", "Over: a month"]
    with site.accounts() as accounts:
        accounts.members.update(OPERATOR, site.workspace.id, of.id, MemberChanges(role=Role.ADMIN))
    assert changes(site, f"?object={of.id}") == ["Role: was member → is now admin"]
    assert f"{name_of(Role.OWNER)} signed up as the first person of this gateway" in sentences(site)


def test_it_is_filtered_by_what_stands_in_the_url(site: Site) -> None:
    key, other = issued(site, "sought-one"), issued(site, "sought-two")
    with site.accounts() as accounts:
        accounts.api_keys.revoke(site.actor(Role.ADMIN), site.workspace.id, other.id)
    of_both = sentences(site, "?q=sought")
    assert len(of_both) == 3
    assert sentences(site, "?q=SOUGHT&deed=key.revoke") == of_both[:1]
    assert sentences(site, f"?q=sought&actor={site.actor(Role.ADMIN).id}") == of_both[:1]
    assert sentences(site, f"?object={key.id}") == of_both[2:]
    assert sentences(site, "?object=sought-one") == of_both[2:]
    assert sentences(site, "?q=sought&since=24h") == of_both
    assert sentences(site, "?q=sought&since=2099-01-01") == []
    assert "Nothing matches" in site.ask(site.path("/audit?q=nowhere-to-be-found"), Role.OWNER).text
    page = site.ask(site.path("/audit?q=sought&deed=key.revoke&since=7d"), Role.OWNER).text
    for kept in ('value="sought"', 'value="key.revoke" selected', 'value="7d" selected'):
        assert kept in page


@pytest.mark.parametrize("query", ["since=yesterday", "since=" + "9" * 300, "since=0001-01-01"])
def test_a_moment_that_is_none_is_told(site: Site, query: str) -> None:
    answer = site.ask(site.path(f"/audit?{query}"), Role.OWNER)
    assert answer.status == 422
    assert "since: " in answer.text
    assert site.ask(site.path(f"/audit.csv?{query}"), Role.OWNER).status == 400


@pytest.mark.parametrize(
    "odd", ["%00", "%25", "'; DROP TABLE audit", "x" * 5_000, "<script>alert(1)</script>"]
)
def test_odd_filters_find_nothing_and_break_nothing(site: Site, odd: str) -> None:
    for name in ("q", "deed", "actor", "object", "before"):
        answer = site.ask(site.path(f"/audit?{name}={quote(odd, safe='%')}"), Role.OWNER)
        assert answer.status == 200
        assert "<script>alert" not in answer.text


def test_it_is_read_page_by_page(site: Site) -> None:
    for number in range(52):
        issued(site, f"paged-{number}")
    first = site.ask(site.path("/audit?q=paged-"), Role.OWNER).text
    older = re.search(r'href="([^"]*before=[^"]*)">Older', first)
    assert older is not None
    path = unescape(older[1])
    assert len(sentences(site, "?q=paged-")) == 50
    rest = sentences(site, path.removeprefix(site.path("/audit")))
    assert rest == [f"operator (on the host) issued the API key paged-{number}" for number in (1, 0)]
    assert ">Older<" not in site.ask(path, Role.OWNER).text
    # The file has all of them, whatever page is looked at.
    assert len(rows(site, "?q=paged-")) == 52


def test_the_file_says_the_same_and_is_safe_in_a_spreadsheet(site: Site) -> None:
    key = issued(site, FORMULA, cap=1)
    (row,) = rows(site, f"?object={key.id}", Role.VIEWER)
    assert row["object"] == f"'{FORMULA}"
    assert (row["deed"], row["actor"], row["address"]) == ("key.create", "operator", "cli")
    assert row["what"] == f"issued the API key {FORMULA}"
    assert "Spend cap: 0.000000001 USD" in row["changes"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["at"])
    with site.accounts() as accounts:
        every = accounts.audit.list(OPERATOR, site.workspace.id, AuditSearch(most=1_000))
    assert [each["id"] for each in rows(site)] == [each.id for each in every]


def test_no_secret_is_told(site: Site) -> None:
    with site.accounts() as accounts:
        secret = accounts.api_keys.create(OPERATOR, site.workspace.id, KeyChanges(name="secretive")).secret
        accounts.api_keys.rotate(OPERATOR, site.workspace.id, "secretive", 3_600_000)
    for path in ("/audit?q=secretive", "/audit.csv?q=secretive"):
        text = site.ask(site.path(path), Role.OWNER).text
        assert "secretive" in text
        assert secret not in text
        assert not SECRET.search(text)


def test_it_is_searched_as_one_types_and_followed_by_links(console: Page, site: Site, axe: Axe) -> None:
    page, key = console, issued(site, "clicked", cap=5_000_000_000)
    issued(site, "not-clicked-other")
    page.goto(site.path("/audit"))
    axe(page)
    page.get_by_role("searchbox").press_sequentially("clicked")
    expect(page.locator(".deed")).to_have_count(2)
    expect(page).to_have_url(f"{site.url}{site.path('/audit?q=clicked')}")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.get_by_role("link", name="clicked", exact=True).click()
    expect(page.locator(".deed")).to_have_count(1)
    expect(page.get_by_label("To what: its name or id, exactly")).to_have_value(key.id)
    expect(page.locator(".deed")).to_contain_text("5.00 USD")
    axe(page)
    page.reload()
    expect(page.get_by_label("To what: its name or id, exactly")).to_have_value(key.id)
    with page.expect_download() as downloading:
        page.get_by_role("link", name="CSV of these").click()
    assert downloading.value.suggested_filename == f"audit-{site.workspace.slug}.csv"
    assert len(downloading.value.path().read_text().splitlines()) == 2
    page.goto(site.path("/audit?q=nothing-at-all"))
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    axe(page)
