"""Hostile clients: what becomes of each, that nothing of it stays, and that others are served meanwhile."""

import logging
import random
import socket
from collections.abc import Iterator

import pytest

from tests.unit.edge.behind import Behind
from tests.unit.edge.hostile_rounds import Rounds
from tests.unit.edge.hostility import HOSTILE, POST, closes, resets
from tests.unit.edge.served import Served, served


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def door(behind: Behind) -> Iterator[Served]:
    with served(behind) as running:
        yield running


def answered(connection: socket.socket, most: int) -> list[int]:
    """The statuses that come, until there are `most` or the connection ends."""
    received = b""
    while len(found := statuses(received)) < most and (piece := _received(connection)):
        received += piece
    return found


def statuses(received: bytes) -> list[int]:
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:] if b"\r\n\r\n" in part]


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65_536)
    except ConnectionError:
        return b""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_client(name: str, door: Served, behind: Behind, caplog: pytest.LogCaptureFixture) -> None:
    hostile = HOSTILE[name]
    with caplog.at_level(logging.WARNING):
        with door.connect() as connection:
            for step in hostile.does:
                step(connection)
            if connection.fileno() >= 0:
                # One more than it should get.
                most = len(hostile.answered) + hostile.ended
                assert answered(connection, most) == list(hostile.answered)
        door.nothing_is_left()
        assert door.get("/v1/me").status == 200
    assert len(behind.answerer.bodies) == hostile.asked
    assert caplog.text == ""


@pytest.mark.parametrize("leaves", [closes, resets])
def test_a_request_that_is_cut_off_at_any_byte_reaches_nobody(
    leaves: object, door: Served, behind: Behind
) -> None:
    assert callable(leaves)
    for at in range(len(POST)):
        connection = door.connect()
        connection.sendall(POST[:at])
        leaves(connection)
        connection.close()
    door.nothing_is_left()
    assert behind.answerer.bodies == []
    assert door.post().status == 200


def test_nothing_is_left_of_many_hostile_clients(door: Served) -> None:
    rounds = Rounds(door, random.Random(5))
    before = rounds.held()
    rounds.run(300)
    door.until(lambda: rounds.held() <= before)
