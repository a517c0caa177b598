"""Every recorded stream of Gemini and Vertex AI: what clients get of it, however it is cut."""

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.dialects.corpus import Exchange, everything, packed
from tests.dialects.gemini_streams import (
    NAMING,
    candidates_in,
    expected_usage,
    messages,
    reading,
    run,
    shown,
    signatures_in,
    told_in,
    whole,
)
from tests.dialects.streams import chunks, cut, reports, sse
from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.gemini import decoder
from zai_gateway.wire.events import Chunk, Finished, UpstreamProblem

SMALL = 4096


def is_stream(exchange: Exchange) -> bool:
    return exchange.api == "streamGenerateContent" and exchange.response.status == 200


NEVER_ENDED = ("9cc50ff069cd",)
"""A fixture of a stream from before 2024 that nobody ended: it counts as cut."""
NO_LAST_LINE = ("7f811b1569ee", "1d6e6ebb64d3")
"""Fixtures of a blocked prompt whose one event lacks the blank line that completes it: they count as cut."""
ENDS_TWICE = ("1ef196fe23ab", "642bcc75b593")
"""Google says STOP before it carries a call of its own out, and goes on: a cut just there cannot be told."""
STREAMS = [exchange for exchange in everything("google") if is_stream(exchange)]
ENDED = [exchange for exchange in STREAMS if exchange.id not in (*NEVER_ENDED, *NO_LAST_LINE)]
BY_NAME = pytest.mark.parametrize("exchange", ENDED, ids=lambda exchange: exchange.name)


def by_id(id: str) -> Exchange:
    return next(exchange for exchange in STREAMS if exchange.id == id)


