"""What an upstream says when it fails, in whichever shape it says it."""

import re
from collections.abc import Mapping
from html import unescape

from zai_gateway.wire.events import UpstreamProblem
from zai_gateway.wire.values import Json, decode

LONGEST_MESSAGE = 500
"""Characters of an upstream's message that are passed on."""
_DEEPEST = 8
"""Lists and objects around an error's words: deeper ones hold none that anybody wrote."""

_STATUS_OF = {
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "model_not_found": 404,
    "not_found_error": 404,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "tokens": 429,
    "requests": 429,
    "server_error": 500,
    "api_error": 500,
    "internal_server_error": 500,
    "service_unavailable": 503,
    "billing_error": 402,
    "request_too_large": 413,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamProblem:
    """The problem that an answer with an error status tells; `headers` have names in lower case."""
    try:
        said = _said(decode(body))
    except ValueError:
        said = {"message": _plain(body)}
    return _problem(status, _text(said.get("message")), said, _retry_after(headers))


def problem_inside(value: Json) -> UpstreamProblem:
    """The problem that stands in the middle of a stream, or in an answer whose status was 200."""
    said = _said(value)
    status = said.get("status_code")
    for told in (status, said.get("code")):
        if isinstance(told, int) and 400 <= told <= 599:
            return _problem(told, _text(said.get("message")), said, None)
        if isinstance(told, str) and told.isascii() and told.isdigit() and 400 <= int(told[:4]) <= 599:
            return _problem(int(told), _text(said.get("message")), said, None)
    names = (_text(said.get("code")), _text(said.get("type")))
    known = next((_STATUS_OF[name] for name in names if name in _STATUS_OF), 200)
    return _problem(known, _text(said.get("message")), said, None)


def broken(message: str) -> UpstreamProblem:
    """An answer that broke its protocol's rules: `message` says how."""
    return UpstreamProblem(status=200, message=message, type="upstream_error", code="broken_answer")


def truncated() -> UpstreamProblem:
    """A stream that ended before its answer did (wire.md 13)."""
    return UpstreamProblem(
        status=200,
        message="The provider's stream ended before the answer was complete.",
        type="upstream_error",
        code="truncated",
    )


def _problem(
    status: int, message: str, said: Mapping[str, Json], retry_after: float | None
) -> UpstreamProblem:
    return UpstreamProblem(
        status=status,
        message=_shortened(message) or f"The provider answered with status {status} and no explanation.",
        type=_text(said.get("type")) or None,
        code=_text(said.get("code")) or None,
        param=_text(said.get("param")) or None,
        retry_after=retry_after,
    )


def _said(value: Json, depth: int = 0) -> Mapping[str, Json]:
    """The members of OpenAI's `error` object, out of any of the shapes that errors have."""
    if isinstance(value, list):
        # Google's servers wrap the object into a list.
        return _said(value[0], depth + 1) if value and depth < _DEEPEST else {}
    if isinstance(value, str):
        return {"message": value}
    if not isinstance(value, dict):
        return {}
    error = value.get("error")
    if isinstance(error, dict):
        return _with_origin(error)
    for told in (error, value.get("message"), value.get("detail")):
        if told:
            return {**value, "message": told}
    return value


def _with_origin(error: Mapping[str, Json]) -> Mapping[str, Json]:
    """An error with the words of the vendor behind OpenRouter, which itself only says that there was one."""
    origin = error.get("metadata")
    raw = origin.get("raw") if isinstance(origin, dict) else None
    if not isinstance(origin, dict) or not isinstance(raw, str) or not raw:
        return error
    try:
        told = _text(_said(decode(raw.encode())).get("message")) or raw
    except ValueError:
        told = raw
    behind = _text(origin.get("provider_name"))
    message = f"{_text(error.get('message'))}{f' ({behind})' if behind else ''}: {told}"
    return {**error, "message": message}


def _text(value: Json, depth: int = 0) -> str:
    if depth > _DEEPEST:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict):
        return _text(value.get("message") or value.get("msg") or value.get("detail"), depth + 1)
    return "; ".join(text for text in (_text(each, depth + 1) for each in value) if text)


def _plain(body: bytes) -> str:
    """The words of a body that is no JSON: of an HTML page its title, since the rest is decoration."""
    text = body[:65_536].decode(errors="replace")
    title = re.search(r"<title[^>]*>([^<]{1,1000})</title", text, re.IGNORECASE)
    if title:
        return unescape(title[1])
    return unescape(re.sub(r"<[^<>]{0,1000}>", " ", text))


def _shortened(message: str) -> str:
    words = " ".join(message.split())
    return words if len(words) <= LONGEST_MESSAGE else words[: LONGEST_MESSAGE - 1] + "…"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds. A date (RFC 9110, section 10.2.3) would need a clock, and is not read."""
    for name, scale in (("retry-after-ms", 1000), ("retry-after", 1)):
        told = headers.get(name, "").strip()
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", told, re.ASCII):
            return float(told) / scale
    return None
