"""Through a proxy: what it is asked, what it answers, and that no secret goes further than to it."""

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from tests.unit.relay.dialing.parts import (
    PATIENT,
    Names,
    Noting,
    at,
    black_hole,
    nobody,
    open_sockets,
    refused,
    until_sockets,
)
from tests.unit.relay.dialing.proxy import ESTABLISHED, Tunnels
from tests.upstreams.certificates import SelfSigned
from tests.upstreams.scripted import Line, ScriptedServer
from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.origin import Origin
from zai_gateway.relay.network.proxies import Proxies, Proxy, proxy_of
from zai_gateway.relay.network.tunnel import Tunnel
from zai_gateway.relay.upstream import Blame, Timeouts, UpstreamError

TARGET = at("llm.example", 443, tls=True)
SECRET = "canary-5d1e"


def through(port: int, certificate: SelfSigned | None = None, *, tls: bool = False) -> Dialer:
    """Dials everything through the proxy at `port`; no name resolves here."""
    proxy = Proxy(tls, "127.0.0.1", port)
    return Dialer(certificate.client() if certificate else None, Proxies(proxy, proxy), Names({}))


async def greet(line: Line) -> None:
    while piece := await line.some():
        await line.send(b"you said " + piece)


@pytest.mark.parametrize("proxy_tls", [False, True], ids=["http proxy", "https proxy"])
async def test_an_encrypted_origin_is_reached_through_a_tunnel(proxy_tls: bool, tmp_path: Path):
    certificate = SelfSigned(tmp_path / "origin", "llm.example")
    at_proxy = SelfSigned(tmp_path / "proxy")
    trusting = certificate.client()
    trusting.load_verify_locations(at_proxy.file)
    before = open_sockets()
    async with ScriptedServer(greet, certificate.server()) as server:
        tunnels = Tunnels(server.port)
        async with ScriptedServer(tunnels, at_proxy.server() if proxy_tls else None) as proxy:
            url = f"http{'s' if proxy_tls else ''}://user:p%40ss@127.0.0.1:{proxy.port}"
            dialer = Dialer(trusting, Proxies(https=proxy_of(url, "HTTPS_PROXY")), Names({}))
            protocol = await dialer.dial(TARGET, PATIENT, Noting)
            assert protocol.made == 1
            protocol.transport.write(b"hello")
            await protocol.until(b"you said hello")
            assert protocol.tls.server_hostname == "llm.example"
            protocol.transport.close()
            await protocol.lost
            await proxy.played(1)
    assert b"".join(tunnels.asked) == (
        b"CONNECT llm.example:443 HTTP/1.1\r\n"
        b"Host: llm.example:443\r\n"
        b"Proxy-Authorization: Basic dXNlcjpwQHNz\r\n\r\n"
    )
    await until_sockets(before)


async def test_a_plain_origin_is_left_to_the_proxy_to_connect_to():
    async with ScriptedServer(greet) as proxy:
        dialer = through(proxy.port)
        origin = at("llm.example", 80)
        assert dialer.forwards(origin)
        protocol = await dialer.dial(origin, PATIENT, Noting)
        protocol.transport.write(b"GET http://llm.example/ HTTP/1.1")
        await protocol.until(b"you said GET http://llm.example/ HTTP/1.1")
        protocol.transport.abort()
        await protocol.lost


async def test_what_the_settings_say_goes_past_goes_past(tmp_path: Path):
    certificate = SelfSigned(tmp_path)
    async with ScriptedServer(greet, certificate.server()) as server:
        protocol = await through(1, certificate).dial(at("127.0.0.1", server.port, tls=True), PATIENT, Noting)
        protocol.transport.abort()


