"""Patience: how long a connection waits for its client, and the one timer that it waits by."""

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from msgspec import Struct


class Timer(Protocol):
    """What will be called later."""

    def cancel(self) -> None:
        """It will not be called after all."""
        ...


Later = Callable[[float, Callable[[], None]], Timer]
"""Calls something after so many seconds, as a loop's `call_later` does."""


class Patience(Struct, frozen=True, kw_only=True):
    """How long a client may take, so that slow ones cannot use up the connections."""

    head_seconds: float = 30.0
    """For the whole head of a request, from the connection or from its first byte."""
    body_seconds: float = 60.0
    """For each `body_least` bytes of a body."""
    body_least: int = 1_024
    answer_seconds: float = 120.0
    """For a client that reads nothing of its answer, until it reads on."""


class Awaited(Enum):
    """What a connection waits for."""

    NOTHING = 0
    HEAD = 1
    BODY = 2


class Wait:
    """The wait of one connection; `overdue`, called when its time is over, ends it or begins it anew."""

    def __init__(self, later: Later, patience: Patience, overdue: Callable[[], None]) -> None:
        self._later = later
        self._patience = patience
        self._overdue = overdue
        self._for = (Awaited.NOTHING, 0)
        self._timer: Timer | None = None

    @property
    def awaited(self) -> Awaited:
        """What is waited for."""
        return self._for[0]

    def be_for(self, awaited: Awaited, request: int) -> None:
        """Waits for this part of the connection's `request`-th request; goes on where it already does."""
        if (awaited, request) != self._for:
            self._for = (awaited, request)
            self.begin_anew()

    def begin_anew(self) -> None:
        """Gives the client the whole time again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.awaited is not Awaited.NOTHING:
            head = self.awaited is Awaited.HEAD
            seconds = self._patience.head_seconds if head else self._patience.body_seconds
            self._timer = self._later(seconds, self._overdue)

    def end(self) -> None:
        """Waits for nothing more."""
        self.be_for(Awaited.NOTHING, 0)
