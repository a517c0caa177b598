"""What becomes of connections: reused after a whole answer, closed at once after a part of one."""

import asyncio

import pytest

from tests.unit.relay.upstream_contract.conftest import Closable
from tests.upstreams.calls import PATIENT, failure, post, whole
from tests.upstreams.scripted import Line, ScriptedServer
from zai_gateway.relay.upstream import Blame, UpstreamError

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
BEGUN = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"


async def keep_answering(line: Line) -> None:
    while True:
        await line.request()
        await line.send(OK)


async def test_one_connection_serves_many_requests(upstream: Closable):
    async with ScriptedServer(keep_answering) as server:
        for _ in range(20):
            inbound = await upstream.send(post(server.url), PATIENT)
            assert await whole(inbound) == b"ok"
            await inbound.close()
        assert server.connections == 1


async def test_requests_at_once_have_a_connection_each(upstream: Closable):
    both = asyncio.Barrier(2)

    async def script(line: Line) -> None:
        await line.request()
        await both.wait()
        await line.send(OK)

    async with ScriptedServer(script) as server:
        inbounds = await asyncio.gather(*(upstream.send(post(server.url), PATIENT) for _ in range(2)))
        assert [await whole(inbound) for inbound in inbounds] == [b"ok", b"ok"]
        assert server.connections == 2


async def test_a_connection_that_the_server_gives_up_is_not_used_again(upstream: Closable):
    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        assert await line.gone() == b""

    async with ScriptedServer(script) as server:
        for _ in range(2):
            assert await whole(await upstream.send(post(server.url), PATIENT)) == b"ok"
        assert server.connections == 2


async def test_bytes_after_an_answer_are_not_taken_for_the_next_one(upstream: Closable):
    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK + b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged")
        await line.gone()

    async with ScriptedServer(script) as server:
        for _ in range(2):
            try:
                answer = await whole(await upstream.send(post(server.url), PATIENT))
            except UpstreamError as error:
                assert error.blame is Blame.BROKEN
            else:
                assert answer == b"ok"


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
async def test_a_request_lost_with_an_idle_connection_is_not_sent_twice(upstream: Closable, reset: bool):
    """The server may have done what was asked before the connection went: only the caller may decide."""
    requests = 0

    async def script(line: Line) -> None:
        nonlocal requests
        await line.request()
        await line.send(OK)
        await line.request()
        requests += 1
        if reset:
            line.reset()

    async with ScriptedServer(script) as server:
        await whole(await upstream.send(post(server.url), PATIENT))
        error = await failure(upstream, post(server.url))
        assert error.blame is Blame.BROKEN
        assert not error.definite
        assert (requests, server.connections) == (1, 1)


async def test_a_connection_that_died_while_idle_is_replaced(upstream: Closable):
    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK)

    async with ScriptedServer(script) as server:
        await whole(await upstream.send(post(server.url), PATIENT))
        await server.played(1)
        for _ in range(5):
            await asyncio.sleep(0)  # the end stands in the client's socket; its loop has yet to look there
        assert await whole(await upstream.send(post(server.url), PATIENT)) == b"ok"
        assert server.connections == 2


async def test_closing_before_the_end_is_seen_by_the_server(upstream: Closable):
    left = asyncio.Event()

    async def script(line: Line) -> None:
        await line.request()
        await line.send(BEGUN)
        assert await line.gone() == b""
        left.set()

    async with ScriptedServer(script) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        assert await inbound.read() == b"half"
        await inbound.close()
        await left.wait()
        with pytest.raises(UpstreamError, match="closed before its end"):
            await inbound.read()
        await inbound.close()


async def test_closing_before_the_first_read_is_seen_by_the_server(upstream: Closable):
    left = asyncio.Event()

    async def script(line: Line) -> None:
        await line.request()
        await line.send(BEGUN)
        await line.gone()
        left.set()

    async with ScriptedServer(script) as server:
        await (await upstream.send(post(server.url), PATIENT)).close()
        await left.wait()


async def test_a_caller_that_gives_up_waiting_for_the_answer_is_seen_by_the_server(upstream: Closable):
    asked, left = asyncio.Event(), asyncio.Event()

    async def script(line: Line) -> None:
        await line.request()
        asked.set()
        await line.gone()
        left.set()

    async with ScriptedServer(script) as server:
        sending = asyncio.ensure_future(upstream.send(post(server.url), PATIENT))
        await asked.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await left.wait()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_caller_is_told_before_the_first_byte_of_a_request_leaves(upstream: Closable, scheme: str):
    arrived, told = asyncio.Event(), list[bool]()

    async def script(line: Line) -> None:
        if scheme == "http":
            await line.request()
            told_by_then.extend(told)
        arrived.set()  # and never a word of the handshake
        await line.gone()

    told_by_then = list[bool]()
    async with ScriptedServer(script) as server:
        request = post(server.url.replace("http:", f"{scheme}:"))
        sending = asyncio.ensure_future(upstream.send(request, PATIENT, lambda: told.append(True)))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert told == told_by_then == ([True] if scheme == "http" else [])


async def test_an_early_refusal_is_read_though_the_request_is_not_all_sent(upstream: Closable):
    """A server that refuses a large body by its head says so, and reads no further."""

    async def script(line: Line) -> None:
        await line.head()
        await line.send(b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 5\r\n\r\nlarge")
        await line.gone()

    async with ScriptedServer(script) as server:
        inbound = await upstream.send(post(server.url, bytes(8 * 2**20)), PATIENT)
        assert (inbound.status, await whole(inbound)) == (413, b"large")
        await inbound.close()


async def test_closing_the_upstream_closes_idle_connections(upstream: Closable):
    left = asyncio.Event()

    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK)
        await line.gone()
        left.set()

    async with ScriptedServer(script) as server:
        await whole(await upstream.send(post(server.url), PATIENT))
        await upstream.close()
        await left.wait()


@pytest.mark.parametrize("waiting", [True, False], ids=["while-reading", "before-reading"])
async def test_closing_the_upstream_breaks_off_what_is_in_flight(upstream: Closable, waiting: bool):
    left = asyncio.Event()

    async def script(line: Line) -> None:
        await line.request()
        await line.send(BEGUN)
        await line.gone()
        left.set()

    async with ScriptedServer(script) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        assert await inbound.read() == b"half"
        reading = asyncio.ensure_future(inbound.read())
        if waiting:
            await asyncio.sleep(0)
        await upstream.close()
        with pytest.raises(UpstreamError) as raised:
            await reading
        assert raised.value.blame is Blame.BROKEN
        await left.wait()


async def test_closing_the_upstream_breaks_off_a_request_without_an_answer(upstream: Closable):
    asked = asyncio.Event()

    async def script(line: Line) -> None:
        await line.request()
        asked.set()
        await line.gone()

    async with ScriptedServer(script) as server:
        sending = asyncio.ensure_future(upstream.send(post(server.url), PATIENT))
        await asked.wait()
        await upstream.close()
        with pytest.raises(UpstreamError) as raised:
            await sending
        assert raised.value.blame is Blame.BROKEN
