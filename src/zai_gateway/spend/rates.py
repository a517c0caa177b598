"""Rates: limits on requests and tokens a minute and on requests at once, and what is taken of them; pure.

A minute is one of the store's clock: it begins where that clock's time divides by 60 s.
"""

from enum import StrEnum
from math import inf

from msgspec import Struct

MINUTE_MS = 60_000
SILENCE_MS = 60_000
"""What a worker holds of a limit on requests at once is free when nothing was heard of it for so long."""
_ELSEWHERE = 20
"""At most one part in so many of a limit is leased and not used, by all workers together."""


class Resource(StrEnum):
    """What a rate limit is on."""

    REQUESTS = "requests"
    """A minute."""
    TOKENS = "tokens"
    """A minute, input and output together."""
    CONCURRENCY = "concurrency"
    """Requests at once."""


class RateLimit(Struct, frozen=True, kw_only=True):
    """How much of a resource one key or workspace may use."""

    owner: str
    """The id of the key or workspace."""
    owner_kind: str
    """`key` or `workspace`."""
    resource: Resource
    limit: int
    """At least 1."""

    @property
    def id(self) -> str:
        """Names what is counted, whatever the limit is."""
        return f"{self.owner}:{self.resource}"

    @property
    def called(self) -> str:
        """What it is called, to whoever is refused by it."""
        owner = "this API key's" if self.owner_kind == "key" else f"this {self.owner_kind}'s"
        unit = "requests at once" if self.is_gauge else f"{self.resource.value} per minute"
        return f"{owner} limit of {self.limit} {unit}"

    @property
    def is_gauge(self) -> bool:
        """Whether it counts what is under way, rather than what began in a minute."""
        return self.resource is Resource.CONCURRENCY


class Tally(Struct, frozen=True):
    """What is taken of a limit in one minute; of a limit on requests at once, what all workers hold."""

    start_ms: int = 0
    """When the minute began, in milliseconds since 1970."""
    taken: int = 0
    """Never above the limit that it was taken under."""
    debt: int = 0
    """Used beyond the limit: the minutes that follow pay it, before anything else."""


def current(tally: Tally, limit: int, now_ms: int) -> Tally:
    """The tally in the minute of `now_ms`, which pays as much of the debt as its limit allows.

    A clock that goes back by less than a minute goes on in the minute that it was in.
    """
    start = now_ms - now_ms % MINUTE_MS
    if tally.start_ms - MINUTE_MS <= start <= tally.start_ms:
        return tally
    passed = max(0, (start - tally.start_ms) // MINUTE_MS - 1)
    owed = max(0, tally.debt - limit * passed)
    return Tally(start, min(owed, limit), owed - min(owed, limit))


def charged(tally: Tally, limit: int, amount: int) -> Tally:
    """The tally with what was used beside what was taken: as debt where the limit has no room for it.

    A negative amount was taken and not used.
    """
    if amount < 0:
        paid = min(tally.debt, -amount)
        return Tally(tally.start_ms, max(0, tally.taken + amount + paid), tally.debt - paid)
    inside = min(amount, max(0, limit - tally.taken))
    return Tally(tally.start_ms, tally.taken + inside, tally.debt + amount - inside)


def wait_ms(tally: Tally, limit: int, amount: int, now_ms: int) -> float:
    """For how long `amount` does not fit if nothing else is taken; infinity where it never will."""
    if amount > limit:
        return inf
    if tally.taken + amount <= limit:
        return 0
    minutes = max(0, -(-(tally.debt + amount - limit) // limit))
    return _ends_ms(tally, now_ms) + minutes * MINUTE_MS


def full_ms(tally: Tally, limit: int, now_ms: int) -> int:
    """How long it takes until nothing is taken, if nothing else is."""
    if not (tally.taken or tally.debt):
        return 0
    return _ends_ms(tally, now_ms) + -(-tally.debt // limit) * MINUTE_MS


def reserve(limit: int, workers: int) -> int:
    """How much of a limit one of so many live workers may lease beside what it uses; 0 for a small limit."""
    return limit // (_ELSEWHERE * max(1, workers))


def spelled(ms: int) -> str:
    """A length of time as OpenAI writes it in its `x-ratelimit-reset-*` headers: `120ms`, `1s`, `6m0s`.

    From a second on it is rounded up to whole seconds.
    """
    if ms < 1_000:
        return f"{ms}ms" if ms else "0s"
    minutes, seconds = divmod(-(-ms // 1_000), 60)
    hours, minutes = divmod(minutes, 60)
    above = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{above}{seconds}s"


def _ends_ms(tally: Tally, now_ms: int) -> int:
    return max(0, tally.start_ms + MINUTE_MS - now_ms)
