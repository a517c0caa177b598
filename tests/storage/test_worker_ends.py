"""How workers end: closed in order, adopted when they died, lost, and come back after that."""

from collections.abc import Iterator

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
    need,
    spend,
    window,
    with_key,
)
from zai_gateway.spend.budgets import Budget, Period
from zai_gateway.spend.ledger import Certainty, lost_request
from zai_gateway.spend.store import OpenHold, OutOfStep, WorkerLost
from zai_gateway.storage.store import Store

LATER = NOON + 5_000


@pytest.fixture(autouse=True)
def _audited(store: Store, place: Place) -> Iterator[None]:
    yield
    audit(place)


def stands(store: Store, owner: str = "key_1") -> tuple[int, int, int]:
    """Spent, risk and held of an owner's only budget."""
    (standing,) = store.spend.standings(owner, NOON)
    return standing.spent, standing.risk, standing.held


def left_open(budget: Budget, risk: int, request: str = "req_open") -> OpenHold:
    return OpenHold(entry=entry(attempt(request), [window(budget)], 0, risk, estimate=risk // 2))


def test_who_closes_returns_what_is_left(store: Store, place: Place) -> None:
    cap = with_key(store, cap=100)
    spend(store, cap, 20, 5)
    assert lease(store, 50, cap)
    store.spend.close_worker(ME)
    assert stands(store) == (20, 5, 0)
    store.spend.close_worker(ME)
    assert store.spend.live_workers() == ()
    assert store.spend.worker(ME).state == "closed"
    # Of all that ended one lease is kept, so that starts do not pile up.
    for number in range(3):
        store.spend.open_worker(life(f"next_{number}"))
        assert lease(store, 10, cap, worker=f"next_{number}")
        Flushes(store, f"next_{number}").flush(
            entry(attempt(f"req_{number}x"), [window(cap)], 10, worker=f"next_{number}")
        )
        store.spend.close_worker(f"next_{number}")
    assert stands(store) == (50, 5, 0)
    assert place.rows("SELECT worker, granted, spent, risk FROM lease") == [("closed", 55, 50, 5)]
    assert place.rows("SELECT id FROM worker") == [("closed",)]


def test_who_is_closed_may_nothing(store: Store) -> None:
    cap = with_key(store, cap=100)
    mine = Flushes(store)
    store.spend.close_worker(ME)
    with pytest.raises(WorkerLost, match="closed"):
        store.spend.grant(ME, [need(cap, 1)])
    with pytest.raises(WorkerLost, match="closed"):
        mine.flush(entry(attempt(), [window(cap)], 1))
    with pytest.raises(WorkerLost, match="closed"):
        store.spend.saw(ME, NOON)
    assert store.spend.lose(ME, NOON) == 0
    assert stands(store) == (0, 0, 0)


def test_a_dead_worker_s_journal_is_finished_once(store: Store) -> None:
    cap = with_key(store, cap=100)
    spend(store, cap, 10)
    assert lease(store, 70, cap)
    its = Flushes(store)
    its.applied = 1
    batch = its.batch(entry(attempt("req_2"), [window(cap)], 20))
    with pytest.raises(OutOfStep):
        store.spend.adopt(replace(batch, start=0), [left_open(cap, 30)])
    for _ in range(2):
        store.spend.adopt(batch, [left_open(cap, 30)])
        assert stands(store) == (30, 30, 0)
    assert store.spend.live_workers() == ()
    assert store.reports.entries("req_2") == batch.entries
    assert store.reports.entries("req_open") == (left_open(cap, 30).entry,)


def test_what_a_dead_worker_overran_is_granted_unasked(store: Store, place: Place) -> None:
    cap = with_key(store, cap=100)
    team = add_budget(place, Budget(id="team", owner="team", limit=5))
    assert lease(store, 60, cap)
    overrun = entry(attempt(), [window(cap), window(team)], 90)
    store.spend.adopt(Flushes(store).batch(overrun), [left_open(cap, 7)])
    assert stands(store) == (90, 7, 0)
    assert stands(store, "team") == (90, 0, 0)


def test_what_a_lost_worker_left_is_at_risk(store: Store, place: Place) -> None:
    cap = with_key(store, cap=100)
    team = add_budget(place, Budget(id="team", owner="team", owner_kind="workspace", limit=500))
    spend(store, cap, 20)
    assert lease(store, 40, cap, team)
    store.spend.open_worker(life("unused"))
    assert store.spend.lose(ME, LATER) == 80
    assert store.spend.lose(ME, LATER) == 0
    assert store.spend.lose("unused", LATER) == 0
    assert stands(store) == (20, 40, 0)
    assert stands(store, "team") == (0, 40, 0)
    assert store.spend.live_workers() == ()
    assert store.spend.worker(ME).state == "lost"
    (lost,) = store.reports.entries(lost_request(ME, window(cap)))
    assert (lost.attempt.number, lost.attempt.workspace, lost.attempt.key) == (0, "ws_1", "key_1")
    assert (lost.outcome.cost, lost.outcome.risk, lost.at_ms) == (0, 40, LATER)
    assert (lost.outcome.certainty, lost.windows) == (Certainty.UNCONFIRMED, (window(cap),))
    # The same dollars in a team's window are nobody's request, so that those of keys add up to the whole.
    (ours,) = store.reports.entries(lost_request(ME, window(team)))
    assert (ours.attempt.key, ours.outcome.risk) == ("", 40)
    with pytest.raises(WorkerLost, match="lost"):
        store.spend.grant(ME, [need(cap, 1)])
    (used,) = store.reports.usage("ws_1", 0, LATER + 1)[:1]
    assert (used.model, used.requests, used.risk) == ("", 0, 40)
    assert sum(row.risk for row in store.reports.usage("ws_1", 0, LATER + 1)) == 40


def test_who_was_lost_books_what_it_spent_inside_the_risk(store: Store) -> None:
    cap = with_key(store, cap=100)
    mine = Flushes(store)
    assert lease(store, 60, cap)
    store.spend.lose(ME, LATER)
    mine.flush(entry(attempt("req_1"), [window(cap)], 20, 5), back={window(cap): 10})
    assert stands(store) == (20, 30, 0)
    assert risks(store, cap) == [60, -35]
    with pytest.raises(OutOfStep):
        store.spend.flush(replace(mine.batch(entry(attempt("req_2"), [window(cap)], 1)), start=0))
    # More than was left of it is granted unasked.
    mine.flush(entry(attempt("req_2"), [window(cap)], 40))
    assert stands(store) == (60, 5, 0)
    assert risks(store, cap) == [60, -35, -25]
    mine.flush(entry(attempt("req_3"), [window(cap)], 45), back={window(cap): 3})
    assert stands(store) == (105, 5, 0)
    assert [each.attempt.request for each in store.resolutions.unconfirmed(None, 10)] == ["req_1"]


def risks(store: Store, budget: Budget) -> list[int]:
    return [each.outcome.risk for each in store.reports.entries(lost_request(ME, window(budget)))]


def test_who_was_lost_and_ends_in_order_leaves_no_risk(store: Store) -> None:
    cap = with_key(store, cap=100)
    assert lease(store, 60, cap)
    store.spend.lose(ME, LATER)
    Flushes(store).flush(entry(attempt(), [window(cap)], 20))
    store.spend.close_worker(ME)
    assert stands(store) == (20, 0, 0)
    assert store.resolutions.unconfirmed(None, 10) == ()
    assert store.spend.worker(ME).state == "closed"


def test_the_journal_of_a_lost_worker_ends_its_risk(store: Store) -> None:
    cap = with_key(store, cap=100)
    assert lease(store, 60, cap)
    store.spend.lose(ME, LATER)
    store.spend.adopt(Flushes(store).batch(entry(attempt(), [window(cap)], 20)), [left_open(cap, 15)])
    assert stands(store) == (20, 15, 0)
    assert [each.attempt.request for each in store.resolutions.unconfirmed(None, 10)] == ["req_open"]


def test_what_was_resolved_of_a_lost_worker_stays_so(store: Store) -> None:
    cap = with_key(store, cap=100)
    assert lease(store, 60, cap)
    store.spend.lose(ME, LATER)
    store.resolutions.resolve(lost_request(ME, window(cap)), 0, 12, LATER)
    assert stands(store) == (12, 0, 0)
    Flushes(store).flush(entry(attempt(), [window(cap)], 20), back={window(cap): 40})
    assert stands(store) == (32, 0, 0)
    store.spend.close_worker(ME)
    assert stands(store) == (32, 0, 0)


def test_a_day_s_lease_is_lost_in_its_own_window(store: Store, place: Place) -> None:
    with_key(store)
    daily = add_budget(place, Budget(id="daily", owner="key_1", period=Period.DAILY, limit=100))
    assert lease(store, 30, daily)
    assert store.spend.lose(ME, LATER) == 30
    (lost,) = store.resolutions.unconfirmed(None, 10)
    assert (lost.windows, lost.attempt.key) == ((window(daily),), "")
