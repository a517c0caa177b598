"""Streaming: the client hears something in time, whatever its upstream does."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

from tests.unit.relay.parts import SeenReply, write
from zai_gateway.relay.streaming import StreamWriter
from zai_gateway.wire.fronts import Front
from zai_gateway.wire.sse import DONE, KEEP_ALIVE


class Pings:
    """An answer of nothing but comments, each long before a client would miss something."""

    status = 200
    headers: Mapping[str, str] = MappingProxyType({})

    async def read(self) -> bytes:
        await asyncio.sleep(0.001)
        return b": still thinking\n\n"

    async def close(self) -> None:
        return


async def test_an_upstream_that_only_pings_does_not_leave_the_client_in_silence() -> None:
    reply = SeenReply()
    writer = StreamWriter(reply, head_seconds=0.02, silence_seconds=0.02)
    while reply.written.count(KEEP_ALIVE) < 3:
        assert await Pings().read()
    writer.stop()
    assert reply.started


async def test_nothing_goes_out_before_the_first_content() -> None:
    reply = SeenReply()
    writer = StreamWriter(reply)
    writer.begin([("x-zai-dropped", "top_p")], (), lambda: None)
    await write(writer, b"role", has_content=False)
    assert not reply.started
    await write(writer, b"word", has_content=True)
    assert reply.written == [b"roleword"]
    assert ("x-zai-dropped", "top_p") in reply.headers
    await writer.end(DONE)
    assert reply.written[1:] == [b"data: [DONE]\n\n"]
    assert reply.finished


async def test_who_was_let_go_of_hears_no_comment() -> None:
    reply = SeenReply()
    writer = StreamWriter(reply, head_seconds=0.01, silence_seconds=0.01)
    writer.stop()
    await asyncio.sleep(0.03)
    assert not reply.started


async def test_of_an_answer_in_one_piece_nothing_is_said_in_silence() -> None:
    reply = SeenReply()
    StreamWriter(reply, streamed=False, head_seconds=0, silence_seconds=0)
    await asyncio.sleep(0.01)
    assert not reply.started


class Stalled(SeenReply):
    """A client that takes the first piece only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.takes = asyncio.Event()

    async def write(self, data: bytes) -> None:
        self.begun.set()
        await self.takes.wait()
        await super().write(data)


async def test_what_comes_while_a_comment_goes_out_waits_for_it() -> None:
    reply = Stalled()
    writer = StreamWriter(reply, head_seconds=0, silence_seconds=60)
    await reply.begun.wait()
    writing = asyncio.create_task(write(writer, b"word", has_content=True))
    await asyncio.sleep(0)
    reply.takes.set()
    await writing
    assert reply.written == [KEEP_ALIVE, b"word"]
    await writer.end(DONE)


async def test_a_failure_is_told_after_a_comment_that_goes_out() -> None:
    reply = Stalled()
    writer = StreamWriter(reply, head_seconds=0, silence_seconds=0)
    await reply.begun.wait()
    hushing = asyncio.create_task(writer.hush())
    await asyncio.sleep(0)
    assert not hushing.done()
    reply.takes.set()
    await hushing
    await asyncio.sleep(0.01)
    assert reply.written == [KEEP_ALIVE], "it says no more once it was hushed"


async def test_what_comes_with_the_end_goes_out_with_it() -> None:
    reply = SeenReply()
    writer = StreamWriter(reply)
    writer.begin((), ())
    writer.hold([b"word"])
    assert reply.written == []
    await writer.end(DONE)
    assert reply.written == [b"word" + DONE]


async def test_in_silence_anthropics_clients_hear_a_ping_once_their_message_has_begun() -> None:
    reply = SeenReply()
    writer = StreamWriter(reply, front=Front.ANTHROPIC, head_seconds=0, silence_seconds=0)
    while not reply.written:
        await asyncio.sleep(0)
    assert set(reply.written) == {KEEP_ALIVE}
    await write(writer, b"event: message_start\n\n", has_content=True)
    heard = len(reply.written)
    while len(reply.written) == heard:
        await asyncio.sleep(0)
    writer.stop()
    assert reply.written[-1].startswith(b"event: ping\n")
