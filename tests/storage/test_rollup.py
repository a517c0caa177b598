"""The rollup: with what came late and what is not rolled up yet it is the ledger, whatever comes when."""

import random
from collections.abc import Callable
from contextlib import closing
from itertools import count, pairwise
from threading import Event, Thread

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select

from tests.storage.places import Place
from tests.storage.samples import DAY, ME, NOON, Flushes, attempt, life, with_key
from tests.storage.usage_truth import Truth, plus
from zai_gateway.accounts.usage_books import (
    HOUR_MS,
    Dimension,
    Row,
    Slice,
    Span,
    Sums,
    UsageQuery,
)
from zai_gateway.spend.ledger import Attempt, Certainty, Entry, Flag, Outcome
from zai_gateway.storage.database import Database
from zai_gateway.storage.rollup import SqlRollup
from zai_gateway.storage.rows import total
from zai_gateway.storage.store import Store
from zai_gateway.storage.tables import ledger
from zai_gateway.storage.usage_facts import of_a_key
from zai_gateway.storage.usage_sums import Question, counted
from zai_gateway.storage.usage_tables import SUMS
from zai_gateway.wire.usage import Usage

MODELS = ("openai/a", "openai/b", "mistral/c")
KEYS = ("key_1", "key_2", "key_3")
PLACES = ("ws_1", "ws_2")
EVER = UsageQuery(since_ms=NOON - 40 * DAY, until_ms=NOON + 40 * DAY)
A_WEEK = UsageQuery(since_ms=NOON - 2 * DAY, until_ms=NOON + 4 * DAY + 1)
QUERIES = (
    EVER,
    A_WEEK,
    UsageQuery(since_ms=NOON, until_ms=NOON + 3 * HOUR_MS),
    replace(EVER, keys=("key_1",)),
    replace(EVER, keys=("key_2", "key_3"), model="openai/a"),
    replace(EVER, keys=("key_2",), provider="openai"),
    replace(EVER, keys=()),
    replace(EVER, model="openai/b"),
    replace(EVER, provider="openai"),
    replace(A_WEEK, provider="openai", model="openai/b"),
)


class Life:
    """Requests that are made up: their attempts, retries and corrections, of several workspaces."""

    def __init__(self, chosen: random.Random) -> None:
        self._chosen = chosen
        self._numbers = count(1)
        self._open: list[Entry] = []

    def entries(self, at_ms: int) -> list[Entry]:
        """What one flush brings, booked at about that moment or long before."""
        return [self._entry(self._moment(at_ms)) for _ in range(self._chosen.randrange(1, 6))]

    def _moment(self, at_ms: int) -> int:
        back = self._chosen.choice((0, 0, 0, 1_000, 90_000, HOUR_MS, DAY, 9 * DAY))
        return at_ms - self._chosen.randrange(back + 1)

    def _entry(self, at_ms: int) -> Entry:
        what = self._outcome()
        if self._open and self._chosen.random() < 0.4:
            before = self._chosen.choice(self._open)
            self._open.remove(before)
            of = before.attempt
            if self._chosen.random() < 0.5:
                after = Entry(
                    attempt=replace(of, number=of.number + 1, answering_model=self._chosen.choice(MODELS)),
                    seq=0,
                    outcome=what,
                    windows=(),
                    worker=ME,
                    at_ms=at_ms,
                )
                self._open.append(after)
                return after
            flags = (Flag.WRITTEN_OFF,)
            return replace(
                before, seq=1, at_ms=at_ms, outcome=Outcome(cost=3, flags=flags, status=200, total_ms=1)
            )
        model = self._chosen.choice(MODELS)
        name = f"req_{next(self._numbers)}"
        # What comes first is sometimes not the first attempt.
        number = self._chosen.choice((1, 1, 1, 2))
        of = replace(
            attempt(name, number, key=self._chosen.choice(KEYS)),
            workspace=self._chosen.choice(PLACES),
            answering_model=model,
            provider=model.partition("/")[0],
        )
        new = Entry(attempt=of, seq=0, outcome=what, windows=(), worker=ME, at_ms=at_ms)
        self._open.append(new)
        return new

    def _outcome(self) -> Outcome:
        chosen = self._chosen
        status = chosen.choice((200, 200, 200, 0, 503))
        return Outcome(
            cost=chosen.randrange(1_000),
            certainty=chosen.choice(tuple(Certainty)),
            flags=chosen.choice(((), (), (Flag.OVERRUN,))),
            usage=chosen.choice((None, Usage(input=3, cache_read=1, output=chosen.randrange(9), searches=1))),
            status=status,
            failure=None if status == 200 else "upstream_error",
            first_token_ms=chosen.choice((None, chosen.randrange(50))),
            total_ms=chosen.randrange(1, 100_000),
        )


@pytest.mark.parametrize("seed", range(3))
def test_reports_are_the_ledger_whatever_comes_when(store: Store, place: Place, seed: int) -> None:
    with_key(store)
    chosen = random.Random(seed)
    flushes, some, now = Flushes(store), Life(chosen), NOON
    rollup = _rollup(store, most=chosen.choice((2, 4, 50)))
    for _ in range(40):
        now += chosen.choice((0, 500, 60_000, HOUR_MS, 9 * HOUR_MS))
        deed = chosen.random()
        if deed < 0.6:
            flushes.flush(*some.entries(now))
        elif deed < 0.75:
            rollup.fence(now - chosen.randrange(2 * HOUR_MS))
        else:
            rollup.step()
        if chosen.random() < 0.25:
            compare(store, place, (chosen.choice(QUERIES),))
    rollup.fence(now + 1)
    while rollup.step().more:
        pass
    rollup.step()
    assert place.rows("SELECT count(*) FROM rollup_late") == [(0,)]
    compare(store, place, QUERIES)


