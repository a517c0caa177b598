"""TLS at each dial: who is trusted, under which name and version, and what each failure is called."""

import asyncio
import gc
import ssl
import warnings
from contextlib import suppress
from pathlib import Path

import pytest

from tests.unit.relay.dialing.parts import PATIENT, Names, Noting, at, open_sockets, refused, until_sockets
from tests.upstreams.certificates import SelfSigned
from tests.upstreams.scripted import Line, Script, ScriptedServer
from zai_gateway.errors import OperatorError
from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.trust import client_context
from zai_gateway.relay.upstream import Blame, Timeouts, UpstreamError

NAMES = {"llm.example": [["127.0.0.1"]], "other.example": [["127.0.0.1"]], "llm.example.": [["127.0.0.1"]]}


async def greet(line: Line) -> None:
    await line.send(b"hi")
    await line.gone()


async def unasked(line: Line) -> None:
    assert await line.gone() == b""


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "llm.example", "llm.example."])
async def test_a_trusted_server_is_dialled_by_its_name_or_address(host: str, tmp_path: Path):
    certificate = SelfSigned(tmp_path, host.rstrip("."))
    sni: list[str | None] = []
    server_side = certificate.server()
    server_side.sni_callback = lambda _socket, name, _context: sni.append(name)
    async with ScriptedServer(greet, server_side, host="::1" if ":" in host else "127.0.0.1") as server:
        dialer = Dialer(client_context(certificate.file), lookup=Names(NAMES))
        protocol = await dialer.dial(at(host, server.port, tls=True), PATIENT, Noting)
        assert protocol.made == 1
        await protocol.until(b"hi")
        assert protocol.tls.version() == "TLSv1.3"
        protocol.transport.abort()
        await protocol.lost
    assert sni == [host.rstrip(".") if "example" in host else None]


async def test_http_1_1_is_all_that_is_spoken(tmp_path: Path):
    certificate = SelfSigned(tmp_path)
    server_side = certificate.server()
    server_side.set_alpn_protocols(["h2", "http/1.1"])
    async with ScriptedServer(greet, server_side) as server:
        dialer = Dialer(client_context(certificate.file))
        protocol = await dialer.dial(at("127.0.0.1", server.port, tls=True), PATIENT, Noting)
        assert protocol.tls.selected_alpn_protocol() == "http/1.1"
        protocol.transport.abort()


def test_more_authorities_stand_beside_the_machines(tmp_path: Path):
    own = SelfSigned(tmp_path)
    machine, both = client_context(), client_context(own.file)
    assert len(both.get_ca_certs()) == len(machine.get_ca_certs()) + 1
    for context in (machine, both):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("content", [None, b"", b"not a certificate", b"-----BEGIN CERTIFICATE-----\nAA\n"])
def test_a_file_without_a_certificate_is_the_operators_to_mend(tmp_path: Path, content: bytes | None):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(OperatorError, match=r"^ZAI_EXTRA_CA_FILE names .*ca\.pem, which "):
        client_context(file)


async def test_an_unknown_authority(tmp_path: Path):
    async with ScriptedServer(unasked, SelfSigned(tmp_path).server()) as server:
        error = await refused(Dialer(), at("127.0.0.1", server.port, tls=True))
    assert error.blame is Blame.TLS
    assert error.message == f"the certificate of 127.0.0.1:{server.port} was refused: self-signed certificate"


async def test_a_certificate_for_another_host(tmp_path: Path):
    certificate = SelfSigned(tmp_path, "llm.example")
    dialer = Dialer(client_context(certificate.file), lookup=Names(NAMES))
    async with ScriptedServer(unasked, certificate.server()) as server:
        error = await refused(dialer, at("other.example", server.port, tls=True))
        assert error.blame is Blame.TLS
        assert "not valid for 'other.example'" in error.message
        assert (await refused(dialer, at("127.0.0.1", server.port, tls=True))).blame is Blame.TLS


