"""The waiting line: requests that a worker's leases do not suffice for, in the order in which they came."""

import asyncio
from collections.abc import Iterable
from itertools import islice

from msgspec import Struct

from zai_gateway.catalogue.bound import Bound
from zai_gateway.spend.clamp import Share
from zai_gateway.spend.current import Window
from zai_gateway.spend.ledger import Attempt
from zai_gateway.spend.settler import Till

RECALL_SECONDS = 2.0
"""For so long a recall holds; while somebody waits it is asked for again before its end."""
_OVERTAKING = 8
"""How many behind the first are looked at for that."""


class Wish(Struct, frozen=True, kw_only=True):
    """What one attempt needs money for."""

    attempt: Attempt
    windows: tuple[Window, ...]
    ids: tuple[str, ...]
    """Of the windows."""
    bound: Bound | None
    """None for a model without a price."""
    least: int
    """Nano-USD without which it is refused."""


class SetAside(Struct, frozen=True):
    """Money that was taken out of a purse's leases, and is not written down yet."""

    till: Till
    share: Share


class Waiter:
    """One attempt in a line."""

    def __init__(self, wish: Wish, since: float) -> None:
        """`since` is in seconds of the event loop."""
        self.wish = wish
        self.since = since
        self.line: Line | None = None
        self.answer: asyncio.Future[SetAside | None] = asyncio.get_running_loop().create_future()
        """What was set aside for it; None where it has to look at its windows again."""

    def leave(self) -> None:
        """Is served, refused or gone."""
        if self.line is not None:
            self.line.waiters.pop(self, None)
            self.line = None

    def answered(self, answer: SetAside | None) -> None:
        """Leaves with an answer."""
        self.leave()
        self.answer.set_result(answer)

    def refused(self, trouble: Exception) -> None:
        """Leaves with an error."""
        self.leave()
        self.answer.set_exception(trouble)


class Line:
    """Who waits for money of one window, the first to come first."""

    def __init__(self, window: str, overtaken: float) -> None:
        """`overtaken`: seconds for which whoever is first may be overtaken by who needs less."""
        self.window = window
        self._overtaken = overtaken
        self.waiters: dict[Waiter, None] = {}
        self.heard = 0.0
        """When the store last said where the window stands, in seconds of the event loop."""
        self.blocked = 0.0
        """When it was last found that only holds in flight stand in the way of who was first, in the same
        seconds; 0 since somebody was served."""
        self.silent = False
        """Whether another worker did not answer the recall of it, as far as is known."""
        self.recalls: dict[str, int] = {}
        """The numbers of the recalls that were asked for the first in line, by window."""
        self.recalled = 0.0
        """When the first recall of these numbers was asked for, in seconds of the event loop."""
        self.asked = 0.0
        """When the latest was."""
        self._money = asyncio.Event()

    @property
    def first(self) -> Waiter | None:
        """Who came first."""
        return next(iter(self.waiters), None)

    def recalling(self) -> bool:
        """Whether a recall that was asked for the first in line holds."""
        return bool(self.recalls) and asyncio.get_running_loop().time() - self.asked < RECALL_SECONDS

    def join(self, waiter: Waiter) -> None:
        """Stands at the end."""
        waiter.line = self
        self.waiters[waiter] = None

    def keeps(self, now: float) -> bool:
        """Whether what comes free is kept for who is first, so that nobody overtakes."""
        first = self.first
        return first is not None and now - first.since > self._overtaken

    def next_ones(self, now: float) -> Iterable[Waiter]:
        """Who may be served now, in this order, as long as nobody is passed over that others may not pass."""
        return tuple(islice(self.waiters, 1 if self.keeps(now) else _OVERTAKING))

    def refuse_all(self, trouble: Exception) -> None:
        """Nobody can be served."""
        for waiter in tuple(self.waiters):
            waiter.refused(type(trouble)(*trouble.args))

    def returned(self) -> None:
        """The store has more of the window."""
        self._money.set()

    async def money(self, seconds: float) -> None:
        """Waits until the store has more of the window, but no longer than this."""
        self._money.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._money.wait()
        except TimeoutError:
            pass
