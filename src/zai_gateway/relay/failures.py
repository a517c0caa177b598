"""An upstream's trouble in the gateway's own words: which status and code the client gets for it."""

import re

from zai_gateway.errors import Code, Failure
from zai_gateway.relay.upstream import Blame, UpstreamError
from zai_gateway.wire.events import UpstreamProblem

_KEPT = {400, 404, 413, 422, 429}
"""Statuses that the client could mend; any other would be taken for the gateway's own (product.md)."""
_REDACTED = "[redacted]"
_CUT = "…"
"""What a dialect ends a message with that it shortened."""
_LONGEST_WORD = 200
_LONGEST_SHOWN = 50
_MASKED = re.compile(r"([^\s*]{0,50})(?:\*{3,}|\.{3,}|…)([^\s*]{0,50})")
"""A word of which the middle is hidden."""
_TELLING = 4
"""Characters of a secret's beginning that tell nothing: many share them."""


def refusal(problem: UpstreamProblem, provider: str, secret: str) -> Failure:
    """The failure for an error that `provider` answered with. Nothing in it holds `secret`."""
    failure = Failure(
        _code(problem),
        f"{provider}: {_without(secret, problem.message)}",
        param=_word(secret, problem.param),
        detail="Rate limit exceeded" if problem.status == 429 else None,
        retry_after=problem.retry_after,
    )
    if problem.status in _KEPT:
        failure.status = problem.status
    failure.upstream = {
        "status": problem.status,
        "type": _word(secret, problem.type),
        "code": _word(secret, problem.code),
    }
    return failure


def breakdown(error: UpstreamError, provider: str) -> Failure:
    """The failure for a request to `provider` that could not be carried out."""
    code = Code.UPSTREAM_TIMEOUT if error.blame is Blame.TIMEOUT else Code.UPSTREAM_FAILED
    return Failure(code, f"{provider}: {error.message}")


def _word(secret: str, said: str | None) -> str | None:
    """A name out of an error, which is short where it is one."""
    if said is not None and len(said) > _LONGEST_WORD:
        said = said[: _LONGEST_WORD - 1] + _CUT
    return _without(secret, said or "") or None


def _without(secret: str, said: str) -> str:
    """What was said with the secret struck out.

    So is its beginning where a long text was cut inside it, and what a provider leaves of it that shows it
    in part: `sk-proj-****abcd`.
    """
    if not secret:
        return said
    said = said.replace(secret, _REDACTED)
    said = _MASKED.sub(lambda found: _unmasked(secret, found[1], found[2]) or found[0], said)
    shown = said.removesuffix(_CUT)
    for length in range(len(secret) - 1, _TELLING, -1):
        if shown != said and shown.endswith(secret[:length]):
            return f"{shown[:-length]}{_REDACTED}{_CUT}"
    return said


def _unmasked(secret: str, beginning: str, end: str) -> str | None:
    """What is left of a masked word without the secret's; None where it shows too little to be its mask."""
    sizes = range(min(len(secret), _LONGEST_SHOWN), 0, -1)
    first = next((size for size in sizes if beginning.endswith(secret[:size])), 0)
    last = next((size for size in sizes if end.startswith(secret[-size:])), 0)
    if first + last < _TELLING:
        return None
    return f"{beginning[: len(beginning) - first]}{_REDACTED}{end[last:]}"


def _code(problem: UpstreamProblem) -> Code:
    if problem.code == Code.CONTEXT_LENGTH_EXCEEDED and problem.status == 400:
        return Code.CONTEXT_LENGTH_EXCEEDED  # clients shorten the conversation when they see this one
    if problem.status == 429:
        return Code.UPSTREAM_RATE_LIMITED
    if problem.status in _KEPT:
        return Code.UPSTREAM_REFUSED
    return Code.UPSTREAM_FAILED