@pytest.mark.parametrize(
    ("answer", "credentials", "words"),
    [
        (b"HTTP/1.1 407 Who?\r\n\r\n", "", "asks for a user and a password (HTTP 407): set them in its URL"),
        (
            b"HTTP/1.1 407 Who?\r\n\r\n",
            f"u:{SECRET}@",
            "refused the user and the password in its URL (HTTP 407)",
        ),
        (b"HTTP/1.1 502 Bad\r\n\r\n<html>", "", "gave no connection to llm.example:443 (HTTP 502)"),
        (
            b"HTTP/1.1 403 No\r\nx: y\r\n\r\n",
            f"u:{SECRET}@",
            "gave no connection to llm.example:443 (HTTP 403)",
        ),
        (b"HTTP/1.1 302 Go\r\nlocation: x\r\n\r\n", "", "gave no connection to llm.example:443 (HTTP 302)"),
        (b"SSH-2.0-x\r\n", f"u:{SECRET}@", "broke off: it does not speak HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "", "broke off: it sent a malformed header"),
        (ESTABLISHED + b"junk", "", "broke off: it sent more than the head of its answer"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 20_000, "", "broke off: its head is too large"),
    ],
)
async def test_a_proxy_that_does_not_connect(answer: bytes, credentials: str, words: str):
    async def script(line: Line) -> None:
        await line.head()
        await line.send(answer)
        await line.gone()  # the client ends it, on the evidence of the bytes alone

    async with ScriptedServer(script) as proxy:
        url = f"http://{credentials}127.0.0.1:{proxy.port}"
        dialer = Dialer(proxies=Proxies(https=proxy_of(url, "HTTPS_PROXY")), lookup=Names({}))
        error = await refused(dialer, TARGET)
        await proxy.played(1)
    assert error.blame is Blame.CONNECT
    assert error.message == f"the proxy 127.0.0.1:{proxy.port} {words}"


async def test_an_answer_that_is_cut_at_any_byte():
    cuts = iter(range(len(ESTABLISHED)))

    async def script(line: Line) -> None:
        await line.head()
        await line.send(ESTABLISHED[: next(cuts)])

    before = open_sockets()
    async with ScriptedServer(script) as proxy:
        dialer = through(proxy.port)
        for _ in ESTABLISHED:
            error = await refused(dialer, TARGET)
            assert error.blame is Blame.CONNECT
            assert error.message == f"the proxy 127.0.0.1:{proxy.port} ended the connection without an answer"
    await until_sockets(before)


async def test_a_proxy_that_resets_the_connection():
    async def script(line: Line) -> None:
        await line.head()
        line.reset()

    async with ScriptedServer(script) as proxy:
        error = await refused(through(proxy.port), TARGET)
    assert error.message == f"the proxy 127.0.0.1:{proxy.port} ended the connection without an answer"


async def test_a_proxy_that_never_answers_is_given_up_in_time():
    async def script(line: Line) -> None:
        await line.gone()

    async with ScriptedServer(script) as proxy:
        error = await refused(through(proxy.port), TARGET, Timeouts(connect=0.05, tls=30))
        await proxy.played(1)
    assert error.blame is Blame.CONNECT
    place = f"llm.example:443 through the proxy 127.0.0.1:{proxy.port}"
    assert error.message == f"no connection to {place} within the time allowed"


@pytest.mark.parametrize("origin", [TARGET, at("llm.example", 80)], ids=["https", "http"])
async def test_a_proxy_that_is_not_there(origin: Origin):
    with nobody() as port:
        error = await refused(through(port), origin)
        assert error.message == f"cannot connect to the proxy 127.0.0.1:{port}: connection refused"
    with black_hole() as port:
        error = await refused(through(port), origin, Timeouts(connect=0.05, tls=30))
        assert error.blame is Blame.CONNECT
        assert "within the time allowed" in error.message


@pytest.mark.parametrize("origin", [TARGET, at("llm.example", 80)], ids=["https", "http"])
async def test_a_proxy_whose_certificate_is_not_trusted_is_told_no_secret(origin: Origin, tmp_path: Path):
    async def unasked(line: Line) -> None:
        assert await line.gone() == b""

    async with ScriptedServer(unasked, SelfSigned(tmp_path).server()) as proxy:
        error = await refused(through(proxy.port, tls=True), origin)
    assert error.blame is Blame.TLS
    assert error.message == (
        f"the certificate of the proxy 127.0.0.1:{proxy.port} was refused: self-signed certificate"
    )


async def established_and(line: Line, *, then: bytes | None) -> None:
    await line.head()
    await line.send(ESTABLISHED)
    hello = await line.some()
    assert hello[:1] == b"\x16"  # a record of a handshake
    if then is not None:
        await line.send(then)
        await line.close()
    await line.gone()


@pytest.mark.parametrize("then", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["the end", "no TLS"])
async def test_a_tunnel_that_leads_to_no_tls(then: bytes):
    before = open_sockets()
    async with ScriptedServer(lambda line: established_and(line, then=then)) as proxy:
        error = await refused(through(proxy.port), TARGET)
    assert error.blame is Blame.TLS
    assert error.message.startswith("the TLS handshake with llm.example:443 failed: ")
    await until_sockets(before)


async def test_a_tunnel_that_leads_nowhere_is_given_up_in_time():
    async with ScriptedServer(lambda line: established_and(line, then=None)) as proxy:
        error = await refused(through(proxy.port), TARGET, Timeouts(connect=30, tls=0.05))
        await proxy.played(1)
    assert error.message == "no connection to llm.example:443 within the time allowed"


@pytest.mark.parametrize("word", [b"hi", b""], ids=["speaks", "leaves"])
async def test_a_server_that_does_not_wait_to_be_asked(word: bytes, tmp_path: Path):
    certificate = SelfSigned(tmp_path, "llm.example")
    context = certificate.server()
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # whose server is the last to speak in a handshake

    async def script(line: Line) -> None:
        received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        handshake = context.wrap_bio(received, sent, server_side=True)
        await line.head()
        await line.send(ESTABLISHED)
        for _ in range(2):
            received.write(await line.some())
            with suppress(ssl.SSLWantReadError):
                handshake.do_handshake()
                if word:
                    handshake.write(word)  # goes out with the end of the handshake
            await line.send(sent.read())
        if word:
            await line.gone()

    before = open_sockets()
    async with ScriptedServer(script) as proxy:
        dialer = through(proxy.port, certificate)
        try:
            protocol = await dialer.dial(TARGET, PATIENT, Noting)
        except UpstreamError as error:
            assert error.blame is Blame.TLS
        else:
            # Seen a moment later, and so the protocol's to judge: somebody has to hear of it.
            if word:
                await protocol.until(word)
                protocol.transport.abort()
            await protocol.lost
        await proxy.played(1)
    await until_sockets(before)


class Still(asyncio.Transport):
    """Notes what it is told, and does nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.told.append("write")

    def pause_reading(self) -> None:
        self.told.append("pause")


async def test_nothing_is_read_beyond_the_answer():
    """What follows is for TLS, which is not there yet."""
    tunnel, transport = Tunnel(b"CONNECT"), Still()
    tunnel.connection_made(transport)
    tunnel.data_received(ESTABLISHED[:-1])
    assert transport.told == ["write"]
    tunnel.data_received(ESTABLISHED[-1:])
    assert transport.told == ["write", "pause"]
    assert await tunnel.answered == 200


async def test_a_tunnel_to_another_server_is_not_taken_for_it(tmp_path: Path):
    certificate = SelfSigned(tmp_path, "other.example")
    async with (
        ScriptedServer(greet, certificate.server()) as server,
        ScriptedServer(Tunnels(server.port)) as proxy,
    ):
        error = await refused(through(proxy.port, certificate), TARGET)
        await proxy.played(1)
    assert error.blame is Blame.TLS
    assert "not valid for 'llm.example'" in error.message


async def test_an_answer_that_comes_in_pieces(tmp_path: Path):
    certificate = SelfSigned(tmp_path, "llm.example")
    async with ScriptedServer(greet, certificate.server()) as server:

        class Slowly(Tunnels):
            async def __call__(self, line: Line) -> None:
                send = line.send

                async def in_pieces(data: bytes) -> None:
                    for byte in data:
                        await send(bytes([byte]))
                        await asyncio.sleep(0)

                line.send = in_pieces
                await super().__call__(line)

        async with ScriptedServer(Slowly(server.port)) as proxy:
            protocol = await through(proxy.port, certificate).dial(TARGET, PATIENT, Noting)
            protocol.transport.write(b"hello")
            await protocol.until(b"you said hello")
            protocol.transport.abort()
            await proxy.played(1)
