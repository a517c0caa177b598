"""Every recorded exchange with other servers of this dialect: nothing of it is lost, and all can be read."""

import json
import random
from collections import Counter, defaultdict
from itertools import chain
from typing import Any

import pytest

from tests.dialects.corpus import Exchange, everything, packed
from tests.dialects.streams import NAMING, chunks, cut, json_of, reports, run
from zai_gateway.dialects.openai_chat import decode_answer
from zai_gateway.wire.events import Answer, Finished, UpstreamProblem
from zai_gateway.wire.usage import Usage

OTHERS = [exchange for exchange in everything() if exchange.provider != "openai"]
STREAMS = [exchange for exchange in OTHERS if exchange.is_stream]
ANSWERS = [exchange for exchange in OTHERS if exchange.is_answer]

FAILED = {
    "3a69c9c15743": "groq ends the stream with `event: error`",
    "e2243d15d724": "groq ends the stream with `event: error`",
}
TWO_IN_ONE = {"515800f7476f": "two streams stand in one record"}
NO_ANSWER = {"b8c42a24910e": "openrouter answers 200 with an error object"}

DOUBTFUL = {"azure_openai": 8, "doubleword": 2, "openrouter": 2, "vercel_gateway": 11}
"""How many reports contradict themselves, by provider: a part, or parts together, more than their whole."""

CACHED = ("cached_tokens", "cache_write_tokens")
COUNTS = ("prompt_tokens", "completion_tokens")


def test_all_of_the_others_are_run() -> None:
    others = [exchange for exchange in packed() if exchange.provider != "openai"]
    assert Counter(exchange.is_stream for exchange in others) == {True: 278, False: 571}
    assert {*FAILED, *NO_ANSWER, *TWO_IN_ONE} <= {exchange.id for exchange in others}


@pytest.mark.parametrize("exchange", STREAMS, ids=lambda exchange: exchange.name)
def test_a_stream_reaches_the_client_whole_and_sound(exchange: Exchange) -> None:
    stream = exchange.response.bytes
    events = run([stream])
    chance = random.Random(exchange.id)
    for _ in range(2):
        assert run(cut(stream, chance.choices(range(len(stream)), k=40))) == events
    if exchange.id in FAILED:
        assert isinstance(events[-1], UpstreamProblem)
        assert "validation failed" in events[-1].message
        return
    assert isinstance(events[-1], Finished)
    shown = chunks(events)
    given = json_of(stream)
    assert said(shown) == said(given)
    told = [usage for chunk in given if (usage := used(chunk))]
    assert len(reports(events)) == len(told)
    for usage, report in zip(told, reports(events), strict=True):
        check_usage(usage, report.usage)
        assert json.loads(report.json)["usage"].items() >= usage.items()
    assert fields(shown + [json.loads(report.json) for report in reports(events)]) >= fields(given)
    if exchange.id not in TWO_IN_ONE:
        check_shape(shown)


def used(chunk: dict[str, Any]) -> dict[str, Any] | None:
    """What a chunk says was used: in OpenAI's place, or else in Groq's."""
    groq: dict[str, Any] = chunk.get("x_groq") or {}
    return chunk.get("usage") or groq.get("usage")


def is_doubtful(told: dict[str, Any]) -> bool:
    """Whether parts are more than their whole, while the total knows nothing of it."""
    into: dict[str, Any] = told.get("prompt_tokens_details") or {}
    out_of: dict[str, Any] = told.get("completion_tokens_details") or {}
    prompt, completion = (int(told[name]) for name in COUNTS)
    apart = told.get("total_tokens") != prompt + completion
    thought = int(out_of.get("reasoning_tokens") or 0) > completion and not apart
    return thought or sum(int(into.get(name) or 0) for name in CACHED) > prompt


def check_usage(told: dict[str, Any], usage: Usage) -> None:
    """Every token that the provider counted stands in one bucket."""
    total: int = told.get("total_tokens") or told["prompt_tokens"] + told["completion_tokens"]
    if is_doubtful(told):
        assert usage.prompt + usage.output > total
    else:
        assert usage.prompt + usage.output == total
    assert usage.prompt >= told["prompt_tokens"]
    assert usage.output >= told["completion_tokens"]
    assert min(usage.input, usage.cache_read, usage.cache_write, usage.output - usage.reasoning) >= 0


