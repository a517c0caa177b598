"""Patience: how long a connection waits for its client, and the one lazy timer that it waits by."""

from collections.abc import Callable
from enum import Enum
from math import inf
from typing import Protocol

from msgspec import Struct


class Timer(Protocol):
    """What will be called later."""

    def cancel(self) -> None:
        """It will not be called after all."""
        ...


class Timers(Protocol):
    """Time as a loop has it."""

    def time(self) -> float:
        """Seconds since any moment."""
        ...

    def call_later(self, delay: float, callback: Callable[[], None], /) -> Timer:
        """Calls something after so many seconds."""
        ...


class Patience(Struct, frozen=True, kw_only=True):
    """How long a client may take, so that slow ones cannot use up the connections."""

    head_seconds: float = 30.0
    """For the whole head of a request, from the connection or from its first byte."""
    body_seconds: float = 60.0
    """For each `body_least` bytes of a body."""
    body_least: int = 1_024
    answer_seconds: float = 120.0
    """For a client that reads nothing of its answer, until it reads on."""
    idle_seconds: float = 75.0
    """Between an answer and the next request.

    Longer than clients and load balancers keep idle connections, so that they close first.
    """
    linger_seconds: float = 5.0
    """After the last answer, for a client that still sends: a close would reset the connection, and the reset
    could overtake the answer (RFC 9112, section 9.6)."""


class Awaited(Enum):
    """What a connection waits for."""

    NOTHING = 0
    HEAD = 1
    BODY = 2
    READING = 3
    IDLE = 4
    LINGERING = 5


_EARLY = 0.002
"""Seconds by which a timer may ring before its time."""


def _nobody() -> None:
    pass


class Wait:
    """The wait of one connection; `overdue`, called when its time is over, ends it or begins it anew.

    A timer is not taken back when the wait is over, but looks, when it rings, what is waited for by then: so
    requests that come one after the other begin none.
    """

    __slots__ = ("_deadline", "_mark", "_overdue", "_rings", "_timer", "_timers", "awaited", "seconds")

    def __init__(self, timers: Timers, overdue: Callable[[], None]) -> None:
        self._timers = timers
        self._overdue = overdue
        self.awaited = Awaited.NOTHING
        self.seconds = inf
        """How long for it, in all."""
        self._mark = 0
        self._deadline = self._rings = inf
        self._timer: Timer | None = None

    def be_for(self, awaited: Awaited, seconds: float, mark: int) -> None:
        """Waits for this part of the connection's `mark`-th request; goes on where it already does."""
        if awaited is not self.awaited or mark != self._mark:
            self.awaited = awaited
            self.seconds = seconds
            self._mark = mark
            self.begin_anew()

    def begin_anew(self) -> None:
        """Gives the client the whole time again."""
        now = self._timers.time()
        self._deadline = now + self.seconds
        if self._deadline < self._rings:
            self._arm(now)

    def be_for_nothing(self) -> None:
        """Waits for nothing."""
        self.awaited = Awaited.NOTHING
        self.seconds = self._deadline = inf

    def end(self) -> None:
        """Waits for nothing any more, and lets go of whoever waited."""
        self.be_for_nothing()
        self._overdue = _nobody
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings = self._deadline
        self._timer = self._timers.call_later(self._deadline - now, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._rings = inf
        if self._deadline == inf:
            return
        now = self._timers.time()
        if self._deadline - now > _EARLY:
            self._arm(now)
        else:
            self._overdue()
