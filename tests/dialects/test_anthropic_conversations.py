"""Conversations of OpenAI's clients as Anthropic's turns and blocks."""

import json
from base64 import b64encode
from typing import Any

import pytest

from tests.dialects.anthropic_sending import HI, PLAN, WEATHER, encoded, refusal, sent, turns
from zai_gateway.dialects.anthropic_messages import encode
from zai_gateway.dialects.dialect import EncodePlan
from zai_gateway.wire.chat import parse


def test_system_messages_stand_in_front() -> None:
    late = {"role": "developer", "content": [{"type": "text", "text": "Now in French."}]}
    request = encoded(messages=[{"role": "system", "content": "A"}, late, HI, late])
    body = json.loads(request.body)
    assert [block["text"] for block in body["system"]] == ["A", "Now in French.", "Now in French."]
    assert request.dropped == ("messages[3].role",)


def test_late_system_messages_stay_where_the_model_takes_them() -> None:
    plan = EncodePlan(model="m", late_system=True)
    late, yes = {"role": "system", "content": "L"}, {"role": "assistant", "content": "Yes?"}
    for messages, roles, dropped in (
        ([HI, late], ["user", "system"], ()),
        ([HI, late, yes, HI], ["user", "system", "assistant", "user"], ()),
        ([HI, late, HI], ["user", "system"], ()),
        ([HI, late, late], ["user", "system"], ()),
        ([HI, yes, late, HI, yes, HI], ["user", "assistant", "user", "system", "assistant", "user"], ()),
        ([HI, yes, late], ["user", "assistant"], ("messages[2].role",)),
        ([HI, yes, late, yes, HI], ["user", "assistant", "user"], ("messages[2].role",)),
    ):
        request = encoded(plan, messages=[late, *messages])
        body = json.loads(request.body)
        assert [turn["role"] for turn in body["messages"]] == roles
        assert json.dumps(body).count('"text":') == len(messages) + 1
        assert request.dropped == tuple(name.replace("[2]", "[3]") for name in dropped)
    picture: dict[str, Any] = {"role": "system", "content": [{"type": "document", "source": {}}]}
    assert sent(plan, messages=[HI, picture])["messages"][1]["content"] == picture["content"]
    assert refusal(plan, messages=[HI, yes, picture]).param == "messages[2].content"


def test_reasoning_that_was_lost_is_noticed_before_a_late_system_message() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages: list[dict[str, Any]] = [
        HI,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "1"},
        {"role": "system", "content": "Be brief."},
    ]
    plan = EncodePlan(model="m", late_system=True)
    request = encoded(plan, messages=messages, tools=[WEATHER], reasoning_effort="low", max_tokens=9000)
    assert ("thinking" in json.loads(request.body), request.dropped) == (False, ("reasoning_effort",))


def test_a_name_is_left_out_by_name() -> None:
    request = encoded(
        messages=[
            {"role": "user", "name": "Alice", "content": "A"},
            {"role": "user", "name": "Bob", "content": "B"},
        ]
    )
    assert [block["text"] for block in json.loads(request.body)["messages"][0]["content"]] == ["A", "B"]
    assert request.dropped == ("messages.name",)
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    result = {"role": "tool", "name": "f", "tool_call_id": "c", "content": ""}
    nameless = {"role": "assistant", "name": None, "audio": None, "images": [], "tool_calls": [call]}
    assert encoded(messages=[HI, nameless, result]).dropped == ()


def test_blocks_of_other_vendors_are_left_out_by_name() -> None:
    theirs = {"type": "executableCode", "format": "google-gemini-v1", "index": 0}
    request = encoded(messages=[HI, {"role": "assistant", "content": "Yes?", "provider_blocks": [theirs]}])
    assert json.loads(request.body)["messages"][1]["content"] == [{"type": "text", "text": "Yes?"}]
    assert request.dropped == ("provider_blocks",)


def test_neighbours_of_one_role_are_one_turn() -> None:
    assert turns(
        HI, HI, {"role": "assistant", "content": "Yes?"}, {"role": "assistant", "content": ""}, HI
    ) == [
        {"role": "user", "content": [{"type": "text", "text": "Hi."}] * 2},
        {"role": "assistant", "content": [{"type": "text", "text": "Yes?"}]},
        {"role": "user", "content": [{"type": "text", "text": "Hi."}]},
    ]


def test_parallel_calls_and_their_results() -> None:
    calls = [
        {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"a": 1}'}},
        {"id": "functions.now:0", "type": "function", "function": {"name": "now", "arguments": ""}},
    ]
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    conversation = turns(
        HI,
        {"role": "assistant", "content": None, "refusal": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "sun"}, image]},
        {"role": "tool", "tool_call_id": "functions.now:0", "content": "no clock", "is_error": True},
        {"role": "user", "content": "And?"},
    )
    first, second = conversation[1]["content"]
    assert first == {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"a": 1}}
    assert (second["name"], second["input"]) == ("now", {})
    assert second["id"].startswith("functions_now_0_")
    one, two, words = conversation[2]["content"]
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    assert one["content"] == [{"type": "text", "text": "sun"}, {"type": "image", "source": source}]
    assert two == {
        "type": "tool_result",
        "tool_use_id": second["id"],
        "content": "no clock",
        "is_error": True,
    }
    assert words == {"type": "text", "text": "And?"}


