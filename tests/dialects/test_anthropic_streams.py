"""Every recorded stream of Anthropic's: the same answer in OpenAI's chunks, however it is cut or ends."""

import copy
import json
import random
from typing import Any

import pytest

from tests.dialects.anthropic import (
    BROKEN_OFF,
    NAMING,
    STREAMS,
    Said,
    arguments,
    by_id,
    events_of,
    message_of,
    names_of,
    run,
    said_by,
    usage_of,
    within,
)
from tests.dialects.corpus import Exchange, packed
from tests.dialects.streams import chunks, cut, reports, sse
from zai_gateway.dialects.anthropic_messages import StreamDecoder, decode_answer
from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.wire.events import Answer, Chunk, Event, Finished, UpstreamProblem

EACH = pytest.mark.parametrize("exchange", STREAMS, ids=names_of(STREAMS))
SMALL = 4_000
"""Bytes of a stream up to which every cut is tried."""


def assembled(events: list[Event]) -> dict[str, Any]:
    """The message that a client makes of the chunks, and the end of its choice."""
    message: dict[str, Any] = {"content": "", "reasoning": "", "calls": {}, "details": {}, "finish": []}
    message |= {"foreign": [], "annotations": [], "refusal": ""}
    for chunk in chunks(events):
        (choice,) = chunk["choices"]
        delta = choice["delta"]
        assert None not in delta.values()
        message["content"] += delta.get("content", "")
        message["reasoning"] += delta.get("reasoning_content", "")
        message["refusal"] += delta.get("refusal", "")
        message["foreign"] += delta.get("provider_blocks", [])
        message["annotations"] += delta.get("annotations", [])
        for detail in delta.get("reasoning_details", []):
            whole = message["details"].setdefault(detail["index"], {"text": "", "sign": ""})
            whole["text"] += detail.get("text", "")
            whole["sign"] += detail.get("signature") or detail.get("data") or ""
        for call in delta.get("tool_calls", []):
            whole = message["calls"].setdefault(call["index"], {"arguments": ""})
            whole["arguments"] += call["function"]["arguments"]
            if "id" in call:
                whole |= {"id": call["id"], "name": call["function"]["name"]}
        if choice["finish_reason"] is not None:
            message["finish"].append(choice)
    return message


def said_in(events: list[Event]) -> Said:
    """What the chunks say."""
    message = assembled(events)
    (end,) = message["finish"]
    urls = [each["url_citation"] for each in message["annotations"] if each["type"] == "url_citation"]
    foreign = [block for block in message["foreign"] if block["type"] != "text"]
    return Said(
        text=message["content"],
        reasoning=message["reasoning"],
        signed=[(each["text"], each["sign"]) for each in message["details"].values()],
        calls=[
            (each["id"], each["name"], arguments(each["arguments"])) for each in message["calls"].values()
        ],
        foreign=[
            {name: value for name, value in block.items() if name not in ("index", "format")}
            for block in foreign
        ],
        finish=end["finish_reason"],
        urls=[(each["url"], message["content"][each["start_index"] : each["end_index"]]) for each in urls],
    )


def test_all_streams_are_run() -> None:
    streams = [exchange for exchange in packed("messages") if exchange.is_stream]
    assert len(streams) == 98
    assert len(STREAMS) >= 98 - len(BROKEN_OFF)


