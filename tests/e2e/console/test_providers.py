"""Providers in the console: added, tested, ordered, changed and removed; their secrets never come back."""

import re
from collections.abc import Generator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.console.browsing import Windows
from tests.e2e.console.conftest import Axe
from tests.e2e.console.site import Answer, Site
from tests.e2e.gateway_process import Operator, until
from tests.upstreams.processes import openai_stub
from zai_gateway.accounts.actor import Role, operator
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.records import Health, ProviderKey
from zai_gateway.accounts.terms import LAST_MS
from zai_gateway.ids import new_id

SECRET = "sk-upstream-6f1c"
WRONG = "sk-wrong-77aa"
NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture(scope="module")
def choosy() -> Generator[str]:
    """A provider that takes one key only."""
    with openai_stub("--key", SECRET) as base_url:
        yield base_url


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    """A gateway that asks providers for their lists."""
    own = {"ZAI_ALLOW_PRIVATE_ADDRESSES": "yes", "ZAI_PROVIDER_LISTS": "yes"}
    runner = Operator(tmp_path_factory.mktemp("site") / "data", **own)
    runner.key()
    with runner.serving() as gateway:
        yield Site(runner, gateway)


@pytest.fixture(autouse=True)
def _empty(site: Site) -> None:
    with site.accounts() as accounts:
        for key in accounts.provider_keys.list(operator(), site.workspace.id):
            accounts.provider_keys.remove(operator(), site.workspace.id, key.id)


def add(site: Site, name: str, base_url: str = NOWHERE, secret: str = SECRET) -> ProviderKey:
    """Adds a provider as the operator does."""
    wanted = NewProviderKey(provider="openai", secret=secret, name=name, base_url=base_url)
    with site.accounts() as accounts:
        return accounts.provider_keys.add(operator(), site.workspace.id, wanted)


def every(site: Site) -> list[ProviderKey]:
    """Those of the first workspace."""
    with site.accounts() as accounts:
        return list(accounts.provider_keys.list(operator(), site.workspace.id))


def names(site: Site) -> list[str]:
    return [key.name for key in every(site)]


def hidden(answer: Answer, name: str, action: str = "") -> str:
    """What a form of the page (the first whose action ends so) sends along unseen."""
    form = next(each for each in answer.text.split("<form")[1:] if f'{action}"' in each.split(">")[0])
    found = re.search(rf'name="{name}" value="([^"]*)"', form)
    assert found, form
    return found[1]


def test_a_workspace_without_a_provider_is_taught_what_one_is(windows: Windows, site: Site, axe: Axe) -> None:
    page = windows.of(Role.OWNER)
    page.goto(site.path("/providers"))
    expect(page.get_by_role("heading", name="No provider yet")).to_be_visible()
    axe(page)
    page.get_by_role("link", name="Add a provider").click()
    expect(page.get_by_role("heading", name="Add a provider")).to_be_visible()
    axe(page)


def test_a_provider_is_found_added_and_tested_with_what_it_says(
    windows: Windows, site: Site, choosy: str, axe: Axe
) -> None:
    page = windows.of(Role.ADMIN)
    page.goto(site.path("/providers/new"))
    page.get_by_role("searchbox", name="Search providers").fill("open")
    expect(page.get_by_role("link", name="Groq")).to_have_count(0)
    page.get_by_role("link", name="OpenAI").first.click()
    where = page.get_by_role("link", name="Get one at platform.openai.com")
    expect(where).to_have_attribute("href", "https://platform.openai.com/api-keys")
    expect(where).to_have_attribute("rel", "noopener noreferrer")
    axe(page)
    page.get_by_label("API key").fill(WRONG)
    page.get_by_text("Label and address").click()
    page.get_by_label("Address").fill(choosy)
    page.get_by_role("button", name="Add and test").click()
    expect(page.get_by_text("openai is added.")).to_be_visible()
    health = page.locator("#health")
    expect(health.get_by_text("Incorrect API key provided")).to_be_visible()
    expect(health.get_by_text("Refused", exact=True)).to_be_visible()
    expect(health.get_by_text("The key is kept.")).to_be_visible()
    expect(health.get_by_text(re.compile(r"^\d+ ms$"))).to_be_visible()
    assert WRONG not in page.content()
    axe(page)
    page.get_by_text("Replace the key").click()
    page.get_by_label("New key").fill(SECRET)
    page.get_by_role("button", name="Save and test").click()
    expect(health.get_by_text("Working")).to_be_visible()
    expect(page.locator("#listed").get_by_text("openai/gpt-5.4-mini")).to_be_visible()
    assert SECRET not in page.content()
    axe(page)
    health.get_by_role("button", name="Test again").click()
    expect(health.get_by_text("Working")).to_be_visible()
    expect(health.get_by_role("button", name="Test again")).to_be_enabled()


