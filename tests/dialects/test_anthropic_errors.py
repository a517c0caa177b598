"""Anthropic's errors, and that what clients get of its answers has the shape that OpenAI's SDK declares."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.dialects.anthropic import ANSWERS, COUNTS, NAMING, REFUSALS, STREAMS, names_of, run
from tests.dialects.corpus import Exchange, packed
from tests.dialects.streams import chunks, reports
from zai_gateway.dialects.anthropic_messages import decode_answer, decode_error
from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.wire.events import Answer

SPECS = Path(__file__).parent / "specs"
ERRORS = REFUSALS + [exchange for exchange in COUNTS if exchange.response.status != 200]


def test_all_errors_are_run() -> None:
    assert sum(exchange.response.status != 200 for exchange in packed("messages")) == 17


@pytest.mark.parametrize("exchange", ERRORS, ids=names_of(ERRORS))
def test_an_error_keeps_what_anthropic_said(exchange: Exchange) -> None:
    told = json.loads(exchange.response.bytes)["error"]
    problem = decode_error(exchange.response.status, exchange.response.headers, exchange.response.bytes)
    assert (problem.status, problem.type) == (exchange.response.status, told["type"])
    assert problem.message == told["message"]


def test_a_hint_to_come_back_later_is_kept() -> None:
    body = b'{"type":"error","error":{"type":"rate_limit_error","message":"Slow down."}}'
    problem = decode_error(429, {"retry-after": "12"}, body)
    assert (problem.type, problem.retry_after) == ("rate_limit_error", 12)


@cache
def validator_of(name: str) -> Any:
    return Draft202012Validator(json.loads((SPECS / f"sdk-3.54.0.{name}.schema.json").read_bytes()))


def faults(name: str, value: Any) -> list[str]:
    return [f"{list(fault.path)}: {fault.message[:200]}" for fault in validator_of(name).iter_errors(value)]


def with_openais_annotations(message: dict[str, Any]) -> dict[str, Any]:
    """A message without what it cites of documents: OpenAI's SDK declares citations of pages alone."""
    if "annotations" not in message:
        return message
    cited = [each for each in message["annotations"] if each["type"] == "url_citation"]
    return {**message, "annotations": cited}


@pytest.mark.parametrize("exchange", ANSWERS, ids=names_of(ANSWERS))
def test_answers_have_openais_shape(exchange: Exchange) -> None:
    answer = decode_answer(exchange.response.bytes, NAMING, StreamPlan())
    assert isinstance(answer, Answer)
    shown = json.loads(answer.json)
    shown["choices"][0]["message"] = with_openais_annotations(shown["choices"][0]["message"])
    assert faults("ChatCompletion", shown) == []


@pytest.mark.parametrize("exchange", STREAMS, ids=names_of(STREAMS))
def test_chunks_have_openais_shape(exchange: Exchange) -> None:
    events = run([exchange.response.bytes])
    shown = chunks(events) + [json.loads(report.json) for report in reports(events)]
    assert [faults("ChatCompletionChunk", chunk) for chunk in shown] == [[]] * len(shown)


def test_the_schemas_can_refuse() -> None:
    assert faults("ChatCompletion", {"id": "x"})
    assert faults("ChatCompletionChunk", {"choices": [{"delta": {}}]})
