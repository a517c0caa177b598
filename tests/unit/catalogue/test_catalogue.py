"""The catalogue as it is shipped: names, facts and prices of models that people call."""

import pytest

from tests.unit.catalogue.examples import MODEL
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.model import Kind, Model, Rates, Refusal

CATALOGUE = Catalogue.load()
OPENAI = [model for model in CATALOGUE.models("openai") if model.kind is Kind.CHAT]
ALWAYS = {"temperature", "top_p", "stop", "max_tokens"}


def _openai(id: str) -> Model:
    assert CATALOGUE.knows("openai", id)
    return CATALOGUE.model("openai", id)


@pytest.mark.parametrize(
    "id",
    [
        "gpt-3.5-turbo", "gpt-4", "gpt-4-turbo", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-4o",
        "gpt-4o-2024-08-06", "gpt-4o-mini", "o1", "o3", "o3-mini", "o4-mini", "gpt-5", "gpt-5-mini",
        "gpt-5-nano", "gpt-5-chat-latest", "gpt-5.1", "gpt-5.2", "gpt-5.4", "gpt-5.4-mini",
        "gpt-5.4-mini-2026-03-17", "gpt-5.4-nano", "gpt-5.5", "gpt-5.6", "gpt-5.6-sol", "gpt-6-astra",
        "gpt-6-luna", "gpt-6-sol", "gpt-6.1-sol",
    ],
)  # fmt: skip
def test_text_chat_models_are_there_under_their_own_ids(id: str) -> None:
    assert _openai(id).id == id


@pytest.mark.parametrize(
    "id",
    [
        "o1-pro", "gpt-5-pro", "gpt-5-codex", "gpt-5.4-pro", "gpt-4o-audio-preview-2024-12-17", "gpt-audio",
        "gpt-4o-search-preview", "gpt-5-search-api", "o3-deep-research",
        "gpt-image-1", "gpt-realtime", "computer-use-preview", "ft:gpt-4o-2024-08-06",
    ],
)  # fmt: skip
def test_models_that_are_not_plain_text_chat_are_not(id: str) -> None:
    assert not CATALOGUE.knows("openai", id)
    assert CATALOGUE.model("openai", id).price is None


def test_models_are_sorted_and_named_once() -> None:
    ids = [model.id for model in OPENAI]
    assert ids == sorted(set(ids))
    spellings = [name for model in OPENAI for name in (model.id, *model.aliases)]
    assert len(spellings) == len(set(spellings))


def test_an_alias_means_its_model() -> None:
    assert CATALOGUE.model("openai", "gpt-5-4-mini") == _openai("gpt-5.4-mini")
    assert CATALOGUE.knows("openai", "gpt-5-4-mini")
    assert "gpt-5-4-mini" not in {model.id for model in OPENAI}


def test_an_unknown_model_has_no_facts() -> None:
    assert CATALOGUE.model("openai", "gpt-99") == Model(provider="openai", id="gpt-99")
    assert not CATALOGUE.knows("openai", "gpt-99")
    assert not CATALOGUE.knows("demo", "gpt-5.4")
    assert CATALOGUE.models("nobody") == ()


def test_every_shipped_model_has_the_facts_that_a_cap_needs() -> None:
    for model in OPENAI:
        assert model.price is not None
        assert "standard" in model.price.tiers
        assert model.price.version == CATALOGUE.version
        assert model.price.source
        assert model.context_window
        assert model.max_output
        assert model.max_output <= model.context_window


def test_no_bucket_is_free_and_output_is_the_dearest() -> None:
    for model in OPENAI:
        assert model.price is not None
        for tariff in model.price.tiers.values():
            for rates in tariff.applicable(model.context_window or 0):
                assert 0 < rates.cache_read <= rates.input <= rates.cache_write <= rates.cache_write_long
                assert rates.input < rates.output


def test_prices_of_every_kind() -> None:
    """By OpenAI's price page, as both sources of November 2026 have it."""
    price = _openai("gpt-6-sol").price
    assert price is not None
    standard = price.tiers["standard"]
    assert standard.base == Rates(
        input=2_000_000,
        cache_read=200_000,
        cache_write=2_500_000,
        cache_write_long=5_000_000,
        output=10_000_000,
    )
    assert standard.rates(272_000) == standard.base
    assert standard.rates(272_001) == Rates(
        input=4_000_000,
        cache_read=400_000,
        cache_write=5_000_000,
        cache_write_long=10_000_000,
        output=15_000_000,
    )
    assert price.tiers["flex"].base.output == 5_000_000
    assert price.tiers["batch"].base.output == 5_000_000
    assert price.tiers["priority"].base.output == 20_000_000
    assert price.fees.search == 10_000_000_000


