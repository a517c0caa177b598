"""A process whose every answer is an endless stream; it says when all of them stand still, and its memory."""

import asyncio
import resource
import sys

import msgspec
import uvloop

from tests.unit.edge.behind import Behind
from zai_gateway.accounts.caller import Caller
from zai_gateway.clock import SystemClock
from zai_gateway.edge.door import Door
from zai_gateway.edge.listening import address_of, connections_possible, listen
from zai_gateway.edge.server import Serving, serve
from zai_gateway.relay.reply import Reply

CLIENTS = 1_000
_EVENT = b"data: " + b"x" * 2_000 + b"\n\n"


class Streams:
    """All of them."""

    def __init__(self) -> None:
        self.begun = 0
        self.written = 0

    async def answer(self, _caller: Caller, _body: bytes, reply: Reply) -> None:
        await reply.start(200, [("content-type", "text/event-stream")])
        self.begun += 1
        while not reply.gone:
            await reply.write(_EVENT)
            self.written += 1
            await asyncio.sleep(0)

    async def tell_when_they_stand_still(self, before: int) -> None:
        written = -1
        while self.begun < CLIENTS or written != self.written:
            written = self.written
            await asyncio.sleep(0.5)
        say(msgspec.json.encode({"stalled": self.begun, "kib": memory() - before}).decode())


def memory() -> int:
    """The most that was ever used, in KiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // 1_024 if sys.platform == "darwin" else most


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main() -> None:
    streams = Streams()
    listener = listen("127.0.0.1", 0)
    port = address_of(listener)[1]
    door = Door(Behind(streams.answer).rooms, SystemClock(), 1_000)
    connections_possible(CLIENTS)
    telling = asyncio.create_task(streams.tell_when_they_stand_still(memory()))
    await serve(door, listener, SystemClock(), Serving(), lambda: say(str(port)))
    await telling


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
