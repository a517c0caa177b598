"""Servers that do harm, by mistake or on purpose: each behaviour, and what becomes of a request to it."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import cycle

from msgspec import Struct

from tests.upstreams.scripted import Line, Script
from zai_gateway.relay.upstream import Timeouts

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = OK + b"content-length: 2\r\n\r\nok"
CHUNKS = OK + b"transfer-encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nt: 1\r\n\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
SMALL, LARGE = b"{}", bytes(4 * 2**20)
PATIENT = Timeouts(connect=20, tls=20, first_byte=20, silence=20)

SILENT = "timeout: HOST was silent for too long"
WITHOUT_AN_ANSWER = "broken: HOST broke off: it closed the connection without an answer"
RESET = "broken: HOST broke off: it reset the connection"
LOST = "broken: HOST broke off: the connection was lost"
AT_ONCE = "connect: no connection to HOST: it closed the connection, or spoke, before it was asked"
TOO_SHORT = "broken: HOST broke off: its answer ended before the announced length"
CHUNK = "broken: HOST broke off: its answer ended early or in a malformed chunk"
HEADER = "broken: HOST broke off: it sent a malformed header"
NO_HTTP = "broken: HOST broke off: it does not speak HTTP/1.1"
TOO_LARGE = "broken: HOST broke off: its head is too large"
BREACH = "broken: HOST broke off: its answer breaks the rules of HTTP"
HANDSHAKE = "tls: the TLS handshake with HOST failed"
NO_CONNECTION = "connect: no connection to HOST within the time allowed"
FINE = "200 ok"


class Hostile(Struct, frozen=True, kw_only=True):
    """A behaviour of a server, made anew for each server by `script`."""

    name: str
    script: Callable[[], Script]
    ends: tuple[str, ...]
    """How a request to it may end: its error, or status and body. Several where two ends race."""
    timeouts: Timeouts = PATIENT
    body: bytes = SMALL
    tls: bool = False
    """Whether the request is made by TLS."""
    certified: bool = False
    """Whether the server speaks TLS, and shows a certificate that the client trusts."""


def says(*pieces: bytes, stays: bool = False) -> Callable[[], Script]:
    """Answers with these bytes; `stays`: until the client leaves, which then is to the client's credit."""

    async def script(line: Line) -> None:
        await line.request()
        for piece in pieces:
            await line.send(piece)
            await asyncio.sleep(0)
        if stays:
            await line.gone()

    return lambda: script


def goes_on(begun: bytes, more: bytes, pause: float = 0) -> Callable[[], Script]:
    """Begins so, and never ends: `pause` seconds between two pieces."""

    async def script(line: Line) -> None:
        await line.request()
        await line.send(begun)
        while True:
            await line.send(more)
            await asyncio.sleep(pause)

    return lambda: script


def cut(answer: bytes, *, reset: bool) -> Callable[[], Script]:
    """Ends after one byte more with each connection, and begins anew before the whole."""

    def made() -> Script:
        cuts: Iterator[int] = cycle(range(len(answer)))

        async def script(line: Line) -> None:
            await line.request()
            await line.send(answer[: next(cuts)])
            if reset:
                line.reset()

        return script

    return made


def plays(script: Script) -> Callable[[], Script]:
    """One script for all."""
    return lambda: script


async def _closes(line: Line) -> None:
    pass


async def _resets(line: Line) -> None:
    line.reset()


async def _closes_when_asked(line: Line) -> None:
    await line.request()


async def _resets_when_asked(line: Line) -> None:
    await line.request()
    line.reset()


async def _never_reads(line: Line) -> None:
    await asyncio.sleep(0.5)
    await line.gone()  # for whoever waits for that here: by the next byte that it reads it knows


async def _stays(line: Line) -> None:
    await line.gone()


async def _speaks_plainly(line: Line) -> None:
    await line.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    await line.gone()


async def _refuses_by_the_head(line: Line) -> None:
    await line.head()
    await line.send(OK + b"content-length: 2\r\n\r\nok")
    await line.gone()


async def _speaks_first(line: Line) -> None:
    await line.send(LENGTH)
    await line.gone()


async def _resets_the_body(line: Line) -> None:
    await line.request()
    await line.send(OK + b"\r\nhalf")
    line.reset()


def _broken(name: str, answer: bytes, end: str) -> Hostile:
    """One that is found out by its bytes alone: the server stays."""
    return Hostile(name=name, script=says(answer, stays=True), ends=(end,))


def _endless(name: str, begun: bytes, more: bytes, end: str) -> Hostile:
    return Hostile(name=name, script=goes_on(begun, more), ends=(end,))


