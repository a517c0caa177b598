"""Races: processes and threads on one database, and processes that are killed in the middle."""

import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import Random

from sqlalchemy import insert

from tests.storage.places import Place
from tests.storage.processes import all_at_once, killed
from tests.storage.samples import (
    ME,
    NOON,
    Flushes,
    act,
    add_budget,
    api_key,
    attempt,
    audit,
    budget_of,
    entry,
    lease,
    life,
    need,
    provider_key,
    window,
    with_key,
    workspace,
)
from zai_gateway.accounts.store import Changes
from zai_gateway.errors import Failure
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.ledger import Entry
from zai_gateway.spend.store import OpenHold
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
    cap = with_key(store, cap=23)
    told = all_at_once(_spend_ten, place, EIGHT)
    # 80 leases of 2 were wanted of 23: eleven fit, and the last nano-USD is left over.
    assert sum(leased for leased, _ in told.values()) == 11
    # Whoever was refused was told so in truth.
    assert {committed + 2 > 23 for _, levels in told.values() for committed in levels} == {True}
    (standing,) = store.spend.standings("key_1", NOON)
    assert (standing.spent, standing.risk, standing.held) == (22, 0, 0)
    assert lease(store, 1, cap)
    audit(place)
    store.close()


def _spend_ten(place: Place, name: str) -> tuple[int, list[int]]:
    store = place.open(PATIENCE)
    store.spend.open_worker(life(name))
    cap, flushes = budget_of(api_key()), Flushes(store, name)
    leased, refused = 0, list[int]()
    for number in range(10):
        granted = store.spend.grant(name, [need(cap, 2)])
        if granted.amounts is None:
            refused += [level.committed for level in granted.levels]
        else:
            leased += 1
            flushes.flush(entry(attempt(f"{name}_{number}"), [window(cap)], 2, worker=name))
    store.close()
    return leased, refused


def test_threads_never_spend_more_than_the_caps(place: Place) -> None:
    """A storm of every move of eight workers on two windows, each worker's flushes in order."""
    store = place.open(PATIENCE)
    own = with_key(store, cap=300)
    team = add_budget(place, Budget(id="team", owner="team", limit=400))
    both, workers = [window(own), window(team)], [f"worker_{n}" for n in range(2, 10)]
    for name in workers:
        store.spend.open_worker(life(name))

    def work(name: str) -> None:
        flushes, free, choice = Flushes(store, name), Counter[str](), Random(name)
        for number in range(25):
            budgets = choice.choice([[own, team], [team, own], [team]])
            granted = store.spend.grant(name, [need(each, 7, 20) for each in budgets]).amounts
            free.update(granted or {})
            if granted is None:
                store.spend.recall(both, 60_000)
            answers = store.spend.recalled(name)
            entries = list[Entry]()
            if granted is not None:
                of = attempt(f"{name}_{number}")
                entries.append(entry(of, sorted(granted), 3, choice.randint(0, 4), worker=name))
                free.subtract(dict.fromkeys(granted, 3 + entries[0].outcome.risk))
            back = {id: free[id] for id in answers if free[id]}
            free.subtract(back)
            flushes.flush(*entries, back=back, answers=answers)
            store.spend.levels(both, name)
            for unsure in store.resolutions.unconfirmed(None, 1) if number % 5 == 0 else ():
                with suppress(Failure):
                    store.resolutions.resolve(unsure.attempt.request, unsure.attempt.number, 1, NOON)
        store.spend.close_worker(name)

    with ThreadPoolExecutor(len(workers)) as threads:
        list(threads.map(work, workers))
    audit(place)
    for limit, id in ((300, own.owner), (400, team.owner)):
        (standing,) = store.spend.standings(id, NOON)
        assert standing.held == 0
        # All could be leased until too little for one more was left.
        assert limit - 7 < standing.spent + standing.risk <= limit or id == own.owner
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


def test_what_a_killed_worker_flushed_is_booked_once_and_what_it_leased_stays(place: Place) -> None:
    store = place.open()
    cap = with_key(store, cap=100)
    killed(_lease_and_die, place)
    assert [each.id for each in store.spend.live_workers()] == ["victim", ME]
    (standing,) = store.spend.standings("key_1", NOON)
    assert (standing.spent, standing.risk, standing.held) == (10, 0, 70)
    assert not lease(store, 21, cap)
    its = Flushes(store, "victim")
    its.applied = store.spend.worker("victim").applied
    left = OpenHold(entry=entry(attempt("req_lost"), [window(cap)], 0, 60, worker="victim"))
    store.spend.adopt(its.batch(), [left])
    (standing,) = store.spend.standings("key_1", NOON)
    assert (standing.spent, standing.risk, standing.held) == (10, 60, 0)
    audit(place)
    store.close()


def _lease_and_die(place: Place) -> None:
    store = place.open()
    cap = budget_of(api_key())
    store.spend.open_worker(life("victim"))
    assert lease(store, 80, cap, worker="victim")
    Flushes(store, "victim").flush(entry(attempt("req_done"), [window(cap)], 10, worker="victim"))
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
