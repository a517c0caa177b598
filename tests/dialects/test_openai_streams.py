"""Every recorded stream of OpenAI's: passed through but for the named splices, however it is cut or ends."""

import copy
import json
import random
from typing import Any

import pytest

from tests.dialects.corpus import Exchange, everything, packed
from tests.dialects.streams import NAMING, chunks, cut, data_of, json_of, reports, run, shown
from zai_gateway.dialects.openai_chat import StreamDecoder, StreamPlan
from zai_gateway.wire.events import Chunk, Finished, Reported, UpstreamProblem

STREAMS = [exchange for exchange in everything() if exchange.provider == "openai" and exchange.is_stream]
BY_NAME = pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: exchange.name)

REPAIRED = {
    "3175f8a0f3fc": "another vendor at this base URL says nothing more after its finish_reason",
    "804407475670": "another vendor at this base URL ends with [DONE] and without a finish_reason",
    "e22395204199": "a forced tool call ends with `stop`",
    "ed7220538aba": "a forced tool call ends with `stop`",
    "f3313222e9ad": "a forced tool call ends with `stop`",
}
"""The streams that wire.md 9 changes, each checked in a test of its own."""

SMALL = 4_000
"""Bytes of a stream up to which every cut is tried."""


def by_id(id: str) -> bytes:
    return next(exchange.response.bytes for exchange in STREAMS if exchange.id == id)


def test_all_of_openais_streams_are_run() -> None:
    exchanges = [exchange for exchange in packed() if exchange.provider == "openai" and exchange.is_stream]
    assert len(exchanges) == 70


def expected_chunks(stream: bytes) -> list[dict[str, Any]]:
    """What pass-through means: the provider's chunks with our names, and usage in none but the last."""
    given = json_of(stream)
    names = {"id": NAMING.id, "model": NAMING.model, "created": given[0]["created"] or NAMING.created}
    shown = [chunk | names for chunk in given if chunk["choices"] or not chunk.get("usage")]
    return [chunk | {"usage": None} if "usage" in chunk else chunk for chunk in shown]


@BY_NAME
def test_chunks_pass_through(exchange: Exchange) -> None:
    stream = exchange.response.bytes
    events = run([stream])
    assert isinstance(events[-1], Finished)
    assert (chunks(events) == expected_chunks(stream)) == (exchange.id not in REPAIRED)


@BY_NAME
def test_bytes_pass_through(exchange: Exchange) -> None:
    if exchange.id in REPAIRED:
        return
    stream = exchange.response.bytes
    came = [data for data in data_of(stream) if data != "[DONE]" and not json.loads(data).get("usage")]
    created = str(json_of(stream)[0]["created"] or NAMING.created)
    for data, chunk in zip(came, shown(run([stream])), strict=True):
        given = json.loads(data)
        named = data.replace(json.dumps(given["id"]), json.dumps(NAMING.id), 1)
        named = named.replace(json.dumps(given["model"]), json.dumps(NAMING.model), 1)
        assert chunk.decode() == named.replace(f'"created":{given["created"]}', f'"created":{created}', 1)


def test_a_forced_tool_call_ends_as_one() -> None:
    for id in ("e22395204199", "ed7220538aba", "f3313222e9ad"):
        expected = expected_chunks(by_id(id))
        ends = [choice for chunk in expected for choice in chunk["choices"] if choice["finish_reason"]]
        assert [choice["finish_reason"] for choice in ends] == ["stop"]
        ends[0]["finish_reason"] = "tool_calls"
        assert chunks(run([by_id(id)])) == expected


def test_nothing_follows_the_end_of_a_choice() -> None:
    stream = by_id("3175f8a0f3fc")
    assert chunks(run([stream])) == expected_chunks(stream)[:-1]
    assert json_of(stream)[-1]["usage"]


def test_a_choice_that_nobody_ended_is_ended_at_done() -> None:
    stream = by_id("804407475670")
    *shown, last = chunks(run([stream]))
    assert shown == expected_chunks(stream)
    assert last == {
        "id": NAMING.id,
        "object": "chat.completion.chunk",
        "created": shown[0]["created"],
        "model": NAMING.model,
        "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}],
    }


@BY_NAME
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


