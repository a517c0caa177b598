"""A proxy that does its work, and notes what it was asked."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.upstreams.scripted import Line

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\nvia: 1.1 proxy\r\n\r\n"


class Tunnels:
    """The script of a proxy that connects whatever it is asked for to one port of 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.asked: list[bytes] = []

    async def __call__(self, line: Line) -> None:
        """Plays it."""
        self.asked.append(await line.head())
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await line.send(ESTABLISHED)
            back = asyncio.ensure_future(_pass_on(lambda: reader.read(65_536), line.send))
            while piece := await line.some():
                writer.write(piece)
            writer.close()
            back.cancel()
        finally:
            writer.transport.abort()


async def _pass_on(read: Callable[[], Awaitable[bytes]], send: Callable[[bytes], Awaitable[None]]) -> None:
    while piece := await read():
        await send(piece)
