"""Renewing: fills leases up before they run out, so that requests neither wait for the store nor miss it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from itertools import islice

from zai_gateway.clock import Clock
from zai_gateway.errors import StoreUnavailable
from zai_gateway.spend.asking import Asker
from zai_gateway.spend.current import CurrentWindows, Window
from zai_gateway.spend.settler import Till
from zai_gateway.spend.sizes import LEASE_SECONDS
from zai_gateway.spend.store import Need

_LOG = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_MOST_AT_ONCE = 100
"""Leases in one GRANT, whose windows nobody else changes meanwhile."""


class Renewing:
    """One GRANT for all leases that run low, of whatever is there. Belongs to one event loop.

    Nothing of it is needed, so that it takes nothing from who is asked to give back, and is refused by none.
    """

    def __init__(self, till: Callable[[], Till], asker: Asker, windows: CurrentWindows, clock: Clock) -> None:
        self._till = till
        self._asker = asker
        self._windows = windows
        self._clock = clock
        self._until: dict[str, float] = {}
        """Windows that had less than was wanted, and when they are asked again, in seconds of the clock."""
        self._looked = clock.monotonic()
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins."""
        self._task = asyncio.create_task(self._run(), name="renewal of leases")

    async def stop(self, seconds: float) -> None:
        """Ends; a GRANT that is under way has so long for it."""
        self._ending.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=seconds)
            self._task.cancel()

    async def renew(self) -> None:
        """Fills up what runs low now. Raises StoreUnavailable."""
        purse, now = self._till().purse, self._clock.monotonic()
        if not purse.usable:
            return
        self._until = {id: until for id, until in self._until.items() if now < until}
        low = purse.escrow.running_low(now)
        needs = iter([need for id, amount in low.items() if (need := self._need(id, amount)) is not None])
        while (some := tuple(islice(needs, _MOST_AT_ONCE))) and purse is self._till().purse and purse.usable:
            await self._grant(some)

    async def _grant(self, needs: Sequence[Need]) -> None:
        await self._asker.turn([need.window for need in needs])
        till, now = self._till(), self._clock.monotonic()
        try:
            grant = await self._asker.grant(till, needs)
        except StoreUnavailable:
            till.purse.escrow.use(need.window for need in needs)
            raise
        if grant.amounts is None:
            rest = {level.window for level in grant.levels if level.room is not None and level.room.free < 0}
            till.purse.escrow.use(need.window for need in needs if need.window not in rest)
        else:
            rest = {need.window for need in needs if grant.amounts[need.window] < need.want}
        self._until.update(dict.fromkeys(rest, now + LEASE_SECONDS))

    def _need(self, id: str, amount: int) -> Need | None:
        """None where the window is not a current one, or had too little just now."""
        window: Window | None = None if id in self._until else self._windows.known(id)
        if window is None:
            return None
        return Need(window=id, budget=window.budget.id, start_ms=window.start_ms, need=0, want=amount)

    async def _run(self) -> None:
        while not self._ending.is_set():
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._ending.wait()
            except TimeoutError:
                if self._clock.monotonic() - self._looked >= _LOOK_SECONDS / 2:
                    await self._look()

    async def _look(self) -> None:
        self._looked = self._clock.monotonic()
        try:
            await self.renew()
        except StoreUnavailable:
            pass  # what is leased serves on; the next look tries again
        except Exception as defect:
            _LOG.error("leases could not be renewed (%s)", type(defect).__name__)
