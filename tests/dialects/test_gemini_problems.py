"""Every recorded error of Gemini and Vertex AI: status, words and retry hints are kept, and nothing more."""

import json
from typing import Any

import pytest

from tests.dialects.corpus import Exchange, everything, packed
from tests.dialects.gemini_reading import is_list
from tests.dialects.gemini_streams import NAMING, run
from tests.dialects.streams import sse
from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.gemini import decode_answer, decode_error
from zai_gateway.wire.events import UpstreamProblem

ERRORS = [exchange for exchange in everything("google") if exchange.response.status != 200]
LONGEST = 500


def told(exchange: Exchange) -> dict[str, Any]:
    value: Any = json.loads(exchange.response.bytes)
    return (value[0] if is_list(value) else value)["error"]


def by_status(status: int) -> list[UpstreamProblem]:
    chosen = [exchange for exchange in ERRORS if exchange.response.status == status]
    return [decode_error(status, {}, exchange.response.bytes) for exchange in chosen]


def test_every_recorded_error_is_read() -> None:
    errors = [exchange for exchange in packed("google") if exchange.response.status != 200]
    assert len(errors) == 38


@pytest.mark.parametrize("exchange", ERRORS, ids=lambda exchange: exchange.name)
def test_an_error_is_told_as_it_was(exchange: Exchange) -> None:
    error = told(exchange)
    problem = decode_error(exchange.response.status, exchange.response.headers, exchange.response.bytes)
    reasons = [
        detail["reason"] for detail in error.get("details", error.get("errors", [])) if "reason" in detail
    ]
    assert problem.type == error["status"]
    assert problem.code == (reasons[0] if reasons else error["status"])
    assert problem.message.startswith(" ".join(error["message"].split())[: LONGEST - 1])
    bad_key = "API_KEY_INVALID" in reasons
    assert problem.status == (401 if bad_key else exchange.response.status)
    delays = [detail["retryDelay"] for detail in error.get("details", []) if "retryDelay" in detail]
    assert problem.retry_after == (float(delays[0][:-1]) if delays else None)
    # Google's details quote keys and consumers.
    assert "AIzv" not in problem.message


def test_the_rare_ones_are_among_them() -> None:
    assert {problem.retry_after for problem in by_status(429)} == {None, 48.0, 34.4}
    (overloaded,) = by_status(503)
    assert (overloaded.type, overloaded.message.startswith("The model is overloaded")) == (
        "UNAVAILABLE",
        True,
    )
    assert sum(problem.status == 401 for problem in by_status(400)) >= 5


@pytest.mark.parametrize("exchange", ERRORS, ids=lambda exchange: exchange.name)
def test_the_same_error_is_found_inside_a_stream_and_an_answer(exchange: Exchange) -> None:
    outside = decode_error(exchange.response.status, {}, exchange.response.bytes)
    body = json.dumps({"error": told(exchange)}).encode()
    assert run([sse({"error": told(exchange)})]) == [outside]
    assert run([exchange.response.bytes]) == [outside]
    assert decode_answer(body, NAMING, StreamPlan()) == outside


def test_the_violated_field_is_named() -> None:
    violation = {"field": "generation_config.top_k", "description": "too large"}
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    error = {"code": 400, "message": "m", "status": "INVALID_ARGUMENT", "details": details}
    problem = decode_error(400, {}, json.dumps({"error": error}).encode())
    assert problem.param == "generation_config.top_k"


def test_a_prompt_that_is_too_long_has_openais_code() -> None:
    message = "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576)."
    error = {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}
    assert decode_error(400, {}, json.dumps({"error": error}).encode()).code == "context_length_exceeded"


def test_the_header_wins_over_the_details() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "9s"}]
    error = {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED", "details": details}
    body = json.dumps([{"error": error}]).encode()
    assert decode_error(429, {"retry-after": "2"}, body).retry_after == 2
    assert decode_error(429, {}, body).retry_after == 9


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><title>502 Bad Gateway</title></html>",
        b"[]",
        b"[7]",
        b'{"error":"words"}',
        b'{"error":{"status":7,"details":"x"}}',
        b'{"error":{"status":"INTERNAL","details":[7,{"fieldViolations":[7,{"field":8}]},{"retryDelay":"soon"}]}}',
        b'{"error":{"message":{"a":[]},"status":"INTERNAL","code":"x"}}',
    ],
)
def test_any_body_is_a_problem_of_its_status(body: bytes) -> None:
    problem = decode_error(502, {}, body)
    assert problem.status == 502
    assert problem.message
    assert problem.retry_after is None
