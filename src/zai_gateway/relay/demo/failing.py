"""The demo's model that fails on request: it answers as an upstream in that kind of trouble does."""

import re

from msgspec import Struct

from zai_gateway.relay.demo import shapes
from zai_gateway.relay.demo.asked import Asked
from zai_gateway.relay.demo.models import HOW_TO_FAIL
from zai_gateway.relay.demo.shapes import Completion, RequestError
from zai_gateway.relay.upstream import Blame, UpstreamError

_WORD = re.compile(r"\b([45]\d\d|cut|error|timeout|connect)\b", re.IGNORECASE)
_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}


class Broken(Struct, frozen=True):
    """An answer that begins well: what arrives of it, and what is raised then, if anything is."""

    pieces: tuple[bytes, ...]
    error: UpstreamError | None


def fail(asked: Asked, completion: Completion) -> Broken:
    """Fails as the last user message asks, by its first word that says how; `completion` is what breaks.

    Raises RequestError for a status, UpstreamError for a request that never gets an answer.
    """
    found = _WORD.search(asked.last_from("user"))
    word = found[1].lower() if found else "500"
    match word:
        case "cut":
            return Broken(
                _half(asked, completion), UpstreamError(Blame.BROKEN, "the demo cut its answer short")
            )
        case "error" if asked.stream:
            said = shapes.error(RequestError(HOW_TO_FAIL, status=500))
            return Broken((*_half(asked, completion), shapes.event(said)), None)
        case "timeout":
            raise UpstreamError(Blame.TIMEOUT, "the demo was silent for too long, as it was asked to be")
        case "connect":
            raise UpstreamError(Blame.CONNECT, "the demo could not be reached, as it was asked")
        case _:
            status = int(word) if word.isdigit() else 500
            raise RequestError(HOW_TO_FAIL, status=status, code=_CODES.get(status))


def _half(asked: Asked, completion: Completion) -> tuple[bytes, ...]:
    if asked.stream:
        events = tuple(shapes.events(completion, asked.wants_usage))
        return events[: len(events) // 2]
    body = shapes.whole(completion)
    return (body[: len(body) // 2],)
