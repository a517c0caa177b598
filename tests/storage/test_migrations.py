"""Migrations: books that an earlier release wrote are read, counted on and spent from by this one."""

from contextlib import closing
from pathlib import Path

import msgspec
from alembic import command
from alembic.config import Config
from msgspec.structs import replace
from sqlalchemy import Connection, text

import zai_gateway.storage
from tests.storage.places import Place
from tests.storage.samples import (
    NOON,
    Flushes,
    act,
    attempt,
    audit,
    entry,
    lease,
    life,
    member,
    outcome,
    window,
    workspace,
)
from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.caller import Caller
from zai_gateway.accounts.records import NearCap
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.ledger import Certainty, Flag
from zai_gateway.storage.address import read_address
from zai_gateway.storage.database import Database
from zai_gateway.storage.postgresql import PostgresDatabase
from zai_gateway.storage.rows import row_of
from zai_gateway.storage.sqlite import SqliteDatabase

SCRIPTS = Path(zai_gateway.storage.__file__).parent / "migrations"
BOOKS_OF_0001 = (
    "INSERT INTO workspace VALUES ('ws_1', 'My Workspace', 'my-ws', 1)",
    """INSERT INTO budget (id, owner, resource, period, "limit")
    VALUES ('b_1', 'key_1', 'spend', 'total', 100)""",
    """INSERT INTO api_key (id, workspace, name, prefix, digest, tags, allow, cap, budget, created_ms,
    generation) VALUES ('key_1', 'ws_1', 'ci', 'zk_live_0PkU', CAST('digest' AS {bytes}), '[]', '[]', 100,
    'b_1', 2, 1)""",
    """INSERT INTO provider_key (id, workspace, provider, name, base_url, sealed, position, created_ms)
    VALUES ('pk_1', 'ws_1', 'openai', 'main', 'https://api.openai.com/v1', CAST('' AS {bytes}), 0, 3)""",
    """INSERT INTO "window" VALUES ('b_1:0', 'b_1', 0, 60)""",
    "INSERT INTO worker VALUES ('worker_1', 'host', 'boot', NULL, 0, 4, 'live')",
    "INSERT INTO lease VALUES ('b_1:0', 'worker_1', 60, 60, 0)",
    "UPDATE generation SET value = 1",
)


def migrate(connection: Connection, revision: str) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(SCRIPTS))
    command.upgrade(config, revision)


AUDIT_OF_0002 = """INSERT INTO audit VALUES
    ('aud_{0}', 'ws_1', {0}, 'operator', 'op', 'Op', NULL, 'key.update', 'api_key', 'key_1', 'ci', '{{}}')"""


def test_the_audit_of_an_earlier_schema_keeps_its_order(new_place: Place) -> None:
    with closing(old_database(new_place)) as database, database.write() as connection:
        migrate(connection, "0002")
        for number in (3, 1, 2):
            connection.exec_driver_sql(AUDIT_OF_0002.format(number))
    with closing(new_place.open()) as store:
        assert store.accounts.put_workspace([], workspace(), replace(act(), id="aud_0"))
        kept = [record.id for record in store.accounts.audit(AuditSearch())]
    assert kept == ["aud_0", "aud_3", "aud_2", "aud_1"]


def write_books_of_0001(place: Place) -> None:
    with closing(old_database(place)) as database, database.write() as connection:
        migrate(connection, "0001")
        kind = "BLOB" if place.address is None else "BYTEA"
        for statement in BOOKS_OF_0001:
            connection.execute(text(statement.format(bytes=kind)))


def old_database(place: Place) -> Database:
    if place.address is not None:
        return PostgresDatabase(read_address(place.address))
    place.data.mkdir()
    (place.data / "zai.db").touch(0o600)
    return SqliteDatabase(place.data / "zai.db")


def test_the_books_of_the_first_schema_go_on(new_place: Place) -> None:
    write_books_of_0001(new_place)
    with closing(new_place.open()) as store:
        (key,) = store.accounts.keys("ws_1")
        assert (key.name, key.cap, key.near_cap, key.last_used_ms, key.predecessors) == (
            *("ci", 100, NearCap.CLAMP, None, ()),
        )
        (provider_key,) = store.accounts.provider_keys("ws_1")
        assert (provider_key.private, provider_key.disabled_ms, provider_key.health) == (True, None, None)
        # The cap of an old key is one of its workspace's budgets, and what was spent of it is spent.
        (cap,) = store.accounts.budgets("ws_1")
        assert (cap.id, cap.workspace, cap.owner, cap.limit) == ("b_1", "ws_1", "key_1", 100)
        changes = store.accounts.changes(0)
        caller = Caller(key=key, view=changes.workspaces[0])
        assert [budget.id for budget in caller.budgets] == ["b_1"]
        (standing,) = store.spend.standings("key_1", 5)
        assert (standing.spent, standing.budget.limit) == (60, 100)
        cap = Budget(id="b_1", owner="key_1")
        store.spend.open_worker(life("worker_2"))
        assert not lease(store, 41, cap, worker="worker_2")
        assert lease(store, 40, cap, worker="worker_2")
        booked = entry(attempt(), [window(cap)], 40, worker="worker_2")
        Flushes(store, "worker_2").flush(booked)
        assert store.accounts.put_member([], member(), act())
    with closing(new_place.open()) as again:
        assert again.spend.standings("key_1", 5)[0].spent == 100
        assert len(again.accounts.members("ws_1")) == 1


