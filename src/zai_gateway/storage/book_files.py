"""The files of a SQLite database: the one with its name, and those that SQLite puts beside it."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

MAGIC = b"SQLite format 3\0"
"""How a database begins (https://www.sqlite.org/fileformat2.html, section 1.3.1)."""

_BESIDE = ("-wal", "-shm", "-journal")


def opened(file: Path, seconds: float = 5.0) -> sqlite3.Connection:
    """A connection to a database that is there, which waits `seconds` for its turn."""
    uri = f"{file.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=seconds, isolation_level=None)


def is_database(file: Path) -> bool:
    """Whether it begins as a database does."""
    with file.open("rb") as opened:
        return opened.read(len(MAGIC)) == MAGIC


def has_bytes(file: Path) -> bool:
    """Whether it is a file, and not an empty one."""
    return file.is_file() and file.stat().st_size > 0


def beside(file: Path, what: str) -> Path:
    """The file beside a database whose name ends in `what`, such as `-wal`."""
    return file.with_name(file.name + what)


def remove(file: Path) -> None:
    """Takes a database away, with all that is beside it."""
    file.unlink(missing_ok=True)
    remove_beside(file)


def remove_beside(file: Path) -> None:
    """Takes away what is beside a database."""
    for what in _BESIDE:
        with suppress(FileNotFoundError):
            beside(file, what).unlink()


def sync(file: Path) -> None:
    """Gets a file on the disk."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Gets the names in a directory on the disk."""
    # A rename that is not on the disk is undone by a power cut.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
