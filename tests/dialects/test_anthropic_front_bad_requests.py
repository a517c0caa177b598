"""Requests without a meaning to Anthropic's API: 400 with Anthropic's path of the field, and nothing else."""

import copy
import json
import random
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.dialects.anthropic_requests import ask, text
from tests.dialects.corpus import everything
from zai_gateway.dialects.anthropic_front import count_tokens, read_request
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.chat import parse

SECRET = "a-word-that-no-error-may-quote"


def refusal(request: Any) -> Failure:
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    with pytest.raises(Failure) as raised:
        read_request(body)
    return raised.value


def image(source: Any) -> dict[str, Any]:
    return {"type": "image", "source": source}


def call(**members: Any) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    return block | members


BAD: list[tuple[str, Any]] = [
    ("model", {"max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}),
    ("max_tokens", {"model": "m", "messages": [{"role": "user", "content": "x"}]}),
    ("messages", {"model": "m", "max_tokens": 9}),
    ("messages", {"model": "m", "max_tokens": 9, "messages": []}),
    ("messages", {"model": "m", "max_tokens": 9, "messages": {"role": SECRET}}),
    ("messages.0", {"model": "m", "max_tokens": 9, "messages": [SECRET]}),
    ("messages.0.role", ask(text("x"), role=SECRET)),
    ("messages.0.content", {"model": "m", "max_tokens": 9, "messages": [{"role": "user"}]}),
    ("messages.0.content", {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": 1}]}),
    ("messages.0.content.0", ask(SECRET)),
    ("messages.0.content.0.type", ask({"text": SECRET})),
    ("messages.0.content.0.type", ask({"type": "image_url", "image_url": {"url": SECRET}})),
    ("messages.0.content.1.text", ask(text("x"), {"type": "text"})),
    ("messages.0.content.1.text", ask(text("x"), {"type": "text", "text": [SECRET]})),
    ("messages.0.content.1.source", ask(text("x"), {"type": "image"})),
    ("messages.0.content.0.source", ask(image(SECRET))),
    ("messages.0.content.0.source.type", ask(image({"data": SECRET}))),
    ("messages.0.content.0.source.data", ask(image({"type": "base64", "media_type": "image/png"}))),
    ("messages.0.content.0.source.media_type", ask(image({"type": "base64", "data": SECRET}))),
    ("messages.0.content.0.source.url", ask(image({"type": "url", "url": 1}))),
    ("messages.0.content.0.type", ask(call())),
    ("messages.0.content.0.type", ask({"type": "thinking", "thinking": SECRET, "signature": "x"})),
    ("messages.0.content.0.type", ask({"type": "tool_result", "tool_use_id": "a"}, role="assistant")),
    ("messages.0.content.0.tool_use_id", ask({"type": "tool_result"})),
    ("messages.0.content.0.is_error", ask({"type": "tool_result", "tool_use_id": "a", "is_error": SECRET})),
    (
        "messages.0.content.0.content.0.text",
        ask({"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text"}]}),
    ),
    ("messages.0.content.0.input", ask(call(input=SECRET), role="assistant")),
    ("messages.0.content.0.input", ask({"type": "tool_use", "id": "a", "name": "f"}, role="assistant")),
    ("messages.0.content.0.name", ask(call(name=None), role="assistant")),
    ("messages.0.content.0.thinking", ask({"type": "thinking", "signature": "x"}, role="assistant")),
    ("messages.0.content.0.data", ask({"type": "redacted_thinking"}, role="assistant")),
    (
        "messages.0.tool_calls",
        {"model": "m", "max_tokens": 9}
        | {"messages": [{"role": "assistant", "content": "x", "tool_calls": []}]},
    ),
    ("system", ask(text("x"), system=1)),
    ("system.0.text", ask(text("x"), system=[{"type": "text"}])),
    ("tools.0", ask(text("x"), tools=[SECRET])),
    ("tools.0.name", ask(text("x"), tools=[{"input_schema": {}}])),
    ("tools.1.input_schema", ask(text("x"), tools=[{"name": "f", "input_schema": {}}, {"name": "g"}])),
    ("tools.0.input_schema", ask(text("x"), tools=[{"name": "f", "input_schema": SECRET}])),
    ("tools.0.type", ask(text("x"), tools=[{"type": "function", "function": {"name": SECRET}}])),
    ("tool_choice", ask(text("x"), tool_choice="auto")),
    ("tool_choice.type", ask(text("x"), tool_choice={"type": "required"})),
    ("tool_choice.name", ask(text("x"), tool_choice={"type": "tool"})),
    ("tool_choice.function", ask(text("x"), tool_choice={"type": "auto", "function": {}})),
    ("stop_sequences", ask(text("x"), stop_sequences=SECRET)),
    ("stop_sequences", ask(text("x"), stop_sequences=[""])),
    ("stop_sequences", ask(text("x"), stop_sequences=["x"] * 17)),
    ("metadata.user_id", ask(text("x"), metadata={"user_id": 1})),
    ("metadata.tenant", ask(text("x"), metadata={"tenant": SECRET})),
    ("thinking", ask(text("x"), thinking=True)),
    ("thinking.type", ask(text("x"), thinking={})),
    ("thinking.budget_tokens", ask(text("x"), thinking={"type": "enabled"})),
    ("thinking.budget_tokens", ask(text("x"), thinking={"type": "enabled", "budget_tokens": SECRET})),
    ("output_config.effort", ask(text("x"), output_config={"effort": 1})),
    ("output_config.format.type", ask(text("x"), output_config={"format": {"type": SECRET}})),
    ("output_config.format.schema", ask(text("x"), output_config={"format": {"type": "json_schema"}})),
    ("output_format.schema", ask(text("x"), output_format={"type": "json_schema", "schema": True})),
    ("service_tier", ask(text("x"), service_tier=1)),
    *[(name, ask(text("x")) | {name: 2}) for name in ("n", "stop", "functions", "user", "reasoning")],
]


@pytest.mark.parametrize(("path", "request_"), BAD, ids=[f"{at}-{path}" for at, (path, _) in enumerate(BAD)])
def test_the_field_at_fault_is_named(path: str, request_: Any) -> None:
    failure = refusal(request_)
    assert (failure.code, failure.param) == (Code.INVALID_REQUEST, path)
    assert f"`{path}`" in failure.message
    assert SECRET not in failure.message


def test_a_name_that_stands_twice() -> None:
    failure = refusal(
        b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text",'
        b'"text":"x","t\\u0065xt":"y"}]}]}'
    )
    assert (failure.code, failure.param) == (Code.DUPLICATE_FIELD, "messages.0.content.0.text")


def test_what_is_no_json() -> None:
    assert refusal(b"{").code is Code.INVALID_JSON
    assert refusal(b"[]").code is Code.INVALID_JSON
    assert refusal(b'{"model":"\xff"}').code is Code.INVALID_JSON


def test_too_much_at_once() -> None:
    assert refusal(ask(*[text("x")] * 20_001)).param == "messages.0.content"
    assert refusal(b'{"a":[' + b"0," * 100_001 + b"0]}").message.startswith("The body may hold at most")


RECORDED: list[Any] = [
    json.loads(each.request.bytes)
    for each in everything("messages")
    if each.request.bytes is not None and len(each.request.bytes) < 20_000
]
JUNK: list[Any] = [
    None,
    True,
    0,
    -1,
    1e300,
    "",
    "x",
    "zai.",
    "zai.e30",
    "toolu_zai_W10",
    [],
    [[]],
    {},
    {"type": "text"},
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a value."""
    found = [path]
    inside: Any = ()
    if isinstance(value, dict):
        inside = cast("dict[str, Any]", value).items()
    elif isinstance(value, list):
        inside = enumerate(cast("list[Any]", value))
    for step, inner in inside:
        found += places(inner, (*path, step))
    return found


def mutated(request: Any, chance: random.Random) -> Any:
    """The request with up to three places taken out, or filled with junk or with something from elsewhere."""
    request = copy.deepcopy(request)
    for _ in range(chance.randint(1, 3)):
        path = chance.choice(places(request))
        if not path:
            continue
        holder = request
        for step in path[:-1]:
            holder = holder[step]
        if chance.random() < 0.3:
            del holder[path[-1]]
        elif chance.random() < 0.5:
            holder[path[-1]] = copy.deepcopy(chance.choice(JUNK))
        else:
            donor = chance.choice(RECORDED)
            for step in chance.choice(places(donor)):
                donor = donor[step]
            holder[path[-1]] = copy.deepcopy(donor)
    return request


@given(some.integers(0, 2**32))
def test_whatever_comes_it_is_read_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    body = json.dumps(mutated(chance.choice(RECORDED), chance)).encode()
    try:
        hub = read_request(body)
        count_tokens(body)
        parse(hub)
    except Failure as failure:
        assert failure.code is Code.INVALID_REQUEST or failure.code is Code.INVALID_JSON
