"""The registry: every vendor has its row, and a prefix that is nobody's is a custom provider's."""

import re
from urllib.parse import urlsplit

import pytest

from zai_gateway.providers.registry import PROVIDERS, Auth, Dialect, Provider, provider, provider_of
from zai_gateway.providers.rows import HOSTS, MAKERS, OWN
from zai_gateway.relay.voices import voice_of
from zai_gateway.wire.fronts import Front

VENDORS = (
    *(
        "openai",
        "anthropic",
        "gemini",
        "vertex",
        "azure",
        "openrouter",
        "groq",
        "mistral",
        "deepseek",
        "xai",
        "together",
        "fireworks",
    ),
    *("cerebras", "perplexity", "nvidia", "sambanova", "moonshot", "zhipu", "alibaba", "huggingface"),
    *("ollama", "vllm", "lmstudio", "llamacpp", "custom", "demo"),
)
every_row = pytest.mark.parametrize("row", PROVIDERS, ids=lambda row: row.name)


def test_every_vendor_has_one_row() -> None:
    assert tuple(row.name for row in PROVIDERS) == VENDORS


def test_every_dialect_of_a_row_is_spoken_to_every_client() -> None:
    for row in PROVIDERS:
        for dialect in (row.dialect, *row.other_dialects.values()):
            assert all(voice_of(front, dialect) is not None for front in Front)


@pytest.mark.parametrize("row", PROVIDERS, ids=lambda row: row.name)
def test_a_row_is_found_by_its_prefix_alone(row: Provider) -> None:
    assert provider(row.name) is row
    assert provider_of(row.name) is row
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", row.name)
    assert provider(row.name.upper()) is None


@every_row
def test_a_row_says_where_its_vendor_is_and_where_a_key_comes_from(row: Provider) -> None:
    if row.name == "demo":
        return
    address = urlsplit(row.base_url or row.address_hint or "")
    assert address.netloc
    assert not row.base_url.endswith("/")
    assert address.scheme == ("http" if row.local else "https")
    assert row.local == (address.hostname == "127.0.0.1")
    assert row.needs_address == (row.address_hint is not None) == (row.name in ("azure", "custom", "vertex"))
    assert row.keys_url is not None or row.name == "custom"
    assert row.key_variable is not None or row.key_optional


def test_no_two_rows_share_an_address_or_a_variable() -> None:
    for values in (
        [row.base_url for row in PROVIDERS if row.base_url],
        [row.key_variable for row in PROVIDERS if row.key_variable],
        [row.title for row in PROVIDERS],
    ):
        assert len(values) == len(set(values))


@every_row
def test_who_may_and_who_must_give_a_key(row: Provider) -> None:
    assert row.takes_key == (row.auth is not Auth.NONE)
    assert row.needs_key == (row.takes_key and not row.key_optional)
    assert row.key_optional == (row.local or row.name == "custom")


@every_row
def test_a_row_does_not_contradict_itself(row: Provider) -> None:
    assert row.bills_by_statement == (row.counting.statement is not None)
    assert set(row.limit_names) <= {"max_tokens", "max_completion_tokens"}
    assert row.limit_names
    assert not set(row.never_sent) & set(row.unbounded)
    assert set(row.covered) <= set(row.unbounded)
    # What the gateway consumes itself, or compares without regard to case.
    assert "models" not in row.never_sent
    assert all(name == name.casefold() for name in (*row.never_sent, *row.unbounded))
    assert all(quirk.endswith(".") for quirk in row.quirks)


@every_row
def test_what_would_change_the_route_behind_the_gateway_goes_to_nobody(row: Provider) -> None:
    assert {"plugins", "provider", "route", "transforms"} <= set(row.never_sent)


def test_a_prefix_that_is_nobodys_is_a_custom_provider() -> None:
    box = provider_of("mybox")
    custom = provider_of("custom")
    assert (box.name, box.title, box.needs_address) == ("mybox", "mybox", True)
    assert (box.auth, box.unbounded, box.never_sent) == (custom.auth, custom.unbounded, custom.never_sent)
    assert provider("mybox") is None


@pytest.mark.parametrize(
    ("name", "model", "honoured"),
    [
        ("openai", "gpt-5.4", True),
        ("xai", "grok-4", False),
        ("xai", "grok-4-1-fast-non-reasoning", True),
        ("openrouter", "x-ai/grok-4", False),
        ("openrouter", "openai/gpt-5.4", True),
    ],
)
def test_whose_reasoning_passes_the_limit(name: str, model: str, honoured: bool) -> None:
    assert provider_of(name).honours_limit(model) is honoured


def test_what_a_claude_or_a_gemini_speaks() -> None:
    anthropic, gemini, vertex = map(provider_of, ("anthropic", "gemini", "vertex"))
    assert anthropic.dialect_of("claude-opus-5") is Dialect.ANTHROPIC_MESSAGES
    assert gemini.dialect_of("gemini-2.5-pro") is Dialect.GEMINI
    assert vertex.dialect_of("gemini-2.5-pro") is Dialect.GEMINI
    assert vertex.dialect_of("claude-sonnet-4-5@20250929") is Dialect.ANTHROPIC_MESSAGES
    assert provider_of("mybox").dialect_of("claude-opus-5") is Dialect.OPENAI_CHAT


def test_a_hasty_claude_is_refused_as_it_costs_more() -> None:
    anthropic, vertex = provider_of("anthropic"), provider_of("vertex")
    assert {"speed", "inference_geo", "fallbacks"} <= set(anthropic.never_sent) & set(vertex.never_sent)


def test_every_vendor_stands_in_one_group() -> None:
    grouped = sorted(row.name for group in (MAKERS, HOSTS, OWN) for row in group)
    assert grouped == sorted(row.name for row in PROVIDERS)
