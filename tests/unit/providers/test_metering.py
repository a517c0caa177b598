"""What vendors report, as each spells it, and what it costs: the mistakes of wire.md 22-24, 28 and 29."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.providers.capped import CATALOGUE, TODAY, capped, prepared
from tests.unit.wire.bodies import body
from zai_gateway.catalogue.cost import cost
from zai_gateway.catalogue.model import Price
from zai_gateway.dialects.openai_chat.usage import read_usage
from zai_gateway.errors import Code, Failure
from zai_gateway.providers.registry import PROVIDERS, provider_of
from zai_gateway.relay.routing import Knowledge, routes
from zai_gateway.wire.chat import parse

COUNTS = {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}
CACHED = {"prompt_tokens_details": {"cached_tokens": 800}}
REASONED = {"completion_tokens_details": {"reasoning_tokens": 60}}


def priced(name: str) -> Price:
    vendor, _, id = name.partition("/")
    price = CATALOGUE.model(vendor, id).price_at(TODAY)
    assert price is not None
    return price


def nano(name: str, told: dict[str, Any], tier: str | None = None) -> int:
    """What the report `told` costs at the catalogue's price."""
    usage = read_usage(told, provider_of(name.partition("/")[0]).counting)
    assert usage is not None
    return cost(usage, priced(name), tier)


@pytest.mark.parametrize(
    ("name", "more", "usd_per_million"),
    [
        # 200 tokens of plain input, 800 read from the cache, 100 of output (wire.md 22).
        ("openai/gpt-4o", CACHED, (2.5, 1.25, 10)),
        ("azure/gpt-4o", CACHED, (2.5, 1.25, 10)),
        ("openrouter/anthropic/claude-haiku-4.5", CACHED, (1, 0.1, 5)),
        ("groq/openai/gpt-oss-120b", CACHED, (0.15, 0.075, 0.6)),
        ("mistral/mistral-large-latest", {"num_cached_tokens": 800}, (0.5, 0.05, 1.5)),
        ("mistral/mistral-large-latest", CACHED, (0.5, 0.05, 1.5)),
        ("deepseek/deepseek-v4-flash", {"prompt_cache_hit_tokens": 800}, (0.3, 0.006, 1.2)),
        ("xai/grok-4.7", CACHED, (2, 0.5, 6)),
        ("together/openai/gpt-oss-120b", {"cached_tokens": 800}, (0.15, 0.15, 0.6)),
        ("fireworks/accounts/fireworks/models/kimi-k3", CACHED, (3, 0.3, 15)),
        ("cerebras/gpt-oss-120b", CACHED, (0.35, 0.35, 0.75)),
        ("sambanova/DeepSeek-R1", CACHED, (5, 5, 7)),
        ("moonshot/kimi-k3", {"cached_tokens": 800}, (3, 0.3, 15)),
        ("zhipu/glm-4.6", CACHED, (0.6, 0.11, 2.2)),
        ("alibaba/qwen3.6-plus", CACHED, (0.5, 0.05, 3)),
        ("huggingface/deepseek-ai/DeepSeek-R1:together", CACHED, (3, 3, 7)),
        ("nvidia/meta/llama-3.3-70b-instruct", CACHED, (0, 0, 0)),
    ],
)
def test_cached_input_is_counted_once(
    name: str, more: dict[str, Any], usd_per_million: tuple[float, float, float]
) -> None:
    into, read, out = (round(1_000 * usd) for usd in usd_per_million)
    assert nano(name, COUNTS | more) == 200 * into + 800 * read + 100 * out


@pytest.mark.parametrize(
    ("name", "told", "output"),
    [
        # Reasoning is in the output, or beside it: never twice, and never left out (wire.md 23).
        ("openai/o4-mini", REASONED, 100),
        ("azure/gpt-5", REASONED, 100),
        ("openrouter/openai/gpt-5.4", REASONED, 100),
        ("groq/openai/gpt-oss-120b", REASONED, 100),
        ("mistral/magistral-medium-latest", REASONED, 100),
        ("deepseek/deepseek-reasoner", REASONED, 100),
        ("together/openai/gpt-oss-120b", REASONED, 100),
        ("fireworks/accounts/fireworks/models/kimi-k3", REASONED, 100),
        ("cerebras/gpt-oss-120b", REASONED, 100),
        ("moonshot/kimi-k3", REASONED, 100),
        ("zhipu/glm-4.6", REASONED, 100),
        ("alibaba/qwen3.6-plus", REASONED, 100),
        ("xai/grok-4.7", REASONED | {"total_tokens": 1_160}, 160),
        ("xai/grok-4.7", REASONED, 160),
        ("perplexity/sonar-reasoning-pro", {"reasoning_tokens": 60}, 160),
        # Who is not known to do either: its own sum decides.
        ("huggingface/deepseek-ai/DeepSeek-R1:together", REASONED, 100),
        ("huggingface/deepseek-ai/DeepSeek-R1:together", REASONED | {"total_tokens": 1_160}, 160),
    ],
)
def test_reasoning_is_paid_for_once(name: str, told: dict[str, Any], output: int) -> None:
    price = priced(name)
    base = price.tiers["standard"].base
    assert nano(name, COUNTS | told) * 1_000 == 1_000 * base.input + output * base.output + price.fees.request


