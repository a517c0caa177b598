"""Requests to hostile servers, how they ended, and what was left of them."""

import asyncio
import gc
import tracemalloc
from contextlib import AsyncExitStack
from itertools import cycle
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct

from tests.upstreams.certificates import SelfSigned
from tests.upstreams.hostile import BEHAVIOURS, Hostile
from tests.upstreams.scripted import ScriptedServer
from zai_gateway.relay.network.answer import Answer
from zai_gateway.relay.network.connection import Connection
from zai_gateway.relay.network.framing import AnswerReader
from zai_gateway.relay.network.pool import Limits
from zai_gateway.relay.network.upstream import NetworkUpstream
from zai_gateway.relay.upstream import Outbound, Timeouts, Upstream, UpstreamError

_AT_ONCE = 10
_SLACK_BYTES = 200_000
"""Of memory: caches that fill, tables that grow. A leak of one connection a round is many times that."""


def asked(hostile: Hostile, server: ScriptedServer) -> Outbound:
    """The request that is made of a server that behaves so."""
    url = f"{'https' if hostile.tls else 'http'}://127.0.0.1:{server.port}/v1/chat"
    return Outbound(method="POST", url=url, headers=(), body=hostile.body, private=True)


async def outcome(upstream: Upstream, request: Outbound, timeouts: Timeouts) -> str:
    """Status and body, or the error with HOST for its place; a handshake's without its reason."""
    host = request.url.split("/")[2]
    try:
        inbound = await upstream.send(request, timeouts)
        pieces: list[bytes] = []
        while piece := await inbound.read():
            pieces.append(piece)
        await inbound.close()
    except UpstreamError as error:
        message = error.message.replace(host, "HOST").partition(" failed: ")
        return f"{error.blame}: {message[0]}{' failed' if message[1] else ''}"
    return f"{inbound.status} {b''.join(pieces).decode()}"


class Left(Struct, frozen=True):
    """What a process holds."""

    objects: int
    """Connections, answers and readers."""
    tasks: int
    descriptors: int
    memory: int
    """Bytes that Python allocated."""

    def no_more_than(self, before: "Left") -> bool:
        """Whether nothing has grown since."""
        return (
            self.objects <= before.objects
            and self.tasks <= before.tasks
            and self.descriptors <= before.descriptors
            and self.memory <= before.memory + _SLACK_BYTES
        )


class Siege:
    """One upstream, and a server for each hostile behaviour, which it asks in turns."""

    def __init__(self, certificate: SelfSigned) -> None:
        self._certificate = certificate
        self._stack = AsyncExitStack()
        self._upstream = NetworkUpstream(certificate.client(), Limits(connections=_AT_ONCE))
        self._requests: list[tuple[Hostile, Outbound]] = []
        self._servers: list[ScriptedServer] = []

    async def __aenter__(self) -> Self:
        tls = self._certificate.server()
        for hostile in BEHAVIOURS:
            server = ScriptedServer(hostile.script(), tls if hostile.certified else None)
            await self._stack.enter_async_context(server)
            self._servers.append(server)
            self._requests.append((hostile, asked(hostile, server)))
        self._turns = cycle(self._requests)
        tracemalloc.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tracemalloc.stop()
        await self._upstream.close()
        await self._stack.aclose()

    async def rounds(self, count: int) -> None:
        """So many requests, some at once; each ends as the table says, or is cancelled on its way."""
        for _ in range(count // _AT_ONCE):
            await asyncio.gather(*(self._round(number) for number in range(_AT_ONCE)))

    async def left(self) -> Left:
        """What is there once the servers, too, are done with what was closed."""
        for server in self._servers:
            await server.played(server.connections)
        await asyncio.sleep(0.01)
        gc.collect()
        mine = sum(isinstance(each, Connection | Answer | AnswerReader) for each in gc.get_objects())
        return Left(mine, len(asyncio.all_tasks()), _descriptors(), tracemalloc.get_traced_memory()[0])

    async def _round(self, number: int) -> None:
        hostile, request = next(self._turns)
        exchange = asyncio.ensure_future(outcome(self._upstream, request, hostile.timeouts))
        if number == 0:  # one in ten leaves early
            await asyncio.sleep(0.001)
            exchange.cancel()
            await asyncio.gather(exchange, return_exceptions=True)
        else:
            end = await exchange
            assert end in hostile.ends, f"{hostile.name}: {end}"


def _descriptors() -> int:
    linux = Path("/proc/self/fd")
    return len(list((linux if linux.exists() else Path("/dev/fd")).iterdir()))
