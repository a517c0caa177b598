"""A process that serves the door until a signal comes, and says so when it has ended in order."""

import asyncio
import sys

import uvloop

from tests.unit.edge.behind import Behind
from zai_gateway.clock import SystemClock
from zai_gateway.edge.door import Door
from zai_gateway.edge.listening import address_of, listen
from zai_gateway.edge.server import Serving, serve


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main() -> None:
    listener = listen("127.0.0.1", 0)
    port = address_of(listener)[1]
    door = Door(Behind().rooms, SystemClock(), 1_000)
    await serve(door, listener, SystemClock(), Serving(), lambda: say(str(port)))
    say("closed in order")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
