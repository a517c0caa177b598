"""Plans: what is asked of the database at every request is found by an index."""

import json
import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.storage.places import Place
from tests.storage.samples import NOON, api_key, attempt, budget_of, entry, fixed, outcome, with_key
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.storage.store import Store
from zai_gateway.storage.tables import metadata

SMALL = {"workspace", "generation", "vault", "price", "provider_key"}
"""What has as few rows as people care to make, and is read as a whole where something changed."""


def spend(store: Store) -> None:
    held = store.spend.hold("worker_1", attempt(), (budget_of(api_key()),), fixed(5))
    store.spend.settle(entry(attempt(), held, outcome(3)), held.amount)
    store.spend.release("worker_1", attempt("req_2"), None)


ASKED: dict[str, Callable[[Store], object]] = {
    "a key that is not known": lambda store: store.accounts.key_by_digest(b"x" * 32),
    "a key that is known": lambda store: store.accounts.key_by_digest(api_key().digest),
    "a management key": lambda store: store.accounts.management_key_by_digest(b"x" * 32),
    "when keys were used": lambda store: store.accounts.note_use({"key_1": NOON}),
    "a request": spend,
    "where a key stands": lambda store: store.spend.standings("key_1", NOON),
    "entries of a request": lambda store: store.reports.entries("req_1"),
    "the newest of the audit": lambda store: store.accounts.audit(AuditSearch(most=10)),
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
