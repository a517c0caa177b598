"""Every recorded answer of Anthropic's: the same text, calls, reasoning, end and usage in OpenAI's shape."""

import json
from typing import Any

import pytest

from tests.dialects.anthropic import ANSWERS, COUNTS, NAMING, by_id, names_of, said_by, usage_of, within
from tests.dialects.corpus import Exchange, packed
from zai_gateway.dialects.anthropic_messages import decode_answer, read_count
from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.wire.events import Answer, UpstreamProblem

EACH = pytest.mark.parametrize("exchange", ANSWERS, ids=names_of(ANSWERS))
PLAN = StreamPlan()


def answer_to(body: bytes, plan: StreamPlan = PLAN) -> tuple[Answer, dict[str, Any]]:
    answer = decode_answer(body, NAMING, plan)
    assert isinstance(answer, Answer)
    return answer, json.loads(answer.json)


def message_with(*content: dict[str, Any], **members: Any) -> bytes:
    usage = {"input_tokens": 3, "output_tokens": 5}
    message = {"type": "message", "role": "assistant", "content": content, "stop_reason": "end_turn"}
    return json.dumps({**message, "usage": usage, **members}).encode()


def test_all_answers_are_run() -> None:
    answers = [
        exchange for exchange in packed("messages") if exchange.api == "messages" and exchange.is_answer
    ]
    assert len(answers) == 182
    assert sum(exchange.provider == "vertex" for exchange in answers) == 2


@EACH
def test_says_what_anthropic_said(exchange: Exchange) -> None:
    said = said_by(json.loads(exchange.response.bytes))
    answer, shown = answer_to(exchange.response.bytes)
    (choice,) = shown["choices"]
    message = choice["message"]
    assert (shown["id"], shown["model"], shown["created"]) == (NAMING.id, NAMING.model, NAMING.created)
    assert (message["content"] or "") == said.text
    assert (message["content"] is None) == bool(not said.text and said.calls)
    assert message.get("reasoning_content", "") == said.reasoning
    details = message.get("reasoning_details", [])
    assert [
        (each.get("text", ""), each.get("signature") or each.get("data")) for each in details
    ] == said.signed
    calls = message.get("tool_calls", [])
    assert [
        (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls
    ] == said.calls
    assert all("index" not in call for call in calls)
    assert choice["finish_reason"] == said.finish
    kept = [
        {name: value for name, value in block.items() if name not in ("index", "format")}
        for block in message.get("provider_blocks", [])
        if block["type"] != "text"
    ]
    assert kept == said.foreign
    cited = [
        each["url_citation"] for each in message.get("annotations", []) if each["type"] == "url_citation"
    ]
    shown_urls = [
        (each["url"], message["content"][each["start_index"] : each["end_index"]]) for each in cited
    ]
    assert shown_urls == said.urls
    assert answer.content_bytes >= len((said.text + said.reasoning).encode())


@EACH
def test_counts_what_anthropic_counted(exchange: Exchange) -> None:
    told = json.loads(exchange.response.bytes)
    answer, shown = answer_to(exchange.response.bytes)
    assert answer.reported is not None
    usage = answer.reported.usage
    counted = (usage.input, usage.cache_read, usage.cache_write, usage.cache_write_long, usage.output)
    assert counted == usage_of(told)
    thinking = within(told["usage"], "output_tokens_details").get("thinking_tokens", 0)
    assert usage.reasoning == thinking
    searches = within(told["usage"], "server_tool_use").get("web_search_requests", 0)
    assert usage.searches == searches
    assert answer.reported.service_tier == told["usage"].get("service_tier")
    assert shown["usage"] == json.loads(answer.reported.json)
    assert shown["usage"]["prompt_tokens"] == sum(counted[:4])
    assert shown["usage"]["total_tokens"] == sum(counted)
    assert shown["usage"]["prompt_tokens_details"]["cached_tokens"] == usage.cache_read


def test_an_advisers_rounds_are_counted() -> None:
    answer, _ = answer_to(by_id("166ea4f7a469"))
    assert answer.reported is not None
    assert (answer.reported.usage.input, answer.reported.usage.output) == (2482 + 2564, 166 + 99)


def test_a_stop_sequence_and_a_pause_are_named() -> None:
    _, stopped = answer_to(by_id("69de020206ae"))
    assert stopped["choices"][0]["native_finish_reason"] == "stop_sequence"
    assert stopped["choices"][0]["stop_sequence"] == "4242"
    _, paused = answer_to(by_id("4fb00da0b2a8"))
    assert paused["choices"][0]["finish_reason"] == "length"
    assert paused["choices"][0]["native_finish_reason"] == "pause_turn"


def test_a_container_is_told() -> None:
    _, shown = answer_to(by_id("ad78c2b71557"))
    assert shown["container"]["id"] == "container_0119p7b1w1VDurTrwoo88EWZ"


def test_a_refusal_is_explained() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "No."}
    _, shown = answer_to(message_with(stop_reason="refusal", stop_details=details))
    (choice,) = shown["choices"]
    assert choice["finish_reason"] == "content_filter"
    assert (choice["message"]["content"], choice["message"]["refusal"]) == (None, "No.")
    assert choice["stop_details"] == details