def _last_end(stream: bytes) -> int:
    """How many bytes lack only the blank line of the event in which the last choice ends."""
    choices = len({choice["index"] for chunk in json_of(stream) for choice in chunk["choices"]})
    at = 0
    ended = 0
    for line in stream.splitlines(keepends=True):
        data = line.removeprefix(b"data:").strip()
        if data == b"[DONE]":
            return at + len(line)
        if data.startswith(b"{"):
            chunk = json.loads(data)
            ended += sum(1 for choice in chunk["choices"] if choice["finish_reason"])
            if ended >= choices:
                return at + len(line)
        at += len(line)
    raise AssertionError("a stream without an end")


@BY_NAME
def test_a_stream_that_is_cut_short_never_finishes(exchange: Exchange) -> None:
    stream = exchange.response.bytes
    end = _last_end(stream)
    choices = len({choice["index"] for chunk in json_of(stream) for choice in chunk["choices"]})
    decoder = StreamDecoder(NAMING, StreamPlan(choices=choices))
    at = 0
    while at <= end:
        size = stream.index(b"\n\n", at) + 2 - at
        # Of a long stream's events, every cut only where the last one is near: inside an event nothing
        # differs from one byte to the next but the buffer.
        cuts = range(size) if end - at < 600 or len(stream) <= SMALL else (0, 1, size // 2, size - 1)
        for cut_at in cuts:
            if at + cut_at <= end:
                fork = copy.deepcopy(decoder)
                assert fork.feed(stream[at : at + cut_at]) == []
                (told,) = fork.end()
                assert isinstance(told, UpstreamProblem), at + cut_at
                assert told.code == "truncated"
        decoder.feed(stream[at : at + size])
        at += size
    (told,) = decoder.end() or [Finished()]
    assert isinstance(told, Finished)


@BY_NAME
def test_usage_is_what_the_provider_reported(exchange: Exchange) -> None:
    stream = exchange.response.bytes
    told = [chunk for chunk in json_of(stream) if chunk.get("usage")]
    reported = reports(run([stream]))
    assert len(reported) == len(told)
    for chunk, report in zip(told, reported, strict=True):
        usage = chunk["usage"]
        assert report.usage.prompt == usage["prompt_tokens"]
        assert report.usage.output == usage["completion_tokens"]
        assert report.usage.prompt + report.usage.output == usage["total_tokens"]
        cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
        assert report.usage.cache_read == cached
        assert report.usage.reasoning == usage.get("completion_tokens_details", {}).get("reasoning_tokens", 0)
        assert report.service_tier == chunk.get("service_tier")
        names: dict[str, Any] = {"id": NAMING.id, "model": NAMING.model, "choices": []}
        shown: dict[str, Any] = json.loads(report.json)
        assert shown == chunk | names | {"created": shown["created"]}


@BY_NAME
def test_a_client_that_wants_no_usage_sees_none(exchange: Exchange) -> None:
    stream = exchange.response.bytes
    plain = [
        {name: value for name, value in chunk.items() if name != "usage"} for chunk in chunks(run([stream]))
    ]
    events = run([stream], StreamPlan(include_usage=False))
    assert chunks(events) == plain
    assert [report.usage for report in reports(events)] == [report.usage for report in reports(run([stream]))]


def test_failover_ends_with_the_first_content() -> None:
    speaking = 0
    for exchange in STREAMS:
        decoder = StreamDecoder(NAMING, StreamPlan())
        pieces = exchange.response.bytes.split(b"\n\n")
        events = [event for piece in pieces for event in decoder.feed(piece + b"\n\n")]
        for event in events:
            if not isinstance(event, Chunk):
                continue
            (chunk,) = chunks([event])
            deltas = [choice["delta"] for choice in chunk["choices"]]
            told = any(delta.get(name) for delta in deltas for name in ("content", "tool_calls", "refusal"))
            assert event.is_content == told
            assert event.content_bytes == 0 or told
        speaking += any(isinstance(event, Chunk) and event.is_content for event in events)
    # Three ended at their limit while they reasoned, and said nothing.
    assert speaking == len(STREAMS) - 3


def test_a_count_is_final_once_every_choice_has_ended() -> None:
    usage = b'"usage":{"prompt_tokens":1,"completion_tokens":%d}'
    said = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":%b}],' + usage + b"}\n\n"
    decoder = StreamDecoder(NAMING, StreamPlan())
    events = decoder.feed(said % (b"null", 1) + said % (b'"stop"', 2))
    assert [event.final for event in events if isinstance(event, Reported)] == [False, True]
