"""A server on this machine that does to each connection what a test's script says, byte by byte."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

_LINGER_ZERO = struct.pack("ii", 1, 0)
"""Makes a close send RST rather than FIN."""


class Line:
    """One connection, seen from the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def request(self) -> bytes:
        """One whole request with a content-length, as it stood on the wire."""
        head = await self.head()
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return head + await self._reader.readexactly(length)

    async def head(self) -> bytes:
        """The head of a request; its body stays unread."""
        return await self._reader.readuntil(b"\r\n\r\n")

    async def some(self) -> bytes:
        """Whatever comes next; empty when the client has left."""
        return await self._reader.read(65_536)

    async def send(self, data: bytes) -> None:
        """Writes `data` and waits until the system took it. Raises ConnectionError once the client left."""
        if self._writer.transport.is_closing():  # uvloop takes a write for a mistake then
            raise ConnectionResetError
        self._writer.write(data)
        await self._writer.drain()

    async def gone(self) -> bytes:
        """Waits until the client has left; what it sent before that."""
        with contextlib.suppress(ConnectionError):
            return await self._reader.read()
        return b""

    def reset(self) -> None:
        """Ends the connection with a RST."""
        plain: socket.socket = self._writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._writer.transport.abort()

    async def close(self) -> None:
        """Ends the connection with a FIN, after what was sent."""
        self._writer.close()
        try:
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()
        finally:
            self._writer.transport.abort()  # where nobody waits for a good end any more


Script = Callable[[Line], Awaitable[None]]


class ScriptedServer:
    """Plays `script` on every connection and closes it at the script's end.

    Leaving the context raises what a script raised, so that a failed expectation fails its test.
    """

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None, *, host: str = "127.0.0.1") -> None:
        self._host = host
        self._script = script
        self._tls = tls
        self._failures: list[Exception] = []
        self._playing: set[asyncio.Task[None]] = set()
        self._played = 0
        self._changed = asyncio.Condition()
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        """Where it listens, with no slash at the end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    async def played(self, count: int) -> None:
        """Waits until so many connections were played to the end and closed."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._played >= count)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self._host, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._playing:
            task.cancel()
        await asyncio.gather(*self._playing, return_exceptions=True)
        if error is None and self._failures:
            raise self._failures[0]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._play(Line(reader, writer)))
        self._playing.add(task)
        task.add_done_callback(self._playing.discard)

    async def _play(self, line: Line) -> None:
        try:
            await self._script(line)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left: what a script expects of that, it asserts itself
        except Exception as failure:
            self._failures.append(failure)
        finally:
            await line.close()
        async with self._changed:
            self._played += 1
            self._changed.notify_all()