@EACH
def test_says_what_anthropic_said(exchange: Exchange) -> None:
    stream = exchange.response.bytes
    events = run([stream])
    assert isinstance(events[-1], Finished)
    assert said_in(events) == said_by(message_of(stream))
    told = chunks(events)
    assert {(each["id"], each["model"], each["created"]) for each in told} == {
        (NAMING.id, NAMING.model, NAMING.created)
    }
    assert told[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert told[-1]["choices"][0]["delta"] == {}
    assert told[-1]["choices"][0]["finish_reason"]


@EACH
def test_a_stream_and_a_whole_answer_say_the_same(exchange: Exchange) -> None:
    message = message_of(exchange.response.bytes)
    answer = decode_answer(json.dumps(message).encode(), NAMING, StreamPlan())
    assert isinstance(answer, Answer)
    shown = json.loads(answer.json)
    (choice,) = shown["choices"]
    events = run([exchange.response.bytes])
    streamed = assembled(events)
    assert streamed["foreign"] == choice["message"].get("provider_blocks", [])
    assert streamed["annotations"] == choice["message"].get("annotations", [])
    assert streamed["refusal"] == (choice["message"]["refusal"] or "")
    for name in ("native_finish_reason", "stop_sequence", "stop_details", "finish_reason"):
        assert streamed["finish"][0].get(name) == choice.get(name)
    assert json.loads(reports(events)[-1].json)["usage"] == shown["usage"]


@EACH
def test_counts_what_anthropic_counted(exchange: Exchange) -> None:
    message = message_of(exchange.response.bytes)
    (last,) = reports(run([exchange.response.bytes]))
    usage = last.usage
    counted = (usage.input, usage.cache_read, usage.cache_write, usage.cache_write_long, usage.output)
    assert counted == usage_of(message)
    assert last.final
    assert last.service_tier == message["usage"].get("service_tier")
    shown = json.loads(last.json)
    assert (shown["choices"], shown["id"]) == ([], NAMING.id)
    assert shown["usage"]["prompt_tokens"] == sum(counted[:4])
    assert shown["usage"]["completion_tokens"] == usage.output
    thinking = within(message["usage"], "output_tokens_details").get("thinking_tokens", 0)
    assert usage.reasoning == thinking
    searches = within(message["usage"], "server_tool_use").get("web_search_requests", 0)
    assert usage.searches == searches


@EACH
def test_the_same_events_however_it_is_cut(exchange: Exchange) -> None:
    stream = exchange.response.bytes
    whole = run([stream])
    if len(stream) <= SMALL:
        assert run(stream[at : at + 1] for at in range(len(stream))) == whole
    chance = random.Random(exchange.id)
    for _ in range(3):
        assert run(cut(stream, chance.choices(range(len(stream)), k=30))) == whole
    assert run(cut(stream, range(7, len(stream), 7))) == whole
    assert run(cut(stream, [at for at, byte in enumerate(stream) if byte == 0x0A])) == whole


@EACH
def test_a_stream_that_is_cut_short_never_finishes(exchange: Exchange) -> None:
    stream = exchange.response.bytes
    end = stream.rindex(b"message_stop")
    end = stream.index(b"}", end)
    decoder = StreamDecoder(NAMING, StreamPlan())
    at = 0
    while at <= end:
        following = stream.find(b"\n\n", at) + 2
        size = (following if following > 1 else len(stream)) - at
        near = end - at < 600 or len(stream) <= SMALL
        for cut_at in range(size) if near else (0, 1, size // 2, size - 1):
            if at + cut_at <= end:
                fork = copy.deepcopy(decoder)
                before = fork.feed(stream[at : at + cut_at])
                (told,) = [event for event in before + fork.end() if not isinstance(event, Chunk)][-1:]
                assert isinstance(told, UpstreamProblem), at + cut_at
                assert told.code == "truncated"
        decoder.feed(stream[at : at + size])
        at += size


def test_an_error_in_the_midst_ends_the_stream() -> None:
    events = run([by_id("e4ffb2cc18ee")])
    problem = events[-1]
    assert isinstance(problem, UpstreamProblem)
    assert (problem.type, problem.message, problem.status) == ("overloaded_error", "Overloaded", 529)
    assert not any(chunk["choices"][0]["finish_reason"] for chunk in chunks(events))


def test_what_went_in_is_told_of_a_stream_that_is_cut() -> None:
    stream = by_id("245f52596d53")
    begun = message_of(stream[: stream.index(b"content_block_start")])["usage"]
    (report,) = reports(run([stream[: stream.rindex(b"event: message_delta")]]))
    assert (report.usage.input, report.final) == (begun["input_tokens"], False)


def test_an_output_that_nobody_counted_is_not_reported() -> None:
    stream = stream_of(text_deltas("a")).replace(b'"output_tokens": 9', b'"input_tokens": 1')
    assert reports(run([stream])) == []


def test_nothing_follows_the_end() -> None:
    stream = STREAMS[0].response.bytes
    decoder = StreamDecoder(NAMING, StreamPlan())
    decoder.feed(stream)
    assert decoder.feed(stream) == []
    assert decoder.end() == []


def test_failover_ends_with_the_first_content() -> None:
    for exchange in STREAMS:
        decoder = StreamDecoder(NAMING, StreamPlan())
        spoke = False
        for piece in exchange.response.bytes.split(b"\n\n"):
            for event in decoder.feed(piece + b"\n\n"):
                if isinstance(event, Chunk):
                    deltas = [chunk["choices"][0]["delta"] for chunk in chunks([event])]
                    told = any({*delta} - {"role", "content"} or delta.get("content") for delta in deltas)
                    assert event.is_content == told
                    spoke = spoke or told
        assert spoke or said_by(message_of(exchange.response.bytes)).finish in ("content_filter", "stop")


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def stream_of(*blocks: list[dict[str, Any]], stop_reason: str = "end_turn") -> bytes:
    usage = {"input_tokens": 1, "output_tokens": 1}
    begun: dict[str, Any] = {
        "type": "message_start",
        "message": {"role": "assistant", "content": [], "usage": usage},
    }
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    ended = {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 9}}
    return sse(begun, *(event for each in blocks for event in each), ended, {"type": "message_stop"})


def text_deltas(*texts: str) -> list[dict[str, Any]]:
    return block(0, {"type": "text", "text": ""}, *({"type": "text_delta", "text": each} for each in texts))


def call(index: int, name: str, *pieces: str) -> list[dict[str, Any]]:
    start: dict[str, Any] = {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}}
    return block(index, start, *({"type": "input_json_delta", "partial_json": each} for each in pieces))