async def test_an_expired_certificate(tmp_path: Path):
    certificate = SelfSigned(tmp_path, expired=True)
    async with ScriptedServer(unasked, certificate.server()) as server:
        error = await refused(Dialer(certificate.client()), at("127.0.0.1", server.port, tls=True))
    assert error.blame is Blame.TLS
    assert error.message.endswith("was refused: certificate has expired")


async def test_a_version_that_is_too_old(tmp_path: Path):
    certificate = SelfSigned(tmp_path)
    old = certificate.server()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(category=DeprecationWarning, action="ignore"):
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1

    async def refuse(line: Line) -> None:
        await line.send(
            first_flight(old, await line.some())
        )  # asyncio's own server keeps its alert to itself
        await line.gone()

    async with ScriptedServer(refuse) as server:
        dialer = Dialer(client_context(certificate.file))
        error = await refused(dialer, at("127.0.0.1", server.port, tls=True))
    assert error.blame is Blame.TLS
    assert error.message == (
        f"the TLS handshake with 127.0.0.1:{server.port} failed: tlsv1 alert protocol version"
    )


def first_flight(context: ssl.SSLContext, hello: bytes) -> bytes:
    """What a server answers to a client's first bytes."""
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    handshake = context.wrap_bio(received, sent, server_side=True)
    received.write(hello)
    with pytest.raises(ssl.SSLError):  # it waits for more, or has refused
        handshake.do_handshake()
    return sent.read()


async def plain(line: Line) -> None:
    await line.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    await line.gone()


async def leave(line: Line) -> None:
    await line.some()


async def reset(line: Line) -> None:
    await line.some()
    line.reset()


@pytest.mark.parametrize("script", [plain, leave, reset])
async def test_what_is_no_handshake(script: Script):
    async with ScriptedServer(script) as server:
        error = await refused(Dialer(), at("127.0.0.1", server.port, tls=True))
    assert error.blame is Blame.TLS
    assert error.message.startswith(f"the TLS handshake with 127.0.0.1:{server.port} failed: ")


@pytest.mark.parametrize("tls", [False, True])
async def test_a_descriptor_that_was_closed_is_not_closed_again(tls: bool):
    """By then it may be another connection's."""

    async def reset_at_once(line: Line) -> None:
        line.reset()

    async with ScriptedServer(reset_at_once) as server:
        dialer = Dialer()
        for _ in range(30):
            with suppress(UpstreamError):
                protocol = await dialer.dial(at("127.0.0.1", server.port, tls=tls), PATIENT, Noting)
                await protocol.lost
        gc.collect()  # where a socket believes that it is open still, this is an error of the test


async def test_a_handshake_that_never_ends_is_given_up_in_time():
    left = asyncio.Event()

    async def silent(line: Line) -> None:
        await line.gone()
        left.set()

    async with ScriptedServer(silent) as server:
        error = await refused(
            Dialer(), at("127.0.0.1", server.port, tls=True), Timeouts(connect=30, tls=0.05)
        )
        await left.wait()
    assert error.message == f"no connection to 127.0.0.1:{server.port} within the time allowed"


async def test_a_handshake_that_is_cut_anywhere(tmp_path: Path):
    certificate = SelfSigned(tmp_path)
    context = certificate.server()
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # whose client has not done before the server has
    cuts = iter(range(0, 10_000, 7))
    whole = False

    async def cut(line: Line) -> None:
        nonlocal whole
        flight, upto = first_flight(context, await line.some()), next(cuts)
        whole = upto >= len(flight)
        await line.send(flight[:upto])

    before = open_sockets()
    async with ScriptedServer(cut) as server:
        dialer = Dialer(certificate.client())
        while not whole:
            error = await refused(dialer, at("127.0.0.1", server.port, tls=True))
            assert error.blame is Blame.TLS
    assert server.connections > 50
    await until_sockets(before)
