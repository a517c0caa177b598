"""A wire to a PostgreSQL server that a test can cut, or fill with silence."""

import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread


class Wire:
    """Listens on loopback, and passes every connection on to the server in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._server = str(folder / ".s.PGSQL.5432")
        self._asked, self._answered = Event(), Event()
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port: int = self._listener.getsockname()[1]
        self.mend()
        self._accept(self._listener)

    def address(self, database: str, more: str = "") -> str:
        """The address of a database, as `--database` takes it."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}?sslmode=disable{more}"

    def fall_silent(self) -> None:
        """Nothing arrives any more on either side, and nobody hangs up: a server that was paused."""
        self._asked.clear()
        self._answered.clear()

    def lose_answers(self) -> None:
        """The server is asked on, and what it says does not arrive."""
        self._answered.clear()

    def cut(self) -> None:
        """Every connection ends, and new ones are refused: a server that went down."""
        _close(self._listener)
        for end in self._ends:
            _close(end)
        self._ends.clear()

    def mend(self) -> None:
        """All is well again: what was said meanwhile arrives, and new connections are taken."""
        self._asked.set()
        self._answered.set()
        if self._listener.fileno() == -1:
            self._listener = socket.create_server(("127.0.0.1", self._port))
            self._accept(self._listener)

    def _accept(self, listener: socket.socket) -> None:
        Thread(target=self._serve, args=(listener,), daemon=True).start()

    def _serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                self._ends += [client, server]
                Thread(target=_pass_on, args=(client, server, self._asked), daemon=True).start()
                Thread(target=_pass_on, args=(server, client, self._answered), daemon=True).start()


@contextmanager
def wire_to(folder: Path) -> Generator[Wire]:
    """A wire to the server that listens in `folder`; cut afterwards."""
    wire = Wire(folder)
    try:
        yield wire
    finally:
        wire.mend()
        wire.cut()


def _pass_on(source: socket.socket, sink: socket.socket, gate: Event) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            gate.wait()
            sink.sendall(data)
    _close(sink)
    _close(source)


def _close(end: socket.socket) -> None:
    # Closing alone would leave a thread that waits in `recv` or `accept` there for ever.
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
