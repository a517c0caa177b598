"""Models in the console: what can be called and what it costs, own prices, and names of one's own."""

import re
from collections.abc import Generator

import pytest
from playwright.sync_api import expect

from tests.e2e.console.browsing import Windows
from tests.e2e.console.conftest import Axe
from tests.e2e.console.site import Answer, Site
from tests.e2e.gateway_process import Operator
from zai_gateway.accounts.actor import Role, operator
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.records import PriceOverride, Target, VirtualModel
from zai_gateway.catalogue.model import Rates

MINI = "openai/gpt-5.4-mini"
BOX = "mybox/llama-3.3-70b"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, stub_url: str) -> Generator[Site]:
    """A gateway with the catalogue's models of two vendors, and a custom endpoint that nobody knows."""
    runner = Operator(tmp_path_factory.mktemp("site") / "data", ZAI_ALLOW_PRIVATE_ADDRESSES="yes")
    runner.add_openai(stub_url)
    runner.admin("provider", "add", "openrouter", "--key-env", "A", A="sk-or-1")
    runner.admin("provider", "add", "custom", "--name", "mybox", "--base-url", stub_url)
    with runner.serving() as gateway:
        yield Site(runner, gateway)


@pytest.fixture(autouse=True)
def _as_at_first(site: Site) -> None:
    with site.accounts() as accounts:
        at = site.workspace.id
        for price in accounts.prices.list(operator(), at):
            accounts.prices.remove(operator(), at, price.model)
        for name in accounts.virtual_models.list(operator(), at):
            accounts.virtual_models.remove(operator(), at, name.name)


def prices(site: Site) -> dict[str, Rates]:
    with site.accounts() as accounts:
        return {each.model: each.rates for each in accounts.prices.list(operator(), site.workspace.id)}


def price(site: Site, model: str, pico: int) -> PriceOverride:
    rates = Rates(input=pico, cache_read=pico, cache_write=pico, cache_write_long=pico, output=pico)
    with site.accounts() as accounts:
        return accounts.prices.set(operator(), site.workspace.id, model, rates)


def own_names(site: Site) -> dict[str, VirtualModel]:
    with site.accounts() as accounts:
        return {each.name: each for each in accounts.virtual_models.list(operator(), site.workspace.id)}


def name(site: Site, name: str, *models: str) -> VirtualModel:
    with site.accounts() as accounts:
        targets = [Target(model=each) for each in models]
        return accounts.virtual_models.set(operator(), site.workspace.id, name, targets)


def seen_by(answer: Answer) -> str:
    found = re.search(r'name="seen" value="([^"]*)"', answer.text)
    assert found, answer.text
    return found[1]


