"""The bank: every transaction on the books goes through it, and is held against the invariants."""

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from msgspec import Struct

from tests.spend.model.books import Books, Picture, Row
from tests.spend.model.loop import ModelClock
from zai_gateway.errors import StoreUnavailable
from zai_gateway.spend.budgets import Budget

T = TypeVar("T")

RAISING = frozenset({"grant", "flush", "adopt", "resolve", "write_off", "close_worker"})
"""What may add to what is committed: GRANT within the limit, the others what was spent beyond it."""


class Violation(AssertionError):
    """Something that must never be."""


class Case(Struct):
    """What the ledger says of an attempt, or of a lost lease: the sums of its rows, in nano-USD."""

    worker: str
    windows: tuple[str, ...]
    first: tuple[int, int]
    """The cost and the risk of its first row."""
    cost: int = 0
    risk: int = 0
    rows: int = 0


class Late(Struct, frozen=True, eq=False):
    """A transaction that is carried out when nobody waits for its answer any more."""

    call: str
    worker: str
    do: Callable[[], object]
    strays: bool
    """Whether not even who locks the worker's row waits for it."""


class Bank:
    """Runs transactions one after another; those whose commit is late wait here."""

    def __init__(self, books: Books, clock: ModelClock, *budgets: Budget) -> None:
        self.books = books
        self.relieved_at = 0.0
        """When room was last made, as nothing does that a worker learns of at once, by the steady clock."""
        self._clock = clock
        self.budgets = {budget.id: budget for budget in budgets}
        self.violation: BaseException | None = None
        """The first one: it is raised after the step, for a product that meets it would go on."""
        self.cases: dict[str, Case] = {}
        """By request."""
        self.ceilings: dict[str, int] = {}
        """What may be committed of each window: its limit, or what was committed when that was lowered."""
        self._booked: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        self._rows = 0
        self._late: list[Late] = []
        self._seen = books.picture()

    # Transactions

    def transact(self, call: str, whose: str | None, do: Callable[[], T]) -> T:
        """One transaction that may lower what is granted to the worker `whose`; None: to any."""
        before = self._seen
        try:
            return do()
        finally:
            self._seen = self.books.picture()
            self._judge(call, whose, before, self._seen)

    def postpone(self, call: str, worker: str, do: Callable[[], object], *, strays: bool) -> None:
        """Its commit is under way at the store when whoever sent it has given up, or is dead."""
        self._late.append(Late(call, worker, do, strays))

    def land(self, worker: str) -> None:
        """Whoever locks the row of the worker waits for its late commits."""
        for late in tuple(self._late):
            if late.worker == worker and not late.strays:
                self.land_one(late)

    def land_one(self, late: Late) -> None:
        """A late commit comes through."""
        self._late.remove(late)
        with suppress(StoreUnavailable):  # nobody is there to hear that it was refused
            self.transact(late.call, late.worker, late.do)

    @property
    def under_way(self) -> tuple[Late, ...]:
        """The late commits."""
        return tuple(self._late)

    def edit(self, budget: Budget) -> None:
        """Sets another limit."""
        self.relieve()
        self.books.put_budget(budget)
        self.budgets[budget.id] = budget
        for window, committed in self._seen.committed.items():
            if _budget_of(window) == budget.id:
                if budget.limit is None:
                    self.ceilings.pop(window, None)
                else:
                    self.ceilings[window] = max(budget.limit, committed)

    def relieve(self) -> None:
        """There is room of which nobody knows yet."""
        self.relieved_at = self._clock.monotonic()

    # What is there

    def limit(self, window: str) -> int | None:
        """The limit that is in force."""
        return self.budgets[_budget_of(window)].limit

    @property
    def picture(self) -> Picture:
        """After the last transaction."""
        return self._seen

    def booked(self, window: str) -> tuple[int, int]:
        """The cost and the risk that the ledger has of a window."""
        cost, risk = self._booked[window]
        return cost, risk

    # What must be

    def blame(self, trouble: BaseException) -> None:
        """Remembers the first violation."""
        self.violation = self.violation or trouble

    def require(self, holds: bool, what: str) -> None:
        """What does not hold is a violation."""
        if not holds:
            self.blame(Violation(what))

    def audit(self) -> None:
        """Invariants 1, 2 and 4, and that no attempt is booked twice."""
        self._read_ledger()
        sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for (window, worker), lease in self._seen.leases.items():
            its = sums[window]
            its[0] += lease.granted
            its[1] += lease.spent
            its[2] += lease.risk
            self.require(lease.granted >= lease.spent + lease.risk, f"(2) {worker} on {window}: {lease}")
        for window, committed in self._seen.committed.items():
            its = sums[window]
            self.require(committed == its[0], f"(1) {window}: {committed} committed, {its[0]} granted")
            self.require(its[1:] == self._booked[window], f"(4) {window}: {its}, {self._booked[window]}")
            limit = self.limit(window)
            if limit is not None:
                ceiling = self.ceilings.get(window, limit)
                self.ceilings[window] = max(limit, min(ceiling, committed))

    def _judge(self, call: str, whose: str | None, before: Picture, after: Picture) -> None:
        if before == after:
            return
        if whose is not None:
            for key, lease in before.leases.items():
                now = after.leases.get(key)
                lowered = now is None or now.granted < lease.granted
                theirs = key[1] != whose
                self.require(not (lowered and theirs), f"(5) {call} of {whose} lowered the lease {key}")
                if lowered and call in {"grant", "lose", "recall", "open_worker"}:
                    self.require(False, f"(5) {call} lowered the lease {key}")
        for window, committed in after.committed.items():
            rose = committed > before.committed.get(window, 0)
            self.require(not rose or call in RAISING, f"{call} committed more of {window}")
            limit = self.limit(window)
            if rose and call == "grant" and limit is not None:
                self.require(committed <= limit, f"(3) GRANT took {window} to {committed} of {limit}")

    def _read_ledger(self) -> None:
        for row in self.books.rows(self._rows):
            self._rows += 1
            case = self.cases.get(row.request)
            if case is None:
                case = Case(row.worker, row.windows, (row.cost, row.risk))
                self.cases[row.request] = case
            self._add(case, row)

    def _add(self, case: Case, row: Row) -> None:
        self.require(row.seq == case.rows, f"{row.request} is booked twice, or out of its order: {row.seq}")
        case.rows += 1
        case.cost += row.cost
        case.risk += row.risk
        if row.cost + row.risk < 0:
            self.relieve()
        for window in row.windows:
            sums = self._booked[window]
            sums[0] += row.cost
            sums[1] += row.risk


def _budget_of(window: str) -> str:
    return window.rpartition(":")[0]
