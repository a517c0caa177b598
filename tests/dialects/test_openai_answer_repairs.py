"""What other servers get wrong in whole answers and in usage, and how it reaches a client (wire.md 8-11)."""

import json
from typing import Any

import pytest

from tests.dialects.streams import NAMING
from zai_gateway.dialects.openai_chat import decode_answer
from zai_gateway.wire.events import Answer
from zai_gateway.wire.usage import Usage

USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}


def answer(**fields: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "a"}
    whole: dict[str, Any] = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]} | fields
    decoded = decode_answer(json.dumps(whole).encode(), NAMING)
    assert isinstance(decoded, Answer)
    return json.loads(decoded.json)


def message(**fields: Any) -> dict[str, Any]:
    return answer(choices=[{"index": 0, "message": {"role": "assistant"} | fields}])["choices"][0]["message"]


def test_an_answer_gets_the_standard_fields() -> None:
    assert answer(extra={"a": [1.0]}) == answer() | {"extra": {"a": [1.0]}}
    assert {name: value for name, value in answer().items() if name != "choices"} == {
        "id": NAMING.id,
        "model": NAMING.model,
        "object": "chat.completion",
        "created": NAMING.created,
    }


def test_a_message_gets_the_shape_that_clients_expect() -> None:
    calls = [{"id": "a", "index": 0, "function": {"name": "f"}}, {"index": 1, "id": "b"}]
    assert message(tool_calls=calls) == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "a", "function": {"name": "f"}}, {"id": "b"}],
    }
    nulled = message(content="x", tool_calls=None, function_call=None, refusal=None, reasoning=None)
    assert nulled == {"role": "assistant", "content": "x", "refusal": None, "reasoning": None}


def test_a_choice_without_a_message_or_an_index_gets_one() -> None:
    shown = answer(
        choices=[{"finish_reason": "content_filter", "content_filter_results": {}}, {"message": {}}]
    )
    assert [choice["index"] for choice in shown["choices"]] == [0, 1]
    assert shown["choices"][0]["message"] == {"role": "assistant", "content": None}


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": 1}, {"prompt_tokens": -1, "completion_tokens": 2}, 5]
)
def test_usage_is_complete_or_absent(usage: Any) -> None:
    assert "usage" not in answer(usage=usage)
    completed = answer(usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": None})["usage"]
    assert completed == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (USAGE, Usage(input=10, output=4)),
        (
            USAGE | {"prompt_tokens_details": None, "completion_tokens_details": None},
            Usage(input=10, output=4),
        ),
        # wire.md 22: cached tokens are among the prompt's.
        (USAGE | {"prompt_tokens_details": {"cached_tokens": 7}}, Usage(input=3, cache_read=7, output=4)),
        (
            USAGE | {"prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 5}},
            Usage(input=2, cache_read=3, cache_write=5, output=4),
        ),
        # Cached tokens that cannot be among them stand apart.
        (USAGE | {"prompt_tokens_details": {"cached_tokens": 70}}, Usage(input=10, cache_read=70, output=4)),
        # wire.md 23: reasoning is among the output, unless the provider's own total says otherwise.
        (
            USAGE | {"completion_tokens_details": {"reasoning_tokens": 3}},
            Usage(input=10, output=4, reasoning=3),
        ),
        (
            USAGE | {"total_tokens": 17, "completion_tokens_details": {"reasoning_tokens": 3}},
            Usage(input=10, output=7, reasoning=3),
        ),
        (
            USAGE | {"completion_tokens_details": {"reasoning_tokens": 9}},
            Usage(input=10, output=13, reasoning=9),
        ),
        # A total that counts more than the sum: thinking that is named nowhere else, or sound that went in.
        (USAGE | {"total_tokens": 20}, Usage(input=10, output=10)),
        (
            USAGE | {"total_tokens": 20, "prompt_tokens_details": {"audio_tokens": 6}},
            Usage(input=16, output=4),
        ),
        (USAGE | {"total_tokens": 3}, Usage(input=10, output=4)),
        # Nor can what was read and what was written both be among them.
        (
            USAGE | {"prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 9}},
            Usage(input=10, cache_read=8, cache_write=9, output=4),
        ),
        ({"prompt_tokens": 10.0, "completion_tokens": 4.0}, Usage(input=10, output=4)),
    ],
)
def test_usage_is_read_into_buckets_that_do_not_overlap(told: dict[str, Any], usage: Usage) -> None:
    text = json.dumps({"choices": [], "usage": told, "service_tier": "priority"}).encode()
    decoded = decode_answer(text, NAMING)
    assert isinstance(decoded, Answer)
    assert decoded.reported is not None
    assert (decoded.reported.usage, decoded.reported.service_tier) == (usage, "priority")
