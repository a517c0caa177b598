"""An upstream's trouble in the gateway's own words: which status and code the client gets for it."""

from zai_gateway.errors import Code, Failure
from zai_gateway.relay.upstream import Blame, UpstreamError
from zai_gateway.wire.events import UpstreamProblem

_KEPT = {400, 404, 413, 422, 429}
"""Statuses that the client could mend; any other would be taken for the gateway's own (product.md)."""
_REDACTED = "[redacted]"
_CUT = "…"
"""What a dialect ends a message with that it shortened."""
_TELLING = 4
"""Characters of a secret's beginning that tell nothing: many share them."""


def refusal(problem: UpstreamProblem, provider: str, secret: str) -> Failure:
    """The failure for an error that `provider` answered with. Nothing in it holds `secret`."""
    failure = Failure(
        _code(problem),
        f"{provider}: {_without(secret, problem.message)}",
        param=_without(secret, problem.param or "") or None,
        detail="Rate limit exceeded" if problem.status == 429 else None,
        retry_after=problem.retry_after,
    )
    if problem.status in _KEPT:
        failure.status = problem.status
    failure.upstream = {
        "status": problem.status,
        "type": _without(secret, problem.type or "") or None,
        "code": _without(secret, problem.code or "") or None,
    }
    return failure


def breakdown(error: UpstreamError, provider: str) -> Failure:
    """The failure for a request to `provider` that could not be carried out."""
    code = Code.UPSTREAM_TIMEOUT if error.blame is Blame.TIMEOUT else Code.UPSTREAM_FAILED
    return Failure(code, f"{provider}: {error.message}")


def _without(secret: str, said: str) -> str:
    """What was said with the secret struck out, and its beginning too where a long text was cut inside it."""
    if not secret:
        return said
    said = said.replace(secret, _REDACTED)
    shown = said.removesuffix(_CUT)
    for length in range(len(secret) - 1, _TELLING, -1):
        if shown != said and shown.endswith(secret[:length]):
            return f"{shown[:-length]}{_REDACTED}{_CUT}"
    return said


def _code(problem: UpstreamProblem) -> Code:
    if problem.code == Code.CONTEXT_LENGTH_EXCEEDED and problem.status == 400:
        return Code.CONTEXT_LENGTH_EXCEEDED  # clients shorten the conversation when they see this one
    if problem.status == 429:
        return Code.UPSTREAM_RATE_LIMITED
    if problem.status in _KEPT:
        return Code.UPSTREAM_REFUSED
    return Code.UPSTREAM_FAILED
