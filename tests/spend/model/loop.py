"""Time as the model has it: one clock for all, and event loops that run what is ready and never wait."""

import asyncio
from typing import Any

_MOST_TURNS = 20_000


class ModelClock:
    """The wall and the steady clock of every process; both move only where the schedule says so."""

    def __init__(self) -> None:
        self._wall_ms = 1_767_268_800_000
        """2026-01-01 12:00 UTC, a Thursday."""
        self._steady_ms = 1_000_000

    def now_ms(self) -> int:
        return self._wall_ms

    def monotonic(self) -> float:
        return self._steady_ms / 1_000

    def move(self, seconds: float) -> None:
        """Time goes on."""
        self._wall_ms += round(seconds * 1_000)
        self._steady_ms += round(seconds * 1_000)

    def turn_the_day(self) -> None:
        """The next day begins by the wall clock; nobody has waited for it."""
        self._wall_ms += 86_400_000


class ModelLoop(asyncio.BaseEventLoop):
    """Runs all that is ready at this moment of the clock, and stops where it would have to wait."""

    def __init__(self, clock: ModelClock) -> None:
        super().__init__()
        self._clock = clock
        self._selector = _NothingToWaitFor(self)
        self.turns = 0
        self.is_dead = False
        self._under_way: dict[asyncio.Task[Any], None] = {}

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = super().create_task(coro, **options)
        self._under_way[task] = None
        task.add_done_callback(self._under_way.pop)
        return task

    def time(self) -> float:
        return self._clock.monotonic()

    def run(self) -> None:
        """Runs until nothing is ready. A task that never waits for the clock is a defect: AssertionError."""
        self.turns = 0
        self.run_forever()

    def bury(self) -> None:
        """Ends it as a kill does: no task goes on. What their clean-up does must have no effect any more."""
        self.is_dead = True
        asyncio._set_running_loop(self)  # their clean-up may ask for it
        try:
            for task in tuple(self._under_way):
                task.get_coro().close()
        finally:
            asyncio._set_running_loop(None)
            self.close()

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self.is_dead:
            raise AssertionError(f"an event loop was told of an error: {context}")

    # What the base class asks of a loop

    def _process_events(self, event_list: list[object]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class _NothingToWaitFor:
    """The place where a loop waits: it ends there, for in the model only the schedule moves time."""

    def __init__(self, loop: ModelLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[object]:
        self._loop.turns += 1
        assert self._loop.turns < _MOST_TURNS, "a task goes round without waiting"
        if timeout is None or timeout > 0:
            self._loop.stop()
        return []
