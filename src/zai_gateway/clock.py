"""Time as the product sees it: passed in everywhere, so that a test can hold the clock's hands."""

import time
from typing import Protocol


class Clock(Protocol):
    """What a part of Z-AI may ask of time."""

    def now_ms(self) -> int:
        """Wall time, as milliseconds since 1970-01-01 UTC: for dates, periods and expiry."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back and that go on while the machine sleeps: for durations and validity."""
        ...


class SystemClock:
    """The machine's own clock."""

    def __init__(self) -> None:
        # CLOCK_MONOTONIC stops while a laptop sleeps, and a paused gateway would trust what is stale.
        self._steady = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.clock_gettime(self._steady)
