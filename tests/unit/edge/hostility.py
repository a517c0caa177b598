"""What hostile clients do: each a script of steps on one connection, and what they are answered."""

import socket
import struct
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from tests.unit.edge.served import AUTHORIZATION, BODY_LIMIT, posting

Step = Callable[[socket.socket], None]

GET = f"GET /v1/me HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}\r\n".encode()
POST = posting(b'{"n":1}')
CHUNKED = (
    f"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}Transfer-Encoding: chunked\r\n\r\n"
).encode()


def sends(data: bytes, step: int = 1_000_000) -> Step:
    """Sends it, `step` bytes at a time, whether or not the other side still listens."""

    def do(connection: socket.socket) -> None:
        try:
            for at in range(0, len(data), step):
                connection.sendall(data[at : at + step])
        except OSError:
            return

    return do


def half_closes(connection: socket.socket) -> None:
    """Says that nothing more comes, and reads on."""
    connection.shutdown(socket.SHUT_WR)


def resets(connection: socket.socket) -> None:
    """Breaks off as a machine does that loses its power: what is on its way is lost."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def closes(connection: socket.socket) -> None:
    """Leaves."""
    connection.close()


class Hostile(Struct, frozen=True):
    """A client, and what becomes of it."""

    does: Sequence[Step]
    answered: Sequence[int] = ()
    """The statuses that it gets."""
    asked: int = 0
    """How many of its requests reach the relay."""
    ended: bool = True
    """Whether its connection is ended for it; else it may go on, and leaves by itself."""


def _headed(line: str, body: bytes = b"{}") -> bytes:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}{line}\r\n"
    return head.encode("latin-1") + body


def _chunks(*pieces: bytes) -> bytes:
    return CHUNKED + b"".join(pieces)


_FLOOD = b"1;" + b"x" * 3_000 + b"\r\n \r\n"

HOSTILE: Mapping[str, Hostile] = {
    # Slow ones, that are served.
    "a request byte by byte": Hostile([sends(POST, 1)], [200], 1, ended=False),
    "chunks byte by byte": Hostile([sends(_chunks(b"2\r\n{}\r\n0\r\n\r\n"), 1)], [200], 1, ended=False),
    "empty lines before a request": Hostile([sends(b"\r\n\r\n" + POST)], [200], 1, ended=False),
    # Those that leave.
    "says nothing and leaves": Hostile([closes]),
    "says nothing and is reset": Hostile([resets]),
    "leaves in the request line": Hostile([sends(b"POST /v1/ch"), closes]),
    "leaves in the head": Hostile([sends(POST[:60]), closes]),
    "leaves in the body": Hostile([sends(POST[:-1]), closes]),
    "leaves in a chunk": Hostile([sends(_chunks(b"5\r\n{}")), closes]),
    "leaves before the last chunk": Hostile([sends(_chunks(b"2\r\n{}\r\n")), closes]),
    "is reset in the head": Hostile([sends(POST[:60]), resets]),
    "is reset in the body": Hostile([sends(POST[:-1]), resets]),
    "half closes in the head": Hostile([sends(POST[:60]), half_closes]),
    "half closes in the body": Hostile([sends(POST[:-1]), half_closes]),
    # Lengths that are not so.
    "a body shorter than it said": Hostile([sends(_headed("Content-Length: 9\r\n")), half_closes]),
    "a body longer than it said": Hostile([sends(POST + b"}}}}")], [200, 400], 1),
    "a length beyond the limit": Hostile([sends(_headed(f"Content-Length: {BODY_LIMIT + 1}\r\n"))], [413]),
    "a body beyond the limit": Hostile([sends(posting(b"x" * (BODY_LIMIT + 1)))], [413]),
    "chunks beyond the limit": Hostile(
        [sends(_chunks(b"%x\r\n" % (BODY_LIMIT + 1), b"x" * (BODY_LIMIT + 1)))], [413]
    ),
    "two lengths": Hostile([sends(_headed("Content-Length: 2\r\nContent-Length: 2\r\n"))], [400]),
    "two lengths that differ": Hostile([sends(_headed("Content-Length: 2\r\nContent-Length: 3\r\n"))], [400]),
    "a length and chunks": Hostile(
        [sends(_headed("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"))], [400]
    ),
    "chunks and a length": Hostile(
        [sends(_headed("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", b"0\r\n\r\n"))], [400]
    ),
    **{
        f"the length {length!r}": Hostile([sends(_headed(f"Content-Length:{length}\r\n"))], [400])
        for length in ("-2", "+2", "0x2", " 2 2", "2,2", "2, 2", "02", "", " ", "2.0", "2_0", "\xb2")
    },
    "the length 10**18": Hostile([sends(_headed(f"Content-Length: {10**18}\r\n"))], [400]),
    "the length 2**64 + 2": Hostile([sends(_headed(f"Content-Length: {2**64 + 2}\r\n"))], [400]),
    # Encodings that two readers could read in two ways.
    **{
        f"the encoding {coding!r}": Hostile(
            [sends(_headed(f"Transfer-Encoding:{coding}\r\n", b"0\r\n\r\n"))], [400]
        )
        for coding in (
            *("chunked, chunked", "xchunked", "chunkedx", "chunked;x", "chunked;q=1", "chun ked", ",chunked"),
            *("chunked,", "identity", "identity, chunked", "chunked, identity", "x, chunked", '"chunked"'),
            *("", "\x0bchunked", "chunked\x0b", "chunked\x00", "\xa0chunked", "gzip", "chunked, gzip"),
            *("chunked\r\nTransfer-Encoding: chunked", "gzip\r\nTransfer-Encoding: chunked"),
            *("\r\n chunked", "chunked\r\n ", "chunked\r\n\tx"),
        )
    },
    "a packed encoding": Hostile(
        [sends(_headed("Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"))], [415]
    ),
    # Chunks that are none.
    **{
        f"the chunk {chunk!r}": Hostile([sends(_chunks(chunk))], [400])
        for chunk in (
            *(b"5\nhello\r\n0\r\n\r\n", b"5\rhello\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n"),
            *(b"5 \r\nhello\r\n0\r\n\r\n", b" 5\r\nhello\r\n", b"\t5\r\nhello\r\n", b"0x5\r\nhello\r\n"),
            *(b"+5\r\nhello\r\n", b"-5\r\nhello\r\n", b"5_\r\nhello\r\n", b"\r\n\r\n", b";x\r\n", b"g\r\n"),
            *(b"5\r\nhelloX\r\n", b"5\r\nhello0\r\n\r\n", b"10000000000000000\r\n", b"f" * 17 + b"\r\n"),
            *(b"5;\r\nhello\r\n", b"5;x\nhello\r\n", b"5;\x00\r\nhello\r\n", b"0\r\nX : y\r\n\r\n"),
            *(b"0\r\nX: y\n\r\n", b"0\r\nContent-Length: 5\r\n\r\n", b"0\r\n\n"),
            b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
        )
    },
    "chunk extensions without end": Hostile([sends(CHUNKED + _FLOOD * 2_000, 64_000)], [431]),
    "zeros before a chunk's size without end": Hostile([sends(_chunks(b"0" * 400_000), 64_000)], [431]),
    "trailers without end": Hostile([sends(_chunks(b"0\r\n" + b"x: y\r\n" * 100_000), 64_000)], [431]),
    # Heads that are none, or have no end.
    "a header without end": Hostile([sends(GET[:-2] + b"x: " + b"y" * 400_000, 64_000)], [431]),
    "headers without end": Hostile([sends(GET[:-2] + b"x: y\r\n" * 100_000, 64_000)], [431]),
    "a target without end": Hostile([sends(b"GET /" + b"y" * 400_000, 64_000)], [431]),
    "no host": Hostile([sends(b"GET /v1/me HTTP/1.1\r\n\r\n")], [400]),
    "two hosts": Hostile([sends(b"GET /healthz HTTP/1.1\r\nHost: test\r\nHost: test\r\n\r\n")], [400]),
    "another host as its target": Hostile(
        [sends(b"GET http://evil.example/v1/me HTTP/1.1\r\nHost: test\r\n\r\n")], [400]
    ),
    "a fragment in its target": Hostile([sends(GET.replace(b"/v1/me", b"/v1/me#x"))], [400]),
    "chunks in HTTP/1.0": Hostile([sends(_chunks(b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"))], [400]),
    "bare line feeds": Hostile([sends(GET.replace(b"\r\n", b"\n"))], [400]),
    "a bare line feed": Hostile([sends(GET.replace(b"test\r\n", b"test\n"))], [400]),
    "a bare carriage return": Hostile([sends(GET.replace(b"test\r\n", b"test\r"))], [400]),
    "a bare carriage return in a value": Hostile([sends(GET.replace(b"test", b"te\rst"))], [400]),
    "a NUL in a value": Hostile([sends(GET.replace(b"test", b"te\x00st"))], [400]),
    "a folded header": Hostile([sends(GET.replace(b"test\r\n", b"test\r\nx: y\r\n z\r\n"))], [400]),
    "a folded first header": Hostile([sends(GET.replace(b"Host", b" Host"))], [400]),
    "a space before a colon": Hostile([sends(GET.replace(b"Host:", b"Host :"))], [400]),
    "a header without a name": Hostile([sends(GET.replace(b"Host:", b":"))], [400]),
    "junk before a request": Hostile([sends(b"\x00" + GET)], [400]),
    "HTTP/0.9": Hostile([sends(b"GET /v1/me\r\n\r\n")], [400]),
    "HTTP/2": Hostile([sends(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")], [400]),
    "TLS": Hostile([sends(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500))], [400]),
    "another protocol": Hostile([sends(b"SOURCE / ICE/1.0\r\n\r\n")], [400]),
    "SSH": Hostile([sends(b"SSH-2.0-OpenSSH_9.6\r\n")], [400]),
    # What follows requests.
    "junk behind a request": Hostile([sends(GET + b"\x00\x01\x02")], [200, 400]),
    "junk behind several": Hostile([sends(GET + POST + GET + b"hello\r\n\r\n")], [200, 200, 200, 400], 1),
    "a request behind the last": Hostile(
        [sends(GET.replace(b"Host", b"Connection: close\r\nHost") + GET)], [200]
    ),
    "a request hidden in a body": Hostile([sends(posting(GET) + GET)], [200, 200], 1, ended=False),
    "a request behind a refusal": Hostile([sends(GET.replace(b"Host:", b"Host :") + GET)], [400]),
    "a tunnel, and what goes through it": Hostile(
        [sends(b"CONNECT test:443 HTTP/1.1\r\nHost: test\r\n\r\n" + GET)], [400]
    ),
}
