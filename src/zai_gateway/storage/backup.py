"""Backup and restore of a SQLite database: each is whole or not there, also after a kill at any step."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path

from zai_gateway.care import CopiedBooks
from zai_gateway.errors import OperatorError
from zai_gateway.spend.living import living_workers
from zai_gateway.storage.book_files import (
    MAGIC,
    beside,
    has_bytes,
    is_database,
    opened,
    remove,
    remove_beside,
    sync,
    sync_directory,
)
from zai_gateway.storage.bootstrap import alone

RESTORING = "zai.db.restoring"
"""What a restore that has not ended yet is called, in the data directory."""

_DATABASE = "zai.db"
# In the schema of every release; a request holds the same in its key's own budget as in any other.
_LEASED = """
    SELECT coalesce(sum(lease.granted - lease.spent - lease.risk), 0) FROM lease
    JOIN "window" ON "window".id = lease."window" JOIN api_key ON api_key.budget = "window".budget
"""


class Step(StrEnum):
    """What was just done of a backup or a restore."""

    BEGUN = "begun"
    COPIED = "copied"
    CHECKED = "checked"
    SYNCED = "synced"
    MADE_WAY = "made_way"
    """Of a restore: the database that was there is closed to all, and still whole."""
    IN_PLACE = "in_place"


def _unwatched(_step: Step) -> None:
    return


class Copies:
    """Makes copies of the database in the directory `data`, and puts them back. `on_step` hears of each step.

    All raise OperatorError, which says what to do.
    """

    def __init__(self, data: Path, on_step: Callable[[Step], None] = _unwatched) -> None:
        self._data = data
        self._on_step = on_step

    def back_up(self, file: Path, *, force: bool = False) -> CopiedBooks:
        """Copies the books as they are at one moment to `file`, also while gateways serve.

        The copy is checked, and on the disk before it has its name. `force` replaces an earlier copy.
        """
        source = self._data / _DATABASE
        if not has_bytes(source):
            raise OperatorError(
                f"There is no database in {self._data}: give the --data of the gateway, or use pg_dump for "
                "books that are in PostgreSQL."
            )
        _refuse_to_replace(file, source, force)
        try:
            with _draft(file) as (draft, descriptor):
                self._on_step(Step.BEGUN)
                with closing(opened(source)) as books, closing(opened(draft)) as copy:
                    books.backup(copy)
                    self._on_step(Step.COPIED)
                    schema, leased = _checked(copy, source)
                self._on_step(Step.CHECKED)
                os.fsync(descriptor)
                self._on_step(Step.SYNCED)
                _refuse_to_replace(file, source, force)
                size = draft.stat().st_size
                draft.rename(file)
            sync_directory(file.parent)
        except sqlite3.Error as trouble:
            raise OperatorError(f"{source} cannot be copied to {file}: {_said(trouble)}.") from trouble
        except OSError as trouble:
            raise OperatorError(
                f"{file} cannot be written ({trouble.strerror}): name a file in a directory with room, "
                "which this user may write."
            ) from trouble
        self._on_step(Step.IN_PLACE)
        return CopiedBooks(file=file, size=size, schema=schema, leased=leased)

    def restore(self, file: Path, *, force: bool = False, init_seconds: float = 60.0) -> CopiedBooks:
        """Puts the copy in `file` in the place of the database; `force` also where there is one already.

        Nothing may have the database open. The copy is checked before anything is replaced.
        """
        try:
            self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
            with alone(self._data, init_seconds):
                self._refuse_to_restore(file, force)
                return self._put_back(file)
        except sqlite3.Error as trouble:
            raise OperatorError(f"{file} cannot be read as a backup: {_said(trouble)}.") from trouble
        except OSError as trouble:
            raise OperatorError(
                f"{file} cannot be put back in {self._data} ({trouble.strerror}: {trouble.filename}): check "
                "that the first can be read, and the second written and has room."
            ) from trouble

    def _refuse_to_restore(self, file: Path, force: bool) -> None:
        target = self._data / _DATABASE
        if living_workers(self._data / "workers"):
            raise _in_use(self._data)
        if has_bytes(target) and not force:
            raise OperatorError(
                f"{self._data} has a database already: restore to an empty --data, or replace that database "
                "with --force."
            )
        if not file.is_file():
            raise OperatorError(f"{file} is not there: name a file that 'zai admin backup' made.")
        if target.exists() and file.samefile(target):
            raise OperatorError(f"{file} is the database itself: name a file that 'zai admin backup' made.")
        if has_bytes(beside(file, "-wal")):
            # Part of the books is in there. A copy that was made with `cp` often lacks it, or has another's.
            raise OperatorError(
                f"{file} has {file.name}-wal beside it, so it is a database in use, or a copy of one: "
                "make a backup of it with 'zai admin backup', and restore that."
            )

    def _put_back(self, file: Path) -> CopiedBooks:
        # Always the same name: what a restore that was killed has left is written over by the next.
        draft, target = self._data / RESTORING, self._data / _DATABASE
        try:
            self._on_step(Step.BEGUN)
            _copy(file, draft)
            self._on_step(Step.COPIED)
            with closing(opened(draft)) as copy:
                schema, leased = _checked(copy, file)
                _require_known(schema, file)
            self._on_step(Step.CHECKED)
            sync(draft)
            self._on_step(Step.SYNCED)
            with _closed_to_all(target, self._data):
                self._on_step(Step.MADE_WAY)
                draft.rename(target)
            sync_directory(self._data)
        except BaseException:
            remove(draft)
            raise
        self._on_step(Step.IN_PLACE)
        size = target.stat().st_size
        return CopiedBooks(file=file, size=size, schema=schema, leased=leased)


@contextmanager
def _draft(file: Path) -> Generator[tuple[Path, int]]:
    """An empty file beside `file`, which no other backup writes, and its descriptor.

    Always the same name: what a backup that was killed has left is written over by the next.
    """
    draft = file.with_name(f".{file.name}.part")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = os.path.samestat(os.fstat(descriptor), draft.stat())
        except (BlockingIOError, FileNotFoundError):
            mine = False
        if not mine:
            raise OperatorError(f"Another backup is writing {file}: wait for it, or name another file.")
        os.fchmod(descriptor, 0o600)
        os.ftruncate(descriptor, 0)
        remove_beside(draft)
        try:
            yield draft, descriptor
        except BaseException:
            remove(draft)
            raise
    finally:
        os.close(descriptor)


@contextmanager
def _closed_to_all(target: Path, data: Path) -> Generator[None]:
    """Keeps every program from the database at `target`, which has nothing in files beside it then.

    A WAL that stayed would be read as that of the database which comes in its place.
    """
    if not has_bytes(target):
        remove_beside(target)
        yield
        return
    with closing(opened(target, seconds=0)) as old:
        try:
            # Only where nobody else has it open can the mode change (https://www.sqlite.org/wal.html).
            old.execute("PRAGMA journal_mode = DELETE")
            old.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as trouble:
            if trouble.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise _in_use(data) from trouble
            raise
        except sqlite3.DatabaseError:
            # It is damaged: nothing of it can be folded in, and it is about to go.
            remove_beside(target)
        yield


def _in_use(data: Path) -> OperatorError:
    return OperatorError(
        f"{data} is in use: stop the gateway and every 'zai' command on it, then restore again."
    )


def _refuse_to_replace(file: Path, source: Path, force: bool) -> None:
    if not file.parent.is_dir():
        raise OperatorError(f"The directory {file.parent} is not there: make it, or name another file.")
    if not (file.exists() or file.is_symlink()):
        return
    if not force:
        raise OperatorError(f"{file} is there already: name another file, or replace it with --force.")
    if file.is_file() and (file.samefile(source) or not is_database(file)):
        # A slip of the hand must not cost a key file, or the books themselves.
        raise OperatorError(f"{file} is not a backup, so it is not replaced: name another file.")
    if not file.is_file():
        raise OperatorError(f"{file} is not a file: name another one.")


def _checked(copy: sqlite3.Connection, origin: Path) -> tuple[str, int]:
    """The schema of a copy and what was leased, in nano-USD; it is one whole file then.

    Raises OperatorError.
    """
    try:
        copy.execute("PRAGMA journal_mode = DELETE")
        faults = [str(row[0]) for row in copy.execute("PRAGMA integrity_check(1)")]
    except sqlite3.DatabaseError as trouble:
        raise _damaged(origin, _said(trouble)) from trouble
    if faults != ["ok"]:
        raise _damaged(origin, " ".join(faults[0].split()))
    names = {row[0] for row in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"alembic_version", "generation", "lease"} <= names:
        raise OperatorError(f"{origin} holds no books of Z-AI: name the file of a gateway's database.")
    (schema,) = copy.execute("SELECT version_num FROM alembic_version").fetchone()
    (leased,) = copy.execute(_LEASED).fetchone()
    return str(schema), int(leased)


def _require_known(schema: str, file: Path) -> None:
    # Alembic takes longer to load than a small backup lasts.
    from zai_gateway.storage.migrating import known_schemas  # noqa: PLC0415

    if schema not in known_schemas():
        raise OperatorError(
            f"{file} was written by a newer Z-AI (its schema is {schema}): restore it with that release."
        )


def _damaged(origin: Path, how: str) -> OperatorError:
    return OperatorError(f"{origin} is damaged ({how}): use an earlier backup.")


def _copy(file: Path, draft: Path) -> None:
    remove(draft)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with file.open("rb") as original, os.fdopen(descriptor, "wb") as copy:
        if original.read(len(MAGIC)) != MAGIC:
            raise OperatorError(f"{file} is no SQLite database: name a file that 'zai admin backup' made.")
        original.seek(0)
        shutil.copyfileobj(original, copy, 1 << 20)


def _said(trouble: Exception) -> str:
    return " ".join(str(trouble).split()).rstrip(".")
