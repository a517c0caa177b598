"""Plans: what is asked of the database at every request is found by an index."""

import json
import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.storage.places import Place
from tests.storage.samples import (
    DAY,
    NOON,
    Flushes,
    api_key,
    attempt,
    budget_of,
    entry,
    lease,
    life,
    spend,
    window,
    with_key,
)
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.identity import Person
from zai_gateway.accounts.sign_in_store import Credentials, NewSession
from zai_gateway.accounts.sign_in_tries import allowances
from zai_gateway.accounts.usage_books import HOUR_MS, Dimension, Span, UsageQuery
from zai_gateway.storage.store import Store
from zai_gateway.storage.tables import metadata

SMALL = {"workspace", "generation", "vault", "price", "provider_key", "rollup_progress"}
"""What has as few rows as people care to make, and is read as a whole where something changed."""


CAP = window(budget_of(api_key()))


def serve(store: Store) -> None:
    """What a worker does, with another one that has money of the same window."""
    store.spend.open_worker(life("worker_2"))
    assert lease(store, 5, budget_of(api_key()), worker="worker_2")
    assert lease(store, 10, budget_of(api_key()))
    its = Flushes(store)
    its.flush(entry(attempt(), [CAP], 3, 2), back={CAP: 1}, answers={CAP: 1})
    assert not lease(store, 5_000, budget_of(api_key()))
    store.spend.recall([CAP], 60_000)
    store.spend.recalled("worker_1")
    store.spend.levels([CAP], "worker_1")
    store.spend.saw("worker_1", NOON)
    store.spend.worker("worker_1")


def end(store: Store) -> None:
    store.spend.open_worker(life("worker_2"))
    assert lease(store, 5, budget_of(api_key()), worker="worker_2")
    store.spend.lose("worker_2", NOON)
    Flushes(store, "worker_2").flush(entry(attempt("req_2"), [CAP], 3, worker="worker_2"))
    store.spend.close_worker("worker_2")
    store.spend.adopt(Flushes(store).batch(entry(attempt("req_3"), [CAP], 0, 2)), [])


def resolve(store: Store) -> None:
    spend(store, budget_of(api_key()), 3, 2, "req_5")
    spend(store, budget_of(api_key()), 3, 2, "req_6")
    assert len(store.resolutions.unconfirmed("ws_1", 5)) == 2
    assert len(store.resolutions.unconfirmed(None, 5)) == 2
    store.resolutions.resolve("req_5", 1, 1, NOON)
    assert store.resolutions.write_off(NOON + 1_000, NOON) == 1


def sign_in(store: Store) -> None:
    """What a person does who signs in and opens pages, and what becomes of a guess."""
    people = store.accounts
    tries = allowances("ana@example.com", "203.0.113.7")
    assert people.charge_tries(tries, NOON) == 0
    assert people.credentials("ana@example.com") is None
    nobody = Person(id="per_1", email="ana@example.com", name="Ana", created_ms=NOON, password_ms=NOON)
    session = NewSession(
        digest=b"s", person="per_1", created_ms=NOON, seen_ms=NOON, ends_ms=NOON, address=None, agent=""
    )
    seen = Credentials(person=nobody, password="hash")
    assert not people.begin_session(seen, "hash", session, tuple(tries), ())
    assert people.session(b"s") is None
    people.note_seen(b"s", NOON)
    assert people.memberships("per_1") == ()
    assert people.sessions("per_1") == ()
    assert people.link(b"l") is None
    people.end_session(b"s")
    people.end_sessions("per_1", ())


def report(store: Store) -> None:
    """What reports ask, of all and of little, before and behind the end of the rollup."""
    booked = [entry(attempt(f"req_{number}"), [CAP], 1) for number in range(3)]
    assert lease(store, 10, budget_of(api_key()))
    Flushes(store).flush(*booked)
    assert store.rollup.fence(NOON + 60_000)
    store.rollup.step()
    late = Flushes(store)
    late.applied = 3
    late.flush(entry(attempt("req_1", 2), [CAP], 1), entry(attempt("req_9"), [CAP], 1))
    every = UsageQuery(since_ms=NOON - HOUR_MS, until_ms=NOON + 2 * DAY)
    for query in (
        every,
        replace(every, keys=("key_1",)),
        replace(every, model="openai/gpt-5.4"),
        replace(every, provider="openai"),
        replace(every, keys=("key_1",), model="openai/gpt-5.4"),
    ):
        assert store.reports.totals("ws_1", query).sums.requests == 4
        for by in Dimension:
            assert store.reports.breakdown("ws_1", query, by)
            assert store.reports.timeline("ws_1", query, by=by, span=Span.DAY, most=1)
        assert store.reports.latency("ws_1", query, span=Span.HOUR)
        assert len(store.reports.recent("ws_1", query, most=9, before=None)) == 5
    assert store.reports.standings("ws_1", NOON)
    assert store.reports.pending("ws_1", None).leased == 5
    store.rollup.step()


