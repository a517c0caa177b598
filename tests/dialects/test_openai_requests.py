"""Requests on their way to OpenAI: every recorded one, changed by the named splices alone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.corpus import everything, packed
from zai_gateway.dialects.openai_chat import EncodePlan, encode
from zai_gateway.errors import Code, Failure
from zai_gateway.wire.chat import ChatRequest, parse

SENT = [(exchange.id, body) for exchange in everything() if (body := exchange.request.bytes)]

REFUSED = {
    "3a8f5cc7e5ff": ("model", "Azure names the deployment in its address"),
    "5deadeef97b9": ("model", "Azure names the deployment in its address"),
    "80b4165b8184": ("model", "Azure names the deployment in its address"),
    "920698173e43": ("model", "Azure names the deployment in its address"),
    "dbac81d54eaf": ("model", "Azure names the deployment in its address"),
    "7b3fc6d2fd2e": ("model", "Hugging Face named the model in its address"),
    "5e7b2ca4901d": ("messages", "the provider answered 422"),
    "757c9e4cd06f": ("model", "the provider answered 422"),
    "e26c699bffe8": ("messages", "the provider answered 422"),
    "e1573465872d": ("model", "the provider answered 400"),
    "2e3510325405": ("temperature", "the provider answered 400"),
    "0f68bac2f75f": ("model", "the provider answered 401 before it looked"),
    "6dde391eb769": ("messages", "the provider answered 400"),
    "bc09260b73ca": ("model", "the provider answered 400"),
}
"""Recorded requests that are refused here: the field at fault, and why that is right."""


def plain(**fields: Any) -> ChatRequest:
    """A small request with these fields beside the two that it must have."""
    return parse(json.dumps({"model": "openai/m", "messages": [{"role": "user"}]} | fields).encode())


def sent(request: ChatRequest, **plan: Any) -> dict[str, Any]:
    return json.loads(encode(request, EncodePlan(model="m", **plan)).body)


def test_every_recorded_request_is_run() -> None:
    assert len([exchange for exchange in packed() if exchange.request.bytes]) == 997
    assert REFUSED.keys() <= {id for id, _ in SENT}


def test_recorded_requests_pass_through() -> None:
    for id, body in SENT:
        if id in REFUSED:
            with pytest.raises(Failure) as refused:
                parse(body)
            assert refused.value.param == REFUSED[id][0]
            continue
        given: dict[str, Any] = json.loads(body)
        encoded = encode(parse(body), EncodePlan(model="up/stream", limit_name=_limit_name(given)))
        expected = given | {"model": "up/stream"}
        if given.get("stream"):
            options: dict[str, Any] = given.get("stream_options") or {}
            expected["stream_options"] = options | {"include_usage": True}
        if "max_tokens" in given and "max_completion_tokens" in given:
            expected.pop("max_tokens")
            expected["max_completion_tokens"] = min(given["max_tokens"], given["max_completion_tokens"])
        assert json.loads(encoded.body) == expected, id
        assert (encoded.dropped, encoded.stop) == ((), ())


def test_recorded_requests_keep_every_other_byte() -> None:
    """Where usage is asked for already, nothing but the model's name differs, byte for byte."""
    compared = 0
    for id, body in SENT:
        given: dict[str, Any] = json.loads(body)
        options: dict[str, Any] = given.get("stream_options") or {}
        asked = options.get("include_usage") is True
        if id in REFUSED or (given.get("stream") and not asked):
            continue
        encoded = encode(parse(body), EncodePlan(model="up/stream", limit_name=_limit_name(given)))
        place = parse(body).members["model"]
        if not {"max_tokens", "max_completion_tokens"} <= given.keys():
            assert encoded.body == body[: place.value_start] + b'"up/stream"' + body[place.value_end :]
            compared += 1
    assert compared >= 850


def _limit_name(given: dict[str, Any]) -> str:
    """The spelling that needs no renaming."""
    return "max_completion_tokens" if "max_completion_tokens" in given else "max_tokens"


