"""The arithmetic of rates: minutes of the store's clock, debts, waits, and how times are written."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zai_gateway.spend.rate_counting import counted
from zai_gateway.spend.rate_store import Charge, Exchange, Part
from zai_gateway.spend.rates import (
    MINUTE_MS,
    RateLimit,
    Resource,
    Tally,
    charged,
    current,
    full_ms,
    reserve,
    spelled,
    wait_ms,
)

NOON = 1_767_268_800_000
LATE = NOON + 45_000


def limit(most: int, resource: Resource = Resource.REQUESTS, owner: str = "key_1") -> RateLimit:
    return RateLimit(owner=owner, owner_kind="key", resource=resource, limit=most)


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        *((0, "0s"), (1, "1ms"), (120, "120ms"), (999, "999ms"), (1_000, "1s"), (1_001, "2s")),
        *(
            (59_000, "59s"),
            (59_001, "1m0s"),
            (360_000, "6m0s"),
            (3_600_000, "1h0m0s"),
            (5_025_000, "1h23m45s"),
        ),
    ],
)
def test_times_are_written_as_openai_writes_them(ms: int, said: str) -> None:
    assert spelled(ms) == said


def test_a_minute_begins_where_the_clock_says() -> None:
    tally = Tally(NOON, 5)
    assert current(tally, 5, NOON + 59_999) == tally
    assert current(tally, 5, NOON + 60_000) == Tally(NOON + MINUTE_MS)


def test_a_clock_that_goes_back_a_little_begins_no_minute_anew() -> None:
    tally = Tally(NOON, 5)
    assert current(tally, 5, NOON - 1) == tally
    assert current(tally, 5, NOON - 60_001) == Tally(NOON - 2 * MINUTE_MS)


def test_what_was_used_beyond_the_limit_is_paid_by_the_minutes_that_follow() -> None:
    tally = charged(Tally(NOON, 90), 100, 250)
    assert tally == Tally(NOON, 100, 240)
    assert current(tally, 100, NOON + MINUTE_MS) == Tally(NOON + MINUTE_MS, 100, 140)
    assert current(tally, 100, NOON + 3 * MINUTE_MS) == Tally(NOON + 3 * MINUTE_MS, 40, 0)
    assert current(tally, 100, NOON + 9 * MINUTE_MS) == Tally(NOON + 9 * MINUTE_MS)


def test_what_was_taken_and_not_used_pays_the_debt_first() -> None:
    assert charged(Tally(NOON, 100, 30), 100, -50) == Tally(NOON, 80, 0)
    assert charged(Tally(NOON, 100, 30), 100, -10) == Tally(NOON, 100, 20)
    assert charged(Tally(NOON, 10), 100, -50) == Tally(NOON, 0)


def test_how_long_to_wait() -> None:
    assert wait_ms(Tally(NOON, 4), 5, 1, LATE) == 0
    assert wait_ms(Tally(NOON, 5), 5, 1, LATE) == 15_000
    assert wait_ms(Tally(NOON, 100, 240), 100, 60, LATE) == 15_000 + 2 * MINUTE_MS
    assert wait_ms(Tally(NOON), 100, 101, LATE) == inf


def test_when_all_is_left_again() -> None:
    assert full_ms(Tally(NOON), 100, LATE) == 0
    assert full_ms(Tally(NOON, 1), 100, LATE) == 15_000
    assert full_ms(Tally(NOON, 100, 101), 100, LATE) == 15_000 + 2 * MINUTE_MS


@given(
    taken=st.integers(0, 100),
    debt=st.integers(0, 1_000),
    amount=st.integers(1, 100),
    at=st.integers(0, 59_999),
)
def test_who_waits_as_long_as_told_fits_and_nobody_sooner(
    taken: int, debt: int, amount: int, at: int
) -> None:
    tally, now = Tally(NOON, 100 if debt else taken, debt), NOON + at
    wait = int(wait_ms(tally, 100, amount, now))

    def fits(moment: int) -> bool:
        return current(tally, 100, moment).taken + amount <= 100

    assert fits(now + wait)
    assert not wait or not fits(now + wait - 1)


@given(
    limit=st.integers(1, 10_000),
    workers=st.integers(1, 64),
)
def test_at_most_a_twentieth_is_leased_and_not_used(limit: int, workers: int) -> None:
    assert reserve(limit, workers) * workers <= limit / 20
    assert (reserve(limit, workers) == 0) == (limit < 20 * workers)


def ask(*parts: tuple[RateLimit, int]) -> tuple[Part, ...]:
    return tuple(Part(*part) for part in parts)


def test_a_request_gets_all_that_it_needs_or_nothing() -> None:
    requests, tokens = limit(2), limit(100, Resource.TOKENS)
    asks = (
        ask((requests, 1), (tokens, 90)),
        ask((requests, 1), (tokens, 20)),
        ask((requests, 1), (tokens, 10)),
        ask((requests, 1)),
    )
    done = counted(Exchange(worker="w", asks=asks), {}, {}, LATE, 8)
    assert done.answer.admitted == (True, False, True, False)
    assert done.tallies == {requests.id: Tally(NOON, 2), tokens.id: Tally(NOON, 100)}
    assert done.answer.readings[requests.id].granted == 2


def test_of_a_large_limit_more_is_leased_than_was_asked_for() -> None:
    requests = limit(1_000)
    done = counted(Exchange(worker="w", asks=(ask((requests, 1)),)), {}, {}, LATE, 5)
    assert done.answer.readings[requests.id].granted == 1 + 10
    refused = Exchange(worker="w", asks=(ask((requests, 1_000)),))
    assert counted(refused, done.tallies, {}, LATE, 5).answer.readings[requests.id].granted == 0


def test_charges_come_before_requests() -> None:
    tokens = limit(100, Resource.TOKENS)
    exchange = Exchange(worker="w", charges=(Charge(tokens, 150),), asks=(ask((tokens, 1)),))
    done = counted(exchange, {}, {}, LATE, 1)
    assert done.answer.admitted == (False,)
    assert done.tallies == {tokens.id: Tally(NOON, 100, 50)}


def test_nothing_is_given_back_in_another_minute() -> None:
    tokens = limit(100, Resource.TOKENS)
    tallies = {tokens.id: Tally(NOON, 60)}
    for start, left in ((NOON, 20), (NOON - MINUTE_MS, 60)):
        exchange = Exchange(worker="w", charges=(Charge(tokens, -40, start),))
        assert counted(exchange, tallies, {}, LATE, 1).tallies == {tokens.id: Tally(NOON, left)}


def test_what_others_hold_leaves_less_at_once() -> None:
    slots = limit(3, Resource.CONCURRENCY)
    exchange = Exchange(worker="w", held=(Part(slots, 1),), asks=(ask((slots, 1)), ask((slots, 1))))
    done = counted(exchange, {}, {slots.id: 1}, LATE, 2)
    assert (done.answer.admitted, done.held) == ((True, False), {slots.id: 2})
    assert not done.tallies
