"""Where each member of an Anthropic request stands in the hub's."""

import json
from typing import Any

import pytest

from tests.dialects.anthropic_requests import ask, hub, text
from zai_gateway.dialects.anthropic_front import read_request


def test_each_part_has_its_place() -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    assert hub(
        {
            "model": "anthropic/claude-sonnet-5",
            "max_tokens": 4096,
            "system": [text("Be brief."), text("Be kind.", cache_control=mark)],
            "messages": [{"role": "user", "content": "Hello"}],
            "stop_sequences": ["END"],
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 40,
            "stream": True,
            "metadata": {"user_id": "user-1"},
            "service_tier": "standard_only",
            "tools": [
                {
                    "name": "weather",
                    "description": "Tells it",
                    "input_schema": schema,
                    "strict": True,
                    "cache_control": mark,
                    "defer_loading": True,
                },
                {"type": "custom", "name": "bare", "input_schema": {"type": "object"}},
                {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
            ],
            "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
            "context_management": {"edits": []},
            "mcp_servers": [{"type": "url", "name": "docs", "url": "https://example.com"}],
            "container": "container_1",
            "betas": ["beta-1"],
            "cache_control": mark,
        }
    ) == {
        "model": "anthropic/claude-sonnet-5",
        "max_tokens": 4096,
        "messages": [
            {"role": "system", "content": [text("Be brief."), text("Be kind.", cache_control=mark)]},
            {"role": "user", "content": "Hello"},
        ],
        "stop": ["END"],
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "stream": True,
        "user": "user-1",
        "service_tier": "default",
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "weather",
                    "description": "Tells it",
                    "parameters": schema,
                    "strict": True,
                },
                "cache_control": mark,
                "defer_loading": True,
            },
            {"type": "function", "function": {"name": "bare", "parameters": {"type": "object"}}},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
        ],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "parallel_tool_calls": False,
        "context_management": {"edits": []},
        "mcp_servers": [{"type": "url", "name": "docs", "url": "https://example.com"}],
        "container": "container_1",
        "betas": ["beta-1"],
        "cache_control": mark,
    }


def test_images_and_documents() -> None:
    mark = {"type": "ephemeral"}
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}
    document = {"type": "document", "title": "T", "context": "C", "citations": {"enabled": True}}
    stored = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
    search = {"type": "search_result", "source": "s", "title": "t", "content": [text("found")]}
    made_of_blocks = {"type": "document", "source": {"type": "content", "content": [text("a")]}}
    request = ask(
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
        {"type": "image", "source": {"type": "url", "url": "https://x.y/z.png"}, "cache_control": mark},
        document | {"source": pdf, "cache_control": mark},
        {"type": "document", "source": {"type": "url", "url": "https://x.y/z.pdf"}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "grün"}},
        {"type": "document", "source": {"type": "file", "file_id": "file_2"}},
        stored,
        search,
        made_of_blocks,
    )
    assert hub(request)["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}},
        {"type": "image_url", "image_url": {"url": "https://x.y/z.png"}, "cache_control": mark},
        {
            "type": "file",
            "file": {
                "file_data": "data:application/pdf;base64,JVBE",
                "title": "T",
                "context": "C",
                "citations": {"enabled": True},
            },
            "cache_control": mark,
        },
        {"type": "file", "file": {"file_data": "https://x.y/z.pdf"}},
        {"type": "file", "file": {"file_data": "data:text/plain;base64,Z3LDvG4="}},
        {"type": "file", "file": {"file_id": "file_2"}},
        stored,
        search,
        made_of_blocks,
    ]


def test_results_of_tools_are_messages_of_their_own_and_stand_in_front() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://x.y/z.png"}}
    request = ask(
        text("Both are done."),
        {"type": "tool_result", "tool_use_id": "a", "content": "12 °C", "is_error": False},
        {"type": "tool_result", "tool_use_id": "b", "content": [text("no"), image], "is_error": True},
        {"type": "tool_result", "tool_use_id": "c", "cache_control": {"type": "ephemeral"}},
    )
    assert hub(request)["messages"] == [
        {"role": "tool", "tool_call_id": "a", "content": "12 °C", "is_error": False},
        {
            "role": "tool",
            "tool_call_id": "b",
            "content": [text("no"), {"type": "image_url", "image_url": {"url": "https://x.y/z.png"}}],
            "is_error": True,
        },
        {"role": "tool", "tool_call_id": "c", "content": "", "cache_control": {"type": "ephemeral"}},
        {
            "role": "user",
            "content": [text("Both are done.")],
            "block_order": ["content", "tool", "tool", "tool"],
        },
    ]


