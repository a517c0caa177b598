"""TLS: certificates are verified, failures cost nothing, and a cut is a cut in here too."""

import asyncio
from pathlib import Path

import pytest

from tests.unit.relay.upstream_contract.conftest import Closable, Make
from tests.upstreams.calls import PATIENT, failure, post, whole
from tests.upstreams.certificates import SelfSigned
from tests.upstreams.scripted import Line, ScriptedServer
from zai_gateway.relay.upstream import Blame

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def keep_answering(line: Line) -> None:
    while True:
        await line.request()
        await line.send(OK)


async def unasked(line: Line) -> None:
    assert await line.gone() == b""


@pytest.fixture
def certificate(tmp_path: Path) -> SelfSigned:
    return SelfSigned(tmp_path)


async def test_a_trusted_server_is_spoken_to_on_one_connection(make: Make, certificate: SelfSigned):
    upstream = make(certificate.client())
    async with ScriptedServer(keep_answering, certificate.server()) as server:
        for _ in range(3):
            assert await whole(await upstream.send(post(server.url), PATIENT)) == b"ok"
        assert server.connections == 1


async def test_an_unknown_authority_is_refused_before_anything_is_sent(
    upstream: Closable, certificate: SelfSigned
):
    async with ScriptedServer(unasked, certificate.server()) as server:
        error = await failure(upstream, post(server.url))
    assert error.blame is Blame.TLS
    assert error.definite
    assert error.message == f"the certificate of 127.0.0.1:{server.port} was refused: self-signed certificate"


async def test_a_certificate_for_another_host_is_refused(make: Make, tmp_path: Path):
    elsewhere = SelfSigned(tmp_path, "127.0.0.2")
    async with ScriptedServer(unasked, elsewhere.server()) as server:
        error = await failure(make(elsewhere.client()), post(server.url))
    assert error.blame is Blame.TLS
    assert error.definite
    assert "127.0.0.1" in error.message


async def test_a_server_without_tls_is_refused(upstream: Closable):
    async def script(line: Line) -> None:
        await line.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        await line.gone()

    async with ScriptedServer(script) as server:
        error = await failure(upstream, post(server.url.replace("http:", "https:")))
    assert error.blame is Blame.TLS
    assert error.definite


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
async def test_a_server_that_leaves_during_the_handshake_costs_nothing(upstream: Closable, reset: bool):
    async def script(line: Line) -> None:
        if reset:
            line.reset()

    async with ScriptedServer(script) as server:
        error = await failure(upstream, post(server.url.replace("http:", "https:")))
    assert error.blame is Blame.TLS
    assert error.definite


@pytest.mark.parametrize("cut", [0, 10, len(OK) - 1])
async def test_an_answer_that_is_cut_is_broken(make: Make, certificate: SelfSigned, cut: int):
    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK[:cut])

    async with ScriptedServer(script, certificate.server()) as server:
        error = await failure(make(certificate.client()), post(server.url))
    assert error.blame is Blame.BROKEN


async def test_closing_before_the_end_is_seen_by_the_server(make: Make, certificate: SelfSigned):
    left = asyncio.Event()

    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK[:-1])
        await line.gone()
        left.set()

    async with ScriptedServer(script, certificate.server()) as server:
        inbound = await make(certificate.client()).send(post(server.url), PATIENT)
        assert await inbound.read() == b"o"
        await inbound.close()
        await left.wait()
