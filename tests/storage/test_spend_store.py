"""The spend store: what is held, settled, released and adopted, and what becomes of each window."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from tests.storage.places import Place
from tests.storage.samples import DAY, NOON, add_budget, attempt, audit, entry, fixed, life, outcome, with_key
from zai_gateway.errors import StoreUnavailable
from zai_gateway.spend.budgets import Budget, Period
from zai_gateway.spend.ledger import Certainty, Flag, Outcome
from zai_gateway.spend.store import Granted, Standing
from zai_gateway.storage.store import Store

ME = "worker_1"


@pytest.fixture(autouse=True)
def _audited(store: Store, place: Place) -> Iterator[None]:
    yield
    audit(place)


def stands(store: Store, at_ms: int = NOON) -> tuple[int, int, int]:
    """Spent, risk and held of the key's only budget."""
    (standing,) = store.spend.standings("key_1", at_ms)
    return standing.spent, standing.risk, standing.held


def test_a_hold_stands_until_it_is_settled(store: Store) -> None:
    budgets = with_key(store, cap=100)
    granted = store.spend.hold(ME, attempt(), budgets, fixed(60))
    assert granted == Granted(("budget of key_1:0",), 60, None)
    assert stands(store) == (0, 0, 60)
    store.spend.settle(entry(attempt(), granted, outcome(25)), granted.amount)
    assert stands(store) == (25, 0, 0)


def test_risk_stays_beside_cost(store: Store) -> None:
    budgets = with_key(store, cap=100)
    granted = store.spend.hold(ME, attempt(), budgets, fixed(60))
    booked = entry(attempt(), granted, replace(outcome(10, risk=50), certainty=Certainty.ESTIMATED))
    store.spend.settle(booked, granted.amount)
    assert stands(store) == (10, 50, 0)
    assert store.reports.entries("req_1") == (booked,)


@pytest.mark.parametrize(
    "what", [outcome(90), outcome(70, risk=20), outcome(0, risk=90), outcome(150, risk=7)]
)
def test_an_overrun_is_booked_in_full(store: Store, what: Outcome) -> None:
    budgets = with_key(store, cap=100)
    granted = store.spend.hold(ME, attempt(), budgets, fixed(60))
    other = store.spend.hold(ME, attempt("req_2"), budgets, fixed(40))
    store.spend.settle(entry(attempt(), granted, what), granted.amount)
    assert stands(store) == (what.cost, what.risk, other.amount)


def test_settling_twice_changes_nothing(store: Store) -> None:
    budgets = with_key(store, cap=100)
    granted = store.spend.hold(ME, attempt(), budgets, fixed(60))
    booked = entry(attempt(), granted, outcome(25))
    store.spend.settle(booked, granted.amount)
    store.spend.settle(booked, granted.amount)
    store.spend.settle(replace(booked, outcome=outcome(50)), granted.amount)
    store.spend.release(ME, attempt(), granted)
    assert stands(store) == (25, 0, 0)
    assert store.reports.entries("req_1") == (booked,)


def test_a_release_leaves_no_entry(store: Store) -> None:
    budgets = with_key(store, cap=100)
    granted = store.spend.hold(ME, attempt(), budgets, fixed(60))
    store.spend.release(ME, attempt(), granted)
    store.spend.release(ME, attempt(), granted)
    assert stands(store) == (0, 0, 0)
    assert store.reports.entries("req_1") == ()


def test_a_cost_that_comes_after_the_release_is_booked(store: Store) -> None:
    budgets = with_key(store, cap=100)
    granted = store.spend.hold(ME, attempt(), budgets, fixed(60))
    store.spend.release(ME, attempt(), granted)
    store.spend.settle(entry(attempt(), granted, outcome(25)), granted.amount)
    assert stands(store) == (25, 0, 0)


