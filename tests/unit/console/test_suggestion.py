"""Which models are suggested to begin with."""

import re
from collections.abc import Sequence

import pytest

from zai_gateway.accounts.caller import WorkspaceView
from zai_gateway.accounts.records import Health, ProviderKey, Workspace
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.listings import NO_LISTINGS
from zai_gateway.console.suggestion import NOTHING, Suggestions, suggested
from zai_gateway.providers.rows import HOSTS, MAKERS
from zai_gateway.relay.models import offers_of

CATALOGUE = Catalogue.load()
NOW = 1_790_000_000
TAKES = Health(at_ms=1, ok=True, said="it takes the key")
REFUSES = Health(at_ms=1, ok=False, said="401: Unauthorized")


def key(provider: str, position: int, health: Health | None = None) -> ProviderKey:
    return ProviderKey(
        id=f"pkey_{provider}",
        workspace="ws_1",
        provider=provider,
        name=provider,
        base_url="https://example.com/v1",
        sealed=b"",
        position=position,
        health=health,
        created_ms=0,
    )


def begin(*keys: ProviderKey, allow: Sequence[str] = ()) -> Suggestions:
    place = Workspace(id="ws_1", name="W", slug="w", created_ms=0)
    view = WorkspaceView(workspace=place, provider_keys=keys, prices={})
    return suggested(view, offers_of(view, CATALOGUE, NO_LISTINGS), NOW, allow)


def output_price(name: str) -> int:
    provider, _, id = name.partition("/")
    price = CATALOGUE.model(provider, id).price_at(NOW)
    assert price is not None
    return price.tiers["standard"].base.output


def test_a_workspace_without_providers_gets_a_placeholder() -> None:
    assert begin().first.name == begin().claude.name == NOTHING


def test_the_demo_is_suggested_where_there_is_nothing_else() -> None:
    found = begin(key("demo", 0))
    assert found.first.demo
    assert found.first.name.startswith("demo/")
    assert begin(key("demo", 0), key("openai", 1)).first.name.startswith("openai/")


def test_a_provider_that_answered_comes_first() -> None:
    openai, anthropic = key("openai", 0, REFUSES), key("anthropic", 1, TAKES)
    assert begin(openai, anthropic).first.name.startswith("anthropic/")
    assert begin(openai, key("demo", 1)).first.demo
    assert begin(key("anthropic", 0, REFUSES), key("demo", 1)).claude.demo
    untested = key("openai", 0)
    assert begin(untested, key("anthropic", 1)).first.name.startswith("openai/")


def test_a_first_request_is_cheap_and_an_editor_gets_an_able_model() -> None:
    found = begin(key("openai", 0, TAKES))
    assert output_price(found.first.name) <= output_price(found.able.name) <= 20_000_000
    for each in (found.first, found.able):
        assert CATALOGUE.model("openai", each.name.partition("/")[2]).tools


def test_claude_code_gets_a_claude_of_whichever_provider_has_one() -> None:
    found = begin(key("openai", 0, TAKES), key("anthropic", 1))
    assert found.claude.name.startswith("anthropic/claude-")
    assert found.able.name.startswith("openai/")
    alone = begin(key("openai", 0, TAKES))
    assert alone.claude == alone.able


def test_what_the_key_may_not_call_is_not_suggested() -> None:
    keys = (key("openai", 0, TAKES), key("anthropic", 1), key("demo", 2))
    assert begin(*keys, allow=("demo/*",)).claude.name.startswith("demo/")
    assert begin(*keys, allow=("anthropic/claude-haiku-*",)).first.name.startswith("anthropic/claude-haiku-")
    assert begin(*keys, allow=("nobody/*",)).first.name == NOTHING


@pytest.mark.parametrize("provider", [row.name for row in (*MAKERS, *HOSTS)])
def test_nobody_is_led_to_a_trial_or_to_a_model_that_only_judges(provider: str) -> None:
    found = begin(key(provider, 0, TAKES))
    for each in (found.first, found.able, found.claude, found.plain):
        assert each.name.startswith(f"{provider}/")
        assert output_price(each.name) > 0, each.name
        assert not re.search("free$|guard|safety|moderation", each.name), each.name


def test_where_all_is_free_or_judges_that_is_suggested() -> None:
    free = "openrouter/qwen/qwen3-coder:free"
    assert begin(key("openrouter", 0), allow=(free,)).first.name == free
    judge = "groq/openai/gpt-oss-safeguard-20b"
    assert begin(key("groq", 0), allow=(judge,)).able.name == judge


def test_cursor_gets_no_gpt_that_it_asks_by_another_api_where_there_is_another_model() -> None:
    openai, anthropic = key("openai", 0, TAKES), key("anthropic", 1)
    assert re.search("gpt-[5-9]", begin(openai).able.name)
    assert not re.search("gpt-[5-9]|/o[1-9]", begin(openai).plain.name)
    assert begin(openai, anthropic).plain.name.startswith("anthropic/claude-")
    refused = begin(openai, key("anthropic", 1, REFUSES), key("demo", 2))
    assert refused.plain.name.startswith("openai/")
    only = begin(openai, allow=("openai/gpt-5*",))
    assert only.plain == only.able
    alone = begin(anthropic)
    assert alone.plain == alone.able
