"""Races: processes and threads on one database, and processes that are killed in the middle."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import insert

from tests.storage.places import Place
from tests.storage.processes import all_at_once, killed
from tests.storage.samples import (
    NOON,
    act,
    api_key,
    attempt,
    audit,
    budget_of,
    entry,
    fixed,
    life,
    outcome,
    provider_key,
    with_key,
    workspace,
)
from zai_gateway.accounts.store import Changes
from zai_gateway.errors import Code, Failure
from zai_gateway.storage.tables import vault

EIGHT = [f"process_{number}" for number in range(8)]
PATIENCE = 60.0
"""Seconds to wait for the database in a race: longer than any disk takes, so that no clock decides."""


def test_eight_first_starts_make_one_workspace_and_one_key(new_place: Place) -> None:
    wrote = all_at_once(_start_first, new_place, EIGHT)
    assert sorted(wrote.values()) == [False] * 7 + [True]
    (winner,) = (name for name, first in wrote.items() if first)
    store = new_place.open()
    assert [each.id for each in store.accounts.workspaces()] == ["ws_1"]
    assert [each.id for each in store.accounts.keys("ws_1")] == [f"key_{winner}"]
    assert [each.id for each in store.accounts.provider_keys("ws_1")] == [f"pk_{winner}"]
    store.close()


def _start_first(place: Place, name: str) -> bool:
    store = place.open(PATIENCE)
    of = provider_key(f"pk_{name}"), api_key(f"key_{name}")
    wrote = store.accounts.first_start(workspace(), [of[0]], of[1], [act()])
    store.close()
    return wrote


def test_eight_processes_never_spend_more_than_the_cap(place: Place) -> None:
    store = place.open()
    with_key(store, cap=23)
    told = all_at_once(_spend_ten, place, EIGHT)
    granted = sum(held for held, _ in told.values())
    # 80 holds of 2 wanted 160 of 23: eleven fit, and the last nano-USD is left over.
    assert granted == 11
    assert {code for _, codes in told.values() for code in codes} <= {
        Code.SPEND_CAP_REACHED,
        Code.BUDGET_BUSY,
    }
    (standing,) = store.spend.standings("key_1", NOON)
    assert (standing.spent, standing.risk, standing.held) == (22, 0, 0)
    audit(place)
    store.close()


def _spend_ten(place: Place, name: str) -> tuple[int, list[Code]]:
    store = place.open(PATIENCE)
    store.spend.open_worker(life(name))
    held, refused = 0, list[Code]()
    for number in range(10):
        of = attempt(f"{name}_{number}")
        try:
            granted = store.spend.hold(name, of, (budget_of(api_key()),), fixed(2))
        except Failure as failure:
            refused.append(failure.code)
        else:
            held += 1
            store.spend.settle(entry(of, granted, outcome(2), worker=name), granted.amount)
    store.close()
    return held, refused


def test_threads_of_one_process_never_spend_more_than_the_cap(place: Place) -> None:
    store = place.open(PATIENCE)
    budgets = with_key(store, cap=23)

    def hold(number: int) -> int:
        try:
            return store.spend.hold("worker_1", attempt(f"req_{number}"), budgets, fixed(2)).amount
        except Failure as failure:
            assert failure.code is Code.BUDGET_BUSY
            return 0

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(hold, range(40))) == 22
    audit(place)
    store.close()


def test_two_processes_see_each_others_writes(place: Place) -> None:
    store = place.open()
    with_key(store)
    before = store.accounts.changes(0)
    seen = all_at_once(_look_and_add, place, ["other"])["other"]
    assert seen == before
    after = store.accounts.changes(before.generation)
    assert after.keys == (api_key("key_other"),)
    store.close()


def _look_and_add(place: Place, name: str) -> Changes:
    store = place.open()
    seen = store.accounts.changes(0)
    assert store.accounts.add_key(api_key(f"key_{name}"), act())
    store.close()
    return seen


def test_a_kill_between_hold_and_settle_becomes_risk(place: Place) -> None:
    store = place.open()
    with_key(store, cap=100)
    killed(_hold_and_die, place)
    assert store.spend.live_workers() == ("victim", "worker_1")
    (standing,) = store.spend.standings("key_1", NOON)
    assert (standing.spent, standing.risk, standing.held) == (10, 0, 60)

    assert store.spend.adopt("victim", NOON + 5) == 1
    assert store.spend.live_workers() == ("worker_1",)
    (standing,) = store.spend.standings("key_1", NOON)
    assert (standing.spent, standing.risk, standing.held) == (10, 60, 0)
    assert [row.outcome.risk for row in store.reports.entries("req_lost")] == [60]
    audit(place)
    store.close()


def _hold_and_die(place: Place) -> None:
    store = place.open()
    budgets = (budget_of(api_key()),)
    store.spend.open_worker(life("victim"))
    granted = store.spend.hold("victim", attempt("req_done"), budgets, fixed(20))
    store.spend.settle(entry(attempt("req_done"), granted, outcome(10), worker="victim"), granted.amount)
    store.spend.hold("victim", attempt("req_lost"), budgets, fixed(60))
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_kill_within_a_transaction_leaves_nothing(place: Place) -> None:
    killed(_write_and_die, place)
    store = place.open()
    assert store.accounts.canary() is None
    store.close()


def _write_and_die(place: Place) -> None:
    with place.database().write() as connection:
        connection.execute(insert(vault), {"id": 1, "canary": b"half"})
        os.kill(os.getpid(), signal.SIGKILL)
