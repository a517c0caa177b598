"""Reports: usage by key and model, in which requests are counted once and money is summed whole."""

from msgspec.structs import replace

from tests.storage.samples import ME, NOON, Flushes, attempt, outcome, with_key
from zai_gateway.spend.ledger import Attempt, Certainty, Entry, Flag, Outcome
from zai_gateway.spend.reports import UsageRow
from zai_gateway.storage.store import Store
from zai_gateway.wire.usage import Usage

USAGE = Usage(input=1, cache_read=2, cache_write=3, cache_write_long=4, output=50, reasoning=6)
HOUR = 3_600_000


def book(store: Store, of: Attempt, what: Outcome, at_ms: int = NOON) -> Entry:
    """Books it in the ledger, and in no budget."""
    flushes = Flushes(store)
    flushes.applied = store.spend.worker(ME).applied
    booked = Entry(attempt=of, seq=0, outcome=what, windows=(), worker=ME, at_ms=at_ms)
    flushes.flush(booked)
    return booked


def to_model(of: Attempt, model: str) -> Attempt:
    return replace(of, answering_model=model)


def test_an_entry_comes_back_with_every_field(store: Store) -> None:
    with_key(store)
    of = replace(attempt(), member="member_1", provider_key=None, price_version=None, streamed=False)
    what = Outcome(
        cost=2**62,
        risk=7,
        estimate=5,
        certainty=Certainty.ESTIMATED,
        flags=(Flag.INTERRUPTED, Flag.OVERRUN),
        usage=USAGE,
        status=200,
        failure="upstream_failed",
        first_token_ms=30,
        total_ms=40,
        provider_request_id="req-of-provider",
    )
    booked = book(store, of, what, at_ms=NOON + 40)
    assert store.reports.entries("req_1") == (booked,)
    assert store.reports.entries("req_2") == ()


def test_usage_is_summed_by_key_and_model(store: Store) -> None:
    with_key(store)
    book(store, attempt("req_1"), replace(outcome(10), usage=USAGE))
    book(store, attempt("req_2"), replace(outcome(5, risk=3), usage=USAGE))
    book(store, to_model(attempt("req_3"), "openai/b"), replace(outcome(2), usage=USAGE))
    book(store, attempt("req_4", key="key_0"), replace(outcome(1), usage=USAGE))
    twice = Usage(input=2, cache_read=4, cache_write=6, cache_write_long=8, output=100, reasoning=12)
    assert store.reports.usage("ws_1", NOON, NOON + 1) == (
        UsageRow(key="key_0", model="openai/gpt-5.4", requests=1, usage=USAGE, cost=1, risk=0),
        UsageRow(key="key_1", model="openai/b", requests=1, usage=USAGE, cost=2, risk=0),
        UsageRow(key="key_1", model="openai/gpt-5.4", requests=2, usage=twice, cost=15, risk=3),
    )


def test_an_unknown_usage_counts_as_no_tokens(store: Store) -> None:
    with_key(store)
    book(store, attempt(), outcome(0, risk=100))
    (row,) = store.reports.usage("ws_1", 0, NOON + 1)
    assert (row.usage, row.cost, row.risk) == (Usage(input=0, output=0), 0, 100)


def test_the_span_takes_its_beginning_and_leaves_its_end(store: Store) -> None:
    with_key(store)
    book(store, attempt("req_1"), outcome(1), at_ms=NOON - 1)
    book(store, attempt("req_2"), outcome(10), at_ms=NOON)
    book(store, attempt("req_3"), outcome(100), at_ms=NOON + HOUR)
    assert [row.cost for row in store.reports.usage("ws_1", NOON, NOON + HOUR)] == [10]
    assert store.reports.usage("ws_2", 0, NOON + 2 * HOUR) == ()


def test_a_request_counts_once_where_it_ended(store: Store) -> None:
    with_key(store)
    book(store, to_model(attempt(number=1), "openai/a"), outcome(0))
    book(store, to_model(attempt(number=2), "openai/a"), outcome(3))
    book(store, to_model(attempt(number=3), "openai/b"), outcome(4))
    rows = store.reports.usage("ws_1", 0, NOON + 1)
    assert [(row.model, row.requests, row.cost) for row in rows] == [("openai/a", 0, 3), ("openai/b", 1, 4)]


def test_a_correction_moves_money_and_counts_no_request(store: Store) -> None:
    with_key(store)
    booked = book(store, attempt(), outcome(0, risk=100))
    store.resolutions.resolve("req_1", 1, 30, NOON + HOUR)
    assert [each.seq for each in store.reports.entries("req_1")] == [booked.seq, 1]
    (before,) = store.reports.usage("ws_1", NOON, NOON + HOUR)
    (after,) = store.reports.usage("ws_1", NOON + HOUR, NOON + 2 * HOUR)
    assert [(row.requests, row.cost, row.risk) for row in (before, after)] == [(1, 0, 100), (0, 30, -100)]


def test_attempts_on_both_sides_of_midnight_are_one_request(store: Store) -> None:
    with_key(store)
    book(store, attempt(number=1), outcome(3), at_ms=NOON)
    book(store, attempt(number=2), outcome(4), at_ms=NOON + HOUR)
    first = store.reports.usage("ws_1", NOON, NOON + HOUR)
    second = store.reports.usage("ws_1", NOON + HOUR, NOON + 2 * HOUR)
    assert [(row.requests, row.cost) for row in first + second] == [(0, 3), (1, 4)]
