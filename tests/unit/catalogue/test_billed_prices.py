"""Golden prices: what vendors billed for recorded answers, and what their price pages say."""

import pytest

from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.cost import cost
from zai_gateway.wire.usage import Usage

CATALOGUE = Catalogue.load()
MARCH = 1_773_000_000
"""In March 2026, in seconds since 1970."""
SEPTEMBER = 1_790_000_000


@pytest.mark.parametrize(
    ("provider", "id", "day", "usage", "billed"),
    [
        # `usage.cost` of OpenRouter.
        ("openrouter", "anthropic/claude-haiku-4.5", MARCH, Usage(input=633, output=75), 1_008_000),
        ("openrouter", "openai/gpt-4o", MARCH, Usage(input=46, output=13), 245_000),
        ("openrouter", "openai/gpt-5.4-nano", MARCH, Usage(input=109, output=54), 89_300),
        ("openrouter", "z-ai/glm-5-turbo", MARCH, Usage(input=102, cache_read=256, output=46), 367_840),
        (
            "openrouter",
            "google/gemini-2.5-flash",
            MARCH,
            Usage(input=6, cache_read=2_161, output=99),
            314_130,
        ),
        # `cost_in_usd_ticks` of xAI, 1e-10 USD each: before it retired these names, and after.
        ("xai", "grok-code-fast-1", MARCH, Usage(input=48, cache_read=448, output=198), 315_560),
        ("xai", "grok-4-fast", MARCH, Usage(input=279, cache_read=153, output=204), 165_450),
        ("xai", "grok-3-mini", MARCH, Usage(input=1, cache_read=330, output=282), 166_050),
        ("xai", "grok-3-mini", SEPTEMBER, Usage(input=236, cache_read=320, output=129), 681_500),
        ("xai", "grok-4-0709", SEPTEMBER, Usage(input=98, cache_read=128, output=241), 750_600),
        # `usage.cost.total_cost` of Perplexity: a fee for the request, and tokens in steps of 10 micro-USD.
        ("perplexity", "sonar", SEPTEMBER, Usage(input=20, output=5), 5_030_000),
        ("perplexity", "sonar-pro", SEPTEMBER, Usage(input=17, output=6), 6_140_000),
        ("perplexity", "sonar-reasoning-pro", SEPTEMBER, Usage(input=45, output=482), 9_950_000),
    ],
)
def test_what_was_billed(provider: str, id: str, day: int, usage: Usage, billed: int) -> None:
    """To a thousandth, in nano-USD."""
    price = CATALOGUE.model(provider, id).price_at(day)
    assert price is not None
    assert cost(usage, price, None) == pytest.approx(billed, rel=1e-3)


PLAIN = Usage(input=1_000, output=1_000)
CACHED = Usage(input=1_000, cache_read=1_000, output=1_000)


@pytest.mark.parametrize(
    ("provider", "id", "usage", "nano"),
    [
        ("groq", "openai/gpt-oss-120b", CACHED, 150_000 + 75_000 + 600_000),
        ("mistral", "mistral-large-latest", CACHED, 500_000 + 50_000 + 1_500_000),
        ("deepseek", "deepseek-v4-flash", CACHED, 300_000 + 6_000 + 1_200_000),  # its dearest hours
        ("moonshot", "kimi-k3", CACHED, 3_000_000 + 300_000 + 15_000_000),
        ("zhipu", "glm-4.6", CACHED, 600_000 + 110_000 + 2_200_000),
        ("alibaba", "qwen3-max", PLAIN, 1_200_000 + 6_000_000),
        ("alibaba", "qwen3-max", Usage(input=32_001, output=1_000), 32_001 * 2_400 + 12_000_000),
        ("alibaba", "qwen3-max", Usage(input=128_001, output=1_000), 128_001 * 3_000 + 15_000_000),
        ("azure", "gpt-4o", CACHED, 2_500_000 + 1_250_000 + 10_000_000),
        ("cerebras", "gpt-oss-120b", PLAIN, 350_000 + 750_000),
        ("xai", "grok-4.7", CACHED, 2_000_000 + 500_000 + 6_000_000),
        ("xai", "grok-4.7", Usage(input=200_001, output=1_000), 200_001 * 4_000 + 12_000_000),
        ("fireworks", "accounts/fireworks/models/kimi-k3", CACHED, 3_000_000 + 300_000 + 15_000_000),
        ("together", "openai/gpt-oss-120b", PLAIN, 150_000 + 600_000),
        ("sambanova", "DeepSeek-R1", PLAIN, 5_000_000 + 7_000_000),
        ("perplexity", "sonar-deep-research", Usage(input=0, output=0, searches=4), 4 * 5_000_000),
        ("nvidia", "meta/llama-3.3-70b-instruct", PLAIN, 0),
    ],
)
def test_what_the_price_pages_say(provider: str, id: str, usage: Usage, nano: int) -> None:
    price = CATALOGUE.model(provider, id).price_at(SEPTEMBER)
    assert price is not None
    assert cost(usage, price, None) == nano
