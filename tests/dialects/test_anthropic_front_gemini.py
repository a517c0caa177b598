"""Gemini behind an Anthropic client: its answers are valid messages, and its turns go back as they were."""

import json
from typing import Any

import pytest

from tests.dialects.anthropic_clients import events_of as anthropic_events
from tests.dialects.anthropic_clients import faults, message_of, parsed
from tests.dialects.corpus import Exchange
from tests.dialects.gemini_streams import candidates_in, reading, told_in
from tests.dialects.hub_answers import NAMING, answer_of, events_of, frame, hub_answer, message, written
from tests.dialects.test_anthropic_front_runs import same_in_any_pieces
from tests.dialects.test_gemini_replay import ANSWERED, pieced_together
from zai_gateway.dialects import gemini
from zai_gateway.dialects.anthropic_front import MessageStream, pass_request, read_request
from zai_gateway.dialects.anthropic_front.blocks import AN_IMAGE
from zai_gateway.dialects.anthropic_front.keepsakes import in_block
from zai_gateway.dialects.dialect import EncodePlan, StreamPlan
from zai_gateway.wire.chat import parse
from zai_gateway.wire.events import Answer, Chunk, Event

EACH = pytest.mark.parametrize("exchange", ANSWERED, ids=lambda exchange: exchange.name)
NOT_AS_THEY_WERE = {
    "6087c601a6f0": "an image, which Anthropic's clients cannot be shown and so cannot send back"
}
MODEL = "gemini-2.5-flash"
CODE: dict[str, Any] = {"executableCode": {"language": "PYTHON", "code": "print(1)"}}
RESULT: dict[str, Any] = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}}
CALL: dict[str, Any] = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "one"}
OTHER: dict[str, Any] = {"functionCall": {"name": "g", "args": {}}}
IMAGE: dict[str, Any] = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}


def shown(exchange: Exchange) -> dict[str, Any]:
    """The message that the client keeps."""
    if exchange.api == "generateContent":
        answer = answer_of(exchange)
        assert answer is not None
        return message(answer)
    stream = written(events_of(exchange))
    assert stream is not None
    for event in anthropic_events(stream):
        assert faults("RawMessageStreamEvent", event) == []
    return parsed(message_of(stream))


def next_turn(content: list[dict[str, Any]]) -> bytes:
    """The request that follows an answer, as its client sends it."""
    messages = [{"role": "user", "content": "q"}]
    if content:
        messages.append({"role": "assistant", "content": content})  # pyright: ignore[reportArgumentType]
    messages.append({"role": "user", "content": "and?"})
    return json.dumps({"model": "m", "max_tokens": 9, "messages": messages}).encode()


