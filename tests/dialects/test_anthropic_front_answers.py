"""Every recorded answer of the hub as an Anthropic message: valid, and saying the same."""

import json
from typing import Any

import pytest

from tests.dialects.anthropic_clients import faults
from tests.dialects.corpus import Exchange, everything, packed
from tests.dialects.hub_answers import NAMING, answer_of, hub_answer, message
from zai_gateway.dialects.anthropic_front.keepsakes import kept_in
from zai_gateway.wire.events import Answer, Reported
from zai_gateway.wire.usage import Usage

CALLS_AT_THE_END_OF_A_TURN = {"14864ebd518c": "a call in an answer that says end_turn"}


def answers(exchanges: list[Exchange]) -> list[Exchange]:
    return [each for each in exchanges if each.is_answer and each.api in ("chat", "messages")]


def read(exchanges: list[Exchange]) -> list[Exchange]:
    return [each for each in answers(exchanges) if answer_of(each) is not None]


FROM_CHAT = read(everything("chat"))
FROM_MESSAGES = read(everything("messages"))
BY_NAME = pytest.mark.parametrize("exchange", FROM_CHAT, ids=lambda exchange: exchange.name)
BY_ANTHROPIC_NAME = pytest.mark.parametrize("exchange", FROM_MESSAGES, ids=lambda exchange: exchange.name)


def test_all_answers_are_run() -> None:
    assert (len(answers(packed("chat"))), len(read(packed("chat")))) == (627, 626)
    assert (len(answers(packed("messages"))), len(read(packed("messages")))) == (182, 182)


def shown(exchange: Exchange) -> dict[str, Any]:
    answer = answer_of(exchange)
    assert answer is not None
    return message(answer)


def texts(content: list[dict[str, Any]], kind: str = "text") -> str:
    return "".join(block[kind] for block in content if block["type"] == kind)


@BY_NAME
def test_the_same_is_said(exchange: Exchange) -> None:
    told, answer = shown(exchange), answer_of(exchange)
    assert answer is not None
    assert faults("Message", told) == []
    choices: list[Any] = json.loads(answer.json)["choices"]
    hub: dict[str, Any] = choices[0]["message"] if choices else {}
    content: Any = hub.get("content") or ""
    if not isinstance(content, str):
        content = "".join(part.get("text", "") for part in content)
    assert texts(told["content"]) == content + (hub.get("refusal") or "")
    reasoning = hub.get("reasoning_content") or hub.get("reasoning") or ""
    assert texts(told["content"], "thinking").startswith(reasoning)
    calls: list[Any] = hub.get("tool_calls") or []
    uses = [block for block in told["content"] if block["type"] == "tool_use"]
    assert [block["name"] for block in uses] == [call["function"]["name"] for call in calls]
    for block, call in zip(uses, calls, strict=True):
        arguments = call["function"]["arguments"]
        assert block["input"] in (_object(arguments), {"INVALID_JSON": arguments})
    if uses:
        assert told["stop_reason"] in ("tool_use", "max_tokens")


def _object(arguments: str) -> Any:
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return None


def plain(block: dict[str, Any]) -> dict[str, Any]:
    """A block without what says nothing."""
    nothing: tuple[Any, ...] = (None, [], {"type": "direct"})
    return {
        name: value
        for name, value in block.items()
        if name not in ("citations", "caller") or value not in nothing or block["type"].endswith("_result")
    }


@BY_ANTHROPIC_NAME
def test_anthropics_own_message_comes_through_the_hub_as_it_was(exchange: Exchange) -> None:
    told, before = shown(exchange), json.loads(exchange.response.bytes)
    if not faults("Message", before):
        assert faults("Message", told) == []
    blocks = [block for block in before["content"] if block.get("text") != ""]
    assert [plain(block) for block in told["content"]] == [plain(block) for block in blocks]
    assert told["stop_sequence"] == before.get("stop_sequence")
    assert told.get("stop_details") == before.get("stop_details")
    assert told.get("container") == before.get("container")
    ends_alike = told["stop_reason"] == before["stop_reason"]
    assert ends_alike == (exchange.id not in CALLS_AT_THE_END_OF_A_TURN)
    for name in ("cache_read_input_tokens", "cache_creation_input_tokens"):
        assert told["usage"][name] == (before["usage"].get(name) or 0)
    rounds: list[Any] = before["usage"].get("iterations") or []
    apart = [each for each in rounds if each["type"] != "message"]
    for name in ("input_tokens", "output_tokens"):
        assert told["usage"][name] == before["usage"][name] + sum(each[name] for each in apart)


