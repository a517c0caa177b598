"""A wire to PostgreSQL that is cut right after commits: what was done is done, and nobody is told."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

_COMMIT = b"COMMIT\0"
"""At the end of the statement, and of the server's answer to it."""
_WRITES = (b"INSERT ", b"UPDATE ", b"DELETE ")


class Cutter:
    """Cuts every other commit of a transaction that changed something, while it is told to."""

    def __init__(self, folder: Path) -> None:
        self._server = str(folder / ".s.PGSQL.5432")
        self._port = 0
        self._commits = 0
        self._playing: set[asyncio.Task[None]] = set()
        self.cuts = 0
        """Replies to commits that were lost, of transactions that the server did commit."""
        self.cutting = False

    def address(self, database: str) -> str:
        """The address of a database, as `--database` takes it."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}?sslmode=disable"

    async def open(self) -> asyncio.Server:
        """Takes connections."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        return server

    async def close(self) -> None:
        """Cuts all of them."""
        for task in self._playing:
            task.cancel()
        await asyncio.gather(*self._playing, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._playing.add(task)
        there, back = await asyncio.open_unix_connection(self._server)
        line = _Line()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._ask(line, reader, back))
                both.create_task(self._answer(line, there, writer))
        except* (ConnectionError, _Over):
            pass
        finally:
            self._playing.discard(task)
            for each in (writer, back):
                each.transport.abort()

    async def _ask(self, line: "_Line", client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        while data := await client.read(65_536):
            line.writes = line.writes or any(word in data for word in _WRITES)
            if data.endswith(_COMMIT):
                self._commits += line.writes
                line.doomed = self.cutting and line.writes and self._commits % 2 == 0
                line.writes = False
            server.write(data)
            await server.drain()
        raise _Over

    async def _answer(
        self, line: "_Line", server: asyncio.StreamReader, client: asyncio.StreamWriter
    ) -> None:
        while data := await server.read(65_536):
            if line.doomed:
                self.cuts += _COMMIT in data
                break
            client.write(data)
            await client.drain()
        raise _Over


class _Line:
    """One connection: what its transaction has done, and whether the answer to its commit will be lost."""

    def __init__(self) -> None:
        self.writes = False
        self.doomed = False


class _Over(Exception):
    """Somebody hung up."""


@asynccontextmanager
async def cutter_to(folder: Path) -> AsyncGenerator[Cutter]:
    """A wire to the server that listens in `folder`."""
    cutter = Cutter(folder)
    server = await cutter.open()
    try:
        yield cutter
    finally:
        server.close()
        await cutter.close()
