"""Stores of a gateway that a test can stop for a while, in each of the ways in which stores do."""

import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from cryptography.fernet import Fernet
from msgspec import Struct
from psycopg.rows import dict_row

from tests.postgresql.proxy import wire_to
from tests.postgresql.server import PostgresServer, postgres_server

_LOCK = """
import sqlite3, sys
books = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
books.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""
_PATIENCE = 60.0


class Store(Struct, frozen=True, kw_only=True):
    """A store, and a way to stop it for a while."""

    variables: dict[str, str]
    """What a gateway needs to use it."""
    stopped: Callable[[], AbstractContextManager[None]]
    rows: Callable[[str], list[dict[str, Any]]]
    """Every row of a table."""
    reads: bool
    """Whether it can be read while it is stopped."""
    past: dict[str, str] | None = None
    """What somebody needs to use it even while it is stopped for the gateway."""


@contextmanager
def sqlite_locked(data: Path) -> Generator[Store]:
    """The gateway's own file, held by another program for itself alone."""
    file = data / "zai.db"

    def rows(table: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(file, timeout=_PATIENCE)) as books:
            books.row_factory = sqlite3.Row
            return [dict(row) for row in books.execute(f'SELECT * FROM "{table}"')]

    @contextmanager
    def locked() -> Generator[None]:
        command = [sys.executable, "-c", _LOCK, file]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"locked\n"
            try:
                yield
            finally:
                holder.communicate()

    yield Store(variables={}, stopped=locked, rows=rows, reads=True)


@contextmanager
def postgresql_silent(_data: Path) -> Generator[Store]:
    """A server whose network swallows everything: nobody hangs up."""
    with postgres_server() as server, server.made() as name, wire_to(server.folder) as wire:
        key = _encryption_key()

        @contextmanager
        def silent() -> Generator[None]:
            wire.fall_silent()
            try:
                yield
            finally:
                wire.mend()

        yield Store(
            variables={"ZAI_DATABASE": wire.address(name), **key},
            stopped=silent,
            rows=lambda table: _rows(server, name, table),
            reads=False,
            past={"ZAI_DATABASE": server.address(name), **key},
        )


@contextmanager
def postgresql_paused(_data: Path) -> Generator[Store]:
    """A server all of whose processes stand still (SIGSTOP)."""
    with postgres_server() as server, server.made() as name:

        @contextmanager
        def paused() -> Generator[None]:
            # The first one first: it makes no others then.
            first = _first_process(server)
            os.kill(first, signal.SIGSTOP)
            all_of_them = [first, *_children(first)]
            _tell(all_of_them, signal.SIGSTOP)
            try:
                yield
            finally:
                _tell(all_of_them, signal.SIGCONT)

        yield _postgresql(server, name, paused)


@contextmanager
def postgresql_down(_data: Path) -> Generator[Store]:
    """A server that goes down in an instant, and is started again."""
    with postgres_server() as server, ExitStack() as again, server.made() as name:

        @contextmanager
        def down() -> Generator[None]:
            command = shlex.split((server.folder / "postmaster.opts").read_text())
            os.kill(_first_process(server), signal.SIGQUIT)
            _until(lambda: not (server.folder / "postmaster.pid").exists())
            try:
                yield
            finally:
                again.enter_context(_started(server, command))

        yield _postgresql(server, name, down)


def _postgresql(
    server: PostgresServer, name: str, stopped: Callable[[], AbstractContextManager[None]]
) -> Store:
    return Store(
        variables={"ZAI_DATABASE": server.address(name), **_encryption_key()},
        stopped=stopped,
        rows=lambda table: _rows(server, name, table),
        reads=False,
    )


def _encryption_key() -> dict[str, str]:
    return {"PROVIDER_KEY_ENCRYPTION_KEY": Fernet.generate_key().decode()}


def _rows(server: PostgresServer, name: str, table: str) -> list[dict[str, Any]]:
    with psycopg.connect(server.address(name)) as books:
        return books.cursor(row_factory=dict_row).execute(f'SELECT * FROM "{table}"'.encode()).fetchall()


def _first_process(server: PostgresServer) -> int:
    return int((server.folder / "postmaster.pid").read_text().split()[0])


def _children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _tell(processes: Iterable[int], what: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, what)


@contextmanager
def _started(server: PostgresServer, command: list[str]) -> Generator[None]:
    """The same server once more, as the user who owns its folder."""
    owner = server.folder.stat().st_uid if os.geteuid() == 0 else None
    with (server.folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=owner, group=owner
        )
    try:
        _until(lambda: _answers(server))
        yield
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(_PATIENCE)


def _answers(server: PostgresServer) -> bool:
    try:
        psycopg.connect(server.address("postgres")).close()
    except psycopg.OperationalError:
        return False
    return True


def _until(happened: Callable[[], bool]) -> None:
    give_up = time.monotonic() + _PATIENCE
    while not happened():
        assert time.monotonic() < give_up
        time.sleep(0.02)
