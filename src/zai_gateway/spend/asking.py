"""Asking: what a worker asks the store for, one GRANT at a time for a window, and what it said just now."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from zai_gateway.clock import Clock
from zai_gateway.spend.contact import Contact, is_in_doubt
from zai_gateway.spend.settler import Till
from zai_gateway.spend.store import Grant, Level, Need, SpendStore, WorkerLost

_REMEMBERED_SECONDS = 0.25
"""For so long what the store said of a window is good enough to refuse by (spend.md, "Sizes")."""
_MOST_REMEMBERED = 1_000
_STEADY_TRIES = 3
_STEADY_SECONDS = 0.25


class _Known(Struct, frozen=True):
    at: float
    level: Level


class Asker:
    """Belongs to one event loop. All raise StoreUnavailable, and StoreInDoubt and WorkerLost of it."""

    def __init__(self, till: Callable[[], Till], store: SpendStore, contact: Contact, clock: Clock) -> None:
        self._till = till
        self._store = store
        self._contact = contact
        self._clock = clock
        self._under_way: dict[str, asyncio.Future[None]] = {}
        """The windows of which a GRANT is under way."""
        self._known: dict[str, _Known] = {}
        self.grants = 0
        self.refusals = 0
        self.recalls = 0

    async def turn(self, windows: Sequence[str]) -> None:
        """Waits until no GRANT of these windows is under way."""
        while under_way := {self._under_way[id] for id in windows if id in self._under_way}:
            await asyncio.wait(under_way)

    async def grant(self, till: Till, needs: Sequence[Need]) -> Grant:
        """GRANT; what came through is in the leases. To be called in one's turn."""
        purse, turn = till.purse, asyncio.get_running_loop().create_future()
        for need in needs:
            self._under_way[need.window] = turn
        purse.began()
        try:
            grant = await self._contact.move(self._store.grant, purse.id, needs)
        except WorkerLost:
            till.settler.lose()
            raise
        except Exception as trouble:
            if is_in_doubt(trouble):
                till.settler.doubt()
            raise
        finally:
            for need in needs:
                del self._under_way[need.window]
            turn.set_result(None)
            purse.ended()
        if grant.amounts is None:
            self.refusals += 1
            self._remember(grant.levels)
        else:
            self.grants += 1
            purse.escrow.granted(grant.amounts, self._clock.monotonic())
            till.settler.wake()
        return grant

    async def look(
        self, windows: Sequence[str], recalls: Mapping[str, int] | None = None
    ) -> tuple[Level, ...]:
        """Where the windows stand, at a moment at which no move of this worker was under way.

        Where there is no such moment for long, what is leased may be missing: then less is free than it is.
        """
        tries = 0
        while True:
            purse, tries = self._till().purse, tries + 1
            before = purse.changes
            levels = await self._contact.read(self._store.levels, windows, purse.id, recalls)
            if tries == _STEADY_TRIES or (purse.changes == before and not purse.changing):
                self._remember(levels)
                return levels
            await purse.until(lambda purse=purse: not purse.changing, _STEADY_SECONDS)

    async def recall(self, windows: Sequence[str], for_ms: int) -> dict[str, int]:
        """Asks for what others do not use; the number of the recall by window, 0 where nobody has any."""
        numbers = await self._contact.move(self._store.recall, windows, for_ms)
        self.recalls += 1
        return {id: numbers.get(id, 0) for id in windows}

    def known(self, windows: Sequence[str]) -> tuple[Level, ...]:
        """What the store said of these windows just now: of those of which it did."""
        now = self._clock.monotonic()
        found = (self._known.get(id) for id in windows)
        return tuple(each.level for each in found if each and now - each.at < _REMEMBERED_SECONDS)

    def forget(self, window: str) -> None:
        """What the store said of a window holds no more."""
        self._known.pop(window, None)

    def _remember(self, levels: Sequence[Level]) -> None:
        now = self._clock.monotonic()
        if len(self._known) > _MOST_REMEMBERED:
            fresh = {id: each for id, each in self._known.items() if now - each.at < _REMEMBERED_SECONDS}
            self._known = fresh if len(fresh) <= _MOST_REMEMBERED else {}
        for level in levels:
            self._known[level.window] = _Known(now, level)
