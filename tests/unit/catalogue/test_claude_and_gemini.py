"""Claude, Gemini and embeddings in the catalogue: their names, prices and what a request may ask of them."""

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.cost import cost
from zai_gateway.catalogue.model import Kind, Model, Rates
from zai_gateway.catalogue.thinking import Thinking
from zai_gateway.wire.usage import Usage

CATALOGUE = Catalogue.load()
SOURCES = Path(__file__).parents[3] / "prices" / "sources"
CLAUDES = tuple(
    model
    for provider in ("anthropic", "vertex")
    for model in CATALOGUE.models(provider)
    if model.id.startswith("claude-")
)
GEMINIS = tuple(
    model
    for provider in ("gemini", "vertex")
    for model in CATALOGUE.models(provider)
    if model.id.startswith("gemini-") and model.kind is Kind.CHAT
)
UNKNOWN_TO_LITELLM = (
    *("claude-3", "claude-opus-4-1", "claude-opus-4-2", "claude-opus-4@", "claude-sonnet-4-2"),
    *("claude-sonnet-4@", "claude-fable-5-2", "claude-mythos-5-2"),
)
EVERY_EFFORT = ("low", "medium", "high", "xhigh", "max")
JANUARY = 1_798_761_600
"""2027-01-01, in seconds since 1970."""


def _packed(name: str) -> dict[str, Any]:
    return json.loads(lzma.decompress((SOURCES / name).read_bytes()))


LITELLM = _packed("litellm.json.xz")
MODELS_DEV = _packed("models_dev.json.xz")


def _litellm(model: Model) -> dict[str, Any]:
    """LiteLLM's record of a Claude, under any of its names."""
    prefix = "vertex_ai/" if model.provider == "vertex" else ""
    for name in (model.id, *model.aliases):
        if f"{prefix}{name}" in LITELLM:
            return LITELLM[f"{prefix}{name}"]
    return {}


def _base(name: str) -> Rates:
    price = CATALOGUE.model(*name.split("/", 1)).price
    assert price is not None
    return price.tiers["standard"].base


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("anthropic/claude-4.5-sonnet", "claude-sonnet-4-5"),  # as the API reference spells it
        ("anthropic/claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("anthropic/claude-4-5-haiku", "claude-haiku-4-5"),
        ("anthropic/claude-sonnet-4-0", "claude-sonnet-4-20250514"),
        ("anthropic/claude-3.5-sonnet", "claude-3-5-sonnet-20241022"),
        ("anthropic/claude-3-5-haiku-latest", "claude-3-5-haiku-20241022"),
        ("anthropic/claude-opus-4-6-20260205", "claude-opus-4-6"),
        ("anthropic/claude-5.5-opus", "claude-opus-5-5"),
        ("vertex/claude-4.5-sonnet", "claude-sonnet-4-5@20250929"),
        ("vertex/claude-sonnet-4-5-20250929", "claude-sonnet-4-5@20250929"),
        ("vertex/claude-opus-4-6@default", "claude-opus-4-6"),
        ("vertex/claude-opus-4", "claude-opus-4@20250514"),
    ],
)
def test_claude_answers_to_each_of_its_names(name: str, id: str) -> None:
    model = CATALOGUE.model(*name.split("/", 1))
    assert model.id == id
    assert model.price is not None


def test_snapshots_of_one_name_stay_apart() -> None:
    days = ("20240620", "20241022")
    older, newer = (CATALOGUE.model("anthropic", f"claude-3-5-sonnet-{day}") for day in days)
    assert older.id != newer.id


def test_a_claude_costs_by_its_buckets() -> None:
    """By Anthropic's price page; both sources of November 2026 have it."""
    assert _base("anthropic/claude-4.5-sonnet") == Rates(
        input=3_000_000,
        cache_read=300_000,
        cache_write=3_750_000,
        cache_write_long=6_000_000,
        output=15_000_000,
    )
    price = CATALOGUE.model("anthropic", "claude-haiku-5-5").price
    assert price is not None
    (longer,) = price.tiers["standard"].steps
    assert (longer.over, longer.rates.input, longer.rates.output) == (100_000, 500_000, 2_500_000)
    used = Usage(input=100, cache_read=50, cache_write=20, cache_write_long=10, output=30, searches=2)
    buckets = 100 * 100_000 + 50 * 10_000 + 20 * 125_000 + 10 * 200_000 + 30 * 500_000
    assert cost(used, price, "standard") == (buckets + 2 * 10**10) // 1_000


