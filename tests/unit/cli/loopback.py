"""A tiny HTTP server on loopback that answers each connection with the bytes it was given, as they are."""

import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from threading import Thread

import msgspec


class Loopback:
    """Answers its n-th connection with the n-th of `answers`, and keeps what was asked."""

    def __init__(self, listener: socket.socket, answers: Sequence[bytes]) -> None:
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self._listener = listener
        self._answers = answers

    @property
    def base_url(self) -> str:
        port: int = self._listener.getsockname()[1]
        return f"http://127.0.0.1:{port}/v1"

    def serve(self) -> None:
        for answer in self._answers:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as reader:
                lines: list[str] = []
                while line := reader.readline().decode("ascii").strip():
                    lines.append(line)
                self.heads.append("\n".join(lines))
                lengths = [
                    line.partition(":")[2] for line in lines if line.lower().startswith("content-length:")
                ]
                self.bodies.append(reader.read(int(lengths[0])) if lengths else b"")
                connection.sendall(answer)


@contextmanager
def answering(*answers: bytes) -> Generator[Loopback]:
    """A server for as many connections as there are answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        loopback = Loopback(listener, answers)
        thread = Thread(target=loopback.serve)
        thread.start()
        yield loopback
        # Wakes a server that still waits for a connection which no command made.
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(30)
    assert not thread.is_alive()


def http(body: object, status: str = "200 OK", headers: Sequence[str] = ()) -> bytes:
    """A whole answer with a JSON body."""
    return raw(msgspec.json.encode(body), status, ("Content-Type: application/json", *headers))


def raw(body: bytes, status: str = "200 OK", headers: Sequence[str] = ()) -> bytes:
    """A whole answer with this body."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def stream(*pieces: bytes, headers: Sequence[str] = ()) -> bytes:
    """An answer in chunks that is never ended: cut off, as far as HTTP can tell."""
    lines = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked", *headers]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


LAST_CHUNK = b"0\r\n\r\n"


def event(value: object) -> bytes:
    """A JSON value as a server-sent event."""
    return b"data: " + msgspec.json.encode(value) + b"\n\n"
