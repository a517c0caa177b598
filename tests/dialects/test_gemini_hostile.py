"""Malformed requests and answers meet a refusal with its place or a problem, never another error."""

import copy
import json
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.gemini_reading import hub_request, is_list, is_object
from tests.dialects.gemini_streams import NAMING, run
from tests.dialects.streams import sse
from tests.dialects.test_gemini_answers import ANSWERS
from tests.dialects.test_gemini_requests import BEYOND_RANGE, GENERATING, asked, model_of
from zai_gateway.dialects.dialect import EncodePlan, StreamPlan
from zai_gateway.dialects.gemini import decode_answer, decode_error, encode
from zai_gateway.dialects.gemini.arguments import Arguments
from zai_gateway.dialects.gemini.framing import Framing
from zai_gateway.dialects.gemini.shape import PartialArgument
from zai_gateway.errors import Failure
from zai_gateway.wire.chat import parse
from zai_gateway.wire.events import Answer, Finished, UpstreamProblem

HUBS = [
    hub_request(asked(exchange), model_of(exchange))
    for exchange in GENERATING
    if exchange.id not in BEYOND_RANGE and len(exchange.request.bytes or b"") < 20_000
]
BODIES: list[Any] = [
    json.loads(exchange.response.bytes) for exchange in ANSWERS if len(exchange.response.bytes) < 10_000
]
STRANGE: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 1e400, 2**70, "", "x", "data:,", "{}", "\ud800"),
    *([], [1], [[]], [{}], {}, {"a": 1}, {"type": "text"}, {"url": 7}, {"google": 3}),
    *({"format": "google-gemini-v1", "index": -1}, {"format": "google-gemini-v1", "data": [1]}),
    *({"google": {"parts": [{"text": 10**12}]}}, {"google": {"parts": [{"call": 5}, {"text": 1}]}}),
)
NAMES = (
    *("role", "content", "type", "text", "image_url", "file", "tool_calls", "function", "arguments", "name"),
    *(
        "tool_call_id",
        "reasoning_details",
        "provider_blocks",
        "images",
        "extra_content",
        "reasoning",
        "tools",
    ),
    *("tool_choice", "response_format", "modalities", "generation_config", "extra_body", "audio", "refusal"),
    *("function_call", "functions", "is_error", "web_search_options", "service_tier", "input_audio"),
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys."""
    found: list[tuple[Any, Any]] = []
    if is_object(value):
        for name, each in value.items():
            found += [(value, name), *places(each)]
    elif is_list(value):
        for index, each in enumerate(value):
            found += [(value, index), *places(each)]
    return found


def mutated(value: Any, seed: int) -> Any:
    chance = random.Random(seed)
    whole: Any = json.loads(json.dumps(value))
    for _ in range(chance.randint(1, 3)):
        holders = places(whole)
        if not holders:
            break
        holder, key = chance.choice(holders)
        if is_object(holder) and chance.random() < 0.4:
            holder[chance.choice(NAMES)] = copy.deepcopy(chance.choice(STRANGE))
        elif chance.random() < 0.15:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(chance.choice(STRANGE))
    return whole


@settings(deadline=None, max_examples=600)
@given(st.sampled_from(HUBS), st.integers(0, 2**32), st.sampled_from(("gemini-3-pro", "gemini-2.0-flash")))
def test_a_malformed_request_is_refused_with_its_place(hub: dict[str, Any], seed: int, model: str) -> None:
    body = json.dumps(mutated(hub, seed)).encode()
    try:
        request = parse(body)
    except Failure:
        return
    try:
        sent = encode(request, EncodePlan(model=model))
    except Failure as failure:
        assert failure.param or "nested" in failure.message
        return
    assert json.loads(sent.body)["contents"]


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(BODIES), st.integers(0, 2**32))
def test_a_malformed_answer_is_an_answer_or_a_problem(body: Any, seed: int) -> None:
    told = json.dumps(mutated(body, seed)).encode()
    decoded = decode_answer(told, NAMING, StreamPlan())
    assert isinstance(decoded, Answer | UpstreamProblem)
    *_, last = run([sse(told.decode())])
    assert isinstance(last, Finished | UpstreamProblem)
    assert isinstance(decode_error(400, {}, told), UpstreamProblem)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_a_problem(body: bytes) -> None:
    assert isinstance(decode_answer(body, NAMING, StreamPlan()), UpstreamProblem)
    *_, last = run([body])
    assert isinstance(last, UpstreamProblem)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.dictionaries(st.text('ab"\\{}[]', max_size=4), st.text('"\\{}[],', max_size=6), max_size=3)),
    st.lists(st.integers(0, 300), max_size=20),
)
def test_an_array_is_taken_apart_wherever_it_is_cut(values: list[dict[str, str]], edges: list[int]) -> None:
    text = json.dumps(values, indent=1).encode()
    framing = Framing()
    places = [0, *sorted(edge for edge in edges if edge < len(text)), len(text)]
    found = [data for start, end in pairwise(places) for data in framing.feed(text[start:end])]
    assert [json.loads(each) for each in found] == values


def test_deep_nesting_is_refused() -> None:
    deep = "[" * 900 + "]" * 900
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": f'{{"a":{deep}}}'}}
    body = {"model": "m", "messages": [{"role": "assistant", "tool_calls": [call]}]}
    try:
        encode(parse(json.dumps(body).encode()), EncodePlan(model="gemini-3-pro"))
    except Failure as failure:
        assert failure.message


def test_arguments_are_put_together() -> None:
    arguments = Arguments()
    for path, value in (
        ("$.a.b[0]", "x"),
        ("$.a.b[0]", "y"),
        ("$.a.b[1].c", 2.5),
        ("$['d e']", True),
        ("$.n", None),
    ):
        text = value if isinstance(value, str) else None
        number = value if isinstance(value, float) else None
        flag = value if isinstance(value, bool) else None
        arguments.add(
            PartialArgument(json_path=path, string_value=text, number_value=number, bool_value=flag)
        )
    assert arguments.value == {"a": {"b": ["xy", {"c": 2.5}]}, "d e": True, "n": None}


@pytest.mark.parametrize("path", ["", "$", "a", "$.a[", "$.a[9]", "$[0]", "$.a.b.c"])
def test_a_path_that_leads_nowhere_is_a_broken_answer(path: str) -> None:
    arguments = Arguments()
    arguments.add(PartialArgument(json_path="$.a.b", string_value="x"))
    with pytest.raises(ValueError, match="path"):
        arguments.add(PartialArgument(json_path=path, string_value="y"))