@pytest.mark.parametrize("model", CLAUDES, ids=lambda model: model.name)
def test_a_write_for_an_hour_costs_twice_the_input(model: Model) -> None:
    assert model.price is not None
    for rates in model.price.tiers["standard"].applicable(10**7):
        known = rates.cache_write != rates.input or rates.cache_read != rates.input
        assert not known or rates.cache_write_long == 2 * rates.input
        assert set(model.price.tiers) == {"standard"}


def test_geminis_tiers_and_its_price_of_next_year() -> None:
    flash = CATALOGUE.model("gemini", "gemini-3.8-flash")
    now, then = flash.price_at(JANUARY - 1), flash.price_at(JANUARY)
    assert now is not None
    assert then is not None
    assert set(now.tiers) == {"standard", "flex", "priority"}
    assert (now.tiers["standard"].base.input, then.tiers["standard"].base.input) == (750_000, 1_500_000)
    # What nobody announced is not taken from this year.
    assert set(then.tiers) == {"standard"}
    longer = CATALOGUE.model("gemini", "gemini-2.5-pro").price
    assert longer is not None
    assert [step.over for step in longer.tiers["standard"].steps] == [200_000]


def test_a_name_that_begins_as_another_has_its_own_price() -> None:
    assert _base("vertex/gemini-3.8-flash-cyber").input == 2 * _base("vertex/gemini-3.8-flash").input


@pytest.mark.parametrize(
    ("name", "default", "thinking"),
    [
        ("anthropic/claude-haiku-4-5", "none", Thinking(least_budget=1024, off="disabled")),
        (
            "anthropic/claude-opus-4-6",
            "none",
            Thinking(
                efforts=("low", "medium", "high", "max"), adaptive=True, least_budget=1024, off="disabled"
            ),
        ),
        ("vertex/claude-opus-4-7", "none", Thinking(efforts=EVERY_EFFORT, adaptive=True, off="disabled")),
        (
            "anthropic/claude-sonnet-5-5",
            "high",
            Thinking(efforts=EVERY_EFFORT, adaptive=True, off="between_tools", off_up_to="high"),
        ),
        ("anthropic/claude-fable-5", "high", Thinking(efforts=EVERY_EFFORT, adaptive=True)),
        ("gemini/gemini-2.5-pro", None, Thinking(adaptive=True, least_budget=128, most_budget=32_768)),
        (
            "vertex/gemini-2.5-flash-lite",
            "none",
            Thinking(adaptive=True, least_budget=512, most_budget=24_576, off="zero"),
        ),
        ("gemini/gemini-3.8-flash", None, Thinking(efforts=("low", "medium", "high"))),
        ("anthropic/claude-3-haiku-20240307", None, None),
    ],
)
def test_how_they_are_told_to_think(name: str, default: str | None, thinking: Thinking | None) -> None:
    model = CATALOGUE.model(*name.split("/", 1))
    assert (model.default_effort, model.thinking) == (default, thinking)
    assert model.reasoning == (thinking is not None)


@pytest.mark.parametrize("model", CLAUDES, ids=lambda model: model.name)
def test_what_is_kept_by_hand_of_claude_agrees_with_litellm(model: Model) -> None:
    said, thinking = _litellm(model), model.thinking or Thinking()
    if not said:
        assert model.id.startswith(UNKNOWN_TO_LITELLM)
        return
    assert model.reasoning == bool(said.get("supports_reasoning"))
    assert thinking.adaptive == bool(said.get("supports_adaptive_thinking"))
    budget = model.reasoning and (not thinking.adaptive or bool(said.get("supports_legacy_thinking")))
    assert (thinking.least_budget is not None) == budget
    assert ("max" in thinking.efforts) == bool(said.get("supports_max_reasoning_effort"))
    assert ("xhigh" in thinking.efforts) == bool(said.get("supports_xhigh_reasoning_effort"))
    assert model.prefill == said["supports_assistant_prefill"]
    assert model.forced_tools == said.get("supports_forced_tool_use", True)
    never = {"temperature", "top_p", "top_k"}
    assert (model.refused("none") >= never) == (said.get("supports_sampling_params") is False)
    if model.provider == "anthropic":
        assert bool(model.native_schema) == bool(said.get("supports_native_structured_output"))