def test_models_are_searched_as_one_types_filtered_and_paged(windows: Windows, site: Site, axe: Axe) -> None:
    page = windows.of(Role.MEMBER)
    page.goto(site.path("/models"))
    rows = page.locator("#models tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("status").filter(has_text="51 to 100 of")).to_be_visible()
    page.get_by_role("searchbox", name="Search models").fill("gpt-5.4 mini")
    page.get_by_label("Provider", exact=True).select_option("openai")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text(MINI)
    expect(rows.first).to_contain_text("$0.75")
    # What is sought stands in the address, and is there again.
    page.wait_for_url(re.compile(r"search=gpt-5\.4\+?(%20)?mini&provider=openai"))
    page.reload()
    expect(page.get_by_role("searchbox", name="Search models")).to_have_value("gpt-5.4 mini")
    expect(rows).to_have_count(2)
    page.get_by_role("link", name=MINI, exact=True).click()
    expect(page.get_by_role("row", name="Standard $0.75 $0.075 $0.75 $4.50")).to_be_visible()
    expect(page.get_by_role("button", name="Set the price")).to_have_count(0)
    axe(page)


def test_the_table_reads_well_for_everybody(windows: Windows, site: Site, axe: Axe) -> None:
    page = windows.of(Role.OWNER)
    page.goto(site.path("/models?search=gpt-5.4"))
    expect(page.get_by_role("link", name=MINI, exact=True)).to_be_visible()
    axe(page)


def test_a_model_of_one_s_own_is_priced_at_zero_and_what_that_means_is_said(
    windows: Windows, site: Site, axe: Axe
) -> None:
    page = windows.of(Role.OWNER)
    page.goto(site.path("/models/prices"))
    expect(page.get_by_role("heading", name="No price of your own")).to_be_visible()
    page.get_by_role("link", name="Price a model").click()
    page.get_by_label("Model", exact=True).fill(BOX)
    page.get_by_label("Input", exact=True).fill("0")
    page.get_by_label("Output", exact=True).fill("cheap")
    axe(page)
    page.get_by_role("button", name="Set the price").click()
    expect(page.get_by_text("is not an amount in USD")).to_be_visible()
    expect(page.get_by_role("heading", name=BOX)).to_be_visible()
    page.get_by_label("Output", exact=True).fill("0")
    page.get_by_role("button", name="Set the price").click()
    expect(
        page.get_by_text(f"The price of {BOX} is set. It is free, so that no cap counts it.")
    ).to_be_visible()
    axe(page)
    assert not any(prices(site)[BOX].__getattribute__(field) for field in ("input", "output", "cache_read"))
    page.get_by_role("link", name=BOX).click()
    page.get_by_role("button", name="Remove this price").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove this price").click()
    expect(page.get_by_text(f"{BOX} costs again what the catalogue says.")).to_be_visible()
    assert prices(site) == {}


def test_a_model_s_name_that_is_wrong_is_mended_where_it_was_typed(windows: Windows, site: Site) -> None:
    page = windows.of(Role.OWNER)
    page.goto(site.path("/models/one"))
    name = page.get_by_label("Model", exact=True)
    name.fill("llama")
    page.get_by_label("Input", exact=True).fill("1")
    page.get_by_label("Output", exact=True).fill("2")
    page.get_by_role("button", name="Set the price").click()
    expect(page.get_by_text("is not a model's name")).to_be_visible()
    expect(name).to_have_value("llama")
    expect(name).to_have_attribute("aria-invalid", "true")
    name.fill(BOX)
    page.get_by_role("button", name="Set the price").click()
    expect(page.get_by_text(f"The price of {BOX} is set.")).to_be_visible()
    assert list(prices(site)) == [BOX]


def test_what_is_typed_after_an_error_stays_where_it_is_typed(windows: Windows, site: Site) -> None:
    page = windows.of(Role.OWNER)
    page.goto(site.path("/models/names/edit"))
    page.get_by_label("Name", exact=True).fill("Fast one")
    page.get_by_role("button", name="Define it").click()
    expect(page.get_by_role("alert")).to_be_focused()
    model = page.get_by_label("Model 1", exact=True)
    model.click()
    # Its suggestions come while it is typed.
    model.press_sequentially(MINI, delay=250)
    expect(page.locator(f'#known option[value="{MINI}"]')).to_have_count(1)
    expect(model).to_have_value(MINI)
    expect(model).to_be_focused()


def test_a_name_is_defined_with_suggestions_changed_and_removed(
    windows: Windows, site: Site, axe: Axe
) -> None:
    page = windows.of(Role.ADMIN)
    page.goto(site.path("/models/names"))
    page.get_by_role("link", name="Define a name").click()
    page.get_by_label("Name", exact=True).fill("fast")
    page.get_by_label("Model 1", exact=True).press_sequentially("gpt-5.4-mi")
    expect(page.locator(f'#known option[value="{MINI}"]')).to_have_count(1)
    page.get_by_label("Model 1", exact=True).fill(MINI)
    page.get_by_label("Longest time to the first word of model 1").fill("soon")
    page.get_by_role("button", name="Define it").click()
    expect(page.get_by_text("a time such as 500ms, 20s or 2m belongs here")).to_be_visible()
    axe(page)
    page.get_by_label("Longest time to the first word of model 1").fill("20s")
    page.get_by_role("button", name="More rows").click()
    page.get_by_label("Model 5", exact=True).fill("openrouter/x-ai/grok")
    # Enter saves, and asks for no more rows.
    page.keyboard.press("Enter")
    expect(page.get_by_text("fast can be called as a model now.")).to_be_visible()
    targets = own_names(site)["fast"].targets
    assert [(each.model, each.timeout_ms) for each in targets] == [
        (MINI, 20_000),
        ("openrouter/x-ai/grok", None),
    ]
    axe(page)
    page.get_by_role("link", name="fast").click()
    page.get_by_label("Each as often as its weight says").check()
    page.get_by_label("Weight of model 1").fill("3")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("By weight")).to_be_visible()
    assert [each.weight for each in own_names(site)["fast"].targets] == [3, 1]
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", name="No name of your own")).to_be_visible()
    assert own_names(site) == {}


