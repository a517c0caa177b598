"""The rows that no load decides: cold start, and memory at rest, of idle connections, after many requests."""

import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager

from bench.contender import Contender
from bench.figures import Figure, Unit
from bench.load import Load, full_load, question
from bench.processes import Server, Unusable
from bench.rows import Pair
from bench.stage import Bench, Pace, Side, check_stream, first_answer

_STARTS = 5
_AT_ONCE = 32
_PATIENCE = 30.0
_MB = 1_000_000
_STEPS = 10
_STEP_SECONDS = 2.0


def starts(bench: Bench, pair: Pair, row: str) -> list[Figure]:
    """From the start of the process to its first whole answer, and the memory that it then has.

    The files were read before: the first start of all, which sets a gateway up, is not counted.
    """
    seconds: list[list[float]] = [[], []]
    memory: list[list[float]] = [[], []]
    with bench.upstream(Pace()) as upstream:
        each = (pair.subject, pair.control)
        prepared = [side.prepared(upstream, bench.new_folder(side.name)) for side in each]
        for number in range(_STARTS + 1):
            for place, ready in enumerate(prepared):
                server = Server(ready.launch, bench.cores.gateway)
                try:
                    took = first_answer(server, ready)
                    check_stream(ready.target)
                    if number:
                        seconds[place].append(took * 1000)
                        memory[place].append(server.rss() / _MB)
                finally:
                    server.stop()
    return [
        _figure(row, "first answer after the start", Unit.MILLISECONDS, seconds),
        _figure(row, "memory after two answers", Unit.MEMORY, memory),
    ]


def idle(bench: Bench, pair: Pair, row: str, connections: int) -> list[Figure]:
    """The memory of connections that asked once and were kept open since."""
    grown = [[_idle(bench, side, connections)] for side in (pair.subject, pair.control)]
    return [_figure(row, "memory per idle connection", Unit.MEMORY_EACH, grown)]


def flat(bench: Bench, pair: Pair, row: str, requests: int, say: Callable[[str], None]) -> list[Figure]:
    """The memory after each tenth of so many requests, streamed and not in turn; of the gateway alone.

    It grows by what it has at the end more than after the first tenth, when every cache has what it wants.
    """
    seen: list[float] = []
    with bench.upstream(Pace()) as upstream, bench.standing(pair.subject, upstream) as side:
        done, turn = 0, 0
        while len(seen) < _STEPS:
            load = Load(stream=turn % 2 == 1)
            done += full_load(bench.tools.wrk, bench.cores.load, side.sent(load), _STEP_SECONDS).requests
            turn += 1
            if done >= requests * (len(seen) + 1) / _STEPS:
                seen.append(side.rss() / _MB)
                say(f"  after {done:,} requests {seen[-1]:.1f} MB")
    growth = (seen[-1] / seen[0] - 1) * 100
    return [
        Figure(row=row, what="memory after a tenth", unit=Unit.MEMORY, subject=(seen[0],)),
        Figure(row=row, what="memory after half", unit=Unit.MEMORY, subject=(seen[_STEPS // 2 - 1],)),
        Figure(row=row, what="memory at the end", unit=Unit.MEMORY, subject=(seen[-1],)),
        Figure(row=row, what="growth", unit=Unit.SHARE, subject=(growth,)),
    ]


def _idle(bench: Bench, contender: Contender, connections: int) -> float:
    """In kB for each."""
    with bench.upstream(Pace()) as upstream, bench.standing(contender, upstream) as side:
        # The first ones make what all of them share.
        with _asked(side, _AT_ONCE * 4):
            pass
        before = side.rss()
        with _asked(side, connections):
            return (side.rss() - before) / connections / 1000


@contextmanager
def _asked(side: Side, connections: int) -> Generator[None]:
    """So many connections, each with one whole answer, which stay open. Raises Unusable."""
    body = question(side.target, Load())
    head = f"POST {side.target.client.path} HTTP/1.1\r\nHost: 127.0.0.1:{side.target.port}\r\n"
    headers = "".join(f"{line}\r\n" for line in side.target.lines.splitlines())
    asked = f"{head}{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body
    with ExitStack() as open_ones:
        for first in range(0, connections, _AT_ONCE):
            batch: list[socket.socket] = []
            for _ in range(min(_AT_ONCE, connections - first)):
                address = ("127.0.0.1", side.target.port)
                batch.append(open_ones.enter_context(socket.create_connection(address, _PATIENCE)))
                batch[-1].sendall(asked)
            for each in batch:
                _read_answer(each)
        side.check()
        yield


def _read_answer(connection: socket.socket) -> None:
    """Reads a whole answer, of a length or in chunks."""
    received = b""
    try:
        while not whole(received):
            piece = connection.recv(65_536)
            if not piece:
                raise Unusable("a connection was closed before its answer was whole")
            received += piece
    except TimeoutError:
        raise Unusable(f"an answer was not whole after {_PATIENCE:g} s") from None
    if not received.startswith(b"HTTP/1.1 200"):
        raise Unusable(f"an answer was {received[:40]!r}")


def whole(received: bytes) -> bool:
    """Whether what was received is a whole answer of HTTP/1.1, of a length or in chunks."""
    head, parted, body = received.partition(b"\r\n\r\n")
    if not parted:
        return False
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return len(body) >= int(value)
    return body.endswith(b"0\r\n\r\n")


def _figure(row: str, what: str, unit: Unit, sides: Sequence[Sequence[float]]) -> Figure:
    return Figure(row=row, what=what, unit=unit, subject=tuple(sides[0]), control=tuple(sides[1]))