def test_doubtful_reports_are_the_known_ones() -> None:
    found: Counter[str] = Counter()
    for exchange in packed():
        body = exchange.response.bytes
        if exchange.response.status != 200:
            continue
        entries = json_of(body) if exchange.is_stream else [json.loads(body)]
        told = [entry["usage"] for entry in entries if entry.get("usage")]
        found[exchange.provider] += any(map(is_doubtful, told))
    assert {provider: count for provider, count in found.items() if count} == DOUBTFUL


def said(entries: list[dict[str, Any]]) -> dict[Any, Any]:
    """Everything that a stream says, by choice and place: text, reasoning, tool names and arguments."""
    found: dict[Any, Any] = defaultdict(str)
    lists: list[list[dict[str, Any]]] = [entry.get("choices") or [] for entry in entries]
    for choice in chain.from_iterable(lists):
        delta: dict[str, Any] = choice.get("delta") or {}
        for name, value in delta.items():
            if name == "tool_calls":
                found[choice["index"], name] += "".join(map(_called, value or []))
            elif isinstance(value, str) and name != "role":
                found[choice["index"], name] += value
            elif isinstance(value, list):
                found[choice["index"], name] += json.dumps(value)
    return {place: text for place, text in found.items() if text}


def _called(call: dict[str, Any]) -> str:
    function: dict[str, Any] = call.get("function") or {}
    return (function.get("name") or "") + (function.get("arguments") or "")


def fields(entries: list[dict[str, Any]]) -> set[str]:
    return {name for entry in entries for name in entry}


def check_shape(shown: list[dict[str, Any]]) -> None:
    """What wire.md 7 to 12 promises of every chunk."""
    assert len({(entry["id"], entry["created"], entry["model"], entry["object"]) for entry in shown}) == 1
    ended: set[int] = set()
    seen: set[int] = set()
    for entry in shown:
        assert entry.get("usage") is None
        for choice in entry["choices"]:
            delta, reason = choice["delta"], choice.get("finish_reason")
            assert choice["index"] not in ended
            seen.add(choice["index"])
            for name in ("role", "tool_calls", "function_call"):
                assert delta.get(name, "") is not None
            for call in delta.get("tool_calls", []):
                assert isinstance(call["index"], int)
                assert None not in (call.get("id", ""), call.get("type", ""), *call["function"].values())
            if reason is not None:
                ended.add(choice["index"])
                assert reason not in ("", "None")
                assert not any(delta.get(name) for name in ("content", "tool_calls", "reasoning", "refusal"))
    assert ended == seen
    assert ended


@pytest.mark.parametrize("exchange", ANSWERS, ids=lambda exchange: exchange.name)
def test_an_answer_reaches_the_client_whole(exchange: Exchange) -> None:
    decoded = decode_answer(exchange.response.bytes, NAMING)
    if exchange.id in NO_ANSWER:
        assert isinstance(decoded, UpstreamProblem)
        assert decoded.status == 502
        return
    assert isinstance(decoded, Answer)
    given: dict[str, Any] = json.loads(exchange.response.bytes)
    assert json.loads(decoded.json) == repaired(given)
    assert decoded.reported is not None
    check_usage(given["usage"], decoded.reported.usage)


def repaired(given: dict[str, Any]) -> dict[str, Any]:
    """The answer with the names and repairs that wire.md asks for, done once more and simply."""
    created = given.get("created") or NAMING.created
    names = {"id": NAMING.id, "model": NAMING.model, "object": "chat.completion", "created": created}
    usage: dict[str, Any] = given["usage"]
    total = {"total_tokens": usage.get("total_tokens", sum(usage[name] for name in COUNTS))}
    choices = [_repaired_choice(place, choice) for place, choice in enumerate(given["choices"])]
    return given | names | {"usage": usage | total, "choices": choices}


def _repaired_choice(place: int, choice: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"content": None} | choice.get("message", {"role": "assistant"})
    for name in ("tool_calls", "function_call"):
        if name in message and message[name] is None:
            del message[name]
    for call in message.get("tool_calls", []):
        call.pop("index", None)
    return {"index": place} | choice | {"message": message}