def test_a_cache_write_without_a_price_costs_what_input_costs() -> None:
    price = _openai("gpt-5.4-mini").price
    assert price is not None
    assert price.tiers["standard"].base == Rates(
        input=750_000, cache_read=75_000, cache_write=750_000, cache_write_long=750_000, output=4_500_000
    )


@pytest.mark.parametrize(
    ("id", "source"),
    [
        ("gpt-4o", "genai-prices 0.2.3"),
        ("gpt-6-sol", "genai-prices 0.2.3; cache_write_long: litellm 1.109.1"),
        ("gpt-6-astra", "genai-prices 0.2.3; cache_write_long, tier ultrafast: litellm 1.109.1"),
        ("gpt-5.6-cyber", "genai-prices 0.2.3; cache_write_long, long prompts: litellm 1.109.1"),
        ("daybreak-blue-latest", "litellm 1.109.1"),
    ],
)
def test_a_price_says_which_source_won(id: str, source: str) -> None:
    price = _openai(id).price
    assert price is not None
    assert price.source == source


def test_windows_that_a_source_gives_without_the_output_are_whole() -> None:
    assert _openai("gpt-5.4-mini").context_window == 400_000
    assert _openai("gpt-5.6").context_window == 1_050_000
    assert _openai("gpt-4.1").context_window == 1_047_576


def test_the_released_day_is_in_the_model_list() -> None:
    assert _openai("gpt-5.4-mini").released == _openai("gpt-5.4-mini-2026-03-17").released == 1_773_705_600


@pytest.mark.parametrize(
    ("id", "effort", "refused"),
    [
        ("gpt-4o", None, set[str]()),
        ("gpt-4.1-mini", None, set[str]()),
        ("gpt-3.5-turbo", None, set[str]()),
        ("o1", None, ALWAYS - {"stop"}),
        ("o3-mini", "low", ALWAYS - {"stop"}),
        ("o3", None, ALWAYS),
        ("o4-mini", "high", ALWAYS),
        ("gpt-5", None, ALWAYS),
        ("gpt-5-nano", "minimal", ALWAYS),
        ("gpt-5-chat-latest", None, {"stop", "max_tokens"}),
        ("gpt-5.1", None, {"stop", "max_tokens"}),
        ("gpt-5.4-mini", None, {"stop", "max_tokens"}),
        ("gpt-5.4-mini", "none", {"stop", "max_tokens"}),
        ("gpt-5.4-mini", "low", ALWAYS),
        ("gpt-5.6-sol", None, ALWAYS),
        ("gpt-5.6-sol", "none", {"stop", "max_tokens"}),
        ("gpt-6-astra", None, ALWAYS),
    ],
)
def test_what_each_family_refuses(id: str, effort: str | None, refused: set[str]) -> None:
    assert _openai(id).refused(effort) == refused


def test_a_model_that_refuses_max_tokens_calls_it_otherwise() -> None:
    for model in OPENAI:
        refuses = "max_tokens" in model.refused("none")
        assert model.limit_name == ("max_completion_tokens" if refuses else "max_tokens")
        assert refuses or not model.reasoning


@pytest.mark.parametrize("effort", [None, "none", "low"])
def test_a_model_that_never_reasons_refuses_nothing_for_reasoning(effort: str | None) -> None:
    model = Model(provider="p", id="m", refuses=(Refusal(parameter="top_p", only_when_reasoning=True),))
    assert not model.reasons(effort)
    assert model.refused(effort) == set()


def test_the_demos_models_are_free() -> None:
    models = CATALOGUE.models("demo")
    assert [model.name for model in models] == ["demo/echo", "demo/fail", "demo/slow", "demo/tool"]
    for model in models:
        assert model.price is not None
        assert not any(
            any((rates.input, rates.cache_read, rates.cache_write, rates.cache_write_long, rates.output))
            for rates in (tariff.base for tariff in model.price.tiers.values())
        )


def test_providers_do_not_share_ids() -> None:
    catalogue = Catalogue((MODEL, Model(provider="other", id="example")), "v")
    assert catalogue.version == "v"
    assert catalogue.model("other", "example").provider == "other"
    assert catalogue.models("openai") == (MODEL,)


def test_an_alias_never_hides_a_model() -> None:
    alias = Model(provider="other", id="newest", aliases=("example",))
    example = Model(provider="other", id="example", context_window=7)
    for models in ((alias, example), (example, alias)):
        assert Catalogue(models, "v").model("other", "example") == example
