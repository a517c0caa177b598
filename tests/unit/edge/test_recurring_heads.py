"""Heads that recur: read again by their bytes alone, a request is what the parser would have made of it."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from tests.unit.edge.requests import Elsewhere
from zai_gateway.edge.reader import Reader, Stage
from zai_gateway.edge.refusals import HeadLimits
from zai_gateway.edge.request import Headers, Request
from zai_gateway.errors import Failure

LIMITS = HeadLimits(total_bytes=400)
NAMES = ["Content-Length", "content-length", "X-Content-Length", "Content-Type", "Connection", "Expect", "X"]
LINES = ["Transfer-Encoding: chunked", "Upgrade: h2c", "Connection: close", "Expect: 100-continue", "Host: b"]
FEW = [b"", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\x00", b" ", b"\t", b"0", b"1", b"+", b"GET / HTTP/1.1\r\n"]


class Got(Struct, frozen=True):
    """A request as it was read."""

    method: str
    target: bytes
    headers: Headers
    length: int | None
    size: int
    whole: bool
    keep_alive: bool
    old: bool
    body: bytes | None


class Outcome(Struct, frozen=True):
    """What a reader made of some bytes."""

    requests: list[Got]
    refusal: str | None
    stage: Stage
    begun: int
    done: bool


def outcome(pieces: Sequence[bytes]) -> Outcome:
    """What comes of these bytes, each piece read at once; requests are taken as soon as they are whole."""
    line: list[Request] = []
    reader, got, refusal = Reader(Elsewhere(), line, LIMITS), list[Got](), None
    for piece in pieces:
        try:
            reader.feed(piece, 100)
        except Failure as failure:
            refusal = failure.message
            break
        while line and line[0].whole:
            got.append(as_got(line.pop(0)))
        if reader.done:
            break
    return Outcome(got + [as_got(each) for each in line], refusal, reader.stage, reader.begun, reader.done)


def as_got(request: Request) -> Got:
    return Got(
        request.method,
        request.target,
        # Of heads that are shared, the length is the first one's: what counts is `Request.length`.
        [header for header in request.headers if header[0] != b"content-length"],
        request.length,
        request.size,
        request.whole,
        request.keep_alive,
        request.old,
        request.body_here(10_000),
    )


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """A head with `%b` where a length may stand, right or not."""
    lines = [draw(st.sampled_from(["POST /v1/x HTTP/1.1", "GET /v1/x HTTP/1.1", "POST /v1/x HTTP/1.0"]))]
    lines += ["Host: a", *draw(st.lists(st.sampled_from(LINES), max_size=1))]
    if draw(st.integers(0, 4)):
        blank = draw(st.sampled_from(["", " ", "  ", "\t"]))
        lines.append(f"{draw(st.sampled_from(NAMES[:2]))}:{blank}%b{draw(st.sampled_from(['', ' ']))}")
    lines += [f"{name}: 7" for name in draw(st.lists(st.sampled_from(NAMES[2:]), max_size=2, unique=True))]
    return draw(st.sampled_from([b"", b"\r\n"])) + "\r\n".join([*lines, "", ""]).encode()


@st.composite
def conversations(draw: st.DrawFn) -> list[bytes]:
    """Requests with one head, each with a body and a length of its own, which may be wrong, or mutated."""
    head, sent = draw(heads()), list[bytes]()
    for _ in range(draw(st.integers(2, 4))):
        body = draw(st.binary(max_size=12))
        length = draw(st.sampled_from([b"%d"] * 6 + [b"0%d", b"+%d", b"%d ", b"1%d", b"%d,%%d", b" ", b""]))
        length = length.replace(b"%d", b"%d" % len(body)).replace(b"%%d", b"1")
        request = bytearray(head.replace(b"%b", length) + (body if b"%b" in head else b""))
        if not draw(st.integers(0, 3)):
            at = draw(st.integers(0, len(request)))
            request[at : at + draw(st.integers(0, 2))] = draw(st.sampled_from(FEW))
        sent.append(bytes(request))
    return sent


@given(conversations(), st.lists(st.integers(0, 2**12), max_size=3))
def test_a_head_that_recurs_is_read_as_the_parser_reads_it(sent: list[bytes], cuts: list[int]) -> None:
    together = b"".join(sent)
    carefully = outcome([together[i : i + 1] for i in range(len(together))])
    assert outcome([piece for piece in sent if piece]) == carefully
    edges = sorted({0, len(together), *(cut % (len(together) + 1) for cut in cuts), len(sent[0])})
    assert outcome([together[a:b] for a, b in pairwise(edges) if a < b]) == carefully


def test_requests_whose_heads_recur_share_one() -> None:
    line: list[Request] = []
    reader = Reader(Elsewhere(), line, LIMITS)
    found: list[Request] = []
    for body in (b"one", b"three", b""):
        reader.feed(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body), 1)
        found.append(line.pop())
    assert [request.body_here(100) for request in found] == [b"one", b"three", b""]
    assert found[0].head is found[1].head is found[2].head
