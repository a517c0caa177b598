"""What Anthropic cannot be asked for: dropped by name where that does no harm, else refused."""

import json
from typing import Any

import pytest

from tests.dialects.anthropic_sending import HI, encoded, refusal
from zai_gateway.errors import Code


def test_what_makes_no_difference_is_dropped_by_name() -> None:
    request = encoded(
        seed=0,
        presence_penalty=0.5,
        frequency_penalty=0,
        logit_bias={},
        store=True,
        verbosity="low",
        prediction={"type": "content", "content": "x"},
        prompt_cache_key="k",
        logprobs=False,
        n=1,
        modalities=["text"],
        safety_settings=[{}],
        stream_options={"include_usage": True},
        models=["a/b"],
        messages=[
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "https://x.test", "detail": "low"}}],
            }
        ],
    )
    assert request.dropped == (
        *("messages[0].content[0].image_url.detail", "seed", "presence_penalty", "store", "verbosity"),
        *("prediction", "prompt_cache_key", "safety_settings"),
    )
    assert json.loads(request.body).keys() == {"model", "max_tokens", "messages"}


NOTHING: dict[str, Any] = {}
PART = "messages[0].content[0]"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "v"}}, "audio"),
        ({"web_search_options": {"search_context_size": "low"}}, "web_search_options"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"cached_content": "c"}, "cached_content"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"tool_choice": {"type": "custom"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function.name"),
        ({"tools": [{"type": "function", "function": NOTHING}]}, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": "none"}}]},
            "tools[0].function.parameters",
        ),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema.schema"),
        ({"response_format": "json"}, "response_format"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
        ({"user": 3}, "user"),
        ({"cache_control": "yes"}, "cache_control"),
    ],
)
def test_what_cannot_be_said_is_refused(members: dict[str, Any], param: str) -> None:
    failure = refusal(**members)
    assert failure.param == param
    assert failure.code in (Code.UNSUPPORTED_PARAMETER, Code.INVALID_REQUEST)
    assert f"`{param}`" in failure.message or param in ("n", "modalities")


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, f"{PART}.type"),
        ({"type": "video_url", "video_url": {"url": "https://x.test"}}, f"{PART}.type"),
        ({"text": "a"}, f"{PART}.type"),
        ({"type": "text"}, f"{PART}.text"),
        ({"type": "text", "text": ["a"]}, f"{PART}.text"),
        ({"type": "image_url"}, f"{PART}.image_url.url"),
        ({"type": "image_url", "image_url": {"url": "ftp://x.test"}}, f"{PART}.image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AAAA"}}, f"{PART}.image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:image/png,AAAA"}}, f"{PART}.image_url.url"),
        ({"type": "file"}, f"{PART}.file"),
        ({"type": "file", "file": {}}, f"{PART}.file.file_data"),
        ({"type": "file", "file": {"file_data": "data:audio/wav;base64,AAAA"}}, f"{PART}.file.file_data"),
        ({"type": "file", "file": {"file_data": "data:text/plain;base64,?"}}, f"{PART}.file.file_data"),
        ({"type": "text", "text": "a", "cache_control": True}, f"{PART}.cache_control"),
        (7, PART),
    ],
)
def test_parts_that_cannot_be_said_are_refused(part: Any, param: str) -> None:
    assert refusal(messages=[{"role": "user", "content": [part]}]).param == param


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "user", "content": ""}, "messages[1].content"),
        ({"role": "user", "content": []}, "messages[1].content"),
        ({"role": "critic", "content": "a"}, "messages[1].role"),
        ({"role": "function", "name": "f", "content": "a"}, "messages[1].role"),
        ({"role": "tool", "content": "a"}, "messages[1].tool_call_id"),
        ({"role": "assistant", "function_call": {"name": "f"}}, "messages[1].function_call"),
        ({"role": "assistant", "tool_calls": [{**CALL, "id": None}]}, "messages[1].tool_calls[0].id"),
        ({"role": "assistant", "tool_calls": [{"id": "c"}]}, "messages[1].tool_calls[0].function.name"),
        (
            {
                "role": "assistant",
                "tool_calls": [CALL, {**CALL, "function": {"name": "f", "arguments": "[1"}}],
            },
            "messages[1].tool_calls[1].function.arguments",
        ),
        ({"role": "assistant", "tool_calls": "none"}, "messages[1].tool_calls"),
        (
            {"role": "assistant", "reasoning_details": [{"index": "0"}]},
            "messages[1].reasoning_details[0].index",
        ),
        ({"role": "assistant", "provider_blocks": [NOTHING]}, "messages[1].provider_blocks[0].type"),
        ({"role": "tool", "tool_call_id": "c", "is_error": "yes"}, "messages[1].is_error"),
        ({"role": "assistant", "audio": {"id": "audio_1"}}, "messages[1].audio"),
        ({"role": "assistant", "content": "Here.", "images": [IMAGE]}, "messages[1].images"),
        ({"role": "assistant", "images": "none"}, "messages[1].images"),
        ({"role": "user", "content": "a", "provider_blocks": [IMAGE]}, "messages[1].provider_blocks"),
    ],
)
def test_messages_that_cannot_be_said_are_refused(message: dict[str, Any], param: str) -> None:
    failure = refusal(messages=[HI, message])
    assert failure.param == param
    assert f"`{param}`" in failure.message


def test_a_conversation_needs_a_user() -> None:
    assert refusal(messages=[{"role": "system", "content": "a"}]).param == "messages"


def test_no_refusal_quotes_what_was_sent() -> None:
    secret = "sk-secret"
    requests: list[dict[str, Any]] = [
        {"tool_choice": secret},
        {"reasoning_effort": secret},
        {"response_format": {"type": secret}},
        {"messages": [{"role": secret, "content": "a"}]},
        {"messages": [{"role": "user", "content": [{"type": secret}]}]},
        {
            "messages": [
                HI,
                {
                    "role": "assistant",
                    "tool_calls": [{**CALL, "function": {"name": "f", "arguments": secret}}],
                },
            ]
        },
        {"tools": [{"type": secret}]},
    ]
    for members in requests:
        assert secret not in refusal(**members).message
