"""When keys were last used: noted in memory on the hot path, written in batches off it."""

from zai_gateway.clock import Clock


class LastUsed:
    """What is to be written of the use of keys, at most once in `every` seconds for each."""

    def __init__(self, clock: Clock, every: float) -> None:
        self._clock = clock
        self._every = every
        self._written = clock.monotonic()
        self._noted: dict[str, int] = {}

    def note(self, key: str, now_ms: int) -> None:
        """The key of this id is used now."""
        self._noted[key] = now_ms

    def due(self) -> bool:
        """Whether something is to be written, and it is time."""
        return bool(self._noted) and self._clock.monotonic() - self._written >= self._every

    def take(self) -> dict[str, int]:
        """What is to be written, by the key's id, in milliseconds since 1970; what comes later waits."""
        noted, self._noted = self._noted, {}
        self._written = self._clock.monotonic()
        return noted

    def put_back(self, noted: dict[str, int]) -> None:
        """What could not be written waits for the next time."""
        self._noted = noted | self._noted