def test_the_answers_tool_is_the_answer() -> None:
    call = {"type": "tool_use", "id": "t", "name": "answer_as_json", "input": {"a": 1}}
    _, shown = answer_to(message_with(call, stop_reason="tool_use"), StreamPlan(answer_tool="answer_as_json"))
    (choice,) = shown["choices"]
    assert json.loads(choice["message"]["content"]) == {"a": 1}
    assert choice["finish_reason"] == "stop"
    assert "tool_calls" not in choice["message"]


def test_text_ends_at_a_stop_that_is_looked_for_here() -> None:
    body = message_with({"type": "text", "text": "one\n\ntwo"}, {"type": "text", "text": "three"})
    _, shown = answer_to(body, StreamPlan(stop=("\n\n",)))
    assert shown["choices"][0]["message"]["content"] == "one"
    assert shown["choices"][0]["finish_reason"] == "stop"
    _, whole = answer_to(body, StreamPlan(stop=("\n\n\n",)))
    assert whole["choices"][0]["message"]["content"] == "one\n\ntwothree"


def test_who_called_a_tool_comes_along_unless_it_was_the_model() -> None:
    _, shown = answer_to(by_id("14864ebd518c"))
    calls = shown["choices"][0]["message"]["tool_calls"]
    caller = {"type": "code_execution_20250825", "tool_id": "srvtoolu_01CberhXc9TgYXrCZU8bQoks"}
    assert [call["extra_content"] for call in calls] == [{"anthropic": {"caller": caller}}] * 4
    assert shown["choices"][0]["finish_reason"] == "tool_calls"
    _, direct = answer_to(by_id("dd885471eee0"))
    assert "extra_content" not in direct["choices"][0]["message"]["tool_calls"][0]


def test_half_a_surrogate_pair_is_shown_as_unknown() -> None:
    body = message_with({"type": "text", "text": "X"}).replace(b'"X"', rb'"\ud83d"')
    _, shown = answer_to(body)
    assert shown["choices"][0]["message"]["content"] == "�"


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"[]", b"{}", b"<html>", b'"text"', b'{"content":[]}', b'{"role":"assistant"}'),
        *(message_with({"text": "no type"}), message_with({"type": "text", "text": 3})),
        *(b"[" * 100_000, b'{"role":"assistant","content":[{"type":"text","text":"\xff"}]}'),
    ],
)
def test_what_is_no_message_is_a_problem(body: bytes) -> None:
    problem = decode_answer(body, NAMING, PLAN)
    assert isinstance(problem, UpstreamProblem)
    assert problem.code == "broken_answer"


def test_an_error_under_status_200_is_a_problem() -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    problem = decode_answer(body, NAMING, PLAN)
    assert isinstance(problem, UpstreamProblem)
    assert (problem.type, problem.message) == ("overloaded_error", "Overloaded")


@pytest.mark.parametrize(
    "usage", [None, {}, {"input_tokens": -1, "output_tokens": 2}, "many", {"input_tokens": 1}]
)
def test_usage_that_tells_nothing_is_none(usage: Any) -> None:
    answer, shown = answer_to(message_with({"type": "text", "text": "a"}, usage=usage))
    assert answer.reported is None
    assert "usage" not in shown


def test_what_was_written_for_an_hour_is_apart() -> None:
    split = {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 12}
    usage = {
        "input_tokens": 1,
        "output_tokens": 2,
        "cache_creation_input_tokens": 42,
        "cache_creation": split,
    }
    answer, shown = answer_to(message_with(usage=usage))
    assert answer.reported is not None
    assert (answer.reported.usage.cache_write, answer.reported.usage.cache_write_long) == (30, 12)
    assert shown["usage"]["prompt_tokens_details"] == {
        "cached_tokens": 0,
        "cache_write_tokens": 42,
        "cache_creation": split,
    }


def test_a_fast_answer_has_a_tier_of_its_own() -> None:
    usage = {"input_tokens": 1, "output_tokens": 2, "service_tier": "standard", "speed": "fast"}
    answer, _ = answer_to(message_with(usage=usage))
    assert answer.reported is not None
    assert answer.reported.service_tier == "fast"


def test_counts_of_tokens_are_read() -> None:
    counted = [read_count(each.response.bytes) for each in COUNTS if each.response.status == 200]
    assert counted == [669, 20, 14, 43, 19]
    assert isinstance(read_count(b'{"input_tokens":"many"}'), UpstreamProblem)
    problem = read_count(b'{"type":"error","error":{"type":"not_found_error","message":"model: x"}}')
    assert isinstance(problem, UpstreamProblem)
    assert problem.type == "not_found_error"