def test_an_answer_comes_back_with_all_its_blocks() -> None:
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}
    found: Any = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    request = ask(
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        search,
        found,
        {"type": "redacted_thinking", "data": "b3BhcXVl"},
        text("So,", citations=[{"type": "char_location"}]),
        text("then."),
        {
            "type": "tool_use",
            "id": "toolu_1",
            "name": "f",
            "input": {"a": 1.0, "big": 12345678901234567890},
            "caller": {"type": "code_execution_20250825", "tool_id": "s"},
            "cache_control": {"type": "ephemeral"},
        },
        role="assistant",
    )
    format = "anthropic-claude-v1"
    message = hub(request)["messages"][0]
    assert message == {
        "role": "assistant",
        "content": [text("So,", citations=[{"type": "char_location"}]), text("then.")],
        "reasoning_details": [
            {"type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "format": format, "index": 0},
            {"type": "reasoning.encrypted", "data": "b3BhcXVl", "format": format, "index": 3},
        ],
        "provider_blocks": [
            search | {"format": format, "index": 1},
            found | {"format": format, "index": 2},
        ],
        "tool_calls": [
            {
                "id": "toolu_1",
                "type": "function",
                "function": {"name": "f", "arguments": message["tool_calls"][0]["function"]["arguments"]},
                "cache_control": {"type": "ephemeral"},
                "extra_content": {
                    "anthropic": {"caller": {"type": "code_execution_20250825", "tool_id": "s"}}
                },
            }
        ],
    }
    arguments = message["tool_calls"][0]["function"]["arguments"]
    assert json.loads(arguments) == {"a": 1.0, "big": 12345678901234567890}


def test_an_unusual_order_is_told() -> None:
    call: Any = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    message = hub(ask(call, text("Wait."), role="assistant"))["messages"][0]
    assert message["block_order"] == ["tool_calls", "content"]
    assert message["content"] == [text("Wait.")]
    assert hub(ask(call, role="assistant"))["messages"][0]["content"] is None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"}),
        ({"thinking": {"type": "adaptive"}}, {"reasoning": {"enabled": True}}),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            {"reasoning": {"max_tokens": 2000}},
        ),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "max"}},
            {
                "reasoning": {"enabled": True, "exclude": True},
                "reasoning_effort": "max",
                "output_config": {"effort": "max"},
            },
        ),
    ],
)
def test_reasoning_is_asked_for_in_words_that_others_know(said: Any, told: Any) -> None:
    body = hub(ask(text("x")) | said)
    assert {name: body.get(name) for name in ("thinking", *told)} == {"thinking": said["thinking"]} | told


@pytest.mark.parametrize("holder", ["output_format", "output_config"])
def test_a_schema_of_the_answer(holder: str) -> None:
    schema: Any = {"type": "object", "properties": {}, "additionalProperties": False}
    format: Any = {"type": "json_schema", "schema": schema}
    body = hub(ask(text("x")) | {holder: format if holder == "output_format" else {"format": format}})
    wanted: Any = {"name": "answer", "schema": schema, "strict": True}
    assert body["response_format"] == {"type": "json_schema", "json_schema": wanted}
    assert holder not in body


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any", "disable_parallel_tool_use": False}, {"parallel_tool_calls": True}),
        ({"type": "any", "disable_parallel_tool_use": True}, {"tool_choice": "required"}),
        ({"type": "none"}, {"tool_choice": "none"}),
    ],
)
def test_choices_among_tools(choice: Any, told: dict[str, Any]) -> None:
    body = hub(ask(text("x"), tool_choice=choice))
    assert told.items() <= body.items()
    assert ("parallel_tool_calls" in body) == ("disable_parallel_tool_use" in choice)


def test_a_count_names_no_limit() -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]}).encode()
    assert json.loads(read_request(body, counting=True))["messages"] == [{"role": "user", "content": "x"}]


def test_what_is_not_known_yet_stays_under_its_own_name() -> None:
    body = hub(ask({"type": "hologram", "rays": [1]}, new_member={"a": 1}))
    assert body["new_member"] == {"a": 1}
    assert body["messages"][0]["content"] == [{"type": "hologram", "rays": [1]}]
