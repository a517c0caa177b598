"""The settler: moves what was settled to the store, exactly once, and gives back what others need more."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable

from msgspec import Struct

from zai_gateway.clock import Clock
from zai_gateway.errors import StoreInDoubt, StoreUnavailable
from zai_gateway.spend.contact import Contact
from zai_gateway.spend.ledger import Flag
from zai_gateway.spend.purse import Purse
from zai_gateway.spend.sizes import IDLE_SECONDS
from zai_gateway.spend.store import Batch, OutOfStep, SpendStore, WorkerLost

_LOG = logging.getLogger(__name__)

IN_DOUBT = "nobody knows what came of a commit: nothing more is held until the store has said so"
_FLUSH_SECONDS = 0.1
"""Between the end of a flush and the next one."""
_LISTEN_SECONDS = 0.25
"""Between two looks for recalls, while there is a lease."""
_SAW_SECONDS = 30.0
_RESTING_SECONDS = 5.0
"""How long it does nothing where there is no lease."""
_MOST_ENTRIES = 1_000
"""In one flush."""
_MOST_LOOKED_AT = 1_000
"""Leases that are looked at for being idle, each time that it listens."""
_SHORTEST_WAIT = 0.1
_LONGEST_WAIT = 2.0
"""Seconds before the store is asked again that did not answer: the first time, and at most."""


class Settler:
    """One task for one purse; one transaction at a time. Belongs to one event loop.

    A purse that is `lost` ends what it began, and then its worker is closed.
    """

    def __init__(
        self,
        purse: Purse,
        store: SpendStore,
        contact: Contact,
        clock: Clock,
        returned: Callable[[Collection[str]], None],
    ) -> None:
        """`returned` is told of windows of which the store has more now."""
        self._purse = purse
        self._store = store
        self._contact = contact
        self._clock = clock
        self._returned = returned
        self._awake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._give_back: set[str] = set()
        """Windows whose free money goes back with the next flush."""
        self._leaving: Counter[str] = Counter()
        """What has left the leases for good, by window: it goes back with the next flush too."""
        self._recalls: dict[str, int] = {}
        """The numbers of those that hold, as far as is known."""
        self._answered: dict[str, int] = {}
        self._hurried_to = 0
        """The settlement for which somebody waits."""
        self._wait = 0.0
        self._ended = self._listened = asyncio.get_running_loop().time()
        """When a flush last ended, and when it last looked for recalls, in seconds of the event loop."""
        self._heard = clock.monotonic()
        """When the store last wrote down that this worker lives, in seconds of the clock."""
        self.answers = 0
        self.overruns = 0
        self._finishing = False
        self._task = asyncio.create_task(self._run(), name=f"settler of {purse.id}")

    @property
    def over(self) -> bool:
        """Whether it has ended all that was to do."""
        return self._task.done()

    def wake(self) -> None:
        """Something was settled, given back or granted."""
        self._awake.set()

    def give_back(self, windows: Iterable[str]) -> None:
        """What is free of these windows is not held any more, and goes back to the store."""
        windows = tuple(windows)
        self._leaving.update(self._purse.escrow.take_back(windows))
        self._give_back.update(windows)
        self._awake.set()

    async def flushed(self, seconds: float) -> bool:
        """Waits until the store has all that was settled so far; says whether it has."""
        target = self._purse.settled
        if self._purse.applied >= target:
            return True
        self._hurried_to = target
        self._hurry.set()
        self._awake.set()
        return await self._purse.until(lambda: self._purse.applied >= target, seconds)

    async def finish(self, seconds: float) -> bool:
        """Flushes all, gives every lease back and ends; says whether nothing was left in that time."""
        self._finishing = True
        self._hurry.set()
        self._awake.set()
        await asyncio.wait({self._task}, timeout=seconds)
        whole = self._task.done() and not self._has_work()
        self._task.cancel()
        return whole

    def lose(self) -> None:
        """The store gave this worker up: what it has left goes back as it comes free."""
        if not self._purse.lost:
            _LOG.warning("the store gave this worker up: it begins anew under another id")
            self._purse.lost = True
            self._purse.changed()
            self._awake.set()

    def doubt(self) -> None:
        """A commit's reply was lost: the store has to be reread."""
        if not self._purse.escrow.doubtful:
            _LOG.warning(IN_DOUBT)
            self._purse.escrow.doubtful = True
        self._awake.set()

    async def _run(self) -> None:
        while not self._is_over():
            await self._rest()
            try:
                await self._work()
                self._wait = 0.0
            except WorkerLost:
                self.lose()
            except (StoreInDoubt, OutOfStep):
                if self._purse.escrow.doubtful:
                    self._back_off()
                self.doubt()
            except StoreUnavailable:
                self._back_off()
            except Exception as defect:
                # Only its kind: the text of a database's error may hold the values of a row.
                _LOG.error("settling failed (%s); it is tried again", type(defect).__name__)
                self.doubt()
                self._back_off()
        if self._purse.lost and not self._purse.open_holds:
            await self._close()

    def _is_over(self) -> bool:
        if self._has_work() or self._purse.escrow.doubtful:
            return False
        return self._finishing or (self._purse.lost and not self._purse.open_holds)

    async def _work(self) -> None:
        if self._purse.escrow.doubtful:
            await self._reread()
        if self._has_work():
            await self._flush()
        await self._listen()
        if self._has_work():
            self._awake.set()

    def _back_off(self) -> None:
        self._wait = min(max(self._wait * 2, _SHORTEST_WAIT), _LONGEST_WAIT)

    async def _rest(self) -> None:
        if self._wait:
            await asyncio.sleep(self._wait)
        elif not (self._finishing or self._purse.escrow.doubtful):
            busy = len(self._purse.escrow) or self._purse.lost
            await _until(self._awake, _LISTEN_SECONDS if busy else _RESTING_SECONDS)
            if self._purse.applied >= self._hurried_to and self._purse.unflushed < _MOST_ENTRIES:
                gap = self._ended + _FLUSH_SECONDS - asyncio.get_running_loop().time()
                await _until(self._hurry, gap)
        self._awake.clear()
        self._hurry.clear()

    async def _listen(self) -> None:
        """Looks for recalls and idle leases, and lets the store hear of a worker that does nothing else."""
        loop, purse = asyncio.get_running_loop(), self._purse
        if purse.lost:
            return
        now = self._clock.monotonic()
        if now - self._heard >= _SAW_SECONDS:
            await self._contact.move(self._store.saw, purse.id, self._clock.now_ms())
            self._heard = now
        if len(purse.escrow) and loop.time() - self._listened >= _LISTEN_SECONDS:
            self._recalls = dict(await self._contact.read(self._store.recalled, purse.id))
            self._listened = loop.time()
            self._answered = {w: n for w, n in self._answered.items() if w in self._recalls}
            self._give_back.update(purse.escrow.idle(now - IDLE_SECONDS, _MOST_LOOKED_AT))

    def _has_work(self) -> bool:
        purse = self._purse
        if purse.unflushed or self._leaving or self._unanswered():
            return True
        if not purse.lost and purse.escrow.shortfalls():
            return True
        return any(purse.escrow.free(window) > 0 for window in self._to_give_back())

    def _unanswered(self) -> dict[str, int]:
        if self._purse.lost:
            return {}
        return {w: n for w, n in self._recalls.items() if self._answered.get(w) != n}

    def _to_give_back(self) -> Collection[str]:
        if self._finishing or self._purse.lost:
            return self._purse.escrow.everything()
        return self._give_back.union(self._recalls)

    def _batch(self, back: Counter[str]) -> Batch:
        purse = self._purse
        entries = purse.due(_MOST_ENTRIES)
        return Batch(
            worker=purse.id,
            start=purse.applied,
            end=purse.applied + len(entries),
            entries=entries,
            shortfall={} if purse.lost else purse.escrow.shortfalls(),
            back=back,
            answers=self._unanswered(),
            at_ms=self._clock.now_ms(),
        )

    async def _flush(self) -> None:
        purse = self._purse
        began = self._clock.monotonic()
        taken = purse.escrow.take_back(self._to_give_back())
        self._give_back.clear()
        # More may leave while the store works: it goes back with the next flush.
        leaving, self._leaving = self._leaving, Counter()
        batch = self._batch(leaving + Counter(taken))
        purse.began()
        try:
            await self._contact.move(self._store.flush, batch)
        except (WorkerLost, StoreInDoubt, OutOfStep) as trouble:
            self._leaving += leaving
            if isinstance(trouble, WorkerLost):
                # Its journal was adopted: all that stood in it is booked, open holds as unconfirmed.
                purse.escrow.flushed(purse.booked(batch.end), batch.shortfall)
            raise
        except StoreUnavailable:
            self._leaving += leaving
            purse.escrow.failed(taken)
            raise
        else:
            purse.escrow.flushed(purse.booked(batch.end), batch.shortfall)
            self._answered.update(batch.answers)
            self.answers += len(batch.answers)
            self.overruns += sum(Flag.OVERRUN in entry.outcome.flags for entry in batch.entries)
            self._heard = began
        finally:
            self._ended = asyncio.get_running_loop().time()
            purse.ended()
        if batch.back or batch.shortfall:
            self._returned({*batch.back, *batch.shortfall})

    async def _reread(self) -> None:
        """DOUBT (spend.md, "Moves"): what the store says is whole once no GRANT is under way."""
        purse = self._purse
        if not await purse.until(lambda: not purse.changing, _LONGEST_WAIT):
            raise StoreUnavailable("A move is under way.")
        level = await self._contact.move(self._store.worker, purse.id)
        if level.state != "live":
            self.lose()
        done = purse.settled if level.state == "closed" else max(level.applied, purse.applied)
        purse.escrow.flushed(purse.booked(done), {})
        remains: Counter[str] = Counter()
        for lease in level.leases:
            remains[lease.window] += lease.granted - lease.spent - lease.risk
        purse.reread(remains)
        self._leaving = Counter(purse.escrow.take_back(self._leaving))
        self._answered.clear()
        self._returned(purse.escrow.everything())

    async def _close(self) -> None:
        """Ends a lost worker that has ended all it began; else its journal stays, to be adopted."""
        while True:
            try:
                return await self._contact.move(self._purse.worker.close, self._store)
            except StoreUnavailable:
                await asyncio.sleep(_LONGEST_WAIT)


class Till(Struct, frozen=True, eq=False):
    """A purse and its settler."""

    purse: Purse
    settler: Settler


async def _until(event: asyncio.Event, seconds: float) -> None:
    if seconds > 0 and not event.is_set():
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass
