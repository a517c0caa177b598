"""The moves of a living worker: what is granted, flushed, recalled and reread, and what becomes of it."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from tests.storage.places import Place
from tests.storage.samples import (
    DAY,
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
    recap,
    spend,
    window,
    with_key,
)
from zai_gateway.money import MAX_NANO
from zai_gateway.spend.budgets import Budget, Period
from zai_gateway.spend.store import LeaseLevel, OutOfStep, Standing, WorkerLevel, WorkerLost
from zai_gateway.storage.store import Store

OTHER = "worker_2"


@pytest.fixture(autouse=True)
def _audited(store: Store, place: Place) -> Iterator[None]:
    yield
    audit(place)


def stands(store: Store, at_ms: int = NOON) -> tuple[int, int, int]:
    """Spent, risk and held of the key's only budget."""
    (standing,) = store.spend.standings("key_1", at_ms)
    return standing.spent, standing.risk, standing.held


def test_a_lease_stands_until_it_is_flushed_or_given_back(store: Store) -> None:
    cap = with_key(store, cap=100)
    assert lease(store, 60, cap)
    assert stands(store) == (0, 0, 60)
    mine = Flushes(store)
    mine.flush(entry(attempt(), [window(cap)], 20, 5))
    assert stands(store) == (20, 5, 35)
    mine.flush(back={window(cap): 35})
    assert stands(store) == (20, 5, 0)
    assert store.spend.worker(ME) == WorkerLevel(
        state="live", applied=1, leases=(LeaseLevel(window=window(cap), granted=25, spent=20, risk=5),)
    )


def test_no_grant_takes_a_window_over_its_limit(store: Store) -> None:
    cap = with_key(store, cap=100)
    assert lease(store, 99, cap)
    refused = store.spend.grant(ME, [need(cap, 2)])
    assert refused.amounts is None
    (level,) = refused.levels
    assert (level.window, level.committed, level.spent, level.risk) == (window(cap), 99, 0, 0)
    assert level.budget == cap
    assert lease(store, 1, cap)
    assert not lease(store, 1, cap)


def test_a_lease_is_a_twentieth_of_what_is_left_or_what_is_needed(store: Store) -> None:
    cap = with_key(store, cap=1_000)
    granted = [store.spend.grant(ME, [need(cap, 10, want)]).amounts for want in (900, 20, 0)]
    assert granted == [{window(cap): amount} for amount in (50, 20, 10)]
    assert stands(store) == (0, 0, 80)


def test_without_a_limit_all_that_is_wanted_is_granted(store: Store) -> None:
    cap = with_key(store)
    assert store.spend.grant(ME, [need(cap, 10, 2**61)]).amounts == {window(cap): 2**61}
    # Up to what the books can hold.
    assert store.spend.grant(ME, [need(cap, 2**62, MAX_NANO)]).amounts == {window(cap): MAX_NANO - 2**61}
    assert store.spend.grant(ME, [need(cap, 1)]).amounts is None


def test_all_windows_grant_or_none_does(store: Store, place: Place) -> None:
    cap = with_key(store, cap=1_000)
    team = add_budget(place, Budget(id="a team", owner="team", period=Period.MONTHLY, limit=100))
    assert lease(store, 60, cap, team)
    refused = store.spend.grant(ME, [need(cap, 60), need(team, 41)])
    assert refused.amounts is None
    assert [(level.window, level.committed) for level in refused.levels] == [
        (window(team), 60),
        (window(cap), 60),
    ]
    assert lease(store, 40, team)
    assert stands(store) == (0, 0, 60)


def test_nothing_is_made_by_a_grant_that_is_refused(store: Store, place: Place) -> None:
    cap = with_key(store, cap=5)
    refused = store.spend.grant(ME, [need(cap, 6)])
    assert refused.amounts is None
    assert [(level.committed, level.budget) for level in refused.levels] == [(0, cap)]
    assert place.rows('SELECT id FROM "window"') == []


def test_the_stored_limit_counts_not_the_callers_older_one(store: Store) -> None:
    cap = with_key(store, cap=100)
    recap(store, 10)
    assert not lease(store, 11, cap)
    recap(store, 1_000)
    assert lease(store, 900, cap)
    recap(store, None)
    assert lease(store, 5_000, cap)


def test_a_window_turns_with_its_period(store: Store, place: Place) -> None:
    with_key(store)
    daily = add_budget(place, Budget(id="daily", owner="team", period=Period.DAILY, limit=100))
    assert lease(store, 100, daily)
    tomorrow = [need(daily, 70, at_ms=NOON + DAY)]
    assert store.spend.grant(ME, tomorrow).amounts == {window(daily, NOON + DAY): 70}
    # An answer that ends after midnight belongs to the day on which it was asked for.
    late = replace(entry(attempt(), [window(daily)], 30), at_ms=NOON + DAY)
    Flushes(store).flush(late, back={window(daily): 70})
    here, there = (store.spend.standings("team", at_ms) for at_ms in (NOON, NOON + DAY))
    midnight = NOON - DAY // 2
    assert here == (Standing(daily, midnight, 30, 0, 0),)
    assert there == (Standing(daily, midnight + DAY, 0, 0, 70),)


def test_standings_before_the_first_request_are_zero(store: Store) -> None:
    with_key(store, cap=5)
    assert stands(store) == (0, 0, 0)
    assert store.spend.standings("nobody", NOON) == ()


