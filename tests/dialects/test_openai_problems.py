"""Errors in whichever shape an upstream tells them, and how long it asks to wait."""

import json
from typing import Any

import pytest

from tests.dialects.corpus import everything
from tests.dialects.streams import NAMING
from zai_gateway.dialects.openai_chat import decode_answer, decode_error
from zai_gateway.wire.events import UpstreamProblem

FULL = {"error": {"message": "m", "type": "t", "param": "p", "code": "c", "more": 1}}

SHAPES: list[tuple[Any, str]] = [
    ({"error": "text"}, "text"),
    ({"error": {"message": {"detail": [{"msg": "first"}, {"msg": "second"}]}}}, "first; second"),
    ({"detail": "Not Found"}, "Not Found"),
    ({"detail": [{"loc": ["body"], "msg": "field required", "type": "missing"}]}, "field required"),
    ({"message": "Forbidden"}, "Forbidden"),
    ([{"error": {"message": "wrapped", "code": 400}}], "wrapped"),
    ("just a string", "just a string"),
    ({"error": {"message": ""}}, "The provider answered with status 500 and no explanation."),
    ({}, "The provider answered with status 500 and no explanation."),
    ([], "The provider answered with status 500 and no explanation."),
    (None, "The provider answered with status 500 and no explanation."),
    ({"error": {"message": " two\n\n lines "}}, "two lines"),
]


def test_openais_own_shape() -> None:
    problem = decode_error(418, {}, json.dumps(FULL).encode())
    assert problem == UpstreamProblem(status=418, message="m", type="t", param="p", code="c")


@pytest.mark.parametrize(("body", "message"), SHAPES)
def test_other_shapes(body: Any, message: str) -> None:
    assert decode_error(500, {}, json.dumps(body).encode()).message == message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The provider answered with status 502 and no explanation."),
        (b" \n", "The provider answered with status 502 and no explanation."),
        (b"upstream connect error", "upstream connect error"),
        (b"<html><head><title>502 Bad&nbsp;Gateway</title><body><h1>nginx</h1>", "502 Bad Gateway"),
        (b"<HTML><H1>Gone</H1><p>for &quot;good&quot;</p>", 'Gone for "good"'),
        (b'{"error": {"mess', '{"error": {"mess'),
        (b"\xff\xfe broken", "�� broken"),
        (b"<<<>" * 50_000, "<< <<"),
    ],
)
def test_bodies_that_are_no_json(body: bytes, message: str) -> None:
    told = decode_error(502, {}, body).message
    assert told.startswith(message)
    assert len(told) <= 500


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"provider_name": "Chutes", "raw": "busy, retry shortly"}, "had one (Chutes): busy, retry shortly"),
        (
            {"provider_name": "OpenAI", "raw": '{"error": {"message": "too low"}}'},
            "had one (OpenAI): too low",
        ),
        ({"provider_name": None, "raw": "[1, 2"}, "had one: [1, 2"),
        ({"raw": "{}"}, "had one: {}"),
        ({"raw": None}, "had one"),
        ({"raw": {"error": "x"}}, "had one"),
        ([], "had one"),
    ],
)
def test_the_words_of_the_vendor_behind_a_router_are_kept(metadata: Any, message: str) -> None:
    body = {"error": {"message": "had one", "code": 429, "metadata": metadata}}
    problem = decode_error(429, {}, json.dumps(body).encode())
    assert (problem.message, problem.code) == (message, "429")


def test_a_long_message_is_shortened() -> None:
    told = decode_error(500, {}, json.dumps({"error": {"message": "é" * 10_000}}).encode()).message
    assert told == "é" * 499 + "…"


def test_a_code_that_is_a_number_becomes_a_string() -> None:
    problem = decode_error(429, {}, b'{"error":{"message":"m","code":429,"type":null,"param":null}}')
    assert (problem.code, problem.type, problem.param) == ("429", None, None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e9"}, None),
        # A digit, but none of HTTP's.
        ({"retry-after": "٣"}, None),
    ],
)
def test_the_wait_is_in_seconds(headers: dict[str, str], seconds: float | None) -> None:
    assert decode_error(429, headers, b"{}").retry_after == seconds


def test_every_recorded_error_says_something() -> None:
    failed = [exchange for exchange in everything() if exchange.response.status >= 400]
    assert len(failed) >= 70
    for exchange in failed:
        problem = decode_error(exchange.response.status, exchange.response.headers, exchange.response.bytes)
        assert problem.status == exchange.response.status
        assert "no explanation" not in problem.message, exchange.name
        assert 5 < len(problem.message) <= 500


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b'{"error":{"message":"m","code":502}}', 502, "m"),
        (b'{"error":{"message":"m","code":"rate_limit_exceeded"}}', 429, "m"),
        (b'{"error":{"message":"m","type":"server_error","code":null}}', 500, "m"),
        (b'{"error":"text"}', 200, "text"),
        (b'{"choices":null,"error":{"message":"m","code":"503"}}', 503, "m"),
        (b'{"object":"chat.completion"}', 200, "has no choices"),
        (b"[]", 200, "has no choices"),
        (b'"choices"', 200, "has no choices"),
        (b'{"choices":[1]}', 200, "cannot be read: choices[0] is not an object"),
        (b"", 200, "cannot be read"),
        (b"<html>", 200, "cannot be read"),
        (b'{"choices":[]', 200, "cannot be read"),
        (b'{"choices":[],"x":"\xff"}', 200, "cannot be read"),
    ],
)
def test_an_answer_with_status_200_that_is_none(body: bytes, status: int, words: str) -> None:
    problem = decode_answer(body, NAMING)
    assert isinstance(problem, UpstreamProblem)
    assert problem.status == status
    assert words in problem.message


@pytest.mark.parametrize("depth", [4, 400])
@pytest.mark.parametrize("around", [b'{"error":{"message":%b}}', b"%b"])
def test_an_error_however_deep_is_read(around: bytes, depth: int) -> None:
    problem = decode_error(500, {}, around % (b"[" * depth + b'"x"' + b"]" * depth))
    assert problem.status == 500
    assert ("x" in problem.message.split()) is (depth == 4)
