"""A connection of a real door without a network: bytes go in, and the answers are looked at."""

import asyncio
import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from tests.clocks import HeldClock
from tests.unit.edge.behind import Behind
from tests.unit.edge.held_timers import HeldTimers
from tests.unit.edge.served import BODY_LIMIT
from zai_gateway.edge.connection import Connection
from zai_gateway.edge.door import Door
from zai_gateway.edge.hosts import Hosts
from zai_gateway.edge.reception import Reception, Serving

_ANSWER = re.compile(rb"HTTP/1\.1 (?=[2-5][0-9]{2} )")


class Transport(asyncio.Transport):
    """A connection without a network: it keeps what was written, and whether it is read from."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reading = True
        self.ended = False
        """Whether nothing more may be written."""
        self.closing = False
        self.aborted = False
        self.buffered = 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.ended, "written after the end"
        self.written += bytes(data)

    def write_eof(self) -> None:
        self.ended = True

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.ended = self.closing = True

    def abort(self) -> None:
        self.ended = self.closing = self.aborted = True


class Answer(Struct, frozen=True):
    """One of the answers, without what is never the same twice."""

    status: int
    body: bytes
    last: bool
    """Whether it said that the connection ends."""


async def settled() -> None:
    """Whatever can go on has gone on."""
    for _ in range(10):
        await asyncio.sleep(0)


def door_to(behind: Behind) -> Door:
    """A door called `test`."""
    return Door(behind.rooms, HeldClock(), BODY_LIMIT, Hosts(("test",)))


class InMemory:
    """One connection."""

    def __init__(self, door: Door) -> None:
        self.transport = Transport()
        self._reception = Reception(door, HeldClock(), Serving(), HeldTimers())
        self._connection = Connection(self._reception)
        self._connection.connection_made(self.transport)

    async def take(self, pieces: Iterable[bytes], *, patiently: bool) -> None:
        """Hears the pieces; `patiently` lets each do what it can before the next."""
        for piece in pieces:
            if patiently:
                await settled()
            while not (self.transport.reading or self.transport.closing):
                await settled()
            if self.transport.closing:
                break
            self._connection.data_received(piece)
        await settled()

    async def leave(self) -> None:
        """The client is gone; nothing may be left of it."""
        self._connection.connection_lost(None)
        await settled()
        assert not self._reception.tasks
        assert not self._reception.connections

    @property
    def answers(self) -> list[Answer]:
        """Those that were written. None of them is a stream."""
        found: list[Answer] = []
        for sent in _ANSWER.split(self.transport.written)[1:]:
            head, _, body = sent.partition(b"\r\n\r\n")
            status_line, *lines = head.split(b"\r\n")
            headers = dict(line.split(b": ", 1) for line in lines)
            # The answer to a HEAD has none.
            assert len(body) in (0, int(headers[b"content-length"]))
            found.append(Answer(int(status_line[:3]), body, headers.get(b"connection") == b"close"))
        return found
