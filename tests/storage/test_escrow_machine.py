"""The books as a state machine: no order of moves, deaths, resolutions and edits breaks an invariant."""

import itertools
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, settings
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
from tests.storage.samples import DAY, NOON, Flushes, add_budget, attempt, audit, entry, life, need, window
from zai_gateway.errors import Code, Failure
from zai_gateway.spend.budgets import Budget, Period
from zai_gateway.spend.ledger import Entry, lost_request
from zai_gateway.spend.sizes import granted
from zai_gateway.spend.store import OpenHold, OutOfStep, WorkerLost

BUDGETS = (
    Budget(id="key", owner="owner", limit=200),
    Budget(id="member", owner="owner", limit=120, period=Period.DAILY),
    Budget(id="workspace", owner="owner", limit=None),
)

some = st.integers(0, 1_000)
"""Which of those that there are: the rest of a division chooses."""
budgets = st.sets(st.sampled_from([each.id for each in BUDGETS]), min_size=1)
spendings = st.lists(st.tuples(budgets, st.integers(0, 40), st.integers(0, 20)), max_size=4)
"""What each request cost and risked, and in which budgets."""


class Risk(Struct):
    """An attempt of which something is unconfirmed."""

    worker: str
    windows: tuple[str, ...]
    cost: int
    risk: int
    estimate: int


class Life:
    """A worker as it knows itself."""

    def __init__(self, flushes: Flushes) -> None:
        self.flushes = flushes
        self.left = Counter[str]()
        """What it was granted and has not flushed, by window."""
        self.lost = False


