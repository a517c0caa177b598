"""A door behind which nobody speaks: it takes connections for TLS, and says nothing."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

DOOR_MODEL = "groq/gpt-behind-the-door"
PATIENCE = 60.0


class SilentDoor:
    """What has come to it has set its money aside, and sent nothing of its request yet."""

    def __init__(self) -> None:
        self._came = 0
        self._changed = asyncio.Condition()
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self.base_url = ""

    async def open(self) -> None:
        """Takes whoever comes."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.base_url = f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def _accept(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Notes that somebody came."""
        async with self._changed:
            self._came += 1
            self._writers.append(writer)
            self._changed.notify_all()

    @property
    def came(self) -> int:
        """How many connections came."""
        return self._came

    async def until_came(self, count: int) -> None:
        """Waits until so many have come in all."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: self._came >= count)

    def close(self) -> None:
        """Sends everybody away, and takes nobody any more."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()


@asynccontextmanager
async def silent_door() -> AsyncGenerator[SilentDoor]:
    """One that is there until the end."""
    door = SilentDoor()
    await door.open()
    try:
        yield door
    finally:
        door.close()