OPEN_HOLDS_OF_0004 = (
    """INSERT INTO worker VALUES ('worker_1', 'host', 'boot', NULL, 0, 4, 'live'),
    ('worker_2', 'host', 'boot', NULL, 0, 4, 'closed')""",
    """INSERT INTO "window" VALUES ('b_1:0', 'b_1', 0, 95)""",
    "INSERT INTO lease VALUES ('b_1:0', 'worker_1', 65, 20, 5), ('b_1:0', 'worker_2', 30, 30, 0)",
    """INSERT INTO hold VALUES ('req_1', 1, 'worker_1', '["b_1:0"]', 25, '{attempt}', 7),
    ('req_2', 2, 'worker_1', '["b_1:0"]', 15, '{unpriced}', 8),
    ('req_3', 1, 'worker_1', '[]', 9, '{attempt}', 9)""",
    """INSERT INTO ledger (request, attempt, seq, workspace, key, tags, provider, requested_model,
    answering_model, windows, worker, cost, risk, certainty, status, flags, streamed, total_ms, started_ms,
    at_ms) VALUES
    ('req_4', 1, 0, 'ws_1', 'key_1', '[]', 'p', 'm', 'm', '["b_1:0"]', 'worker_1', 20, 5, 'estimated', 200,
    '[]', false, 1, 1, 1),
    ('req_5', 1, 0, 'ws_1', 'key_1', '[]', 'p', 'm', 'm', '["b_1:0"]', 'worker_2', 30, 0, 'exact', 200,
    '[]', true, 1, 1, 1)""",
)


def test_the_open_holds_of_an_earlier_schema_are_unconfirmed(new_place: Place) -> None:
    records = {
        "attempt": row_of(attempt()),
        "unpriced": row_of(replace(attempt(), number=2, price_version=None)),
    }
    words = {name: msgspec.json.encode(record).decode() for name, record in records.items()}
    with closing(old_database(new_place)) as database, database.write() as connection:
        migrate(connection, "0004")
        kind = "BLOB" if new_place.address is None else "BYTEA"
        for statement in (*BOOKS_OF_0001[:2], *OPEN_HOLDS_OF_0004):
            filled = statement.replace("{attempt}", words["attempt"]).replace("{unpriced}", words["unpriced"])
            connection.exec_driver_sql(filled.replace("{bytes}", kind))
    cap = Budget(id="b_1", owner="key_1")
    with closing(new_place.open()) as store:
        audit(new_place)
        assert store.spend.live_workers() == ()
        (standing,) = store.spend.standings("key_1", NOON)
        assert (standing.spent, standing.risk, standing.held) == (50, 45, 0)
        (first,), (second,) = store.reports.entries("req_1"), store.reports.entries("req_2")
        assert (first.attempt, first.seq, first.worker, first.at_ms) == (attempt(), 0, "worker_1", 7)
        what = replace(
            outcome(0, 25),
            estimate=25,
            certainty=Certainty.UNCONFIRMED,
            flags=(Flag.INTERRUPTED,),
            status=0,
            total_ms=0,
        )
        assert first.outcome == what
        assert (second.attempt.number, second.outcome.flags) == (2, (Flag.INTERRUPTED, Flag.UNPRICED))
        left = store.resolutions.unconfirmed(None, 10)
        assert [(each.attempt.request, each.outcome.risk, each.outcome.estimate) for each in left] == [
            *(("req_4", 5, 0), ("req_1", 25, 25), ("req_2", 15, 15), ("req_3", 9, 9)),
        ]
        store.resolutions.resolve("req_1", 1, 3, NOON)
        assert store.resolutions.write_off(NOON, NOON) == 3
        (standing,) = store.spend.standings("key_1", NOON)
        assert (standing.spent, standing.risk, standing.held) == (68, 0, 0)
        store.spend.open_worker(life("worker_3"))
        assert lease(store, 32, cap, worker="worker_3")
        assert not lease(store, 1, cap, worker="worker_3")
    audit(new_place)