def text_event(text: str, **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    return {"candidates": [said | more]}


def test_every_recorded_stream_is_read() -> None:
    streams = [exchange for exchange in packed("google") if is_stream(exchange)]
    assert len(streams) == 116
    assert sum(exchange.response.sse is None for exchange in streams) == 6


@BY_NAME
def test_a_stream_says_what_it_said(exchange: Exchange) -> None:
    events = run([exchange.response.bytes])
    assert isinstance(events[-1], Finished)
    built = messages(events)
    candidates = candidates_in(told_in(exchange))
    assert built.keys() == (candidates.keys() or {0})
    for index, pieces in candidates.items():
        message, end = built[index]
        expected = reading(pieces)
        assert shown(message, end["finish_reason"]) == replace(expected, signatures=[])
        assert signatures_in(message) == sorted(set(expected.signatures))
        assert message["role"] == "assistant"


@BY_NAME
def test_chunks_have_the_shape_that_clients_expect(exchange: Exchange) -> None:
    for chunk in chunks(run([exchange.response.bytes])):
        names = (chunk["id"], chunk["object"], chunk["created"], chunk["model"])
        assert names == (NAMING.id, "chat.completion.chunk", NAMING.created, NAMING.model)
        (choice,) = chunk["choices"]
        assert None not in choice["delta"].values()
        for call in choice["delta"].get("tool_calls", []):
            assert isinstance(call["index"], int)


@BY_NAME
def test_usage_is_what_was_reported_last(exchange: Exchange) -> None:
    expected = expected_usage(told_in(exchange))
    told = reports(run([exchange.response.bytes]))
    if expected is None:
        assert told == []
        return
    prompt, cached, output, reasoning = expected
    last = told[-1]
    assert last.final
    assert (last.usage.prompt, last.usage.cache_read) == (prompt, cached)
    assert (last.usage.output, last.usage.reasoning) == (output, reasoning)
    closing = json.loads(last.json)
    assert closing["choices"] == []
    assert closing["usage"]["prompt_tokens"] == prompt
    assert closing["usage"]["total_tokens"] == prompt + output
    assert (closing["id"], closing["model"]) == (NAMING.id, NAMING.model)
    if exchange.id not in ENDS_TWICE:
        assert not any(report.final for report in told[:-1])


@BY_NAME
def test_content_is_measured(exchange: Exchange) -> None:
    everything_told = run([exchange.response.bytes])
    events = [event for event in everything_told if isinstance(event, Chunk)]
    size = 0
    for message, _ in messages(everything_told).values():
        size += len((message.get("content", "") + message.get("reasoning_content", "")).encode())
        for call in message.get("tool_calls", []):
            size += len((call["function"]["name"] + call["function"]["arguments"]).encode())
        for block in message.get("provider_blocks", []):
            size += len(json.dumps(block, ensure_ascii=False, separators=(",", ":")).encode())
    assert sum(event.content_bytes for event in events) == size
    assert any(event.is_content for event in events) == (
        size > 0 or any("images" in message for message, _ in messages(everything_told).values())
    )


@BY_NAME
def test_the_same_events_however_it_is_cut(exchange: Exchange) -> None:
    stream = exchange.response.bytes
    expected = run([stream])
    if len(stream) <= SMALL:
        assert run(stream[at : at + 1] for at in range(len(stream))) == expected
    if len(stream) <= SMALL // 4:
        for at in range(len(stream)):
            assert run([stream[:at], stream[at:]]) == expected
    chance = random.Random(exchange.id)
    for _ in range(3):
        assert run(cut(stream, chance.choices(range(len(stream)), k=30))) == expected
    assert run(cut(stream, range(7, len(stream), 1 + len(stream) // 3_000))) == expected


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_cuts_anywhere_change_nothing(data: st.DataObject) -> None:
    exchange = data.draw(st.sampled_from(ENDED))
    stream = exchange.response.bytes
    edges = data.draw(st.lists(st.integers(0, len(stream)), max_size=40))
    assert run(cut(stream, edges)) == run([stream])


def last_event(stream: bytes) -> int:
    """Where the last event begins in which a candidate tells why it ended, or a prompt why it was blocked."""
    return max(stream.rfind(b'"finishReason"'), stream.rfind(b'"blockReason"'))


@BY_NAME
def test_a_stream_that_is_cut_short_never_finishes(exchange: Exchange) -> None:
    if exchange.id in ENDS_TWICE:
        return
    stream = exchange.response.bytes
    end = last_event(stream)
    reader = decoder(NAMING, StreamPlan())
    step = max(1, end // 400)
    for at in range(0, end, step):
        fork = copy.deepcopy(reader)
        *_, told = fork.end()
        assert isinstance(told, UpstreamProblem), at
        assert told.code == "truncated"
        reader.feed(stream[at : min(at + step, end)])
    *_, told = reader.end()
    assert isinstance(told, UpstreamProblem)


def test_a_stream_that_nobody_ended_counts_as_cut() -> None:
    for id in (*NEVER_ENDED, *NO_LAST_LINE):
        *_, last = run([by_id(id).response.bytes])
        assert isinstance(last, UpstreamProblem)
        assert last.code == "truncated"


@pytest.mark.parametrize("id", NO_LAST_LINE)
def test_a_recorded_prompt_that_was_blocked_is_filtered(id: str) -> None:
    events = run([by_id(id).response.bytes + b"\n\n"])
    message, end = messages(events)[0]
    assert message == {"role": "assistant"}
    assert (end["finish_reason"], end["native_finish_reason"]) == ("content_filter", "SAFETY")
    (told,) = told_in(by_id(id))
    assert end["extra_content"]["google"]["prompt_feedback"] == told["promptFeedback"]


def test_a_stream_that_goes_on_after_its_end_ends_once() -> None:
    for id in ENDS_TWICE:
        (message, end) = messages(run([by_id(id).response.bytes]))[0]
        assert end["finish_reason"] == "stop"
        assert "tool_calls" not in message
        assert len(message["provider_blocks"]) >= 2


@BY_NAME
def test_nothing_follows_the_end(exchange: Exchange) -> None:
    reader = decoder(NAMING, StreamPlan())
    reader.feed(exchange.response.bytes)
    assert isinstance(reader.end()[-1], Finished)
    assert reader.feed(exchange.response.bytes) == []
    assert reader.end() == []


@BY_NAME
def test_a_stream_says_the_same_as_a_whole_answer(exchange: Exchange) -> None:
    """All its events with their parts in one candidate are an answer that reads just so."""
    events = told_in(exchange)
    candidates = candidates_in(events)
    if len(candidates) != 1 or any("partialArgs" in json.dumps(event) for event in events):
        return
    ((index, pieces),) = candidates.items()
    joined: dict[str, Any] = {}
    for piece in pieces:
        joined |= {name: value for name, value in piece.items() if name != "content"}
    parts = [part for piece in pieces for part in piece.get("content", {}).get("parts", [])]
    told = {"candidates": [joined | {"content": {"parts": parts}}]}
    (choice,) = whole(json.dumps(told).encode())[0]["choices"]
    message, end = messages(run([exchange.response.bytes]))[index]
    for call in message.get("tool_calls", []):
        del call["index"]
    assert {"content": None} | message == choice["message"]
    assert end["finish_reason"] == choice["finish_reason"]
    assert end.get("extra_content") == choice.get("extra_content")


NEVER = StreamPlan(stop=("\U000f0000never",))
"""Where a stop sequence is looked for, every event is read with care."""


@BY_NAME
def test_plain_events_say_the_same_as_when_read_with_care(exchange: Exchange) -> None:
    quick, careful = run([exchange.response.bytes]), run([exchange.response.bytes], NEVER)
    assert chunks(quick) == chunks(careful)
    assert reports(quick)[-1:] == reports(careful)[-1:]
    first, second = (
        sum(event.content_bytes for event in events if isinstance(event, Chunk))
        for events in (quick, careful)
    )
    assert first == second


def plain(text: str) -> dict[str, Any]:
    return text_event(text)


def counted(text: str) -> dict[str, Any]:
    return text_event(text) | {"usageMetadata": {"promptTokenCount": len(text)}}


def rated(text: str) -> dict[str, Any]:
    return text_event(text, safetyRatings=[])


ENDINGS = ('"}],"role":"model"},"index":0}]}', "\\", '\\"', '"text"', '"usageMetadata"', '{"text": "a"}')
TEXTS = st.one_of(st.text('ab"\\\n{}[]:,0Ж😀', max_size=12), st.text(max_size=5), st.sampled_from(ENDINGS))
EVENTS = st.one_of(TEXTS.map(plain), TEXTS.map(counted), TEXTS.map(rated))


@settings(deadline=None, max_examples=300)
@given(st.lists(EVENTS, max_size=8), st.booleans(), st.sampled_from(("\r\n\r\n", "\n\n")))
def test_any_text_comes_through(events: list[dict[str, Any]], ascii: bool, blank: str) -> None:
    told = [*events, text_event("", finishReason="STOP")]
    stream = "".join(f"data: {json.dumps(each, ensure_ascii=ascii)}{blank}" for each in told).encode()
    expected = "".join(event["candidates"][0]["content"]["parts"][0]["text"] for event in events)
    whole_stream = run([stream])
    message, _ = messages(whole_stream)[0]
    assert message.get("content", "") == expected
    assert run(stream[at : at + 1] for at in range(len(stream))) == whole_stream
    assert chunks(run([stream], NEVER)) == chunks(whole_stream)


def test_what_was_used_is_told_where_the_last_event_says_nothing_of_it() -> None:
    usage = [{"usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": count}} for count in range(9)]
    events = [text_event("a") | each for each in usage]
    whole_stream = run([sse(*events, text_event("", finishReason="STOP"))])
    assert reports(whole_stream)[-1].usage.output == 8
    cut_stream = run([sse(*events)])
    assert reports(cut_stream)[-1].usage.output == 8
    assert not reports(cut_stream)[-1].final


def test_another_candidate_is_not_taken_for_the_first() -> None:
    events = [text_event("a", index=0), text_event("b", index=0), text_event("c", index=1)]
    ends = [text_event("", index=index, finishReason="STOP") for index in (0, 1)]
    built = messages(run([sse(*events, text_event("d", index=0), *ends)], StreamPlan(choices=2)))
    assert {index: message["content"] for index, (message, _) in built.items()} == {0: "abd", 1: "c"}


def test_an_error_in_the_middle_is_told_as_one() -> None:
    error = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    first, last = run([sse(text_event("a"), error)])
    assert isinstance(first, Chunk)
    assert isinstance(last, UpstreamProblem)
    assert (last.status, last.type, last.message) == (503, "UNAVAILABLE", "overloaded")


def test_an_error_alone_is_told_without_any_framing() -> None:
    for body in (
        b'{"error":{"code":429,"message":"m","status":"X"}}',
        b'[{"error":{"code":429,"message":"m"}}]',
    ):
        (told,) = run([body])
        assert isinstance(told, UpstreamProblem)
        assert (told.status, told.message) == (429, "m")


def test_a_blocked_prompt_ends_every_choice() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}
    events = run([sse(blocked)], StreamPlan(choices=2))
    ends = [chunk["choices"][0] for chunk in chunks(events) if chunk["choices"][0]["finish_reason"]]
    assert [(end["index"], end["finish_reason"]) for end in ends] == [
        (0, "content_filter"),
        (1, "content_filter"),
    ]
    assert isinstance(events[-1], Finished)
    assert [report.final for report in reports(events)] == [True]


def test_several_candidates_go_side_by_side() -> None:
    def piece(index: int, text: str, **more: str) -> dict[str, Any]:
        return {"content": {"parts": [{"text": text}]}, "index": index} | more

    first: Any = {"candidates": [piece(0, "a"), piece(1, "b")]}
    second: Any = {"candidates": [piece(1, "c", finishReason="STOP")]}
    third: Any = {"candidates": [piece(0, "d", finishReason="MAX_TOKENS")]}
    built = messages(run([sse(first, second, third)], StreamPlan(choices=2)))
    assert {index: message["content"] for index, (message, _) in built.items()} == {0: "ad", 1: "bc"}
    assert {index: end["finish_reason"] for index, (_, end) in built.items()} == {0: "length", 1: "stop"}
    (*_, last) = run([sse(first, second)], StreamPlan(choices=2))
    assert isinstance(last, UpstreamProblem)
    (*_, last) = run([sse(text_event("a", finishReason="STOP"))], StreamPlan(choices=2))
    assert isinstance(last, UpstreamProblem)


def test_a_stop_sequence_that_was_not_sent_ends_the_choice() -> None:
    events = [text_event("one E"), text_event("ND two"), text_event("three", finishReason="MAX_TOKENS")]
    message, end = messages(run([sse(*events)], StreamPlan(stop=("END",))))[0]
    assert (message["content"], end["finish_reason"]) == ("one ", "stop")
    unfound = messages(run([sse(*events)], StreamPlan(stop=("three!",))))[0]
    assert (unfound[0]["content"], unfound[1]["finish_reason"]) == ("one END twothree", "length")


def test_a_call_keeps_its_signature_and_its_place() -> None:
    first = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "s"}
    second = {"functionCall": {"name": "g", "id": "given"}}
    events = [
        {"candidates": [{"content": {"parts": [first]}}]},
        {"candidates": [{"content": {"parts": [second]}, "finishReason": "STOP"}]},
    ]
    message, end = messages(run([sse(*events)]))[0]
    assert message["tool_calls"] == [
        {
            "index": 0,
            "id": "call_test-0-0",
            "type": "function",
            "function": {"name": "f", "arguments": '{"a":1}'},
            "extra_content": {"google": {"thought_signature": "s"}},
        },
        {"index": 1, "id": "given", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    assert end["finish_reason"] == "tool_calls"


def test_an_event_that_cannot_be_read_ends_the_stream_as_broken() -> None:
    for bad in ("{", "[1]", '{"candidates":7}', '{"candidates":[{"index":1000}]}'):
        *_, last = run([sse(text_event("a"), bad)])
        assert isinstance(last, UpstreamProblem)
        assert last.code == "broken_answer"


def test_reports_that_say_nothing_new_are_told_once() -> None:
    usage = {"usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2}}
    events = run([sse(text_event("a") | usage, text_event("b") | usage)])
    assert len(reports(events)) == 1