def test_the_answers_tool_is_the_answer() -> None:
    stream = stream_of(call(0, "answer_as_json", "", '{"a"', ":1}"), stop_reason="tool_use")
    message = assembled(run([stream], StreamPlan(answer_tool="answer_as_json")))
    assert (message["content"], message["calls"]) == ('{"a":1}', {})
    assert message["finish"][0]["finish_reason"] == "stop"


def test_a_call_without_arguments_has_empty_ones() -> None:
    message = assembled(run([stream_of(call(0, "now", ""), stop_reason="tool_use")]))
    assert message["calls"] == {0: {"id": "toolu_0", "name": "now", "arguments": "{}"}}


def test_text_ends_at_a_stop_that_is_looked_for_here() -> None:
    events = run([stream_of(text_deltas("one\n", "\ntwo"), call(1, "f", "{}"))], StreamPlan(stop=("\n\n",)))
    message = assembled(events)
    assert (message["content"], message["calls"]) == ("one", {})
    assert message["finish"][0]["finish_reason"] == "stop"
    assert reports(events)[-1].usage.output == 9
    kept = assembled(run([stream_of(text_deltas("one\n", " two\n"))], StreamPlan(stop=("\n\n",))))
    assert kept["content"] == "one\n two\n"


def test_a_block_that_is_unknown_comes_whole() -> None:
    start = {"type": "compaction", "content": None}
    stream = stream_of(
        block(0, start, {"type": "compaction_delta", "content": "Short."}),
        block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Hi"}),
    )
    message = assembled(run([stream]))
    assert message["foreign"] == [
        {"format": "anthropic-claude-v1", "index": 0, "type": "compaction", "content": "Short."}
    ]
    assert message["content"] == "Hi"


def test_half_a_surrogate_pair_is_shown_as_unknown() -> None:
    stream = stream_of(text_deltas("X")).replace(b'"X"', rb'"\ud83d"')
    assert assembled(run([stream]))["content"] == "�"


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}],
        [{"type": "content_block_stop", "index": 0}],
        [*text_deltas("a")[:1], *text_deltas("a")[:1]],
        [{"type": "content_block_start", "index": 0, "content_block": {"text": "no type"}}],
        ["not json"],
        [[]],
        ["[" * 100_000],
        [{"type": "message_start"}],
        [{"type": "message_start", "message": 3}],
        [{"type": "content_block_delta", "index": "one"}],
    ],
)
def test_what_breaks_the_protocol_is_a_problem(events: list[Any]) -> None:
    (problem,) = run([sse(*events)])
    assert isinstance(problem, UpstreamProblem)
    assert problem.code == "broken_answer"
    assert "no type" not in problem.message


def test_pings_and_what_is_unknown_say_nothing() -> None:
    plain = stream_of(text_deltas("a"))
    more = plain.replace(b"\n\n", b'\n\ndata: {"type":"ping"}\n\ndata: {"type":"of_tomorrow"}\n\n:\n\n', 3)
    assert run([more]) == run([plain])


def test_carriage_returns_end_lines_too() -> None:
    plain = stream_of(text_deltas("a"), call(1, "f", '{"a":1}'))
    assert run([plain.replace(b"\n", b"\r\n")]) == run([plain])


def test_every_event_is_read_once() -> None:
    # A stream of the corpus has an event for each of these; none of them is unknown to the test's own reader.
    sorts = {event["type"] for exchange in STREAMS for event in events_of(exchange.response.bytes)}
    assert sorts == {
        *("message_start", "message_delta", "message_stop", "ping"),
        *("content_block_start", "content_block_delta", "content_block_stop"),
    }
