"""Where vendors hide what they counted and what they billed, read as each of them means it."""

import json
from collections import Counter
from typing import Any

import pytest

from tests.dialects.corpus import Exchange, packed
from tests.dialects.streams import chunk, reports, run, sse
from tests.dialects.vendors import prefix_of, reported, row_of, told
from zai_gateway.dialects.openai_chat import StreamPlan
from zai_gateway.dialects.openai_chat.usage import read_usage
from zai_gateway.dialects.stated_cost import stated_cost
from zai_gateway.providers.registry import provider_of
from zai_gateway.wire.usage import Counting, Statement, Usage

COUNTS = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
REPORTED = [exchange for exchange in packed() if told(exchange)]

DOUBTFUL = {
    "azure": "Grok: more cached tokens than the prompt has, and no bill; all are counted",
    "doubleword": "19 tokens of reasoning in 16 of output, and no bill; both are counted",
    "vercel-gateway": "more reasoning than output; its `cost` shows that both are billed",
    "gemini-openai": "a total over the sum: thinking, which Gemini bills as output",
    "mistral": "a total over the sum: sound that went in",
    "xai": "a total over the sum: reasoning, which its bills show",
}
"""Vendors whose numbers do not add up as OpenAI's do, why, and how they are read."""


@pytest.mark.parametrize(
    ("vendor", "more", "usage"),
    [
        # What is cached, by any of its names.
        ("deepseek", {"prompt_cache_hit_tokens": 7, "prompt_cache_miss_tokens": 3}, (3, 7, 0, 4, 0)),
        ("moonshot", {"cached_tokens": 7}, (3, 7, 0, 4, 0)),
        ("together", {"cached_tokens": 7}, (3, 7, 0, 4, 0)),
        ("mistral", {"num_cached_tokens": 7}, (3, 7, 0, 4, 0)),
        ("custom", {"cache_read_input_tokens": 7}, (3, 7, 0, 4, 0)),
        ("custom", {"cache_creation_input_tokens": 7}, (3, 0, 7, 4, 0)),
        ("openai", {"prompt_tokens_details": {"cached_tokens": 7}, "cached_tokens": 7}, (3, 7, 0, 4, 0)),
        (
            "alibaba",
            {"prompt_tokens_details": {"cached_tokens": 2, "cache_creation_input_tokens": 5}},
            (3, 2, 5, 4, 0),
        ),
        # Reasoning beside the output, or in it, by the row; without a row by its own numbers.
        ("xai", {"completion_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 17}, (10, 0, 0, 7, 3)),
        ("xai", {"completion_tokens_details": {"reasoning_tokens": 3}}, (10, 0, 0, 7, 3)),
        ("openrouter", {"completion_tokens_details": {"reasoning_tokens": 9}}, (10, 0, 0, 4, 4)),
        ("custom", {"completion_tokens_details": {"reasoning_tokens": 9}}, (10, 0, 0, 13, 9)),
        ("custom", {"reasoning_tokens": 3}, (10, 0, 0, 4, 3)),
        # Read and written: no token is counted twice but where the bill shows it.
        ("openai", {"cached_tokens": 7, "cache_creation_input_tokens": 8}, (0, 2, 8, 4, 0)),
        ("alibaba", {"cached_tokens": 9, "cache_creation_input_tokens": 10}, (0, 0, 10, 4, 0)),
        ("custom", {"cached_tokens": 7, "cache_creation_input_tokens": 8}, (10, 7, 8, 4, 0)),
        (
            "openrouter",
            {"prompt_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 8}},
            (2, 7, 8, 4, 0),
        ),
        # More cached than there was.
        ("openai", {"prompt_tokens_details": {"cached_tokens": 70}}, (0, 10, 0, 4, 0)),
        ("azure", {"prompt_tokens_details": {"cached_tokens": 70}}, (10, 70, 0, 4, 0)),
    ],
)
def test_counts_are_found_in_their_places(
    vendor: str, more: dict[str, Any], usage: tuple[int, int, int, int, int]
) -> None:
    found = read_usage(COUNTS | more, provider_of(vendor).counting)
    assert found is not None
    assert (found.input, found.cache_read, found.cache_write, found.output, found.reasoning) == usage


def test_perplexitys_research_is_counted_whole() -> None:
    """The example of its documentation: 33 and 7,163 tokens beside 20,016 read and 73,997 thought."""
    told: dict[str, Any] = {
        "prompt_tokens": 33,
        "completion_tokens": 7163,
        "total_tokens": 7196,
        "citation_tokens": 20016,
        "num_search_queries": 18,
        "reasoning_tokens": 73997,
    }
    assert read_usage(told, provider_of("perplexity").counting) == Usage(
        input=33 + 20016, output=7163 + 73997, reasoning=73997, searches=18
    )


@pytest.mark.parametrize(
    ("more", "searches"),
    [
        ({"num_sources_used": 3}, 3),
        ({"server_tool_use": {"web_search_requests": 2}}, 2),
        ({"server_tool_use_details": {"web_search_requests": 1, "tool_calls_executed": 4}}, 1),
        ({"num_sources_used": None, "server_tool_use": []}, 0),
    ],
)
def test_searches_are_counted(more: dict[str, Any], searches: int) -> None:
    found = read_usage(COUNTS | more)
    assert found is not None
    assert found.searches == searches


def test_long_lived_cache_writes_are_told_from_short_ones() -> None:
    written: dict[str, Any] = {
        "cache_creation_input_tokens": 8,
        "cache_creation": {"ephemeral_1h_input_tokens": 5},
    }
    assert read_usage(COUNTS | written) == Usage(input=2, cache_write=3, cache_write_long=5, output=4)


@pytest.mark.parametrize(
    ("vendor", "told", "nano"),
    [
        ("openrouter", {"cost": 5.75e-06}, 5_750),
        ("openrouter", {"cost": 0.0004970133333333333}, 497_014),
        ("openrouter", {"cost": 0}, 0),
        (
            "openrouter",
            {"cost": 0.1, "is_byok": False, "cost_details": {"upstream_inference_cost": 9}},
            10**8,
        ),
        (
            "openrouter",
            {"cost": 1e-6, "is_byok": True, "cost_details": {"upstream_inference_cost": 6.3e-06}},
            7_300,
        ),
        (
            "openrouter",
            {"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": None}},
            None,
        ),
        ("openrouter", {}, None),
        ("openrouter", {"cost": None}, None),
        ("openrouter", {"cost": -1.0}, None),
        ("openrouter", {"cost": True}, None),
        ("openrouter", {"cost": "0.1"}, None),
        ("openrouter", {"cost": 1e300}, None),
        ("openrouter", {"cost": 9.3e9}, None),
        ("openrouter", [], None),
        ("xai", {"cost_in_usd_ticks": 1_660_500}, 166_050),
        ("xai", {"cost_in_usd_ticks": 1}, 1),
        ("xai", {"cost": 1.0}, None),
        ("perplexity", {"cost": {"total_cost": 0.00995}}, 9_950_000),
        ("perplexity", {"cost": 0.1}, None),
        # Who is not known to state its bill is not believed.
        ("azure", {"cost_in_usd_ticks": 0}, None),
        ("custom", {"cost": 0.1}, None),
    ],
)
def test_what_was_billed_is_read_without_dust(vendor: str, told: Any, nano: int | None) -> None:
    assert stated_cost(told, provider_of(vendor).counting.statement) == nano


def test_a_stream_reports_what_it_was_billed() -> None:
    counting = Counting(statement=Statement(path=("cost",)))
    stream = sse(chunk({"content": "a"}, "stop"), chunk(choices=[], usage=COUNTS | {"cost": 0.25}), "[DONE]")
    (report,) = reports(run([stream], StreamPlan(counting=counting)))
    assert report.stated_cost == 250_000_000
    assert reports(run([stream]))[0].stated_cost is None


@pytest.mark.parametrize(
    "where",
    [
        {"x_groq": {"id": "r", "usage": COUNTS}},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": COUNTS}]},
    ],
)
def test_usage_in_other_places_of_a_stream_is_reported(where: dict[str, Any]) -> None:
    (report,) = reports(run([sse(chunk({"content": "a"}), chunk({}, "stop") | where, "[DONE]")]))
    assert report.usage == Usage(input=10, output=4)
    assert json.loads(report.json)["usage"] == COUNTS
    assert json.loads(report.json)["choices"] == []


def test_a_service_tier_inside_usage_is_heard() -> None:
    (report,) = reports(run([sse(chunk({}, "stop", usage=COUNTS | {"service_tier": "flex"}), "[DONE]")]))
    assert report.service_tier == "flex"


@pytest.mark.parametrize("exchange", REPORTED, ids=lambda exchange: exchange.name)
def test_every_report_is_read_as_its_vendor_means_it(exchange: Exchange) -> None:
    report, said = reported(exchange), told(exchange)
    assert report is not None
    assert said is not None
    usage = report.usage
    total = said.get("total_tokens") or said["prompt_tokens"] + said["completion_tokens"]
    assert min(usage.input, usage.cache_read, usage.cache_write, usage.output - usage.reasoning) >= 0
    if prefix_of(exchange) not in DOUBTFUL:
        overlap = exchange.id == "815b92db0f8f"  # Gemini behind OpenRouter: read and written, billed as both
        assert usage.prompt + usage.output == total + (2161 if overlap else 0)
        assert (usage.prompt - (2161 if overlap else 0), usage.output) == (
            said["prompt_tokens"],
            said["completion_tokens"],
        )
    assert usage.prompt + usage.output >= total


def test_what_does_not_add_up_is_known() -> None:
    found: Counter[str] = Counter()
    for exchange in REPORTED:
        report, said = reported(exchange), told(exchange)
        assert report is not None
        assert said is not None
        sums = (report.usage.prompt, report.usage.output)
        found[prefix_of(exchange)] += sums != (said["prompt_tokens"], said["completion_tokens"])
    assert {vendor: count for vendor, count in found.items() if count} == {
        "azure": 8,
        "doubleword": 2,
        "vercel-gateway": 11,  # a part that is more than its whole
        "gemini-openai": 2,
        "mistral": 2,
        "openrouter": 1,
        "xai": 46,  # as DOUBTFUL says
    }


def test_vercels_bills_show_that_reasoning_is_apart() -> None:
    """Gemini 3 Pro at 2 and 12 USD per million tokens, as its `cost` says to the last digit."""
    checked = 0
    for exchange in REPORTED:
        report, said = reported(exchange), told(exchange)
        assert report is not None
        assert said is not None
        if prefix_of(exchange) == "vercel-gateway" and report.usage.output != said["completion_tokens"]:
            assert 2 * report.usage.prompt + 12 * report.usage.output == round(said["cost"] * 1e6)
            checked += 1
    assert checked == 11


def test_statements_are_read_where_they_are_made() -> None:
    found = Counter(
        prefix_of(exchange)
        for exchange in REPORTED
        if (report := reported(exchange)) is not None and report.stated_cost is not None
    )
    assert found == {"openrouter": 140, "xai": 17, "perplexity": 6}
    assert all(row_of(exchange).bills_by_statement for exchange in REPORTED if prefix_of(exchange) in found)
