"""Streaming: the client hears something in time, whatever its upstream does."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

from tests.unit.relay.parts import SeenReply
from zai_gateway.relay.streaming import StreamWriter
from zai_gateway.wire.sse import KEEP_ALIVE


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
        await writer.read(Pings())
        await writer.write([], has_content=False)
    assert reply.started


async def test_nothing_goes_out_before_the_first_content() -> None:
    reply = SeenReply()
    writer = StreamWriter(reply)
    writer.begin([("x-zai-dropped", "top_p")], (), lambda: None)
    await writer.write([b"role"], has_content=False)
    assert not reply.started
    await writer.write([b"word"], has_content=True)
    assert reply.written == [b"roleword"]
    assert ("x-zai-dropped", "top_p") in reply.headers
    await writer.end(None)
    assert reply.written[1:] == [b"data: [DONE]\n\n"]
    assert reply.finished