def compare(store: Store, place: Place, queries: tuple[UsageQuery, ...]) -> None:
    """Asserts that every report says what the ledger adds up to."""
    truth = Truth(place)
    for query in queries:
        for workspace in PLACES:
            whole = store.reports.totals(workspace, query)
            assert whole.sums == truth.breakdown(workspace, query, None).get("", Sums())
            times = truth.times(workspace, query)
            assert whole.total.count == len(times)
            near(whole, times)
            for by in Dimension:
                rows = store.reports.breakdown(workspace, query, by)
                assert {row.id: row.sums for row in rows} == truth.breakdown(workspace, query, by)
                assert all(one.sums.cost >= next_.sums.cost for one, next_ in pairwise(rows))
                assert sum(row.total.count for row in rows) == len(times)
            for by in (None, *Dimension):
                lines(store, truth, workspace, query, by)


def lines(store: Store, truth: Truth, workspace: str, query: UsageQuery, by: Dimension | None) -> None:
    for span in Span:
        if span is Span.HOUR and query.until_ms - query.since_ms > 7 * DAY:
            continue
        expected = truth.timeline(workspace, query, by, span)
        found = store.reports.timeline(workspace, query, by=by, span=span, most=9)
        assert {(each.start_ms, each.id or ""): each.sums for each in found} == expected
        if by is None:
            assert all(each.id is None for each in found)
            slow = store.reports.latency(workspace, query, span=span)
            assert sum(each.total.count for each in slow) == len(truth.times(workspace, query))
        else:
            few = store.reports.timeline(workspace, query, by=by, span=span, most=1)
            assert by_start(few) == by_start(found)
            assert len({each.id for each in few}) <= 2


def by_start(found: tuple[Slice, ...]) -> dict[int, Sums]:
    sums: dict[int, Sums] = {}
    for each in found:
        sums[each.start_ms] = plus(sums.get(each.start_ms, Sums()), each.sums)
    return {start: each for start, each in sums.items() if each != Sums()}


def near(row: Row, times: list[int]) -> None:
    if not times:
        assert row.total.p50_ms is None
        return
    for part, found in ((0.5, row.total.p50_ms), (0.95, row.total.p95_ms)):
        right = times[-(-round(len(times) * part * 100) // 100) - 1]
        assert found is not None
        assert right / 1.13 - 1 <= found <= right * 1.13 + 1


def _rollup(store: Store, most: int) -> SqlRollup:
    rollup = store.rollup
    assert isinstance(rollup, SqlRollup)
    return SqlRollup(rollup.database, most)


def test_whoever_looks_sees_the_whole_ledger_while_it_is_written_and_rolled_up(place: Place) -> None:
    with closing(place.open(30.0)) as store:
        with_key(store)
        for worker in ("worker_a", "worker_b"):
            store.spend.open_worker(life(worker))
    over = Event()
    faults: list[BaseException] = []
    deeds: list[Callable[[Store], None]] = [
        *(lambda store, name=name: write(store, name, over) for name in ("worker_a", "worker_b")),
        *(lambda store, seed=seed: roll(store, seed, over) for seed in (1, 2)),
    ]

    def run(deed: Callable[[Store], None]) -> None:
        try:
            with closing(place.open(30.0)) as its:
                deed(its)
        except BaseException as fault:
            faults.append(fault)

    threads = [Thread(target=run, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    try:
        with closing(place.database(30.0)) as database:
            looks = 0
            while any(thread.is_alive() for thread in threads[:2]):
                equal(database)
                looks += 1
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    assert faults == []
    assert looks > 5
    with closing(place.open(30.0)) as store:
        rollup = _rollup(store, most=500)
        rollup.fence(NOON + 40 * DAY)
        while rollup.step().more:
            pass
        rollup.step()
        assert place.rows("SELECT count(*) FROM rollup_late") == [(0,)]
        compare(store, place, (EVER, A_WEEK))


def write(store: Store, worker: str, over: Event) -> None:
    """Books as a worker does, some of it late."""
    chosen = random.Random(worker)
    some, flushes = Life(chosen), Flushes(store, worker)
    for number in range(120):
        if over.is_set():
            return
        entries = some.entries(NOON + number * 60_000)
        named = (replace(each, worker=worker, attempt=_of(worker, each)) for each in entries)
        flushes.flush(*named)


def _of(worker: str, entry: Entry) -> Attempt:
    return replace(entry.attempt, request=f"{worker} {entry.attempt.request}")


def roll(store: Store, seed: int, over: Event) -> None:
    """Rolls up as fast as it can, close behind the writers and before them."""
    chosen = random.Random(seed)
    rollup = _rollup(store, most=20)
    while not over.is_set():
        rollup.fence(NOON + chosen.randrange(3 * HOUR_MS))
        rollup.step()


def equal(database: Database) -> None:
    """Asserts that in one state of the books the reports are the ledger."""
    with database.read() as connection:
        for workspace in PLACES:
            found = counted(connection, Question(workspace=workspace, query=EVER))
            own = ledger.c.workspace == workspace
            requests, cost = connection.execute(
                select(
                    func.count(ledger.c.request.distinct()),
                    total(ledger.c.cost),
                ).where(own, of_a_key(), ledger.c.attempt > 0)
            ).one()
            sums = found.sums.get((0, ""), [0] * len(SUMS))
            assert (sums[SUMS.index("requests")], sums[SUMS.index("cost")]) == (requests, cost)
