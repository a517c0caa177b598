"""Backup and restore: a copy of one moment, put back whole or not at all, also after a kill at any step."""

import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.storage.places import Place
from tests.storage.processes import killed
from tests.storage.samples import NOON, audit, budget_of, lease, with_key
from zai_gateway.errors import OperatorError
from zai_gateway.spend.worker import Worker
from zai_gateway.storage.backup import RESTORING, Copies, Step
from zai_gateway.storage.bootstrap import SCHEMA, open_database
from zai_gateway.storage.store import Store


@pytest.fixture
def books(made: Path, data: Path) -> Path:
    """A data directory with a key, and a live worker that has leased 40 nano-USD."""
    data.mkdir()
    with closing(sqlite3.connect(made / "zai.db")) as empty, closing(sqlite3.connect(data / "zai.db")) as new:
        empty.backup(new)
    with closing(Store.open(data)) as store:
        assert lease(store, 40, with_key(store, cap=100))
    return data


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(OperatorError) as refused:
        call()
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def keys(file: Path) -> int:
    """How many API keys a whole, single file holds."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return copy.execute("SELECT count(*) FROM api_key").fetchone()[0]


def forget_keys(data: Path) -> None:
    """Makes the books differ from what they were."""
    with closing(sqlite3.connect(data / "zai.db")) as connection:
        connection.execute("DELETE FROM api_key")
        connection.commit()


def test_a_backup_is_one_private_file_of_what_was_committed(books: Path, tmp_path: Path) -> None:
    with closing(open_database(books)) as database, database.write() as connection:
        connection.exec_driver_sql("DELETE FROM api_key")
        copied = Copies(books).back_up(tmp_path / "copy")
    assert keys(tmp_path / "copy") == 1
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    assert (copied.schema, copied.leased, copied.size) == (SCHEMA, 40, (tmp_path / "copy").stat().st_size)
    assert {each.name for each in tmp_path.iterdir()} == {"copy", "data"}


def test_a_backup_replaces_only_a_backup_and_only_when_told(books: Path, tmp_path: Path) -> None:
    file, back_up = tmp_path / "copy", partial(Copies(books).back_up, tmp_path / "copy")
    back_up()
    forget_keys(books)
    assert refusal(back_up) == f"{file} is there already: name another file, or replace it with --force."
    assert keys(file) == 1
    back_up(force=True)
    assert keys(file) == 0
    for precious in (books / "zai.db", tmp_path / "vault.key"):
        if not precious.exists():
            precious.write_text("a key")
        before = precious.read_bytes()
        said = refusal(lambda precious=precious: Copies(books).back_up(precious, force=True))
        assert "is not a backup, so it is not replaced" in said
        assert precious.read_bytes() == before


def test_what_a_backup_cannot_be_made_of_or_written_to(books: Path, tmp_path: Path) -> None:
    assert "There is no database in" in refusal(lambda: Copies(tmp_path / "no").back_up(tmp_path / "copy"))
    assert "make it, or name another" in refusal(lambda: Copies(books).back_up(tmp_path / "no" / "copy"))
    assert "is not a file" in refusal(lambda: Copies(books).back_up(books, force=True))
    whole = (books / "zai.db").read_bytes()
    (books / "zai.db").write_bytes(whole[:8_192] + b"\xff" * 8_192 + whole[16_384:])
    assert "is damaged" in refusal(lambda: Copies(books).back_up(tmp_path / "copy"))
    assert {each.name for each in tmp_path.iterdir()} == {"data"}


def test_two_backups_to_one_file_do_not_mix(books: Path, tmp_path: Path) -> None:
    second: list[str] = []

    def meanwhile(step: Step) -> None:
        if step is Step.COPIED:
            second.append(refusal(lambda: Copies(books).back_up(tmp_path / "copy")))

    Copies(books, meanwhile).back_up(tmp_path / "copy")
    assert second == [f"Another backup is writing {tmp_path}/copy: wait for it, or name another file."]
    assert keys(tmp_path / "copy") == 1


def test_what_was_leased_is_at_risk_after_a_restore(books: Path, tmp_path: Path) -> None:
    Copies(books).back_up(tmp_path / "copy")
    place = Place(tmp_path / "other")
    assert Copies(place.data).restore(tmp_path / "copy").leased == 40
    with closing(place.open()) as store:
        worker = Worker("worker_2", place.data / "workers")
        worker.open(store.spend, NOON)
        (standing,) = store.spend.standings("key_1", NOON)
        assert (standing.spent, standing.risk, standing.held) == (0, 40, 0)
        # What is unconfirmed counts against the cap: 61 no longer fit in 100.
        assert not lease(store, 61, budget_of(store.accounts.keys("ws_1")[0]), worker="worker_2")
        worker.close(store.spend)
    audit(place)


def test_a_restore_replaces_a_database_only_when_told_and_with_its_wal(books: Path, tmp_path: Path) -> None:
    Copies(books).back_up(tmp_path / "copy")
    killed(_leave_a_wal, books)
    assert (books / "zai.db-wal").stat().st_size > 0
    said = refusal(lambda: Copies(books).restore(tmp_path / "copy"))
    assert said.endswith(
        "has a database already: restore to an empty --data, or replace that database with --force."
    )
    Copies(books).restore(tmp_path / "copy", force=True)
    assert sorted(each.name for each in books.iterdir()) == ["init.lock", "zai.db"]
    assert keys(books / "zai.db") == 1
    assert (books / "zai.db").stat().st_mode & 0o777 == 0o600
    audit(Place(books))


def _leave_a_wal(data: Path) -> None:
    database = open_database(data)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM api_key")
    os.kill(os.getpid(), signal.SIGKILL)


def test_nothing_is_restored_under_a_running_gateway(books: Path, tmp_path: Path) -> None:
    Copies(books).back_up(tmp_path / "copy")
    forget_keys(books)
    restore = partial(Copies(books).restore, tmp_path / "copy", force=True)
    in_use = f"{books} is in use: stop the gateway and every 'zai' command on it, then restore again."
    with closing(Store.open(books)) as store:
        worker = Worker("worker_2", books / "workers")
        worker.open(store.spend, NOON)
        store.close()  # so that only the worker's file tells
        assert refusal(restore) == in_use
        worker.close(store.spend)
        # So does a connection, say of another command, or of a gateway that is starting.
        assert refusal(restore) == in_use
    assert keys(books / "zai.db") == 0
    assert not (books / RESTORING).exists()
    restore()
    assert keys(books / "zai.db") == 1


def test_a_restore_over_a_damaged_database(books: Path, tmp_path: Path) -> None:
    Copies(books).back_up(tmp_path / "copy")
    (books / "zai.db").write_bytes(b"to do: buy milk " * 1_000)
    (books / "zai.db-wal").write_bytes(b"left over")
    Copies(books).restore(tmp_path / "copy", force=True)
    assert keys(books / "zai.db") == 1


def _gone(file: Path) -> None:
    file.unlink()


def _text(file: Path) -> None:
    file.write_text("to do: buy milk")


def _other_program(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as books:
        books.execute("CREATE TABLE recipe (id)")


def _newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as books:
        books.execute("UPDATE alembic_version SET version_num = '9999'")
        books.commit()


def _cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _with_a_wal(file: Path) -> None:
    file.with_name("copy-wal").write_bytes(b"more")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_gone, "is not there: name a file that 'zai admin backup' made."),
        (_text, "is no SQLite database"),
        (_other_program, "holds no books of Z-AI"),
        (_newer, "was written by a newer Z-AI (its schema is 9999): restore it with that release."),
        (_cut, "is damaged"),
        (_with_a_wal, "has copy-wal beside it"),
    ],
)
def test_what_is_no_backup_is_not_restored(
    books: Path, tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    file = tmp_path / "copy"
    Copies(books).back_up(file)
    spoil(file)
    assert said in refusal(lambda: Copies(books).restore(file, force=True))
    assert said in refusal(lambda: Copies(tmp_path / "other").restore(file))
    assert not (books / RESTORING).exists()
    assert not (tmp_path / "other" / "zai.db").exists()
    assert keys_in_use(books) == 1


def keys_in_use(data: Path) -> int:
    """How many API keys the books have, opened as a start does."""
    open_database(data).close()
    return Place(data).rows("SELECT count(*) FROM api_key")[0][0]


class _Death:
    """Kills its own process after one step."""

    def __init__(self, at: Step) -> None:
        self._at = at

    def __call__(self, step: Step) -> None:
        if step is self._at:
            os.kill(os.getpid(), signal.SIGKILL)


def _back_up_and_die(way: tuple[Path, Path, Step]) -> None:
    data, file, step = way
    Copies(data, _Death(step)).back_up(file, force=True)


def _restore_and_die(way: tuple[Path, Path, Step]) -> None:
    data, file, step = way
    Copies(data, _Death(step)).restore(file, force=True)


@pytest.mark.parametrize("step", [step for step in Step if step is not Step.MADE_WAY])
def test_a_backup_that_is_killed_leaves_the_earlier_one_or_the_new_one(
    books: Path, tmp_path: Path, step: Step
) -> None:
    file = tmp_path / "copy"
    Copies(books).back_up(file)
    forget_keys(books)
    killed(_back_up_and_die, (books, file, step))
    assert keys(file) == (0 if step is Step.IN_PLACE else 1)
    assert keys_in_use(books) == 0
    # The next one takes over what the killed one left.
    Copies(books).back_up(file, force=True)
    assert keys(file) == 0
    assert {each.name for each in tmp_path.iterdir()} == {"copy", "data"}


@pytest.mark.parametrize("step", list(Step))
def test_a_restore_that_is_killed_leaves_the_books_before_or_after(
    books: Path, tmp_path: Path, step: Step
) -> None:
    file = tmp_path / "copy"
    Copies(books).back_up(file)
    killed(_leave_a_wal, books)
    killed(_restore_and_die, (books, file, step))
    assert keys_in_use(books) == (1 if step is Step.IN_PLACE else 0)
    audit(Place(books))
    Copies(books).restore(file, force=True)
    assert keys_in_use(books) == 1
    assert not (books / RESTORING).exists()


@pytest.mark.parametrize("step", list(Step))
def test_a_restore_to_a_new_directory_that_is_killed(books: Path, tmp_path: Path, step: Step) -> None:
    file, other = tmp_path / "copy", tmp_path / "other"
    Copies(books).back_up(file)
    killed(_restore_and_die, (other, file, step))
    assert (other / "zai.db").exists() is (step is Step.IN_PLACE)
    Copies(other).restore(file, force=step is Step.IN_PLACE)
    assert keys_in_use(other) == 1