class Escrow(RuleBasedStateMachine):
    """Does the same to the store and to a few counters, which are all that the protocol means."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.store = place.open()
        self.budgets = {each.id: each for each in BUDGETS}
        self.now = NOON
        self.spent, self.risk = Counter[str](), Counter[str]()
        self.recalled = set[str]()
        self.risks: dict[tuple[str, int], Risk] = {}
        self.lives: dict[str, Life] = {}
        self.closed: list[Flushes] = []
        self.names = itertools.count()
        self.start_worker()
        self.start_worker()

    def start_worker(self) -> None:
        name = f"worker_{next(self.names)}"
        self.lives[name] = Life(Flushes(self.store, name))
        self.store.spend.open_worker(life(name))

    def pick(self, number: int) -> Life:
        return list(self.lives.values())[number % len(self.lives)]

    def window(self, budget: str) -> str:
        return window(self.budgets[budget], self.now)

    def committed(self, name: str) -> int:
        return self.spent[name] + self.risk[name] + sum(each.left[name] for each in self.lives.values())

    @rule(chosen=budgets, least=st.integers(1, 60), most=st.integers(0, 100), number=some)
    def grant(self, chosen: set[str], least: int, most: int, number: int) -> None:
        its = self.pick(number)
        needs = [need(self.budgets[id], least, most, self.now) for id in sorted(chosen)]
        if its.lost:
            with pytest.raises(WorkerLost):
                self.store.spend.grant(its.flushes.worker, needs)
            return
        expected: dict[str, int] = {}
        for each in needs:
            limit = self.budgets[each.budget].limit
            want = each.need if each.window in self.recalled else each.want
            free = None if limit is None else limit - self.committed(each.window)
            amount = granted(each.need, want, free)
            if amount is not None:
                expected[each.window] = amount
        got = self.store.spend.grant(its.flushes.worker, needs).amounts
        assert got == (expected if len(expected) == len(needs) else None)
        its.left.update(got or {})

    def booked(self, its: Life, spendings: list[tuple[set[str], int, int]]) -> list[Entry]:
        """Entries of the worker's, which are counted as booked."""
        entries = [
            entry(
                attempt(f"req_{next(self.names)}"),
                sorted(map(self.window, chosen)),
                cost,
                risk,
                worker=its.flushes.worker,
                estimate=risk // 2,
            )
            for chosen, cost, risk in spendings
        ]
        for each in entries:
            self.spent.update(dict.fromkeys(each.windows, each.outcome.cost))
            self.risk.update(dict.fromkeys(each.windows, each.outcome.risk))
            if each.outcome.risk:
                self.risks[each.attempt.request, 1] = Risk(
                    worker=each.worker,
                    windows=each.windows,
                    cost=each.outcome.cost,
                    risk=each.outcome.risk,
                    estimate=each.outcome.estimate,
                )
        return entries

    @rule(spendings=spendings, returned=budgets | st.just(set[str]()), part=some, number=some)
    def flush(
        self, spendings: list[tuple[set[str], int, int]], returned: set[str], part: int, number: int
    ) -> None:
        self.flush_of(self.pick(number), spendings, returned, part)

    def flush_of(
        self, its: Life, spendings: list[tuple[set[str], int, int]], returned: set[str], part: int
    ) -> None:
        entries = self.booked(its, spendings)
        used = Counter[str]()
        for each in entries:
            used.update(dict.fromkeys(each.windows, each.outcome.cost + each.outcome.risk))
        left = self.left_of_lost(its) if its.lost else its.left
        names = {*map(self.window, returned)} & set(left)
        back = {name: max(0, left[name] - used[name]) * part // 1_000 for name in names}
        shortfall = {name: used[name] - left[name] for name in used if used[name] > left[name]}
        batch = its.flushes.batch(*entries, back=back, shortfall=shortfall)
        self.store.spend.flush(batch)
        its.flushes.applied = batch.end
        if its.lost:
            self.end_lost(its, used + Counter(back))
        else:
            its.left.subtract(used)
            its.left.subtract(back)
            its.left.update(shortfall)
        if entries:
            with pytest.raises(OutOfStep):
                self.store.spend.flush(batch)

    def left_of_lost(self, its: Life) -> Counter[str]:
        """What is left of the risk that LOST booked of the worker's leases."""
        worker = its.flushes.worker
        names = {name: self.risks.get((lost_request(worker, name), 0)) for name in its.left}
        return Counter({name: found.risk for name, found in names.items() if found is not None})

    def end_lost(self, its: Life, most: Counter[str]) -> None:
        for name, left in self.left_of_lost(its).items():
            taken = min(left, most[name])
            self.risk[name] -= taken
            case = (lost_request(its.flushes.worker, name), 0)
            self.risks[case].risk -= taken
            if taken == left:
                del self.risks[case]

    @precondition(lambda self: any(+its.left for its in self.lives.values()))
    @rule(spendings=spendings, returned=budgets, part=some, again=st.booleans())
    def lose(
        self, spendings: list[tuple[set[str], int, int]], returned: set[str], part: int, again: bool
    ) -> None:
        its = max(self.lives.values(), key=lambda each: each.left.total())
        lost = its.left.total()
        assert self.store.spend.lose(its.flushes.worker, self.now) == lost
        assert self.store.spend.lose(its.flushes.worker, self.now) == 0
        for name, left in its.left.items():
            self.risk[name] += left
            if left:
                case = (lost_request(its.flushes.worker, name), 0)
                self.risks[case] = Risk(
                    worker=its.flushes.worker, windows=(name,), cost=0, risk=left, estimate=0
                )
            its.left[name] = 0
        its.lost = True
        if again:
            self.flush_of(its, spendings, returned, part)

    @rule(number=some, spendings=spendings, left=spendings, in_order=st.booleans())
    def end(
        self,
        number: int,
        spendings: list[tuple[set[str], int, int]],
        left: list[tuple[set[str], int, int]],
        in_order: bool,
    ) -> None:
        its = self.pick(number)
        if in_order:
            self.store.spend.close_worker(its.flushes.worker)
        else:
            entries = self.booked(its, spendings)
            holds = self.booked(its, [(chosen, 0, cost + risk) for chosen, cost, risk in left])
            batch = its.flushes.batch(*entries)
            for _ in range(2):
                self.store.spend.adopt(batch, [OpenHold(entry=each) for each in holds])
        self.end_lost(its, self.left_of_lost(its))
        del self.lives[its.flushes.worker]
        self.closed.append(its.flushes)
        self.start_worker()

    @precondition(lambda self: self.closed)
    @rule(number=some)
    def come_back_from_the_dead(self, number: int) -> None:
        zombie = self.closed[number % len(self.closed)]
        batch = zombie.batch(entry(attempt(f"req_{next(self.names)}"), [self.window("key")], 5))
        with pytest.raises(WorkerLost):
            self.store.spend.flush(batch)

    @precondition(lambda self: self.risks)
    @rule(number=some, cost=st.integers(-20, 60))
    def resolve(self, number: int, cost: int) -> None:
        name = list(self.risks)[number % len(self.risks)]
        risk = self.risks[name]
        if risk.cost + cost < 0:
            with pytest.raises(Failure) as refused:
                self.store.resolutions.resolve(*name, cost, self.now)
            assert refused.value.code is Code.INVALID_REQUEST
            return
        self.store.resolutions.resolve(*name, cost, self.now)
        self.ended(name, cost)

    def ended(self, name: tuple[str, int], cost: int) -> None:
        risk = self.risks.pop(name)
        self.spent.update(dict.fromkeys(risk.windows, cost))
        self.risk.subtract(dict.fromkeys(risk.windows, risk.risk))

    @rule()
    def write_off(self) -> None:
        assert self.store.resolutions.write_off(self.now + DAY, self.now) == len(self.risks)
        for name, risk in tuple(self.risks.items()):
            self.ended(name, min(risk.estimate, risk.risk))

    @rule(chosen=budgets)
    def recall(self, chosen: set[str]) -> None:
        numbers = self.store.spend.recall([self.window(id) for id in chosen], 60_000)
        self.recalled.update(numbers)

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
            name = self.window(standing.budget.id)
            held = self.committed(name) - self.spent[name] - self.risk[name]
            assert (standing.spent, standing.risk, standing.held) == (self.spent[name], self.risk[name], held)
            assert standing.budget == self.budgets[standing.budget.id]
        for name, its in self.lives.items():
            level = self.store.spend.worker(name)
            assert (level.state, level.applied) == ("lost" if its.lost else "live", its.flushes.applied)
            left = {each.window: each.granted - each.spent - each.risk for each in level.leases}
            assert Counter(left) == its.left

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
        Fresh,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            database=None,
            # To explain a failure takes longer than a test may take.
            phases=(Phase.generate, Phase.shrink),
        ),
    )


def test_no_order_of_moves_breaks_the_books_of_sqlite(made: Path) -> None:
    # Kept in memory where a system has such a place: it is the arithmetic that is tested, not the disk.
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        copies = (Path(folder) / str(number) for number in itertools.count())
        run(lambda: Place(shutil.copytree(made, next(copies))), 25)


def test_no_order_of_moves_breaks_the_books_of_postgresql(
    postgres: PostgresServer, emptied: str, data: Path
) -> None:
    def fresh() -> Place:
        postgres.do(emptying(), emptied)
        return Place(data, postgres.address(emptied))

    run(fresh, 6)
