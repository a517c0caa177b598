"""Trouble at a start, as one sentence that says what stands in the way and what to do about it."""

import errno
import re
import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from zai_gateway.errors import StoreUnavailable
from zai_gateway.storage.database import said_of, sqlite_code

_WRITE_ANOTHER = "or use another --database"


def about_directory(trouble: OSError, data: Path) -> str:
    """Of a data directory that cannot be used."""
    match trouble.errno:
        case errno.EEXIST | errno.ENOTDIR:
            return f"{data} is not a directory: move the file in its way, or use another --data."
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return _not_writable(data)
        case errno.ENOSPC | errno.EDQUOT:
            return _full(data)
        case _:
            return f"The data directory {data} cannot be used ({trouble.strerror}): use another --data."


def about_sqlite(trouble: StoreUnavailable, file: Path) -> str:
    """Of a database file that cannot be used."""
    cause = trouble.__cause__
    match sqlite_code(cause) if isinstance(cause, DBAPIError) else None:
        case sqlite3.SQLITE_NOTADB:
            return f"{file} is not a SQLite database: move it away, or use another --data."
        case sqlite3.SQLITE_CORRUPT:
            return f"{file} is damaged: put a backup in its place, or use another --data."
        case sqlite3.SQLITE_FULL:
            return _full(file.parent)
        case sqlite3.SQLITE_IOERR:
            return f"{file} cannot be read or written: check that its disk is in order and has room."
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"Another program keeps {file} locked: end it, then start again."
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return _not_writable(file.parent)
        case _:
            return f"{file} cannot be opened: {trouble}"


# The server says these in English unless it was set to another language; then the last sentence below stands.
_REFUSALS = (
    (r"Connection refused", "nothing answers there: start the server, or correct the address"),
    (
        r"password authentication failed|no password supplied",
        "it refuses this user and password: correct them",
    ),
    (r"role \S+ does not exist", "it does not know this user: make it with CREATE ROLE"),
    (r"database .+ does not exist", "it has no database of that name: make it with CREATE DATABASE"),
    (r"no pg_hba\.conf entry", "it lets no such user in from here: allow it in its pg_hba.conf"),
    (r"resolve|translate host name", "its host name is not known: correct the address"),
    (
        r"timeout expired|no answer within",
        "it does not answer: check that it runs and can be reached from here",
    ),
    (
        r"too many clients|connection slots",
        "it has no connection left: raise its max_connections, or use a pooler",
    ),
    (r"starting up|shutting down|recovery", "it cannot be used yet: start again when it is up"),
)


def about_postgresql(trouble: StoreUnavailable, place: str) -> str:
    """Of a PostgreSQL database that cannot be reached. Names no user and no password."""
    cause = trouble.__cause__
    told = said_of(cause) if isinstance(cause, DBAPIError) else str(trouble).rstrip(".")
    for pattern, what in _REFUSALS:
        if re.search(pattern, told):
            return f"The PostgreSQL database {place} cannot be reached, because {what}, {_WRITE_ANOTHER}."
    return f"The PostgreSQL database {place} cannot be reached ({told}): put that right, {_WRITE_ANOTHER}."


def about_rights(error: DBAPIError, place: str) -> str:
    """Of a PostgreSQL database in which the tables cannot be made."""
    return (
        f"The PostgreSQL database {place} cannot be made ready ({said_of(error)}): let this user own the "
        f"database and its schema, {_WRITE_ANOTHER}."
    )


def _not_writable(data: Path) -> str:
    return (
        f"The data directory {data} cannot be written by this user: change its owner or permissions, "
        "or use another --data."
    )


def _full(data: Path) -> str:
    return f"The disk that holds {data} is full: make room on it, or use another --data."
