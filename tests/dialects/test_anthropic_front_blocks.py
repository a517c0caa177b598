"""Any chunks at all make a well-formed message: one block at a time, the same however they are joined."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.dialects.anthropic_clients import events_of, faults, message_of, parsed
from tests.dialects.hub_answers import NAMING, frame
from tests.dialects.streams import cut
from zai_gateway.dialects.anthropic_front import PING, MessageStream
from zai_gateway.dialects.anthropic_front.arguments import Arguments
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.events import Reported
from zai_gateway.wire.usage import Usage

CLAUDE = "anthropic-claude-v1"


def stream_of(*frames: bytes) -> bytes:
    stream = MessageStream(NAMING)
    return b"".join([*map(stream.feed, frames), stream.end(None)])


def told(*deltas: dict[str, Any]) -> dict[str, Any]:
    return parsed(message_of(stream_of(*map(frame, deltas))))


def call(index: int, arguments: str = "", name: str | None = None, **more: Any) -> dict[str, Any]:
    """A delta with a piece of a call, or with its beginning where it has a name."""
    begins: dict[str, Any] = {"id": f"call_{index}", "type": "function"} if name else {}
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return {"tool_calls": [{"index": index, "function": function} | begins | more]}


def thinking(text: str = "", **more: Any) -> dict[str, Any]:
    return {
        "reasoning_details": [{"type": "reasoning.text", "text": text, "format": CLAUDE, "index": 0} | more]
    }


class Said:
    """What a made stream says, collected while it is made."""

    def __init__(self) -> None:
        self.text = ""
        self.reasoning = ""
        self.calls: dict[int, Any] = {}


some_words = some.text(max_size=8)
some_inputs = some.dictionaries(
    some_words, some.none() | some.integers() | some_words | some.lists(some_words)
)


@some.composite
def deltas(draw: some.DrawFn) -> tuple[list[dict[str, Any]], Said]:
    """Texts, reasoning in all its forms and calls, their pieces in any order among each other."""
    said, left, made = Said(), dict[int, list[str]](), list[dict[str, Any]]()
    for step in range(draw(some.integers(0, 14))):
        kind = draw(
            some.sampled_from(["text", "plain", "signed", "hidden", "call", "piece", "piece", "several"])
        )
        words = draw(some_words)
        if kind in ("text", "several"):
            said.text += words
            made.append({"content": words})
        if kind == "plain":
            said.reasoning += words
            made.append({"reasoning_content": words})
        if kind == "signed":
            said.reasoning += words
            signature: dict[str, Any] = {"signature": "c2ln"} if draw(some.booleans()) else {}
            made.append(thinking(words, index=step // 3, **signature))
        if kind == "hidden":
            made.append(
                {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x", "format": CLAUDE}]}
            )
        if kind in ("call", "several"):
            index = len(said.calls)
            said.calls[index] = draw(some_inputs)
            whole = json.dumps(said.calls[index], ensure_ascii=draw(some.booleans()))
            edges = sorted(draw(some.lists(some.integers(0, len(whole)), max_size=3)))
            left[index] = [whole[a:b] for a, b in zip([0, *edges], [*edges, len(whole)], strict=True)]
            made.append(call(index, left[index].pop(0), name=f"f{index}"))
        if kind == "piece" and left:
            index = draw(some.sampled_from(sorted(left)))
            made.append(call(index, left[index].pop(0)) if left[index] else {})
    made += [call(index, piece) for index, pieces in left.items() for piece in pieces]
    return made, said


@given(deltas(), some.lists(some.integers(0, 4_000), max_size=8))
def test_any_chunks_make_a_message(made: tuple[list[dict[str, Any]], Said], edges: list[int]) -> None:
    chunks, said = made
    frames = [frame(delta) for delta in chunks]
    stream = stream_of(*frames)
    message = parsed(message_of(stream))
    for event in events_of(stream):
        assert faults("RawMessageStreamEvent", event) == []
    content = message["content"]
    assert "".join(block["text"] for block in content if block["type"] == "text") == said.text
    assert "".join(block["thinking"] for block in content if block["type"] == "thinking") == said.reasoning
    uses = [block for block in content if block["type"] == "tool_use"]
    assert [(block["id"], block["input"]) for block in uses] == [
        (f"call_{index}", value) for index, value in said.calls.items()
    ]
    assert message["stop_reason"] == ("tool_use" if said.calls else "end_turn")
    assert not any(block.get("text") == "" for block in content)
    assert stream_of(*cut(b"".join(frames), edges)) == stream


@given(some_inputs, some.lists(some.integers(0, 60), max_size=5), some.booleans())
def test_arguments_are_whole_with_their_last_brace(value: Any, edges: list[int], plain: bool) -> None:
    text = json.dumps(value, ensure_ascii=plain)
    arguments = Arguments()
    places = [0, *sorted({edge for edge in edges if 0 < edge < len(text)}), len(text)]
    for start, end in pairwise(places):
        assert not arguments.are_whole()
        arguments.add(text[start:end])
    assert arguments.are_whole()


def test_calls_that_take_turns_come_one_after_the_other() -> None:
    message = told(
        call(0, name="f"),
        call(1, name="g"),
        call(0, '{"a":'),
        call(1, '{"b":'),
        {"content": "Both."},
        call(0, "1}"),
        call(1, "2}"),
    )
    assert [(block.get("name"), block.get("input")) for block in message["content"]] == [
        ("f", {"a": 1}),
        ("g", {"b": 2}),
        (None, None),
    ]


def test_a_whole_call_is_told_as_soon_as_the_next_one_begins() -> None:
    stream = MessageStream(NAMING)
    stream.feed(frame(call(0, "{}", name="f")))
    assert b'"content_block_start","index":1' in stream.feed(frame(call(1, "{", name="g")))


def test_a_call_waits_for_its_name() -> None:
    message = told(call(0, '{"a"'), call(0, ":1}"), call(0, name="f"))
    assert [(block["name"], block["input"]) for block in message["content"]] == [("f", {"a": 1})]


def test_text_is_told_at_once() -> None:
    stream = MessageStream(NAMING, input_tokens=12)
    begins = events_of(stream.feed(frame({"role": "assistant", "content": ""})))
    assert [event["type"] for event in begins] == ["message_start"]
    assert begins[0]["message"]["usage"]["input_tokens"] == 12
    kinds = [event["type"] for event in events_of(stream.feed(frame({"content": "a"})))]
    assert kinds == ["content_block_start", "content_block_delta"]
    assert [event["type"] for event in events_of(stream.feed(frame({"content": "b"})))] == [
        "content_block_delta"
    ]


def test_thinking_ends_in_its_signature() -> None:
    message = told(thinking("Let "), thinking("me."), thinking(signature="c2ln"), {"content": "x"})
    assert message["content"][0] == {"type": "thinking", "thinking": "Let me.", "signature": "c2ln"}


def test_a_signature_without_text_is_a_block_too() -> None:
    message = told(thinking(signature="c2ln"), thinking(signature="ZWxzZQ", index=1))
    assert [block["signature"] for block in message["content"]] == ["c2ln", "ZWxzZQ"]


def test_a_message_does_not_end_in_what_nobody_can_read() -> None:
    hidden = {"type": "reasoning.encrypted", "data": "x", "format": "openai-responses-v1"}
    kinds = [block["type"] for block in told({"content": "x"}, {"reasoning_details": [hidden]})["content"]]
    assert kinds == ["text"]
    more = told({"content": "x"}, {"reasoning_details": [hidden]}, call(0, "{}", name="f"))
    assert [block["type"] for block in more["content"]] == ["text", "redacted_thinking", "tool_use"]


def test_citations_stand_in_the_text_that_cites() -> None:
    page = {"type": "url_citation", "url_citation": {"url": "https://x.y"}}
    message = told({"content": "x"}, {"annotations": [page]}, {"content": "y"})
    assert [citation["url"] for citation in message["content"][0]["citations"]] == ["https://x.y"]
    assert [block.get("text") for block in message["content"]] == ["xy"]


def test_citations_behind_a_whole_call_reach_the_text_before_it() -> None:
    page = {"type": "url_citation", "url_citation": {"url": "https://x.y"}}
    whole_calls = [call(0, "{}", name="f"), call(1, '{"a":1}', name="g")]
    message = told({"content": "x"}, *whole_calls, {"annotations": [page]})
    assert [citation["url"] for citation in message["content"][0]["citations"]] == ["https://x.y"]
    assert [block["type"] for block in message["content"]] == ["text", "tool_use", "tool_use"]


def test_citations_before_any_text_wait_for_it() -> None:
    page = {"type": "url_citation", "url_citation": {"url": "https://x.y"}}
    for before in ({"annotations": [page]}, {"annotations": [page], "content": ""}):
        message = told(before, {"content": "x"})
        assert [citation["url"] for citation in message["content"][0]["citations"]] == ["https://x.y"]


def test_only_whole_calls_wait_behind_a_text() -> None:
    stream = MessageStream(NAMING)
    stream.feed(frame({"content": "a"}))
    assert stream.feed(frame(call(0, '{"a":1}', name="f"))) == b""
    kinds = [event["type"] for event in events_of(stream.feed(frame({"content": "b"})))]
    assert kinds == [
        *("content_block_stop", "content_block_start", "content_block_delta", "content_block_stop"),
        *("content_block_start", "content_block_delta"),
    ]
    begins = events_of(stream.feed(frame(call(1, '{"a"', name="g"))))
    assert [event["type"] for event in begins][:2] == ["content_block_stop", "content_block_start"]


def test_a_refusal_is_text_unless_anthropic_explains_it() -> None:
    message = told({"refusal": "I "}, {"refusal": "can't."})
    assert (message["content"], message["stop_reason"]) == ([{"type": "text", "text": "I can't."}], "refusal")
    details = {"type": "refusal", "category": None, "explanation": "No."}
    ending = {"native_finish_reason": "refusal", "stop_details": details}
    stream = stream_of(frame({"refusal": "No."}), frame({}, "content_filter", **ending))
    explained = message_of(stream)
    assert (explained["content"], explained["stop_details"]) == ([], details)


def test_the_end_tells_what_was_used() -> None:
    stream = MessageStream(NAMING, input_tokens=3)
    usage = Usage(input=5, cache_read=7, output=11)
    message = message_of(
        stream.feed(frame({"content": "x"}, "length")) + stream.end(Reported(usage, None, b""))
    )
    assert message["stop_reason"] == "max_tokens"
    assert message["usage"]["input_tokens"] == 5
    assert message["usage"]["cache_read_input_tokens"] == 7
    assert message["usage"]["output_tokens"] == 11


def test_nothing_at_all_is_a_message_too() -> None:
    assert message_of(MessageStream(NAMING).end(None))["content"] == []


def test_only_the_first_choice_is_told() -> None:
    assert (
        told({"content": "a"}, {})["content"]
        == message_of(stream_of(frame({"content": "a"}), frame({"content": "b"}, index=1)))["content"]
    )


@pytest.mark.parametrize("begun", [True, False])
def test_a_failure_is_an_event_and_no_end(begun: bool) -> None:
    stream = MessageStream(NAMING)
    before = stream.feed(frame({"content": "x"})) if begun else b""
    failure = Failure(Code.UPSTREAM_FAILED, "The provider's stream ended before the answer was complete.")
    event = events_of(stream.fail(failure, 502, "req_1"))
    assert event == [
        {
            "type": "error",
            "error": {"type": "api_error", "message": failure.message},
            "request_id": "req_1",
        }
    ]
    assert b"message_stop" not in before


def test_a_ping_is_an_event() -> None:
    assert events_of(PING) == [{"type": "ping"}]


escapes = some.sampled_from(
    [r"\n", r"\"", r"\\", r"\u00e9", r"\/", r"\ud83d", r"\ud83d\ude00", r"\\u0041", "é", "x"]
)


@given(some.lists(some.lists(escapes, max_size=3).map("".join), min_size=1), some.booleans())
def test_escapes_are_written_alike_however_chunks_are_joined(texts: list[str], learned: bool) -> None:
    head, tail = frame({"content": "@"}).split(b"@")
    frames = [head + text.encode() + tail for text in ["plain"] * learned + texts]
    one_by_one = stream_of(*frames)
    assert stream_of(b"".join(frames)) == one_by_one
    assert stream_of(*frames[:1], b"".join(frames[1:])) == one_by_one
    said = "".join(json.loads(f'"{text}"') for text in ["plain"] * learned + texts)
    whole = "".join(block["text"] for block in message_of(one_by_one)["content"])
    assert whole == re.sub("[\ud800-\udfff]", "\ufffd", said)
