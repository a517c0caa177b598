"""What spending asks of a store: the moves of the spend protocol, each one transaction."""

from typing import Protocol

from msgspec import Struct

from zai_gateway.catalogue.bound import Bound
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.ledger import Attempt, Entry


class Granted(Struct, frozen=True):
    """A hold that stands in every window of the request."""

    windows: tuple[str, ...]
    amount: int
    """Nano-USD."""
    output_limit: int | None
    """The output limit that the amount assumes; None where none has to be sent."""


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
    """When it began, in milliseconds since 1970."""


class WorkerRegister(Protocol):
    """Which workers live. Blocking calls; all raise StoreUnavailable where the store does not answer."""

    def open_worker(self, worker: WorkerLife) -> None:
        """Writes down that `worker` lives, before it holds anything."""
        ...

    def adopt(self, worker: str, now_ms: int) -> int:
        """ADOPT: every open hold of a dead worker becomes an unconfirmed entry; says how many there were."""
        ...

    def live_workers(self) -> tuple[str, ...]:
        """Workers that were opened and not closed: living, or dead and not adopted yet."""
        ...

    def close_worker(self, worker: str) -> None:
        """Writes down that `worker` ended in order, with no hold open."""
        ...


class SpendStore(WorkerRegister, Protocol):
    """Blocking calls; each is one transaction that happened whole or not at all.

    All raise StoreUnavailable where the store does not answer.
    """

    def hold(
        self, worker: str, attempt: Attempt, budgets: tuple[Budget, ...], bound: Bound | None
    ) -> Granted:
        """GRANT: holds the worst case in the current windows of all budgets at once, or in none.

        The amount is what `clamp.share` says of the exact remainder of the tightest window that has a limit;
        `bound` of None (an unpriced model on a key without a cap) holds zero. The window is that of
        `attempt.started_ms`. The only place where a limit is tested. Raises Failure (SPEND_CAP_REACHED or
        BUDGET_BUSY), and StoreInDoubt where the hold may stand all the same.
        """
        ...

    def settle(self, entry: Entry, held: int) -> None:
        """FLUSH: closes the hold of `entry.attempt`, books the entry and gives back what is left of `held`.

        Cost or risk above the hold is booked all the same (an overrun). Settling twice changes nothing.
        """
        ...

    def release(self, worker: str, attempt: Attempt, granted: Granted | None) -> None:
        """Closes the hold of an attempt that was never sent, and gives all of it back; no entry.

        `granted` of None: it is not known whether anything was. Releasing what is not held changes nothing.
        """
        ...

    def standings(self, owner: str, now_ms: int) -> tuple[Standing, ...]:
        """Where each budget of `owner` stands in its current window."""
        ...
