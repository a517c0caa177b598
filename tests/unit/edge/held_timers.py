"""Timers that run out when a test says so, and never before: no slow machine decides a test."""

from collections.abc import Callable

_LONG = 100_000.0
"""Seconds: longer than anybody waits."""


class HeldTimer:
    """One of them."""

    def __init__(self, rings: float, callback: Callable[[], None]) -> None:
        self.rings = rings
        self.callback = callback
        self.pending = True

    def cancel(self) -> None:
        """It will not run out."""
        self.pending = False


class HeldTimers:
    """All timers of one server, and its time, which stands still. Belongs to its loop, but for counting."""

    def __init__(self) -> None:
        self._timers: list[HeldTimer] = []
        self._now = 0.0
        self.begun = 0
        """How many there ever were."""

    def time(self) -> float:
        """As a loop's `time`."""
        return self._now

    def call_later(self, delay: float, callback: Callable[[], None], /) -> HeldTimer:
        """As a loop's `call_later`, but that nothing is called before its time is made to run out."""
        timer = HeldTimer(self._now + delay, callback)
        self._timers = [*self._pending(), timer]
        self.begun += 1
        return timer

    @property
    def pending(self) -> int:
        """How many may still run out."""
        return len(self._pending())

    def pass_by(self, seconds: float) -> None:
        """So much time goes by."""
        self._now += seconds
        for timer in self._pending():
            if timer.pending and timer.rings <= self._now:
                timer.pending = False
                timer.callback()

    def run_out(self) -> None:
        """The time of all that is waited for is over."""
        self.pass_by(_LONG)

    def _pending(self) -> list[HeldTimer]:
        return [timer for timer in self._timers if timer.pending]
