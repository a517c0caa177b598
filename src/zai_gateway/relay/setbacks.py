"""Setbacks: why an attempt failed before its first content, and so whether another may be made."""

from enum import StrEnum

from zai_gateway.errors import Failure
from zai_gateway.relay.failures import breakdown, refusal
from zai_gateway.relay.upstream import Blame, UpstreamError
from zai_gateway.wire.events import UpstreamProblem

_OF_THE_REQUEST = frozenset({400, 404, 405, 409, 410, 411, 413, 414, 415, 416, 422, 431, 451})
"""Statuses that the same request would get everywhere else too."""
_OF_THE_KEY = frozenset({401, 402, 403})
_NO_MONEY = "insufficient_quota"
"""How OpenAI says with a 429 that the account has no money left, which no wait mends."""


class Cause(StrEnum):
    """Where the trouble lies."""

    REQUEST = "request"
    """With the request itself: no other provider key and no other model would mend it."""
    KEY = "key"
    """With the provider key: refused, without money, or without the right to this model."""
    LIMITED = "limited"
    """The provider has enough of this key for now."""
    PROVIDER = "provider"
    """With the provider or the way to it."""


class Setback(Exception):
    """An attempt that failed while its client had got nothing of an answer yet."""

    def __init__(
        self,
        failure: Failure,
        cause: Cause,
        status: int,
        *,
        definite: bool,
        made: bool = True,
        meant: int | None = None,
    ) -> None:
        super().__init__(failure.message)
        self.failure = failure
        """What the client is told where no other attempt helps."""
        self.cause = cause
        self.status = status
        """The upstream's HTTP status; 0 where none came."""
        self.meant = status if meant is None else meant
        """What its dialect read the error as: Google answers a key that it does not know with a 400."""
        self.definite = definite
        """Whether it certainly cost nothing, so that the same may be sent again."""
        self.made = made
        """Whether it came so far as to have a row in the ledger."""

    @property
    def repeatable(self) -> bool:
        """Whether the same may be sent again: it cost nothing, and the trouble may be over soon.

        A rate limit that does not say when it ends seldom ends at once.
        """
        if self.cause is Cause.LIMITED:
            return self.definite and self.failure.retry_after is not None
        return self.definite and self.cause is Cause.PROVIDER and (self.status == 0 or self.status >= 500)


def refused(problem: UpstreamProblem, provider: str, secret: str, status: int, *, definite: bool) -> Setback:
    """The setback for an error that `provider` answered with, under this HTTP status."""
    failure = refusal(problem, provider, secret)
    # A 401 inside an answer may be the word of a vendor behind a router, about a key of its own.
    meant = status if problem.status == 401 and status < 400 else problem.status
    return Setback(failure, _cause(problem), status, definite=definite, meant=meant)


def broken_off(error: UpstreamError, provider: str, status: int) -> Setback:
    """The setback for a request that could not be carried out; `status` came before, or is 0."""
    return Setback(breakdown(error, provider), Cause.PROVIDER, status, definite=error.definite)


def too_slow(provider: str, seconds: float, status: int, *, definite: bool) -> Setback:
    """The setback for a target that took longer to its first content than its workspace allows it."""
    error = UpstreamError(
        Blame.TIMEOUT, f"there was no content within the {seconds:g} s that this target has"
    )
    return Setback(breakdown(error, provider), Cause.PROVIDER, status, definite=definite)


def unusable(failure: Failure, status: int) -> Setback:
    """The setback for an answer that nothing can be made of."""
    return Setback(failure, Cause.PROVIDER, status, definite=False)


def _cause(problem: UpstreamProblem) -> Cause:
    if problem.status in _OF_THE_REQUEST:
        return Cause.REQUEST
    if problem.status in _OF_THE_KEY:
        return Cause.KEY
    if problem.status == 429:
        return Cause.KEY if problem.code == _NO_MONEY else Cause.LIMITED
    return Cause.PROVIDER
