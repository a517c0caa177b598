"""What becomes of unconfirmed money: confirmed by an operator, or written off, each once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from tests.storage.places import Place
from tests.storage.samples import (
    ME,
    NOON,
    Flushes,
    attempt,
    audit,
    entry,
    lease,
    life,
    spend,
    window,
    with_key,
)
from zai_gateway.errors import Code, Failure
from zai_gateway.spend.ledger import Certainty, Flag
from zai_gateway.storage.store import Store

LATER = NOON + 5_000


@pytest.fixture(autouse=True)
def _audited(store: Store, place: Place) -> Iterator[None]:
    yield
    audit(place)


def stands(store: Store) -> tuple[int, int, int]:
    (standing,) = store.spend.standings("key_1", NOON)
    return standing.spent, standing.risk, standing.held


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("cost", [0, 10, 40, 95, -5])
def test_what_turns_out_is_booked_and_the_rest_is_free(store: Store, closed: bool, cost: int) -> None:
    cap = with_key(store, cap=100)
    booked = spend(store, cap, 5, 40)
    assert lease(store, 30, cap)
    if closed:
        store.spend.close_worker(ME)
    store.resolutions.resolve("req_1", 1, cost, LATER)
    assert stands(store) == (5 + cost, 0, 0 if closed else 30)
    first, second = store.reports.entries("req_1")
    assert first == booked
    assert (second.seq, second.at_ms, second.attempt) == (1, LATER, booked.attempt)
    assert (second.outcome.cost, second.outcome.risk) == (cost, -40)
    assert second.outcome.certainty is Certainty.EXACT
    assert store.resolutions.unconfirmed(None, 10) == ()
    (row,) = store.reports.usage("ws_1", 0, LATER + 1)
    assert (row.requests, row.cost, row.risk) == (1, 5 + cost, 0)


def refusal(store: Store, request: str = "req_1", number: int = 1, cost: int = 0) -> Code:
    with pytest.raises(Failure) as refused:
        store.resolutions.resolve(request, number, cost, LATER)
    return refused.value.code


def test_what_cannot_be_resolved(store: Store) -> None:
    cap = with_key(store, cap=100)
    spend(store, cap, 5, 40)
    assert refusal(store, number=2) is Code.NOT_FOUND
    assert refusal(store, request="req_2") is Code.NOT_FOUND
    assert refusal(store, cost=-6) is Code.INVALID_REQUEST
    store.resolutions.resolve("req_1", 1, 0, LATER)
    assert refusal(store) is Code.NOT_FOUND
    spend(store, cap, 7, request="req_sure")
    assert refusal(store, request="req_sure") is Code.NOT_FOUND


def test_after_a_resolution_the_whole_rest_can_be_spent(store: Store) -> None:
    cap = with_key(store, cap=100)
    spend(store, cap, 5, 95)
    assert not lease(store, 1, cap)
    store.resolutions.resolve("req_1", 1, 20, LATER)
    assert lease(store, 75, cap)
    assert not lease(store, 1, cap)


def test_what_nobody_confirms_is_written_off_at_its_estimate(store: Store) -> None:
    cap = with_key(store, cap=1_000)
    assert lease(store, 400, cap)
    guessed = entry(attempt("req_guessed"), [window(cap)], 30, 70)
    died = entry(attempt("req_died"), [window(cap)], 0, 100, estimate=60)
    odd = entry(attempt("req_odd"), [window(cap)], 0, 50, estimate=80)
    young = replace(entry(attempt("req_young"), [window(cap)], 0, 20), at_ms=LATER)
    Flushes(store).flush(guessed, died, odd, young)
    assert store.resolutions.write_off(LATER, LATER + 9) == 3
    assert store.resolutions.write_off(LATER, LATER + 9) == 0
    assert stands(store) == (30 + 60 + 50, 20, 130)
    found = {name: store.reports.entries(name)[-1] for name in ("req_guessed", "req_died", "req_odd")}
    assert {name: (row.outcome.cost, row.outcome.risk) for name, row in found.items()} == {
        "req_guessed": (0, -70),
        "req_died": (60, -100),
        "req_odd": (50, -50),
    }
    for row in found.values():
        assert (row.seq, row.at_ms, row.outcome.flags) == (1, LATER + 9, (Flag.WRITTEN_OFF,))
        assert row.outcome.certainty is Certainty.ESTIMATED
    assert [each.attempt.request for each in store.resolutions.unconfirmed(None, 10)] == ["req_young"]
    assert refusal(store, request="req_died") is Code.NOT_FOUND


def test_no_more_than_500_are_written_off_at_once(store: Store) -> None:
    cap = with_key(store, cap=10_000)
    assert lease(store, 1_100, cap)
    Flushes(store).flush(*(entry(attempt(f"req_{n}"), [window(cap)], 0, 2, estimate=1) for n in range(501)))
    assert store.resolutions.write_off(LATER, LATER) == 500
    assert store.resolutions.write_off(LATER, LATER) == 1
    assert stands(store) == (501, 0, 98)


def test_the_oldest_are_listed_first(store: Store) -> None:
    cap = with_key(store, cap=1_000)
    assert lease(store, 100, cap)
    entries = [
        replace(entry(attempt(f"req_{n}"), [window(cap)], n, 10, estimate=4), at_ms=NOON - n)
        for n in range(5)
    ]
    elsewhere = replace(attempt("req_5"), workspace="ws_2")
    Flushes(store).flush(*entries, replace(entry(elsewhere, [window(cap)], 0, 1), at_ms=NOON))
    assert store.resolutions.unconfirmed("ws_1", 3) == (entries[4], entries[3], entries[2])
    assert len(store.resolutions.unconfirmed(None, 10)) == 6
    assert store.resolutions.unconfirmed("ws_3", 10) == ()


def test_of_those_who_resolve_at_once_one_does(place: Place) -> None:
    store = place.open(60)
    cap = with_key(store, cap=1_000)
    assert lease(store, 800, cap)
    requests = [f"req_{n}" for n in range(12)]
    Flushes(store).flush(*(entry(attempt(each), [window(cap)], 1, 30, estimate=7) for each in requests))
    store.spend.open_worker(life("worker_2"))

    def resolve(request: str, /) -> int:
        try:
            store.resolutions.resolve(request, 1, 7, LATER)
        except Failure:
            return 0
        return 1

    def close(_: str, /) -> int:
        store.spend.close_worker(ME)
        return 0

    def write_off(_: str, /) -> int:
        return store.resolutions.write_off(LATER, LATER)

    with ThreadPoolExecutor(8) as threads:
        of_each: tuple[Callable[[str], int], ...] = (resolve, resolve, write_off)
        moves = [threads.submit(move, each) for each in requests for move in of_each]
        moves.append(threads.submit(close, ""))
        assert sum(each.result() for each in moves) == len(requests)
    assert stands(store) == (12 * 8, 0, 0)
    assert {len(store.reports.entries(each)) for each in requests} == {2}
    store.close()
