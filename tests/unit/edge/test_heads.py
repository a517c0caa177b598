"""Heads over the limit and bytes that are no HTTP: one answer in the one shape, and the connection ends."""

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.unit.edge.behind import Behind
from tests.unit.edge.served import AUTHORIZATION, Got, Served, posting, read_answer, served
from zai_gateway.accounts.caller import Caller
from zai_gateway.edge.refusals import HeadLimits
from zai_gateway.edge.server import Serving
from zai_gateway.relay.reply import Reply

LIMIT = 4_000
FIELDS = 20


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def door(behind: Behind) -> Iterator[Served]:
    limits = HeadLimits(total_bytes=LIMIT, fields=FIELDS)
    with served(behind, Serving(head=limits, drain_seconds=0.0)) as running:
        yield running


def refused(got: Got, status: int, code: str) -> bool:
    error = got.json()["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    assert got.json()["detail"]
    assert got.header("x-request-id")
    assert got.header("content-type") == "application/json"
    return (got.status, error["code"], got.header("connection")) == (status, code, "close")


def ends(connection: socket.socket) -> bool:
    connection.shutdown(socket.SHUT_WR)
    return connection.recv(1) == b""


def sized(total: int) -> str:
    """A request whose target and headers count for `total` bytes."""
    fixed = len("/v1/me") + sum(len(line) for line in ("Host: test\r\n", AUTHORIZATION, "x: \r\n"))
    return f"GET /v1/me HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}x: {'y' * (total - fixed)}\r\n\r\n"


HEADS = {
    "one long header": f"GET /v1/me HTTP/1.1\r\nHost: test\r\nx: {'y' * LIMIT}\r\n\r\n",
    "a long name": f"GET /v1/me HTTP/1.1\r\nHost: test\r\n{'y' * LIMIT}: x\r\n\r\n",
    "a long target": f"GET /v1/me?{'y' * LIMIT} HTTP/1.1\r\nHost: test\r\n\r\n",
    "many bytes": "GET /v1/me HTTP/1.1\r\n" + f"x: {'y' * (LIMIT // 10)}\r\n" * 11 + "\r\n",
    "many fields": "GET /v1/me HTTP/1.1\r\n" + "x: y\r\n" * (FIELDS + 1) + "\r\n",
}


@pytest.mark.parametrize("case", HEADS)
@pytest.mark.parametrize("step", [10, 1_000_000])
def test_a_head_over_the_limit_is_a_431(case: str, step: int, door: Served) -> None:
    sent = HEADS[case].encode()
    with door.connect() as connection:
        for at in range(0, len(sent), step):
            connection.sendall(sent[at : at + step])
        assert refused(read_answer(connection), 431, "headers_too_large")
        assert ends(connection)


@pytest.mark.parametrize("sent", [HEADS["one long header"], "hello there\r\n"])
def test_a_client_that_sends_all_of_it_first_still_reads_the_refusal(sent: str, door: Served) -> None:
    with door.connect() as connection:
        connection.sendall(sent.encode() + b"x" * 20_000_000)
        assert read_answer(connection).status in (400, 431)
        assert ends(connection)


def test_the_limit_is_met_exactly(door: Served) -> None:
    assert door.ask(sized(LIMIT)).status == 200
    assert door.ask(sized(LIMIT + 1)).status == 431


def test_each_request_of_a_connection_has_the_whole_limit(door: Served) -> None:
    with door.connect() as connection:
        for _ in range(3):
            connection.sendall(sized(LIMIT).encode())
            assert read_answer(connection).status == 200


def test_the_limit_of_a_real_gateway_is_64_kib() -> None:
    with served(Behind()) as door:
        fits = f"GET /v1/me HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}x: {'y' * 60_000}\r\n\r\n"
        assert door.ask(fits).status == 200
        assert door.ask(fits.replace("y" * 10, "y" * 12)).status == 431


CHUNKED = (
    f"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}Transfer-Encoding: chunked\r\n\r\n"
)


@pytest.mark.parametrize(
    "endless",
    ["GET /v1/me HTTP/1.1\r\nx: ", "GET /", CHUNKED + "2\r\n{}\r\n0\r\nx: ", CHUNKED + "2;x="],
    ids=["header", "target", "trailer", "chunk extension"],
)
def test_a_header_or_trailer_that_never_ends_is_cut_off(endless: str, door: Served) -> None:
    answered = threading.Event()

    def pour(connection: socket.socket) -> None:
        try:
            while not answered.is_set():
                connection.sendall(b"y" * 1_000)
        except OSError:
            return

    with door.connect() as connection:
        connection.sendall(endless.encode())
        pouring = threading.Thread(target=pour, args=(connection,))
        pouring.start()
        try:
            assert refused(read_answer(connection), 431, "headers_too_large")
        finally:
            answered.set()
            pouring.join()


MALFORMED = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "words": b"hello there\r\n\r\n",
    "strange version": b"GET /v1/me HTTP/9.9\r\nHost: test\r\n\r\n",
    "http2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "unknown method": b"FETCH /v1/me HTTP/1.1\r\nHost: test\r\n\r\n",
    "header without colon": b"GET /v1/me HTTP/1.1\r\nHost test\r\n\r\n",
    "space before colon": b"GET /v1/me HTTP/1.1\r\nHost : test\r\n\r\n",
    "nul in a header": b"GET /v1/me HTTP/1.1\r\nHost: te\x00st\r\n\r\n",
    "path not ascii": "GET /v1/mé HTTP/1.1\r\nHost: test\r\n\r\n".encode(),
    "no path": b"GET http://test HTTP/1.1\r\nHost: test\r\n\r\n",
    "connect": b"CONNECT test:443 HTTP/1.1\r\nHost: test\r\n\r\n",
    "length twice": b"POST /v1/me HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "length no number": b"POST /v1/me HTTP/1.1\r\nHost: test\r\nContent-Length: one\r\n\r\nx",
    "length negative": b"POST /v1/me HTTP/1.1\r\nHost: test\r\nContent-Length: -1\r\n\r\nx",
    "length twice, the same": (
        b"POST /v1/me HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"
    ),
    "lengths in a list": b"POST /v1/me HTTP/1.1\r\nHost: test\r\nContent-Length: 1, 1\r\n\r\nx",
    "length with a sign": b"POST /v1/me HTTP/1.1\r\nHost: test\r\nContent-Length: +1\r\n\r\nx",
    "length past all numbers": b"POST /v1/me HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % 10**30,
    "no length": b"POST /v1/me HTTP/1.1\r\nHost: test\r\nContent-Length:\r\n\r\nx",
    "chunks twice": (
        b"POST /v1/me HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "chunks of an old client": (
        b"POST /v1/me HTTP/1.0\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "no encoding": b"POST /v1/me HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: identity\r\n\r\nx",
    "nearly chunks": b"POST /v1/me HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "lines without carriage returns": b"GET /v1/me HTTP/1.1\nHost: test\n\n",
    "a line feed within a header": b"GET /v1/me HTTP/1.1\r\nHost: test\nX: y\r\n\r\n",
    "a carriage return within a header": b"GET /v1/me HTTP/1.1\r\nHost: test\rX: y\r\n\r\n",
    "a folded header": b"GET /v1/me HTTP/1.1\r\nHost: test\r\nX: a\r\n b\r\n\r\n",
    "a later version": b"GET /v1/me HTTP/2.0\r\nHost: test\r\n\r\n",
    "no version": b"GET /v1/me\r\n\r\n",
    "another host as the target": b"GET http://evil.example/v1/me HTTP/1.1\r\nHost: test\r\n\r\n",
    "a user in the target": b"GET http://evil@test/v1/me HTTP/1.1\r\nHost: test\r\n\r\n",
    "a host as the target alone": b"GET http://test/v1/me HTTP/1.1\r\n\r\n",
    "length and chunks": (
        b"POST /v1/me HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_bytes_that_are_no_http_are_a_400(case: str, door: Served, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), door.connect() as connection:
        connection.sendall(MALFORMED[case])
        assert refused(read_answer(connection), 400, "invalid_request")
        assert ends(connection)
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("target", "status"),
    [("http://test/v1/me", 200), ("HTTP://TEST/v1/me", 200), ("http://test/v1/../me", 404), ("*", 404)],
)
def test_a_target_that_names_the_same_host_or_none_is_answered(
    target: str, status: int, door: Served
) -> None:
    assert door.get(target).status == status


def test_a_body_with_broken_chunks_is_a_400_and_never_reaches_the_relay(door: Served, behind: Behind) -> None:
    idle = door.tasks()
    with door.connect() as connection:
        connection.sendall(f"{CHUNKED}2\r\n{{}}\r\n".encode())
        connection.sendall(b"zz\r\n")
        assert refused(read_answer(connection), 400, "invalid_request")
        assert ends(connection)
    door.settle_at(idle)
    assert behind.answerer.bodies == []


def test_a_request_that_was_refused_by_its_framing_is_not_answered_again(
    door: Served, behind: Behind, caplog: pytest.LogCaptureFixture
) -> None:
    idle = door.tasks()
    begun, go = threading.Event(), asyncio.Event()

    async def look_up() -> None:
        begun.set()
        await go.wait()

    behind.callers.first = look_up
    with caplog.at_level(logging.WARNING), door.connect() as connection:
        connection.sendall(CHUNKED.replace("Bearer", "Basic").encode())
        assert begun.wait(60)
        connection.sendall(b"zz\r\n")
        assert refused(read_answer(connection), 400, "invalid_request")
        door.loop.call_soon_threadsafe(go.set)
        door.settle_at(idle)
        assert ends(connection)
    assert caplog.text == ""


def test_garbage_behind_a_request_never_gets_into_its_answer(door: Served, behind: Behind) -> None:
    begun = threading.Event()

    async def stream(_caller: Caller, _body: bytes, reply: Reply) -> None:
        await reply.start(200, [("content-type", "text/event-stream")])
        await reply.write(b"data: 1\n\n")
        begun.set()
        while not reply.gone:
            await reply.write(b": more\n\n")
            await asyncio.sleep(0.001)
        ended.set()

    ended = threading.Event()
    behind.answerer.does = stream
    with door.connect() as connection:
        connection.sendall(posting(b"{}"))
        assert begun.wait(60)
        connection.sendall(b"this is not HTTP\r\n\r\n")
        received = b""
        while piece := connection.recv(65_536):
            received += piece
    assert received.count(b"HTTP/1.1") == 1
    assert b"invalid_request" not in received
    assert not received.endswith(b"0\r\n\r\n")
    assert ended.wait(60)


def test_a_second_request_that_is_sent_early_is_answered_second(door: Served, behind: Behind) -> None:
    with door.connect() as connection:
        connection.sendall(posting(b'{"n":1}') + posting(b'{"n":2}') + posting(b"", path="/nowhere"))
        statuses: list[int] = []
        received = b""
        while len(statuses) < 3:
            received += connection.recv(65_536)
            statuses = [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 200, 404]
    assert behind.answerer.bodies == [b'{"n":1}', b'{"n":2}']


def test_a_client_that_leaves_is_noticed_though_its_next_request_was_read(
    door: Served, behind: Behind
) -> None:
    gone = threading.Event()
    begun = threading.Event()

    async def until_gone(_caller: Caller, _body: bytes, reply: Reply) -> None:
        reply.when_gone(gone.set)
        await reply.start(200, [("content-type", "text/event-stream")])
        begun.set()
        while not reply.gone:
            await reply.write(b": waiting\n\n")
            await asyncio.sleep(0.001)

    behind.answerer.does = until_gone
    with door.connect() as connection:
        connection.sendall(posting(b"{}") + posting(b"{}"))
        assert begun.wait(60)
    assert gone.wait(60)