@pytest.mark.parametrize(
    ("fields", "plan", "expected"),
    [
        ({}, {}, {}),
        ({}, {"output_limit": 9}, {"max_tokens": 9}),
        ({}, {"output_limit": 9, "limit_name": "max_completion_tokens"}, {"max_completion_tokens": 9}),
        ({"max_tokens": 5}, {}, {"max_tokens": 5}),
        ({"max_tokens": 5}, {"limit_name": "max_completion_tokens"}, {"max_completion_tokens": 5}),
        ({"max_completion_tokens": 5}, {}, {"max_tokens": 5}),
        ({"max_completion_tokens": 5, "max_tokens": 7}, {}, {"max_tokens": 5}),
        (
            {"max_completion_tokens": 5, "max_tokens": 7},
            {"limit_name": "max_completion_tokens", "output_limit": 3},
            {"max_completion_tokens": 3},
        ),
        ({"max_tokens": None}, {"limit_name": "max_completion_tokens"}, {}),
        ({"max_tokens": None}, {"output_limit": 4}, {"max_tokens": 4}),
    ],
)
def test_the_output_limit_is_said_once_and_as_the_model_calls_it(
    fields: dict[str, Any], plan: dict[str, Any], expected: dict[str, Any]
) -> None:
    body = sent(plain(**fields), **plan)
    assert {name: value for name, value in body.items() if name.startswith("max_")} == expected


@pytest.mark.parametrize(
    ("options", "ask", "expected"),
    [
        (..., True, {"include_usage": True}),
        (None, True, {"include_usage": True}),
        ({"include_usage": False}, True, {"include_usage": True}),
        ({"include_obfuscation": False}, True, {"include_obfuscation": False, "include_usage": True}),
        ({"include_usage": True}, False, ...),
        (..., False, ...),
    ],
)
def test_usage_is_asked_of_a_stream(options: Any, ask: bool, expected: Any) -> None:
    given = {} if options is ... else {"stream_options": options}
    assert sent(plain(stream=True, **given), ask_usage=ask).get("stream_options", ...) == expected


def test_a_request_without_a_stream_keeps_its_stream_options() -> None:
    assert sent(plain(stream_options={"a": 1}))["stream_options"] == {"a": 1}
    assert "stream_options" not in sent(plain())


@pytest.mark.parametrize("models", [["b/second", "third"], [], "b/second", None])
def test_what_is_meant_for_the_gateway_goes_no_further(models: Any) -> None:
    encoded = encode(plain(models=models, seed=1), EncodePlan(model="m"))
    assert json.loads(encoded.body) == {"model": "m", "messages": [{"role": "user"}], "seed": 1}
    assert encoded.dropped == ()


def test_what_the_model_refuses_is_dropped_and_told() -> None:
    request = plain(temperature=0.7, top_p=1, stop=["a", "b"], presence_penalty=0.5, logprobs=None, seed=1)
    plan = EncodePlan(
        model="m", drop=("temperature", "top_p", "stop", "presence_penalty", "logprobs", "absent")
    )
    encoded = encode(request, plan)
    assert json.loads(encoded.body) == {"model": "m", "messages": [{"role": "user"}], "seed": 1}
    assert encoded.dropped == ("temperature", "presence_penalty")
    assert encoded.stop == ("a", "b")


@pytest.mark.parametrize("spelling", [b"1", b"1.0", b"1e0", b"null"])
def test_a_default_that_is_dropped_is_not_told(spelling: bytes) -> None:
    text = b'{"model":"m","messages":[{"role":"user"}],"temperature":' + spelling + b"}"
    encoded = encode(parse(text), EncodePlan(model="m", drop=("temperature",)))
    assert encoded.body == b'{"model":"m","messages":[{"role":"user"}]}'
    assert encoded.dropped == ()


def test_stop_that_the_model_takes_stays() -> None:
    encoded = encode(plain(stop="x"), EncodePlan(model="m"))
    assert (json.loads(encoded.body)["stop"], encoded.stop, encoded.dropped) == ("x", (), ())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
UNREAD = st.text(min_size=1, max_size=8).map(lambda name: "x-" + name)


@given(st.dictionaries(UNREAD, JSON, max_size=5), st.sampled_from([None, 1, 2]), st.booleans(), st.booleans())
def test_what_went_in_comes_out_but_for_the_splices(
    unread: dict[str, Any], indent: int | None, ascii_only: bool, stream: bool
) -> None:
    fields = {"model": "a/b", **unread, "temperature": 0.5, "messages": [{"role": "user", **unread}]}
    fields |= {"stream": stream, "max_tokens": 3}
    text = json.dumps(fields, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "replace")
    try:
        request = parse(text)
    except Failure as refused:
        # Names that differ only once they are valid Unicode.
        assert refused.code is Code.DUPLICATE_FIELD
        return
    encoded = encode(request, EncodePlan(model="b", ask_usage=False))
    place = request.members["model"]
    assert encoded.body == text[: place.value_start] + b'"b"' + text[place.value_end :]
