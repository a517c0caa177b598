"""Anthropic's usage: the same buckets whether its answer is translated or passed on."""

import json
from typing import Any

import pytest
from msgspec import Raw

from tests.dialects.anthropic import ANSWERS, NAMING, STREAMS, names_of
from tests.dialects.corpus import Exchange
from zai_gateway.dialects.anthropic_front import PassedStream, pass_answer
from zai_gateway.dialects.anthropic_messages import StreamDecoder, decode_answer
from zai_gateway.dialects.anthropic_usage import Told, told_usage, usage_of
from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.wire.events import Answer, Event, Reported
from zai_gateway.wire.usage import MOST_TOKENS, Usage

COUNTS = {"input_tokens": 10, "output_tokens": 20}


def read(told: Any) -> Usage | None:
    """Read in both ways, which must agree."""
    usage = usage_of(told).usage
    assert told_usage(Raw(json.dumps(told).encode())).usage == usage
    return usage


def told_by(reported: Reported | None) -> tuple[Usage, str | None] | None:
    return None if reported is None else (reported.usage, reported.service_tier)


def last_of(events: list[Event]) -> tuple[Usage, str | None] | None:
    reports = [event for event in events if isinstance(event, Reported)]
    return told_by(reports[-1]) if reports else None


@pytest.mark.parametrize("exchange", ANSWERS, ids=names_of(ANSWERS))
def test_an_answer_used_the_same_translated_and_passed(exchange: Exchange) -> None:
    translated = decode_answer(exchange.response.bytes, NAMING, StreamPlan())
    passed = pass_answer(exchange.response.bytes, NAMING)
    assert isinstance(translated, Answer)
    assert isinstance(passed, Answer)
    assert told_by(translated.reported) == told_by(passed.reported)
    assert passed.reported is not None


@pytest.mark.parametrize("exchange", STREAMS, ids=names_of(STREAMS))
def test_a_stream_used_the_same_translated_and_passed(exchange: Exchange) -> None:
    translated, passed = StreamDecoder(NAMING, StreamPlan()), PassedStream(NAMING)
    body = exchange.response.bytes
    told = last_of(passed.feed(body) + passed.end())
    assert told is not None
    assert last_of(translated.feed(body) + translated.end()) == told


def test_writes_to_the_cache_have_two_lifetimes() -> None:
    both = {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}
    assert read({**COUNTS, "cache_creation_input_tokens": 7, "cache_creation": both}) == Usage(
        input=10, output=20, cache_write=3, cache_write_long=4
    )
    assert read({**COUNTS, "cache_creation": both}) == Usage(
        input=10, output=20, cache_write=3, cache_write_long=4
    )
    grown = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 4}
    assert read({**COUNTS, "cache_creation_input_tokens": 9, "cache_creation": grown}) == Usage(
        input=10, output=20, cache_write_long=9
    )


def test_rounds_of_other_kinds_count_too() -> None:
    rounds = [
        {"type": "message", "input_tokens": 10, "output_tokens": 20},
        {
            "type": "advisor_message",
            "input_tokens": 5,
            "output_tokens": 6,
            "cache_read_input_tokens": 7,
            "cache_creation_input_tokens": 8,
            "cache_creation": {"ephemeral_1h_input_tokens": 8, "ephemeral_5m_input_tokens": 0},
        },
    ]
    assert read({**COUNTS, "iterations": rounds}) == Usage(
        input=15, output=26, cache_read=7, cache_write_long=8
    )
    large = {"type": "compaction", "input_tokens": MOST_TOKENS, "output_tokens": 1}
    assert read({**COUNTS, "iterations": [large, large]}) == Usage(input=MOST_TOKENS, output=22)


@pytest.mark.parametrize("count", [-1, MOST_TOKENS + 1, 1.5, "7", True, [], {}])
def test_what_is_no_count_counts_as_absent(count: Any) -> None:
    assert read({**COUNTS, "input_tokens": count}) is None
    assert read({**COUNTS, "output_tokens": count}) is None
    assert read({**COUNTS, "cache_read_input_tokens": count}) == Usage(input=10, output=20)
    assert read({**COUNTS, "cache_read_input_tokens": 5, "cache_creation": count}) == Usage(
        input=10, output=20, cache_read=5
    )


@pytest.mark.parametrize("told", [None, [], "x", 1, {}])
def test_what_is_no_usage_tells_nothing(told: Any) -> None:
    assert usage_of(told) == Told()
    assert told_usage(Raw(json.dumps(told).encode())) == Told()
    assert told_usage(Raw(b'{"input_tokens":')) == Told()


def test_a_fast_answer_is_a_tier() -> None:
    assert usage_of({"service_tier": "standard", "speed": "fast"}).tier == "fast"
    assert usage_of({"service_tier": "standard", "speed": "standard"}).tier == "standard"
    assert usage_of({"service_tier": 1, "speed": 1}).tier is None
