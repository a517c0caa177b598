"""Bodies: the limit however they come, safe refusals of what is still on its way, and clients that leave."""

import http.client
import socket
from collections.abc import Iterator

import pytest

from tests.unit.edge.behind import Behind
from tests.unit.edge.served import AUTHORIZATION, BODY_LIMIT, Got, Served, posting, read_answer, served

CHUNKED = (
    f"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}Transfer-Encoding: chunked\r\n\r\n"
)


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def door(behind: Behind) -> Iterator[Served]:
    with served(behind) as running:
        yield running


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def too_large(got: Got) -> bool:
    return (got.status, got.json()["error"]["code"], got.header("connection")) == (
        413,
        "request_too_large",
        "close",
    )


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, BODY_LIMIT])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_up_to_the_limit_arrives_whole(size: int, chunked: bool, door: Served, behind: Behind) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    if chunked:
        pieces = [body[at : at + 7_001] for at in range(0, size, 7_001)]
        got = door.ask(CHUNKED.encode() + b"".join(map(chunk, pieces)) + b"0\r\n\r\n")
    else:
        got = door.post(body)
    assert got.status == 200
    assert behind.answerer.bodies == [body]


def test_an_announced_body_over_the_limit_is_refused_before_it_is_sent(door: Served, behind: Behind) -> None:
    with door.connect() as connection:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}"
        connection.sendall(f"{head}Content-Length: {BODY_LIMIT + 1}\r\n\r\n".encode())
        assert too_large(read_answer(connection))
    assert behind.answerer.bodies == []


def test_a_client_that_sends_all_of_it_first_still_reads_the_refusal(door: Served, behind: Behind) -> None:
    client = http.client.HTTPConnection("127.0.0.1", door.port, timeout=60)
    headers = {"Authorization": AUTHORIZATION.strip().removeprefix("Authorization: ")}
    client.request("POST", "/v1/chat/completions", body=b"x" * 20_000_000, headers=headers)
    answer = client.getresponse()
    assert answer.status == 413
    assert b"request_too_large" in answer.read()
    client.close()
    assert behind.answerer.bodies == []


def test_a_chunked_body_is_counted_as_it_comes(door: Served, behind: Behind) -> None:
    with door.connect() as connection:
        connection.sendall(CHUNKED.encode() + chunk(b"x" * BODY_LIMIT) + chunk(b"y"))
        # Its end is never sent: the refusal must not wait for it.
        assert too_large(read_answer(connection))
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert behind.answerer.bodies == []


def test_a_refused_connection_is_closed_and_nothing_after_the_body_is_taken_for_a_request(
    door: Served,
) -> None:
    with door.connect() as connection:
        connection.sendall(posting(b"x" * (BODY_LIMIT + 1)) + b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n")
        assert too_large(read_answer(connection))
        assert connection.recv(1) == b""


def test_a_refusal_that_leaves_a_small_body_unread_keeps_the_connection(door: Served) -> None:
    with door.connect() as connection:
        connection.sendall(posting(b"GET /v1/me HTTP/1.1\r\n\r\n", headers=""))
        assert read_answer(connection).status == 401
        connection.sendall(f"GET /v1/me HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}\r\n".encode())
        assert read_answer(connection).status == 200


def test_a_client_that_waits_for_a_go_ahead_gets_it_only_when_its_body_is_wanted(door: Served) -> None:
    with door.connect() as connection:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\n{AUTHORIZATION}Expect: 100-continue\r\n"
        connection.sendall(f"{head}Content-Length: 2\r\n\r\n".encode())
        assert connection.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert read_answer(connection).status == 200


@pytest.mark.parametrize(
    ("headers", "size", "status"),
    [
        ("", 2, 401),
        (AUTHORIZATION, BODY_LIMIT + 1, 413),
        (AUTHORIZATION + "Content-Encoding: gzip\r\n", 2, 415),
    ],
)
def test_a_client_that_is_refused_instead_may_send_its_body_or_not(
    headers: str, size: int, status: int, door: Served
) -> None:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\n{headers}Expect: 100-continue\r\n"
    for body in (b"", b"x" * size):
        with door.connect() as connection:
            connection.sendall(f"{head}Content-Length: {size}\r\n\r\n".encode())
            got = read_answer(connection)
            assert (got.status, got.header("connection")) == (status, "close")
            connection.sendall(body)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b""


def test_a_transfer_encoding_that_compresses_is_refused(door: Served, behind: Behind) -> None:
    got = door.ask(CHUNKED.replace("chunked", "gzip, chunked").encode() + chunk(b"x") + b"0\r\n\r\n")
    assert (got.status, got.json()["error"]["code"]) == (415, "unsupported_media_type")
    assert behind.answerer.bodies == []


@pytest.mark.parametrize("cut", [1, 50, 100])
def test_a_client_that_leaves_while_sending_leaves_nothing_behind(
    cut: int, door: Served, behind: Behind
) -> None:
    idle = door.tasks()
    with door.connect() as connection:
        connection.sendall(posting(b"x" * 100)[:-cut])
    door.settle_at(idle)
    assert door.get("/healthz").status == 200
    assert behind.answerer.bodies == []


def test_trailers_never_pass_for_headers(door: Served) -> None:
    trailers = f"0\r\n{AUTHORIZATION}\r\n".encode()
    got = door.ask(CHUNKED.replace(AUTHORIZATION, "").encode() + chunk(b"{}") + trailers)
    assert got.status == 401
