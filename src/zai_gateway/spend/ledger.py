"""The ledger: one append-only entry for what became of each attempt."""

from enum import StrEnum

from msgspec import Struct

from zai_gateway.wire.usage import Usage


class Certainty(StrEnum):
    """How an entry's cost is known."""

    EXACT = "exact"
    """The provider reported it, or the attempt definitely cost nothing."""
    ESTIMATED = "estimated"
    """Nobody reported it: the cost is a guess, and the rest of the worst case stands as risk."""
    UNCONFIRMED = "unconfirmed"
    """Nothing is known: all of the worst case stands as risk."""


class Flag(StrEnum):
    """What a reader of the ledger should notice about an entry."""

    INTERRUPTED = "interrupted"
    """The answer ended before its end: the client left, or the upstream died."""
    OVERRUN = "overrun"
    """The provider billed more than its documented bound allows."""
    UNPRICED = "unpriced"
    """No price was known; the cost stands at zero."""
    WRITTEN_OFF = "written_off"
    """Nobody confirmed the rest of the worst case in time: it counts at its estimate."""


class Attempt(Struct, frozen=True, kw_only=True):
    """Who tried what: known before anything is sent, and written with the hold."""

    request: str
    """The request id, made here."""
    number: int
    """1 for the first attempt of a request."""
    workspace: str
    key: str
    member: str | None
    tags: tuple[str, ...]
    provider: str
    provider_key: str | None
    requested_model: str
    answering_model: str
    price_version: str | None
    streamed: bool
    started_ms: int


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of an attempt."""

    cost: int
    """Nano-USD that are known, or estimated, to be spent."""
    risk: int = 0
    """Nano-USD that may have been spent beside `cost`, which nobody confirmed."""
    estimate: int = 0
    """Nano-USD that `risk` is taken to have cost where nobody ever confirms it."""
    certainty: Certainty = Certainty.EXACT
    flags: tuple[Flag, ...] = ()
    usage: Usage | None = None
    status: int
    """The upstream's HTTP status; 0 where none came."""
    failure: str | None = None
    """The error code that the client got, where it got one."""
    first_token_ms: int | None = None
    total_ms: int
    provider_request_id: str | None = None


class Entry(Struct, frozen=True, kw_only=True):
    """One row of the ledger, by (request, attempt number, seq): later rows of one attempt correct it."""

    attempt: Attempt
    seq: int
    outcome: Outcome
    windows: tuple[str, ...]
    """The budget windows that the hold stood in."""
    worker: str
    at_ms: int


def lost_request(worker: str, window: str) -> str:
    """The request under which LOST books what a worker's lease on a window had left; its attempt is 0."""
    return f"lost_{worker}:{window}"
