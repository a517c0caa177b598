"""Parts for the relay's tests: a client and an upstream whose every step is seen."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from zai_gateway.relay.streaming import StreamWriter
from zai_gateway.relay.upstream import Inbound, Outbound, Timeouts, unnoticed


class SeenReply:
    """A client that keeps what it got."""

    request_id = "req_1"

    def __init__(self) -> None:
        self.started = False
        self.gone = False
        self.finished = False
        self.headers: Sequence[tuple[str, str]] = ()
        self.written: list[bytes] = []
        self.callback: Callable[[], None] | None = None

    def when_gone(self, callback: Callable[[], None] | None) -> None:
        self.callback = callback
        if self.gone and callback is not None:
            callback()

    def leave(self) -> None:
        """As a client whose connection is closed."""
        self.gone = True
        if self.callback is not None:
            self.callback()

    async def start(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        self.started, self.headers = True, headers

    def put(self, data: bytes) -> bool:
        self.written.append(data)
        return True

    async def room(self) -> None:
        return

    async def write(self, data: bytes) -> None:
        if not self.put(data):
            await self.room()

    async def finish(self) -> None:
        self.finished = True


async def write(writer: StreamWriter, frames: bytes, *, has_content: bool) -> None:
    """Writes as a stream's passage does."""
    if not writer.put(frames, has_content):
        await writer.room()


class SeenInbound:
    """An answer without a body that remembers whether it was closed."""

    status = 200
    headers: Mapping[str, str]

    def __init__(self) -> None:
        self.headers = {}
        self.closed = False

    async def read(self) -> bytes:
        await asyncio.sleep(0)
        return b""

    async def pour(self, take: Callable[[bytes], bool]) -> bool:
        await asyncio.sleep(0)
        return True

    async def close(self) -> None:
        self.closed = True


class SeenUpstream:
    """An upstream that does what it is told before it answers."""

    def __init__(self, inbound: Inbound, first: Callable[[], None]) -> None:
        self._inbound = inbound
        self._first = first

    async def send(
        self, request: Outbound, timeouts: Timeouts, sending: Callable[[], None] = unnoticed
    ) -> Inbound:
        sending()
        self._first()
        return self._inbound


class UnreachedUpstream:
    """An upstream to which no connection comes about: that takes for ever."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def send(
        self, request: Outbound, timeouts: Timeouts, sending: Callable[[], None] = unnoticed
    ) -> Inbound:
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError("nothing ends the wait but a cancellation")