def test_a_flush_is_applied_once(store: Store) -> None:
    cap = with_key(store, cap=100)
    assert lease(store, 60, cap)
    mine = Flushes(store)
    batch = mine.batch(entry(attempt(), [window(cap)], 20), back={window(cap): 40})
    store.spend.flush(batch)
    for again in (batch, replace(batch, start=2, end=3)):
        with pytest.raises(OutOfStep, match="has 1 settlements of the worker worker_1"):
            store.spend.flush(again)
    assert stands(store) == (20, 0, 0)
    assert store.reports.entries("req_1") == batch.entries


def test_a_batch_is_summed_and_every_entry_is_kept(store: Store, place: Place) -> None:
    cap = with_key(store, cap=10_000)
    team = add_budget(place, Budget(id="team", owner="team", limit=5_000))
    assert lease(store, 3_000, cap, team)
    both = [window(cap), window(team)]
    entries = [entry(attempt(f"req_{n}"), both, n, n % 3) for n in range(40)]
    only_ours = entry(attempt("req_team"), [window(team)], 7)
    nobodys = entry(attempt("req_nobody"), [], 9)
    Flushes(store).flush(*entries, only_ours, nobodys)
    cost, risk = sum(range(40)), sum(n % 3 for n in range(40))
    assert stands(store) == (cost, risk, 3_000 - cost - risk)
    (ours,) = store.spend.standings("team", NOON)
    assert (ours.spent, ours.risk) == (cost + 7, risk)
    assert store.reports.entries("req_7") == (entries[7],)
    assert store.reports.entries("req_nobody") == (nobodys,)


def test_an_overrun_is_granted_unasked(store: Store, place: Place) -> None:
    cap = with_key(store, cap=100)
    team = add_budget(place, Budget(id="team", owner="team", limit=50))
    assert lease(store, 60, cap)
    booked = entry(attempt(), [window(cap), window(team)], 150, 7)
    # Of the team's window nothing was ever granted: nobody has made it.
    Flushes(store).flush(booked, shortfall={window(cap): 97, window(team): 157})
    assert stands(store) == (150, 7, 0)
    assert not lease(store, 1, cap)
    assert not lease(store, 1, team)


def test_an_answer_that_cost_nothing_needs_no_window(store: Store, place: Place) -> None:
    cap = with_key(store, cap=0)
    free = entry(attempt(), [window(cap)], 0)
    Flushes(store).flush(free)
    assert store.reports.entries("req_1") == (free,)
    assert place.rows('SELECT id FROM "window"') == []


def test_a_flush_without_shortfall_or_return_leaves_the_window_alone(store: Store, place: Place) -> None:
    cap = with_key(store, cap=100)
    assert lease(store, 60, cap)
    if place.address is not None:
        before = place.rows('SELECT xmin, ctid FROM "window"')
        Flushes(store).flush(entry(attempt(), [window(cap)], 20))
        assert place.rows('SELECT xmin, ctid FROM "window"') == before


def test_a_flush_is_a_sign_of_life(store: Store) -> None:
    with_key(store)
    Flushes(store).flush()
    assert store.spend.live_workers() == (life(ME, NOON + 1_000),)
    store.spend.saw(ME, NOON + 5_000)
    assert store.spend.live_workers() == (life(ME, NOON + 5_000),)


def test_who_is_not_known_may_nothing(store: Store) -> None:
    cap = with_key(store)
    with pytest.raises(WorkerLost, match="The worker stranger may hold nothing: it is closed"):
        store.spend.grant("stranger", [need(cap, 1)])
    with pytest.raises(WorkerLost):
        Flushes(store, "stranger").flush(entry(attempt(), [], 1))
    with pytest.raises(WorkerLost):
        store.spend.saw("stranger", NOON)
    assert store.spend.worker("stranger") == WorkerLevel(state="closed", applied=0, leases=())


def test_to_open_a_worker_twice_changes_nothing(store: Store) -> None:
    cap = with_key(store)
    spend(store, cap, 5)
    store.spend.open_worker(life(ME))
    assert store.spend.worker(ME).applied == 1


def test_an_unknown_budget_is_a_mistake_of_ours(store: Store) -> None:
    with_key(store)
    unknown = Budget(id="unknown", owner="key_1")
    with pytest.raises(LookupError, match="unknown"):
        store.spend.grant(ME, [need(unknown, 1)])
    with pytest.raises(LookupError, match="unknown"):
        store.spend.levels([window(unknown)], ME)


def test_a_model_that_no_database_can_spell_is_booked_all_the_same(store: Store) -> None:
    cap = with_key(store, cap=100)
    assert lease(store, 30, cap)
    odd = replace(attempt(), requested_model="gpt\0\U0001f600")
    Flushes(store).flush(entry(odd, [window(cap)], 10))
    (booked,) = store.reports.entries("req_1")
    assert booked.attempt.requested_model == "gpt\ufffd\U0001f600"


def test_books_that_are_closed_and_opened_again_say_the_same(store: Store, place: Place) -> None:
    cap = with_key(store, cap=100)
    assert lease(store, 30, cap)
    again = place.open()
    assert again.spend.standings("key_1", NOON) == store.spend.standings("key_1", NOON)
    assert again.spend.live_workers() == (life(ME),)
    again.close()
