"""The migration of an earlier release's books, killed at every statement: the next start ends it."""

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine

from tests.storage.places import Place
from tests.storage.processes import all_at_once
from zai_gateway.storage import migrating
from zai_gateway.storage.bootstrap import SCHEMA, open_database

_BOOKS = """
INSERT INTO workspace VALUES ('ws_1', 'My Workspace', 'my-ws', 1);
INSERT INTO budget VALUES ('budget_1', 'key_1', 'spend', 'total', 100);
INSERT INTO api_key (id, workspace, name, prefix, digest, tags, allow, cap, budget, created_ms, generation)
    VALUES ('key_1', 'ws_1', 'ci', 'zk_live_0PkU', x'01', '[]', '[]', 100, 'budget_1', 1, 2);
INSERT INTO window VALUES ('budget_1:0', 'budget_1', 0, 40);
INSERT INTO worker VALUES ('worker_1', 'host', 'boot', NULL, 0, 1, 'closed');
INSERT INTO lease VALUES ('budget_1:0', 'worker_1', 40, 40, 0);
"""


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a gateway of the first schema, with a capped key that spent."""
    file = tmp_path_factory.mktemp("earlier") / "zai.db"
    config = Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with closing(sqlite3.connect(file)) as books:
        books.executescript(_BOOKS)
    return file


def _put(earlier: Path, data: Path) -> None:
    data.mkdir()
    (data / "zai.db").write_bytes(earlier.read_bytes())


def _schema(data: Path) -> str:
    return Place(data).rows("SELECT version_num FROM alembic_version")[0][0]


def _sound(data: Path) -> bool:
    return Place(data).rows("PRAGMA integrity_check") == [("ok",)]


class _Counter:
    """Counts the statements and the commits of this process, and kills it at one of them."""

    def __init__(self, last: int | None = None) -> None:
        self.seen = 0
        self._last = last

    def watch(self) -> None:
        event.listen(Engine, "before_cursor_execute", self._statement)
        event.listen(Engine, "commit", self._commit)

    def _statement(self, *_about: object) -> None:
        self._count()

    def _commit(self, _connection: Connection) -> None:
        self._count()

    def _count(self) -> None:
        self.seen += 1
        if self.seen == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


def _die_at(last: int, data: Path) -> bool:
    """Starts on `data` in a process of its own, and kills it at one statement; False where none was left."""
    child = os.fork()
    if child == 0:
        try:
            _Counter(last).watch()
            open_database(data).close()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
        return False
    assert os.WTERMSIG(status) == signal.SIGKILL
    return True


def _kill_at_every_statement(folder: Path, _name: str) -> dict[int, tuple[str, bool, str, bool]]:
    """The schema and soundness after each kill, and after the start that follows.

    Runs in a process that has one thread, so that it can fork, and loads what a migration needs once.
    """
    found: dict[int, tuple[str, bool, str, bool]] = {}
    for last in range(1, 1_000):
        data = folder / str(last)
        _put(folder / "zai.db", data)
        if not _die_at(last, data):
            break
        after_kill = _schema(data), _sound(data)
        # The next start, in a process of its own too: nothing of it stays in this one.
        assert not _die_at(0, data)
        found[last] = (*after_kill, _schema(data), _sound(data))
    return found


def test_a_migration_that_is_killed_anywhere_is_ended_by_the_next_start(
    earlier: Path, tmp_path: Path
) -> None:
    (tmp_path / "zai.db").write_bytes(earlier.read_bytes())
    found = all_at_once(_kill_at_every_statement, tmp_path, ["only"])["only"]
    # It was killed within the migration itself, at each of its statements.
    assert len(found) > 20
    schemas = {schema for schema, *_ in found.values()}
    assert schemas <= {"0001", SCHEMA}
    assert "0001" in schemas
    assert {(before, schema, after) for _, before, schema, after in found.values()} == {(True, SCHEMA, True)}
    for last in found:
        place = Place(tmp_path / str(last))
        assert place.rows("SELECT id, workspace, owner_kind FROM budget") == [("budget_1", "ws_1", "key")]
        assert place.rows("SELECT id, cap, near_cap FROM api_key") == [("key_1", 100, "clamp")]
        assert place.rows("SELECT granted, spent, risk FROM lease") == [(40, 40, 0)]
