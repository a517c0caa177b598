"""Requests and answers that went wrong on the way: always a refusal or a problem, never anything else."""

import copy
import json
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.anthropic import ANSWERS, NAMING, STREAMS, by_id, run
from tests.dialects.streams import cut
from zai_gateway.dialects.anthropic_messages import decode_answer, encode, encode_count, read_count
from zai_gateway.dialects.dialect import EncodePlan, StreamPlan
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.chat import parse
from zai_gateway.wire.events import Finished, UpstreamProblem

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
MARK = {"type": "ephemeral", "ttl": "1h"}
SCHEMA = {"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"type": "string"}}}
FULL: dict[str, Any] = {
    "model": "anthropic/claude-test",
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "S", "cache_control": MARK}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Hi"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                {
                    "type": "file",
                    "file": {"file_data": "data:text/plain;base64,YQ==", "citations": {"enabled": True}},
                },
                {"type": "search_result", "content": []},
            ],
        },
        {
            "role": "assistant",
            "content": "Two parts",
            "refusal": None,
            "reasoning_details": [
                {
                    "type": "reasoning.text",
                    "text": "t",
                    "signature": "s",
                    "format": "anthropic-claude-v1",
                    "index": 0,
                },
                {"type": "reasoning.encrypted", "data": "d", "index": 1},
            ],
            "provider_blocks": [
                {"type": "server_tool_use", "id": "s", "index": 3},
                {"type": "text", "index": 2, "start_index": 0, "end_index": 3, "citations": [{}]},
                {"type": "text", "index": 4, "start_index": 3, "end_index": 9},
            ],
            "tool_calls": [{**CALL, "cache_control": MARK, "extra_content": {"anthropic": {"caller": {}}}}],
            "block_order": ["tool_calls", "content"],
        },
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "1"}], "is_error": False},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True},
        },
        {"type": "web_search_20250305", "name": "web_search"},
    ],
    "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [CALL]}},
    "parallel_tool_calls": False,
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
    "reasoning": {"effort": "low", "max_tokens": 2000, "enabled": True, "exclude": False},
    "output_config": {"task": {}},
    "metadata": {"user_id": "u"},
    "service_tier": "auto",
    "stop": ["a"],
    "temperature": 0.5,
    "top_p": 0.5,
    "top_k": 3,
    "max_tokens": 5000,
    "seed": 1,
    "n": 1,
    "modalities": ["text"],
}
PLANS = (
    EncodePlan(model="m"),
    EncodePlan(
        model="m", efforts=("low", "high"), budgets=False, late_system=True, off="disabled", off_up_to="low"
    ),
    EncodePlan(model="m", efforts=("low", "high"), budgets=False, forced_tools=False),
    EncodePlan(model="m", budgets=False, native_schema=False),
    EncodePlan(model="m", output_limit=1500, drop=("temperature", "stop"), both_samplers=True),
)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "text", "function", "none", "data:", "data:image/png;base64,", "\ud83d", "a.b"]),
    st.sampled_from([[], {}, [[]], [{}], {"type": "text"}, {"type": 3}, ["x"], {"a": {"b": [1]}}]),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [path] if path else []
    steps: Any = ()
    if isinstance(value, dict):
        steps = cast("dict[str, Any]", value)
    elif isinstance(value, list):
        steps = range(len(cast("list[Any]", value)))
    for step in steps:
        found += places(value[step], (*path, step))
    return found


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """`value` with another value at one place, or without it where `new` is `...`."""
    copied = copy.deepcopy(value)
    holder = copied
    for step in path[:-1]:
        holder = holder[step]
    if new is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = new
    return copied


def outcome(body: bytes, plan: EncodePlan) -> None:
    """A body that is JSON, or a refusal that names its field."""
    try:
        request = parse(body)
        sent = json.loads(encode(request, plan).body)
        assert {"max_tokens", "messages"} <= sent.keys()
        encode_count(request, plan)
    except Failure as failure:
        assert failure.code in (Code.INVALID_REQUEST, Code.UNSUPPORTED_PARAMETER, Code.INVALID_JSON)
        assert failure.param or failure.code is Code.INVALID_JSON


def test_the_request_that_is_changed_is_a_good_one() -> None:
    for plan in PLANS:
        encode(parse(json.dumps(FULL).encode()), plan)


@given(st.sampled_from(places(FULL)), st.one_of(ODD, st.just(...)), st.sampled_from(PLANS))
@settings(max_examples=600, deadline=None)
def test_a_request_with_one_thing_wrong(path: tuple[Any, ...], new: Any, plan: EncodePlan) -> None:
    outcome(json.dumps(changed(FULL, path, new)).encode(), plan)


@given(st.lists(st.tuples(st.integers(0, 2**16), ODD), min_size=2, max_size=5), st.sampled_from(PLANS))
@settings(max_examples=200, deadline=None)
def test_a_request_with_several_things_wrong(changes: list[tuple[int, Any]], plan: EncodePlan) -> None:
    request: Any = FULL
    for place, new in changes:
        paths = places(request)
        request = changed(request, paths[place % len(paths)], new)
    outcome(json.dumps(request).encode(), plan)


def test_what_is_nested_too_deeply_is_refused() -> None:
    deep = b"[" * 50_000 + b"]" * 50_000
    for member in (b"tools", b"metadata", b"output_config", b"response_format", b"thinking", b"tool_choice"):
        outcome(
            b'{"model":"m","messages":[{"role":"user","content":"a"}],"%b":%b}' % (member, deep), PLANS[0]
        )


WHOLE = json.loads(by_id("d214cd217b96"))


@given(st.sampled_from(places(WHOLE)), st.one_of(ODD, st.just(...)))
@settings(max_examples=400, deadline=None)
def test_an_answer_with_one_thing_wrong(path: tuple[Any, ...], new: Any) -> None:
    body = json.dumps(changed(WHOLE, path, new)).encode()
    told = decode_answer(body, NAMING, StreamPlan())
    if not isinstance(told, UpstreamProblem):
        json.loads(told.json)


@given(st.binary(max_size=200))
def test_any_bytes_as_an_answer(body: bytes) -> None:
    assert isinstance(decode_answer(body, NAMING, StreamPlan()), UpstreamProblem)
    assert isinstance(read_count(body), int | UpstreamProblem)


STREAM = by_id("bde2023aa895")


@given(st.integers(0, len(STREAM) - 1), st.binary(min_size=0, max_size=4), st.integers(0, 60))
@settings(max_examples=300, deadline=None)
def test_a_stream_with_bytes_changed(at: int, new: bytes, lost: int) -> None:
    events = run([STREAM[:at] + new + STREAM[at + lost :]])
    assert isinstance(events[-1], Finished | UpstreamProblem)
    assert sum(isinstance(event, Finished | UpstreamProblem) for event in events) == 1


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_cut_gives_the_same_events(data: st.DataObject) -> None:
    stream = data.draw(st.sampled_from(STREAMS)).response.bytes
    edges = data.draw(st.lists(st.integers(1, len(stream)), max_size=12))
    plan = StreamPlan(stop=data.draw(st.sampled_from([(), ("\n",), (" the", "e ")])))
    assert run(cut(stream, edges), plan) == run([stream], plan)


def test_every_answer_is_one_for_all_plans() -> None:
    for exchange in ANSWERS:
        for plan in (StreamPlan(stop=("e",)), StreamPlan(answer_tool="get_weather")):
            assert not isinstance(decode_answer(exchange.response.bytes, NAMING, plan), UpstreamProblem)
