"""The newest entries of the ledger: page by page they are all that a query is about, in one order."""

import random
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from tests.storage.samples import DAY, NOON, Flushes, attempt, outcome, with_key
from zai_gateway.accounts.usage_books import LedgerLine, UsageQuery
from zai_gateway.spend.ledger import Entry, Flag
from zai_gateway.storage.store import Store
from zai_gateway.wire.usage import Usage

EVER = UsageQuery(since_ms=NOON - 70 * DAY, until_ms=NOON + DAY)
MODELS = ("openai/a", "mistral/b")


@pytest.fixture
def booked(store: Store) -> list[Entry]:
    """Entries of two months, some of one moment, a part of them rolled up."""
    with_key(store)
    chosen, flushes = random.Random(5), Flushes(store)
    moments = [NOON - chosen.randrange(60 * DAY) for _ in range(40)] + [NOON] * 5
    entries: list[Entry] = []
    for number, at_ms in enumerate(moments):
        of = attempt(f"req_{number:02d}", key=f"key_{number % 3}")
        model = MODELS[number % 7 == 0]
        of = replace(of, answering_model=model, provider=model.partition("/")[0])
        what = replace(outcome(number), flags=(Flag.OVERRUN,), usage=Usage(input=1, output=number))
        entries.append(Entry(attempt=of, seq=0, outcome=what, windows=(), worker="worker_1", at_ms=at_ms))
    entries += [replace(entries[-1], seq=1), replace(entries[0], seq=1, outcome=outcome(1), at_ms=NOON)]
    flushes.flush(*entries)
    store.rollup.fence(NOON - 3_600_000)
    while store.rollup.step().more:
        pass
    return entries


def pages(store: Store, query: UsageQuery, most: int) -> Iterator[LedgerLine]:
    before = None
    while True:
        found = store.reports.recent("ws_1", query, most=most, before=before)
        yield from found
        if len(found) < most:
            return
        before = found[-1].cursor


def name(line: LedgerLine) -> tuple[int, str, int, int]:
    return line.at_ms, line.request, line.attempt, line.seq


@pytest.mark.parametrize(
    "query",
    [
        EVER,
        UsageQuery(since_ms=NOON - 20 * DAY, until_ms=NOON),
        replace(EVER, keys=("key_1",)),
        replace(EVER, keys=("key_0", "key_2"), model="mistral/b"),
        replace(EVER, model="mistral/b"),
        replace(EVER, provider="openai"),
        replace(EVER, keys=()),
    ],
)
@pytest.mark.parametrize("most", [1, 4, 100])
def test_pages_are_everything_once_the_newest_first(
    store: Store, booked: list[Entry], query: UsageQuery, most: int
) -> None:
    wanted = [
        each
        for each in booked
        if query.since_ms <= each.at_ms < query.until_ms
        and (query.keys is None or each.attempt.key in query.keys)
        and query.model in {None, each.attempt.answering_model}
        and query.provider in {None, each.attempt.provider}
    ]
    expected = sorted(
        ((each.at_ms, each.attempt.request, each.attempt.number, each.seq) for each in wanted), reverse=True
    )
    assert [name(line) for line in pages(store, query, most)] == expected


def test_a_line_has_what_the_ledger_has(store: Store, booked: list[Entry]) -> None:
    (line,) = store.reports.recent(
        "ws_1", replace(EVER, until_ms=NOON + 1, keys=("key_2",)), most=1, before=None
    )
    of = booked[-3]
    assert (line.request, line.requested_model, line.streamed) == ("req_44", "gpt-5.4", True)
    assert (line.usage, line.flags, line.certainty) == (of.outcome.usage, ("overrun",), "exact")
    assert (line.cost, line.risk, line.status, line.total_ms) == (44, 0, 200, 40)