def test_the_order_is_changed_with_the_keyboard_alone(windows: Windows, site: Site, axe: Axe) -> None:
    for name in ("first", "second", "third"):
        add(site, name)
    page = windows.of(Role.OWNER)
    page.goto(site.path("/providers"))
    up = page.get_by_role("button", name="Try third earlier")
    up.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".lane-name a")).to_have_text(["first", "third", "second"])
    expect(up).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".lane-name a")).to_have_text(["third", "first", "second"])
    expect(up).to_be_focused()
    # It goes no further up.
    page.keyboard.press("Enter")
    assert names(site) == ["third", "first", "second"]
    axe(page)


def test_one_is_disabled_enabled_and_removed_after_a_question(windows: Windows, site: Site) -> None:
    add(site, "bench-7")
    page = windows.of(Role.OWNER)
    page.goto(site.path("/providers"))
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("bench-7 is disabled: no request uses it.")).to_be_visible()
    page.get_by_role("button", name="Enable").click()
    expect(page.get_by_text("bench-7 is enabled: requests use it.")).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Remove bench-7? Its key is forgotten at once")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert names(site) == ["bench-7"]
    page.get_by_role("button", name="Remove").click()
    dialog.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("bench-7 is removed, and its key forgotten.")).to_be_visible()
    assert names(site) == []


def test_without_scripts_a_custom_endpoint_is_added_and_tested(
    windows: Windows, site: Site, stub_url: str
) -> None:
    page: Page = windows.of(Role.OWNER, scripts=False)
    page.goto(site.path("/providers/new?search=custom"))
    page.get_by_role("link", name="Custom").click()
    page.get_by_label("Prefix").fill("mybox")
    page.get_by_label("Address").fill(stub_url)
    page.get_by_role("button", name="Add and test").click()
    expect(page.get_by_text("mybox is added without a key.")).to_be_visible()
    page.get_by_role("button", name="Test now").click()
    expect(page.get_by_text("mybox was tested.")).to_be_visible()
    expect(page.get_by_text("It answers without a key")).to_be_visible()
    assert [key.provider for key in every(site)] == ["mybox"]


def new_form(site: Site, provider: str = "openai", **fields: str) -> dict[str, str]:
    return {"provider": provider, "id": new_id("pkey", 1_763_000_000_000), "key": SECRET, **fields}


def test_the_same_form_twice_adds_one(site: Site) -> None:
    form = new_form(site, base_url=NOWHERE)
    first, second = (site.post(site.path("/providers/new"), form, Role.OWNER) for _ in range(2))
    assert (first.status, second.status) == (303, 303)
    assert first.location == second.location == site.path(f"/providers/{form['id']}")
    assert [key.id for key in every(site)] == [form["id"]]


