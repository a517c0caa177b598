"""Running Gemini's recorded answers through the dialect, and reading them independently of it."""

import json
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from tests.dialects.corpus import Exchange
from tests.dialects.gemini_reading import is_list, is_object
from tests.dialects.streams import chunks, joined, json_of
from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.gemini import decode_answer, decoder
from zai_gateway.dialects.naming import Naming
from zai_gateway.wire.events import Answer, Event

NAMING = Naming(id="cmpl_test", model="google/gemini-test", created=1_700_000_000)
_FILTERED = ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII")


class Reading(Struct, frozen=True, kw_only=True):
    """What a recorded answer says in one of its candidates."""

    text: str
    thoughts: str
    calls: list[tuple[str, Any]]
    """Names and arguments of what the client is to carry out."""
    blocks: list[dict[str, Any]]
    images: list[str]
    finish: str
    signatures: list[str]
    """Every one that came, in order; those of calls that Google carried out itself are in their blocks."""


def run(pieces: Iterable[bytes], plan: StreamPlan | None = None) -> list[Event]:
    """The events of a whole stream that came in these pieces; chunks that follow each other are one."""
    reader = decoder(NAMING, plan or StreamPlan())
    events = [event for piece in pieces for event in reader.feed(piece)]
    return joined(events + reader.end())


def whole(body: bytes, plan: StreamPlan | None = None) -> tuple[dict[str, Any], Answer]:
    """A whole answer, which must be one, and what it says."""
    answer = decode_answer(body, NAMING, plan or StreamPlan())
    assert isinstance(answer, Answer), answer
    return json.loads(answer.json), answer


def told_in(exchange: Exchange) -> list[dict[str, Any]]:
    """The answers or events of an exchange, as its provider sent them."""
    if exchange.response.sse is not None:
        return json_of(exchange.response.bytes)
    value: Any = json.loads(exchange.response.bytes)
    return value if is_list(value) else [value]


def candidates_in(events: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    """The pieces of each candidate, by its index."""
    found: dict[int, list[dict[str, Any]]] = {}
    for event in events:
        for place, candidate in enumerate(event.get("candidates", [])):
            found.setdefault(candidate.get("index", place), []).append(candidate)
    return found


def reading(pieces: list[dict[str, Any]]) -> Reading:
    """What one candidate says, read in the plainest way."""
    parts = [part for piece in pieces for part in piece.get("content", {}).get("parts", [])]
    served = any("functionResponse" in part for part in parts)
    reasons = [piece["finishReason"] for piece in pieces if piece.get("finishReason")]
    calls = [] if served else _calls(parts)
    others = ("text", "functionCall", "inlineData", "thought", "thoughtSignature")
    return Reading(
        text="".join(part["text"] for part in parts if "text" in part and not part.get("thought")),
        thoughts="".join(part.get("text", "") for part in parts if part.get("thought")),
        calls=calls,
        blocks=[
            part for part in parts if not set(others).issuperset(part) or (served and "functionCall" in part)
        ],
        images=[part["inlineData"]["data"] for part in parts if "inlineData" in part],
        finish=_finish(reasons[-1] if reasons else None, bool(calls)),
        signatures=[part["thoughtSignature"] for part in parts if "thoughtSignature" in part],
    )


def _finish(reason: Any, has_calls: bool) -> str:
    if reason == "MAX_TOKENS":
        return "length"
    if reason in _FILTERED:
        return "content_filter"
    return "tool_calls" if has_calls else "stop"


def _calls(parts: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    calls: list[tuple[str, Any]] = []
    for part in parts:
        call = part.get("functionCall")
        if call is None:
            continue
        if "name" in call:
            calls.append((call["name"], call.get("args", {})))
        for piece in call.get("partialArgs", []):
            # All that was recorded are strings at the top.
            name = piece["jsonPath"].removeprefix("$.")
            calls[-1][1][name] = calls[-1][1].get(name, "") + piece["stringValue"]
    return calls


def shown(message: dict[str, Any], finish: str) -> Reading:
    """What a message in OpenAI's shape says, whole or put together of deltas."""
    calls = [
        (call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls", [])
    ]
    blocks = [
        {name: value for name, value in block.items() if name not in ("type", "index", "format")}
        for block in message.get("provider_blocks", [])
    ]
    images = [image["image_url"]["url"].partition(",")[2] for image in message.get("images", [])]
    return Reading(
        text=message.get("content") or "",
        thoughts=message.get("reasoning_content", ""),
        calls=calls,
        blocks=blocks,
        images=images,
        finish=finish,
        signatures=[],
    )


def signatures_in(value: Any) -> list[str]:
    """Every signature in a message, in no particular order, each once."""
    found: list[str] = []
    if is_object(value):
        for name, each in value.items():
            if name in ("thought_signature", "thoughtSignature", "signature") and isinstance(each, str):
                found.append(each)
            else:
                found += signatures_in(each)
    elif is_list(value):
        for each in value:
            found += signatures_in(each)
    return sorted(set(found))


def messages(events: list[Event]) -> dict[int, tuple[dict[str, Any], dict[str, Any]]]:
    """The message of each choice, put together of its deltas as clients do, and its last chunk's choice."""
    built: dict[int, dict[str, Any]] = {}
    ends: dict[int, dict[str, Any]] = {}
    for chunk in chunks(events):
        (choice,) = chunk["choices"]
        index = choice["index"]
        assert index not in ends
        _merge(built.setdefault(index, {}), choice["delta"])
        if choice["finish_reason"] is not None:
            assert choice["delta"] == {}
            ends[index] = choice
    assert built.keys() == ends.keys()
    return {index: (built[index], ends[index]) for index in built}


def _merge(into: dict[str, Any], delta: dict[str, Any]) -> None:
    """As the official SDK accumulates deltas (`openai.lib.streaming._deltas`)."""
    for name, value in delta.items():
        if name not in into or name in ("index", "type"):
            into[name] = value
        elif isinstance(value, str):
            into[name] += value
        elif is_object(value):
            _merge(into[name], value)
        elif is_list(value):
            for entry in value:
                before = [each for each in into[name] if each["index"] == entry["index"]]
                if before:
                    _merge(before[0], entry)
                else:
                    into[name].append(entry)
        else:
            into[name] = value


def expected_usage(events: list[dict[str, Any]]) -> tuple[int, int, int, int] | None:
    """Prompt, cached, output and reasoning by the last report that has counts."""
    reports = [event.get("usageMetadata", {}) for event in events]
    counted = [report for report in reports if "promptTokenCount" in report]
    if not counted:
        return None
    last = counted[-1]
    thoughts = last.get("thoughtsTokenCount", 0)
    prompt = last["promptTokenCount"] + last.get("toolUsePromptTokenCount", 0)
    output = last.get("candidatesTokenCount", 0) + thoughts
    assert prompt + output == last["totalTokenCount"]
    return prompt, last.get("cachedContentTokenCount", 0), output, thoughts