@pytest.mark.parametrize(
    ("name", "more", "written", "usd_per_million"),
    [
        # Writing to a cache is not plain input (wire.md 24).
        (
            "openrouter/anthropic/claude-haiku-4.5",
            {"prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 800}},
            1.25,
            (1, 5),
        ),
        (
            "alibaba/qwen3.6-plus",
            {"prompt_tokens_details": {"cached_tokens": 0, "cache_creation_input_tokens": 800}},
            0.625,
            (0.5, 3),
        ),
        # A model whose writes have no price of their own costs what its input costs.
        ("openai/gpt-4o", {"prompt_tokens_details": {"cache_write_tokens": 800}}, 2.5, (2.5, 10)),
        # The longer of two lives has a price of its own.
        (
            "moonshot/kimi-k3",
            {
                "cache_creation_input_tokens": 800,
                "cache_creation": {"ephemeral_1h_input_tokens": 800},
            },
            6,
            (3, 15),
        ),
    ],
)
def test_cache_writes_have_a_price_of_their_own(
    name: str, more: dict[str, Any], written: float, usd_per_million: tuple[float, float]
) -> None:
    into, out = (round(1_000 * usd) for usd in usd_per_million)
    assert nano(name, COUNTS | more) == 200 * into + round(800 * 1_000 * written) + 100 * out


@pytest.mark.parametrize(
    ("name", "threshold", "short", "long"),
    [
        # One token more, and every token costs more: cached ones count, and so does output (wire.md 29).
        ("openai/gpt-5.4", 272_000, (2.5, 0.25, 15), (5, 0.5, 22.5)),
        ("openrouter/openai/gpt-5.4", 272_000, (2.5, 0.25, 15), (5, 0.5, 22.5)),
        ("openrouter/google/gemini-2.5-pro", 200_000, (1.25, 0.125, 10), (2.5, 0.25, 15)),
        ("xai/grok-4.7", 200_000, (2, 0.5, 6), (4, 1, 12)),
        ("alibaba/qwen3-max", 32_000, (1.2, 1.2, 6), (2.4, 2.4, 12)),
        ("alibaba/qwen3-max", 128_000, (2.4, 2.4, 12), (3, 3, 15)),
        ("alibaba/qwen3.6-plus", 256_000, (0.5, 0.05, 3), (2, 0.2, 6)),
    ],
)
def test_long_prompts_cost_more_for_every_token(
    name: str, threshold: int, short: tuple[float, float, float], long: tuple[float, float, float]
) -> None:
    for prompt, usd_per_million in ((threshold, short), (threshold + 1, long)):
        into, read, out = (round(1_000 * usd) for usd in usd_per_million)
        told = CACHED | {"prompt_tokens": prompt, "completion_tokens": 100}
        assert nano(name, told) == (prompt - 800) * into + 800 * read + 100 * out


@pytest.mark.parametrize(
    ("name", "tier", "usd_per_million"),
    [
        # What served is what is paid for, by the name that the vendor gives it (wire.md 29).
        ("openai/gpt-5.4", None, (2.5, 15)),
        ("openai/gpt-5.4", "default", (2.5, 15)),
        ("openai/gpt-5.4", "flex", (1.25, 7.5)),
        ("openai/gpt-5.4", "priority", (5, 30)),
        ("openai/gpt-5.4", "batch", (1.25, 7.5)),
        ("openai/gpt-5.4", "of tomorrow", (5, 30)),
        ("azure/gpt-5", "priority", (2.5, 20)),
        ("groq/openai/gpt-oss-120b", "on_demand", (0.15, 0.6)),
        ("groq/openai/gpt-oss-120b", "batch", (0.075, 0.3)),
        ("mistral/mistral-large-latest", "standard", (0.5, 1.5)),
        ("fireworks/accounts/fireworks/models/kimi-k3", "priority", (3.75, 18.75)),
        ("xai/grok-4.7", "batch", (1.6, 4.8)),
    ],
)
def test_the_tier_that_served_is_paid_for(
    name: str, tier: str | None, usd_per_million: tuple[float, float]
) -> None:
    into, out = (round(1_000 * usd) for usd in usd_per_million)
    assert nano(name, COUNTS, tier) == 1_000 * into + 100 * out


UNKNOWN = [row for row in PROVIDERS if row.name != "demo"]


@pytest.mark.parametrize("row", UNKNOWN, ids=lambda row: row.name)
def test_an_unknown_price_is_not_zero(row: Any) -> None:
    """wire.md 28: refused where a cap must hold, unpriced and said so (`Flag.UNPRICED`) elsewhere."""
    request = parse(body(model=f"{row.name}/nobody/knows"))
    caller = capped(row.name, {})
    with pytest.raises(Failure) as refused:
        prepared(request, caller)
    assert (refused.value.code, refused.value.param) == (Code.MODEL_UNPRICED, "model")
    assert f"zai admin price set {row.name}/nobody/knows" in refused.value.message
    free = replace(caller, key=replace(caller.key, cap=None))
    knowledge = Knowledge(catalogue=CATALOGUE, now=TODAY, draw=lambda: 0.0, cooling=lambda key, model: False)
    (route,) = routes(request, free, knowledge)
    assert route.price is None
