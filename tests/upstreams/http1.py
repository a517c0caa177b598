"""As much of HTTP/1.1 as a stub needs: reads whole requests, writes answers piece by piece."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from tests.upstreams.answers import Answer, Ending


class ClientLeft(Exception):
    """The client closed the connection before its answer was whole."""


class Received(Struct, frozen=True, kw_only=True):
    """A request as it came."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    """In order, names as they were spelled."""
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Connection:
    """One connection from a client, one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self) -> Received | None:
        """The next request; None when the client is done with the connection."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, path, _ = first.split(" ")
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        body = await self._reader.readexactly(length)
        return Received(method=method, path=path, headers=headers, body=body)

    async def answer(self, answer: Answer) -> bool:
        """Sends an answer; whether the connection can carry another one. Raises ClientLeft."""
        try:
            if answer.hold is not None:
                await self._unless_gone(answer.hold.wait())
            if answer.pieces is None:
                length = ("content-length", str(len(answer.body)))
                await self._send(_head(answer, length) + answer.body)
                return True
            await self._send(_head(answer, ("transfer-encoding", "chunked")))
            for piece in answer.pieces:
                if isinstance(piece, asyncio.Event):
                    await self._unless_gone(piece.wait())
                else:
                    await self._send(b"%x\r\n%b\r\n" % (len(piece), piece))
            return await self._end(answer.ending)
        except ConnectionError:
            raise ClientLeft from None

    async def close(self) -> None:
        """Closes the connection, if the client has not done so before."""
        self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)

    async def _end(self, ending: Ending) -> bool:
        if ending is Ending.WHOLE:
            await self._send(b"0\r\n\r\n")
        if ending is Ending.RESET:
            plain: socket.socket = self._writer.get_extra_info("socket")
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
        return ending is Ending.WHOLE

    async def _send(self, data: bytes) -> None:
        if self._reader.at_eof():
            raise ClientLeft
        self._writer.write(data)
        await self._writer.drain()

    async def _unless_gone(self, event: Awaitable[object]) -> None:
        happened = asyncio.ensure_future(event)
        # No client of a gateway pipelines, so whatever ends this read is the connection's end.
        left = asyncio.ensure_future(self._reader.read(1))
        try:
            await asyncio.wait((happened, left), return_when=asyncio.FIRST_COMPLETED)
            if left.done():
                raise ClientLeft
        finally:
            for task in (happened, left):
                task.cancel()
            await asyncio.gather(happened, left, return_exceptions=True)


def _head(answer: Answer, framing: tuple[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
    lines += [f"{name}: {value}" for name, value in (*answer.headers, framing)]
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def _phrase(status: int) -> str:
    return next((known.phrase for known in HTTPStatus if known == status), "Unknown")
