"""Where gateways under torture keep their books, and how such a store is stopped for a while."""

import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from cryptography.fernet import Fernet
from msgspec import Struct

from tests.postgresql.proxy import Wire, wire_to
from tests.postgresql.server import PostgresServer
from tests.torture.fleet import Host

_LOCK = """
import sqlite3, sys
books = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
books.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


class Place(Struct, frozen=True, kw_only=True):
    """One store, and a host on it. On PostgreSQL, others can be added."""

    host: Host
    another: Callable[[str], Host]
    """One more host on the same store; where that is a file, the same one."""
    stopped: Callable[[], AbstractContextManager[None]]
    """The store does not answer the gateways of the host meanwhile."""
    refusing: Callable[[], AbstractContextManager[None]]
    """The store takes no connection of the host meanwhile, and keeps none."""
    severed: Callable[[], None]
    """Every connection of the host to the store ends at once; new ones are taken."""
    shared: bool
    """Whether several hosts can share it."""


@contextmanager
def on_sqlite(folder: Path) -> Generator[Place]:
    """A file in the host's data directory; who stops it holds it for himself."""
    host = Host(folder / "here")
    file = host.data / "zai.db"

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

    try:
        yield Place(
            host=host, another=lambda _: host, stopped=locked, refusing=locked, severed=_nothing, shared=False
        )
    finally:
        host.end()


@contextmanager
def on_postgresql(folder: Path, server: PostgresServer) -> Generator[Place]:
    """A database of its own; who stops it lets the first host's wire to it fall silent."""
    key = {"PROVIDER_KEY_ENCRYPTION_KEY": Fernet.generate_key().decode()}
    hosts: list[Host] = []
    with server.made() as name, wire_to(server.folder) as wire:

        def host_of(called: str, address: str) -> Host:
            hosts.append(Host(folder / called, server.address(name), ZAI_DATABASE=address, **key))
            return hosts[-1]

        place = Place(
            host=host_of("here", wire.address(name)),
            another=lambda called: host_of(called, server.address(name)),
            stopped=lambda: _silent(wire),
            refusing=lambda: _refusing(wire),
            severed=lambda: _cut(wire),
            shared=True,
        )
        try:
            yield place
        finally:
            for host in hosts:
                host.end()


@contextmanager
def _silent(wire: Wire) -> Generator[None]:
    wire.fall_silent()
    try:
        yield
    finally:
        wire.mend()


@contextmanager
def _refusing(wire: Wire) -> Generator[None]:
    wire.cut()
    try:
        yield
    finally:
        wire.mend()


def _cut(wire: Wire) -> None:
    wire.cut()
    wire.mend()


def _nothing() -> None:
    """A file has no connections."""
