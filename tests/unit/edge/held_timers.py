"""Timers that run out when a test says so, and never before: no slow machine decides a test."""

from collections.abc import Callable


class HeldTimer:
    """One of them."""

    def __init__(self, seconds: float, callback: Callable[[], None]) -> None:
        self.seconds = seconds
        self.callback = callback
        self.pending = True

    def cancel(self) -> None:
        """It will not run out."""
        self.pending = False


class HeldTimers:
    """All timers of one server. Belongs to its loop, but for counting."""

    def __init__(self) -> None:
        self._begun: list[HeldTimer] = []

    def later(self, seconds: float, callback: Callable[[], None]) -> HeldTimer:
        """As a loop's `call_later`, but that nothing is called before its time is made to run out."""
        timer = HeldTimer(seconds, callback)
        self._begun.append(timer)
        return timer

    @property
    def begun(self) -> int:
        """How many were ever begun."""
        return len(self._begun)

    @property
    def pending(self) -> list[float]:
        """The seconds of those that may still run out."""
        return [timer.seconds for timer in self._begun if timer.pending]

    def run_out(self) -> None:
        """The time of all that are pending is over."""
        for timer in [timer for timer in self._begun if timer.pending]:
            if timer.pending:
                timer.pending = False
                timer.callback()
