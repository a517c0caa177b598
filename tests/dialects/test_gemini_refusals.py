"""What cannot be sent to Gemini is refused with its place, and with a code that says why."""

from typing import Any

import pytest

from tests.dialects.gemini_asking import PNG, TOOL, USER, refused
from zai_gateway.errors import Code


def user(part: dict[str, Any]) -> list[dict[str, Any]]:
    return [USER, {"role": "user", "content": [{"type": "text", "text": "t"}, part]}]


def calling(**call: Any) -> list[dict[str, Any]]:
    return [USER, {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", **call}]}]


REFUSED: list[tuple[Code, str, dict[str, Any]]] = [
    (Code.UNSUPPORTED_PARAMETER, "tools[1].type", {"tools": [TOOL, {"type": "web_search_20250305"}]}),
    (Code.UNSUPPORTED_PARAMETER, "tools[0].type", {"tools": [{"type": "custom", "custom": {}}]}),
    (Code.INVALID_REQUEST, "tools[0].function", {"tools": [{"type": "function"}]}),
    (Code.INVALID_REQUEST, "tools[0].function.name", {"tools": [{"type": "function", "function": {}}]}),
    (
        Code.INVALID_REQUEST,
        "tools[0].function.parameters",
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
    ),
    (Code.INVALID_REQUEST, "tool_choice", {"tool_choice": "sometimes"}),
    (Code.INVALID_REQUEST, "tool_choice.function.name", {"tool_choice": {"function": {}}}),
    (Code.UNSUPPORTED_PARAMETER, "tool_choice.type", {"tool_choice": {"type": "custom"}}),
    (Code.UNSUPPORTED_PARAMETER, "modalities[1]", {"modalities": ["text", "audio"]}),
    (Code.INVALID_REQUEST, "modalities[0]", {"modalities": [1]}),
    (
        Code.UNSUPPORTED_PARAMETER,
        "generation_config.candidateCount",
        {"generation_config": {"candidateCount": 8}},
    ),
    (Code.UNSUPPORTED_PARAMETER, "tool_config", {"tool_config": {"functionCallingConfig": {}}}),
    (Code.INVALID_REQUEST, "response_format.type", {"response_format": {"type": "xml"}}),
    (Code.INVALID_REQUEST, "response_format.json_schema", {"response_format": {"type": "json_schema"}}),
    (Code.INVALID_REQUEST, "reasoning.effort", {"reasoning": {"effort": "huge"}}),
    (Code.INVALID_REQUEST, "reasoning_effort", {"reasoning_effort": "huge"}),
    (Code.INVALID_REQUEST, "reasoning", {"reasoning": 7}),
    (Code.INVALID_REQUEST, "top_k", {"top_k": "x"}),
    (Code.INVALID_REQUEST, "top_k", {"top_k": 1.5}),
    (Code.INVALID_REQUEST, "top_logprobs", {"logprobs": True, "top_logprobs": 99}),
    (Code.INVALID_REQUEST, "safety_settings", {"safety_settings": {}}),
    (Code.INVALID_REQUEST, "messages[1].role", {"messages": [USER, {"role": "robot", "content": "x"}]}),
    (
        Code.INVALID_REQUEST,
        "messages[1].content[1].image_url.url",
        {"messages": user({"type": "image_url", "image_url": {"url": "http://a.example/b.png"}})},
    ),
    (
        Code.INVALID_REQUEST,
        "messages[1].content[1].image_url.url",
        {"messages": user({"type": "image_url", "image_url": {"url": "data:image/png,plain"}})},
    ),
    (
        Code.INVALID_REQUEST,
        "messages[1].content[1].image_url.url",
        {"messages": user({"type": "image_url", "image_url": {}})},
    ),
    (
        Code.INVALID_REQUEST,
        "messages[1].content[1].image_url",
        {"messages": user({"type": "image_url"})},
    ),
    (
        Code.UNSUPPORTED_PARAMETER,
        "messages[1].content[1].file.file_id",
        {"messages": user({"type": "file", "file": {"file_id": "file-abc"}})},
    ),
    (
        Code.UNSUPPORTED_PARAMETER,
        "messages[1].content[1].type",
        {"messages": user({"type": "hologram"})},
    ),
    (Code.INVALID_REQUEST, "messages[1].content[1].type", {"messages": user({"text": "x"})}),
    (
        Code.UNSUPPORTED_PARAMETER,
        "messages[0].content[0]",
        {
            "messages": [
                {"role": "system", "content": [{"type": "image_url", "image_url": PNG}]},
                USER,
            ]
        },
    ),
    (
        Code.INVALID_REQUEST,
        "messages[1].tool_calls[0].function.arguments",
        {"messages": calling(function={"name": "f", "arguments": "[1]"})},
    ),
    (
        Code.INVALID_REQUEST,
        "messages[1].tool_calls[0].function.arguments",
        {"messages": calling(function={"name": "f", "arguments": "{"})},
    ),
    (Code.INVALID_REQUEST, "messages[1].tool_calls[0].function", {"messages": calling()}),
    (
        Code.UNSUPPORTED_PARAMETER,
        "messages[1].tool_calls[0].type",
        {"messages": calling(type="custom", custom={})},
    ),
    (
        Code.INVALID_REQUEST,
        "messages[1].tool_call_id",
        {"messages": [USER, {"role": "tool", "tool_call_id": "unknown", "content": "x"}]},
    ),
    (
        Code.INVALID_REQUEST,
        "messages[1].tool_call_id",
        {"messages": [USER, {"role": "tool", "content": "x"}]},
    ),
    (
        Code.UNSUPPORTED_PARAMETER,
        "messages[1].audio",
        {"messages": [USER, {"role": "assistant", "audio": {"id": "a"}}]},
    ),
    (Code.UNSUPPORTED_PARAMETER, "messages", {"messages": [{"role": "system", "content": "s"}]}),
]


@pytest.mark.parametrize(("code", "param", "members"), REFUSED)
def test_what_cannot_be_sent_is_refused_with_its_place(
    code: Code, param: str, members: dict[str, Any]
) -> None:
    failure = refused(**members)
    assert (failure.code, failure.param) == (code, param)
