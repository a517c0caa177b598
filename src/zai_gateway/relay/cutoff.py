"""A cut-off: a deadline for a piece of work that costs next to nothing until it is set."""

import asyncio
from types import TracebackType
from typing import Self


class Cutoff:
    """Breaks off the block that it is entered for, once the time that was set is over; then `fell` is True.

    As `asyncio.timeout` does, it tells its own cancellation of the task from everybody else's; unlike it, the
    block ends without an error, and without a timer where no time is set.
    """

    __slots__ = ("_cancelling", "_task", "_timer", "fell")

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self._timer: asyncio.TimerHandle | None = None
        self.fell = False

    def after(self, seconds: float) -> None:
        """Sets the time that is left from now, in place of what was set before."""
        self.lift()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._fall)

    def lift(self) -> None:
        """Takes the deadline back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.lift()
        if not self.fell:
            return False
        # Who cancelled the task beside this one has to be heard.
        return self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError

    def _fall(self) -> None:
        self._timer = None
        self.fell = True
        self._task.cancel()


class Leash(Cutoff):
    """The cut-off of what is read for a client: once that has left, for a moment only."""

    __slots__ = ()

    def let_go(self) -> None:
        """The client has left."""
        self.after(AFTER_CLIENT_LEFT_SECONDS)


AFTER_CLIENT_LEFT_SECONDS = 2.0
"""A stream whose client has left is read on for so long: its end, and its usage, may be near (wire.md 26)."""
