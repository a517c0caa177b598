"""An answer in OpenAI's usual form is read at once, and no otherwise than with care."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.corpus import Exchange, everything
from tests.dialects.streams import NAMING
from zai_gateway.dialects.openai_chat import decode_answer
from zai_gateway.dialects.openai_chat.usage import read_usage
from zai_gateway.dialects.openai_chat.usual import usual_answer
from zai_gateway.wire.events import Answer
from zai_gateway.wire.usage import MOST_TOKENS, USUAL_COUNTING, Counting, Statement

ANSWERS = [exchange for exchange in everything() if exchange.is_answer]
COUNTINGS = (
    USUAL_COUNTING,
    Counting(reasoning_apart=True),
    Counting(reasoning_apart=False, cache_apart=False),
    Counting(cache_apart=True),
    Counting(statement=Statement(path=("cost",))),
)


def carefully(body: bytes, counting: Counting) -> Any:
    """The answer to the same body with a line end behind it, which keeps it from being taken for usual."""
    assert usual_answer(body + b"\n", NAMING, counting) is None
    answer = decode_answer(body + b"\n", NAMING, (), counting)
    if isinstance(answer, Answer):
        return Answer(answer.json.removesuffix(b"\n"), answer.reported, answer.content_bytes)
    return answer


def _dense(body: bytes) -> bytes:
    return json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize("exchange", ANSWERS, ids=lambda exchange: exchange.name)
def test_recorded_answers_are_the_same_read_at_once(exchange: Exchange) -> None:
    body = _dense(exchange.response.bytes)
    for counting in COUNTINGS:
        assert decode_answer(body, NAMING, (), counting) == carefully(body, counting)


def test_many_are_usual() -> None:
    usual = [usual_answer(_dense(exchange.response.bytes), NAMING, USUAL_COUNTING) for exchange in ANSWERS]
    assert sum(answer is not None for answer in usual) > 50


USUAL: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_690_000_000,
    "model": "gpt-test-2026",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "é\n", "refusal": None, "annotations": []},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
CHANGED: list[dict[str, Any]] = [
    {"created": 0},
    {"created": True},
    {"created": "1"},
    {"object": "other"},
    {"id": None},
    {"model": 5},
    {"usage": None},
    {"usage": {}},
    {"usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    {"usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": None}},
    {"usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cost": 1}},
    {"service_tier": 5},
    {"service_tier": "flex"},
    {"choices": []},
    {"choices": [5]},
    {"choices": [{"index": 0}]},
    {"choices": [{"message": {"content": "a"}}]},
    {"choices": [{"index": True, "message": {"content": "a"}}]},
    {"choices": [{"index": 0, "message": {"role": "assistant"}}]},
    {"choices": [{"index": 0, "message": {"content": None, "refusal": "no"}}]},
    {"choices": [{"index": 0, "message": {"content": [{"type": "text", "text": "abc"}]}}]},
    {"choices": [{"index": 0, "message": {"content": "a", "reasoning_content": "abc"}}]},
    {"choices": [{"index": 0, "message": {"content": None, "tool_calls": None}}]},
    {"choices": [{"index": 0, "message": {"content": None, "tool_calls": []}}]},
    {"choices": [{"index": 0, "message": {"content": None, "tool_calls": [{"index": 0, "id": "a"}]}}]},
    {"choices": [{"index": 0, "message": {"content": None, "tool_calls": [{"id": "a"}]}}]},
    {"choices": [{"index": 0, "message": {"content": "a", "function_call": None}}]},
    {"error": {"message": "m"}},
]


@pytest.mark.parametrize("changed", CHANGED, ids=json.dumps)
def test_what_is_unusual_is_no_otherwise_than_with_care(changed: dict[str, Any]) -> None:
    body = json.dumps(USUAL | changed, separators=(",", ":")).encode()
    assert decode_answer(body, NAMING) == carefully(body, USUAL_COUNTING)
    assert usual_answer(json.dumps(USUAL, separators=(",", ":")).encode(), NAMING, USUAL_COUNTING) is not None


def test_a_name_that_stands_twice_and_broken_text_are_unusual() -> None:
    body = json.dumps(USUAL, separators=(",", ":"), ensure_ascii=False).encode()
    for other in (
        body[:-1] + b',"id":"chatcmpl-1"}',
        body.replace("é".encode(), b"\xff"),
        body.replace("é".encode(), rb"\ud800"),
    ):
        assert usual_answer(other, NAMING, USUAL_COUNTING) is None
        assert decode_answer(other, NAMING) == carefully(other, USUAL_COUNTING)


COUNTS = st.one_of(
    st.integers(0, 9), st.sampled_from([MOST_TOKENS, MOST_TOKENS + 1, -1, 1.0, 1.5, True, None, "1"])
)
DETAILS = st.dictionaries(
    st.sampled_from(["cached_tokens", "audio_tokens", "reasoning_tokens", "accepted_prediction_tokens"]),
    COUNTS,
)
USAGES = st.fixed_dictionaries(
    {"prompt_tokens": COUNTS, "completion_tokens": COUNTS},
    optional={
        "total_tokens": COUNTS,
        "prompt_tokens_details": DETAILS | st.none(),
        "completion_tokens_details": DETAILS | st.none(),
    },
)


@given(USAGES, st.sampled_from(COUNTINGS))
def test_usual_counts_are_read_as_any_others(usage: dict[str, Any], counting: Counting) -> None:
    # A counter that nobody knows makes them unusual, and changes nothing.
    assert read_usage(usage, counting) == read_usage(usage | {"unknown": 1}, counting)
