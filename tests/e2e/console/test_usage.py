"""Usage in a browser: charts and their numbers, filters that survive, requests, and confirming their cost."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.console.browsing import Windows
from tests.e2e.console.keys_of import issued
from tests.e2e.console.site import Site
from tests.e2e.console.usage_of import answered, booked, cut_off, failed, unconfirmed
from tests.e2e.console.watching import Axe
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.records import ApiKey

CENT = 10_000_000
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def used(site: Site) -> ApiKey:
    """A key that was used with two models, today and two days ago."""
    key = issued(site, "used")
    booked(site, key, [answered(300 * CENT), answered(100 * CENT), failed()])
    booked(site, key, [answered(200 * CENT)], model="anthropic/claude-sonnet-5", ago_ms=2 * DAY_MS)
    return key


@pytest.fixture(scope="module")
def other(site: Site) -> ApiKey:
    """Another one, with many requests."""
    key = issued(site, "other")
    booked(site, key, [answered(CENT)] * 60, model="gemini/gemini-3.5-flash")
    return key


def stat(page: Page, name: str) -> Locator:
    """One of the sums."""
    return page.locator(".stat").filter(has=page.locator("dt", has_text=name)).locator("dd")


def card(page: Page, title: str) -> Locator:
    """A chart with what belongs to it."""
    return page.locator(".chart-card").filter(has=page.get_by_role("heading", name=title, exact=True))


def picture(chart: Locator) -> str:
    """What is drawn."""
    return chart.locator("canvas").evaluate("canvas => canvas.toDataURL()")


def test_charts_have_their_numbers_under_them(console: Page, site: Site, used: ApiKey, axe: Axe) -> None:
    page = console
    page.get_by_role("link", name="Usage", exact=True).first.click()
    page.goto(site.path(f"/usage?key={used.id}"))
    expect(stat(page, "Spend")).to_contain_text("$6.00")
    expect(stat(page, "Requests")).to_contain_text("4")
    expect(page.locator(".chart-card canvas")).to_have_count(4)
    spend = card(page, "Spend by model")
    expect(spend.locator(".legend li")).to_have_text(
        [re.compile(r"openai/gpt-5\.5 \$4\.00"), re.compile(r"anthropic/claude-sonnet-5 \$2\.00")]
    )
    spend.get_by_text("The same as numbers").click()
    expect(spend.locator("tbody tr")).to_have_count(2)
    expect(spend.locator("tbody tr").last.locator("td")).to_have_text(["$4.00", "-", "$4.00"])
    for title in ("Requests", "Tokens", "How long answers took"):
        card(page, title).get_by_text("The same as numbers").click()
    expect(card(page, "Requests").locator("tbody tr").last.locator("td")).to_have_text(["2", "1", "3"])
    axe(page)


def test_a_chart_is_read_by_keys_and_redrawn_with_the_theme(console: Page, site: Site, used: ApiKey) -> None:
    page = console
    page.goto(site.path(f"/usage?key={used.id}"))
    spend = card(page, "Spend by model")
    before = picture(spend)
    chart = spend.locator(".chart")
    chart.focus()
    chart.press("ArrowLeft")
    expect(spend.get_by_role("status")).to_contain_text("openai/gpt-5.5 $4.00, All $4.00")
    expect(spend.locator(".chart-tip")).to_contain_text("$4.00")
    chart.press("ArrowLeft")
    expect(spend.get_by_role("status")).to_contain_text("nothing")
    chart.press("ArrowLeft")
    expect(spend.get_by_role("status")).to_contain_text("anthropic/claude-sonnet-5 $2.00")
    chart.press("Escape")
    expect(spend.locator(".chart-tip")).to_be_hidden()
    page.get_by_text("You: Ada").locator("..").click()
    page.get_by_role("button", name="Light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert picture(spend) != before


def test_what_is_looked_at_stands_in_the_url(console: Page, site: Site, used: ApiKey, other: ApiKey) -> None:
    page = console
    page.goto(site.path("/usage"))
    page.get_by_label("API key", exact=True).select_option(used.name)
    expect(stat(page, "Spend")).to_contain_text("$6.00")
    page.get_by_role("radio", name="24 hours").check(force=True)
    expect(stat(page, "Spend")).to_contain_text("$4.00")
    expect(page).to_have_url(re.compile(rf"range=24h.*key={used.id}"))
    page.get_by_role("radio", name="By provider").check(force=True)
    expect(card(page, "Spend by provider").locator("canvas")).to_be_visible()
    page.reload()
    expect(page.get_by_role("radio", name="24 hours")).to_be_checked()
    expect(page.get_by_role("radio", name="By provider")).to_be_checked()
    expect(page.get_by_label("API key", exact=True)).to_have_value(used.id)
    expect(stat(page, "Spend")).to_contain_text("$4.00")
    page.get_by_role("radio", name="Other days").check(force=True)
    page.get_by_role("textbox", name="From").fill("2026-01-02")
    page.get_by_role("textbox", name="to", exact=True).fill("2026-01-01")
    page.get_by_role("textbox", name="to", exact=True).press("Tab")
    expect(page.get_by_role("alert")).to_contain_text("comes before the first")
    page.get_by_role("radio", name="7 days").check(force=True)
    expect(stat(page, "Spend")).to_contain_text("$6.00")
    page.get_by_role("link", name="By hour").click()
    expect(page).to_have_url(re.compile("span=hour"))
    expect(card(page, "Spend by provider").locator("tbody tr")).not_to_have_count(0)


def test_the_breakdown_is_sorted_and_leads_on(console: Page, site: Site, used: ApiKey, other: ApiKey) -> None:
    page = console
    page.goto(site.path("/usage?by=key"))
    first = page.locator("#breakdown tbody tr").first
    expect(first).to_contain_text(used.name)
    page.locator("#breakdown").get_by_role("link", name="Requests").click()
    expect(first).to_contain_text(other.name)
    expect(page.locator("#breakdown th[aria-sort]")).to_have_text("Requests")
    first.get_by_role("link").click()
    expect(stat(page, "Requests")).to_contain_text("60")
    with page.expect_download() as download:
        page.locator("#breakdown").get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename.startswith("usage-breakdown-key-")


def test_requests_are_paged_and_say_nothing_of_their_text(
    console: Page, site: Site, other: ApiKey, axe: Axe
) -> None:
    page = console
    page.goto(site.path(f"/usage/requests?key={other.id}"))
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("link", name="Older").click()
    expect(page.locator("tbody tr")).to_have_count(10)
    expect(page.get_by_label("API key", exact=True)).to_have_value(other.id)
    page.get_by_role("link", name="Newest").click()
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_label("Model", exact=True).fill("none/such")
    page.get_by_label("Model", exact=True).press("Tab")
    expect(page.get_by_role("heading", name="No requests")).to_be_visible()
    axe(page)


def test_what_was_cut_off_is_confirmed(console: Page, site: Site, axe: Axe) -> None:
    page = console
    (request,) = booked(site, issued(site, "cut-off"), [cut_off(CENT, 4 * CENT)])
    page.goto(site.path("/usage"))
    page.get_by_role("link", name="Look at it").click()
    case = page.locator(".case").filter(has_text=request)
    expect(case).to_contain_text("resp_of_the_provider")
    axe(page)
    case.get_by_role("textbox").fill("two cents")
    case.get_by_role("button", name="It cost that").click()
    expect(case.get_by_role("textbox")).to_have_value("two cents")
    expect(case.get_by_role("textbox")).to_be_focused()
    axe(page)
    case.get_by_role("textbox").fill("0.02")
    case.get_by_role("button", name="It cost that").dblclick()
    expect(page.get_by_text("Booked: it cost 0.02 USD")).to_be_visible()
    expect(case).to_have_count(0)
    assert request not in {each.request for each in unconfirmed(site)}


def test_to_whoever_used_nothing_a_first_request_is_taught(windows: Windows, site: Site, axe: Axe) -> None:
    page = windows.of(Role.MEMBER)
    page.goto(site.path("/usage"))
    expect(page.get_by_role("heading", name="Nothing was used yet")).to_be_visible()
    expect(page.locator("pre").first).to_contain_text("/v1/chat/completions")
    axe(page)


def test_without_scripts_filters_and_numbers_are_there(windows: Windows, site: Site, used: ApiKey) -> None:
    page = windows.of(Role.OWNER, scripts=False)
    page.goto(site.path("/usage"))
    page.get_by_label("API key", exact=True).select_option(used.name)
    page.get_by_role("button", name="Show").click()
    expect(stat(page, "Spend")).to_contain_text("$6.00")
    spend = card(page, "Spend by model")
    spend.get_by_text("The same as numbers").click()
    expect(spend.locator("tbody tr").last.locator("td").last).to_have_text("$4.00")