@pytest.mark.parametrize(
    ("provider", "fields", "sentence"),
    [
        ("openai", {"key": ""}, "The key for openai is empty"),
        ("openai", {"key": "two words"}, "The key for openai is not one word"),
        ("openai", {"base_url": "http://169.254.169.254/v1"}, "169.254.169.254 is a link-local"),
        ("openai", {"id": "pkey_1"}, "load the page again"),
        ("azure", {}, "Azure OpenAI has no address of its own; give yours"),
        ("custom", {"name": "My Box", "base_url": NOWHERE}, "cannot be the prefix of models"),
        ("custom", {"name": "openai", "base_url": NOWHERE}, "choose another name for your own provider"),
        ("vertex", {"key": '{"type": "x"}', "base_url": "https://v.example"}, "no service account&#39;s"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_kept(
    site: Site, provider: str, fields: dict[str, str], sentence: str
) -> None:
    answer = site.post(site.path("/providers/new"), {**new_form(site, provider), **fields}, Role.OWNER)
    assert answer.status == 422
    assert sentence in answer.text
    assert every(site) == []
    for kept in ("name", "base_url"):
        if kept in fields:
            assert f'value="{fields[kept]}"' in answer.text
    for secret in (SECRET, "two words", '"type": "x"', "&#34;x&#34;"):
        assert secret not in answer.text


def test_an_unknown_provider_is_none(site: Site) -> None:
    answer = site.ask(site.path("/providers/new?provider=opnai"), Role.OWNER)
    assert (answer.status, "Did you mean openai?" in answer.text) == (400, True)


def test_a_page_that_is_old_by_now_overwrites_nothing(site: Site) -> None:
    key = add(site, "bench-7")
    at = site.path(f"/providers/{key.id}")
    stale = hidden(site.ask(at, Role.OWNER), "seen", "/rename")
    with site.accounts() as accounts:
        accounts.provider_keys.rename(operator(), site.workspace.id, key.id, "theirs")
    before = every(site)
    for act, fields in {
        "rename": {"name": "mine"},
        "switch": {"enabled": "no"},
        "access": {"key": "sk-mine-1", "base_url": key.base_url},
        "remove": {},
    }.items():
        answer = site.post(f"{at}/{act}", {"seen": stale, **fields}, Role.OWNER)
        assert (
            answer.status,
            "was changed by somebody else meanwhile, so nothing was done" in answer.text,
        ) == (422, True), act
        assert "sk-mine-1" not in answer.text
    assert every(site) == before


def test_what_is_typed_after_an_error_stays_while_the_page_looks_again(windows: Windows, site: Site) -> None:
    key = add(site, "bench-7")

    def taken(_key: ProviderKey, _secret: str) -> Health:
        return Health(at_ms=LAST_MS, ok=True, said="it takes the key", status=200, latency_ms=87)

    # It gives no list although it takes the key, so that the page looks for one again and again.
    with site.accounts() as accounts:
        accounts.provider_keys.test(operator(), site.workspace.id, key.id, taken)
    page = windows.of(Role.OWNER)
    page.goto(site.path(f"/providers/{key.id}"))
    label = page.get_by_role("textbox", name="Label", exact=True)
    with site.accounts() as accounts:
        accounts.provider_keys.rename(operator(), site.workspace.id, key.id, "theirs")
    label.fill("mine")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("alert")).to_be_focused()
    label.fill("")
    # Meanwhile its list is looked for again, and that part of the page is replaced.
    with page.expect_response(lambda answer: "looked=" in answer.url):
        label.press_sequentially("a long label", delay=300)
    expect(label).to_have_value("a long label")
    expect(label).to_be_focused()


def test_an_order_that_is_old_by_now_is_not_gone_by(site: Site) -> None:
    keys = [add(site, name) for name in ("a", "b", "c")]
    fields = {"way": "up", "order": ",".join(key.id for key in keys)}
    path = site.path(f"/providers/{keys[2].id}/move")
    assert site.post(path, fields, Role.OWNER).status == 303
    assert site.post(path, fields, Role.OWNER).status == 303
    assert names(site) == ["a", "c", "b"]
    answer = site.post(site.path(f"/providers/{keys[1].id}/move"), fields, Role.OWNER)
    assert (answer.status, "in another order by now" in answer.text) == (422, True)
    assert names(site) == ["a", "c", "b"]


def test_a_key_is_not_sent_to_another_address_than_it_was_given_for(site: Site) -> None:
    key = add(site, "bench-7")
    at = site.path(f"/providers/{key.id}")
    seen = hidden(site.ask(at, Role.OWNER), "seen", "/access")
    answer = site.post(f"{at}/access", {"seen": seen, "key": "", "base_url": "https://x.example"}, Role.OWNER)
    assert (answer.status, "Give the key again with another address" in answer.text) == (422, True)
    empty = site.post(f"{at}/access", {"seen": seen, "key": " ", "base_url": key.base_url}, Role.OWNER)
    assert (empty.status, "Paste the new key." in empty.text) == (422, True)
    assert every(site) == [key]


def test_a_refused_key_says_why_and_what_to_do(site: Site) -> None:
    key = add(site, "bench-7")
    with site.accounts() as accounts:
        assert accounts.provider_keys.refused(key, "OpenAI refused it (HTTP 401)")
    answer = site.ask(site.path("/providers"), Role.VIEWER)
    assert "OpenAI refused it (HTTP 401). Requests use it again once it has another key" in answer.text


def test_its_own_list_and_its_trouble_are_told(site: Site, stub_url: str) -> None:
    good, bad = add(site, "good", stub_url), add(site, "bad")
    for key, said in ((good, "<strong>2</strong> models in its own list"), (bad, "cannot connect to")):
        page = site.path(f"/providers/{key.id}")

        def told(page: str = page, said: str = said) -> bool:
            return said in site.ask(page, Role.VIEWER).text

        until(True, told)


PAGES = ("", "/new", "/{id}")
ACTS = {
    "/new": {"provider": "openai", "key": SECRET, "id": "pkey_" + "0" * 26},
    "/{id}/move": {"way": "up", "order": ""},
    "/{id}/switch": {"enabled": "no"},
    "/{id}/remove": {},
    "/{id}/test": {},
    "/{id}/rename": {"name": "other"},
    "/{id}/access": {"key": "sk-x-1", "base_url": "https://x.example"},
}
READERS = {Role.OWNER, Role.ADMIN, Role.VIEWER}


@pytest.mark.parametrize("role", Role)
def test_who_may_see_them(site: Site, role: Role) -> None:
    key = add(site, "bench-7")
    wanted = {"": role in READERS, "/new": role in READERS - {Role.VIEWER}, "/{id}": role in READERS}
    for page, may in wanted.items():
        answer = site.ask(site.path("/providers" + page.format(id=key.id)), role)
        assert answer.status == (200 if may else 403), page
        assert ("bench-7" in answer.text) == (may and page != "/new")
        assert SECRET not in answer.text
        changes = role in (Role.OWNER, Role.ADMIN)
        assert ("/remove" in answer.text) == (changes and page != "/new"), page


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER, None])
def test_who_may_not_change_them_changes_nothing(site: Site, role: Role | None) -> None:
    key = add(site, "bench-7")
    for act, fields in ACTS.items():
        answer = site.post(site.path("/providers" + act.format(id=key.id)), fields, role)
        assert (answer.status, answer.location) == ((303, "/sign-in") if role is None else (403, "")), act
    assert every(site) == [key]


