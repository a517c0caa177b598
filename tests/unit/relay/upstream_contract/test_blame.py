"""Whose fault a failure is, and whether it was free: nothing that was cut is taken for a whole."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.unit.relay.upstream_contract.conftest import Closable
from tests.upstreams.calls import PATIENT, SECRET, failure, post
from tests.upstreams.scripted import Line, ScriptedServer
from zai_gateway.relay.upstream import Blame, Inbound, Outbound, Timeouts, UpstreamError, unnoticed

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = OK + b"content-length: 9\r\n\r\nwholebody"
CHUNKS = OK + b"transfer-encoding: chunked\r\n\r\n5\r\nwhole\r\n4;x=y\r\nbody\r\n0\r\nt: 1\r\n\r\n"


def unused_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


async def test_a_refused_connection_costs_nothing(upstream: Closable):
    port = unused_port()
    error = await failure(upstream, post(f"http://127.0.0.1:{port}"))
    assert error.blame is Blame.CONNECT
    assert error.definite
    assert error.message == f"cannot connect to 127.0.0.1:{port}: connection refused"


@pytest.mark.parametrize("host", ["nowhere.invalid", f"{'x' * 64}.invalid"])
async def test_a_name_that_does_not_resolve_costs_nothing(upstream: Closable, host: str):
    error = await failure(upstream, post(f"http://{host}:81"))
    assert error.blame is Blame.CONNECT
    assert error.definite
    assert f"{host}:81" in error.message


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "ftp://127.0.0.1", "http://", "http:///v1", "http://h:99999", "http://[::1", "demo:"],
)
async def test_an_address_that_is_none_costs_nothing(upstream: Closable, url: str):
    error = await failure(upstream, post(url))
    assert error.blame is Blame.CONNECT
    assert error.definite
    assert "base URL" in error.message


@pytest.mark.parametrize("value", [f"{SECRET}\r\nx: y", f"{SECRET}\n", f"{SECRET}\0"])
async def test_a_header_that_would_break_the_request_is_not_sent(upstream: Closable, value: str):
    seen: list[bytes] = []

    async def script(line: Line) -> None:
        seen.append(await line.gone())

    async with ScriptedServer(script) as server:
        headers = (("authorization", value),)
        error = await failure(
            upstream, Outbound(method="POST", url=server.url, headers=headers, body=b"{}", private=True)
        )
        await upstream.close()
    assert error.blame is Blame.CONNECT
    assert b"".join(seen) == b""


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "[fe80::1]", "0xa9fea9fe"]
)
async def test_metadata_services_are_out_of_reach(upstream: Closable, address: str):
    error = await failure(upstream, post(f"http://{address}"))
    assert error.blame is Blame.CONNECT
    assert "which no request may reach" in error.message


async def test_no_connection_in_time_costs_nothing(upstream: Closable):
    async def script(line: Line) -> None:
        await line.gone()  # and never a word of the handshake

    async with ScriptedServer(script) as server:
        url = server.url.replace("http:", "https:")
        error = await failure(upstream, post(url), Timeouts(tls=0.05))
    assert error.blame is Blame.CONNECT
    assert error.definite
    assert error.message == f"no connection to 127.0.0.1:{server.port} within the time allowed"


async def test_no_answer_in_time_is_a_timeout(upstream: Closable):
    left = asyncio.Event()

    async def script(line: Line) -> None:
        await line.request()
        await line.gone()
        left.set()

    async with ScriptedServer(script) as server:
        error = await failure(upstream, post(server.url), Timeouts(first_byte=0.05))
        await left.wait()
    assert error.blame is Blame.TIMEOUT
    assert not error.definite
    assert f"127.0.0.1:{server.port}" in error.message


async def test_a_request_that_nobody_takes_is_a_timeout(upstream: Closable):
    async def script(line: Line) -> None:
        await asyncio.Event().wait()

    async with ScriptedServer(script) as server:
        body = bytes(32 * 2**20)
        error = await failure(upstream, post(server.url, body), Timeouts(first_byte=0.05))
    assert error.blame is Blame.TIMEOUT


async def test_a_silence_within_the_answer_is_a_timeout(upstream: Closable):
    left = asyncio.Event()

    async def script(line: Line) -> None:
        await line.request()
        await line.send(LENGTH[:-4])
        await line.gone()
        left.set()

    async with ScriptedServer(script) as server:
        inbound = await upstream.send(post(server.url), Timeouts(silence=0.05))
        assert await inbound.read() == b"whole"
        error = await failure(_Again(inbound), post(server.url))
        await left.wait()
        assert (await failure(_Again(inbound), post(server.url))).message == error.message
    assert error.blame is Blame.TIMEOUT
    assert not error.definite


async def test_reads_that_are_cancelled_do_not_prolong_a_silence(upstream: Closable):
    async def script(line: Line) -> None:
        await line.request()
        await line.send(LENGTH[:-4])
        await line.gone()

    async with ScriptedServer(script) as server:
        inbound = await upstream.send(post(server.url), Timeouts(silence=0.1))
        assert await inbound.read() == b"whole"
        with pytest.raises(UpstreamError) as raised:
            await _read_in_small_steps(inbound)
    assert raised.value.blame is Blame.TIMEOUT


async def test_what_came_before_a_break_is_not_lost_to_it(upstream: Closable):
    async def script(line: Line) -> None:
        await line.request()
        await line.send(LENGTH[:-4])

    async with ScriptedServer(script) as server:
        inbound = await upstream.send(post(server.url), Timeouts())
        await server.played(1)
        await asyncio.sleep(0.05)  # so that the end of the connection has arrived too, as a rule
        assert await inbound.read() == b"whole"
        with pytest.raises(UpstreamError) as raised:
            await inbound.read()
    assert raised.value.blame is Blame.BROKEN


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("answer", [LENGTH, CHUNKS], ids=["length", "chunks"])
async def test_an_answer_cut_at_any_byte_is_broken(upstream: Closable, answer: bytes, reset: bool):
    cuts = iter(range(len(answer)))

    async def script(line: Line) -> None:
        await line.request()
        await line.send(answer[: next(cuts)])
        if reset:
            line.reset()

    async with ScriptedServer(script) as server:
        for _ in answer:
            error = await failure(upstream, post(server.url))
            assert error.blame is Blame.BROKEN
            assert not error.definite
            assert f"127.0.0.1:{server.port}" in error.message
        assert server.connections == len(answer)


async def test_a_reset_is_not_the_end_of_a_body_without_a_length(upstream: Closable):
    was_read = asyncio.Event()

    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK + b"connection: close\r\n\r\nhalf")
        await was_read.wait()
        line.reset()

    async with ScriptedServer(script) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        assert await inbound.read() == b"half"
        was_read.set()
        error = await failure(_Again(inbound), post(server.url))
    assert error.blame is Blame.BROKEN


async def test_a_reset_that_comes_with_the_body_is_not_its_end_either(upstream: Closable):
    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK + b"connection: close\r\n\r\nhalf")
        line.reset()

    async with ScriptedServer(script) as server:
        for _ in range(20):
            assert (await failure(upstream, post(server.url))).blame is Blame.BROKEN


HUGE = b"x" * 100_000


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(f"SSH-2.0-{SECRET}\r\n".encode(), id="another-protocol"),
        pytest.param(f"HTTP/1.1 2x0 {SECRET}\r\n\r\n".encode(), id="status"),
        pytest.param(OK + f"no colon {SECRET}\r\n\r\n".encode(), id="header"),
        pytest.param(OK + f"content-length: {SECRET}\r\n\r\n".encode(), id="length"),
        pytest.param(OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nok", id="two-lengths"),
        pytest.param(OK + b"x: " + HUGE + b"\r\ncontent-length: 0\r\n\r\n", id="huge-header"),
        pytest.param(OK + HUGE + b": x\r\ncontent-length: 0\r\n\r\n", id="huge-name"),
        pytest.param(b"HTTP/1.1 200 " + HUGE + b"\r\ncontent-length: 0\r\n\r\n", id="huge-reason"),
        pytest.param(OK + b"x: y\r\n" * 10_000 + b"content-length: 0\r\n\r\n", id="many-headers"),
        pytest.param(OK + b"transfer-encoding: chunked\r\n\r\n" + SECRET.encode() + b"\r\n", id="chunk-size"),
        pytest.param(
            OK + b"transfer-encoding: chunked\r\n\r\n2\r\nok" + SECRET.encode() + b"\r\n0\r\n\r\n",
            id="chunk-end",
        ),
        pytest.param(OK + b"transfer-encoding: gzip\r\n\r\nok", id="transfer-coding"),
    ],
)
async def test_an_answer_that_breaks_http_is_broken(upstream: Closable, answer: bytes):
    async def script(line: Line) -> None:
        await line.request()
        await line.send(answer)
        await line.gone()  # the client ends it, on the evidence of the bytes alone

    async with ScriptedServer(script) as server:
        error = await failure(upstream, post(server.url), Timeouts(first_byte=5, silence=5))
    assert error.blame is Blame.BROKEN
    assert len(error.message) < 150


async def test_a_chunk_that_breaks_http_in_the_middle_is_broken(upstream: Closable):
    was_read = asyncio.Event()

    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK + b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        await was_read.wait()
        await line.send(SECRET.encode() + b"\r\n")
        await line.gone()

    async with ScriptedServer(script) as server:
        inbound = await upstream.send(post(server.url), PATIENT)
        assert await inbound.read() == b"half"
        was_read.set()
        error = await failure(_Again(inbound), post(server.url))
    assert error.blame is Blame.BROKEN


class _Again:
    """Hands out an answer that is here already."""

    def __init__(self, inbound: Inbound) -> None:
        self._inbound = inbound

    async def send(
        self, request: Outbound, timeouts: Timeouts, sending: Callable[[], None] = unnoticed
    ) -> Inbound:
        return self._inbound


async def _read_in_small_steps(inbound: Inbound) -> None:
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                await inbound.read()
