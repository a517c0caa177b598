"""Between Anthropic's client and its server every byte passes but for the named splices, read on its way."""

import json
import random
import re
from collections.abc import Iterable
from typing import Any

import pytest

from tests.dialects.anthropic_requests import ask, text
from tests.dialects.corpus import Exchange, everything, packed
from tests.dialects.streams import cut, joined, json_of
from zai_gateway.dialects.anthropic_front import PassedStream, pass_answer, pass_request, read_request
from zai_gateway.dialects.dialect import EncodePlan
from zai_gateway.dialects.naming import Naming
from zai_gateway.wire.events import Answer, Chunk, Event, Finished, Reported, UpstreamProblem
from zai_gateway.wire.usage import Usage

NAMING = Naming(id="cmpl_test", model="anthropic/claude-test", created=1_700_000_000)
RECORDED = [each for each in everything("messages") if each.api == "messages"]
STREAMS = [each for each in RECORDED if each.is_stream]
ANSWERS = [each for each in RECORDED if each.is_answer]
BROKEN_OFF = {"e4ffb2cc18ee": "an error in the midst of it"}
WITHOUT_ITS_LAST_LINE = {
    "0b74bb0195e6": "it was stored without the blank line behind its last event",
    "1c8935d4adec": "it was stored without the blank line behind its last event",
}
SMALL = 4_000
"""Bytes of a stream up to which every cut is tried."""
BY_STREAM = pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: exchange.name)
BY_ANSWER = pytest.mark.parametrize("exchange", ANSWERS, ids=lambda exchange: exchange.name)


def test_all_are_run() -> None:
    passed = [each for each in packed("messages") if each.api == "messages"]
    assert len([each for each in passed if each.is_stream]) == 98
    assert len([each for each in passed if each.is_answer]) == 182
    assert len([each for each in passed if each.request.bytes is not None]) == 273


def run(pieces: Iterable[bytes]) -> list[Event]:
    stream = PassedStream(NAMING)
    events = [event for piece in pieces for event in stream.feed(piece)]
    return joined(events + stream.end())


def frames(events: list[Event]) -> bytes:
    return b"".join(event.frames for event in events if isinstance(event, Chunk))


def expected(stream: bytes) -> bytes:
    """The stream as it came, with our name of the model in its first event."""
    return re.sub(rb'("model":\s*)"[^"]*"', rb'\1"anthropic/claude-test"', stream, count=1)


def counted(usages: Iterable[dict[str, Any]]) -> Usage:
    """What these reports come to, the later in place of the earlier."""
    told: dict[str, Any] = {}
    for usage in usages:
        told |= {name: value for name, value in usage.items() if value is not None}
    apart = [each for each in told.get("iterations", []) if each["type"] != "message"]
    split: dict[str, int] = told.get("cache_creation") or {}
    long = split.get("ephemeral_1h_input_tokens", 0)
    return Usage(
        input=told["input_tokens"] + sum(each["input_tokens"] for each in apart),
        cache_read=told.get("cache_read_input_tokens", 0),
        cache_write=told.get("cache_creation_input_tokens", 0) - long,
        cache_write_long=long,
        output=told["output_tokens"] + sum(each["output_tokens"] for each in apart),
        reasoning=told.get("output_tokens_details", {}).get("thinking_tokens", 0),
        searches=told.get("server_tool_use", {}).get("web_search_requests", 0),
    )


def written(event: dict[str, Any]) -> int:
    """Bytes of text, reasoning and arguments in an event, read apart from the code under test."""
    delta = event.get("delta", {})
    return sum(len(delta.get(name, "").encode()) for name in ("text", "thinking", "partial_json"))


@BY_STREAM
def test_the_stream_passes(exchange: Exchange) -> None:
    stream = exchange.response.bytes
    events = run([stream])
    if exchange.id in BROKEN_OFF:
        problem = events[-1]
        assert isinstance(problem, UpstreamProblem)
        assert (problem.message, problem.type) == ("Overloaded", "overloaded_error")
        assert frames(events) == expected(stream).partition(b"event: error")[0]
        return
    assert isinstance(events[-1], Finished)
    shown, whole = frames(events), expected(stream)
    if exchange.id in WITHOUT_ITS_LAST_LINE:
        whole = whole.rstrip(b"\n") + b"\n\n"
    assert shown == whole.removesuffix(b"event: data\ndata: [DONE]\n\n")


