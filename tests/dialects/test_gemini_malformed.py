"""An answer in which Gemini wrote a call that it cannot read itself is a problem, however it is asked for."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from tests.dialects.gemini_streams import NAMING, messages, run, whole
from tests.dialects.streams import chunks, reports, sse
from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.gemini import decode_answer
from zai_gateway.wire.events import UpstreamProblem

USED = {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 0}}
REASONS: list[str | int] = ["MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", 10]


def told(reason: str | int, *parts: dict[str, Any]) -> dict[str, Any]:
    candidate: dict[str, Any] = {"finishReason": reason, "finishMessage": "Malformed function call: f("}
    if parts:
        candidate["content"] = {"parts": [*parts]}
    return {"candidates": [candidate], **USED}


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("parts", [(), ({"text": "I will"},)])
def test_a_call_that_cannot_be_read_is_no_answer(
    reason: str | int, parts: tuple[dict[str, Any], ...]
) -> None:
    problem = decode_answer(json.dumps(told(reason, *parts)).encode(), NAMING, StreamPlan())
    assert isinstance(problem, UpstreamProblem)
    events = run([sse(told(reason, *parts))])
    assert events[-1] == replace(problem, reported=None)
    # What it cost all the same.
    assert problem.reported is not None
    assert problem.reported.usage == reports(events)[-1].usage
    assert reports(events)[-1].usage.input == 5
    assert not any(chunk["choices"][0]["finish_reason"] for chunk in chunks(events))
    assert (problem.status, problem.type, problem.code) == (200, "upstream_error", "malformed_call")
    assert "Malformed function call: f(" in problem.message


def test_what_a_stop_sequence_ended_before_is_an_answer() -> None:
    plan = StreamPlan(stop=("END",))
    said = told("MALFORMED_FUNCTION_CALL", {"text": "one END two"})
    (choice,) = whole(json.dumps(said).encode(), plan)[0]["choices"]
    message, end = messages(run([sse(said)], plan))[0]
    assert message["content"] == choice["message"]["content"] == "one "
    assert end["finish_reason"] == choice["finish_reason"] == "stop"


def test_what_it_searched_for_before_has_its_fee() -> None:
    said = told("MALFORMED_FUNCTION_CALL")
    said["candidates"][0]["groundingMetadata"] = {"webSearchQueries": ["one", "two"]}
    said["modelVersion"] = "gemini-3.1-pro-preview"
    problem = decode_answer(json.dumps(said).encode(), NAMING, StreamPlan())
    assert isinstance(problem, UpstreamProblem)
    assert problem.reported is not None
    assert problem.reported.usage.searches == 2
