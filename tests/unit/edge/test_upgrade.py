"""Offers to upgrade, which are passed over: the request is answered with its body, and only that request."""

import socket
from collections.abc import Iterator

import pytest

from tests.unit.edge.behind import Behind
from tests.unit.edge.served import AUTHORIZATION, Got, Served, posting, read_answer, served
from zai_gateway.edge.refusals import HeadLimits
from zai_gateway.edge.server import Serving

LIMIT = 4_000

OFFERS = {
    "h2c, as Java's client offers it": (
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
    ),
    "websocket": "Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\nSec-WebSocket-Version: 13\r\n",
    "anything, twice": "connection: UPGRADE\r\nupgrade: x\r\nUpgrade: y/1\r\n",
}
OFFER = OFFERS["websocket"]
SMUGGLED = f"GET /v1/me HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}\r\n".encode()


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def door(behind: Behind) -> Iterator[Served]:
    with served(behind, Serving(head=HeadLimits(total_bytes=LIMIT), drain_seconds=0.0)) as running:
        yield running


def offering(body: bytes, offer: str = OFFER) -> bytes:
    return posting(body, headers=AUTHORIZATION + offer)


def chunked(body: bytes) -> bytes:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}{OFFER}"
    return f"{head}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


def send_apart(door: Served, connection: socket.socket, *segments: bytes) -> None:
    """Sends each segment when the server has read the ones before it."""
    for segment in segments:
        connection.sendall(segment)
        # The first time the loop may still be at what it found before the segment.
        for _ in range(2):
            door.tasks()


def statuses(connection: socket.socket, most: int) -> list[int]:
    """Those of the answers that come, until there are `most` or the server closes."""
    received = b""
    while received.count(b"HTTP/1.1 ") < most and (piece := connection.recv(65_536)):
        received += piece
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def nothing_follows(connection: socket.socket) -> bool:
    connection.shutdown(socket.SHUT_WR)
    return connection.recv(1) == b""


def refused(got: Got) -> bool:
    error = got.json()["error"]
    return (got.status, error["code"], got.header("connection")) == (400, "invalid_request", "close")


@pytest.mark.parametrize("offer", OFFERS)
def test_an_offer_to_upgrade_is_passed_over(offer: str, door: Served, behind: Behind) -> None:
    assert door.get("/v1/me", headers=AUTHORIZATION + OFFERS[offer]).status == 200
    assert door.ask(offering(b'{"n":1}', OFFERS[offer])).status == 200
    assert behind.answerer.bodies == [b'{"n":1}']


@pytest.mark.parametrize("sent", [offering(SMUGGLED), chunked(SMUGGLED)], ids=["length", "chunks"])
def test_a_body_is_never_a_request_wherever_it_is_cut(sent: bytes, door: Served, behind: Behind) -> None:
    for at in range(1, len(sent)):
        with door.connect() as connection:
            send_apart(door, connection, sent[:at], sent[at:])
            assert read_answer(connection).status == 200
            connection.sendall(posting(b"{}"))
            assert read_answer(connection).status == 200
        assert behind.answerer.bodies == [SMUGGLED, b"{}"], at
        behind.answerer.bodies.clear()


def test_a_request_that_comes_byte_by_byte_is_one_request(door: Served, behind: Behind) -> None:
    with door.connect() as connection:
        send_apart(door, connection, *(bytes([byte]) for byte in offering(SMUGGLED)))
        assert read_answer(connection).status == 200
        assert nothing_follows(connection)
    assert behind.answerer.bodies == [SMUGGLED]


def test_a_body_that_comes_late_is_waited_for(door: Served, behind: Behind) -> None:
    head, body = offering(SMUGGLED)[: -len(SMUGGLED)], SMUGGLED
    with door.connect() as connection:
        send_apart(door, connection, head, body[:10], body[10:])
        assert read_answer(connection).status == 200
        assert nothing_follows(connection)
    assert behind.answerer.bodies == [SMUGGLED]


def test_requests_sent_in_one_go_are_answered_in_their_order(door: Served, behind: Behind) -> None:
    with door.connect() as connection:
        connection.sendall(
            offering(b'{"n":1}')
            + chunked(b'{"n":2}')
            + posting(b'{"n":3}')
            + offering(b'{"n":4}')
            + posting(b"", path="/nowhere", headers=OFFER)
        )
        assert statuses(connection, 5) == [200, 200, 200, 200, 404]
    assert behind.answerer.bodies == [b'{"n":%d}' % n for n in (1, 2, 3, 4)]


def test_what_stands_beside_the_offer_is_still_heard(door: Served, behind: Behind) -> None:
    with door.connect() as connection:
        connection.sendall(offering(b"{}", OFFER.replace("keep-alive", "close")) + SMUGGLED)
        assert statuses(connection, 2) == [200]
    with door.connect() as connection:
        sent = offering(b'{"n":1}', OFFER + "Expect: 100-continue\r\n")
        connection.sendall(sent[:-7])
        assert connection.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(sent[-7:])
        assert read_answer(connection).status == 200
    assert behind.answerer.bodies == [b"{}", b'{"n":1}']


def test_an_older_version_stays_one(door: Served) -> None:
    got = door.ask(SMUGGLED.replace(b"HTTP/1.1\r\n", b"HTTP/1.0\r\n" + OFFER.encode()))
    assert (got.status, got.header("connection")) == (200, "close")


def test_a_head_with_an_offer_has_the_same_limit(door: Served) -> None:
    got = door.ask(offering(b"{}", f"{OFFER}x: {'y' * LIMIT}\r\n"))
    assert (got.status, got.json()["error"]["code"]) == (431, "headers_too_large")
    got = door.ask(offering(b"{}", OFFER + "x: y\r\n" * 200))
    assert (got.status, got.json()["error"]["code"]) == (431, "headers_too_large")


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: 2\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
    ],
)
@pytest.mark.parametrize("first", ["framing", "offer"])
def test_framing_that_could_be_read_in_two_ways_is_refused(
    framing: str, first: str, door: Served, behind: Behind
) -> None:
    head = framing + OFFER if first == "framing" else OFFER + framing
    sent = f"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}{head}\r\n".encode()
    with door.connect() as connection:
        connection.sendall(sent + b"{}")
        assert refused(read_answer(connection))
        assert nothing_follows(connection)
    assert behind.answerer.bodies == []


@pytest.mark.parametrize("target", ["test:443", "a://b/v1/me", "test/v1/me"])
@pytest.mark.parametrize("extra", ["", OFFER])
def test_a_tunnel_is_refused_and_nothing_goes_through_it(target: str, extra: str, door: Served) -> None:
    head = f"CONNECT {target} HTTP/1.1\r\nHost: test\r\n{extra}Content-Length: {len(SMUGGLED)}\r\n\r\n"
    with door.connect() as connection:
        connection.sendall(head.encode())
        assert refused(read_answer(connection))
        connection.sendall(SMUGGLED)
        assert nothing_follows(connection)