@pytest.mark.parametrize("model", GEMINIS, ids=lambda model: model.name)
def test_what_is_kept_by_hand_of_gemini_agrees_with_models_dev(model: Model) -> None:
    said: dict[str, Any] = MODELS_DEV["google"].get(model.id, {})
    options: list[dict[str, Any]] = said.get("reasoning_options") or []
    if model.id.endswith("-latest") or not options:
        return  # what moves has moved since July
    assert model.thinking is not None
    by_type: dict[str, dict[str, Any]] = {each["type"]: each for each in options}
    assert list(model.thinking.efforts) == by_type.get("effort", {"values": []})["values"]
    budget = by_type.get("budget_tokens")
    # It takes a budget of zero as well, which is thinking turned off.
    assert model.thinking.least_budget == (max(budget["min"], 1) if budget else None)
    assert model.thinking.most_budget == (budget["max"] if budget else None)
    assert (model.thinking.off is not None) == ("toggle" in by_type)


def test_every_claude_and_gemini_of_today_is_bounded() -> None:
    for model in (*CLAUDES, *GEMINIS):
        if model.thinking is not None and not model.id.startswith("gemini-2.5-flash-preview"):
            assert model.context_window, model.name
            assert model.max_output, model.name
            assert model.image_tokens, model.name


def test_gemini_takes_a_schema_beside_tools_since_its_third_generation() -> None:
    for id, takes in (("gemini-2.5-pro", False), ("gemini-3.1-pro-preview", True)):
        model = CATALOGUE.model("gemini", id)
        assert (model.native_schema, model.schema_with_tools) == (True, takes)


@pytest.mark.parametrize(
    ("name", "rate", "dimensions"),
    [
        ("openai/text-embedding-3-small", 20_000, 1_536),
        ("azure/text-embedding-3-large", 143_000, 3_072),
        ("mistral/mistral-embed", 100_000, 1_024),
        ("gemini/gemini-embedding-001", 150_000, 3_072),
        ("vertex/gemini-embedding-2", 200_000, 3_072),
        ("fireworks/nomic-ai/nomic-embed-text-v1.5", 8_000, None),
        ("together/BAAI/bge-base-en-v1.5", 8_000, 768),
    ],
)
def test_embeddings_cost_by_what_goes_in(name: str, rate: int, dimensions: int | None) -> None:
    model = CATALOGUE.model(*name.split("/", 1))
    assert (model.kind, model.dimensions, model.max_output) == (Kind.EMBEDDING, dimensions, None)
    assert (model.inputs, model.outputs, model.refuses) == (("text",), (), ())
    assert model.context_window
    assert model.price is not None
    assert cost(Usage(input=1_000, output=0), model.price, None) == rate
    assert _base(name).output == 0


def test_what_is_billed_by_the_character_is_left_out() -> None:
    assert not CATALOGUE.knows("vertex", "text-embedding-005")
    assert not CATALOGUE.knows("vertex", "multimodalembedding")


@pytest.mark.parametrize(
    "name",
    [
        "gemini/gemini-2.5-flash-preview-tts", "gemini/gemini-3-pro-image", "gemini/gemini-3.8-live",
        "gemini/gemini-omni-flash-preview", "gemini/gemini-2.5-computer-use-preview-10-2025",
        "vertex/gemini-robotics-er-2-preview", "vertex/gemini-nano-banana-2.1", "vertex/xai/grok-4.7",
    ],
)  # fmt: skip
def test_only_what_answers_in_text_is_there(name: str) -> None:
    assert not CATALOGUE.knows(*name.split("/", 1))
