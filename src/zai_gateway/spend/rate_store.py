"""What limiting asks of a store: one exchange, in which a worker tells what it used and asks for more."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from zai_gateway.spend.rates import RateLimit, Tally


class Part(Struct, frozen=True):
    """So much of a limit."""

    limit: RateLimit
    amount: int


class Charge(Struct, frozen=True):
    """Tokens that were used beside those that were taken; negative where fewer were."""

    limit: RateLimit
    amount: int
    start_ms: int = 0
    """The minute that a negative amount was taken in: in any other there is nothing to give back."""


class Exchange(Struct, frozen=True, kw_only=True):
    """What one worker says and asks."""

    worker: str
    charges: tuple[Charge, ...] = ()
    """Counted before anything is granted."""
    held: tuple[Part, ...] = ()
    """All that it holds of limits on requests at once, of each that stands here or is asked for: as it is
    now, so that it does no harm to say it twice."""
    asks: tuple[tuple[Part, ...], ...] = ()
    """What each waiting request needs beside: it gets all of it or nothing. The first come first."""


class Reading(Struct, frozen=True, kw_only=True):
    """Where one limit stands after an exchange."""

    tally: Tally
    now_ms: int
    """By the store's clock."""
    granted: int
    """What the worker has of it now beside what it had before the exchange: what its requests were admitted
    with, and what it may use unasked."""
    reserve: int
    """How much it may keep without using it."""


class Answer(Struct, frozen=True, kw_only=True):
    """What came of an exchange."""

    admitted: tuple[bool, ...]
    """For each of the asks."""
    readings: Mapping[str, Reading]
    """By the ids of the limits that were named."""


class RateStore(Protocol):
    """One blocking call, and one transaction."""

    def exchange(self, exchange: Exchange) -> Answer:
        """Counts what the worker says, and grants what it asks for where the limits allow it.

        Held for requests at once is what live workers have said within SILENCE_MS. Raises StoreUnavailable,
        and of it StoreInDoubt where the commit's reply was lost.
        """
        ...
