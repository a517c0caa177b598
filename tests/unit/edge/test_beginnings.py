"""How a stream begins: what is written of it in one turn of the loop goes out in one write."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from tests.clocks import HeldClock
from tests.unit.edge.held_timers import HeldTimers
from tests.unit.edge.hostility import POST
from tests.unit.edge.in_memory import Transport
from zai_gateway.edge.connection import Connection
from zai_gateway.edge.reception import Reception, Serving
from zai_gateway.edge.reply import ClientReply
from zai_gateway.edge.request import Request

STREAM = [("content-type", "text/event-stream")]
Answer = Callable[[ClientReply], Coroutine[Any, Any, None]]


class Counting(Transport):
    """Keeps each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))


class Keeper:
    """Answers as the test says."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def begin(self, request: Request, reply: ClientReply) -> Coroutine[Any, Any, None]:
        return self._answer(reply)


async def writes(answer: Answer) -> list[bytes]:
    """What goes out of an answer to one request, write by write, once its task is done."""
    reception = Reception(Keeper(answer), HeldClock(), Serving(), HeldTimers())
    connection, transport = Connection(reception), Counting()
    connection.connection_made(transport)
    connection.data_received(POST)
    while reception.tasks:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    return transport.writes


async def test_a_stream_that_comes_at_once_is_one_write() -> None:
    async def answer(reply: ClientReply) -> None:
        await reply.start(200, STREAM)
        await reply.write(b"one")
        await reply.write(b"two")
        await reply.finish()

    [sent] = await writes(answer)
    assert sent.startswith(b"HTTP/1.1 200 OK\r\n")
    assert sent.endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


async def test_what_comes_later_goes_out_as_it_comes() -> None:
    async def answer(reply: ClientReply) -> None:
        await reply.start(200, STREAM)
        await asyncio.sleep(0)
        await reply.write(b"one")
        await reply.write(b"two")
        await asyncio.sleep(0)
        await reply.finish()

    sent = await writes(answer)
    assert sent[0].endswith(b"transfer-encoding: chunked\r\n\r\n")
    assert sent[1:] == [b"3\r\none\r\n", b"3\r\ntwo\r\n", b"0\r\n\r\n"]


async def test_no_more_is_held_than_a_slow_client_may_owe() -> None:
    async def answer(reply: ClientReply) -> None:
        await reply.start(200, STREAM)
        await reply.write(b"x" * 70_000)
        await reply.write(b"y")
        await reply.finish()

    sent = await writes(answer)
    assert [len(each) > 70_000 for each in sent] == [True, False, False]


async def test_what_is_held_of_a_client_that_left_is_not_written() -> None:
    left = asyncio.Event()

    async def answer(reply: ClientReply) -> None:
        await reply.start(200, STREAM)
        connection.connection_lost(None)
        await asyncio.sleep(0)
        left.set()

    reception = Reception(Keeper(answer), HeldClock(), Serving(), HeldTimers())
    connection, transport = Connection(reception), Counting()
    connection.connection_made(transport)
    connection.data_received(POST)
    await left.wait()
    await asyncio.sleep(0)
    assert transport.writes == []