ASKED: dict[str, Callable[[Store], object]] = {
    "a key that is not known": lambda store: store.accounts.key_by_digest(b"x" * 32),
    "a key that is known": lambda store: store.accounts.key_by_digest(api_key().digest),
    "a management key": lambda store: store.accounts.management_key_by_digest(b"x" * 32),
    "when keys were used": lambda store: store.accounts.note_use({"key_1": NOON}),
    "a person": sign_in,
    "a worker": serve,
    "the end of workers": end,
    "resolutions": resolve,
    "where a key stands": lambda store: store.spend.standings("key_1", NOON),
    "reports": report,
    "entries of a request": lambda store: store.reports.entries("req_1"),
    "the newest of the audit": lambda store: store.accounts.audit(AuditSearch(most=10)),
    "what is unconfirmed": lambda store: store.accounts.unconfirmed_attempts("ws_1", None, 10),
    "what is unconfirmed of a request": lambda store: store.accounts.unconfirmed_attempts(None, "req_1", 9),
    "a bill": lambda store: store.accounts.booked("ws_1", "openai", NOON, NOON + 1),
    "what a workspace has to look at": lambda store: store.accounts.flagged_entries(
        "ws_1", ["overrun"], 0, 9
    ),
    "a page of the audit": lambda store: store.accounts.audit(
        AuditSearch(workspace="ws_1", before="aud_1", most=10)
    ),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_an_index_finds_it(store: Store, place: Place, ask: Callable[[Store], object]) -> None:
    with_key(store, cap=100)
    with listened() as said:
        ask(store)
    queries = [each for each in said if each[0].split()[0] in {"SELECT", "UPDATE", "DELETE"}]
    assert queries
    searched = {
        (table, " ".join(query.split()))
        for query, values in queries
        for table in searched_through(place, query, values)
        if table not in SMALL
    }
    assert searched == set()


def test_what_has_no_index_is_seen(place: Place) -> None:
    assert searched_through(place, "SELECT id FROM api_key WHERE name = 'x'", {}) == {"api_key"}


@contextmanager
def listened() -> Generator[list[tuple[str, Any]]]:
    """Every statement that is said, with its values, the first ones where there are several."""
    said: list[tuple[str, Any]] = []

    def hear(*about: Any) -> None:
        _, _, statement, values, _, several = about
        said.append((statement, values[0] if several else values))

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


def searched_through(place: Place, query: str, values: Any) -> set[str]:
    """The tables of which the query looks at every row."""
    return set(_sqlite(place, query, values) if place.address is None else _postgresql(place, query, values))


def _sqlite(place: Place, query: str, values: Any) -> Iterator[str]:
    with closing(sqlite3.connect(place.data / "zai.db")) as books:
        for *_, detail in books.execute(f"EXPLAIN QUERY PLAN {query}", values):
            words = detail.split()
            # In the order of an index, it ends where there are enough.
            ordered = "USING" in words and "LIMIT" in query
            if words[0] == "SCAN" and words[1] in metadata.tables and not ordered:
                yield words[1]


def _postgresql(place: Place, query: str, values: Any) -> Iterator[str]:
    assert place.address is not None
    with psycopg.connect(place.address, cursor_factory=psycopg.ClientCursor) as books:
        # The tables of a test are small. Without this none of their indexes would be worth its while.
        books.execute("SET enable_seqscan = off")
        row = books.execute(f"EXPLAIN (FORMAT JSON) {query}".encode(), values).fetchone()
    assert row is not None
    plan = json.loads(row[0]) if isinstance(row[0], str) else row[0]
    yield from _whole_scans(plan[0]["Plan"], limited=False)


def _whole_scans(node: Mapping[str, Any], *, limited: bool) -> Iterator[str]:
    kind = node["Node Type"]
    by_order = kind in {"Index Scan", "Index Only Scan"} and "Index Cond" not in node
    if kind == "Seq Scan" or (by_order and not limited):
        yield node["Relation Name"]
    for part in node.get("Plans", ()):
        yield from _whole_scans(part, limited=kind == "Limit" or (limited and kind == "LockRows"))
