"""A purse: the money of one worker's id, in its leases, its journal, and settlements not in the store yet."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Protocol

from zai_gateway.spend.escrow import Escrow
from zai_gateway.spend.ledger import Attempt, Entry, Outcome
from zai_gateway.spend.store import WorkerRegister

_ESTIMATED_PART = 4
"""A worst case has a token for each byte; text has about four (wire.usage.estimated_tokens)."""


class Records(Protocol):
    """Where holds and settlements are written down before anything follows from them: `journal.Journal`."""

    @property
    def open_holds(self) -> int: ...

    size: int

    def hold(self, attempt: Attempt, windows: tuple[str, ...], amount: int, estimate: int) -> int: ...

    def settle(self, hold: int, outcome: Outcome, at_ms: int) -> int: ...

    def release(self, hold: int) -> None: ...

    def flushed(self, seq: int) -> None: ...


class LiveWorker(Protocol):
    """A worker that is registered and lives: `worker.Worker`, once it was opened."""

    @property
    def id(self) -> str: ...

    @property
    def journal(self) -> Records: ...

    def look_for_dead(self, register: WorkerRegister, now_ms: int) -> int:
        """Finishes what the dead began; says how many requests are unconfirmed by it. Blocks."""
        ...

    def close(self, register: WorkerRegister) -> None:
        """Ends in order: everything was flushed. Blocks. Raises StoreUnavailable."""
        ...

    def abandon(self) -> None:
        """Leaves the journal for others to adopt."""
        ...


class Purse:
    """Holds, settles and releases, in the leases and in the journal. Belongs to one event loop."""

    def __init__(self, worker: LiveWorker) -> None:
        self.worker = worker
        self.id = worker.id
        self.escrow = Escrow()
        self.lost = False
        """The store gave this worker up: it ends what it began, and holds nothing more."""
        self.applied = 0
        """The sequence number up to which the store is known to have its settlements."""
        self.settled = 0
        """The latest sequence number."""
        self.changes = 0
        """Counts the beginnings and ends of moves that change what the store has leased to it."""
        self.changing = 0
        """How many of them are under way."""
        self._journal = worker.journal
        self._unflushed: deque[Entry] = deque()
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def usable(self) -> bool:
        """Whether it may hold."""
        return not (self.lost or self.escrow.doubtful)

    @property
    def open_holds(self) -> int:
        """How many holds are neither settled nor released."""
        return self._journal.open_holds

    @property
    def unflushed(self) -> int:
        """How many settlements the store is not known to have."""
        return len(self._unflushed)

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest of them was settled, in milliseconds since 1970."""
        return self._unflushed[0].at_ms if self._unflushed else None

    def set_aside(self, windows: Sequence[str], amount: int, now: float) -> bool:
        """Takes the amount out of all the leases, or out of none: then it says False."""
        return not self.lost and self.escrow.hold(windows, amount, now)

    def write(self, attempt: Attempt, windows: tuple[str, ...], amount: int) -> int:
        """Writes the hold of what was set aside, and gives its number.

        Raises JournalFull: then it is free again.
        """
        try:
            return self._journal.hold(attempt, windows, amount, amount // _ESTIMATED_PART)
        except BaseException:
            self.escrow.settle(windows, amount, 0)
            raise

    def settle(self, number: int, amount: int, entry: Entry) -> None:
        """Closes a hold of `amount` with what it came to: once this returns, no crash forgets it."""
        self.settled = self._journal.settle(number, entry.outcome, entry.at_ms)
        self.escrow.settle(entry.windows, amount, entry.outcome.cost + entry.outcome.risk)
        self._unflushed.append(entry)

    def release(self, number: int, amount: int, windows: Sequence[str]) -> None:
        """Gives back a hold of which nothing was sent."""
        self._journal.release(number)
        self.escrow.settle(windows, amount, 0)

    def due(self, most: int) -> tuple[Entry, ...]:
        """The oldest settlements that the store is not known to have: those after `applied`."""
        return tuple(islice(self._unflushed, most))

    def booked(self, seq: int) -> Counter[str]:
        """The store has the settlements up to this one; what they spent, by window."""
        gone = [self._unflushed.popleft() for _ in range(min(seq - self.applied, len(self._unflushed)))]
        self.applied = seq
        self._journal.flushed(seq)
        return spent(gone)

    def reread(self, remains: dict[str, int]) -> None:
        """The end of DOUBT: `remains` is what the store has leased beyond what it has booked, by window.

        What a lost worker has free is not its own any more, so that there is nothing to work out.
        """
        if self.lost:
            self.escrow.doubtful = False
        else:
            self.escrow.reread(remains, spent(self._unflushed))
        self.changed()

    def began(self) -> None:
        """A move that changes leases begins."""
        self.changing += 1
        self.changes += 1

    def ended(self) -> None:
        """It has ended, whatever came of it."""
        self.changing -= 1
        self.changes += 1
        self.changed()

    def changed(self) -> None:
        """Wakes whoever waits for `until`."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Waits until something is so, but no longer than this; says whether it is."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not holds() and (left := end - loop.time()) > 0:
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting.append(turn)
            await asyncio.wait({turn}, timeout=left)
        return holds()


def spent(entries: Sequence[Entry] | deque[Entry]) -> Counter[str]:
    """What the entries spent, cost and risk, by window."""
    together: dict[tuple[str, ...], int] = {}
    for entry in entries:
        outcome = entry.outcome
        together[entry.windows] = together.get(entry.windows, 0) + outcome.cost + outcome.risk
    sums: Counter[str] = Counter()
    for windows, amount in together.items():
        for window in windows:
            sums[window] += amount
    return sums