@BY_STREAM
def test_its_usage_is_read(exchange: Exchange) -> None:
    if exchange.id in BROKEN_OFF:
        return
    told = json_of(exchange.response.bytes)
    begins = [event["message"]["usage"] for event in told if event["type"] == "message_start"]
    ends = [event["usage"] for event in told if event["type"] == "message_delta"]
    reports = [event for event in run([exchange.response.bytes]) if isinstance(event, Reported)]
    assert [report.final for report in reports] == [False, True]
    assert [report.usage for report in reports] == [counted(begins), counted([*begins, *ends])]
    assert reports[-1].service_tier == begins[0].get("service_tier")
    size = sum(event.content_bytes for event in run([exchange.response.bytes]) if isinstance(event, Chunk))
    assert size >= sum(map(written, told))


@BY_STREAM
def test_the_same_events_however_it_is_cut(exchange: Exchange) -> None:
    stream = exchange.response.bytes
    whole = run([stream])
    if len(stream) <= SMALL:
        assert run(stream[at : at + 1] for at in range(len(stream))) == whole
    chance = random.Random(exchange.id)
    for _ in range(3):
        assert run(cut(stream, chance.choices(range(len(stream)), k=30))) == whole
    assert run(cut(stream, [at for at, byte in enumerate(stream) if byte == 0x0A])) == whole


def test_a_cut_before_the_end_is_never_a_clean_one() -> None:
    stream = min((each.response.bytes for each in STREAMS if each.id not in BROKEN_OFF), key=len)
    last = stream.rindex(b"}", 0, len(stream))
    for end in range(last + 1):
        problem = run([stream[:end]])[-1]
        assert isinstance(problem, UpstreamProblem)
        assert problem.code == "truncated"
    assert isinstance(run([stream[: last + 1]])[-1], Finished)


@pytest.mark.parametrize("ending", [b"\r\n", b"\r", b"\n"])
def test_line_ends_comments_and_pings_pass(ending: bytes) -> None:
    stream = (
        b': hello\n\nevent: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","model":"x",'
        b'"usage":{"input_tokens":3,"output_tokens":1}}}\n\nevent: ping\ndata: {"type": "ping"}\n\n'
        b'data: {"type":"message_delta",\ndata: "delta":{},"usage":{"output_tokens":9}}\n\n'
        b'data: {"type":"message_stop"}\n\ndata: {"type":"ping"}\n\n'
    ).replace(b"\n", ending)
    events = run([stream])
    assert frames(events) == expected(stream).rsplit(b"data: ", 1)[0]
    assert events == run(stream[at : at + 1] for at in range(len(stream)))
    assert [event.usage for event in events if isinstance(event, Reported)][-1] == Usage(input=3, output=9)


def test_role_and_pings_are_no_content() -> None:
    begins = b'event: message_start\ndata: {"type":"message_start","message":{}}\n\n'
    block = (
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
        b'"content_block":{"type":"text","text":""}}\n\n'
    )
    delta = (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"\xc3\xa4"}}\n\n'
    )
    stream = PassedStream(NAMING)
    sizes = [stream.feed(piece)[0] for piece in (begins, block, delta)]
    measures = [(event.content_bytes, event.is_content) for event in sizes if isinstance(event, Chunk)]
    assert measures == [(0, False), (0, False), (2, True)]


@pytest.mark.parametrize("garbage", [b"data: {\n\n", b"data: []\n\n", b"data: \xff\n\n"])
def test_what_cannot_be_read_is_a_problem(garbage: bytes) -> None:
    problem = run([garbage])[-1]
    assert isinstance(problem, UpstreamProblem)
    assert problem.code == "broken_answer"


@BY_ANSWER
def test_the_answer_passes(exchange: Exchange) -> None:
    body = exchange.response.bytes
    answer = pass_answer(body, NAMING)
    assert isinstance(answer, Answer)
    before = json.loads(body)
    given = json.dumps(before["model"]).encode()
    begins, ends = body.split(b'"model":' + given, 1) if b'"model":' + given in body else (b"", b"")
    if body.count(b'"model":' + given) == 1:
        assert answer.json == begins + b'"model":"anthropic/claude-test"' + ends
    assert json.loads(answer.json) == before | {"model": "anthropic/claude-test"}
    assert answer.reported is not None
    assert answer.reported.usage == counted([before["usage"]])
    assert json.loads(answer.reported.json) == before["usage"]
    texts = [block.get("text", "") + block.get("thinking", "") for block in before["content"]]
    assert answer.content_bytes >= len("".join(texts).encode())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', None),
        (b"{}", "broken_answer"),
        (b"[]", "broken_answer"),
        (b"<html>", "broken_answer"),
    ],
)
def test_what_is_no_message_is_a_problem(body: bytes, code: str | None) -> None:
    problem = pass_answer(body, NAMING)
    assert isinstance(problem, UpstreamProblem)
    assert problem.code == code


@pytest.mark.parametrize(
    "exchange",
    [each for each in RECORDED if each.request.bytes is not None],
    ids=lambda exchange: exchange.name,
)
def test_the_request_passes(exchange: Exchange) -> None:
    body = exchange.request.bytes or b""
    encoded = pass_request(body, EncodePlan(model="claude-test"))
    asked = json.loads(body)
    assert json.loads(encoded.body) == asked | {"model": "claude-test"}
    named = b'"model":' + json.dumps(asked.get("model")).encode()
    if body.count(named) == 1:
        assert encoded.body == body.replace(named, b'"model":"claude-test"')
    assert (encoded.dropped, encoded.stop) == ((), ())


def test_every_splice_of_a_request() -> None:
    body = (
        b'{ "model" : "anthropic/x", "max_tokens": 9000, "top_k": 5, "inference_geo": "us",\n'
        b'  "thinking": {"type": "enabled", "budget_tokens": 8000}, "messages": [ {"role": "user"} ] }'
    )
    plan = EncodePlan(
        model="x",
        output_limit=2_000,
        drop=("top_k",),
        service_tier="standard_only",
        extra=(("metadata", b'{"user_id":"u"}'),),
    )
    encoded = pass_request(body, plan)
    assert encoded.body == (
        b'{ "model" : "x", "max_tokens": 2000, "inference_geo": "us",\n'
        b'  "thinking": {"type":"enabled","budget_tokens":1600}, "messages": [ {"role": "user"} ],'
        b'"service_tier":"standard_only","metadata":{"user_id":"u"} }'
    )
    assert encoded.dropped == ("top_k", "thinking.budget_tokens")


@pytest.mark.parametrize("limit", [1_000, 9_000])
def test_a_budget_that_fits_or_cannot_fit_stays(limit: int) -> None:
    body = ask(text("x"), thinking={"type": "enabled", "budget_tokens": 8_000})
    encoded = pass_request(json.dumps(body).encode(), EncodePlan(model="m", output_limit=limit))
    assert json.loads(encoded.body)["thinking"] == body["thinking"]
    assert encoded.dropped == ()


def test_what_another_vendor_left_is_not_sent_to_anthropic() -> None:
    own = {"type": "thinking", "thinking": "Mine.", "signature": "c2ln"}
    left = [
        {"type": "thinking", "thinking": "Theirs.", "signature": "zai.e30"},
        {"type": "redacted_thinking", "data": "zai.e30"},
    ]
    page = {"type": "web_search_result_location", "url": "u", "title": None, "cited_text": ""}
    cited = text("x", citations=[page | {"encrypted_index": "zai."}, page | {"encrypted_index": "E"}])
    body = ask(text("q"))
    body["messages"] += [
        {"role": "assistant", "content": [own, *left, cited]},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": left},
    ]
    encoded = pass_request(json.dumps(body).encode(), EncodePlan(model="m"))
    read_request(encoded.body)
    assert json.loads(encoded.body)["messages"] == [
        {"role": "user", "content": [text("q")]},
        {"role": "assistant", "content": [own, text("x", citations=[page | {"encrypted_index": "E"}])]},
        {"role": "user", "content": "q"},
    ]
