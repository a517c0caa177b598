"""A clock whose hands a test holds."""


class HeldClock:
    """Stands still until it is moved."""

    def __init__(self, now_ms: int = 1_795_000_000_000) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return self._now_ms / 1_000

    def move(self, seconds: float) -> None:
        self._now_ms += round(seconds * 1_000)
