"""What the store tells of unconfirmed attempts, bills and workers, and what it writes with an audit entry."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.storage.places import Place
from tests.storage.samples import (
    ME,
    NOON,
    Flushes,
    add_budget,
    attempt,
    audit,
    entry,
    lease,
    life,
    spend,
    window,
    with_key,
)
from zai_gateway.accounts.actor import operator
from zai_gateway.accounts.audit_record import AuditRecord, AuditSearch, Subject, audit_record
from zai_gateway.accounts.authorization import Deed
from zai_gateway.care import Grade
from zai_gateway.errors import OperatorError
from zai_gateway.spend.budgets import Budget, Period
from zai_gateway.spend.ledger import Certainty, Flag
from zai_gateway.storage.reconciliation import reconcile
from zai_gateway.storage.store import Store

LATER = NOON + 5_000


@pytest.fixture(autouse=True)
def _audited(store: Store, place: Place) -> Iterator[None]:
    yield
    audit(place)


def act(deed: Deed = Deed.SPEND_RESOLVE) -> AuditRecord:
    return audit_record(operator(), deed, None, Subject("attempt", "req_1", "req_1"), {}, LATER)


def acts(store: Store) -> int:
    return len(store.accounts.audit(AuditSearch()))


def stands(store: Store) -> tuple[int, int, int]:
    (standing,) = store.spend.standings("key_1", NOON)
    return standing.spent, standing.risk, standing.held


@pytest.mark.parametrize("cost", [0, 3, 5, 20, 45, 90])
def test_an_attempt_costs_what_is_said_altogether(store: Store, cost: int) -> None:
    cap = with_key(store, cap=100)
    spend(store, cap, 5, 40)
    (seen,) = store.accounts.unconfirmed_attempts("ws_1", "req_1", 10)
    assert (seen.cost, seen.risk, seen.since_ms, seen.worker) == (5, 40, NOON + 40, ME)
    assert store.accounts.resolve_attempt(seen, cost, LATER, act())
    assert stands(store) == (cost, 0, 0)
    assert store.reports.entries("req_1")[-1].outcome.certainty is Certainty.EXACT
    assert acts(store) == 1
    # Once only, and what was not done is not in the audit.
    assert not store.accounts.resolve_attempt(seen, cost, LATER, act())
    assert acts(store) == 1


def test_what_changed_since_it_was_seen_is_not_resolved(store: Store) -> None:
    cap = with_key(store, cap=100)
    spend(store, cap, 5, 40)
    (seen,) = store.accounts.unconfirmed_attempts(None, None, 10)
    assert not store.accounts.resolve_attempt(replace(seen, cost=4), 10, LATER, act())
    assert (stands(store), acts(store)) == ((5, 40, 0), 0)


def test_of_those_who_resolve_at_once_one_does(place: Place) -> None:
    store = place.open(60)
    cap = with_key(store, cap=1_000)
    spend(store, cap, 5, 40)
    (seen,) = store.accounts.unconfirmed_attempts(None, None, 10)

    def resolve(cost: int, /) -> bool:
        return store.accounts.resolve_attempt(seen, cost, LATER, act())

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(resolve, range(10, 18))) == 1
    assert acts(store) == 1
    assert stands(store)[0] in range(10, 18)
    store.close()


def test_the_unconfirmed_are_told_oldest_first_and_by_workspace(store: Store) -> None:
    cap = with_key(store, cap=1_000)
    assert lease(store, 100, cap)
    elsewhere = replace(attempt("req_old"), workspace="ws_2")
    named = entry(attempt("req_new"), [window(cap)], 1, 9, estimate=4)
    named = replace(named, outcome=replace(named.outcome, provider_request_id="chatcmpl-7"))
    old = replace(entry(elsewhere, [window(cap)], 0, 5), at_ms=NOON - 9)
    Flushes(store).flush(named, old, entry(attempt("req_sure"), [window(cap)], 3))
    told_of = store.accounts.unconfirmed_attempts
    assert [each.request for each in told_of(None, None, 9)] == ["req_old", "req_new"]
    assert [each.request for each in told_of(None, None, 1)] == ["req_old"]
    (new,) = told_of("ws_1", None, 9)
    assert (new.request, new.provider_request_id, new.estimate) == ("req_new", "chatcmpl-7", 4)
    assert told_of(None, "req_sure", 9) == told_of("ws_2", "req_new", 9) == ()


def test_flagged_rows_are_told_newest_first(store: Store) -> None:
    cap = with_key(store, cap=1_000)
    assert lease(store, 200, cap)
    over = entry(attempt("req_over"), [window(cap)], 60)
    over = replace(over, outcome=replace(over.outcome, flags=(Flag.OVERRUN, Flag.INTERRUPTED)))
    Flushes(store).flush(over, entry(attempt("req_left"), [window(cap)], 0, 30, estimate=12))
    assert store.resolutions.write_off(LATER, LATER) == 1
    flagged = store.accounts.flagged_entries
    both = flagged("ws_1", ["overrun", "written_off"], 0, 10)
    assert [(each.request, each.flags, each.cost, each.risk) for each in both] == [
        ("req_left", ("written_off",), 12, -30),
        ("req_over", ("overrun", "interrupted"), 60, 0),
    ]
    assert [each.request for each in flagged(None, ["overrun"], 0, 10)] == ["req_over"]
    assert flagged("ws_1", ["overrun"], LATER, 10) == flagged("ws_2", ["overrun"], 0, 10) == ()
    assert flagged(None, ["writtenXoff", "%"], 0, 10) == ()
    assert len(flagged(None, ["overrun", "written_off"], 0, 1)) == 1


def test_a_bill_is_compared_with_requests_that_began_in_its_time(store: Store) -> None:
    cap = with_key(store, cap=10_000)
    assert lease(store, 5_000, cap)
    before = entry(attempt("req_before", at_ms=NOON - 10), [window(cap)], 1_000)
    of_other = entry(replace(attempt("req_other"), provider="groq"), [window(cap)], 500)
    Flushes(store).flush(
        before,
        of_other,
        entry(attempt("req_1"), [window(cap)], 70),
        entry(attempt("req_2"), [window(cap)], 0, 40, estimate=15),
        entry(attempt("req_3"), [window(cap)], 2, 9),
        entry(attempt("req_after", at_ms=NOON + 100), [window(cap)], 300),
    )
    store.resolutions.resolve("req_3", 1, 4, LATER)
    booked = store.accounts.booked("ws_1", "openai", NOON, NOON + 100)
    assert (booked.attempts, booked.cost, booked.written_off) == (3, 76, 0)
    assert (booked.risk, booked.lost) == (40, 0)
    assert store.resolutions.write_off(LATER, LATER) == 1
    booked = store.accounts.booked("ws_1", "openai", NOON, NOON + 100)
    # A correction stands where its request does, however late it came.
    assert (booked.attempts, booked.cost, booked.written_off, booked.risk) == (3, 91, 15, 0)
    # What an end of risk frees is the window's again, and not the worker's.
    assert store.spend.lose(ME, NOON + 50) == 5_000 - (1_000 + 500 + 70 + 40 + 11 + 300)
    assert store.accounts.booked("ws_1", "openai", NOON, NOON + 100).lost == 3_079
    assert store.accounts.booked("ws_2", "openai", NOON, NOON + 100).attempts == 0


def test_workers_are_told_with_what_they_hold_and_said(store: Store) -> None:
    cap = with_key(store, cap=1_000)
    spend(store, cap, 5, 40)
    assert lease(store, 30, cap)
    store.spend.open_worker(life("worker_2", seen=NOON - 7))
    store.numbers.tell("worker_2", {"grants": 3, "flush_lag": 0.25, "at_ms": NOON})
    store.numbers.tell("worker_of_nobody", {"grants": 3})
    first, second = store.accounts.worker_standings()
    assert (first.id, first.state, first.leased, first.risk, first.numbers) == (ME, "live", 30, 40, None)
    assert (second.id, second.seen_ms, second.leased) == ("worker_2", NOON - 7, 0)
    assert second.numbers == {"grants": 3, "flush_lag": 0.25, "at_ms": NOON}
    store.spend.close_worker("worker_2")
    assert [each.id for each in store.accounts.worker_standings()] == [ME]


def test_a_lost_worker_s_rest_is_unconfirmed_and_in_the_audit(store: Store) -> None:
    cap = with_key(store, cap=100)
    spend(store, cap, 5)
    assert lease(store, 30, cap)
    assert store.accounts.lose_worker(ME, LATER, act(Deed.WORKER_LOSE))
    assert (stands(store), acts(store)) == ((5, 30, 0), 1)
    (worker,) = store.accounts.worker_standings()
    assert (worker.state, worker.leased, worker.risk) == ("lost", 0, 30)
    (left,) = store.accounts.unconfirmed_attempts(None, None, 9)
    assert (left.attempt, left.risk, left.key, left.model) == (0, 30, "key_1", "")
    assert not store.accounts.lose_worker(ME, LATER, act(Deed.WORKER_LOSE))
    assert not store.accounts.lose_worker("worker_9", LATER, act(Deed.WORKER_LOSE))
    assert acts(store) == 1
    assert store.accounts.resolve_attempt(left, 12, LATER, act())
    assert stands(store) == (17, 0, 0)


def test_books_that_agree_are_told_to(store: Store, place: Place) -> None:
    cap = with_key(store, cap=100)
    spend(store, cap, 5, 40)
    assert lease(store, 30, cap)
    found = reconcile(place.data, place.address)
    (sums,) = found.sums
    assert (sums.name, sums.cost, sums.spent, sums.risk, sums.at_risk) == ("My Workspace", 5, 5, 40, 40)
    assert (sums.granted, sums.committed) == (75, 75)
    assert (found.holds, sums.agree) == (True, True)
    assert {each.grade for each in found.findings} == {Grade.OK}
    of_money = {"windows", "leases", "ledger", "risks", "limits"}
    assert {each.check for each in found.findings} == of_money | {"rollup", "rollup_lag"}


@pytest.mark.parametrize(
    "harm",
    [
        ("UPDATE ledger SET cost = cost + 1", "UPDATE ledger SET cost = cost - 1"),
        ("UPDATE lease SET risk = risk - 1", "UPDATE lease SET risk = risk + 1"),
        ('UPDATE "window" SET committed = 46', 'UPDATE "window" SET committed = 45'),
        ("UPDATE lease SET granted = 1", "UPDATE lease SET granted = 45"),
    ],
)
def test_books_that_differ_are_told_to(store: Store, place: Place, harm: tuple[str, str]) -> None:
    cap = with_key(store, cap=100)
    spend(store, cap, 5, 40)
    with closing(place.database()) as database:
        with database.write() as connection:
            connection.exec_driver_sql(harm[0])
        found = reconcile(place.data, place.address)
        with database.write() as connection:
            connection.exec_driver_sql(harm[1])
    assert not found.holds
    assert [each.agree for each in found.sums] == [False]


def test_a_window_above_its_limit_is_told_and_no_fault(store: Store, place: Place) -> None:
    cap = with_key(store, cap=100)
    spend(store, cap, 50)
    overrun = entry(attempt("req_2"), [window(cap)], 70)
    flushes = Flushes(store)
    flushes.applied = store.spend.worker(ME).applied
    flushes.flush(overrun, shortfall={window(cap): 70})
    found = reconcile(place.data, place.address)
    (limits,) = [each for each in found.findings if each.check == "limits"]
    assert (found.holds, limits.grade) == (True, Grade.WARN)
    assert f"window {window(cap)} has 120 of 100 nano-USD" in limits.found


def test_where_there_is_no_database_none_is_made(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(OperatorError, match="no database in") as refused:
        reconcile(other, None)
    assert "give the right --data" in str(refused.value)
    assert list(other.iterdir()) == []


def test_a_request_that_stands_in_two_budgets_is_added_once(store: Store, place: Place) -> None:
    cap = with_key(store, cap=100)
    daily = add_budget(place, Budget(id="daily", owner="key_1", period=Period.DAILY, limit=60))
    assert lease(store, 45, cap, daily)
    Flushes(store).flush(entry(attempt(), [window(cap), window(daily)], 5, 40))
    (sums,) = reconcile(place.data, place.address).sums
    assert (sums.cost, sums.spent, sums.at_risk, sums.committed) == (5, 5, 40, 45)
    assert store.accounts.worker_standings()[0].risk == 40