def test_the_schema_can_refuse() -> None:
    assert faults("Message", {"id": "x"})
    assert faults("Message", message(hub_answer({"content": "x"})) | {"usage": {"input_tokens": 1}})


def call(**function: Any) -> dict[str, Any]:
    return {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"} | function}


def test_everything_has_its_place() -> None:
    usage = Usage(
        input=5, cache_read=7, cache_write=11, cache_write_long=13, output=17, reasoning=3, searches=2
    )
    hub = hub_answer(
        {
            "content": "It rains.",
            "reasoning_content": "Hm.",
            "annotations": [
                {"type": "url_citation", "url_citation": {"url": "https://x.y", "title": "X"}},
                {"type": "char_location", "char_location": {"cited_text": "rain", "document_index": 0}},
                {"type": "file_citation", "file_citation": {"file_id": "file_1"}},
            ],
            "tool_calls": [call(arguments='{"a":1}')],
        },
        "tool_calls",
    )
    told = message(Answer(hub.json, Reported(usage, "default", b""), 0))
    assert told == {
        "id": "msg_test",
        "type": "message",
        "role": "assistant",
        "model": NAMING.model,
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "zai.e30"},
            {
                "type": "text",
                "text": "It rains.",
                "citations": [
                    {
                        "type": "web_search_result_location",
                        "url": "https://x.y",
                        "title": "X",
                        "cited_text": "",
                        "encrypted_index": "zai.",
                    },
                    {"type": "char_location", "cited_text": "rain", "document_index": 0},
                ],
            },
            {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 5,
            "cache_creation_input_tokens": 24,
            "cache_read_input_tokens": 7,
            "cache_creation": {"ephemeral_5m_input_tokens": 11, "ephemeral_1h_input_tokens": 13},
            "output_tokens": 17,
            "output_tokens_details": {"thinking_tokens": 3},
            "service_tier": "standard",
            "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
        },
    }


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ({"finish": "stop"}, "end_turn"),
        ({"finish": "length"}, "max_tokens"),
        ({"finish": "content_filter"}, "refusal"),
        ({"finish": "stop", "stop_sequence": "END"}, "stop_sequence"),
        ({"finish": "length", "native_finish_reason": "pause_turn"}, "pause_turn"),
        ({"finish": "length", "native_finish_reason": "MAX_TOKENS"}, "max_tokens"),
        ({"finish": "weird"}, "end_turn"),
    ],
)
def test_why_it_ended(choice: dict[str, Any], reason: str) -> None:
    told = message(hub_answer({"content": "x"}, **choice))
    assert (told["stop_reason"], told["stop_sequence"]) == (reason, choice.get("stop_sequence"))


def test_a_call_ends_in_tool_use_whatever_its_provider_says() -> None:
    assert message(hub_answer({"content": None, "tool_calls": [call()]}))["stop_reason"] == "tool_use"


def test_a_refusal_is_text_and_ends_as_one() -> None:
    told = message(hub_answer({"content": None, "refusal": "No."}))
    assert (told["content"], told["stop_reason"]) == ([{"type": "text", "text": "No."}], "refusal")


@pytest.mark.parametrize("arguments", ['{"a":', "[1]", "null", "x"])
def test_arguments_that_are_no_object_are_shown_to_the_model(arguments: str) -> None:
    told = message(hub_answer({"content": None, "tool_calls": [call(arguments=arguments)]}))
    assert told["content"][0]["input"] == {"INVALID_JSON": arguments}


def test_calls_without_an_id_get_one() -> None:
    calls = [call() | {"id": None}, call() | {"id": ""}]
    told = message(hub_answer({"content": None, "tool_calls": calls}))
    assert [block["id"] for block in told["content"]] == ["toolu_test_0", "toolu_test_1"]


def test_an_answer_without_choices_is_empty() -> None:
    told = message(Answer(b'{"id":"cmpl_1","model":"a/b","choices":[]}', None, 0))
    assert faults("Message", told) == []
    assert (told["content"], told["usage"]) == ([], {"input_tokens": 0, "output_tokens": 0})


def test_blocks_of_another_vendor_do_not_pass_for_anthropics() -> None:
    foreign = {"index": 0, "format": "google-gemini-v1", "executable_code": {"code": "1"}}
    search: dict[str, Any] = {"type": "web_search_tool_result", "tool_use_id": "a", "content": []}
    told = message(hub_answer({"content": "x", "provider_blocks": [foreign, {"index": 0, **search}]}))
    first, second = told["content"]
    (kept,) = second.pop("citations")
    assert (first, second) == (search, {"type": "text", "text": "x"})
    assert kept_in(kept["document_title"]) == {"type": "message", "provider_blocks": [foreign]}
