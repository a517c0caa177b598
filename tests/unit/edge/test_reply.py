"""The reply: what goes out when, and how the client's leaving is noticed."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from tests.unit.edge.behind import Behind
from tests.unit.edge.served import posting, served
from tests.unit.edge.wire import Wire
from zai_gateway.accounts.caller import Caller
from zai_gateway.relay.reply import Reply

JSON = [("content-type", "application/json")]
STREAM = [("content-type", "text/event-stream; charset=utf-8")]


async def test_a_whole_answer_goes_out_at_once_with_its_length() -> None:
    wire = Wire()
    reply = wire.reply()
    await reply.start(200, JSON)
    await reply.write(b'{"a":')
    await reply.write(b"1}")
    assert not reply.started
    assert wire.sent == []
    await reply.finish()
    assert reply.started
    assert len(wire.sent) == 1
    [answer] = wire.answers
    assert answer.headers == {
        "date": "Wed, 18 Nov 2026 11:06:40 GMT",
        "content-type": "application/json",
        "content-length": "7",
        "x-request-id": "req_1",
        "x-content-type-options": "nosniff",
    }
    assert answer.body == b'{"a":1}'
    assert wire.complete == [reply]


async def test_an_error_takes_the_place_of_an_answer_that_was_not_finished() -> None:
    wire = Wire()
    reply = wire.reply()
    await reply.start(200, JSON)
    await reply.write(b'{"half":')
    await reply.start(500, JSON)
    await reply.write(b"{}")
    await reply.finish()
    await reply.finish()
    await reply.write(b"late")
    [answer] = wire.answers
    assert (answer.status, answer.body) == (500, b"{}")
    assert wire.complete == [reply]


async def test_a_stream_goes_out_as_it_is_written() -> None:
    wire = Wire()
    reply = wire.reply()
    await reply.start(200, [*STREAM, ("x-zai-dropped", "top_p")])
    assert reply.started
    assert wire.answers[0].named == {
        "content-type": "text/event-stream; charset=utf-8",
        "x-zai-dropped": "top_p",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
        "transfer-encoding": "chunked",
    }
    await reply.write(b"data: 1\n\n")
    await reply.write(b"")
    await reply.finish()
    assert wire.sent[1:] == [b"9\r\ndata: 1\n\n\r\n", b"0\r\n\r\n"]
    assert wire.complete == [reply]


async def test_an_older_client_gets_a_stream_that_ends_with_its_connection() -> None:
    wire = Wire()
    reply = wire.reply(old=True)
    await reply.start(200, STREAM)
    await reply.write(b"data: 1\n\n")
    await reply.finish()
    assert "transfer-encoding" not in wire.answers[0].named
    assert wire.answers[0].named["connection"] == "close"
    assert wire.answers[0].body == b"data: 1\n\n"
    assert reply.last


async def test_a_stream_that_is_ended_with_a_last_event_waits_for_nobody() -> None:
    wire = Wire()
    reply = wire.reply()
    await reply.start(200, STREAM)
    wire.writable = False
    reply.end_with(b"data: 1\n\n")
    assert wire.sent[1:] == [b"9\r\ndata: 1\n\n\r\n0\r\n\r\n"]
    assert wire.waits == 0
    reply.end_with(b"data: 2\n\n")
    assert len(wire.sent) == 2


async def test_a_write_waits_only_where_the_client_takes_no_more() -> None:
    wire = Wire()
    reply = wire.reply()
    await reply.start(200, STREAM)
    await reply.write(b"data: 1\n\n")
    assert wire.waits == 0
    wire.writable = False
    await reply.write(b"data: 2\n\n")
    assert wire.waits == 1
    assert len(wire.sent) == 3


async def test_what_is_put_goes_out_at_once_and_waits_for_room_only_where_there_is_none() -> None:
    wire = Wire()
    reply = wire.reply()
    await reply.start(200, STREAM)
    assert reply.put(b"data: 1\n\n")
    await reply.room()
    assert wire.waits == 0
    wire.writable = False
    assert not reply.put(b"data: 2\n\n")
    await reply.room()
    assert wire.waits == 1
    assert wire.sent[1:] == [b"9\r\ndata: 1\n\n\r\n", b"9\r\ndata: 2\n\n\r\n"]
    reply.leave()
    assert reply.put(b"data: 3\n\n"), "nobody waits for a client that has left"
    await reply.room()
    assert wire.waits == 1
    assert len(wire.sent) == 3


async def test_the_last_answer_of_a_connection_says_so() -> None:
    wire = Wire()
    wire.ends = True
    reply = wire.reply()
    await reply.start(200, JSON)
    await reply.finish()
    assert wire.answers[0].named["connection"] == "close"
    assert reply.last


async def test_headers_that_the_relay_gives_itself_are_not_doubled() -> None:
    wire = Wire()
    await wire.reply().start(200, [*STREAM, ("cache-control", "no-cache, no-transform")])
    assert wire.answers[0].named["cache-control"] == "no-cache, no-transform"


async def test_nothing_is_written_to_a_client_that_has_left() -> None:
    wire = Wire()
    reply = wire.reply()
    await reply.start(200, STREAM)
    reply.leave()
    assert reply.gone
    await reply.write(b"data: 1\n\n")
    await reply.finish()
    assert len(wire.sent) == 1
    assert wire.complete == []


@pytest.mark.parametrize("kind", [JSON, STREAM])
async def test_nothing_is_started_for_a_client_that_has_left(kind: list[tuple[str, str]]) -> None:
    wire = Wire()
    reply = wire.reply()
    reply.leave()
    await reply.start(200, kind)
    await reply.write(b"{}")
    await reply.finish()
    assert reply.finished
    assert wire.sent == []


def test_the_callback_is_called_once_when_the_client_leaves() -> None:
    calls: list[int] = []
    reply = Wire().reply()
    reply.when_gone(lambda: calls.append(1))
    assert calls == []
    reply.leave()
    reply.leave()
    assert calls == [1]
    reply.when_gone(lambda: calls.append(2))
    assert calls == [1, 2]


def test_a_callback_that_was_taken_back_is_not_called() -> None:
    calls: list[int] = []
    reply = Wire().reply()
    reply.when_gone(lambda: calls.append(1))
    reply.when_gone(None)
    reply.leave()
    assert reply.gone
    assert calls == []


async def test_who_leaves_after_a_whole_answer_did_not_leave_it() -> None:
    calls: list[int] = []
    reply = Wire().reply()
    reply.when_gone(lambda: calls.append(1))
    await reply.start(200, JSON)
    await reply.finish()
    reply.leave()
    assert not reply.gone
    assert calls == []


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
            assert begun.wait(60)
            assert not gone.is_set()
        assert gone.wait(60)
        assert ended.wait(60)
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
            assert stuck.wait(60)
        assert left.wait(60)
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
