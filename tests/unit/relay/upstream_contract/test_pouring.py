"""A body that is poured: each piece is taken where it arrives, and none is lost whoever stops it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.unit.relay.upstream_contract.conftest import Closable
from tests.upstreams.calls import PATIENT, post, whole
from tests.upstreams.scripted import Line, Script, ScriptedServer
from zai_gateway.relay.upstream import Blame, Timeouts, UpstreamError

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
PIECES = [b"%d " % number for number in range(300)]


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def streaming(pieces: list[bytes], ending: bytes = b"0\r\n\r\n") -> Script:
    async def script(line: Line) -> None:
        await line.request()
        await line.send(HEAD)
        for piece in pieces:
            await line.send(chunk(piece))
            await asyncio.sleep(0)
        if ending:
            await line.send(ending)
        else:
            await line.close()

    return script


def one_by_one(took: list[bytes], was_taken: list[asyncio.Event]) -> Callable[[bytes], bool]:
    def take(piece: bytes) -> bool:
        took.append(piece)
        was_taken[len(took) - 1].set()
        return True

    return take


async def test_each_piece_is_taken_before_the_next_is_sent(upstream: Closable):
    was_taken = [asyncio.Event() for _ in range(3)]
    took: list[bytes] = []

    async def script(line: Line) -> None:
        await line.request()
        await line.send(HEAD)
        for number, event in enumerate(was_taken):
            await line.send(chunk(b"piece %d" % number))
            await event.wait()
        await line.send(b"0\r\n\r\n")

    async with ScriptedServer(script) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        assert await inbound.pour(one_by_one(took, was_taken)) is True
        assert took == [b"piece 0", b"piece 1", b"piece 2"]
        assert await inbound.read() == b""


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n", b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"]
)
async def test_a_body_that_is_not_chunked_is_poured_too(upstream: Closable, head: bytes):
    was_taken = [asyncio.Event() for _ in range(2)]
    took: list[bytes] = []

    async def script(line: Line) -> None:
        await line.request()
        await line.send(head + b"one")
        await was_taken[0].wait()
        await line.send(b"two")
        await line.close()

    async with ScriptedServer(script) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        assert await inbound.pour(one_by_one(took, was_taken)) is True
        assert took == [b"one", b"two"]


async def test_a_connection_whose_answer_was_poured_carries_the_next(upstream: Closable):
    async def script(line: Line) -> None:
        for piece in (b"one", b"two"):
            await line.request()
            await line.send(HEAD + chunk(piece))
            await line.send(b"0\r\n\r\n")

    took: list[bytes] = []
    async with ScriptedServer(script) as server:
        for _ in range(2):
            inbound = await upstream.send(post(server.url), PATIENT)
            assert await inbound.pour(one_by_one(took, [asyncio.Event() for _ in range(2)])) is True
            await inbound.close()
        await server.played(1)
    assert took == [b"one", b"two"]


@pytest.mark.parametrize("timeouts", [Timeouts(silence=0.1), Timeouts(silence=20, total=0.1)])
async def test_pouring_ends_where_the_upstreams_time_is_over(upstream: Closable, timeouts: Timeouts):
    held = asyncio.Event()
    took: list[bytes] = []

    async def script(line: Line) -> None:
        await line.request()
        await line.send(HEAD + chunk(b"one"))
        await held.wait()

    async with ScriptedServer(script) as server:
        inbound = await upstream.send(post(server.url), timeouts)
        with pytest.raises(UpstreamError) as raised:
            await inbound.pour(one_by_one(took, [asyncio.Event()]))
        held.set()
    assert raised.value.blame is Blame.TIMEOUT
    assert took == [b"one"]


async def test_a_server_waits_while_nothing_more_is_taken(upstream: Closable):
    most, piece = 64 * 2**20, bytes(2**16)
    sent = size = 0

    async def script(line: Line) -> None:
        nonlocal sent
        await line.request()
        await line.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % most)
        while sent < most:
            await line.send(piece)
            sent += len(piece)

    def take(data: bytes) -> bool:
        nonlocal size
        is_first = not size
        size += len(data)
        return not is_first

    async with ScriptedServer(script) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        assert await inbound.pour(take) is False
        before, unchanged = 0, 0
        while unchanged < 500:
            await asyncio.sleep(0)
            before, unchanged = sent, unchanged + 1 if sent == before else 0
        assert sent < most
        assert await inbound.pour(take) is True
        assert size == most


async def test_what_is_not_taken_any_more_is_there_for_the_next_reader(upstream: Closable):
    took: list[bytes] = []

    def take(piece: bytes) -> bool:
        took.append(piece)
        return len(took) % 3 != 0

    async with ScriptedServer(streaming(PIECES)) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        while len(took) < 9 and not await inbound.pour(take):
            await asyncio.sleep(0.001)
        assert b"".join(took) + await whole(inbound) == b"".join(PIECES)


async def test_a_cancelled_pouring_loses_nothing(upstream: Closable):
    took: list[bytes] = []

    def take(piece: bytes) -> bool:
        took.append(piece)
        return True

    async with ScriptedServer(streaming(PIECES)) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        at_end = False
        while not at_end:
            pouring = asyncio.create_task(inbound.pour(take))
            heard = len(took)
            while len(took) == heard and not pouring.done():
                await asyncio.sleep(0)
            pouring.cancel()
            with suppress(asyncio.CancelledError):
                at_end = await pouring
        assert b"".join(took) == b"".join(PIECES)


async def test_what_the_taker_raises_ends_the_pouring_alone(upstream: Closable):
    class Spilt(Exception):
        pass

    took: list[bytes] = []

    def take(piece: bytes) -> bool:
        took.append(piece)
        if len(took) == 2:
            raise Spilt
        return True

    async with ScriptedServer(streaming(PIECES)) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        with pytest.raises(Spilt):
            await inbound.pour(take)
        assert b"".join(took) + await whole(inbound) == b"".join(PIECES)


@pytest.mark.parametrize("ending", [b"", b"no size\r\n"])
async def test_a_break_is_told_after_what_came_before_it(upstream: Closable, ending: bytes):
    took: list[bytes] = []

    def take(piece: bytes) -> bool:
        took.append(piece)
        return True

    async with ScriptedServer(streaming(PIECES, ending)) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        with pytest.raises(UpstreamError) as raised:
            await inbound.pour(take)
        assert raised.value.blame is Blame.BROKEN
        assert b"".join(took) == b"".join(PIECES)


async def test_who_closes_it_ends_the_pouring(upstream: Closable):
    held = asyncio.Event()
    taken = asyncio.Event()

    async def script(line: Line) -> None:
        await line.request()
        await line.send(HEAD + chunk(b"one"))
        await held.wait()

    def take(_piece: bytes) -> bool:
        taken.set()
        return True

    async with ScriptedServer(script) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        pouring = asyncio.create_task(inbound.pour(take))
        await taken.wait()
        await inbound.close()
        with pytest.raises(UpstreamError):
            await pouring
        held.set()