def test_ids_that_differ_stay_different() -> None:
    ids = ["a:b", "a.b", "a_b", "a" * 40 + ":", "a" * 40 + "."]
    calls = [{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id in ids]
    results = [{"role": "tool", "tool_call_id": id, "content": ""} for id in ids]
    conversation = turns(HI, {"role": "assistant", "tool_calls": calls}, *results)
    given = [block["id"] for block in conversation[1]["content"]]
    assert len(set(given)) == len(ids)
    assert [block["tool_use_id"] for block in conversation[2]["content"]] == given


TEXT_FILE = "data:text/markdown;base64," + b64encode("# Größe".encode()).decode()


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "auto"}},
            {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
        ),
        (
            {"type": "image_url", "image_url": "data:image/jpg;base64,AAAA"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}},
        ),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
                "title": "a.pdf",
            },
        ),
        (
            {"type": "file", "file": {"file_data": "JVBERi0x"}},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0x"},
            },
        ),
        (
            {
                "type": "file",
                "file": {"file_data": TEXT_FILE, "context": "c", "citations": {"enabled": True}},
            },
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "# Größe"},
                "context": "c",
                "citations": {"enabled": True},
            },
        ),
        (
            {"type": "file", "file": {"file_data": "https://x.test/a.pdf"}},
            {"type": "document", "source": {"type": "url", "url": "https://x.test/a.pdf"}},
        ),
        (
            {"type": "file", "file": {"file_id": "file_1"}},
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        ),
        (
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        ),
        (
            {"type": "search_result", "source": "s", "title": "t", "content": []},
            {"type": "search_result", "source": "s", "title": "t", "content": []},
        ),
    ],
)
def test_parts(part: dict[str, Any], block: dict[str, Any]) -> None:
    request = encoded(messages=[{"role": "user", "content": [part]}])
    assert json.loads(request.body)["messages"][0]["content"] == [block]
    assert request.dropped == ()


def test_marks_of_the_cache() -> None:
    mark = {"type": "ephemeral"}
    body = sent(
        messages=[
            {"role": "system", "content": "S", "cache_control": mark},
            {
                "role": "user",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                "cache_control": mark,
            },
        ],
        tools=[{**WEATHER, "cache_control": mark}],
        cache_control=mark,
    )
    assert body["system"][0]["cache_control"] == mark
    first, last = body["messages"][0]["content"]
    assert ("cache_control" in first, last["cache_control"]) == (False, mark)
    assert body["tools"][0]["cache_control"] == mark
    assert body["cache_control"] == mark


def test_reasoning_goes_back_to_whom_it_came_from() -> None:
    own = "anthropic-claude-v1"
    details = [
        {"type": "reasoning.text", "text": "Let ", "format": own, "index": 0},
        {"type": "reasoning.text", "text": "me see", "format": own, "index": 0},
        {"type": "reasoning.text", "text": "", "signature": "sig", "format": own, "index": 0},
        {"type": "reasoning.encrypted", "data": "opaque", "format": own, "index": 1},
        {
            "type": "reasoning.text",
            "text": "theirs",
            "signature": "s",
            "format": "google-gemini-v1",
            "index": 0,
        },
        {"type": "reasoning.summary", "summary": "short", "format": "openai-responses-v1", "index": 0},
        {"type": "reasoning.text", "text": "unsigned", "format": own, "index": 2},
    ]
    answer = {
        "role": "assistant",
        "content": "Yes.",
        "reasoning_content": "Let me see",
        "reasoning_details": details,
    }
    assert turns(HI, answer, HI)[1]["content"] == [
        {"type": "thinking", "thinking": "Let me see", "signature": "sig"},
        {"type": "redacted_thinking", "data": "opaque"},
        {"type": "text", "text": "Yes."},
    ]
    assert turns(HI, {"role": "assistant", "content": "Yes.", "reasoning_content": "hm"}, HI)[1][
        "content"
    ] == [{"type": "text", "text": "Yes."}]


def test_blocks_of_the_provider_stand_in_their_places() -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}, "index": 1},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [], "index": 2},
        {"type": "grounding", "format": "google-gemini-v1", "index": 0},
        {"type": "text", "index": 0, "start_index": 0, "end_index": 2},
        {
            "type": "text",
            "index": 3,
            "start_index": 2,
            "end_index": 5,
            "citations": [{"type": "char_location"}],
        },
    ]
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    answer = {"role": "assistant", "content": "A. Bcd"[:5], "provider_blocks": blocks, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "c", "content": ""}
    content = turns(HI, answer, result)[1]["content"]
    assert [block["type"] for block in content] == [
        *("text", "server_tool_use", "web_search_tool_result", "text", "tool_use")
    ]
    assert content[0] == {"type": "text", "text": "A."}
    assert content[3] == {"type": "text", "text": " Bc", "citations": [{"type": "char_location"}]}
    edited = turns(HI, {**answer, "content": "Something else"}, result)[1]["content"]
    assert [block.get("text") for block in edited if block["type"] == "text"] == ["Something else"]


def test_half_a_surrogate_pair_does_no_harm() -> None:
    body = rb'{"model":"m","messages":[{"role":"user","content":"a\ud83d"}]}'
    assert json.loads(encode(parse(body), PLAN).body)["messages"][0]["content"][0]["text"] == "a�"