SLOW = (
    Hostile(name="never answers", script=plays(_stays), ends=(SILENT,), timeouts=Timeouts(first_byte=0.05)),
    Hostile(
        name="never reads",
        script=plays(_never_reads),
        ends=(SILENT,),
        timeouts=Timeouts(first_byte=0.05),
        body=LARGE,
    ),
    Hostile(
        name="drips its head",
        script=goes_on(OK + b"x: ", b"y", 0.01),
        ends=(SILENT,),
        timeouts=Timeouts(first_byte=0.1),
    ),
    Hostile(
        name="sends interim answers instead of one",
        script=goes_on(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.03),
        ends=(SILENT,),
        timeouts=Timeouts(first_byte=0.1),
    ),
    Hostile(
        name="stops in its body",
        script=says(LENGTH[:-1], stays=True),
        ends=(SILENT,),
        timeouts=Timeouts(silence=0.05),
    ),
    Hostile(
        name="drips its body",
        script=goes_on(CHUNKED, b"1\r\nx\r\n", 0.01),
        ends=("timeout: HOST took too long to end its answer",),
        timeouts=Timeouts(total=0.1),
    ),
)
CUT = tuple(
    Hostile(
        name=f"{'resets' if reset else 'closes'} within {kind}",
        script=cut(answer, reset=reset),
        ends=((RESET, LOST, WITHOUT_AN_ANSWER) if reset else (end, WITHOUT_AN_ANSWER)),
    )
    for reset in (False, True)
    for kind, answer, end in (("a length", LENGTH, TOO_SHORT), ("chunks", CHUNKS, CHUNK))
)
EARLY = (
    Hostile(name="closes at once", script=plays(_closes), ends=(AT_ONCE, WITHOUT_AN_ANSWER, RESET, LOST)),
    Hostile(
        name="resets at once",
        script=plays(_resets),
        ends=(AT_ONCE, WITHOUT_AN_ANSWER, RESET, LOST, "connect: cannot connect to HOST: connection reset"),
    ),
    Hostile(name="closes when asked", script=plays(_closes_when_asked), ends=(WITHOUT_AN_ANSWER,)),
    Hostile(name="resets when asked", script=plays(_resets_when_asked), ends=(RESET,)),
    Hostile(name="resets a body that only its end delimits", script=plays(_resets_the_body), ends=(RESET,)),
    Hostile(name="speaks before it is asked", script=plays(_speaks_first), ends=(AT_ONCE, FINE)),
    Hostile(
        name="answers before it has read the request",
        script=plays(_refuses_by_the_head),
        ends=(FINE,),
        body=LARGE,
    ),
)
LENGTHS = (
    _broken("two equal lengths", OK + b"content-length: 2\r\ncontent-length: 2\r\n\r\nok", HEADER),
    _broken("two lengths", OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\nok", HEADER),
    _broken("a list of lengths", OK + b"content-length: 2, 2\r\n\r\nok", BREACH),
    _broken("a length and chunks", OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n", HEADER),
    _broken("chunks and a length", CHUNKED[:-2] + b"content-length: 2\r\n\r\n0\r\n\r\n", HEADER),
    _broken("a negative length", OK + b"content-length: -2\r\n\r\nok", BREACH),
    _broken("a signed length", OK + b"content-length: +2\r\n\r\nok", BREACH),
    _broken("a length in hexadecimal", OK + b"content-length: 0x2\r\n\r\nok", BREACH),
    _broken("a length that overflows", OK + b"content-length: 18446744073709551618\r\n\r\nok", BREACH),
    _broken("an empty length", OK + b"content-length: \r\n\r\nok", BREACH),
    _broken("a negative chunk", CHUNKED + b"-1\r\nok\r\n", CHUNK),
    _broken("a chunk in prefixed hexadecimal", CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n", CHUNK),
    _broken("a chunk that overflows", CHUNKED + b"10000000000000002\r\nok\r\n", CHUNK),
    _broken("a chunk that is longer than it says", CHUNKED + b"1\r\nok\r\n0\r\n\r\n", CHUNK),
    _broken("a chunk without an end", CHUNKED + b"2\r\nok0\r\n\r\n", CHUNK),
)
JUNK = (
    Hostile(name="more than its length", script=says(LENGTH + b"more", stays=True), ends=(FINE,)),
    Hostile(name="another answer", script=says(LENGTH + LENGTH, stays=True), ends=(FINE,)),
    Hostile(name="another answer after chunks", script=says(CHUNKS + LENGTH, stays=True), ends=(FINE,)),
    Hostile(
        name="a body where none may be",
        script=says(b"HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nok", stays=True),
        ends=("204 ",),
    ),
)
INTERIM = (
    _broken(
        "too many interim answers",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 11 + LENGTH,
        "broken: HOST broke off: it sent too many interim answers",
    ),
    _endless(
        "a flood of interim answers",
        b"",
        b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 100,
        "broken: HOST broke off: it sent too many interim answers",
    ),
    _broken(
        "an interim answer with a body",
        b"HTTP/1.1 199 Odd\r\ncontent-length: 2\r\n\r\nok" + LENGTH,
        "broken: HOST broke off: it sent an interim answer with a body",
    ),
    _broken(
        "another protocol by upgrade",
        b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        "broken: HOST broke off: it switched to a protocol that was not asked for",
    ),
)
ENDLESS = (
    _endless("an endless status line", b"HTTP/1.1 200 ", b"O" * 9_000, TOO_LARGE),
    _endless("an endless name", OK, b"x" * 9_000, TOO_LARGE),
    _endless("an endless value", OK + b"x: ", b"y" * 9_000, TOO_LARGE),
    _endless("an endless indentation", OK + b"x: ", b" " * 9_000, TOO_LARGE),
    _endless("endless headers", OK, b"x: y\r\n" * 1_000, TOO_LARGE),
    _endless("large headers", OK, b"x: " + b"y" * 16_000 + b"\r\n", TOO_LARGE),
    _endless("endless trailers", CHUNKED + b"0\r\n", b"x: y\r\n" * 1_000, TOO_LARGE),
    _endless("an endless trailer", CHUNKED + b"0\r\nx: ", b"y" * 9_000, BREACH),
    _endless("an endless extension of a chunk", CHUNKED + b"2;", b"x" * 9_000, BREACH),
    _endless("an endless size of a chunk", CHUNKED, b"0" * 9_000, BREACH),
)
GRAMMAR = (
    _broken("no HTTP", b"SSH-2.0-OpenSSH_9.6\r\n", NO_HTTP),
    _broken("another version", b"HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nok", NO_HTTP),
    _broken("another protocol like HTTP", b"ICE/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", NO_HTTP),
    _broken("small letters", b"http/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", NO_HTTP),
    _broken("an empty line first", b"\r\n" + LENGTH, NO_HTTP),
    _broken("a status of two digits", b"HTTP/1.1 20 OK\r\ncontent-length: 2\r\n\r\nok", BREACH),
    _broken("a status of zeros", b"HTTP/1.1 000 OK\r\ncontent-length: 2\r\n\r\nok", NO_HTTP),
    _broken("a folded header", OK + b"x: y\r\n z\r\ncontent-length: 2\r\n\r\nok", BREACH),
    _broken("a bare carriage return", OK + b"x: a\rb\r\ncontent-length: 2\r\n\r\nok", BREACH),
    _broken("bare line ends", LENGTH.replace(b"\r\n", b"\n"), BREACH),
    _broken("a null byte", OK + b"x: a\0b\r\ncontent-length: 2\r\n\r\nok", BREACH),
    _broken("a space before the colon", OK + b"content-length : 2\r\n\r\nok", BREACH),
    _broken("a header without a name", OK + b": x\r\ncontent-length: 2\r\n\r\nok", BREACH),
    _broken(
        "an unknown transfer encoding",
        OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "broken: HOST broke off: it sent its answer in an unknown transfer encoding",
    ),
    _broken(
        "two transfer encodings",
        CHUNKED[:-2] + b"transfer-encoding: gzip\r\n\r\nok",
        HEADER,
    ),
    _broken(
        "a compressed answer",
        OK + b"content-encoding: gzip\r\ncontent-length: 2\r\n\r\n\x1f\x8b",
        "broken: HOST broke off: it sent a compressed answer, which was not asked for",
    ),
    _broken("two codings", OK + b"content-encoding: identity\r\ncontent-encoding: br\r\n\r\n", HEADER),
)
TLS = (
    Hostile(name="no word of TLS", script=plays(_speaks_plainly), ends=(HANDSHAKE,), tls=True),
    Hostile(name="no TLS, closes", script=plays(_closes), ends=(HANDSHAKE,), tls=True),
    Hostile(name="no TLS, resets", script=plays(_resets), ends=(HANDSHAKE,), tls=True),
    Hostile(
        name="no handshake",
        script=plays(_stays),
        ends=(NO_CONNECTION,),
        tls=True,
        timeouts=Timeouts(tls=0.05),
    ),
    *(
        Hostile(
            name=f"{each.name}, by TLS",
            script=each.script,
            ends=each.ends,
            timeouts=each.timeouts,
            body=each.body,
            tls=True,
            certified=True,
        )
        for each in (*SLOW, *CUT, EARLY[2], EARLY[3], JUNK[0], INTERIM[1], ENDLESS[2])
    ),
)
BEHAVIOURS = (*SLOW, *CUT, *EARLY, *LENGTHS, *JUNK, *INTERIM, *ENDLESS, *GRAMMAR, *TLS)