def test_what_an_unpriced_model_means_is_said(site: Site) -> None:
    answer = site.ask(site.path(f"/models/one?model={BOX}"), Role.OWNER)
    assert "A key with a spend cap is refused it (402)" in answer.text
    assert (
        "A key with a spend cap is refused it (402)"
        in site.ask(site.path(f"/models/one?model={BOX}"), Role.MEMBER).text
    )


def test_every_filter_and_page_answers(site: Site) -> None:
    price(site, MINI, 7_000)
    own = site.ask(site.path("/models?kind=own"), Role.VIEWER).text
    assert (MINI in own, "own price" in own, "1 to 1 of 1" in own) == (True, True, True)
    assert "$0.007" in own
    embeddings = site.ask(site.path("/models?kind=embedding&provider=openai"), Role.VIEWER).text
    assert "openai/text-embedding-3-small" in embeddings
    assert MINI not in embeddings
    for query in ("page=0", "page=-1", "page=999999", "page=x", "provider=none", "kind=none", "search=%00"):
        assert site.ask(site.path(f"/models?{query}"), Role.VIEWER).status == 200, query


def test_an_alias_is_priced_by_its_canonical_name(site: Site) -> None:
    form = {"model": "openai/gpt-5-4-mini", "input": "0.5", "output": "$1,000.25"}
    assert site.post(site.path("/models/one"), form, Role.OWNER).status == 303
    (rates,) = prices(site).values()
    assert list(prices(site)) == [MINI]
    assert (rates.input, rates.cache_read, rates.cache_write, rates.output) == (
        500_000,
        500_000,
        500_000,
        1_000_250_000,
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"input": ""}, "Say what a million tokens of input cost in USD"),
        ({"output": "-1"}, "is not an amount in USD of zero or more"),
        ({"cache_read": "1e3"}, "is not an amount in USD of zero or more"),
        ({"input": "0.0000001"}, "has more decimals than the books keep"),
        ({"output": "1000001"}, "From 0 to 1,000,000 USD per million tokens."),
        ({"model": "llama"}, "is not a model&#39;s name"),
        ({"model": "nobody/llama"}, "is not a provider that Z-AI knows"),
    ],
)
def test_what_is_wrong_with_a_price_is_said_and_nothing_is_set(
    site: Site, fields: dict[str, str], sentence: str
) -> None:
    form = {"model": BOX, "input": "1", "output": "2", **fields}
    answer = site.post(site.path("/models/one"), form, Role.OWNER)
    assert (answer.status, sentence in answer.text) == (422, True), answer.text
    assert f'value="{form["output"]}"' in answer.text
    assert prices(site) == {}


def test_a_price_that_was_changed_meanwhile_is_not_overwritten_unseen(site: Site) -> None:
    at = site.path("/models/one")
    stale = seen_by(site.ask(f"{at}?model={MINI}", Role.OWNER))
    assert stale == ""
    form = {"model": MINI, "seen": stale, "input": "1", "output": "2"}
    for _ in range(2):
        assert site.post(at, form, Role.OWNER).status == 303
    before = prices(site)
    for path, fields in ((at, {**form, "input": "5"}), (f"{at}/remove", form)):
        answer = site.post(path, fields, Role.OWNER)
        assert (answer.status, "was changed by somebody else meanwhile" in answer.text) == (422, True), path
        # The same form again is refused again: nobody has seen more meanwhile.
        assert seen_by(answer) == stale
    assert prices(site) == before
    by_name = {name: value for name, value in form.items() if name != "seen"}
    unseen = site.post(at, {**by_name, "input": "5"}, Role.OWNER)
    assert (unseen.status, seen_by(unseen)) == (422, "")
    assert prices(site) == before
    now = seen_by(site.ask(f"{at}?model={MINI}", Role.OWNER))
    assert site.post(f"{at}/remove", {"model": MINI, "seen": now}, Role.OWNER).status == 303
    again = site.post(f"{at}/remove", {"model": MINI, "seen": now}, Role.OWNER)
    assert (again.status, prices(site)) == (404, {})


