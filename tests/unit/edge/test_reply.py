"""The reply over ASGI: what goes out when, and how the client's leaving is noticed."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from tests.unit.edge.behind import Behind
from tests.unit.edge.served import posting, served
from zai_gateway.accounts.caller import Caller
from zai_gateway.edge.asgi import Message
from zai_gateway.edge.reply import AsgiReply
from zai_gateway.relay.reply import Reply

JSON = [("content-type", "application/json")]
STREAM = [("content-type", "text/event-stream; charset=utf-8")]


class Wire:
    """An ASGI server's side: keeps what was sent, and says when the client leaves."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.left = asyncio.Event()

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    def reply(self) -> AsgiReply:
        return AsgiReply("req_1", self.receive, self.send)

    async def leave(self) -> None:
        self.left.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def headers(message: Message) -> dict[bytes, bytes]:
    rows: list[tuple[bytes, bytes]] = message["headers"]
    assert len({name for name, _ in rows}) == len(rows)
    return dict(rows)


async def test_a_whole_answer_goes_out_at_once_with_its_length() -> None:
    wire = Wire()
    async with wire.reply() as reply:
        await reply.start(200, JSON)
        await reply.write(b'{"a":')
        await reply.write(b"1}")
        assert not reply.started
        assert wire.sent == []
        await reply.finish()
    assert reply.started
    assert headers(wire.sent[0]) == {
        b"content-type": b"application/json",
        b"content-length": b"7",
        b"x-request-id": b"req_1",
        b"x-content-type-options": b"nosniff",
    }
    assert wire.sent[1:] == [{"type": "http.response.body", "body": b'{"a":1}', "more_body": False}]


async def test_an_error_takes_the_place_of_an_answer_that_was_not_finished() -> None:
    wire = Wire()
    async with wire.reply() as reply:
        await reply.start(200, JSON)
        await reply.write(b'{"half":')
        await reply.start(500, JSON)
        await reply.write(b"{}")
        await reply.finish()
        await reply.finish()
        await reply.write(b"late")
    assert [message.get("status") for message in wire.sent] == [500, None]
    assert wire.sent[1]["body"] == b"{}"


async def test_a_stream_goes_out_as_it_is_written() -> None:
    wire = Wire()
    async with wire.reply() as reply:
        await reply.start(200, [*STREAM, ("x-zai-dropped", "top_p")])
        assert reply.started
        assert headers(wire.sent[0]) == {
            b"content-type": b"text/event-stream; charset=utf-8",
            b"x-zai-dropped": b"top_p",
            b"cache-control": b"no-cache",
            b"x-accel-buffering": b"no",
            b"x-request-id": b"req_1",
            b"x-content-type-options": b"nosniff",
        }
        await reply.write(b"data: 1\n\n")
        await reply.write(b"")
        await reply.finish()
    assert [(message["body"], message["more_body"]) for message in wire.sent[1:]] == [
        (b"data: 1\n\n", True),
        (b"", False),
    ]


async def test_headers_that_the_relay_gives_itself_are_not_doubled() -> None:
    wire = Wire()
    async with wire.reply() as reply:
        await reply.start(200, [*STREAM, ("cache-control", "no-cache, no-transform")])
    assert headers(wire.sent[0])[b"cache-control"] == b"no-cache, no-transform"


async def test_nothing_is_written_to_a_client_that_has_left() -> None:
    wire = Wire()
    async with wire.reply() as reply:
        await reply.start(200, STREAM)
        await wire.leave()
        assert reply.gone
        await reply.write(b"data: 1\n\n")
        await reply.finish()
    assert len(wire.sent) == 1


@pytest.mark.parametrize("kind", [JSON, STREAM])
async def test_nothing_is_started_for_a_client_that_has_left(kind: list[tuple[str, str]]) -> None:
    wire = Wire()
    async with wire.reply() as reply:
        await wire.leave()
        await reply.start(200, kind)
        await reply.write(b"{}")
        await reply.finish()
    assert reply.finished
    assert wire.sent == []


async def test_the_callback_is_called_once_when_the_client_leaves() -> None:
    calls: list[int] = []
    wire = Wire()
    async with wire.reply() as reply:
        reply.when_gone(lambda: calls.append(1))
        assert calls == []
        await wire.leave()
        assert calls == [1]
        reply.when_gone(lambda: calls.append(2))
        assert calls == [1, 2]


async def test_a_callback_that_was_taken_back_is_not_called() -> None:
    calls: list[int] = []
    wire = Wire()
    async with wire.reply() as reply:
        reply.when_gone(lambda: calls.append(1))
        reply.when_gone(None)
        await wire.leave()
        assert reply.gone
    assert calls == []


async def test_the_end_of_a_whole_answer_is_not_taken_for_a_client_that_left() -> None:
    calls: list[int] = []
    wire = Wire()
    async with wire.reply() as reply:
        reply.when_gone(lambda: calls.append(1))
        await reply.start(200, JSON)
        await reply.finish()
        # So does a server when all is sent, whether or not the client stays.
        await wire.leave()
        assert not reply.gone
    assert calls == []


@pytest.mark.parametrize("leave", [False, True])
async def test_the_watcher_ends_with_the_reply(leave: bool) -> None:
    wire = Wire()
    before = asyncio.all_tasks()
    async with wire.reply():
        assert len(asyncio.all_tasks() - before) == 1
        if leave:
            await wire.leave()
    assert asyncio.all_tasks() == before


async def test_the_watcher_ends_with_a_reply_that_fails() -> None:
    before = asyncio.all_tasks()
    with pytest.raises(ZeroDivisionError):
        async with Wire().reply():
            raise ZeroDivisionError
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("started", [False, True])
def test_over_a_real_socket_a_closed_connection_is_noticed_at_once(started: bool) -> None:
    begun, gone, ended = threading.Event(), threading.Event(), threading.Event()

    async def wait(_caller: Caller, _body: bytes, reply: Reply) -> None:
        left = asyncio.Event()
        reply.when_gone(_both(gone.set, left.set))
        if started:
            await reply.start(200, STREAM)
            await reply.write(b"data: 1\n\n")
        begun.set()
        await left.wait()
        await reply.write(b"data: 2\n\n")
        await reply.finish()
        ended.set()

    with served(Behind(wait)) as door:
        idle = door.tasks()
        with door.connect() as connection:
            connection.sendall(posting(b"{}"))
            assert begun.wait(20)
            assert not gone.is_set()
        assert gone.wait(20)
        assert ended.wait(20)
        door.settle_at(idle)


def test_over_a_real_socket_a_client_that_does_not_read_holds_the_stream_up() -> None:
    written: list[int] = []
    stuck, left = threading.Event(), threading.Event()

    async def pour(_caller: Caller, _body: bytes, reply: Reply) -> None:
        await reply.start(200, STREAM)
        watch = asyncio.create_task(_until_still(written, stuck))
        while not reply.gone:
            await reply.write(b": " + b"x" * 65_536 + b"\n\n")
            written.append(1)
        await watch
        left.set()

    with served(Behind(pour)) as door:
        with door.connect() as connection:
            connection.sendall(posting(b"{}"))
            assert stuck.wait(20)
        assert left.wait(20)
    # The buffers of two sockets hold a few megabytes, and no stream is kept in memory beyond that.
    assert len(written) < 1_000


async def _until_still(written: list[int], stuck: threading.Event) -> None:
    before = -1
    while before != len(written):
        before = len(written)
        await asyncio.sleep(0.1)
    stuck.set()


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        first()
        second()

    return call