def test_a_cost_of_nothing_has_its_entry(store: Store) -> None:
    budgets = with_key(store, cap=0)
    granted = store.spend.hold(ME, attempt(), budgets, fixed(0))
    refused = replace(outcome(0), status=503, failure="upstream_failed")
    store.spend.settle(entry(attempt(), granted, refused), granted.amount)
    assert [row.outcome for row in store.reports.entries("req_1")] == [refused]


def test_attempts_of_one_request_have_holds_of_their_own(store: Store) -> None:
    budgets = with_key(store, cap=100)
    first, second = attempt(number=1), attempt(number=2)
    granted = store.spend.hold(ME, first, budgets, fixed(60))
    store.spend.settle(entry(first, granted, outcome(0, risk=60)), granted.amount)
    granted = store.spend.hold(ME, second, budgets, fixed(40))
    store.spend.settle(entry(second, granted, outcome(40)), granted.amount)
    assert stands(store) == (40, 60, 0)
    assert [row.attempt for row in store.reports.entries("req_1")] == [first, second]


def test_a_key_without_a_cap_is_counted(store: Store) -> None:
    budgets = with_key(store)
    granted = store.spend.hold(ME, attempt(), budgets, fixed(2**61))
    assert granted.amount == 2**61
    store.spend.settle(entry(attempt(), granted, outcome(7)), granted.amount)
    assert stands(store) == (7, 0, 0)


def test_an_unpriced_model_holds_nothing(store: Store) -> None:
    budgets = with_key(store)
    granted = store.spend.hold(ME, attempt(), budgets, None)
    assert granted == Granted(("budget of key_1:0",), 0, None)
    assert stands(store) == (0, 0, 0)


def test_a_request_without_budgets_is_booked_all_the_same(store: Store) -> None:
    with_key(store)
    granted = store.spend.hold(ME, attempt(), (), fixed(9))
    assert granted == Granted((), 9, None)
    booked = entry(attempt(), granted, outcome(8))
    store.spend.settle(booked, granted.amount)
    assert store.reports.entries("req_1") == (booked,)


def test_a_window_turns_with_its_period(store: Store, place: Place) -> None:
    with_key(store)
    daily = add_budget(place, Budget(id="daily", owner="team", period=Period.DAILY, limit=100))
    today = store.spend.hold(ME, attempt("req_1"), (daily,), fixed(100))
    tomorrow = store.spend.hold(ME, attempt("req_2", at_ms=NOON + DAY), (daily,), fixed(70))
    midnight = NOON - DAY // 2
    assert today.windows == (f"daily:{midnight}",)
    assert tomorrow.windows == (f"daily:{midnight + DAY}",)
    # An answer that ends after midnight belongs to the day on which it was asked for.
    late = replace(entry(attempt("req_1"), today, outcome(30)), at_ms=NOON + DAY)
    store.spend.settle(late, today.amount)
    here, there = (store.spend.standings("team", at_ms) for at_ms in (NOON, NOON + DAY))
    assert here == (Standing(daily, midnight, 30, 0, 0),)
    assert there == (Standing(daily, midnight + DAY, 0, 0, 70),)


def test_standings_before_the_first_request_are_zero(store: Store) -> None:
    with_key(store, cap=5)
    assert stands(store) == (0, 0, 0)
    assert store.spend.standings("nobody", NOON) == ()


def test_every_window_of_a_request_holds_the_same(store: Store, place: Place) -> None:
    (own,) = with_key(store, cap=1_000)
    team = add_budget(place, Budget(id="monthly", owner="team", period=Period.MONTHLY, limit=2_000))
    granted = store.spend.hold(ME, attempt(), (team, own), fixed(300))
    assert granted.windows == tuple(sorted(granted.windows))
    assert len(granted.windows) == 2
    store.spend.settle(entry(attempt(), granted, outcome(100, risk=20)), granted.amount)
    (standing,) = store.spend.standings("team", NOON)
    assert (standing.spent, standing.risk, standing.held) == stands(store) == (100, 20, 0)


