"""What spending asks of a store: the moves of the spend protocol, each one transaction."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from zai_gateway.errors import StoreUnavailable
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.clamp import Room
from zai_gateway.spend.ledger import Entry


class Granted(Struct, frozen=True):
    """A hold that stands in every window of the request."""

    windows: tuple[str, ...]
    amount: int
    """Nano-USD."""
    output_limit: int | None
    """The output limit that the amount assumes; None where none has to be sent."""


class Need(Struct, frozen=True, kw_only=True):
    """What a worker asks for in one window. Amounts are in nano-USD."""

    window: str
    budget: str
    """The id of the budget, whose limit is read where it is stored."""
    start_ms: int
    need: int
    """Less helps nobody."""
    want: int
    """What would last for a while; `sizes.granted` says how much of it is given."""


class Level(Struct, frozen=True, kw_only=True):
    """Where a window stands in the store, in nano-USD."""

    window: str
    budget: Budget
    start_ms: int
    committed: int = 0
    spent: int = 0
    risk: int = 0
    silent: int = 0
    """Workers that live, hold money of the window that may be free, and have not answered a recall of it.

    Of which recall, `SpendStore.levels` says; in a Grant it is the last one. Without any recall it is 0.
    """

    @property
    def room(self) -> Room | None:
        """What is left of it; None where the budget has no limit."""
        limit = self.budget.limit
        if limit is None:
            return None
        return Room(
            limit=limit,
            free=limit - self.committed,
            unspent=limit - self.spent - self.risk,
            called=self.budget.called,
        )


class Grant(Struct, frozen=True, kw_only=True):
    """What came of a GRANT."""

    amounts: Mapping[str, int] | None
    """Nano-USD by window; None where a window has less than was needed, and then nothing was granted."""
    levels: tuple[Level, ...]
    """Where the windows stand now, in the order of their ids; after a GRANT that came through, with it."""


class Batch(Struct, frozen=True, kw_only=True):
    """What a worker flushes, in the order of its journal. Amounts are in nano-USD by window."""

    worker: str
    start: int
    """The sequence number up to which the store has applied the worker's settlements."""
    end: int
    entries: tuple[Entry, ...]
    shortfall: Mapping[str, int]
    """Spent beyond what was granted: an overrun, which is granted unasked."""
    back: Mapping[str, int]
    """Given back. It has left the worker's memory before."""
    answers: Mapping[str, int]
    """The number of the recall that this answers, by window."""
    at_ms: int = 0
    """When it is flushed, in milliseconds since 1970: the worker was heard of then. 0 says nothing of it."""


class LeaseLevel(Struct, frozen=True, kw_only=True):
    """A worker's lease on one window as the store has it, in nano-USD."""

    window: str
    granted: int
    spent: int
    risk: int


class WorkerLevel(Struct, frozen=True, kw_only=True):
    """A worker as the store has it: what it rereads when it is in doubt."""

    state: str
    """`live`, `closed` or `lost`. One that the store does not know is `closed`: of those nothing is kept."""
    applied: int
    leases: tuple[LeaseLevel, ...]


class OutOfStep(StoreUnavailable):
    """The store has applied another part of the journal than the worker knows of: it must reread."""


class WorkerLost(StoreUnavailable):
    """The worker is not live in the store any more: it may hold nothing, and has to begin anew."""


class OpenHold(Struct, frozen=True, kw_only=True):
    """A hold that a dead worker's journal left open, as the entry that books it: cost 0, risk all of it."""

    entry: Entry


class Standing(Struct, frozen=True):
    """Where a budget's current window stands, in nano-USD."""

    budget: Budget
    window_start_ms: int
    spent: int
    risk: int
    held: int


class WorkerLife(Struct, frozen=True, kw_only=True):
    """A worker as it is registered when it begins to live."""

    id: str
    host: str
    boot: str
    """The kernel's name for the start of the machine; empty where it has none."""
    journal: str
    """The path of the file that it keeps locked while it lives."""
    seen: int
    """When it was last heard of, in milliseconds since 1970."""


