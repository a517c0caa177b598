"""The office: the process beside a serving one in which pages are made, from its first visitor to its end."""

import asyncio
import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import count

import msgspec

from zai_gateway.app.office_line import LENGTH_BYTES, Asked, Plan, Refusal, Told, framed
from zai_gateway.edge.bridge import Inquiry
from zai_gateway.edge.page import Page
from zai_gateway.errors import Code, Failure

_LOG = logging.getLogger(__name__)
_COMMAND = (sys.executable, "-P", "-m", "zai_gateway.app.office_room")
"""-P: what lies in the current directory is none of its modules."""
_IDLE_SECONDS = 900.0
"""Without a visitor; then its memory is given back, and the next one waits for another start."""
_AGAIN_SECONDS = 1.0
"""After one that could not open, before another is started."""
_STOP_SECONDS = 5.0
_TOLD = msgspec.msgpack.Decoder(Told)


class Office:
    """What administers behind the door, in a process of its own. Belongs to one event loop.

    It is started by its first visitor: a gateway that nobody administers through the door stays small. Of one
    that ends, by whatever, the next visitor starts another. See docs/adr/0016-pages-beside-streams.md.
    """

    def __init__(
        self, plan: Plan, command: Sequence[str] = _COMMAND, idle_seconds: float = _IDLE_SECONDS
    ) -> None:
        """`command` is what is started, with its end of the line as its standard input."""
        self._plan = framed(plan)
        self._command = command
        self._idle_seconds = idle_seconds
        self._opening: asyncio.Task[_Room] | None = None
        self._room: _Room | None = None
        self._idle: asyncio.TimerHandle | None = None

    async def ask(self, inquiry: Inquiry) -> Page:
        """The page that is answered with. Raises Failure."""
        room = await self._opened()
        try:
            return await room.ask(inquiry)
        finally:
            self._wait_for_visitors()

    async def stop(self) -> None:
        """Ends the process. What is being made then is left."""
        if self._idle is not None:
            self._idle.cancel()
        if self._opening is not None:
            await asyncio.wait((self._opening,))
        if self._room is not None:
            self._room.let_go()
            await self._room.ended()

    async def _opened(self) -> "_Room":
        room = self._room
        if room is not None and (not room.is_over or room.refuses()):
            return room
        if self._opening is None:
            self._opening = asyncio.create_task(self._open(), name="opening of the office")
        # Whoever leaves meanwhile takes nobody along.
        return await asyncio.shield(self._opening)

    async def _open(self) -> "_Room":
        try:
            ours, theirs = socket.socketpair()
            try:
                process = await asyncio.to_thread(_started, self._command, theirs)
            except OSError:
                ours.close()
                raise
            reader, writer = await asyncio.open_unix_connection(sock=ours)
            writer.write(self._plan)
            self._room = _Room(process, reader, writer)
            return self._room
        finally:
            self._opening = None

    def _wait_for_visitors(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._close)

    def _close(self) -> None:
        # Who is still there asks for this again.
        if self._room is not None and not self._room.asked:
            self._room.let_go()


class _Room:
    """One process, and the line to it."""

    def __init__(
        self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._ids = count()
        self._trouble: Refusal | None = None
        """Why it cannot work."""
        self._over_at = 0.0
        self._let_go = False
        self.asked: dict[int, asyncio.Future[Page]] = {}
        """What is under way."""
        self.is_over = False
        """Whether nothing can be asked any more."""
        self._hearing = asyncio.create_task(self._hear(), name="office")

    def refuses(self) -> bool:
        """Whether it could not work, a moment ago: another one could not either."""
        now = asyncio.get_running_loop().time()
        return self._trouble is not None and now < self._over_at + _AGAIN_SECONDS

    async def ask(self, inquiry: Inquiry) -> Page:
        """As `Office.ask`."""
        if self.is_over:
            raise self._gone()
        id = next(self._ids)
        told = self.asked[id] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(framed(Asked(id, inquiry)))
            return await told
        finally:
            self.asked.pop(id, None)

    def let_go(self) -> None:
        """It ends where it reads no more."""
        self._let_go = self.is_over = True
        # Not closed: that would wait for one that reads nothing.
        self._writer.transport.abort()

    async def ended(self) -> None:
        """Returns when it has ended, which it is made to before long."""
        await self._hearing

    async def _hear(self) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, msgspec.DecodeError):
            while True:
                length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES))
                self._take(_TOLD.decode(await self._reader.readexactly(length)))
        self.is_over, self._over_at = True, asyncio.get_running_loop().time()
        self._writer.transport.abort()
        for told in self.asked.values():
            if not told.done():
                told.set_exception(self._gone())
        code = await asyncio.to_thread(self._buried)
        if not self._let_go and self._trouble is None:
            _LOG.error("the process that makes pages ended with exit code %d", code)

    def _take(self, told: Told) -> None:
        if told.id is None:
            self._trouble = told.refusal
            return
        waiting = self.asked.get(told.id)
        if waiting is None or waiting.done():
            return  # its client has left
        if told.page is not None:
            waiting.set_result(told.page)
        elif told.refusal is not None:
            waiting.set_exception(told.refusal.failure())

    def _buried(self) -> int:
        try:
            return self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _gone(self) -> Failure:
        if self._trouble is not None:
            return self._trouble.failure()
        return Failure(
            Code.INTERNAL_ERROR,
            "The process that makes pages ended before it had answered. Look whether what you asked for was "
            "done; the next request starts another one.",
        )


def _started(command: Sequence[str], line: socket.socket) -> subprocess.Popen[bytes]:
    # It has the thread's mask, until it has said itself that signals are not for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        with line:
            return subprocess.Popen(command, stdin=line.fileno())  # noqa: S603 -- it is our own
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
