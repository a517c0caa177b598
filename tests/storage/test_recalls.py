"""Recalls: who is asked for money that it may not use, who has answered, and where windows stand then."""

from collections.abc import Iterator

import pytest

from tests.storage.places import Place
from tests.storage.samples import (
    DAY,
    ME,
    NOON,
    Flushes,
    add_budget,
    audit,
    lease,
    life,
    need,
    spend,
    window,
    with_key,
)
from zai_gateway.spend.budgets import Budget, Period
from zai_gateway.storage.store import Store

OTHER = "worker_2"


@pytest.fixture(autouse=True)
def _audited(store: Store, place: Place) -> Iterator[None]:
    yield
    audit(place)


def test_who_holds_what_may_be_free_is_asked_for_it(store: Store, place: Place) -> None:
    cap = with_key(store, cap=1_000)
    team = add_budget(place, Budget(id="team", owner="team", limit=1_000))
    store.spend.open_worker(life(OTHER))
    assert lease(store, 10, cap, worker=OTHER)
    assert store.spend.recalled(OTHER) == {}
    ours = [window(cap), window(team)]
    # Nobody has made the team's window, so there is nothing of it to give back.
    assert store.spend.recall(ours, 60_000) == {window(cap): 1}
    assert store.spend.recalled(OTHER) == {window(cap): 1}
    assert store.spend.recalled(ME) == {}
    assert store.spend.recall(ours, 60_000) == {window(cap): 2}
    assert store.spend.recalled(OTHER) == {window(cap): 2}


def silent(store: Store, budget: Budget, asking: str = ME, recall: int | None = None) -> int:
    numbers = None if recall is None else {window(budget): recall}
    (level,) = store.spend.levels([window(budget)], asking, numbers)
    return level.silent


def test_who_has_not_answered_a_recall_is_silent(store: Store) -> None:
    cap = with_key(store, cap=1_000)
    store.spend.open_worker(life(OTHER))
    assert lease(store, 10, cap)
    assert lease(store, 30, cap, worker=OTHER)
    assert silent(store, cap) == 0
    store.spend.recall([window(cap)], 60_000)
    assert (silent(store, cap), silent(store, cap, OTHER), silent(store, cap, "third")) == (1, 1, 2)
    its = Flushes(store, OTHER)
    its.flush(answers={window(cap): 1}, back={window(cap): 10})
    # What it still holds is in use: it has said so.
    assert silent(store, cap) == 0
    store.spend.recall([window(cap)], 60_000)
    assert silent(store, cap) == 1
    # Who asked before that has its answer.
    assert silent(store, cap, recall=1) == 0
    refused = store.spend.grant(ME, [need(cap, 5_000)])
    assert [level.silent for level in refused.levels] == [1]
    its.flush(back={window(cap): 20})
    assert silent(store, cap) == 0


def test_a_recall_ends_by_the_store_s_clock(store: Store) -> None:
    cap = with_key(store, cap=1_000)
    assert lease(store, 10, cap)
    store.spend.recall([window(cap)], 0)
    assert store.spend.recalled(ME) == {}
    store.spend.recall([window(cap)], 30_000)
    # A shorter one does not end a longer one.
    assert store.spend.recall([window(cap)], 0) == {window(cap): 3}
    assert store.spend.recalled(ME) == {window(cap): 3}


def test_a_recall_lasts_a_minute_at_most(store: Store, place: Place) -> None:
    cap = with_key(store, cap=1_000)
    assert lease(store, 10, cap)
    store.spend.recall([window(cap)], NOON)
    assert place.rows(f"SELECT number FROM recall WHERE until_ms < {NOON * 2}") == [(1,)]


def test_under_a_recall_no_more_is_granted_than_is_needed(store: Store) -> None:
    cap = with_key(store, cap=1_000)
    assert store.spend.grant(ME, [need(cap, 10, 900)]).amounts == {window(cap): 50}
    store.spend.recall([window(cap)], 60_000)
    assert store.spend.grant(ME, [need(cap, 10, 900)]).amounts == {window(cap): 10}


def test_levels_of_windows_that_nobody_made(store: Store, place: Place) -> None:
    cap = with_key(store, cap=1_000)
    daily = add_budget(place, Budget(id="daily", owner="team", period=Period.DAILY, limit=100))
    spend(store, cap, 30, 4)
    levels = store.spend.levels([window(cap), window(daily)], ME)
    assert [(level.window, level.committed, level.spent, level.risk) for level in levels] == [
        (window(cap), 34, 30, 4),
        (window(daily), 0, 0, 0),
    ]
    assert [(level.budget, level.start_ms) for level in levels] == [(cap, 0), (daily, NOON - DAY // 2)]
    room = levels[0].room
    assert room is not None
    assert (room.limit, room.free, room.unspent) == (1_000, 966, 966)
