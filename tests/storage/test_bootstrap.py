"""Bootstrap with SQLite: a data directory is made and migrated once, and trouble is one sentence."""

import fcntl
import os
import resource
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from tests.storage.places import Place
from tests.storage.processes import all_at_once, killed
from zai_gateway.errors import OperatorError
from zai_gateway.storage.bootstrap import SCHEMA, open_database
from zai_gateway.storage.migrating import known_schemas
from zai_gateway.storage.tables import metadata


def trouble(data: Path, busy_seconds: float = 0.05, init_seconds: float = 0.0) -> str:
    """The sentence that opening `data` ends in."""
    with pytest.raises(OperatorError) as refused:
        open_database(data, busy_seconds, init_seconds).close()
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def make(data: Path) -> Path:
    """A data directory as an earlier start left it; gives its database file."""
    open_database(data).close()
    return data / "zai.db"


def test_the_tables_are_what_the_migrations_make(place: Place) -> None:
    with closing(place.database()) as database, database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == SCHEMA


def test_the_release_knows_its_newest_schema() -> None:
    assert max(known_schemas()) == SCHEMA


def test_only_their_owner_reads_directory_and_files(tmp_path: Path) -> None:
    everything_for_everybody = os.umask(0)
    try:
        database = open_database(tmp_path / "new" / "data")
    finally:
        os.umask(everything_for_everybody)
    data = tmp_path / "new" / "data"
    assert data.stat().st_mode & 0o777 == 0o700
    modes = {file.name: file.stat().st_mode & 0o777 for file in data.iterdir()}
    assert modes == dict.fromkeys(["init.lock", "zai.db", "zai.db-shm", "zai.db-wal"], 0o600)
    database.close()


def test_a_second_start_keeps_what_is_there(data: Path) -> None:
    file = make(data)
    with closing(sqlite3.connect(file)) as books:
        books.execute("UPDATE generation SET value = 41")
        books.commit()
    database = open_database(data)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT value FROM generation").scalar() == 41
    database.close()


def test_the_journal_mode_of_a_backup_is_put_right(data: Path) -> None:
    file = make(data)
    with closing(sqlite3.connect(file)) as books:
        assert books.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    open_database(data).close()
    with closing(sqlite3.connect(file)) as books:
        assert books.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_path_with_odd_characters_is_fine(tmp_path: Path) -> None:
    open_database(tmp_path / "100% ?data#1 é").close()
    assert (tmp_path / "100% ?data#1 é" / "zai.db").stat().st_size > 0


def test_a_migration_that_is_killed_leaves_nothing_behind(data: Path) -> None:
    killed(_die_in_migration, data)
    with closing(sqlite3.connect(data / "zai.db")) as books:
        assert books.execute("SELECT name FROM sqlite_master").fetchall() == []
    make(data)


def _die_in_migration(data: Path) -> None:
    from sqlalchemy import event  # noqa: PLC0415  # the other processes' functions need none of this
    from sqlalchemy.engine import Engine  # noqa: PLC0415

    def die(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "ledger" in statement:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", die)
    open_database(data)


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    assert trouble(tmp_path / "taken") == (
        f"{tmp_path}/taken is not a directory: move the file in its way, or use another --data."
    )
    assert "is not a directory" in trouble(tmp_path / "taken" / "below")


def test_a_directory_that_may_not_be_written(data: Path) -> None:
    make(data)
    data.chmod(0o500)
    sentence = all_at_once(_trouble_of_nobody, data, ["nobody"])["nobody"]
    data.chmod(0o700)
    assert sentence == (
        f"The data directory {data} cannot be written by this user: change its owner or permissions, "
        "or use another --data."
    )


def _trouble_of_nobody(data: Path, _name: str) -> str:
    if os.geteuid() == 0:  # root may write anywhere
        os.setgroups([])
        os.setgid(65_534)
        os.setuid(65_534)
    return trouble(data)


def test_a_database_that_may_not_be_written(data: Path) -> None:
    data.mkdir()
    (data / "zai.db").mkdir()
    assert "cannot be written by this user" in trouble(data)


def test_a_newer_schema(data: Path) -> None:
    file = make(data)
    with closing(sqlite3.connect(file)) as books:
        books.execute("UPDATE alembic_version SET version_num = '9999'")
        books.commit()
    assert trouble(data) == (
        f"The data directory {data} was written by a newer Z-AI (its schema is 9999): "
        "upgrade this one, or use another --data."
    )


def test_what_is_not_a_database(data: Path) -> None:
    data.mkdir()
    (data / "zai.db").write_bytes(b"to do: buy milk " * 100)
    assert trouble(data) == f"{data}/zai.db is not a SQLite database: move it away, or use another --data."


def test_the_database_of_another_program(data: Path) -> None:
    data.mkdir()
    with closing(sqlite3.connect(data / "zai.db")) as books:
        books.execute("CREATE TABLE recipe (id)")
    assert trouble(data) == f"{data}/zai.db is the database of another program: use another --data."


def test_a_damaged_database(data: Path) -> None:
    file = make(data)
    whole = file.read_bytes()
    file.write_bytes(whole[:100] + b"\xff" * 3_000 + whole[3_100:])
    assert trouble(data) == f"{file} is damaged: put a backup in its place, or use another --data."


def test_a_database_that_another_program_locks(data: Path) -> None:
    data.mkdir()
    with closing(sqlite3.connect(data / "zai.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert trouble(data) == f"Another program keeps {data}/zai.db locked: end it, then start again."
    make(data)


def test_another_process_that_never_ends_its_start(data: Path) -> None:
    data.mkdir()
    lock = os.open(data / "init.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert "Another process has been preparing" in trouble(data)
    os.close(lock)
    make(data)


def test_a_disk_without_room(data: Path) -> None:
    sentence = all_at_once(_trouble_without_room, data, ["poor"])["poor"]
    assert (
        sentence == f"{data}/zai.db cannot be read or written: check that its disk is in order and has room."
    )
    make(data)


def _trouble_without_room(data: Path, _name: str) -> str:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, 16_384))
    return trouble(data)