def sent_back(content: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Gemini gets of the turn."""
    encoded = gemini.encode(parse(read_request(next_turn(content))), EncodePlan(model=MODEL))
    return json.loads(encoded.body)["contents"][1:-1]


def made_of(exchange: Exchange) -> list[dict[str, Any]]:
    (pieces,) = candidates_in(told_in(exchange)).values()
    return pieced_together([part for piece in pieces for part in piece.get("content", {}).get("parts", [])])


@EACH
def test_an_answer_is_a_valid_message_and_says_the_same(exchange: Exchange) -> None:
    told = shown(exchange)
    assert faults("Message", told) == []
    (pieces,) = candidates_in(told_in(exchange)).values()
    said = reading(pieces)
    texts = [block["text"] for block in told["content"] if block["type"] == "text"]
    assert "".join(texts) == said.text + (AN_IMAGE if said.images else "")
    thoughts = [block["thinking"] for block in told["content"] if block["type"] == "thinking"]
    assert "".join(thoughts) == said.thoughts
    calls = [(block["name"], block["input"]) for block in told["content"] if block["type"] == "tool_use"]
    assert calls == said.calls


@EACH
def test_a_turn_goes_back_as_it_was_made(exchange: Exchange) -> None:
    made = made_of(exchange)
    contents = sent_back(shown(exchange)["content"])
    as_it_was = contents == ([{"role": "model", "parts": made}] if made else [])
    assert as_it_was == (exchange.id not in NOT_AS_THEY_WERE)


@EACH
def test_another_vendor_is_not_sent_what_is_googles(exchange: Exchange) -> None:
    request = next_turn(shown(exchange)["content"])
    passed = pass_request(request, EncodePlan(model="claude")).body
    assert b"zai." not in passed
    assert b'"text":""' not in passed.replace(b" ", b"")


@pytest.mark.parametrize(
    "exchange",
    [exchange for exchange in ANSWERED if exchange.api == "streamGenerateContent"],
    ids=lambda exchange: exchange.name,
)
def test_a_stream_is_the_same_in_any_pieces(exchange: Exchange) -> None:
    same_in_any_pieces(b"".join(event.frames for event in chunks(events_of(exchange))))


def whole(*parts: dict[str, Any], **beside: Any) -> dict[str, Any]:
    """The message that an answer of these parts becomes."""
    told = {"candidates": [{"content": {"parts": [*parts]}, "finishReason": "STOP"} | beside]}
    answer = gemini.decode_answer(json.dumps(told).encode(), NAMING, StreamPlan())
    assert isinstance(answer, Answer)
    return message(answer)


def streamed(*parts: dict[str, Any], **beside: Any) -> dict[str, Any]:
    """The same where each part is an event of its own."""
    decoder, stream, pieces = gemini.decoder(NAMING, StreamPlan()), MessageStream(NAMING), list[bytes]()
    candidates: list[dict[str, Any]] = [{"content": {"parts": [part]}} for part in parts]
    for candidate in [*candidates, {"finishReason": "STOP"} | beside]:
        body = json.dumps({"candidates": [candidate]}).encode()
        pieces += [
            stream.feed(event.frames) for event in chunks(decoder.feed(b"data: " + body + b"\r\n\r\n"))
        ]
    pieces += [stream.feed(event.frames) for event in chunks(decoder.end())]
    return parsed(message_of(b"".join([*pieces, stream.end(None)])))


def chunks(events: list[Event]) -> list[Chunk]:
    return [event for event in events if isinstance(event, Chunk)]


@pytest.mark.parametrize(
    "parts",
    [
        [{"text": "a", "thoughtSignature": "s"}],
        [{"text": "a"}, {"text": "", "thoughtSignature": "s"}],
        [{"text": "", "thoughtSignature": "s"}],
        [{"text": "a", "thoughtSignature": "s"}, {"text": "b"}],
        [CALL, {"text": "a"}, OTHER],
        [{"text": "a"}, CODE, RESULT, {"text": "b"}],
        [CODE, RESULT],
        [CODE, RESULT, CALL],
        [{"text": "hm", "thought": True}, {"text": "a", "thoughtSignature": "s"}, CALL],
    ],
)
def test_parts_go_back_in_their_order_with_their_signatures(parts: list[dict[str, Any]]) -> None:
    for told in (whole(*parts), streamed(*parts)):
        assert sent_back(told["content"]) == [{"role": "model", "parts": pieced_together(parts)}]


def test_text_comes_first_and_last_where_there_is_nothing_else() -> None:
    """Simple clients read the first block, and Claude Code prints the last one."""
    for told in (whole, streamed):
        content = told({"text": "Hello.", "thoughtSignature": "s"})["content"]
        assert [(block["type"], block["text"]) for block in content] == [("text", "Hello.")]
        content = told({"text": "I look."}, CALL, OTHER)["content"]
        assert [block["type"] for block in content] == ["text", "tool_use", "tool_use"]


def test_nothing_is_added_where_there_is_nothing_to_keep() -> None:
    for told in (whole, streamed):
        assert told({"text": "a"})["content"] == [{"type": "text", "text": "a"}]


def test_an_image_is_not_passed_over_in_silence() -> None:
    note = {"type": "text", "text": AN_IMAGE}
    for told in (whole, streamed):
        assert told(IMAGE)["content"] == [note]
        content = told({"text": "Look: "}, IMAGE | {"thoughtSignature": "s"}, IMAGE, {"text": "."})["content"]
        assert [block["text"] for block in content if block != note] in (["Look: ."], ["Look: ", "."])
        assert content.count(note) == 1


GROUNDED: dict[str, Any] = {
    "groundingMetadata": {
        "groundingChunks": [{"web": {"uri": "https://x.y", "title": "X"}}],
        "groundingSupports": [{"segment": {"endIndex": 1}, "groundingChunkIndices": [0]}],
    }
}


def test_a_text_keeps_its_sources_where_a_call_follows() -> None:
    for told in (whole, streamed):
        content = told({"text": "a"}, CALL, OTHER, **GROUNDED)["content"]
        assert [block["type"] for block in content] == ["text", "tool_use", "tool_use"]
        assert [each["url"] for each in content[0]["citations"]] == ["https://x.y"]


def test_what_a_client_wrote_itself_is_no_keepsake() -> None:
    for title in ("zai.", "zai.txt", "zai.e30", "zai.W10", "zai.eyJ0eXBlIjoibWVzc2FnZSJ9"):
        cited = {"type": "char_location", "cited_text": "a", "document_index": 0, "document_title": title}
        (turn,) = sent_back([{"type": "text", "text": "a", "citations": [cited]}])
        assert turn["parts"] == [{"text": "a"}]
    forged: dict[str, Any] = {"type": "message", "extra_content": 1, "provider_blocks": [1], "content": "x"}
    (turn,) = sent_back([{"type": "text", "text": "a"}, in_block(forged)])
    assert turn["parts"] == [{"text": "a"}]


def test_a_document_that_is_called_like_a_mark_stays_cited() -> None:
    cited = {"type": "char_location", "cited_text": "a", "document_index": 0, "document_title": "zai.txt"}
    request = next_turn([{"type": "text", "text": "a", "citations": [cited]}])
    passed = json.loads(pass_request(request, EncodePlan(model="claude")).body)
    assert passed["messages"][1]["content"][0]["citations"] == [cited]


def test_two_turns_that_a_client_made_one_lose_no_text() -> None:
    parts = [{"text": "a"}, CODE, {"text": "b", "thoughtSignature": "s"}]
    content = [*whole(*parts)["content"], *whole(*parts)["content"]]
    (turn,) = sent_back(content)
    assert "".join(part.get("text", "") for part in turn["parts"]) == "abab"


def test_reasoning_behind_the_text_is_kept() -> None:
    hidden = {"type": "reasoning.encrypted", "data": "x", "format": "google-gemini-v1", "index": 1}
    stream = MessageStream(NAMING)
    pieces = [stream.feed(frame({"content": "a"})), stream.feed(frame({"reasoning_details": [hidden]}))]
    content = parsed(message_of(b"".join([*pieces, stream.end(None)])))["content"]
    assert [block["type"] for block in content] == ["text"]
    hub = json.loads(read_request(next_turn(content)))
    assert hub["messages"][1]["reasoning_details"] == [hidden]


def test_an_answer_in_openais_form_keeps_its_signature_too() -> None:
    extra = {"google": {"thought_signature": "s"}}
    content = message(hub_answer({"content": "a", "extra_content": extra}))["content"]
    assert json.loads(read_request(next_turn(content)))["messages"][1]["extra_content"] == extra


def test_a_signature_survives_what_a_client_adds_to_a_call() -> None:
    """As `model_dump` of Anthropic's SDK does, which writes what was never said as null."""
    for told in (whole(CALL), streamed(CALL)):
        (call,) = told["content"]
        (turn,) = sent_back([call | {"caller": None}])
        assert turn["parts"] == [CALL]