class WorkerRegister(Protocol):
    """Which workers live. Blocking calls; all raise StoreUnavailable where the store does not answer."""

    def open_worker(self, worker: WorkerLife) -> None:
        """Writes down that `worker` lives, before it holds anything. Twice is as good as once."""
        ...

    def live_workers(self) -> tuple[WorkerLife, ...]:
        """Workers that were opened and are neither closed nor lost."""
        ...

    def worker(self, worker: str) -> WorkerLevel:
        """DOUBT: what the store has of the worker. A late commit of its own is waited for."""
        ...

    def saw(self, worker: str, now_ms: int) -> None:
        """Writes down that the worker lives. Raises WorkerLost."""
        ...

    def flush(self, batch: Batch) -> None:
        """FLUSH: books the entries and what is given back, once. Raises OutOfStep.

        A batch without entries cannot be told from its repetition: one in doubt is never sent again, but the
        worker reread. Without shortfall and return it leaves the windows' shared rows alone.

        Of a worker that was declared lost it books what that worker spent inside the risk that it left, and
        ends as much of that risk as is given back: that raises nothing, and whatever is above the risk is
        granted unasked. Raises WorkerLost where the worker is closed: its journal was adopted, so that all
        that stood in it is booked.
        """
        ...

    def close_worker(self, worker: str) -> None:
        """Returns what is left of its leases and closes it: everything was flushed, and no hold is open.

        Of a worker that was declared lost it ends the risk that it left. One that is closed stays so.
        """
        ...

    def adopt(self, batch: Batch, left: Sequence[OpenHold]) -> None:
        """ADOPT: flushes what a dead worker's journal has left, books its open holds, returns the rest.

        What the leases have left is returned, or granted unasked where more was spent: `shortfall`, `back`
        and `answers` of the batch are not looked at. A worker that was declared lost is adopted too, and the
        risk that it left ends. The worker is closed by it; one that is closed already is left as it is, and
        then nothing is booked. Raises OutOfStep where `batch.start` is not what the store has applied.
        """
        ...

    def lose(self, worker: str, now_ms: int) -> int:
        """LOST: what its leases have left becomes risk, in a ledger entry for each window.

        Their requests are `ledger.lost_request(worker, window)`, their attempts 0. Says how much that is, in
        nano-USD, summed over the windows; 0 for one that is not live.
        """
        ...


class SpendStore(WorkerRegister, Protocol):
    """Blocking calls; each is one transaction that happened whole or not at all.

    All raise StoreUnavailable where the store does not answer, and StoreInDoubt where a commit's reply was
    lost.
    """

    def grant(self, worker: str, needs: Sequence[Need]) -> Grant:
        """GRANT: leases what is needed in all windows at once, or in none: the only test of a limit.

        Windows that nobody made yet are made. While a recall of a window holds, no more of it is granted than
        is needed. Where a window has no limit, only what the books can hold limits it (money.MAX_NANO).
        Raises WorkerLost where the worker is not live, and LookupError for a budget that is not stored.
        """
        ...

    def recall(self, windows: Sequence[str], for_ms: int) -> Mapping[str, int]:
        """Asks every worker for what it does not use of these windows, for so many milliseconds from now.

        The store's own clock counts them, for the hosts' clocks may differ; at most a minute. Says the number
        of the recall by window; a window that nobody made has none.
        """
        ...

    def recalled(self, worker: str) -> Mapping[str, int]:
        """The numbers of the recalls that hold now, by window, of windows that the worker has a lease on."""
        ...

    def levels(
        self, windows: Sequence[str], asking: str, recalls: Mapping[str, int] | None = None
    ) -> tuple[Level, ...]:
        """Where these windows stand now, in the order of their ids.

        `silent` leaves the worker out that is asking, and counts who has not answered the recalls of these
        numbers, which `recall` gave (others may have recalled since); of None, the last ones. Raises
        LookupError for the window of a budget that is not stored.
        """
        ...

    def standings(self, owner: str, now_ms: int) -> tuple[Standing, ...]:
        """Where each budget of `owner` stands in its current window."""
        ...


class Resolutions(Protocol):
    """What an operator, or time, does about money of which nobody knows whether it was spent."""

    def resolve(self, request: str, attempt: int, cost: int, now_ms: int) -> None:
        """RESOLVE: the attempt turned out to cost `cost` nano-USD beside what is booked; its risk ends.

        A further ledger row says so, and the difference is free again, or granted unasked where the cost is
        above the risk. `cost` is negative where less was billed than is booked. Raises Failure: NOT_FOUND
        where nothing of it is unconfirmed, INVALID_REQUEST where the whole cost would be less than nothing.
        """
        ...

    def write_off(self, before_ms: int, now_ms: int) -> int:
        """Resolves at their estimates what was booked before then and is unconfirmed still; says how many.

        Each gets a further row with the flag `written_off`, whose cost is the `estimate` of its outcome, but
        never more than its risk; at most 500 at a time, so that 500 says: ask again.
        """
        ...

    def unconfirmed(self, workspace: str | None, limit: int) -> tuple[Entry, ...]:
        """The attempts with risk left, oldest first: the latest row of each, with its whole cost and risk."""
        ...


class NumbersRegister(Protocol):
    """Where workers tell their numbers, for a reader on any host. Blocking; raises StoreUnavailable."""

    def tell(self, worker: str, numbers: Mapping[str, int | float]) -> None:
        """Keeps them in the place of what the worker told before; nothing where it is closed."""
        ...