def test_a_name_that_was_changed_meanwhile_is_not_overwritten_unseen(site: Site) -> None:
    name(site, "fast", MINI)
    at = site.path("/models/names")
    stale = seen_by(site.ask(f"{at}/edit?name=fast", Role.OWNER))
    name(site, "fast", "openrouter/x/y")
    before = own_names(site)
    form = {"name": "fast", "seen": stale, "strategy": "ordered", "model-1": "openai/gpt-5.4"}
    for path in ("/edit", "/remove"):
        answer = site.post(at + path, form, Role.OWNER)
        assert (answer.status, "was changed by somebody else meanwhile" in answer.text) == (422, True), path
    taken = site.post(f"{at}/edit", {**form, "seen": ""}, Role.OWNER)
    assert (taken.status, "There is a model &#39;fast&#39; already" in taken.text) == (422, True)
    assert own_names(site) == before


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "Fast one"}, "is not a name of 1 to 64 letters"),
        ({"name": "openai"}, "is how a provider&#39;s models begin"),
        ({"model-1": ""}, "a virtual model has 1 to 16 targets"),
        ({"model-1": "", "weight-1": "3"}, "is not a model&#39;s name"),
        ({"model-1": "mini"}, "is not a model&#39;s name"),
        ({"model-1": "nobody/mini"}, "is not a provider that Z-AI knows"),
        ({"model-2": MINI}, "stands there more than once"),
        ({"weight-1": "many", "strategy": "weighted"}, "a whole number from 1 to 1,000"),
    ],
)
def test_what_is_wrong_with_a_name_is_said_and_nothing_is_defined(
    site: Site, fields: dict[str, str], sentence: str
) -> None:
    form = {"name": "fast", "seen": "", "strategy": "ordered", "model-1": MINI, **fields}
    answer = site.post(site.path("/models/names/edit"), form, Role.OWNER)
    assert (answer.status, sentence in answer.text) == (422, True), answer.text
    assert own_names(site) == {}


@pytest.mark.parametrize("role", Role)
def test_everybody_may_see_them_and_owners_and_admins_change_them(site: Site, role: Role) -> None:
    price(site, MINI, 1)
    name(site, "fast", MINI)
    may = role in (Role.OWNER, Role.ADMIN)
    for page in ("", "/prices", "/names", f"/one?model={MINI}", "/suggestions?model=mini"):
        answer = site.ask(site.path(f"/models{page}"), role)
        assert answer.status == 200, page
        assert "sk-" not in answer.text
    for page in ("/one", "/names/edit", "/names/edit?name=fast"):
        assert site.ask(site.path(f"/models{page}"), role).status == (200 if may else 403), page
    shown = site.ask(site.path(f"/models/one?model={MINI}"), role).text
    assert ("Change the price" in shown, "Remove this price" in shown) == (may, may)
    assert ("/names/remove" in site.ask(site.path("/models/names"), role).text) == may


ACTS = {
    "/one": {"model": MINI, "input": "5", "output": "5"},
    "/one/remove": {"model": MINI},
    "/names/edit": {"name": "fast", "seen": "", "model-1": "openai/gpt-5.4"},
    "/names/remove": {"name": "fast"},
}


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER, None])
def test_who_may_not_change_them_changes_nothing(site: Site, role: Role | None) -> None:
    price(site, MINI, 1)
    name(site, "fast", MINI)
    before = prices(site), own_names(site)
    for act, fields in ACTS.items():
        answer = site.post(site.path(f"/models{act}"), fields, role)
        assert (answer.status, answer.location) == ((303, "/sign-in") if role is None else (403, "")), act
    assert (prices(site), own_names(site)) == before


def test_nothing_of_another_workspace_is_shown_or_changed(site: Site) -> None:
    elsewhere = site.another_workspace()
    with site.accounts() as accounts:
        wanted = NewProviderKey(provider="custom", name="theirs", secret="", base_url="https://t.example/v1")
        accounts.provider_keys.add(operator(), elsewhere.id, wanted)
        targets = [Target(model="theirs/m")]
        standing = accounts.virtual_models.set(operator(), elsewhere.id, "hidden", targets)
    pages = ("", "/prices", "/names", f"/one?model={MINI}", "/names/edit?name=hidden", "/suggestions?model=x")
    answers = [site.ask(f"/w/{elsewhere.slug}/models{page}", Role.OWNER) for page in pages]
    answers += [site.post(f"/w/{elsewhere.slug}/models{act}", f, Role.OWNER) for act, f in ACTS.items()]
    answers.append(site.ask(site.path("/models/names/edit?name=hidden"), Role.OWNER))
    assert {answer.status for answer in answers} == {404}
    assert not any("theirs" in answer.text for answer in answers)
    with site.accounts() as accounts:
        assert accounts.virtual_models.list(operator(), elsewhere.id) == (standing,)
        assert accounts.prices.list(operator(), elsewhere.id) == ()
