"""A store in memory that does what `spend.store.SpendStore` says, and fails where it is told to."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from tests.spend.memory_rows import LeaseRow, NoTrouble, Trouble, WindowRow, WorkerRow
from zai_gateway.money import MAX_NANO
from zai_gateway.spend.budgets import Budget, window_id, window_start
from zai_gateway.spend.ledger import Attempt, Certainty, Entry, Flag, Outcome, lost_request
from zai_gateway.spend.sizes import granted
from zai_gateway.spend.store import (
    Batch,
    Grant,
    LeaseLevel,
    Level,
    Need,
    OpenHold,
    OutOfStep,
    Standing,
    WorkerLevel,
    WorkerLife,
    WorkerLost,
)

T = TypeVar("T")


class MemoryStore:
    """Every call is one transaction under one lock; `now_ms` is the store's own clock."""

    def __init__(self, now_ms: Callable[[], int], *budgets: Budget, trouble: Trouble | None = None) -> None:
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self.trouble: Trouble = trouble or NoTrouble()
        self.budgets = {budget.id: budget for budget in budgets}
        self.windows: dict[str, WindowRow] = {}
        self.leases: dict[tuple[str, str], LeaseRow] = {}
        """By window and worker."""
        self.workers: dict[str, WorkerRow] = {}
        self.ledger: list[Entry] = []
        self.calls: list[str] = []

    # What a test may do

    def put_budget(self, budget: Budget) -> None:
        """Writes a budget, or its new limit."""
        with self._lock:
            self.budgets[budget.id] = budget

    def spent(self, window: str | None = None) -> int:
        """The cost of all entries, or of those of one window."""
        return sum(each.outcome.cost for each in self.ledger if window is None or window in each.windows)

    def audit(self) -> None:
        """Asserts the invariants of spend.md that can be seen from here: all but (3) and (5)."""
        with self._lock:
            sums, cost, risk = Counter[str](), Counter[str](), Counter[str]()
            lease_spent, lease_risk = Counter[str](), Counter[str]()
            for (window, worker), lease in self.leases.items():
                assert lease.left >= 0, (window, worker, lease)
                sums[window] += lease.granted
                lease_spent[window] += lease.spent
                lease_risk[window] += lease.risk
            for entry in self.ledger:
                for window in entry.windows:
                    cost[window] += entry.outcome.cost
                    risk[window] += entry.outcome.risk
            for id, window in self.windows.items():
                assert window.committed == sums[id], (id, window, sums[id])
                assert (lease_spent[id], lease_risk[id]) == (cost[id], risk[id]), id
            keys = [(each.attempt.request, each.attempt.number, each.seq) for each in self.ledger]
            assert len(keys) == len(set(keys)), "an attempt is booked twice"

    # WorkerRegister

    def open_worker(self, worker: WorkerLife) -> None:
        def do() -> None:
            self.workers.setdefault(worker.id, WorkerRow(worker))

        self._do("open_worker", do)

    def live_workers(self) -> tuple[WorkerLife, ...]:
        return self._do(
            "live_workers", lambda: tuple(row.life for row in self.workers.values() if row.state == "live")
        )

    def worker(self, worker: str) -> WorkerLevel:
        return self._do("worker", lambda: self._worker_level(worker))

    def saw(self, worker: str, now_ms: int) -> None:
        def do() -> None:
            row = self._live(worker)
            row.life = replace(row.life, seen=now_ms)

        self._do("saw", do)

    def flush(self, batch: Batch) -> None:
        def do() -> None:
            row = self.workers.get(batch.worker)
            if row is None or row.state == "closed":
                raise WorkerLost("The worker is closed.")
            if row.applied != batch.start:
                raise OutOfStep(f"The store has applied {row.applied}, not {batch.start}.")
            row.applied = batch.end
            if row.state == "lost":
                self._book_lost(batch)
                return
            self._grant(batch.worker, batch.shortfall)
            self._book(batch.worker, batch.entries)
            self._grant(batch.worker, batch.back, -1)
            for window, number in batch.answers.items():
                lease = self._lease(window, batch.worker)
                lease.answered = max(lease.answered, number)

        self._do("flush", do)

    def close_worker(self, worker: str) -> None:
        def do() -> None:
            row = self.workers.get(worker)
            if row is not None and row.state != "closed":
                self._end(row, ())

        self._do("close_worker", do)

    def adopt(self, batch: Batch, left: Sequence[OpenHold]) -> None:
        def do() -> None:
            row = self.workers.get(batch.worker)
            if row is None or row.state == "closed":
                return
            if row.applied != batch.start:
                raise OutOfStep(f"The store has applied {row.applied}, not {batch.start}.")
            self._end(row, (*batch.entries, *(each.entry for each in left)))

        self._do("adopt", do)

    def lose(self, worker: str, now_ms: int) -> int:
        def do() -> int:
            row = self.workers.get(worker)
            if row is None or row.state != "live":
                return 0
            row.state = "lost"
            entries = [
                _lost(worker, window, lease.left, 0, now_ms)
                for (window, holder), lease in self.leases.items()
                if holder == worker and lease.left > 0
            ]
            self._book(worker, entries)
            return sum(each.outcome.risk for each in entries)

        return self._do("lose", do)

    # SpendStore

    def grant(self, worker: str, needs: Sequence[Need]) -> Grant:
        def do() -> Grant:
            self._live(worker)
            for need in needs:
                budget = self.budgets[need.budget]
                self.windows.setdefault(need.window, WindowRow(budget.id, need.start_ms))
            ids = sorted(need.window for need in needs)
            amounts: dict[str, int] = {}
            for need in needs:
                window = self.windows[need.window]
                limit = self.budgets[window.budget].limit
                want = need.need if self._is_recalled(window) else need.want
                free = None if limit is None else limit - window.committed
                amount = granted(need.need, want, free)
                if amount is None or window.committed + need.need > MAX_NANO:
                    return Grant(amounts=None, levels=self._levels(ids, worker, None))
                amounts[need.window] = min(amount, MAX_NANO - window.committed)
            self._grant(worker, amounts)
            return Grant(amounts=amounts, levels=self._levels(ids, worker, None))

        return self._do("grant", do)

    def recall(self, windows: Sequence[str], for_ms: int) -> Mapping[str, int]:
        def do() -> Mapping[str, int]:
            numbers: dict[str, int] = {}
            for id in windows:
                window = self.windows.get(id)
                if window is not None:
                    window.recall += 1
                    window.recalled_until_ms = max(window.recalled_until_ms, self._now_ms() + for_ms)
                    numbers[id] = window.recall
            return numbers

        return self._do("recall", do)

    def recalled(self, worker: str) -> Mapping[str, int]:
        def do() -> Mapping[str, int]:
            mine = (window for window, holder in self.leases if holder == worker)
            return {id: self.windows[id].recall for id in mine if self._is_recalled(self.windows[id])}

        return self._do("recalled", do)

    def levels(
        self, windows: Sequence[str], asking: str, recalls: Mapping[str, int] | None = None
    ) -> tuple[Level, ...]:
        return self._do("levels", lambda: self._levels(sorted(windows), asking, recalls))

    def standings(self, owner: str, now_ms: int) -> tuple[Standing, ...]:
        def do() -> tuple[Standing, ...]:
            found: list[Standing] = []
            for budget in self.budgets.values():
                if budget.owner == owner:
                    id = window_id(budget.id, window_start(budget.period, now_ms))
                    (level,) = self._levels([id], "", None)
                    held = level.committed - level.spent - level.risk
                    found.append(Standing(budget, level.start_ms, level.spent, level.risk, held))
            return tuple(found)

        return self._do("standings", do)

    # Resolutions, as far as a test needs them

    def resolve(self, request: str, attempt: int, cost: int, now_ms: int) -> None:
        def do() -> None:
            rows = [each for each in self.ledger if _is_of(each, request, attempt)]
            risk = sum(each.outcome.risk for each in rows)
            assert risk > 0, "nothing of it is unconfirmed"
            last = rows[-1]
            outcome = replace(last.outcome, cost=cost, risk=-risk, certainty=Certainty.EXACT)
            row = replace(last, seq=last.seq + 1, outcome=outcome, at_ms=now_ms)
            self._book(row.worker, (row,))
            self._grant(row.worker, dict.fromkeys(row.windows, cost - risk))

        self._do("resolve", do)

    # Inside a transaction

    def _do(self, call: str, what: Callable[[], T]) -> T:
        self.trouble.before(call)
        with self._lock:
            self.calls.append(call)
            done = what()
        self.trouble.after(call)
        return done

    def _live(self, worker: str) -> WorkerRow:
        row = self.workers.get(worker)
        if row is None or row.state != "live":
            raise WorkerLost(f"The worker is {row.state if row else 'not known'}.")
        return row

    def _lease(self, window: str, worker: str) -> LeaseRow:
        if window not in self.windows:
            budget, _, start = window.rpartition(":")
            self.windows[window] = WindowRow(budget, int(start))
        return self.leases.setdefault((window, worker), LeaseRow())

    def _grant(self, worker: str, amounts: Mapping[str, int], sign: int = 1) -> None:
        for window, amount in amounts.items():
            self._lease(window, worker).granted += sign * amount
            self.windows[window].committed += sign * amount

    def _book(self, worker: str, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.ledger.append(entry)
            for window in entry.windows:
                lease = self._lease(window, worker)
                lease.spent += entry.outcome.cost
                lease.risk += entry.outcome.risk

    def _book_lost(self, batch: Batch) -> None:
        used = Counter(batch.back)
        for entry in batch.entries:
            for window in entry.windows:
                used[window] += entry.outcome.cost + entry.outcome.risk
        before = {window: self._lease(window, batch.worker).left for window in used}
        self._book(batch.worker, batch.entries)
        self._end_lost_risk(batch.worker, used, batch.at_ms)
        for window, left in before.items():
            self._grant(batch.worker, {window: left - self._lease(window, batch.worker).left})

    def _end_lost_risk(self, worker: str, most: Mapping[str, int], at_ms: int) -> None:
        for window, amount in most.items():
            rows = [each for each in self.ledger if _is_of(each, lost_request(worker, window), 0)]
            found = min(amount, sum(each.outcome.risk for each in rows))
            if found > 0:
                self._book(worker, (_lost(worker, window, -found, len(rows), at_ms),))

    def _end(self, row: WorkerRow, entries: Sequence[Entry]) -> None:
        worker = row.life.id
        self._book(worker, entries)
        mine = {window: lease for (window, holder), lease in self.leases.items() if holder == worker}
        if row.state == "lost":
            self._end_lost_risk(worker, {w: lease.risk for w, lease in mine.items()}, self._now_ms())
        self._grant(worker, {window: -lease.left for window, lease in mine.items()})
        row.state = "closed"

    def _is_recalled(self, window: WindowRow) -> bool:
        return window.recalled_until_ms > self._now_ms()

    def _worker_level(self, worker: str) -> WorkerLevel:
        row = self.workers.get(worker)
        if row is None:
            return WorkerLevel(state="closed", applied=0, leases=())
        leases = tuple(
            LeaseLevel(window=window, granted=lease.granted, spent=lease.spent, risk=lease.risk)
            for (window, holder), lease in self.leases.items()
            if holder == worker
        )
        return WorkerLevel(state=row.state, applied=row.applied, leases=leases)

    def _levels(
        self, windows: Sequence[str], asking: str, recalls: Mapping[str, int] | None
    ) -> tuple[Level, ...]:
        return tuple(self._level(id, asking, recalls) for id in windows)

    def _level(self, id: str, asking: str, recalls: Mapping[str, int] | None) -> Level:
        name, _, start = id.rpartition(":")
        window = self.windows.get(id) or WindowRow(name, int(start))
        number = window.recall if recalls is None else recalls.get(id, 0)
        leases = {holder: lease for (of, holder), lease in self.leases.items() if of == id}
        silent = sum(
            self.workers[holder].state == "live" and lease.left > 0 and lease.answered < number
            for holder, lease in leases.items()
            if holder != asking
        )
        return Level(
            window=id,
            budget=self.budgets[window.budget],
            start_ms=window.start_ms,
            committed=window.committed,
            spent=sum(lease.spent for lease in leases.values()),
            risk=sum(lease.risk for lease in leases.values()),
            silent=silent,
        )


def _is_of(entry: Entry, request: str, attempt: int) -> bool:
    return entry.attempt.request == request and entry.attempt.number == attempt


def _lost(worker: str, window: str, risk: int, seq: int, at_ms: int) -> Entry:
    return Entry(
        attempt=Attempt(
            request=lost_request(worker, window),
            number=0,
            workspace="",
            key="",
            member=None,
            tags=(),
            provider="",
            provider_key=None,
            requested_model="",
            answering_model="",
            price_version=None,
            streamed=False,
            started_ms=at_ms,
        ),
        seq=seq,
        outcome=Outcome(
            cost=0,
            risk=risk,
            certainty=Certainty.UNCONFIRMED,
            flags=(Flag.INTERRUPTED,),
            status=0,
            total_ms=0,
        ),
        windows=(window,),
        worker=worker,
        at_ms=at_ms,
    )
