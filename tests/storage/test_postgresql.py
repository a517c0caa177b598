"""PostgreSQL itself: silence, lost answers, restarts and poolers, and columns that money never outgrows."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from tests.postgresql.pooler import pooler_to
from tests.postgresql.proxy import Wire, wire_to
from tests.postgresql.server import PostgresServer
from tests.storage.places import Place, emptying
from tests.storage.samples import (
    NOON,
    Flushes,
    add_budget,
    attempt,
    audit,
    entry,
    lease,
    life,
    spend,
    window,
    with_key,
)
from zai_gateway.app.gateway import STORE_THREADS
from zai_gateway.errors import StoreInDoubt, StoreUnavailable
from zai_gateway.spend.budgets import Budget
from zai_gateway.storage import tables
from zai_gateway.storage.address import read_address
from zai_gateway.storage.postgresql import CONNECTIONS, Patience, PostgresDatabase
from zai_gateway.storage.tables import metadata, vault

TEN_THOUSAND_USD = 10_000 * 10**9


@pytest.fixture
def engine() -> str:
    return "postgresql"


@pytest.fixture
def wire(place: Place, postgres: PostgresServer) -> Iterator[Wire]:
    with wire_to(postgres.folder) as wire:
        yield wire


@pytest.fixture
def wired(wire: Wire, emptied: str) -> Iterator[PostgresDatabase]:
    """A database at the other end of the wire, and somebody with little patience at this one."""
    patience = Patience(connect=2, lock=0.1, statement=0.3)
    with closing(PostgresDatabase(read_address(wire.address(emptied)), patience)) as database:
        yield database


def put_canary(connection: Connection, sealed: bytes = b"sealed") -> None:
    connection.execute(insert(vault), {"id": 1, "canary": sealed})


def canary(database: PostgresDatabase) -> bytes | None:
    with database.read() as connection:
        return connection.scalar(select(vault.c.canary))


def test_each_thread_of_a_gateway_has_a_connection(place: Place) -> None:
    everybody = Barrier(STORE_THREADS, timeout=60)

    def ask(_: int) -> int:
        with database.read() as connection:
            everybody.wait()  # nobody lets go of his before all have one
            return connection.scalar(text("SELECT 1")) or 0

    assert place.address is not None
    with (
        closing(PostgresDatabase(read_address(place.address), Patience(connect=2))) as database,
        ThreadPoolExecutor(STORE_THREADS) as threads,
    ):
        assert list(threads.map(ask, range(STORE_THREADS))) == [1] * STORE_THREADS
    assert STORE_THREADS == CONNECTIONS


def test_a_silent_server_is_given_up_and_asked_again(wired: PostgresDatabase, wire: Wire) -> None:
    assert canary(wired) is None
    wire.fall_silent()
    with pytest.raises(StoreUnavailable, match="no answer within"):
        canary(wired)
    wire.mend()
    assert canary(wired) is None


def test_a_commit_whose_answer_is_lost_is_in_doubt(wired: PostgresDatabase, wire: Wire) -> None:
    def commit() -> None:
        with wired.write() as connection:
            put_canary(connection)
            wire.lose_answers()

    with pytest.raises(StoreInDoubt, match="no answer within"):
        commit()
    wire.mend()
    assert canary(wired) == b"sealed"


def test_a_write_that_falls_silent_before_its_end_leaves_nothing(wired: PostgresDatabase, wire: Wire) -> None:
    def write() -> None:
        with wired.write() as connection:
            put_canary(connection)
            wire.fall_silent()
            connection.execute(select(vault.c.canary))

    with pytest.raises(StoreUnavailable) as trouble:
        write()
    assert not isinstance(trouble.value, StoreInDoubt)
    wire.mend()
    assert canary(wired) is None


def test_a_server_that_comes_back_is_found_without_an_error(wired: PostgresDatabase, wire: Wire) -> None:
    assert canary(wired) is None
    wire.cut()
    with pytest.raises(StoreUnavailable, match="Connection refused"):
        canary(wired)
    wire.mend()
    assert canary(wired) is None
    wire.cut()
    wire.mend()
    # The pool still has a connection of before, and sees that nobody is there.
    assert canary(wired) is None


def test_a_locked_row_is_given_up(place: Place, wired: PostgresDatabase) -> None:
    with wired.write() as connection:
        put_canary(connection)
    changed = update(vault).values(canary=b"other")
    with closing(place.database()) as other, other.write() as connection:
        connection.execute(changed)
        with pytest.raises(StoreUnavailable, match="lock timeout"), wired.write() as waiting:
            waiting.execute(changed)
    assert canary(wired) == b"other"


def test_a_statement_that_takes_too_long_is_given_up(wired: PostgresDatabase) -> None:
    with pytest.raises(StoreUnavailable, match="statement timeout"), wired.read() as connection:
        connection.execute(text("SELECT pg_sleep(60)"))
    assert canary(wired) is None


def test_of_two_that_wait_for_each_other_one_is_done_and_the_other_undone(place: Place) -> None:
    with closing(place.database()) as database:
        with database.write() as connection:
            connection.execute(insert(vault), [{"id": 1, "canary": b""}, {"id": 2, "canary": b""}])
        both_hold_one = Barrier(2)

        def cross(first: int, second: int) -> str:
            change = update(vault).values(canary=b"by %d" % first)
            try:
                with database.write() as connection:
                    connection.execute(change.where(vault.c.id == first))
                    both_hold_one.wait(60)
                    connection.execute(change.where(vault.c.id == second))
            except StoreUnavailable as trouble:
                return str(trouble)
            return "done"

        with ThreadPoolExecutor(2) as threads:
            said = sorted(threads.map(cross, (1, 2), (2, 1)))
        assert said == ["The database does not answer: deadlock detected.", "done"]
        with database.read() as connection:
            rows = connection.scalars(select(vault.c.canary)).all()
        assert len(set(rows)) == 1


def test_a_broken_rule_tells_no_values(place: Place) -> None:
    twice = [{"value": "sekret"}, {"value": "sekret"}]
    with (
        closing(place.database()) as database,
        pytest.raises(IntegrityError) as refused,
        database.write() as connection,
    ):
        connection.execute(text("INSERT INTO alembic_version VALUES (:value)"), twice)
    assert "unique constraint" in str(refused.value)
    assert "sekret" not in str(refused.value)


def test_behind_a_transaction_pooler_all_is_the_same(
    postgres: PostgresServer, emptied: str, data: Path
) -> None:
    postgres.do(emptying(), emptied)
    with pooler_to(postgres.folder) as pooler:
        place = Place(data, pooler.address(emptied))
        with closing(place.open()) as store:
            cap = with_key(store, cap=1_000)
            workers = [f"pooled_{number}" for number in range(4)]
            for name in workers:
                store.spend.open_worker(life(name))
            assert lease(store, 0, cap, worker=workers[0])  # makes the window, in a transaction of its own
            before = pooler.transactions

            def spend(name: str) -> None:
                flushes = Flushes(store, name)
                for number in range(10):
                    assert lease(store, 10, cap, worker=name)
                    of = attempt(f"req_{name}_{number}")
                    flushes.flush(entry(of, [window(cap)], 7, 1, worker=name), back={window(cap): 2})

            with ThreadPoolExecutor(4) as threads:
                list(threads.map(spend, workers))
            (standing,) = store.spend.standings("key_1", NOON)
            assert (standing.spent, standing.risk, standing.held) == (280, 40, 0)
            assert pooler.transactions - before == 81
        audit(Place(data, postgres.address(emptied)))


def test_a_first_start_behind_a_transaction_pooler(postgres: PostgresServer, data: Path) -> None:
    with (
        postgres.made() as name,
        pooler_to(postgres.folder) as pooler,
        closing(Place(data, pooler.address(name)).open()) as store,
    ):
        assert store.accounts.generation() == 0


def test_a_transaction_is_durable_and_leaves_its_session_as_it_was(place: Place) -> None:
    names = ("synchronous_commit", "statement_timeout", "lock_timeout", "transaction_isolation")
    shown = text("SELECT " + ", ".join(f"current_setting('{name}')" for name in names))
    with closing(place.database()) as database:
        with database.write() as connection:
            assert tuple(connection.execute(shown).one()) == ("on", "5s", "5s", "read committed")
            driver = connection.connection.driver_connection
        with database.read() as connection:
            assert tuple(connection.execute(shown).one())[3] == "repeatable read"
        assert driver is not None
        assert driver.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_no_column_that_counts_is_of_32_bits(place: Place) -> None:
    types = dict(
        place.rows(
            "SELECT table_name || '.' || column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public'"
        )
    )
    assert set(types) >= {
        f"{table.name}.{column.name}" for table in metadata.sorted_tables for column in table.c
    }
    small = {
        name for name, kind in types.items() if kind not in {"bigint", "text", "bytea", "json", "boolean"}
    }
    # The only row's id, numbers of attempts and corrections, an HTTP status, a place in a list: none of them
    # counts money, tokens or time.
    assert small <= {
        "alembic_version.version_num",
        "vault.id",
        "generation.id",
        "imported_prices.id",
        "ledger.attempt",
        "unconfirmed.attempt",
        "rollup_progress.id",
        "rollup_late.attempt",
        "rollup_late.seq",
        "ledger.seq",
        "ledger.status",
        "provider_key.position",
        "predecessor.number",
    }


def test_ten_thousand_dollars_are_spent_on_one_key(place: Place) -> None:
    with closing(place.open()) as store:
        cap = with_key(store, cap=3 * TEN_THOUSAND_USD)
        for number in range(2):
            spend(store, cap, TEN_THOUSAND_USD, request=f"req_{number}")
        assert lease(store, TEN_THOUSAND_USD, cap)
        (standing,) = store.spend.standings("key_1", NOON)
        assert (standing.spent, standing.held) == (2 * TEN_THOUSAND_USD, TEN_THOUSAND_USD)
        (row,) = store.reports.usage("ws_1", 0, NOON + 1_000)
        assert row.cost == 2 * TEN_THOUSAND_USD
    audit(place)


def test_a_grant_that_has_to_make_a_window_keeps_no_lock_on_another_meanwhile(place: Place) -> None:
    store = place.open()
    own, team = with_key(store, cap=10), add_budget(place, Budget(id="team", owner="team", limit=10))
    assert lease(store, 1, team)
    missing = {"id": window(own), "budget": own.id, "start": 0, "committed": 0}
    locked = select(tables.window.c.id).where(tables.window.c.id == window(team)).with_for_update(nowait=True)
    with closing(place.database()) as other, ThreadPoolExecutor(1) as thread:
        with other.write() as connection:
            connection.execute(insert(tables.window), missing)
            granting = thread.submit(lease, store, 1, own, team)
            while not connection.scalar(_WAITING):
                pass
            # Who makes the window first may lock the other one next: it must not wait for who waits for it.
            assert connection.scalar(locked) == window(team)
        assert granting.result()
    audit(place)
    store.close()


_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