def test_nothing_of_another_workspace_is_there(site: Site) -> None:
    elsewhere = site.another_workspace()
    with site.accounts() as accounts:
        wanted = NewProviderKey(provider="openai", secret=SECRET, name="theirs")
        theirs = accounts.provider_keys.add(operator(), elsewhere.id, wanted)
    for slug, id in ((site.workspace.slug, theirs.id), (elsewhere.slug, theirs.id)):
        answers = [site.ask(f"/w/{slug}/providers/{id}", Role.OWNER)]
        for act, fields in ACTS.items():
            if "{id}" in act:
                answers.append(site.post(f"/w/{slug}/providers{act.format(id=id)}", fields, Role.OWNER))
        assert {answer.status for answer in answers} == {404}
        assert not any("theirs" in answer.text for answer in answers)
    with site.accounts() as accounts:
        assert accounts.provider_keys.list(operator(), elsewhere.id) == (theirs,)


def test_no_form_of_another_page_or_site_is_taken(site: Site) -> None:
    key = add(site, "bench-7")
    path = site.path(f"/providers/{key.id}/remove")
    assert site.post(path, {"csrf": "0" * 64}, Role.OWNER).status == 403
    assert site.post(path, {}, Role.OWNER, sec_fetch_site="cross-site").status == 403
    assert every(site) == [key]


def test_a_role_that_was_taken_away_meanwhile_changes_nothing(site: Site) -> None:
    token = site.join(Role.ADMIN, site.workspace.id, "leaves@example.com", "Leaves")
    key = add(site, "bench-7")
    path = site.path(f"/providers/{key.id}")
    assert site.send("GET", path, token).status == 200
    with site.accounts() as accounts:
        accounts.members.remove(operator(), site.workspace.id, "leaves@example.com")
    for act in ("remove", "switch", "test"):
        assert site.send("POST", f"{path}/{act}", token, {}).status == 404
    assert every(site) == [key]
