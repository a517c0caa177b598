"""The framing of answers: however they are cut the same comes out, and no error but UpstreamError."""

import http.client
import io
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from zai_gateway.relay.network.framing import AnswerReader
from zai_gateway.relay.upstream import Blame, UpstreamError


class Read(Struct, frozen=True):
    """What a reader made of some bytes."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool
    broken: bool


def read(pieces: Sequence[bytes], *, bodiless: bool = False, ends: bool = True) -> Read:
    """Fed piece by piece, and then told of the connection's end, if it `ends`."""
    reader = AnswerReader("host:1")
    reader.begin(bodiless=bodiless)
    broken = False
    try:
        for piece in pieces:
            reader.feed(piece)
        if ends:
            reader.end()
    except UpstreamError as error:
        assert error.blame is Blame.BROKEN
        assert error.message.startswith("host:1 broke off: ")
        broken = True
    status = reader.status if reader.headed else 0
    headers = reader.headers if reader.headed else {}
    return Read(status, headers, b"".join(reader.pieces), reader.whole, broken)


def cut(answer: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(answer) + 1) for place in places), len(answer)]
    return [answer[start:end] for start, end in pairwise(edges) if start < end]


TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_!#", min_size=1, max_size=12)
VALUE = st.text("abc XYZ012;=,/\"'()\t\xe9", max_size=30).map(str.strip)
PLAIN = st.lists(st.tuples(TOKEN.map("x-{}".format), VALUE), max_size=8)
PLACES = st.lists(st.integers(0, 2**16), max_size=12)


def lines(headers: Sequence[tuple[str, str]]) -> bytes:
    return b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in headers)


@st.composite
def chunks(draw: st.DrawFn, body: bytes) -> bytes:
    """A body in chunks of any size, with extensions and trailers."""
    out = b""
    for piece in cut(body, draw(st.lists(st.integers(0, 2**12), max_size=5))):
        size = draw(st.sampled_from([b"%x", b"%X", b"0%x", b"%x;a=b", b'%x;a="b;c"']))
        out += size % len(piece) + b"\r\n" + piece + b"\r\n"
    return out + b"0\r\n" + lines(draw(PLAIN)) + b"\r\n"


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, int, bytes]:
    """A valid answer, interim ones before it; its status; its body."""
    status = draw(st.integers(200, 599).filter(lambda status: status not in (204, 304)))
    reason = draw(st.sampled_from([b" OK", b" Not Found", b" ", b"", b" \xe9"]))
    body = draw(st.binary(max_size=300))
    framing, framed = draw(
        st.sampled_from([("content-length", body), ("Connection", body), ("Transfer-Encoding", None)])
    )
    value = {"content-length": str(len(body)), "Connection": "close"}.get(framing, "chunked")
    headers = [*draw(PLAIN), (framing, value), *draw(PLAIN)]
    if framed is None:
        framed = draw(chunks(body))
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" * draw(st.integers(0, 3))
    return interim + b"HTTP/1.1 %d%b\r\n%b\r\n%b" % (status, reason, lines(headers), framed), status, body


@given(answers(), PLACES)
def test_a_valid_answer_is_read_however_it_is_cut(made: tuple[bytes, int, bytes], places: list[int]) -> None:
    answer, status, body = made
    whole = read([answer])
    assert (whole.status, whole.body, whole.whole, whole.broken) == (status, body, True, False)
    assert read(cut(answer, places)) == whole
    assert read([answer[i : i + 1] for i in range(len(answer))]) == whole


@given(answers())
def test_a_valid_answer_is_what_another_reader_takes_it_for(made: tuple[bytes, int, bytes]) -> None:
    answer, _, _ = made
    ours, theirs = read([answer]), http.client.HTTPResponse(cast(Any, _Recorded(answer)), method="POST")
    theirs.begin()
    assert (ours.status, ours.body) == (theirs.status, theirs.read())
    first: dict[str, str] = {}
    for name, value in theirs.getheaders():
        first.setdefault(name.lower(), value)
    assert ours.headers == first


@given(answers(), st.data())
def test_an_answer_that_is_cut_short_is_never_whole(
    made: tuple[bytes, int, bytes], data: st.DataObject
) -> None:
    answer, _, _ = made
    short = answer[: data.draw(st.integers(0, len(answer) - 1))]
    found = read([short])
    # Where nothing but the connection's end delimits a body, that end is its end.
    delimited = "content-length" in found.headers or "transfer-encoding" in found.headers
    assert found.broken or not delimited
    assert not read([short], ends=False).whole


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid answer with a few bytes put in, taken out or changed; often those that mean something."""
    answer = bytearray(draw(answers())[0])
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(answer)))
        telling = draw(st.sampled_from([b"\r", b"\n", b"\r\n", b"\0", b" ", b":", b";", b"0", b"f", b"\xff"]))
        put = draw(st.one_of(st.just(telling), st.binary(max_size=3)))
        answer[place : place + draw(st.integers(0, 3))] = put
    return bytes(answer)


@given(
    st.one_of(mutated(), st.binary(max_size=200), st.binary(max_size=60).map(b"HTTP/1.1 200 OK\r\n".__add__)),
    PLACES,
)
def test_any_bytes_are_read_or_refused_the_same_however_they_are_cut(
    answer: bytes, places: list[int]
) -> None:
    whole = read([answer])
    assert read(cut(answer, places)) == whole
    assert read([answer[i : i + 1] for i in range(len(answer))]) == whole


@given(answers(), PLACES)
def test_to_a_head_request_the_head_is_all(made: tuple[bytes, int, bytes], places: list[int]) -> None:
    answer, status, _ = made
    found = read(cut(answer, places), bodiless=True)
    assert (found.status, found.body, found.whole, found.broken) == (status, b"", True, False)


@given(st.lists(answers(), min_size=2, max_size=4), PLACES)
def test_one_reader_reads_one_answer_after_the_other(
    made: list[tuple[bytes, int, bytes]], places: list[int]
) -> None:
    reader = AnswerReader("host:1")
    for answer, status, body in made:
        reader.begin()
        for piece in cut(answer, places):
            reader.feed(piece)
        if not reader.whole:
            reader.end()
        assert (reader.status, b"".join(reader.pieces)) == (status, body)
        if not reader.reusable:
            break


@pytest.mark.parametrize(
    ("answer", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok", True),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", False),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nconnection: x, CLOSE\r\ncontent-length: 2\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokk", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n", False),
        (b"HTTP/1.1 200 OK\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\nok", True),
    ],
)
def test_when_a_connection_can_carry_another_request(answer: bytes, reusable: bool) -> None:
    reader = AnswerReader("host:1")
    reader.feed(answer)
    assert (reader.whole, reader.reusable) == (True, reusable)


class _Recorded:
    """A socket that holds an answer, as `http.client` reads one."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._answer)
