"""The passage of a stream: each piece goes on where it arrives, in order, as fast as its client reads."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from tests.clocks import HeldClock
from tests.unit.relay.examples import chosen
from tests.unit.relay.parts import SeenInbound, SeenReply
from zai_gateway.errors import Code, Failure
from zai_gateway.relay.meter import Meter
from zai_gateway.relay.passage import pump
from zai_gateway.relay.streaming import StreamWriter
from zai_gateway.wire.chat import parse
from zai_gateway.wire.events import Chunk, Event, Finished, UpstreamProblem
from zai_gateway.wire.sse import DONE

REQUEST = parse(b'{"model":"openai/gpt-4o","messages":[{"role":"user","content":"Hi"}]}')
PROBLEM = UpstreamProblem(status=200, message="overloaded")


class Narrow(SeenReply):
    """A client that takes one piece, and the next when it has `read`."""

    def __init__(self) -> None:
        super().__init__()
        self.read = asyncio.Event()
        self.waits = 0

    def put(self, data: bytes) -> bool:
        super().put(data)
        return False

    async def room(self) -> None:
        self.waits += 1
        await self.read.wait()
        self.read.clear()


class Poured(SeenInbound):
    """An answer that is here whole, in these pieces."""

    def __init__(self, *pieces: bytes) -> None:
        super().__init__()
        self._pieces: Iterator[bytes] = iter(pieces)
        self.taken = 0

    async def pour(self, take: Callable[[bytes], bool]) -> bool:
        for piece in self._pieces:
            self.taken += 1
            if not take(piece):
                return False
        return True


class Spelled:
    """A decoder to which each piece says one thing."""

    def feed(self, received: bytes) -> list[Event]:
        match received:
            case b"end":
                return [Chunk(b"last", 4, True), Finished()]
            case b"problem":
                return [Chunk(b"half", 4, True), PROBLEM]
            case b"odd":
                raise Failure(Code.UPSTREAM_FAILED, "odd")
            case b"role":
                return [Chunk(b"role", 0, False)]
            case _:
                return [Chunk(received, len(received), True)]

    def end(self) -> list[Event]:
        return [PROBLEM]


def meter() -> Meter:
    return Meter(chosen(), None, REQUEST, HeldClock())


async def test_pieces_go_on_in_their_order_and_what_comes_with_the_end_is_held() -> None:
    reply, counted = SeenReply(), meter()
    writer = StreamWriter(reply)
    assert await pump(Poured(b"role", b"one", b"two", b"role", b"end"), Spelled(), counted, writer) is None
    assert reply.written == [b"roleone", b"two", b"role"]
    assert counted.complete
    assert counted.content_bytes == len("onetwolast")
    await writer.end(DONE)
    assert reply.written[3:] == [b"last" + DONE]


async def test_nothing_more_is_taken_while_the_client_does_not_read() -> None:
    reply, inbound = Narrow(), Poured(b"one", b"two", b"three", b"end")
    writer = StreamWriter(reply)
    passing = asyncio.create_task(pump(inbound, Spelled(), meter(), writer))
    for number in (1, 2, 3):
        while reply.waits < number:
            await asyncio.sleep(0)
        assert inbound.taken == number
        assert not passing.done()
        reply.read.set()
    assert await passing is None
    assert reply.written == [b"one", b"two", b"three"]
    writer.stop()


@pytest.mark.parametrize(
    ("pieces", "written"),
    [
        ((b"problem",), [b"half"]),
        ((b"one", b"problem", b"two"), [b"one", b"half"]),
        ((b"one",), [b"one"]),
        ((b"role",), []),
        ((), []),
    ],
)
async def test_the_upstreams_problem_ends_it_behind_what_came_before(
    pieces: tuple[bytes, ...], written: list[bytes]
) -> None:
    reply = SeenReply()
    writer = StreamWriter(reply)
    assert await pump(Poured(*pieces), Spelled(), meter(), writer) is PROBLEM
    assert reply.written == written
    writer.stop()


async def test_what_cannot_be_read_ends_it_with_its_failure() -> None:
    writer = StreamWriter(SeenReply())
    with pytest.raises(Failure, match="odd"):
        await pump(Poured(b"one", b"odd", b"two"), Spelled(), meter(), writer)
    writer.stop()