def test_the_dead_leave_unconfirmed_entries(store: Store) -> None:
    budgets = with_key(store, cap=100)
    store.spend.open_worker(life("worker_2"))
    store.spend.hold(ME, attempt("req_1"), budgets, fixed(30))
    unpriced = replace(attempt("req_2"), price_version=None)
    store.spend.hold(ME, unpriced, (), None)
    store.spend.hold("worker_2", attempt("req_3"), budgets, fixed(5))
    assert store.spend.live_workers() == (ME, "worker_2")

    assert store.spend.adopt(ME, NOON + 1_000) == 2
    assert store.spend.adopt(ME, NOON + 2_000) == 0
    assert store.spend.live_workers() == ("worker_2",)
    assert stands(store) == (0, 30, 5)
    (left,) = store.reports.entries("req_1")
    assert left.attempt == attempt("req_1")
    assert (left.seq, left.worker, left.windows) == (0, ME, ("budget of key_1:0",))
    assert left.at_ms == NOON + 1_000
    assert left.outcome == Outcome(
        cost=0,
        risk=30,
        certainty=Certainty.UNCONFIRMED,
        flags=(Flag.INTERRUPTED,),
        status=0,
        total_ms=1_000,
    )
    (left,) = store.reports.entries("req_2")
    assert left.outcome.flags == (Flag.INTERRUPTED, Flag.UNPRICED)


def test_a_zombie_changes_nothing_and_holds_nothing(store: Store) -> None:
    budgets = with_key(store, cap=100)
    granted = store.spend.hold(ME, attempt(), budgets, fixed(30))
    store.spend.adopt(ME, NOON)
    store.spend.settle(entry(attempt(), granted, outcome(10)), granted.amount)
    store.spend.release(ME, attempt(), granted)
    assert stands(store) == (0, 30, 0)
    with pytest.raises(StoreUnavailable, match="closed"):
        store.spend.hold(ME, attempt("req_2"), budgets, fixed(1))


def test_who_is_not_known_holds_nothing(store: Store) -> None:
    budgets = with_key(store)
    with pytest.raises(StoreUnavailable, match="stranger"):
        store.spend.hold("stranger", attempt(), budgets, fixed(1))


def test_a_worker_closes_only_without_holds(store: Store) -> None:
    budgets = with_key(store)
    granted = store.spend.hold(ME, attempt(), budgets, fixed(1))
    store.spend.close_worker(ME)
    assert store.spend.live_workers() == (ME,)
    store.spend.release(ME, attempt(), granted)
    store.spend.close_worker(ME)
    assert store.spend.live_workers() == ()


@pytest.mark.parametrize("settled", [True, False])
def test_a_model_that_no_database_can_spell_is_booked_all_the_same(store: Store, settled: bool) -> None:
    budgets = with_key(store, cap=100)
    odd = replace(attempt(), requested_model="gpt\0\U0001f600")
    granted = store.spend.hold(ME, odd, budgets, fixed(30))
    if settled:
        store.spend.settle(entry(odd, granted, outcome(10)), granted.amount)
    else:
        store.spend.adopt(ME, NOON)
    (booked,) = store.reports.entries("req_1")
    assert booked.attempt.requested_model == "gpt\ufffd\U0001f600"


def test_an_unknown_budget_is_a_mistake_of_ours(store: Store) -> None:
    with_key(store)
    with pytest.raises(LookupError, match="unknown"):
        store.spend.hold(ME, attempt(), (Budget(id="unknown", owner="key_1"),), fixed(1))


def test_books_that_are_closed_and_opened_again_say_the_same(store: Store, place: Place) -> None:
    budgets = with_key(store, cap=100)
    store.spend.hold(ME, attempt(), budgets, fixed(30))
    again = place.open()
    assert again.spend.standings("key_1", NOON) == store.spend.standings("key_1", NOON)
    assert again.spend.live_workers() == (ME,)
    again.close()
