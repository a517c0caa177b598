"""What Google says when it fails: `google.rpc.Status`, with the details that tell what to do."""

import re
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from zai_gateway.dialects import problem as usual
from zai_gateway.wire.events import UpstreamProblem
from zai_gateway.wire.values import Json, decode

_SECONDS = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s", re.ASCII)
_TOO_LONG = re.compile(r"input token count\b.*\bexceeds the maximum number of tokens", re.I | re.S)
_BAD_KEY = "API_KEY_INVALID"
_MOST_DETAILS = 100
_STATUS_OF = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""google/rpc/code.proto, with the HTTP status of each."""


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamProblem:
    """The problem that an answer with an error status tells; `headers` have names in lower case.

    A key that Google does not know gets 400 of it, and 401 here, which is what it means.
    """
    problem = usual.decode_error(status, headers, body)
    try:
        return _with_details(problem, decode(body))
    except ValueError:
        return problem


def problem_told(value: Json) -> UpstreamProblem:
    """The problem that stands in the middle of a stream, or in an answer whose status was 200."""
    return _with_details(usual.problem_inside(value), value)


def _with_details(problem: UpstreamProblem, value: Json) -> UpstreamProblem:
    """The same problem in Google's own words. Of the details nothing else goes on: some name keys."""
    error = _error(value)
    word = error.get("status")
    if not isinstance(word, str) or not word:
        return problem
    details = list(_details(error))
    reason = next(_texts(details, "reason"), None)
    status = problem.status if problem.status != 200 else _STATUS_OF.get(word, 200)
    code = reason or word
    if reason == _BAD_KEY:
        status = 401
    elif status == 400 and _TOO_LONG.search(problem.message):
        code = "context_length_exceeded"
    return replace(
        problem,
        status=status,
        type=word,
        code=code,
        param=problem.param or next(_violated(details), None),
        retry_after=problem.retry_after if problem.retry_after is not None else _retry_after(details),
    )


def _error(value: Json) -> Mapping[str, Json]:
    """The `error` object, out of the list that some of Google's servers wrap it into."""
    if isinstance(value, list):
        value = value[0] if value else None
    error = value.get("error") if isinstance(value, dict) else None
    return error if isinstance(error, dict) else {}


def _details(error: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    for name in ("details", "errors"):
        told = error.get(name)
        for detail in told[:_MOST_DETAILS] if isinstance(told, list) else ():
            if isinstance(detail, dict):
                yield detail


def _texts(details: list[Mapping[str, Json]], name: str) -> Iterator[str]:
    for detail in details:
        text = detail.get(name)
        if isinstance(text, str) and text:
            yield text


def _violated(details: list[Mapping[str, Json]]) -> Iterator[str]:
    """The fields that `google.rpc.BadRequest` names."""
    for detail in details:
        violations = detail.get("fieldViolations")
        for violation in violations[:_MOST_DETAILS] if isinstance(violations, list) else ():
            field = violation.get("field") if isinstance(violation, dict) else None
            if isinstance(field, str) and field:
                yield field


def _retry_after(details: list[Mapping[str, Json]]) -> float | None:
    """Seconds, from `google.rpc.RetryInfo`."""
    for delay in _texts(details, "retryDelay"):
        told = _SECONDS.fullmatch(delay)
        if told is not None:
            return float(told[1])
    return None
