"""A transaction pooler: what PgBouncer does to a client in its transaction mode, and as unkindly as it can.

Each transaction of a client runs in another session of the server than the one before, and a client that asks
for what is bound to a session is refused (https://www.pgbouncer.org/features.html).
"""

import socket
import struct
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from select import select
from threading import Thread

_ENCRYPTION = {80_877_103, 80_877_104}
"""The codes of SSLRequest and GSSENCRequest."""
_CANCEL = 80_877_102
_TRACKED = {"user", "database", "client_encoding", "datestyle", "timezone", "application_name"}
"""The start-up parameters that PgBouncer takes; any other one is an error there."""
_SESSIONS = 3


class Pooler:
    """Listens on loopback in front of the server in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.transactions = 0
        """How many were begun on a session."""
        self._server = str(folder / ".s.PGSQL.5432")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._idle: SimpleQueue[_Session] = SimpleQueue()
        Thread(target=self._serve, daemon=True).start()

    def address(self, database: str) -> str:
        """The address of a database, as `--database` takes it. One database for each pooler."""
        port: int = self._listener.getsockname()[1]
        return f"postgresql://postgres@127.0.0.1:{port}/{database}"

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        while not self._idle.empty():
            self._idle.get().socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                Thread(target=self._attend, args=(client,), daemon=True).start()

    def _attend(self, client: socket.socket) -> None:
        with suppress(OSError, EOFError), client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wanted = _startup(client)
            if strange := {name.lower() for name in wanted} - _TRACKED:
                client.sendall(_refusal(f"unsupported startup parameter: {strange.pop()}"))
                return
            if self._idle.empty():
                for _ in range(_SESSIONS):
                    self._idle.put(_Session(self._server, wanted["database"]))
            session = self._idle.get()
            client.sendall(session.greeting)
            self._idle.put(session)
            while True:
                first = _message(client)
                if first[:1] == b"X":
                    return
                self._transaction(client, first)

    def _transaction(self, client: socket.socket, first: bytes) -> None:
        """Lends the client the session that waited longest, until the server says that it is idle again."""
        self.transactions += 1
        session = self._idle.get()
        session.say(first)
        while True:
            ready, _, _ = select([client, session.socket], [], [])
            if session.socket in ready:
                answer = _message(session.socket)
                client.sendall(answer)
                if answer == _READY:
                    self._idle.put(session)
                    return
            else:
                session.say(_message(client))


class _Session:
    """One connection to the server, and what it said of itself at the start."""

    def __init__(self, server: str, database: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(server)
        asked = b"user\0postgres\0database\0%b\0client_encoding\0utf8\0\0" % database.encode()
        self.socket.sendall(struct.pack("!II", len(asked) + 8, 196_608) + asked)
        self.greeting = b"".join(self._greeted())

    def say(self, message: bytes) -> None:
        # The name of a prepared statement is the first thing in a Parse.
        assert message[:1] != b"P" or message[5:6] == b"\0", "a prepared statement is bound to its session"
        self.socket.sendall(message)

    def _greeted(self) -> Iterator[bytes]:
        message = b""
        while message != _READY:
            message = _message(self.socket)
            yield message


_READY = b"Z\0\0\0\x05I"


@contextmanager
def pooler_to(folder: Path) -> Generator[Pooler]:
    """A pooler in front of the server that listens in `folder`."""
    pooler = Pooler(folder)
    try:
        yield pooler
    finally:
        pooler.close()


def _startup(client: socket.socket) -> dict[str, str]:
    while True:
        length, code = struct.unpack("!II", _exactly(client, 8))
        rest = _exactly(client, length - 8)
        if code == _CANCEL:
            raise EOFError
        if code in _ENCRYPTION:
            client.sendall(b"N")
            continue
        words = [word.decode() for word in rest.split(b"\0")]
        return {name: value for name, value in zip(words[0::2], words[1::2], strict=False) if name}


def _message(source: socket.socket) -> bytes:
    head = _exactly(source, 5)
    return head + _exactly(source, int.from_bytes(head[1:], "big") - 4)


def _exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = source.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _refusal(what: str) -> bytes:
    fields = f"SFATAL\0C08P01\0M{what}\0\0".encode()
    return b"E" + struct.pack("!I", len(fields) + 4) + fields
