"""What the doctor finds in the books of either database: right ones, and each way in which sums differ."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.storage.places import Place
from tests.storage.samples import (
    NOON,
    Flushes,
    attempt,
    budget_of,
    entry,
    lease,
    life,
    provider_key,
    spend,
    window,
    with_key,
)
from zai_gateway.care import Finding, Grade
from zai_gateway.storage.inspection import Inspection, inspect_books
from zai_gateway.storage.store import Store

SPEND = ("windows", "leases", "ledger", "risks")


@pytest.fixture
def spent(store: Store) -> Store:
    """One key with 30 nano-USD spent and 10 unconfirmed, and 40 that are leased."""
    cap = with_key(store, cap=1_000)
    assert lease(store, 80, cap)
    Flushes(store).flush(entry(attempt(), [window(cap)], 30, 10))
    return store


def seen(place: Place, now_ms: int = NOON + 1_000) -> Inspection:
    return inspect_books(place.data, place.address, now_ms)


def of(inspection: Inspection, check: str) -> Finding:
    (finding,) = (each for each in inspection.findings if each.check == check)
    return finding


def change(place: Place, statement: str) -> None:
    with closing(place.database()) as database, database.write() as connection:
        connection.exec_driver_sql(statement)


def test_right_books(spent: Store, place: Place) -> None:
    inspection = seen(place)
    assert inspection.whole
    assert {each.check: each.grade for each in inspection.findings if each.grade is not Grade.OK} == {
        "unconfirmed": Grade.WARN
    }
    assert of(inspection, "unconfirmed").found.startswith("0.00000001 USD of 1 request ")
    (holder,) = inspection.holders
    assert (holder.id, holder.host, holder.amount) == ("worker_1", "host", 40)
    assert inspection.provider_keys == (provider_key(),)


@pytest.mark.parametrize(
    ("statement", "check", "named"),
    [
        (
            'UPDATE "window" SET committed = committed + 1',
            "windows",
            "window budget of key_1:0 has 81 and its leases 80 nano-USD",
        ),
        (
            "UPDATE lease SET granted = 39",
            "leases",
            "worker_1 was granted 39 in budget of key_1:0 and used 40 nano-USD",
        ),
        (
            "UPDATE lease SET spent = 31",
            "ledger",
            "the lease of worker_1 in budget of key_1:0 has 31+10 and the ledger 30+10 nano-USD",
        ),
        (
            "UPDATE ledger SET cost = 29",
            "ledger",
            "the lease of worker_1 in budget of key_1:0 has 30+10 and the ledger 29+10 nano-USD",
        ),
        (
            "UPDATE ledger SET worker = 'worker_2'",
            "ledger",
            "the ledger has entries of closed in budget of key_1:0, where it has no lease",
        ),
        (
            "DELETE FROM unconfirmed",
            "risks",
            "attempt 1 of req_1 has a risk of 10 nano-USD, and is not listed",
        ),
        (
            "INSERT INTO unconfirmed VALUES ('req_2', 1, 'ws_1', 0)",
            "risks",
            "attempt 1 of req_2 has a risk of 0 nano-USD, and is listed",
        ),
    ],
)
def test_sums_that_differ_are_named(
    spent: Store, place: Place, statement: str, check: str, named: str
) -> None:
    change(place, statement)
    finding = of(seen(place), check)
    assert finding.grade is Grade.FAIL
    assert named in finding.found
    assert finding.do is not None


def test_only_the_first_offenders_are_named(spent: Store, place: Place) -> None:
    (key,) = spent.accounts.keys("ws_1")
    for number in range(5):
        id = f"worker_{number + 2}"
        spent.spend.open_worker(life(id))
        change(
            place,
            'INSERT INTO lease ("window", worker, granted, spent, risk) '
            f"VALUES ('{budget_of(key).id}:0', '{id}', 0, 1, 0)",
        )
    finding = of(seen(place), "leases")
    assert finding.found.count("was granted") == 3
    assert finding.found.endswith("; and 2 more.")


def test_more_than_32_bits_add_up(store: Store, place: Place) -> None:
    cap, dear = with_key(store), 10_000_000_000_000
    spend(store, cap, dear)
    assert [of(seen(place), check).grade for check in SPEND] == [Grade.OK] * 4


def test_an_entry_from_the_future(spent: Store, place: Place) -> None:
    finding = of(seen(place, NOON - 3_600_000), "clock")
    assert (finding.grade, finding.found) == (
        Grade.WARN,
        "The newest entry of the ledger is 3600 s in the future of this clock.",
    )


def test_expired_keys_are_counted(spent: Store, place: Place) -> None:
    change(place, f"UPDATE api_key SET expires_ms = {NOON}")
    assert "1 of 1 have expired" in of(seen(place), "expired_keys").found


@pytest.mark.parametrize(("schema", "grade"), [("0001", Grade.WARN), ("9999", Grade.FAIL)])
def test_another_schema(new_place: Place, schema: str, grade: Grade) -> None:
    new_place.open().close()
    change(new_place, f"UPDATE alembic_version SET version_num = '{schema}'")
    inspection = seen(new_place)
    assert not inspection.whole
    assert of(inspection, "schema").grade is grade
    assert "ledger" not in {each.check for each in inspection.findings}


def test_a_place_where_nobody_started(new_place: Place) -> None:
    new_place.data.mkdir()
    inspection = seen(new_place)
    assert [each.grade for each in inspection.findings if each.grade is not Grade.OK] == [Grade.FAIL]
    # Nothing was made.
    assert list(new_place.data.iterdir()) == []


def test_a_database_that_does_not_answer(data: Path) -> None:
    (finding,) = seen(Place(data, "postgresql://zai:hidden@127.0.0.1:1/zai")).findings
    assert (finding.check, finding.grade) == ("database", Grade.FAIL)
    assert "nothing answers there" in f"{finding.found} {finding.do}"
    assert "hidden" not in repr(finding)


def test_a_damaged_file(made: Path, data: Path) -> None:
    data.mkdir()
    whole = (made / "zai.db").read_bytes()
    (data / "zai.db").write_bytes(whole[:8_192] + b"\xff" * 4_096 + whole[12_288:])
    failed = [each.check for each in seen(Place(data)).findings if each.grade is Grade.FAIL]
    assert failed == ["integrity"]
