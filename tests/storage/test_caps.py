"""Caps at the store: which holds fit, what is clamped, and whether a refusal is for good or for now."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from tests.storage.places import Place
from tests.storage.samples import NOON, add_budget, attempt, audit, entry, fixed, outcome, recap, with_key
from zai_gateway.catalogue.bound import Bound
from zai_gateway.errors import Code, Failure
from zai_gateway.money import MAX_NANO
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.store import Granted
from zai_gateway.storage.store import Store

ME = "worker_1"


@pytest.fixture(autouse=True)
def _audited(store: Store, place: Place) -> Iterator[None]:
    yield
    audit(place)


def refusal(store: Store, budgets: tuple[Budget, ...], bound: Bound | None) -> Failure:
    before = store.spend.standings("key_1", NOON)
    with pytest.raises(Failure) as refused:
        store.spend.hold(ME, attempt("req_refused"), budgets, bound)
    assert store.spend.standings("key_1", NOON) == before
    return refused.value


def spend(store: Store, budgets: tuple[Budget, ...], request: str, cost: int, risk: int = 0) -> None:
    of = attempt(request)
    granted = store.spend.hold(ME, of, budgets, fixed(cost + risk))
    store.spend.settle(entry(of, granted, outcome(cost, risk)), granted.amount)


def test_the_last_nano_dollar_can_be_spent(store: Store) -> None:
    budgets = with_key(store, cap=100)
    spend(store, budgets, "req_1", 99)
    assert refusal(store, budgets, fixed(2)).code is Code.SPEND_CAP_REACHED
    assert store.spend.hold(ME, attempt("req_2"), budgets, fixed(1)).amount == 1


def test_what_is_held_refuses_for_now_and_what_is_spent_or_at_risk_for_good(store: Store) -> None:
    budgets = with_key(store, cap=100)
    spend(store, budgets, "req_1", 40, risk=10)
    store.spend.hold(ME, attempt("req_2"), budgets, fixed(30))
    busy = refusal(store, budgets, fixed(50))
    assert (busy.code, busy.retry_after) == (Code.BUDGET_BUSY, 1.0)
    reached = refusal(store, budgets, fixed(51))
    assert (reached.code, reached.detail) == (Code.SPEND_CAP_REACHED, "Spend cap reached: 0.0000001 USD")


def test_a_hold_that_ends_makes_room(store: Store) -> None:
    budgets = with_key(store, cap=100)
    granted = store.spend.hold(ME, attempt("req_1"), budgets, fixed(100))
    assert refusal(store, budgets, fixed(1)).code is Code.BUDGET_BUSY
    store.spend.release(ME, attempt("req_1"), granted)
    assert store.spend.hold(ME, attempt("req_2"), budgets, fixed(100)).amount == 100


def test_an_overrun_past_the_cap_refuses_all_that_costs(store: Store) -> None:
    budgets = with_key(store, cap=100)
    granted = store.spend.hold(ME, attempt("req_1"), budgets, fixed(100))
    store.spend.settle(entry(attempt("req_1"), granted, outcome(180)), granted.amount)
    assert refusal(store, budgets, fixed(1)).code is Code.SPEND_CAP_REACHED


def test_the_stored_limit_counts_not_the_callers_older_one(store: Store) -> None:
    old = with_key(store, cap=100)
    recap(store, 10)
    assert refusal(store, old, fixed(11)).code is Code.SPEND_CAP_REACHED
    recap(store, 1_000)
    assert store.spend.hold(ME, attempt("req_1"), old, fixed(900)).amount == 900
    recap(store, None)
    assert store.spend.hold(ME, attempt("req_2"), old, fixed(5_000)).amount == 5_000


def test_a_cap_lowered_below_what_is_spent_refuses(store: Store) -> None:
    budgets = with_key(store, cap=100)
    spend(store, budgets, "req_1", 80)
    recap(store, 50)
    assert refusal(store, budgets, fixed(1)).code is Code.SPEND_CAP_REACHED


def test_an_unpriced_model_is_refused_where_a_cap_was_just_set(store: Store) -> None:
    budgets = with_key(store)
    recap(store, 100)
    refused = refusal(store, budgets, None)
    assert refused.code is Code.MODEL_UNPRICED
    assert "openai/gpt-5.4 has no known price" in refused.message


def test_the_tightest_window_clamps_and_all_hold_the_same(store: Store, place: Place) -> None:
    (own,) = with_key(store, cap=10_000)
    team = add_budget(place, Budget(id="team", owner="team", limit=6_000))
    open_ended = Bound(input_pico=100_000, output_pico=1_000, asked=None, most=50_000, room=None, floor=1_024)
    granted = store.spend.hold(ME, attempt("req_1"), (own, team), open_ended)
    # A quarter of the team's 6,000 less the input's 100 buys 1,400 output tokens at 1 nano-USD.
    assert granted == Granted(("budget of key_1:0", "team:0"), 1_500, 1_400)
    asked = replace(open_ended, asked=20_000)
    granted = store.spend.hold(ME, attempt("req_2"), (own, team), asked)
    assert granted == Granted(("budget of key_1:0", "team:0"), 4_500, 4_400)
    (standing,) = store.spend.standings("key_1", NOON)
    assert standing.held == 6_000


def test_a_window_without_a_limit_neither_clamps_nor_refuses(store: Store, place: Place) -> None:
    (own,) = with_key(store)
    team = add_budget(place, Budget(id="team", owner="team", limit=100))
    spend(store, (own,), "req_1", 1_000_000)
    assert store.spend.hold(ME, attempt("req_2"), (own, team), fixed(100)).amount == 100
    assert refusal(store, (own, team), fixed(1)).code is Code.BUDGET_BUSY


# (limit, spent, held) of the key's window and of the team's, and the cap that a refusal for good names.
TWO_WINDOWS = [
    pytest.param((100, 60, 0), (100, 0, 80), "0.0000001", id="the key's is spent, the team's has less free"),
    pytest.param((100, 0, 80), (200, 190, 0), "0.0000002", id="the team's is spent, and has less free"),
    pytest.param((100, 90, 0), (200, 190, 5), "0.000000", id="both are spent"),
    pytest.param((100, 40, 20), (200, 100, 80), None, id="both are held"),
    pytest.param((100, 0, 0), (300, 100, 180), None, id="one is held, the other has room"),
]


@pytest.mark.parametrize(("own", "team", "cap"), TWO_WINDOWS)
def test_money_spent_in_any_window_refuses_for_good(
    store: Store, place: Place, own: tuple[int, int, int], team: tuple[int, int, int], cap: str | None
) -> None:
    (mine,) = with_key(store, cap=own[0])
    ours = add_budget(place, Budget(id="team", owner="team", limit=team[0]))
    for name, budget, (_, spent, held) in (("own", mine, own), ("team", ours, team)):
        spend(store, (budget,), f"req_{name}_spent", spent)
        store.spend.hold(ME, attempt(f"req_{name}_held"), (budget,), fixed(held))
    refused = refusal(store, (mine, ours), fixed(50))
    assert refused.code is (Code.BUDGET_BUSY if cap is None else Code.SPEND_CAP_REACHED)
    if cap is not None:
        assert refused.detail.startswith(f"Spend cap reached: {cap}")


def test_a_worst_case_beyond_the_books_is_refused(store: Store) -> None:
    budgets = with_key(store)
    store.spend.hold(ME, attempt("req_1"), budgets, fixed(MAX_NANO - 5))
    refused = refusal(store, budgets, fixed(6))
    assert (refused.code, refused.param) == (Code.INVALID_REQUEST, "max_tokens")
    assert store.spend.hold(ME, attempt("req_2"), budgets, fixed(5)).amount == 5
