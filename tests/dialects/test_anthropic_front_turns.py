"""Another vendor's model behind an Anthropic client: the next turn has all that it must have."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.dialects.anthropic_clients import message_of, parsed
from tests.dialects.anthropic_requests import ask, hub, text
from tests.dialects.hub_answers import NAMING, frame, hub_answer, message
from zai_gateway.dialects.anthropic_front import MessageStream
from zai_gateway.dialects.anthropic_front.marks import hub_id, shown_id

GOOGLE = {"google": {"thought_signature": "EpEBCg=="}}
CALL = {
    "id": "functions.f:0",
    "type": "function",
    "function": {"name": "f", "arguments": '{"a":1}'},
    "extra_content": GOOGLE,
}
ENTRIES: list[dict[str, Any]] = [
    {
        "type": "reasoning.summary",
        "summary": "Short.",
        "id": "rs_1",
        "format": "openai-responses-v1",
        "index": 0,
    },
    {
        "type": "reasoning.encrypted",
        "data": "b3Bh",
        "id": "rs_2",
        "format": "openai-responses-v1",
        "index": 1,
    },
    {
        "type": "reasoning.text",
        "text": "Long.",
        "signature": "c2ln",
        "format": "google-gemini-v1",
        "index": 2,
    },
]


def replayed(shown: dict[str, Any], *results: Any) -> list[dict[str, Any]]:
    """The hub's messages of the turn that follows what the client was shown."""
    request = ask(text("q"))
    request["messages"].append({"role": "assistant", "content": shown["content"]})
    request["messages"].append({"role": "user", "content": [*results] or "and?"})
    return hub(request)["messages"][1:]


def streamed(*deltas: dict[str, Any]) -> dict[str, Any]:
    stream = MessageStream(NAMING)
    pieces = [stream.feed(frame(delta)) for delta in deltas]
    return parsed(message_of(b"".join([*pieces, stream.end(None)])))


def both(whole: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    """The same answer in one piece and streamed."""
    return [message(hub_answer(whole)), streamed(*deltas)]


def test_a_call_keeps_its_id_and_its_signature() -> None:
    for shown in both({"content": None, "tool_calls": [CALL]}, {"tool_calls": [CALL | {"index": 0}]}):
        id = shown["content"][0]["id"]
        assert all(character.isalnum() or character in "_-" for character in id)
        result = {"type": "tool_result", "tool_use_id": id, "content": "ok"}
        answer, told = replayed(shown, result)
        assert answer["tool_calls"] == [CALL]
        assert told == {"role": "tool", "tool_call_id": "functions.f:0", "content": "ok"}


def test_reasoning_of_other_vendors_comes_back_entry_by_entry() -> None:
    deltas = [{"reasoning_details": [entry]} for entry in ENTRIES]
    for shown in both({"content": "x", "reasoning_details": ENTRIES}, *deltas, {"content": "x"}):
        assert [block["type"] for block in shown["content"]] == [
            *("thinking", "redacted_thinking", "thinking", "text"),
        ]
        assert [block["thinking"] for block in shown["content"] if "thinking" in block] == ["Short.", "Long."]
        assert replayed(shown)[0]["reasoning_details"] == ENTRIES


def test_reasoning_in_pieces_is_one_entry() -> None:
    pieces = [ENTRIES[2] | {"text": "Lo"}, ENTRIES[2] | {"text": "ng."}]
    del pieces[0]["signature"]
    shown = streamed(*[{"reasoning_details": [piece]} for piece in pieces], {"content": "x"})
    assert replayed(shown)[0]["reasoning_details"] == [ENTRIES[2]]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_that_is_only_text_comes_back_as_text(name: str) -> None:
    for shown in both({"content": "x", name: "Hmm."}, {name: "Hm"}, {name: "m."}, {"content": "x"}):
        answer = replayed(shown)[0]
        assert answer["reasoning_content"] == "Hmm."
        assert "reasoning_details" not in answer


def test_anthropics_own_signature_is_its_own() -> None:
    entry: dict[str, Any] = {"type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "index": 0}
    entry["format"] = "anthropic-claude-v1"
    for shown in both(
        {"content": "x", "reasoning_details": [entry]}, {"reasoning_details": [entry]}, {"content": "x"}
    ):
        assert shown["content"][0] == {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
        assert replayed(shown)[0]["reasoning_details"] == [entry]


@given(some.text(), some.none() | some.dictionaries(some.text(), some.text(), min_size=1))
def test_any_id_comes_back(id: str, extra: dict[str, Any] | None) -> None:
    shown = shown_id(id, extra)
    assert hub_id(shown) == (id, extra) if id else True
    assert json.loads(json.dumps(shown)) == shown
    assert all(character.isascii() and (character.isalnum() or character in "_-") for character in shown)


@pytest.mark.parametrize("id", ["toolu_zai_", "toolu_zai_x", "toolu_zai_e30", "toolu_zai_W10", "toolu_zai_é"])
def test_what_only_looks_like_a_mark_is_an_id(id: str) -> None:
    assert hub_id(id) == (id, None)
