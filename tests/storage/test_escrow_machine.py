"""The books as a state machine: random holds, settlements, deaths and edits never break an invariant."""

import itertools
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec import Struct
from msgspec.structs import replace

from tests.postgresql.server import PostgresServer
from tests.storage.places import Place, emptying
from tests.storage.samples import DAY, NOON, add_budget, attempt, audit, entry, life, outcome
from zai_gateway.catalogue.bound import Bound
from zai_gateway.errors import Code, Failure
from zai_gateway.spend.budgets import Budget, Period, window_id, window_start
from zai_gateway.spend.ledger import Attempt
from zai_gateway.spend.store import Granted

BUDGETS = (
    Budget(id="key", owner="owner", limit=200),
    Budget(id="member", owner="owner", limit=120, period=Period.DAILY),
    Budget(id="workspace", owner="owner", limit=None),
)

bounds = st.builds(
    Bound,
    input_pico=st.integers(0, 60_000),
    output_pico=st.integers(1, 2_000),
    asked=st.none() | st.integers(1, 100),
    most=st.none() | st.integers(20, 100),
    room=st.none(),
    floor=st.integers(1, 20),
)
some = st.integers(0, 1_000)
"""Which of those that there are: the rest of a division chooses."""


class Open(Struct, frozen=True):
    """A hold as its worker knows it."""

    attempt: Attempt
    worker: str
    granted: Granted


class Escrow(RuleBasedStateMachine):
    """Does the same to the store and to three counters, which are all that the protocol means."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.store = place.open()
        self.budgets = {each.id: each for each in BUDGETS}
        self.now = NOON
        self.spent, self.risk, self.held = Counter[str](), Counter[str](), Counter[str]()
        self.holds: list[Open] = []
        self.closed: list[Open] = []
        self.workers: list[str] = []
        self.names = itertools.count()
        self.start_worker()
        self.start_worker()

    def start_worker(self) -> None:
        self.workers.append(f"worker_{next(self.names)}")
        self.store.spend.open_worker(life(self.workers[-1]))

    def window(self, budget: Budget) -> str:
        return window_id(budget.id, window_start(budget.period, self.now))

    def left(self, budgets: tuple[Budget, ...]) -> tuple[int, int]:
        """The least that is free, and the least that is unspent, of the limited windows."""
        limits = [(self.window(each), each.limit) for each in budgets if each.limit is not None]
        unspent = [(limit - self.spent[name] - self.risk[name], name) for name, limit in limits]
        plenty = [10**9]
        return (
            min(plenty + [amount - self.held[name] for amount, name in unspent]),
            min(plenty + [amount for amount, _ in unspent]),
        )

    @rule(bound=bounds, chosen=st.sets(st.sampled_from([each.id for each in BUDGETS])), pick=some)
    def hold(self, bound: Bound, chosen: set[str], pick: int) -> None:
        worker = self.workers[pick % len(self.workers)]
        of = attempt(f"req_{next(self.names)}", at_ms=self.now)
        budgets = tuple(self.budgets[id] for id in chosen)
        floor = min(n for n in (bound.floor, bound.asked, bound.most) if n is not None)
        free, unspent = self.left(budgets)
        try:
            granted = self.store.spend.hold(worker, of, budgets, bound)
        except Failure as refused:
            assert bound.worst(floor) > free, "refused what would have fitted"
            reached = bound.worst(floor) > unspent
            assert refused.code is (Code.SPEND_CAP_REACHED if reached else Code.BUDGET_BUSY)
            return
        assert bound.worst(floor) <= granted.amount <= free or free == 10**9
        assert granted.windows == tuple(sorted(map(self.window, budgets)))
        self.holds.append(Open(of, worker, granted))
        self.held.update(dict.fromkeys(granted.windows, granted.amount))

    def take(self, pick: int) -> Open:
        taken = self.holds.pop(pick % len(self.holds))
        self.closed.append(taken)
        self.held.subtract(dict.fromkeys(taken.granted.windows, taken.granted.amount))
        return taken

    def settle_in_store(self, taken: Open, cost: int, risk: int) -> None:
        booked = entry(taken.attempt, taken.granted, outcome(cost, risk), taken.worker)
        self.store.spend.settle(booked, taken.granted.amount)

    @precondition(lambda self: self.holds)
    @rule(pick=some, cost=st.integers(0, 90), risk=st.integers(0, 30))
    def settle(self, pick: int, cost: int, risk: int) -> None:
        taken = self.take(pick)
        self.settle_in_store(taken, cost, risk)
        self.spent.update(dict.fromkeys(taken.granted.windows, cost))
        self.risk.update(dict.fromkeys(taken.granted.windows, risk))

    @precondition(lambda self: self.closed)
    @rule(pick=some, cost=st.integers(0, 90))
    def settle_what_is_settled_or_adopted(self, pick: int, cost: int) -> None:
        self.settle_in_store(self.closed[pick % len(self.closed)], cost, 0)

    @precondition(lambda self: self.holds)
    @rule(pick=some)
    def release(self, pick: int) -> None:
        taken = self.take(pick)
        self.closed.remove(taken)
        self.store.spend.release(taken.worker, taken.attempt, taken.granted)

    @rule(pick=some)
    def die(self, pick: int) -> None:
        worker = self.workers.pop(pick % len(self.workers))
        lost = [index for index, each in enumerate(self.holds) if each.worker == worker]
        for index in reversed(lost):
            granted = self.take(index).granted
            self.risk.update(dict.fromkeys(granted.windows, granted.amount))
        assert self.store.spend.adopt(worker, self.now) == len(lost)
        self.start_worker()

    @rule(budget=st.sampled_from(BUDGETS), limit=st.none() | st.integers(0, 300))
    def edit(self, budget: Budget, limit: int | None) -> None:
        self.budgets[budget.id] = add_budget(self.place, replace(budget, limit=limit))

    @rule()
    def turn_the_day(self) -> None:
        self.now += DAY

    @invariant()
    def the_books_are_true(self) -> None:
        audit(self.place)
        for standing in self.store.spend.standings("owner", self.now):
            name = self.window(standing.budget)
            counted = (self.spent[name], self.risk[name], self.held[name])
            assert (standing.spent, standing.risk, standing.held) == counted
            assert standing.budget == self.budgets[standing.budget.id]

    def teardown(self) -> None:
        self.store.close()


def run(fresh: Callable[[], Place], examples: int) -> None:
    """Runs the machine in places without books, of which `fresh` gives another one for each example."""

    class Fresh(Escrow):
        def __init__(self) -> None:
            place = fresh()
            for budget in BUDGETS:
                add_budget(place, budget)
            super().__init__(place)

    run_state_machine_as_test(
        Fresh, settings=settings(max_examples=examples, stateful_step_count=30, deadline=None, database=None)
    )


def test_no_order_of_moves_breaks_the_books_of_sqlite(made: Path) -> None:
    # Kept in memory where a system has such a place: it is the arithmetic that is tested, not the disk.
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        copies = (Path(folder) / str(number) for number in itertools.count())
        run(lambda: Place(shutil.copytree(made, next(copies))), 40)


def test_no_order_of_moves_breaks_the_books_of_postgresql(
    postgres: PostgresServer, emptied: str, data: Path
) -> None:
    def fresh() -> Place:
        postgres.do(emptying(), emptied)
        return Place(data, postgres.address(emptied))

    run(fresh, 10)
